package mine_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/simulate"
)

// TestRace checks that the race trains, ranks and reports its candidates, and
// that its winner is trained exactly as it would have been alone.
func TestRace(t *testing.T) {
	const rows = 4000
	task, x, z := draw(t, "uniform-noise", simulate.Params{Dim: 1, Noise: 0.1}, rows, 1)
	cfg := quick(rows)
	cfg.Candidates = mine.DefaultConfig(rows).Candidates
	cfg.RaceSteps = 200 // a multiple of EvaluateEvery: no extra points on the curve
	cfg.Survivors = 1
	r := estimate(t, column.RowMajor(x, task.DX), column.RowMajor(z, task.DZ), cfg)
	if len(r.Race) != len(cfg.Candidates)-1 { // there are no codes
		t.Fatalf("race of %d entries, want %d", len(r.Race), len(cfg.Candidates)-1)
	}
	for _, entry := range r.Race {
		if entry.Steps != cfg.RaceSteps {
			t.Errorf("candidate %v raced for %d steps, want %d", entry.Candidate, entry.Steps, cfg.RaceSteps)
		}
		best := math.Inf(-1)
		for _, p := range entry.Curve {
			best = math.Max(best, p.Validation)
		}
		if len(entry.Curve) != cfg.RaceSteps/cfg.EvaluateEvery || best != entry.Validation {
			t.Errorf("candidate %v: the best of %d validations is %v, want %v of %d", entry.Candidate, len(entry.Curve), best, entry.Validation, cfg.RaceSteps/cfg.EvaluateEvery)
		}
	}
	if r.Race[0].Candidate != r.Winner {
		t.Errorf("winner %v, first of the race %v", r.Winner, r.Race[0].Candidate)
	}
	cfg.Candidates = []mine.Candidate{r.Winner}
	alone := estimate(t, column.RowMajor(x, task.DX), column.RowMajor(z, task.DZ), cfg)
	if raced := r.Race[0].Curve; !slices.Equal(raced, alone.Curve[:len(raced)]) {
		t.Errorf("the winner's race is %v, alone it begins with %v", raced, alone.Curve[:len(raced)])
	}
	if alone.Estimate != r.Estimate || !slices.Equal(alone.Curve, r.Curve) {
		t.Errorf("winner %v: %v after the race, %v alone", r.Winner, r.Estimate, alone.Estimate)
	}
}

func TestInterrupt(t *testing.T) {
	task, x, z := draw(t, "gaussian", simulate.Params{Dim: 2, Rho: 0.9}, 5000, 1)
	for _, phase := range []mine.Phase{mine.PhaseRace, mine.PhaseTrain} {
		t.Run(string(phase), func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			cfg := quick(5000)
			cfg.Steps = 1_000_000
			cfg.RaceSteps = 1_000_000
			if phase == mine.PhaseRace {
				cfg.Candidates = mine.DefaultConfig(5000).Candidates
			}
			cfg.Patience = 1_000_000
			r, err := mine.Estimate(ctx, column.RowMajor(x, task.DX), column.RowMajor(z, task.DZ), cfg,
				mine.WithProgress(func(p mine.Progress) {
					if p.Phase == phase && p.Validation > 0.5 {
						cancel()
					}
				}))
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("error %v, want context.Canceled", err)
			}
			if r.Stop != mine.StopInterrupted || r.Estimate < 0.5 || r.Steps < 1 {
				t.Errorf("estimate %v after %d steps, stop %q: want the best so far", r.Estimate, r.Steps, r.Stop)
			}
			if !warned(r, mine.WarnInterrupted) {
				t.Errorf("warnings %v do not say that the run was interrupted", r.Warnings)
			}
		})
	}
	t.Run("before the first validation", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := mine.Estimate(ctx, column.RowMajor(x, task.DX), column.RowMajor(z, task.DZ), quick(5000))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want context.Canceled", err)
		}
	})
}
