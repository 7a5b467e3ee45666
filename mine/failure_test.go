package mine_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"gomine/cpu"
	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/simulate"
)

// mortal is a backend that ends after a number of training steps, of all trainers
// together, with what end returns. If that leaves it lost, nothing but Close works
// from then on.
type mortal struct {
	backend.Backend
	steps int
	tests bool // whether it lasts through the test rows
	end   func() error
	lost  error
}

func (m *mortal) Name() string { return "mortal" }

func (m *mortal) Load(x, z backend.Matrix) (backend.Data, error) {
	if m.lost != nil {
		return nil, m.lost
	}
	return m.Backend.Load(x, z)
}

func (m *mortal) NewScorer(net backend.Network, params []float32) (backend.Scorer, error) {
	if m.lost != nil {
		return nil, m.lost
	}
	s, err := m.Backend.NewScorer(net, params)
	return &mortalScorer{s, m}, err
}

// mortalScorer is what the test rows are evaluated by, after all training.
type mortalScorer struct {
	backend.Scorer
	of *mortal
}

func (s *mortalScorer) Scores(ctx context.Context, data backend.Data, xs, zs []int, dst []float32) error {
	if !s.of.tests {
		return s.of.end()
	}
	return s.Scorer.Scores(ctx, data, xs, zs, dst)
}

func (m *mortal) NewTrainer(spec backend.Spec, data backend.Data, train backend.Rows) (backend.Trainer, error) {
	if m.lost != nil {
		return nil, m.lost
	}
	t, err := m.Backend.NewTrainer(spec, data, train)
	return &mortalTrainer{t, m}, err
}

type mortalTrainer struct {
	backend.Trainer
	of *mortal
}

func (t *mortalTrainer) Train(ctx context.Context, rates, values []float64) (int, error) {
	if t.of.steps -= len(rates); t.of.steps < 0 {
		return 0, t.of.end()
	}
	return t.Trainer.Train(ctx, rates, values)
}

func (t *mortalTrainer) State() (backend.State, error) {
	if t.of.lost != nil {
		return backend.State{}, t.of.lost
	}
	return t.Trainer.State()
}

func (t *mortalTrainer) Evaluate(ctx context.Context, data backend.Data, rows backend.Rows, p backend.Pairing, influence []float64) (backend.Evaluation, error) {
	if t.of.lost != nil {
		return backend.Evaluation{}, t.of.lost
	}
	return t.Trainer.Evaluate(ctx, data, rows, p, influence)
}

var errLost = errors.New("device lost")

// TestBackendFails: a backend that fails in the middle leaves the best so far, the
// same that an interruption at that step leaves, together with its error.
func TestBackendFails(t *testing.T) {
	const rows = 2000
	task, x, z := draw(t, "gaussian", simulate.Params{Dim: 2, Rho: 0.9}, rows, 1)
	for _, c := range []struct {
		name  string
		steps int
		race  bool
	}{
		{"race", 500, true},
		{"training", 300, false},
		{"training after a race", 1000, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := quick(rows)
			cfg.RaceSteps = 200 // 800 steps for three candidates in two rounds
			if c.race {
				cfg.Candidates = mine.DefaultConfig(rows).Candidates
			}
			run := func(end func(m *mortal, cancel func()) error) (mine.Result, error) {
				inner, err := cpu.Open(cpu.Options{Threads: 1})
				if err != nil {
					t.Fatal(err)
				}
				defer inner.Close()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				m := &mortal{Backend: inner, steps: c.steps, tests: true}
				m.end = func() error { return end(m, cancel) }
				return mine.Estimate(ctx, column.RowMajor(x, task.DX), column.RowMajor(z, task.DZ), cfg,
					mine.WithBackend(m), mine.WithThreads(1))
			}
			want, err := run(func(_ *mortal, cancel func()) error { cancel(); return context.Canceled })
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			got, err := run(func(m *mortal, _ func()) error { m.lost = errLost; return errLost })
			if !errors.Is(err, errLost) {
				t.Fatalf("error %v, want %v", err, errLost)
			}
			if got.Stop != mine.StopFailed || got.Steps < 1 || got.Backend != "mortal" {
				t.Errorf("stop %q after %d steps on %s, want failed after some on mortal", got.Stop, got.Steps, got.Backend)
			}
			if got.Bound != want.Bound || got.Steps != want.Steps || !slices.Equal(got.Curve, want.Curve) {
				t.Errorf("%+v after %d steps, interrupted %+v after %d", got.Bound, got.Steps, want.Bound, want.Steps)
			}
			if !warned(got, mine.WarnInterrupted) {
				t.Errorf("warnings %v do not say that the run did not end by itself", got.Warnings)
			}
		})
	}
}

// TestBackendFailsInTest: the rows and the critic are still there when the backend fails
// with the test rows, so the result is that of a run that did not fail. It is, since
// quick asks for as many pairs as a test in a hurry has.
func TestBackendFailsInTest(t *testing.T) {
	task, x, z := draw(t, "gaussian", simulate.Params{Dim: 2, Rho: 0.9}, 2000, 1)
	vx, vz := column.RowMajor(x, task.DX), column.RowMajor(z, task.DZ)
	want := estimate(t, vx, vz, quick(2000))
	inner, err := cpu.Open(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	m := &mortal{Backend: inner, steps: 1_000_000}
	m.end = func() error { m.lost = errLost; return errLost }
	got, err := mine.Estimate(t.Context(), vx, vz, quick(2000), mine.WithBackend(m))
	if !errors.Is(err, errLost) || got.Stop != mine.StopFailed || got.Bound != want.Bound {
		t.Errorf("%+v, stop %q, error %v, want %+v and %v", got.Bound, got.Stop, err, want.Bound, errLost)
	}
}

// TestBackendFailsAtOnce: before the first validation there is nothing to report.
func TestBackendFailsAtOnce(t *testing.T) {
	task, x, z := draw(t, "gaussian", simulate.Params{Dim: 2, Rho: 0.9}, 2000, 1)
	inner, err := cpu.Open(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	m := &mortal{Backend: inner}
	m.end = func() error { m.lost = errLost; return errLost }
	r, err := mine.Estimate(t.Context(), column.RowMajor(x, task.DX), column.RowMajor(z, task.DZ), quick(2000), mine.WithBackend(m))
	if !errors.Is(err, errLost) || r.Steps != 0 {
		t.Errorf("%d steps, error %v, want none and %v", r.Steps, err, errLost)
	}
}
