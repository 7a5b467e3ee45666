package backendtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"gomine/mine/backend"
	"gomine/mine/objective"
)

// modelStateRules are those on what a model keeps and refuses.
var modelStateRules = []rule{
	{
		name: "model initial state",
		text: "a new model is at step 0 with all parameters zero",
		cases: func() []testCase {
			return eachOf(passShapes, (*modelProblem).checkInitial)
		},
	},
	{
		name: "model repeat",
		text: "the same calls give bitwise the same answers, whatever else the backend does at the same time",
		cases: func() []testCase {
			return append(eachOf([]modelShape{smallModel}, (*modelProblem).checkRepeat),
				testCase{"large", func(s subject) error { return newModelProblem(largeModel, backend.Softplus, 1).checkRepeat(s) }},
				testCase{"concurrently", checkModelsConcurrent})
		},
	},
	{
		name: "model resume",
		text: "training on from a restored state is bitwise the same as never having stopped; " +
			"SetState forgets the gradient and the pass, and LogEMA is 0",
		cases: func() []testCase {
			return eachOf([]modelShape{smallModel, {17, nil, 33, 40}}, (*modelProblem).checkResume)
		},
	},
	{
		name: "model copies",
		text: "State copies, SetState copies, and a spec belongs to its caller",
		cases: func() []testCase {
			return []testCase{{"all", checkModelCopies}}
		},
	},
	{
		name:  "model spec errors",
		text:  "NewModel returns ErrShape for what ModelSpec.Validate rules out",
		cases: modelSpecErrorCases,
	},
	{
		name:  "model argument errors",
		text:  "sizes that do not fit together and passes back without one forward are ErrShape, and nothing changes",
		cases: modelArgumentErrorCases,
	},
	{
		name:     "model closed",
		text:     "after Close of a model or its backend its methods return ErrClosed; Close may be called twice",
		isolated: true,
		cases:    modelClosedCases,
	},
	{
		name: "model cancel",
		text: "a method that is given a context that is cancelled already does nothing and returns its error",
		cases: func() []testCase {
			return []testCase{{"before", checkModelCancel}}
		},
	},
}

// largeModel is large enough for a backend to spread a pass over threads.
var largeModel = modelShape{65, []int{129, 33}, 20, 513}

func (p *modelProblem) checkInitial(s subject) error {
	m, err := s.NewModel(p.spec)
	if err != nil {
		return err
	}
	defer m.Close()
	n := len(p.state.Params)
	zero := backend.State{Params: make([]float32, n), M: make([]float32, n), V: make([]float32, n)}
	state, err1 := m.State()
	grad, err2 := modelGradient(p, m)
	y, err3 := p.forward(m, p.x)
	if err := errors.Join(err1, err2, err3, sameState(state, zero), sameBits("gradient", grad, zero.Params)); err != nil {
		return err
	}
	p.state = zero
	want := p.truth()
	want.add(p, p.x, backend.Matrix{}, s.unit)
	return want.checkOutputs(y)
}

// train takes steps from step on, each with rows of its own, and returns all
// that the model says and its last state.
func (p *modelProblem) train(m backend.Model, step, steps int) (said []float32, state backend.State, err error) {
	for i := step; i < step+steps; i++ {
		rows := p.x.Rows - i%3
		x, dy := p.batch(rows, uint64(100+i))
		y, err1 := p.forward(m, x)
		dx, err2 := p.back(dy, m.Backward)
		gx, err3 := p.back(y.Matrix, m.InputGradients) // as if V were half the squares of y
		_, err4 := p.back(dy, m.Backward)
		grad, err5 := modelGradient(p, m)
		err6 := m.Update(0.01/float64(i+1), 0.3)
		if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
			return nil, state, err
		}
		said = slices.Concat(said, y.Data, dx.Data, gx.Data, grad)
	}
	state, err = m.State()
	return said, state, err
}

func (p *modelProblem) checkRepeat(s subject) error {
	var said [2][]float32
	var states [2]backend.State
	for i := range said {
		m, err := p.start(s)
		if err != nil {
			return err
		}
		said[i], states[i], err = p.train(m, 0, 2)
		if err := errors.Join(err, m.Close()); err != nil {
			return err
		}
	}
	return errors.Join(sameState(states[1], states[0]), sameBits("all results", said[1], said[0]))
}

