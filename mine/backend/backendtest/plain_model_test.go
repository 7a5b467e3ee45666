package backendtest

import (
	"context"
	"fmt"
	"math"

	"gomine/mine/backend"
)

// plainModel is a perceptron of nested loops, one row after the other.
type plainModel[F float32 | float64] struct {
	b      *plain[F]
	spec   backend.ModelSpec
	state  backend.State
	grad   []F
	ran    uint64 // updates of this model, for faults
	closed bool

	rows   int            // of the last pass; 0 if there is none
	passes []plainRow[F]  // of the last pass, and what longer ones before it left
	x      backend.Matrix // of the last pass, for faults
}

// A plainRow holds the values and slopes of one row by layer: h[0] is the input.
type plainRow[F float32 | float64] struct{ h, dh [][]F }

func (b *plain[F]) NewModel(spec backend.ModelSpec) (backend.Model, error) {
	if b.closed.Load() && !b.has("closed backend makes models") {
		return nil, fmt.Errorf("plain: new model: %w", backend.ErrClosed)
	}
	if err := spec.Validate(); err != nil && !b.has("spec of a model not validated") {
		return nil, fmt.Errorf("plain: new model: %w", err)
	}
	if !b.has("spec aliased") {
		spec.MLP.Hidden = append([]int(nil), spec.MLP.Hidden...)
	}
	n := spec.MLP.NumParams()
	m := &plainModel[F]{b: b, spec: spec, grad: make([]F, n), passes: make([]plainRow[F], spec.Rows)}
	m.state = backend.State{Params: make([]float32, n), M: make([]float32, n), V: make([]float32, n)}
	if b.has("not initially zero") {
		m.state.Params[0] = 1
	}
	return m, nil
}

func (m *plainModel[F]) has(fault string) bool { return m.b.fault == fault }

func (m *plainModel[F]) ready(ctx context.Context) error {
	switch {
	case m.closed && !m.has("closed model works"), m.b.closed.Load() && !m.has("closed backend works"):
		return fmt.Errorf("plain: model: %w", backend.ErrClosed)
	case ctx.Err() != nil && !m.has("cancellation ignored"):
		return fmt.Errorf("plain: model: %w", ctx.Err())
	}
	return nil
}

// fits wants a matrix of rows and cols.
func (m *plainModel[F]) fits(g backend.Matrix, rows, cols int) error {
	if err := g.Validate(); err != nil && !m.has("output matrices not validated") {
		return fmt.Errorf("plain: model: %w", err)
	}
	if g.Rows != rows && !m.has("rows of a model not compared") || g.Cols != cols && !m.has("columns of a model not compared") {
		return fmt.Errorf("plain: model: matrix of %d x %d, want %d x %d: %w", g.Rows, g.Cols, rows, cols, backend.ErrShape)
	}
	return nil
}

func (m *plainModel[F]) Forward(ctx context.Context, x, y backend.Matrix) error {
	if m.has("Forward ends the pass before it checks") {
		m.rows = 0
	}
	if err := m.ready(ctx); err != nil {
		return err
	}
	if x.Rows < 1 || x.Rows > m.spec.Rows {
		return fmt.Errorf("plain: forward of %d rows: %w", x.Rows, backend.ErrShape)
	}
	if m.has("Forward writes before it checks") && len(y.Data) > 0 {
		y.Data[0] = 0
	}
	if err := m.fits(x, x.Rows, m.spec.MLP.Inputs); err != nil {
		return err
	}
	if err := m.fits(y, x.Rows, m.spec.MLP.Outputs); err != nil {
		return err
	}
	if m.has("stride ignored") {
		x.Stride = x.Cols
	}
	for i := range x.Rows {
		m.passes[i] = m.row(x.Row(i))
		for c, v := range m.passes[i].h[len(m.passes[i].h)-1] {
			y.Row(i)[c] = float32(v)
		}
		if m.has("padding overwritten") && i+1 < x.Rows {
			y.Data[i*y.Stride+y.Cols] = 0
		}
	}
	if m.has("Forward rounds up to a tile") {
		y.Data[:len(y.Data)+1][len(y.Data)] = 0
	}
	if m.has("data modified") {
		x.Data[0]++
	}
	if m.rows = x.Rows; m.has("Backward reads x") {
		m.x = x
	}
	return nil
}

