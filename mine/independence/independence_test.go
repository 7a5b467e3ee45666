package independence

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gomine/mine"
	"gomine/mine/column"
)

// identity is a pairing that changes nothing.
func identity(i int) int { return i }

// TestLevel tests independent rows by a fixed critic, in 600 sets, whose p-values at and below
// .05 are Binomial(600, .05) in number: 30 +- 5.3, and within four of that but once in 16,000. With
// 19 permutations all pairs of 20 rows are scored once, of 30 rows those of each permutation.
func TestLevel(t *testing.T) {
	const sets = 600
	for _, c := range []struct {
		pairing Pairing
		rows    int
		unit    int
	}{{Rows, 20, 1}, {Rows, 30, 1}, {Groups, 20, 2}, {Groups, 32, 4}} {
		small := 0
		for seed := range uint64(sets) {
			g := rand.New(rand.NewPCG(seed, 1))
			x, z := make([]float64, c.rows), make([]float64, c.rows)
			for i := range x {
				if i%c.unit == 0 {
					x[i], z[i] = g.NormFloat64(), g.NormFloat64()
				} else { // like the row before
					x[i], z[i] = x[i-1]+0.1*g.NormFloat64(), z[i-1]+0.1*g.NormFloat64()
				}
			}
			p := &plan{pairing: c.pairing, unit: c.unit, seed: seed}
			part, err := p.compare(1, span(0, c.rows), 19, product(x, z))
			if err != nil {
				t.Fatal(err)
			}
			if part.PValue <= 0.05 {
				small++
			}
		}
		if math.Abs(float64(small)-0.05*sets) > 4*math.Sqrt(sets*0.05*0.95) {
			t.Errorf("%s, %d rows: %d of %d p-values are at most .05, want %d", c.pairing, c.rows, small, sets, sets/20)
		}
	}
}

// product scores pairs by x z.
func product(x, z []float64) scoring {
	return func(xs, zs []int) ([]float64, error) {
		scores := make([]float64, len(xs))
		for k := range xs {
			scores[k] = x[xs[k]] * z[zs[k]]
		}
		return scores, nil
	}
}

// TestStatistic compares S of all pairs, and of each pairing, with the sum written out.
func TestStatistic(t *testing.T) {
	const n = 12
	g := rand.New(rand.NewPCG(1, 1))
	x, z := make([]float64, n), make([]float64, n)
	for i := range x {
		x[i], z[i] = 3*g.NormFloat64(), g.NormFloat64()
	}
	for _, p := range []*plan{{pairing: Rows, unit: 1}, {pairing: Groups, unit: 3}, {pairing: Rotations, unit: 1, gap: 2}} {
		count, pairing := p.permutations(1, span(0, n), 40)
		if want := map[Pairing]int{Rows: 40, Groups: 40, Rotations: 9}[p.pairing]; count != want {
			t.Errorf("%s: %d pairings, want %d", p.pairing, count, want)
		}
		list := append([]func(int) int{identity}, pairings(count, pairing)...)
		for _, limit := range []int{n, 1} { // all pairs, then each pairing
			s, err := newStatistic(n, limit, product(x, z))
			if err != nil {
				t.Fatal(err)
			}
			sums, err := s.of(list)
			if err != nil {
				t.Fatal(err)
			}
			for b, to := range list {
				var want float64
				for i := range n {
					want += math.Tanh(x[i]*z[to(i)]/2) / n
				}
				if math.Abs(sums[b]-want) > 1e-12 {
					t.Errorf("%s, pairing %d: %v, want %v", p.pairing, b, sums[b], want)
				}
			}
		}
	}
}