// checkModelsConcurrent has models and a critic at work in several goroutines
// at once.
func checkModelsConcurrent(s subject) error {
	const goroutines = 4
	critic := newProblem(shape{3, 2, []int{33, 17}, 65}, backend.Softplus, objective.DV, 1)
	models := make([]*modelProblem, goroutines)
	for i := range models {
		models[i] = newModelProblem(passShapes[i], backend.Activations()[i%3], uint64(i))
	}
	run := func(i int) (state backend.State, err error) {
		if i == goroutines {
			_, state, err = critic.trainFor(s, 20)
			return state, err
		}
		m, err := models[i].start(s)
		if err != nil {
			return state, err
		}
		defer m.Close()
		_, state, err = models[i].train(m, 0, 10)
		return state, err
	}
	var want, got [goroutines + 1]backend.State
	var errs [goroutines + 1]error
	for i := range want {
		if want[i], errs[i] = run(i); errs[i] != nil {
			return errs[i]
		}
	}
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() { got[i], errs[i] = run(i) })
	}
	wg.Wait()
	for i := range got {
		if err := errors.Join(errs[i], sameState(got[i], want[i])); err != nil {
			return fmt.Errorf("goroutine %d: %w", i, err)
		}
	}
	return nil
}

// checkResume restores the state after 2 of 4 steps in a fresh model, and in one
// that has trained on and has a gradient and a pass to forget.
func (p *modelProblem) checkResume(s subject) error {
	p.spec.Adam.WeightDecay = 0.1
	m, err := p.start(s)
	if err != nil {
		return err
	}
	defer m.Close()
	_, middle, err := p.train(m, 0, 2)
	if err != nil {
		return err
	}
	want, end, err := p.train(m, 2, 2)
	if err != nil {
		return err
	}
	_, err1 := p.forward(m, p.x)
	_, err2 := p.back(p.dy, m.Backward)
	fresh, err3 := s.NewModel(p.spec)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	defer fresh.Close()
	for _, restored := range []struct {
		name  string
		model backend.Model
	}{{"a fresh model", fresh}, {"the model itself", m}} {
		given := middle.Clone()
		given.LogEMA = 3
		if err := restored.model.SetState(given); err != nil {
			return err
		}
		back, err1 := restored.model.State()
		grad, err2 := modelGradient(p, restored.model)
		if err := errors.Join(err1, err2, sameState(back, middle), sameBits("gradient", grad, make([]float32, len(grad)))); err != nil {
			return fmt.Errorf("state set on and read from %s: %w", restored.name, err)
		}
		if err := p.wantNoPass(restored.model); err != nil {
			return fmt.Errorf("%s after SetState: %w", restored.name, err)
		}
		got, state, err := p.train(restored.model, 2, 2)
		if err := errors.Join(err, sameState(state, end), sameBits("all results", got, want)); err != nil {
			return fmt.Errorf("resumed on %s: %w", restored.name, err)
		}
	}
	return nil
}

// wantNoPass wants ErrShape of a pass back from the problem's rows.
func (p *modelProblem) wantNoPass(m backend.Model) error {
	dx := newPadded(p.x.Rows, p.x.Cols, p.x.Cols)
	ctx := context.Background()
	return errors.Join(
		wantError("Backward", m.Backward(ctx, p.dy, dx.Matrix), backend.ErrShape),
		wantError("Backward without dx", m.Backward(ctx, p.dy, backend.Matrix{}), backend.ErrShape),
		wantError("InputGradients", m.InputGradients(ctx, p.dy, dx.Matrix), backend.ErrShape),
		dx.untouched("dx"),
	)
}

func checkModelCopies(s subject) error {
	p := newModelProblem(smallModel, backend.Softplus, 3)
	m, err := p.start(s)
	if err != nil {
		return err
	}
	defer m.Close()
	want, end, err := p.train(m, 0, 2)
	if err != nil {
		return err
	}

	// A second model is spoiled wherever it might look.
	kept := p.state.Clone()
	p.spec.MLP.Hidden = slices.Clone(p.spec.MLP.Hidden)
	second, err := p.start(s)
	if err != nil {
		return err
	}
	defer second.Close()
	scribble(p.state)
	hidden := slices.Clone(p.spec.MLP.Hidden)
	for i := range p.spec.MLP.Hidden {
		p.spec.MLP.Hidden[i] = 1
	}
	state, err := second.State()
	if err := errors.Join(err, sameState(state, kept)); err != nil {
		return fmt.Errorf("after writing to the state that was set: %w", err)
	}
	scribble(state)
	got, after, err := p.train(second, 0, 2)
	if err != nil {
		return err
	}
	unchanged := after.Clone()
	if _, _, err := p.train(second, 2, 1); err != nil {
		return err
	}
	p.spec.MLP.Hidden = hidden
	return errors.Join(sameState(after, unchanged), sameState(after, end), sameBits("all results", got, want))
}
