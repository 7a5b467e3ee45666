package independence

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gomine/mine"
	"gomine/mine/column"
)

// TestStrata: x and z are independent in each stratum, and share its mean. Exchanged within strata, p-values up to .05 are
// as many as in TestLevel; 6 of 26 strata have one row. Where they depend on each other in strata, that is found. A stratum of
// at most 20 rows is in one part.
func TestStrata(t *testing.T) {
	const sets, rows = 600, 160
	strata := make([]int, rows)
	for i := range strata {
		strata[i] = i % 20
		if i < 6 {
			strata[i] = 100 + i
		}
	}
	draw := func(seed uint64, rho float64) (x, z []float64) {
		g := rand.New(rand.NewPCG(seed, 1))
		means := map[int]float64{}
		for _, s := range strata {
			means[s] = 3 * g.NormFloat64()
		}
		for _, s := range strata {
			e := g.NormFloat64()
			x, z = append(x, means[s]+e), append(z, means[s]+rho*e+math.Sqrt(1-rho*rho)*g.NormFloat64())
		}
		return x, z
	}
	small, mixed := 0, 0
	for seed := range uint64(sets) {
		x, z := draw(seed, 0)
		p, err := newPlan(Data{X: column.Slices(x), Strata: strata}, mine.Split{Kind: mine.SplitRandom}, seed)
		if err != nil {
			t.Fatal(err)
		}
		for f, s := range p.stages {
			trained := map[int]bool{}
			for _, i := range s.trained {
				trained[strata[i]] = true
			}
			for _, i := range s.tested {
				if trained[strata[i]] {
					t.Fatalf("row %d of part %d is in a stratum that is trained on", i, f)
				}
			}
		}
		tested := p.stages[0].tested
		part, err := p.compare(0, tested, 19, product(at(x, tested), at(z, tested)))
		if err != nil {
			t.Fatal(err)
		}
		if part.PValue <= 0.05 {
			small++
		}
		free := &plan{pairing: Rows, unit: 1, seed: seed}
		if part, err = free.compare(0, tested, 19, product(at(x, tested), at(z, tested))); err == nil && part.PValue <= 0.05 {
			mixed++
		}
	}
	if math.Abs(float64(small)-0.05*sets) > 4*math.Sqrt(sets*0.05*0.95) {
		t.Errorf("%d of %d p-values are at most .05, want %d", small, sets, sets/20)
	}
	if mixed < sets/2 {
		t.Errorf("without strata, %d of %d p-values are at most .05, want most", mixed, sets)
	}
	x, z := draw(1, 0.9)
	r, err := Test(t.Context(), Data{X: column.Slices(x), Z: column.Slices(z), Strata: strata}, brief(rows), mine.WithThreads(1))
	if err != nil || r.Pairing != Strata || !r.Exact || r.PValue > 0.05 {
		t.Errorf("dependent rows: %v, %s, exact %v, p %g", err, r.Pairing, r.Exact, r.PValue)
	}
}

// TestStrataPlan: rows that are alone in their strata are trained on; parts have some 20 rows at least, and as many are trained on
// as can be learnt from.
func TestStrataPlan(t *testing.T) {
	const rows = 160
	x := column.Slices(make([]float64, rows))
	own := make([]int, rows)
	for i := range own {
		own[i] = max(i, 19) // 20 rows in one stratum
	}
	if p, err := newPlan(Data{X: x, Strata: own}, mine.Split{Kind: mine.SplitRandom}, 1); err != nil || len(p.stages) != 1 || len(p.stages[0].tested) != 20 || slices.Max(p.stages[0].tested) != 19 {
		t.Errorf("rows alone: %v, %+v", err, p.stages)
	}
	for name, c := range map[string]struct {
		d    Data
		want error
	}{
		"groups": {Data{X: x, Strata: own, Groups: own}, ErrPairing},
		"length": {Data{X: x, Strata: own[1:]}, ErrPairing},
		"alone":  {Data{X: x, Strata: span(0, rows)}, mine.ErrTooFewSamples},
	} {
		if _, err := newPlan(c.d, mine.Split{Kind: mine.SplitRandom}, 1); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewHoldout(Data{X: x, Strata: own}, mine.Split{Kind: mine.SplitRandom}, 1); !errors.Is(err, ErrPairing) {
		t.Errorf("halves: %v", err)
	}
	for n := 80; n < 200; n++ {
		for seed := range uint64(20) {
			three := make([]int, n)
			for i := range three {
				three[i] = i % 3
			}
			p, err := strataPlan(three, seed)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range p.stages {
				if len(s.trained) < leastTrained || len(s.tested) < leastTested/2 {
					t.Fatalf("%d rows: %d trained, %d tested", n, len(s.trained), len(s.tested))
				}
			}
		}
	}
}

// at returns some values.
func at(values []float64, rows []int) (some []float64) {
	for _, i := range rows {
		some = append(some, values[i])
	}
	return some
}
