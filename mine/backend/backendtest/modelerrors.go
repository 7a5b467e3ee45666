package backendtest

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gomine/mine/backend"
)

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