// TestPairings: a pairing is a permutation, of groups as wholes, of strata within their pieces, and of a series a rotation by
// more than the gap, each one once.
func TestPairings(t *testing.T) {
	const n, gap = 24, 3
	for _, p := range []*plan{{pairing: Rows, unit: 1}, {pairing: Groups, unit: 4}, {pairing: Rotations, unit: 1, gap: gap},
		{pairing: Strata, unit: 1, pieces: []int{0, 0, 0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 4, 5, 6, 6, 6}}} {
		count, pairing := p.permutations(2, span(0, n), 1000)
		shifts := map[int]bool{}
		for b := range count {
			to := pairing(b)
			var all []int
			for i := range n {
				all = append(all, to(i))
				if p.pairing == Groups && i%4 > 0 && to(i) != to(i-1)+1 {
					t.Fatalf("a group is torn: row %d goes to %d, row %d to %d", i-1, to(i-1), i, to(i))
				}
				if p.pieces != nil && p.pieces[to(i)] != p.pieces[i] {
					t.Fatalf("row %d of piece %d goes to %d", i, p.pieces[i], to(i))
				}
			}
			if p.pairing == Rotations {
				shifts[to(0)] = true
				if to(0) < gap || to(0) > n-gap {
					t.Errorf("a rotation by %d of %d rows, want %d at least", to(0), n, gap)
				}
			}
			slices.Sort(all)
			for i, v := range all {
				if i != v {
					t.Fatalf("%s: pairing %d is no permutation: %v", p.pairing, b, all)
				}
			}
		}
		if p.pairing == Rotations && len(shifts) != n-2*gap+1 {
			t.Errorf("%d different rotations, want %d", len(shifts), n-2*gap+1)
		}
	}
}

// TestPlan: critics learn from rows before those that they are tested on, and from nothing of
// groups that these are of.
func TestPlan(t *testing.T) {
	groups := make([]int, 600)
	for i := range groups {
		groups[i] = i / 10
	}
	for _, c := range []struct {
		name   string
		rows   int
		groups []int
		split  mine.Split
		want   [][2]int // trained and tested
	}{
		{"few rows", 100, nil, mine.Split{Kind: mine.SplitRandom}, [][2]int{{60, 40}}},
		{"rows", 1000, nil, mine.Split{Kind: mine.SplitRandom}, [][2]int{{500, 250}, {750, 250}}},
		{"many rows", 100_000, nil, mine.Split{Kind: mine.SplitRandom}, [][2]int{{92_000, 4000}, {96_000, 4000}}},
		{"groups", 600, groups, mine.Split{Kind: mine.SplitGroups}, [][2]int{{300, 150}, {450, 150}}},
		{"a series", 4000, nil, mine.Split{Kind: mine.SplitBlocks, CorrelationTime: 9.5}, [][2]int{{2000, 990}, {3000, 990}}},
	} {
		p, err := newPlan(Data{X: column.Slices(make([]float64, c.rows)), Groups: c.groups}, c.split, 1)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var sizes [][2]int
		for f, s := range p.stages {
			sizes = append(sizes, [2]int{len(s.trained), len(s.tested)})
			seen := map[int]bool{}
			for _, i := range s.trained {
				seen[i] = true
				if c.groups != nil {
					seen[-1-c.groups[i]] = true
				}
			}
			for _, i := range s.tested {
				if seen[i] || c.groups != nil && seen[-1-c.groups[i]] {
					t.Errorf("%s: row %d, or its group, is trained and tested on", c.name, i)
				}
			}
			if f > 0 && !slices.Equal(s.trained[:len(p.stages[f-1].trained)], p.stages[f-1].trained) {
				t.Errorf("%s: part %d learns from other rows than part %d does", c.name, f, f-1)
			}
			if last := s.trained[len(s.trained)-1]; p.pairing == Rotations && s.tested[0]-last <= p.gap {
				t.Errorf("a series is tested from row %d on, trained on up to %d", s.tested[0], last)
			}
		}
		if !slices.Equal(sizes, c.want) {
			t.Errorf("%s: trained and tested on %v, want %v", c.name, sizes, c.want)
		}
	}
}

