package backendtest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gomine/mine/backend"
	"gomine/mine/objective"
)

var cancelRules = []rule{
	{
		name: "cancel",
		text: "an error of the context ends the work; Train returns the number of steps done, " +
			"and the state is that of the steps done",
		cases: func() []testCase {
			return []testCase{
				{"before", checkCancelBefore},
				{"midway", checkCancelMidway},
			}
		},
	},
}

func checkCancelBefore(s subject) error {
	p := newProblem(small, backend.Softplus, objective.MINE, 1)
	p.warm(3)
	t, err := p.start(s)
	if err != nil {
		return err
	}
	defer t.close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var errs []error
	for _, c := range p.calls(t) {
		if c.usesContext {
			errs = append(errs, wantError(c.name, c.call(ctx), context.Canceled))
		}
	}
	n, err := t.Train(ctx, varyingRates(5), make([]float64, 5))
	if n != 0 {
		errs = append(errs, fmt.Errorf("Train did %d steps under a cancelled context", n))
	}
	state, err2 := t.State()
	return errors.Join(append(errs, wantError("Train", err, context.Canceled), err2, sameState(state, p.state))...)
}

// checkCancelMidway cancels a run of a million steps, seconds of work on any
// machine, a few milliseconds after its start, or later if the machine is too
// busy to have begun.
func checkCancelMidway(s subject) error {
	const steps = 1 << 20
	p := newProblem(shape{2, 1, []int{9, 5}, 17}, backend.Softplus, objective.MINE, 2)
	t, err := p.start(s)
	if err != nil {
		return err
	}
	defer t.close()
	rates, values := make([]float64, steps), make([]float64, steps)
	for i := range rates {
		rates[i] = 1e-3 / float64(1+i%7)
	}
	n := 0
	for delay := 10 * time.Millisecond; n == 0 && delay < 2*time.Second; delay *= 2 {
		ctx, cancel := context.WithCancel(context.Background())
		timer := time.AfterFunc(delay, cancel)
		n, err = t.Train(ctx, rates, values)
		timer.Stop()
		cancel()
		if err := wantError("Train", err, context.Canceled); err != nil {
			return err
		}
	}
	if n < 1 || n >= steps {
		return fmt.Errorf("Train did %d of %d steps and reports cancellation", n, steps)
	}
	state, err := t.State()
	if err != nil {
		return err
	}
	if state.Step != uint64(n) {
		return fmt.Errorf("state at step %d after %d steps", state.Step, n)
	}

	again, err := p.trainer(s, t.data)
	if err != nil {
		return err
	}
	defer again.Close()
	wantValues := make([]float64, n)
	if m, err := again.Train(context.Background(), rates[:n], wantValues); m != n || err != nil {
		return fmt.Errorf("Train of %d steps = %d, %v", n, m, err)
	}
	want, err := again.State()
	return errors.Join(err, sameState(state, want), sameValues("values", values[:n], wantValues))
}

// A call is one method of a trainer with valid arguments.
type call struct {
	name        string
	usesContext bool
	usesData    bool // needs the trainer's data or takes some
	takesData   bool
	call        func(ctx context.Context) error
}

// calls lists all methods of a trainer but Close.
func (p *problem) calls(t *session) []call {
	pair, weight, score := []int{1}, []float32{1}, make([]float32, 1)
	gx, gz := backend.NewMatrix(1, p.x.Cols), backend.NewMatrix(1, p.z.Cols)
	return []call{
		{"Train", true, true, false, func(ctx context.Context) error {
			_, err := t.Train(ctx, []float64{1e-3}, make([]float64, 1))
			return err
		}},
		{"Gradient", true, true, false, func(ctx context.Context) error {
			_, err := t.Gradient(ctx, make([]float32, len(p.state.Params)))
			return err
		}},
		{"ObjectiveGradients", true, true, false, func(ctx context.Context) error {
			_, err := t.ObjectiveGradients(ctx, backend.NewMatrix(p.spec.Batch, p.x.Cols), backend.NewMatrix(p.spec.Batch, p.z.Cols))
			return err
		}},
		{"Evaluate", true, true, true, func(ctx context.Context) error {
			_, err := t.Evaluate(ctx, t.data, p.train, backend.Pairing{Count: 1, Seed: 1}, nil)
			return err
		}},
		{"Scores", true, true, true, func(ctx context.Context) error {
			return t.Scores(ctx, t.data, pair, pair, score)
		}},
		{"InputGradients", true, true, true, func(ctx context.Context) error {
			return t.InputGradients(ctx, t.data, pair, pair, weight, gx, gz)
		}},
		{"Batch", false, false, false, func(context.Context) error {
			_, _, err := t.Batch(1)
			return err
		}},
		{"State", false, false, false, func(context.Context) error {
			_, err := t.State()
			return err
		}},
		{"SetState", false, false, false, func(context.Context) error { return t.SetState(p.state) }},
	}
}
