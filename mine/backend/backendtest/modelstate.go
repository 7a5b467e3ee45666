package backendtest

import (
	"context"
	"errors"
	"fmt"
	"math"
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

func modelSpecErrorCases() []testCase {
	nan := math.NaN()
	var cases []testCase
	for _, c := range []struct {
		name  string
		spoil func(spec *backend.ModelSpec)
	}{
		{"no inputs", func(p *backend.ModelSpec) { p.MLP.Inputs = 0 }},
		{"negative inputs", func(p *backend.ModelSpec) { p.MLP.Inputs = -1 }},
		{"no outputs", func(p *backend.ModelSpec) { p.MLP.Outputs = 0 }},
		{"too many inputs", func(p *backend.ModelSpec) { p.MLP.Inputs = backend.MaxWidth + 1 }},
		{"too many outputs", func(p *backend.ModelSpec) { p.MLP.Outputs = backend.MaxWidth + 1 }},
		{"five hidden layers", func(p *backend.ModelSpec) { p.MLP.Hidden = []int{2, 2, 2, 2, 2} }},
		{"width 0", func(p *backend.ModelSpec) { p.MLP.Hidden = []int{4, 0} }},
		{"width -1", func(p *backend.ModelSpec) { p.MLP.Hidden = []int{-1} }},
		{"unknown activation", func(p *backend.ModelSpec) { p.MLP.Activation = 3 }},
		{"no rows", func(p *backend.ModelSpec) { p.Rows = 0 }},
		{"negative rows", func(p *backend.ModelSpec) { p.Rows = -1 }},
		{"2^40 rows", func(p *backend.ModelSpec) { p.Rows = 1 << 40 }},
		{"Beta1 of 1", func(p *backend.ModelSpec) { p.Adam.Beta1 = 1 }},
		{"Beta2 not a number", func(p *backend.ModelSpec) { p.Adam.Beta2 = nan }},
		{"Epsilon 0", func(p *backend.ModelSpec) { p.Adam.Epsilon = 0 }},
		{"negative WeightDecay", func(p *backend.ModelSpec) { p.Adam.WeightDecay = -1 }},
	} {
		cases = append(cases, testCase{c.name, func(s subject) error {
			spec := newModelProblem(smallModel, backend.Softplus, 1).spec
			c.spoil(&spec)
			m, err := s.NewModel(spec)
			if err == nil {
				m.Close()
			}
			return wantError("NewModel", err, backend.ErrShape)
		}})
	}
	return cases
}

// modelBuffers are the matrices of the calls with wrong arguments. Those of a
// pass back are of as many rows as the pass forward was.
type modelBuffers struct {
	x, dy backend.Matrix
	y, dx padded
	array guarded // grad
}

func modelArgumentErrorCases() []testCase {
	ctx := context.Background()
	var cases []testCase
	add := func(name string, f func(m backend.Model, p *modelProblem, b *modelBuffers) error) {
		cases = append(cases, testCase{name, func(s subject) error { return checkModelArgumentError(s, f) }})
	}
	for _, c := range []struct {
		name  string
		spoil func(m *backend.Matrix)
	}{
		{"one row less", func(m *backend.Matrix) { m.Rows-- }},
		{"one row more", func(m *backend.Matrix) { m.Rows++ }},
		{"one column less", func(m *backend.Matrix) { m.Cols-- }},
		{"one column more", func(m *backend.Matrix) { m.Cols++ }},
		{"stride below its columns", func(m *backend.Matrix) { m.Stride = m.Cols - 1 }},
		{"too short", func(m *backend.Matrix) { m.Data = m.Data[:len(m.Data)-1] }},
	} {
		for _, which := range []struct {
			name   string
			matrix func(b *modelBuffers) *backend.Matrix
			back   bool
		}{
			{"x", func(b *modelBuffers) *backend.Matrix { return &b.x }, false},
			{"y", func(b *modelBuffers) *backend.Matrix { return &b.y.Matrix }, false},
			{"dy", func(b *modelBuffers) *backend.Matrix { return &b.dy }, true},
			{"dx", func(b *modelBuffers) *backend.Matrix { return &b.dx.Matrix }, true},
		} {
			name := which.name + " " + c.name
			if !which.back {
				add("Forward/"+name, func(m backend.Model, p *modelProblem, b *modelBuffers) error {
					c.spoil(which.matrix(b))
					return m.Forward(ctx, b.x, b.y.Matrix)
				})
				continue
			}
			add("Backward/"+name, func(m backend.Model, p *modelProblem, b *modelBuffers) error {
				c.spoil(which.matrix(b))
				return m.Backward(ctx, b.dy, b.dx.Matrix)
			})
			add("InputGradients/"+name, func(m backend.Model, p *modelProblem, b *modelBuffers) error {
				c.spoil(which.matrix(b))
				return m.InputGradients(ctx, b.dy, b.dx.Matrix)
			})
		}
	}
	add("Forward/no rows", func(m backend.Model, p *modelProblem, b *modelBuffers) error {
		b.x.Rows, b.y.Rows = 0, 0
		return m.Forward(ctx, b.x, b.y.Matrix)
	})
	add("Forward/more rows than the model", func(m backend.Model, p *modelProblem, b *modelBuffers) error {
		rows := p.spec.Rows + 1
		return m.Forward(ctx, backend.NewMatrix(rows, p.spec.MLP.Inputs), backend.NewMatrix(rows, p.spec.MLP.Outputs))
	})
	for _, more := range []int{-1, 1} {
		add(fmt.Sprintf("Gradient/parameters %+d", more), func(m backend.Model, p *modelProblem, b *modelBuffers) error {
			return m.Gradient(b.array.inner()[:len(p.state.Params)+more])
		})
		for _, c := range []struct {
			name string
			of   func(st *backend.State) *[]float32
		}{
			{"Params", func(st *backend.State) *[]float32 { return &st.Params }},
			{"M", func(st *backend.State) *[]float32 { return &st.M }},
			{"V", func(st *backend.State) *[]float32 { return &st.V }},
		} {
			add(fmt.Sprintf("SetState/%s %+d", c.name, more), func(m backend.Model, p *modelProblem, b *modelBuffers) error {
				st := p.state.Clone()
				scribble(st)
				st.Step = 99
				*c.of(&st) = make([]float32, len(p.state.Params)+more)
				return m.SetState(st)
			})
		}
	}

	// Without a pass forward there is none back.
	for _, c := range []struct {
		name   string
		before func(m backend.Model, p *modelProblem) error
	}{
		{"Forward", func(backend.Model, *modelProblem) error { return nil }},
		{"another Forward after Update", func(m backend.Model, p *modelProblem) error {
			_, err := p.forward(m, p.x)
			return errors.Join(err, m.Update(1e-3, 1))
		}},
		{"another Forward after SetState", func(m backend.Model, p *modelProblem) error {
			_, err := p.forward(m, p.x)
			return errors.Join(err, m.SetState(p.state))
		}},
	} {
		cases = append(cases, testCase{"back before " + c.name, func(s subject) error {
			p := newModelProblem(smallModel, backend.Softplus, 2)
			m, err := p.start(s)
			if err != nil {
				return err
			}
			defer m.Close()
			if err := c.before(m, p); err != nil {
				return err
			}
			if err := p.wantNoPass(m); err != nil {
				return err
			}
			grad, err := modelGradient(p, m)
			return errors.Join(err, sameBits("gradient", grad, make([]float32, len(grad))))
		}})
	}
	return cases
}

// checkModelArgumentError wants ErrShape, no value written, and a model with
// state, gradient and pass as if nothing had happened.
func checkModelArgumentError(s subject, f func(m backend.Model, p *modelProblem, b *modelBuffers) error) error {
	p := newModelProblem(smallModel, backend.Softplus, 2)
	p.spec.Rows = p.x.Rows + 3
	p.warm(3)
	m, err := p.start(s)
	if err != nil {
		return err
	}
	defer m.Close()
	x, dy := p.batch(p.x.Rows-2, 9)
	in, out := p.spec.MLP.Inputs, p.spec.MLP.Outputs
	b := &modelBuffers{
		x: x, dy: dy,
		y:     newPadded(x.Rows, out, out+1),
		dx:    newPadded(x.Rows, in, in+1),
		array: newGuarded(len(p.state.Params) + 1),
	}
	_, err1 := p.forward(m, x)
	wantX, err2 := p.back(dy, m.Backward)
	before, err3 := modelGradient(p, m)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	if err := wantError("the call", f(m, p, b), backend.ErrShape); err != nil {
		return err
	}
	state, err1 := m.State()
	after, err2 := modelGradient(p, m)
	gotX, err3 := p.back(dy, m.InputGradients)
	return errors.Join(err1, err2, err3, sameState(state, p.state), sameBits("gradient", after, before),
		sameBits("dV/dx", gotX.Data, wantX.Data),
		b.y.untouched("y"), b.dx.untouched("dx"), b.array.untouched("array"))
}

// A modelCall is one method of a model with valid arguments.
type modelCall struct {
	name        string
	usesContext bool
	call        func(ctx context.Context) error
}

// calls lists the methods of a model but State, SetState and Close, in an order
// in which all are valid.
func (p *modelProblem) calls(m backend.Model, y, dx padded) []modelCall {
	return []modelCall{
		{"Forward", true, func(ctx context.Context) error { return m.Forward(ctx, p.x, y.Matrix) }},
		{"Backward", true, func(ctx context.Context) error { return m.Backward(ctx, p.dy, dx.Matrix) }},
		{"InputGradients", true, func(ctx context.Context) error { return m.InputGradients(ctx, p.dy, dx.Matrix) }},
		{"Gradient", false, func(context.Context) error { return m.Gradient(make([]float32, len(p.state.Params))) }},
		{"Update", false, func(context.Context) error { return m.Update(1e-3, 1) }},
	}
}

// buffers are what calls store in.
func (p *modelProblem) buffers() (y, dx padded) {
	in, out := p.spec.MLP.Inputs, p.spec.MLP.Outputs
	return newPadded(p.x.Rows, out, out+1), newPadded(p.x.Rows, in, in+1)
}

func modelClosedCases() []testCase {
	ctx := context.Background()
	// closed closes what closer picks, twice, and wants ErrClosed of the model.
	closed := func(s subject, closer func(m backend.Model) interface{ Close() error }, more func(p *modelProblem, m backend.Model) error) error {
		p := newModelProblem(smallModel, backend.Softplus, 4)
		m, err := p.start(s)
		if err != nil {
			return err
		}
		y, dx := p.buffers()
		calls := p.calls(m, y, dx)
		for _, c := range calls[:3] {
			if err := c.call(ctx); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		for i := range 2 {
			if err := closer(m).Close(); err != nil {
				return fmt.Errorf("call %d of Close: %w", i+1, err)
			}
		}
		var errs []error
		for _, c := range calls {
			errs = append(errs, wantError(c.name, c.call(ctx), backend.ErrClosed))
		}
		return errors.Join(append(errs, more(p, m))...)
	}
	return []testCase{
		{"model", func(s subject) error {
			return closed(s, func(m backend.Model) interface{ Close() error } { return m }, func(p *modelProblem, m backend.Model) error {
				_, err := m.State()
				return errors.Join(wantError("State", err, backend.ErrClosed), wantError("SetState", m.SetState(p.state), backend.ErrClosed))
			})
		}},
		{"backend", func(s subject) error {
			return closed(s, func(backend.Model) interface{ Close() error } { return s.Backend }, func(p *modelProblem, m backend.Model) error {
				_, err := s.NewModel(p.spec)
				return errors.Join(wantError("NewModel", err, backend.ErrClosed), m.Close(), m.Close())
			})
		}},
		{"one model of two", func(s subject) error {
			p := newModelProblem(smallModel, backend.Softplus, 4)
			m, err := p.start(s)
			if err != nil {
				return err
			}
			defer m.Close()
			other, err := p.start(s)
			if err != nil {
				return err
			}
			if err := other.Close(); err != nil {
				return err
			}
			y, dx := p.buffers()
			for _, c := range p.calls(m, y, dx) {
				if err := c.call(ctx); err != nil {
					return fmt.Errorf("%s after another model was closed: %w", c.name, err)
				}
			}
			return nil
		}},
	}
}

func checkModelCancel(s subject) error {
	p := newModelProblem(smallModel, backend.Softplus, 5)
	p.warm(3)
	m, err := p.start(s)
	if err != nil {
		return err
	}
	defer m.Close()
	_, err1 := p.forward(m, p.x)
	wantX, err2 := p.back(p.dy, m.Backward)
	before, err3 := modelGradient(p, m)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	y, dx := p.buffers()
	var errs []error
	for _, c := range p.calls(m, y, dx) {
		if c.usesContext {
			errs = append(errs, wantError(c.name, c.call(ctx), context.Canceled))
		}
	}
	state, err1 := m.State()
	after, err2 := modelGradient(p, m)
	gotX, err3 := p.back(p.dy, m.InputGradients)
	return errors.Join(append(errs, err1, err2, err3, sameState(state, p.state), sameBits("gradient", after, before),
		sameBits("dV/dx", gotX.Data, wantX.Data), y.untouched("y"), dx.untouched("dx"))...)
}