// row takes one row forward.
func (m *plainModel[F]) row(x []float32) plainRow[F] {
	var p plainRow[F]
	h := make([]F, len(x))
	for c, v := range x {
		h[c] = F(v)
	}
	p.h = append(p.h, h)
	layers := len(m.spec.MLP.Hidden) + 1
	blocks := m.spec.MLP.Blocks()
	for k := range layers {
		w, bias := m.state.Params[blocks[2*k].Offset:], m.state.Params[blocks[2*k+1].Offset:]
		n := blocks[2*k].Cols
		next, slope := make([]F, n), make([]F, n)
		for c := range next {
			for r, v := range h {
				next[c] += m.b.product(v, F(w[r*n+c]))
			}
			if k < layers-1 || !m.has("no bias of the outputs") {
				next[c] += F(bias[c])
			}
			slope[c] = 1
			if k < layers-1 || m.has("outputs activated") {
				next[c], slope[c] = m.b.activate(m.spec.MLP.Activation, next[c])
			}
		}
		h = next
		p.h, p.dh = append(p.h, next), append(p.dh, slope)
	}
	return p
}

// back takes a row's dV/dy to dV/dx, and adds dV/dparameters to grad.
func (m *plainModel[F]) back(p plainRow[F], dy []float32, grad []F) []F {
	d := make([]F, len(dy))
	for c, v := range dy {
		d[c] = F(v)
	}
	blocks := m.spec.MLP.Blocks()
	for k := len(p.dh) - 1; k >= 0; k-- {
		w := m.state.Params[blocks[2*k].Offset:]
		for c := range d {
			d[c] *= p.dh[k][c]
			if k != 0 || !m.has("no gradient of the first bias") {
				grad[blocks[2*k+1].Offset+c] += d[c]
			}
		}
		down := make([]F, len(p.h[k]))
		for r, h := range p.h[k] {
			for c, v := range d {
				grad[blocks[2*k].Offset+r*len(d)+c] += m.b.product(h, v)
				down[r] += m.b.product(F(w[r*len(d)+c]), v)
			}
		}
		d = down
	}
	return d
}

func (m *plainModel[F]) Backward(ctx context.Context, dy, dx backend.Matrix) error {
	if dx.IsZero() && !m.has("Backward wants dx") {
		dx = backend.NewMatrix(max(1, m.rows), m.spec.MLP.Inputs)
	}
	if err := m.checkBack(ctx, dy, dx); err != nil {
		return err
	}
	if m.has("Backward overwrites the gradient") {
		clear(m.grad)
	}
	if m.has("Backward reads x") {
		for i := range m.rows {
			for c, v := range m.x.Row(i) {
				m.passes[i].h[0][c] = F(v)
			}
		}
	}
	m.backward(dy, dx, m.grad)
	if m.has("Backward takes all rows of the model") {
		for i := m.rows; i < len(m.passes); i++ {
			if m.passes[i].h != nil {
				m.back(m.passes[i], dy.Row(0), m.grad)
			}
		}
	}
	if m.has("Backward ends the pass") {
		m.rows = 0
	}
	return nil
}

func (m *plainModel[F]) InputGradients(ctx context.Context, dy, dx backend.Matrix) error {
	if err := m.checkBack(ctx, dy, dx); err != nil {
		return err
	}
	grad := make([]F, len(m.grad))
	switch {
	case m.has("InputGradients adds to the gradient"):
		grad = m.grad
	case m.has("InputGradients forgets the gradient"):
		clear(m.grad)
	}
	m.backward(dy, dx, grad)
	if m.has("InputGradients ends the pass") {
		m.rows = 0
	}
	return nil
}

func (m *plainModel[F]) checkBack(ctx context.Context, dy, dx backend.Matrix) error {
	if err := m.ready(ctx); err != nil {
		return err
	}
	if m.rows == 0 {
		if m.has("Backward without a Forward") {
			return nil
		}
		return fmt.Errorf("plain: backward before forward: %w", backend.ErrShape)
	}
	if m.has("Backward writes before it checks") && len(dx.Data) > 0 {
		dx.Data[0] = 0
	}
	if err := m.fits(dy, m.rows, m.spec.MLP.Outputs); err != nil {
		return err
	}
	return m.fits(dx, m.rows, m.spec.MLP.Inputs)
}