func TestPlanErrors(t *testing.T) {
	uneven := append(make([]int, 30), 1, 1, 2, 2)
	few := make([]int, 1000)
	for i := range few {
		few[i] = i % 10
	}
	for _, c := range []struct {
		name   string
		rows   int
		groups []int
		split  mine.Split
		want   error
		text   string
	}{
		{"few rows", 79, nil, mine.Split{Kind: mine.SplitRandom}, mine.ErrTooFewSamples, "79 rows"},
		{"copies", 1000, nil, mine.Split{Kind: mine.SplitRepeats, Repeated: 7}, ErrPairing, "7 of 1000 rows are copies"},
		{"copies in a series", 1000, nil, mine.Split{Kind: mine.SplitBlocks, CorrelationTime: 2, Repeated: 7}, ErrPairing, "7 of 1000 rows are copies"},
		{"groups with copies", 1000, few, mine.Split{Kind: mine.SplitGroups, Repeated: 7}, ErrPairing, "7 of 1000 rows are copies of rows in other groups"},
		{"uneven groups", 34, uneven, mine.Split{}, ErrPairing, "from 2 to 30 rows"},
		{"few groups", 1000, few, mine.Split{}, mine.ErrTooFewSamples, "10 groups of 100 rows"},
		{"slow series", 1000, nil, mine.Split{Kind: mine.SplitBlocks, CorrelationTime: 20}, ErrPairing, "correlated over about 20 of 1000"},
		{"random walk", 10_000, nil, mine.Split{Kind: mine.SplitBlocks, CorrelationTime: 20, Unresolved: true}, ErrPairing, "differences"},
	} {
		_, err := newPlan(Data{X: column.Slices(make([]float64, c.rows)), Groups: c.groups}, c.split, 1)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %q", c.name, err, c.text)
		}
	}
}

// brief is a test that takes a moment: one critic of few steps, beside the normal law's.
func brief(rows int) Config {
	cfg := DefaultConfig(rows)
	e := &cfg.Estimate
	e.Candidates, e.Hidden, e.Steps, e.EvaluateEvery, e.TestPairs, e.Neighbours = e.Candidates[:1], []int{8}, 60, 20, 1000, false
	cfg.Permutations = 99
	return cfg
}

