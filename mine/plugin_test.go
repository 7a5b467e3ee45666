package mine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat"

	"gomine/mine/column"
	"gomine/mine/preprocess"
)

// table draws rows of a law of pairs of labels.
func table(p [][]float64, rows int, r *rand.Rand) (x, z []string) {
	for range rows {
		u := r.Float64()
	cell:
		for i := range p {
			for j, v := range p[i] {
				if u -= v; u < 0 {
					x, z = append(x, fmt.Sprint("x", i)), append(z, fmt.Sprint("z", j))
					break cell
				}
			}
		}
	}
	return x, z
}

// TestPlugin draws two laws, one of them of independent sides, 400 times: the mean is that of
// the law up to what the correction leaves, of the order of 1/n^2, and the standard error is the
// spread, or sqrt 2 times that of independent sides, up to their difference of second order.
// False alarms: the mean is off by 4 of its errors once in 16,000, the spread of 400 by a
// seventh in 4 of its errors, 1/sqrt(800).
func TestPlugin(t *testing.T) {
	const rows, draws = 300, 400
	r := rand.New(rand.NewPCG(3, 4))
	for name, p := range map[string][][]float64{
		"dependent":   {{0.2, 0.1, 0.02}, {0.05, 0.2, 0.08}, {0.1, 0.05, 0.2}},
		"independent": {{0.06, 0.09, 0.15}, {0.08, 0.12, 0.2}, {0.06, 0.09, 0.15}},
	} {
		var truth float64
		px, pz := make([]float64, 3), make([]float64, 3)
		for i := range p {
			for j, v := range p[i] {
				px[i], pz[j] = px[i]+v, pz[j]+v
			}
		}
		for i := range p {
			for j, v := range p[i] {
				truth += v * math.Log(v/(px[i]*pz[j]))
			}
		}
		var found, errs []float64
		for range draws {
			x, z := table(p, rows, r)
			pairs, err := preprocess.NewPairs(column.Codes(x), column.Codes(z), 1)
			if err != nil {
				t.Fatal(err)
			}
			cells, err := pairs.Count(rows)
			if err != nil {
				t.Fatal(err)
			}
			got := newPlugin(cells, 0.95)
			found, errs = append(found, got.Estimate), append(errs, got.StdErr)
		}
		mean, spread := stat.MeanStdDev(found, nil)
		if math.Abs(mean-truth) > 4*spread/math.Sqrt(draws)+1e-3 {
			t.Errorf("%s: %v ± %v in the mean, want %v", name, mean, spread/math.Sqrt(draws), truth)
		}
		least, most := 6./7, 8./7
		if truth < 1e-9 {
			least, most = 1, 8./7*math.Sqrt2
		}
		if said := stat.Mean(errs, nil); !(least*spread <= said && said <= most*spread) {
			t.Errorf("%s: standard error %v, spread %v", name, said, spread)
		}
	}
}

// TestPluginLimits: what two values tell is at most ln 2, whatever the correction says, and an
// error is left where all terms are alike; the entropy of 30 and 10 rows is that of 3/4 and
// 1/4, and 1/80.
func TestPluginLimits(t *testing.T) {
	var x []string
	for i := range 400 {
		x = append(x, fmt.Sprint(i%2))
	}
	pairs, err := preprocess.NewPairs(column.Codes(x), column.Codes(x), 1)
	if err != nil {
		t.Fatal(err)
	}
	cells, err := pairs.Count(400)
	if err != nil {
		t.Fatal(err)
	}
	p := newPlugin(cells, 0.95)
	if want := math.Sqrt(1. / (2 * 400 * 400)); p.Estimate != math.Ln2 || math.Abs(p.StdErr-want) > 1e-12 {
		t.Errorf("%v ± %v, want %v ± %v", p.Estimate, p.StdErr, math.Ln2, want)
	}
	if got, want := entropy([]int{30, 10}), -0.75*math.Log(0.75)-0.25*math.Log(0.25)+1./80; math.Abs(got-want) > 1e-12 {
		t.Errorf("entropy %v, want %v", got, want)
	}
	if got := entropy([]int{5, 5, 5}); got != math.Log(3) {
		t.Errorf("entropy %v, want ln 3", got)
	}
}
