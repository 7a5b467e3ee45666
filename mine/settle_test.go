package mine_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gomine/cpu"
	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/simulate"
)

// endAfter estimates on a backend of one thread that ends after some steps with what end returns, in
// which it may cancel the estimate.
func endAfter(t *testing.T, steps int, x, z column.Source, cfg mine.Config, end func(m *mortal, cancel func()) error, opts ...mine.Option) (mine.Result, error) {
	t.Helper()
	inner, err := cpu.Open(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m := &mortal{Backend: inner, steps: steps, tests: true}
	m.end = func() error { return end(m, cancel) }
	return mine.Estimate(ctx, x, z, cfg, append(opts, mine.WithBackend(m), mine.WithThreads(1))...)
}

func interrupt(_ *mortal, cancel func()) error { cancel(); return context.Canceled }

// slow is folded for five columns a side, at a rate at which 300 steps bring a critic to half the
// information of normal ones.
func slow(rows, folds int) mine.Config {
	cfg := folded(rows, folds)
	cfg.Candidates, cfg.LearningRate, cfg.EvaluateEvery = cfg.Candidates[:1], 1e-3, 20
	return cfg
}

// TestReferenceAfterEarlyEnd: whatever ends training, and wherever, the critic of a normal law is
// there, and finds what there is between normal columns. It has no other part in the critics'
// shortfall than the rows it is fitted to: 1% of the truth, .03 nats, is more than the
// correlations' error of 5 x 5 / 2n = .005 from the 2,500 rows.
func TestReferenceAfterEarlyEnd(t *testing.T) {
	const rows = 3000
	task, a, b := draw(t, "gaussian", simulate.Params{Dim: 5, Rho: 0.8}, rows, 1)
	x, z := column.RowMajor(a, 5), column.RowMajor(b, 5)
	dir := filepath.Join(t.TempDir(), "dir")
	ends := map[string]func(m *mortal, cancel func()) error{
		"interrupted": interrupt,
		"lost":        func(m *mortal, _ func()) error { m.lost = errLost; return errLost },
		// What is there is validated once more before its checkpoint cannot be written.
		"full": func(m *mortal, _ func()) error {
			m.steps = math.MaxInt
			return os.Rename(dir, dir+fmt.Sprint(len(dir)))
		},
	}
	for _, c := range []struct {
		end          string
		folds, steps int
		race         bool
	}{
		{"interrupted", 1, 100, false},
		{"interrupted", 5, 100, false},
		{"interrupted", 5, 300, false}, // all of the first fold
		{"interrupted", 5, 340, false},
		{"interrupted", 5, 100, true}, // in the race
		{"interrupted", 5, 400, true}, // where the first fold goes on from the race
		{"lost", 5, 340, false},
		{"full", 5, 340, false},
	} {
		t.Run(fmt.Sprintf("%s after %d steps of %d folds, race %v", c.end, c.steps, c.folds, c.race), func(t *testing.T) {
			cfg := slow(rows, c.folds)
			if c.race {
				cfg.Candidates = folded(rows, c.folds).Candidates
			}
			var opts []mine.Option
			if c.end == "full" {
				opts = append(opts, mine.WithCheckpoints(dir, 0))
			}
			r, err := endAfter(t, c.steps, x, z, cfg, ends[c.end], opts...)
			if err == nil || len(r.Critics) == 0 {
				t.Fatalf("error %v, %d critics, want an early end and some", err, len(r.Critics))
			}
			last := r.Critics[len(r.Critics)-1]
			if !last.Reference || !(last.Weight > 0.5) || !(math.Abs(r.Estimate-task.Truth) < 0.01*task.Truth+4*r.StdErr) {
				t.Errorf("estimate %v ± %v, last critic %+v, want %v from the critic of a normal law", r.Estimate, r.StdErr, last, task.Truth)
			}
		})
	}
}

// TestHardlyBegun: a critic that has hardly begun does not drag down those that have learnt, in
// what is tested and in what decides the weights: the best so far is no worse than when one fold
// was done, within four standard errors of what their test rows say.
func TestHardlyBegun(t *testing.T) {
	const rows = 3000
	_, a, b := draw(t, "swiss-roll", simulate.Params{Dim: 1, Rho: 0.9}, rows, 1)
	x, z := column.RowMajor(a, len(a)/rows), column.RowMajor(b, len(b)/rows)
	cfg := slow(rows, 5)
	var first mine.Result
	for _, c := range []struct{ steps, folds int }{{300, 1}, {320, 1}, {340, 1}, {520, 1}, {540, 2}, {600, 2}, {620, 2}} {
		r, err := endAfter(t, c.steps, x, z, cfg, interrupt)
		if !errors.Is(err, context.Canceled) || r.Stop != mine.StopInterrupted {
			t.Fatalf("stop %q, error %v", r.Stop, err)
		}
		if first.Estimate == 0 {
			first = r
		}
		if len(r.Folds) != c.folds || !(r.Estimate > first.Estimate-4*math.Hypot(r.StdErr, first.StdErr)) || !warned(r, mine.WarnInterrupted) {
			t.Errorf("after %d steps %v ± %v of %d folds, want %d and %v, as after 300 steps", c.steps, r.Estimate, r.StdErr, len(r.Folds), c.folds, first.Estimate)
		}
	}
}

// TestEndAmongNetworks: second networks come after the first ones of all folds, and one that has hardly begun has no say.
func TestEndAmongNetworks(t *testing.T) {
	const rows = 3000
	_, a, b := draw(t, "swiss-roll", simulate.Params{Dim: 1, Rho: 0.9}, rows, 1)
	x, z := column.RowMajor(a, len(a)/rows), column.RowMajor(b, len(b)/rows)
	cfg := slow(rows, 3)
	cfg.Networks = 2
	for _, c := range []struct{ steps, folds, networks int }{{640, 2, 2}, {900, 3, 3}, {940, 3, 3}, {1220, 3, 4}, {1480, 3, 5}} {
		r, err := endAfter(t, c.steps, x, z, cfg, interrupt)
		if !errors.Is(err, context.Canceled) || r.Stop != mine.StopInterrupted {
			t.Fatalf("stop %q, error %v", r.Stop, err)
		}
		there := slices.DeleteFunc(slices.Clone(r.Critics[0].Steps), func(n int) bool { return n == 0 })
		if len(r.Folds) != c.folds || len(there) != c.networks || len(r.Critics[0].Steps)%c.folds != 0 {
			t.Errorf("after %d steps %d folds and networks of %v, want %d and %d", c.steps, len(r.Folds), r.Critics[0].Steps, c.folds, c.networks)
		}
	}
}