// TestWhole: of 20 independent sets, those with p-values up to .1 are Binomial(20, .1) at
// most: above 7 once in 2,400. Of dependent rows the p-value is small.
func TestWhole(t *testing.T) {
	const rows = 200
	run := func(seed uint64, rho float64) Result {
		g := rand.New(rand.NewPCG(seed, 2))
		x, z := make([]float64, rows), make([]float64, rows)
		for i := range x {
			x[i] = g.NormFloat64()
			z[i] = rho*x[i] + math.Sqrt(1-rho*rho)*g.NormFloat64()
		}
		cfg := brief(rows)
		cfg.Estimate.Seed = seed
		r, err := Test(t.Context(), Data{X: column.Slices(x), Z: column.Slices(z)}, cfg, mine.WithThreads(1))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	small := 0
	for seed := range uint64(20) {
		if run(seed, 0).PValue <= 0.1 {
			small++
		}
	}
	if small > 7 {
		t.Errorf("%d of 20 p-values of independent rows are at most .1", small)
	}
	r := run(1, 0.8)
	if !(r.PValue < 0.005) || !r.Exact || r.Pairing != Rows || len(r.Parts) != 2 || r.Effect.Estimate < 0.2 {
		t.Errorf("correlated rows: p %g, exact %v, %s, parts %+v, estimate %.3f", r.PValue, r.Exact, r.Pairing, r.Parts, r.Effect.Estimate)
	}
	if again := run(1, 0.8); again.PValue != r.PValue {
		t.Errorf("p %g, then %g", r.PValue, again.PValue)
	}
}

// TestDependentRows: series and groups that are correlated with each other are found, by pairings of
// their own.
func TestDependentRows(t *testing.T) {
	g := rand.New(rand.NewPCG(5, 1))
	const rows = 4000
	series := func() []float64 {
		v := make([]float64, rows)
		for i := range v {
			v[i] = g.NormFloat64()
			if i > 0 {
				v[i] = 0.7*v[i-1] + math.Sqrt(1-0.49)*v[i]
			}
		}
		return v
	}
	x, z := series(), series()
	for i := range z {
		z[i] = 0.6*x[i] + 0.8*z[i]
	}
	groups := make([]int, rows)
	for i := range groups {
		groups[i] = i / 20
	}
	for _, c := range []struct {
		groups  []int
		pairing Pairing
	}{{nil, Rotations}, {groups, Groups}} {
		r, err := Test(t.Context(), Data{X: column.Slices(x), Z: column.Slices(z), Groups: c.groups}, brief(rows), mine.WithThreads(1))
		if err != nil {
			t.Fatal(err)
		}
		if r.Pairing != c.pairing || r.Exact != (c.pairing != Rotations) || !(r.PValue < 0.005) {
			t.Errorf("%s, exact %v, p %g, want %s and less than .005", r.Pairing, r.Exact, r.PValue, c.pairing)
		}
	}
}

func TestErrors(t *testing.T) {
	x := column.Slices(make([]float64, 200))
	cfg := brief(200)
	cfg.Permutations = 18
	var field *mine.FieldError
	if _, err := Test(t.Context(), Data{X: x, Z: x}, cfg); !errors.As(err, &field) || field.Field != "permutations" {
		t.Errorf("18 permutations: %v", err)
	}
	values := make([]float64, 200)
	for i := range values {
		values[i] = float64(i * i % 211)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Test(ctx, Data{X: column.Slices(values), Z: column.Slices(values)}, brief(200)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	// A smaller batch would not help.
	few := column.Slices(values[:60])
	large := brief(200)
	large.Estimate.Batch = 64
	if _, err := Test(t.Context(), Data{X: few, Z: few}, large); !errors.Is(err, mine.ErrTooFewSamples) || !strings.Contains(err.Error(), "60 rows, want at least 80") {
		t.Errorf("60 rows: %v", err)
	}
}

// TestTogether: Fisher's method, whose p-value of two parts is q (1 - ln q), q their product; without first parts
// that say nothing, but with a later one.
func TestTogether(t *testing.T) {
	silent := Part{PValue: 1, Silent: true}
	said := func(p float64) Part { return Part{PValue: p} }
	for _, c := range []struct {
		parts []Part
		want  float64
	}{
		{[]Part{said(0.02)}, 0.02},
		{[]Part{said(0.1), said(0.2)}, 0.02 * (1 - math.Log(0.02))},
		{[]Part{silent, said(0.03)}, 0.03},
		{[]Part{said(0.03), silent}, 0.03 * (1 - math.Log(0.03))},
		{[]Part{silent, silent}, 1},
		{[]Part{said(1), said(0.03)}, 0.03 * (1 - math.Log(0.03))}, // the smallest S of all
	} {
		if got := together(c.parts); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%+v: %v, want %v", c.parts, got, c.want)
		}
	}
}

// TestSilent: scores that are all the same make a part silent, and a score that differs for one pairing does not.
func TestSilent(t *testing.T) {
	p := &plan{pairing: Rows, unit: 1, seed: 3}
	for _, c := range []struct {
		name   string
		score  func(x, z int) float64
		silent bool
	}{
		{"nothing", func(x, z int) float64 { return 0 }, true},
		{"one number", func(x, z int) float64 { return 0.3 }, true},
		{"a pair", func(x, z int) float64 {
			if x == 1 && z == 1 {
				return 1
			}
			return 0
		}, false},
	} {
		part, err := p.compare(0, span(0, 40), 99, func(xs, zs []int) ([]float64, error) {
			out := make([]float64, len(xs))
			for i := range xs {
				out[i] = c.score(xs[i], zs[i])
			}
			return out, nil
		})
		if err != nil || part.Silent != c.silent {
			t.Errorf("%s: silent %v, error %v", c.name, part.Silent, err)
		}
	}
}