func (m *plainModel[F]) backward(dy, dx backend.Matrix, grad []F) {
	if m.has("stride of dy ignored") {
		dy.Stride = dy.Cols
	}
	for i := range m.rows {
		for c, v := range m.back(m.passes[i], dy.Row(i), grad) {
			dx.Row(i)[c] = float32(v)
		}
		if m.has("padding overwritten") && i+1 < m.rows {
			dx.Data[i*dx.Stride+dx.Cols] = 0
		}
	}
	if m.has("dV/dy modified") {
		dy.Data[0]++
	}
}

func (m *plainModel[F]) Gradient(grad []float32) error {
	if err := m.ready(context.Background()); err != nil {
		return err
	}
	if len(grad) != len(m.grad) && !m.has("long gradients of a model accepted") || len(grad) < len(m.grad) {
		return fmt.Errorf("plain: gradient of %d values: %w", len(grad), backend.ErrShape)
	}
	for i, g := range m.grad {
		grad[i] = float32(g)
	}
	switch {
	case m.has("Gradient writes beyond its array"):
		grad[:len(grad)+1][len(grad)] = 0
	case m.has("Gradient forgets the gradient"):
		clear(m.grad)
	}
	return nil
}

func (m *plainModel[F]) Update(rate, scale float64) error {
	if err := m.ready(context.Background()); err != nil {
		return err
	}
	switch {
	case m.has("scale ignored"):
		scale = 1
	case m.has("scale of the rate"):
		rate, scale = rate*scale, 1
	case m.has("sign of the scale ignored"):
		scale = math.Abs(scale)
	}
	grad := make([]float32, len(m.grad))
	empty := true
	for i, g := range m.grad {
		grad[i] = float32(F(scale) * g)
		empty = empty && g == 0
	}
	if empty && m.has("Update without a gradient does nothing") {
		return nil
	}
	m.ran++
	m.state.Step++
	s := float64(m.state.Step)
	switch {
	case m.has("bias correction one step late"):
		s--
	case m.has("bias correction counts from the trainer"):
		s = float64(m.ran)
	case m.has("bias correction counts from the backend"):
		s = float64(m.b.calls.Add(1))
	case m.has("step counter of 32 bits"):
		s = float64(uint32(m.state.Step))
	}
	m.b.adam(m.spec.Adam, s, rate, m.spec.MLP.Blocks(), grad, &m.state)
	if m.has("not deterministic") && m.b.calls.Add(1)%5 == 0 {
		m.state.M[0] = math.Nextafter32(m.state.M[0], 1)
	}
	m.forget("Update")
	return nil
}

// forget drops the gradient and the pass, unless the fault says otherwise.
func (m *plainModel[F]) forget(method string) {
	switch {
	case m.has(method + " keeps the gradient"):
	case m.has(method + " multiplies the gradient by zero"):
		for i := range m.grad {
			m.grad[i] *= 0
		}
	default:
		clear(m.grad)
	}
	if !m.has(method + " keeps the pass") {
		m.rows = 0
	}
}

func (m *plainModel[F]) State() (backend.State, error) {
	if m.closed && !m.has("closed model works") {
		return backend.State{}, fmt.Errorf("plain: %w", backend.ErrClosed)
	}
	if m.has("State aliased") {
		return m.state, nil
	}
	return m.state.Clone(), nil
}

func (m *plainModel[F]) SetState(s backend.State) error {
	if m.closed && !m.has("closed model works") {
		return fmt.Errorf("plain: %w", backend.ErrClosed)
	}
	if m.has("SetState forgets before it checks") {
		m.forget("SetState")
	}
	if err := s.Validate(m.spec.MLP); err != nil {
		return fmt.Errorf("plain: set state: %w", err)
	}
	old := m.state
	if m.state = s.Clone(); m.has("SetState aliased") {
		m.state = s
	}
	if !m.has("SetState keeps LogEMA") {
		m.state.LogEMA = 0
	}
	switch {
	case m.has("SetState keeps M"):
		m.state.M = old.M
	case m.has("SetState keeps V"):
		m.state.V = old.V
	case m.has("SetState keeps Step"):
		m.state.Step = old.Step
	}
	m.forget("SetState")
	return nil
}

func (m *plainModel[F]) Close() error {
	if m.closed && m.has("second Close of the model fails") {
		return backend.ErrClosed
	}
	m.closed = true
	return nil
}
