package mine

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/sampling"
)

// TestPlan: what a plan says is what a run does that nothing ends early.
func TestPlan(t *testing.T) {
	const rows = 600
	x, z := make([]float64, rows), make([]float64, rows)
	for i := range x {
		x[i] = sampling.Normal(1, sampling.StreamInit, 0, uint64(i))
		z[i] = x[i] + sampling.Normal(1, sampling.StreamInit, 1, uint64(i))
	}
	for _, folds := range []int{1, 3} {
		cfg := DefaultConfig(rows)
		cfg.Folds, cfg.Survivors, cfg.Hidden, cfg.RaceSteps, cfg.Steps, cfg.Patience = folds, 1, []int{8}, 7, 20, 1000
		cfg.Reference = false // beside which less may be enough
		e, err := NewEstimator(context.Background(), column.Slices(x), column.Slices(z), cfg, WithThreads(1))
		if err != nil {
			t.Fatal(err)
		}
		p, err := e.Plan()
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Fit(context.Background()); err != nil {
			t.Fatal(err)
		}
		r, err := e.Result(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		steps := 0
		for _, entry := range r.Race {
			steps += entry.Steps
		}
		for _, c := range r.Critics {
			for i, n := range c.Steps {
				if steps += n; i == 0 {
					steps -= cfg.RaceSteps // are those of the race
				}
			}
		}
		if p.Steps != steps {
			t.Errorf("%d folds: %d steps planned, %d done", folds, p.Steps, steps)
		}
		if len(p.Candidates) != len(r.Race) || p.Folds != folds || !reflect.DeepEqual(p.Rows, r.Rows) || !reflect.DeepEqual(p.Split, r.Split) || p.X.Used != r.X.Used {
			t.Errorf("%d folds: plan %+v, result %+v", folds, p, r)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Plan(); !errors.Is(err, backend.ErrClosed) {
			t.Errorf("a closed estimator plans: %v", err)
		}
	}
}
