package pairwise

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"gomine/mine"
	"gomine/mine/column"
)

// small are settings of networks that take a moment.
func small(rows int) mine.Config {
	cfg := mine.ConfigFor(rows, mine.Fast)
	cfg.Candidates, cfg.Hidden, cfg.Steps, cfg.EvaluateEvery, cfg.TestPairs = cfg.Candidates[:2], []int{8}, 40, 20, 1000
	cfg.RaceSteps = 20
	return cfg
}

// related are four variables, of which one is a group and one is constant.
func related(n int) []Variable {
	r := rand.New(rand.NewPCG(21, 22))
	x, z := draws(n, r.NormFloat64), draws(n, r.NormFloat64)
	for i := range z {
		z[i] += x[i]
	}
	return []Variable{{"x", column.Slices(x)}, {"z", column.Slices(z)}, {"both", column.Slices(draws(n, r.NormFloat64), z)}, {"constant", column.Slices(make([]float64, n))}}
}

// TestEstimatePairs: every estimate is that of mine.Estimate, bit for bit, on any number of threads, and
// what cannot be estimated says why.
func TestEstimatePairs(t *testing.T) {
	const n = 400
	vars, cfg := related(n), small(n)
	pairs := []Pair{{A: 0, B: 1}, {A: 0, B: 2}, {A: 0, B: 3}, {A: 1, B: 2}}
	for _, threads := range []int{1, 3} {
		got := make([]Estimate, len(pairs))
		err := EstimatePairs(context.Background(), Work{Variables: vars, Pairs: pairs, Threads: threads, Done: func(k int, e Estimate) error {
			got[k] = e
			return nil
		}}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		for k, p := range pairs {
			want, err := mine.Estimate(context.Background(), vars[p.A].Data, vars[p.B].Data, cfg)
			if err != nil {
				if got[k].Error != err.Error() {
					t.Errorf("pair %+v: error %q, want %q", p, got[k].Error, err)
				}
				continue
			}
			e := got[k]
			if e.Error != "" || e.Bound != want.Bound || e.Likely != want.Likely || e.Split != want.Split.Kind || e.Normalised != Normalised(want.Estimate) ||
				!reflect.DeepEqual(e.Neighbours, want.Neighbours) || !reflect.DeepEqual(e.Warnings, want.Warnings) {
				t.Errorf("pair %+v on %d threads: %+v, want %+v", p, threads, e, want.Bound)
			}
		}
		if got[2].Error == "" {
			t.Error("a constant was estimated")
		}
	}
}

// TestSortedPairs: what rows add to an estimate is alike in neighbours of a file that was sorted, which is a
// warning where nobody knows that it was.
func TestSortedPairs(t *testing.T) {
	const n = 2000
	r := rand.New(rand.NewPCG(23, 24))
	by, x, z := draws(n, r.NormFloat64), draws(n, r.NormFloat64), draws(n, r.NormFloat64)
	slices.Sort(by)
	for i := range by {
		by[i] = math.Floor(100*by[i]) / 100 // a price, which most neighbours share
		x[i], z[i] = by[i]+0.1*x[i], by[i]+0.1*z[i]
	}
	s := screening(t, named(x, z, by), Options{})
	cfg := s.Pairs[0].config(small(n))
	cfg.Steps, cfg.Candidates = 400, cfg.Candidates[:1]
	for _, sorted := range []bool{false, true} {
		var got Estimate
		s.Pairs[0].Independent = sorted
		w := Work{Variables: named(x, z), Pairs: s.Pairs[:1], Done: func(_ int, e Estimate) error {
			got = e
			return nil
		}}
		if err := EstimatePairs(context.Background(), w, cfg); err != nil {
			t.Fatal(err)
		}
		warned := slices.ContainsFunc(got.Warnings, func(w mine.Warning) bool { return w.Code == mine.WarnSerial })
		if warned == sorted || s.SortedBy != "c" || !(got.LowerBound > 0.5) {
			t.Errorf("sorted by %q, known %v: %+v", s.SortedBy, sorted, got)
		}
	}
}

// TestEstimatePairsEnds: an error of Done, and the end of a context, end the work.
func TestEstimatePairsEnds(t *testing.T) {
	const n = 400
	full := errors.New("the disk is full")
	ctx, cancel := context.WithCancel(context.Background())
	for _, c := range []struct {
		want error
		done func(int, Estimate) error
	}{
		{full, func(int, Estimate) error { return full }},
		{context.Canceled, func(int, Estimate) error { cancel(); return nil }},
	} {
		calls := 0
		w := Work{Variables: related(n), Pairs: []Pair{{A: 0, B: 1}, {A: 0, B: 2}, {A: 1, B: 2}}, Threads: 1, Done: func(k int, e Estimate) error {
			calls++
			return c.done(k, e)
		}}
		if err := EstimatePairs(ctx, w, small(n)); !errors.Is(err, c.want) || calls != 1 {
			t.Errorf("error %v after %d pairs, want %v after one", err, calls, c.want)
		}
	}
}

// TestEstimateJSON: of a pair that could not be estimated there are no numbers, and the reason comes back.
func TestEstimateJSON(t *testing.T) {
	for _, c := range []struct {
		e       Estimate
		numbers bool
	}{{Estimate{Error: "constant"}, false}, {Estimate{Likely: 0.5}, true}} {
		text, err := json.Marshal(&c.e)
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]any
		if err := json.Unmarshal(text, &fields); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"estimate", "std_err", "likely", "normalised"} {
			if _, there := fields[name]; there != c.numbers {
				t.Errorf("%s is in %s: %v", name, text, there)
			}
		}
		var back Estimate
		if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, c.e) {
			t.Errorf("%+v came back as %+v, %v", c.e, back, err)
		}
	}
}
