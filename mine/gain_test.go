package mine

import (
	"math"
	"math/rand/v2"
	"testing"

	"gomine/mine/column"
)

// fitted fits the critic of a normal law and a small network.
func fittedTo(t *testing.T, x, z column.Source, seed uint64, groups []int) (*Estimator, Result) {
	t.Helper()
	cfg := ConfigFor(x.Rows(), Fast)
	cfg.Candidates, cfg.Hidden, cfg.Steps, cfg.EvaluateEvery, cfg.Neighbours, cfg.TestPairs, cfg.Seed = cfg.Candidates[:1], []int{8}, 60, 20, false, 20_000, seed
	opts := []Option{WithThreads(1)}
	if groups == nil {
		cfg.Split = SplitRandom
	} else {
		opts = append(opts, WithGroups(groups))
	}
	return estimatorOf(t, x, z, cfg, opts...)
}

// estimatorOf takes an estimator to its result; it is closed with the test.
func estimatorOf(t *testing.T, x, z column.Source, cfg Config, opts ...Option) (*Estimator, Result) {
	t.Helper()
	e, err := NewEstimator(t.Context(), x, z, cfg, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	if err := e.Fit(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := e.Result(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return e, r
}

// gainRows are z = a + b/2 + noise/4 of rows that are drawn, each repeats times with other noise of
// 1e-3, so that rows of a group are worth one.
func gainRows(draws, repeats int, seed uint64) (a, both, z column.Source, groups []int) {
	g := rand.New(rand.NewPCG(seed, 4))
	var as, bs, zs []float64
	for i := range draws {
		a, b, noise := g.NormFloat64(), g.NormFloat64(), g.NormFloat64()/4
		for range repeats {
			groups = append(groups, i)
			as, bs = append(as, a+1e-3*g.NormFloat64()), append(bs, b+1e-3*g.NormFloat64())
			zs = append(zs, a+b/2+noise+1e-3*g.NormFloat64())
		}
	}
	return column.Slices(as), column.Slices(as, bs), column.Slices(zs), groups
}

// TestGain: what b adds to a is the difference of the two bounds, and its error is the spread over 16 data
// sets: their variance is that which is said, in a ratio of chi^2/15 with 15 degrees of freedom, which is
// outside of .2 to 3 once in 3,000; training adds to it what the error of no estimate counts. Rows that are
// there four times, as groups, say what the draws say: the variance is the same, within a third. The gain is near I(B;Z|A) = ln(0.3125/0.0625)/2, below rather than above.
func TestGain(t *testing.T) {
	const sets = 16
	want := math.Log(5) / 2
	variances := map[int]float64{}
	for _, repeats := range []int{1, 4} {
		var sum, squares, paired, apart float64
		for seed := range uint64(sets) {
			a, both, z, groups := gainRows(2000, repeats, seed)
			if repeats == 1 {
				groups = nil
			}
			less, first := fittedTo(t, a, z, seed, groups)
			more, second := fittedTo(t, both, z, seed, groups)
			gain, err := GainOf(more, less)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(gain.Estimate-(second.Estimate-first.Estimate)) > 1e-9 {
				t.Fatalf("gain %g of %g above %g", gain.Estimate, second.Estimate, first.Estimate)
			}
			if math.Abs(gain.High+gain.Low-2*gain.Estimate) > 1e-9 || gain.High-gain.Estimate < 1.9*gain.StdErr {
				t.Errorf("95%% interval %g to %g of %g +- %g", gain.Low, gain.High, gain.Estimate, gain.StdErr)
			}
			sum += gain.Estimate
			squares += gain.Estimate * gain.Estimate
			paired += gain.StdErr * gain.StdErr / sets
			apart += (first.StdErr*first.StdErr + second.StdErr*second.StdErr) / sets
		}
		mean := sum / sets
		ratio := (squares - sets*mean*mean) / (sets - 1) / paired
		t.Logf("%d repeats: mean %.3f, want %.3f; ratio of variances %.2f; error %.3f, unpaired %.3f", repeats, mean, want, ratio, math.Sqrt(paired), math.Sqrt(apart))
		if ratio < 0.2 || ratio > 3 {
			t.Errorf("%d repeats: the variance is %.2f of what is said", repeats, ratio)
		}
		if mean > want+0.02 || mean < want-0.2 {
			t.Errorf("%d repeats: b adds %.3f, want %.3f", repeats, mean, want)
		}
		variances[repeats] = paired
		if paired >= apart {
			t.Errorf("%d repeats: the variance of pairs, %.2g, is above that of two estimates, %.2g", repeats, paired, apart)
		}
	}
	if ratio := variances[4] / variances[1]; math.Abs(ratio-1) > 1.0/3 {
		t.Errorf("the variance of groups is %.2f of that of their draws", ratio)
	}
}

// TestGainErrors: estimates of other rows or folds are not compared.
func TestGainErrors(t *testing.T) {
	a, both, z, _ := gainRows(200, 1, 1)
	e, _ := fittedTo(t, a, z, 1, nil)
	same, err := GainOf(e, e)
	if err != nil || same != (Gain{}) {
		t.Errorf("an estimate is %+v above itself, error %v", same, err)
	}
	seed, _ := fittedTo(t, both, z, 2, nil)
	rows, _ := fittedTo(t, column.Pick(both, firstRows(150)), column.Pick(z, firstRows(150)), 1, nil)
	for name, other := range map[string]*Estimator{"another seed": seed, "fewer rows": rows} {
		if _, err := GainOf(other, e); err == nil {
			t.Errorf("%s: there is a gain", name)
		}
	}
	cfg := ConfigFor(200, Fast)
	unfitted, err := NewEstimator(t.Context(), a, z, cfg, WithThreads(1))
	if err != nil {
		t.Fatal(err)
	}
	defer unfitted.Close()
	if _, err := GainOf(unfitted, e); err == nil {
		t.Error("what was not fitted has a gain")
	}
}

func firstRows(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// TestPairedStdErr compares the standard error of a difference with the sums written out.
func TestPairedStdErr(t *testing.T) {
	a := []Tested{
		{Rows: []int{4, 2, 7}, Units: []int{2, 1}, Influence: []float64{1, 2, -3}},
		{Rows: []int{1, 0, 5, 9}, Units: []int{1, 1, 2}, Influence: []float64{0.5, 0.5, -1, 0}},
	}
	b := []Tested{
		{Rows: []int{4, 2, 7}, Units: []int{2, 1}, Influence: []float64{1, 1, -2}},
		{Rows: []int{1, 0, 5, 9}, Units: []int{1, 1, 2}, Influence: []float64{0, 0, -2, 2}},
	}
	// Differences 0, 1 | -1 and .5 | .5 | 1, -2, of which rows by themselves make more.
	want := math.Sqrt(2.0*(1+1)+4.0/3*(0.25+0.25+1+4)) / 7
	if got, freedom := PairedStdErr(a, b); math.Abs(got-want) > 1e-15 || freedom != 3 {
		t.Errorf("%v with %d degrees of freedom, want %v with 3", got, freedom, want)
	}
	for f := range a {
		a[f].Units = nil
	}
	want = math.Sqrt(1.5*(1+1)+4.0/3*(0.25+0.25+1+4)) / 7
	if got, freedom := PairedStdErr(a, b); math.Abs(got-want) > 1e-15 || freedom != 0 {
		t.Errorf("%v with %d degrees of freedom, want %v with 0", got, freedom, want)
	}
}
