package cpu

import (
	"context"
	"errors"
	"fmt"

	"gomine/cpu/internal/f32"
	"gomine/mine/backend"
)

// model is a perceptron. Workers take rows on the way forward and back, and
// rows of every matrix for the gradient and the update: an element of a product
// does not depend on the cut, so nothing depends on their number.
type model struct {
	device *device
	spec   backend.ModelSpec
	closed bool

	layers []layer
	x      matrix // of the last Forward
	rows   int    // of the last Forward; 0 if there is none to go back from
	added  bool   // whether grad holds something since the last update
	step   uint64
}

// layer is h = f(in w + b), without f in the last one.
type layer struct {
	w, b parameter
	h, d matrix // outputs, and dV/d(inputs of f)

	forward, backward *f32.Packed // w and its transpose as products read them
	sum               matrix      // one row
}

// parameter is an array with its gradient and moments.
type parameter struct{ value, grad, m, v matrix }

func newParameter(rows, cols int) parameter {
	return parameter{newMatrix(rows, cols), newMatrix(rows, cols), newMatrix(rows, cols), newMatrix(rows, cols)}
}

func (d *device) NewModel(spec backend.ModelSpec) (backend.Model, error) {
	if d.closed.Load() {
		return nil, fmt.Errorf("cpu: new model: %w", backend.ErrClosed)
	}
	if err := spec.Validate(); err != nil {
		return nil, fmt.Errorf("cpu: new model: %w", err)
	}
	m := &model{device: d, spec: spec, x: newMatrix(spec.Rows, spec.MLP.Inputs)}
	m.spec.MLP.Hidden = append([]int(nil), spec.MLP.Hidden...)
	in := spec.MLP.Inputs
	for _, out := range append(m.spec.MLP.Hidden[:len(spec.MLP.Hidden):len(spec.MLP.Hidden)], spec.MLP.Outputs) {
		m.layers = append(m.layers, layer{
			w: newParameter(in, out), b: newParameter(1, out),
			h: newMatrix(spec.Rows, out), d: newMatrix(spec.Rows, out),
			forward: f32.NewPacked(in, out), backward: f32.NewPacked(out, in),
			sum: newMatrix(1, out),
		})
		in = out
	}
	return m, nil
}

// begin checks that the model can be used and takes the workers.
func (m *model) begin(op string) error {
	m.device.pool.mu.Lock()
	if m.closed || m.device.closed.Load() {
		m.device.pool.mu.Unlock()
		return fmt.Errorf("cpu: %s: %w", op, backend.ErrClosed)
	}
	return nil
}

func (m *model) end() { m.device.pool.mu.Unlock() }

// modelFLOP are the floating-point operations of products for which another
// worker pays: some 40 µs of one. A variable for the tests alone.
var modelFLOP = 1 << 22

// run runs region, with as many workers as products of so many rows with every
// matrix, times passes, are worth.
func (m *model) run(rows, passes int, region func(w *worker)) {
	flop := 2 * rows * passes * m.spec.MLP.NumParams()
	m.device.pool.run(max(1, min(len(m.device.pool.workers), flop/modelFLOP)), region)
}

// rowsOf calls f with this worker's share of [0, n), few enough rows at a time
// that they stay in the cache from layer to layer.
func (w *worker) rowsOf(n int, f func(lo, n int)) {
	lo, hi := w.share(n)
	for ; lo < hi; lo += layerRows {
		f(lo, min(layerRows, hi-lo))
	}
}

func (m *model) Forward(ctx context.Context, x, y backend.Matrix) error {
	if err := m.begin("forward"); err != nil {
		return err
	}
	defer m.end()
	if x.Rows < 1 || x.Rows > m.spec.Rows {
		return fmt.Errorf("cpu: forward: %d rows, want 1 to %d: %w", x.Rows, m.spec.Rows, backend.ErrShape)
	}
	if err := errors.Join(x.CheckShape("x", x.Rows, m.spec.MLP.Inputs), y.CheckShape("y", x.Rows, m.spec.MLP.Outputs)); err != nil {
		return fmt.Errorf("cpu: forward: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("cpu: forward: %w", err)
	}
	apply := activations[m.spec.MLP.Activation].apply
	m.run(x.Rows, 1, func(w *worker) {
		w.rowsOf(x.Rows, func(lo, n int) {
			for i := lo; i < lo+n; i++ {
				copy(m.x.row(i), x.Row(i))
			}
			in := &m.x
			for k := range m.layers {
				l := &m.layers[k]
				w.gemm.GemmPacked(n, in.from(lo), in.stride, l.forward, l.b.value.data, l.h.from(lo), l.h.stride)
				if k < len(m.layers)-1 {
					apply(l.h.block(lo, n), l.h.block(lo, n))
				}
				in = &l.h
			}
			for i := lo; i < lo+n; i++ {
				copy(y.Row(i), in.row(i))
			}
		})
	})
	m.rows = x.Rows
	return nil
}

func (m *model) Backward(ctx context.Context, dy, dx backend.Matrix) error {
	return m.back(ctx, "backward", dy, dx, true)
}

func (m *model) InputGradients(ctx context.Context, dy, dx backend.Matrix) error {
	return m.back(ctx, "input gradients", dy, dx, false)
}

// back is Backward, or InputGradients without the parameters.
func (m *model) back(ctx context.Context, op string, dy, dx backend.Matrix, params bool) error {
	if err := m.begin(op); err != nil {
		return err
	}
	defer m.end()
	if m.rows == 0 {
		return fmt.Errorf("cpu: %s: no rows went forward since the parameters changed: %w", op, backend.ErrShape)
	}
	if err := dy.CheckShape("dy", m.rows, m.spec.MLP.Outputs); err != nil {
		return fmt.Errorf("cpu: %s: %w", op, err)
	}
	inputs := !params || !dx.IsZero()
	if inputs {
		if err := dx.CheckShape("dx", m.rows, m.spec.MLP.Inputs); err != nil {
			return fmt.Errorf("cpu: %s: %w", op, err)
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("cpu: %s: %w", op, err)
	}
	m.run(m.rows, 2, func(w *worker) {
		w.rowsOf(m.rows, func(lo, n int) { m.derivatives(w, lo, n, dy, dx, inputs) })
		if params {
			w.wait()
			m.gradient(w)
		}
	})
	m.added = m.added || params
	return nil
}

// derivatives takes dV/dy of rows [lo, lo+n) back to the inputs of every
// layer's activation and, if inputs is set, to dV/dx.
func (m *model) derivatives(w *worker, lo, n int, dy, dx backend.Matrix, inputs bool) {
	grad := activations[m.spec.MLP.Activation].grad
	last := len(m.layers) - 1
	for i := lo; i < lo+n; i++ {
		copy(m.layers[last].d.row(i), dy.Row(i))
	}
	for k := last; k >= 1; k-- {
		l, below := &m.layers[k], &m.layers[k-1]
		w.gemm.GemmPacked(n, l.d.from(lo), l.d.stride, l.backward, nil, below.d.from(lo), below.d.stride)
		grad(below.d.block(lo, n), below.h.block(lo, n))
	}
	if inputs {
		l := &m.layers[0]
		w.gemm.GemmPacked(n, l.d.from(lo), l.d.stride, l.backward, nil, dx.Data[lo*dx.Stride:], dx.Stride)
	}
}

// gradient adds what the rows give to this worker's part of the gradient.
func (m *model) gradient(w *worker) {
	in := &m.x
	for k := range m.layers {
		l := &m.layers[k]
		if lo, hi := w.share(l.w.grad.rows()); lo < hi {
			w.gemm.Gemm(true, false, hi-lo, l.d.cols, m.rows, in.data[lo:], in.stride, l.d.data, l.d.stride,
				nil, m.added, l.w.grad.from(lo), l.w.grad.stride)
		}
		if lo, hi := w.lanes(l.sum.stride); lo < hi {
			grad := l.b.grad.data[lo:hi]
			f32.ColumnSums(l.sum.data[lo:hi], m.rows, l.d.data[lo:], l.d.stride)
			if m.added {
				f32.Add(grad, grad, l.sum.data[lo:hi])
			} else {
				copy(grad, l.sum.data[lo:hi])
			}
		}
		in = &l.h
	}
}

func (m *model) Gradient(grad []float32) error {
	if want := m.spec.MLP.NumParams(); len(grad) != want {
		return fmt.Errorf("cpu: gradient of %d values, model has %d parameters: %w", len(grad), want, backend.ErrShape)
	}
	if err := m.begin("gradient"); err != nil {
		return err
	}
	defer m.end()
	if !m.added {
		clear(grad)
		return nil
	}
	m.each(grad, func(p *parameter) *matrix { return &p.grad }, func(row, flat []float32) { copy(flat, row) })
	return nil
}

func (m *model) Update(rate, scale float64) error {
	if err := m.begin("update"); err != nil {
		return err
	}
	defer m.end()
	plain, decaying := adamSteps(m.spec.Adam, m.step, rate)
	if !m.added {
		scale = 0
	}
	step := func(p *parameter, lo, hi int, s *f32.AdamStep) {
		g := p.grad.data[lo:hi]
		switch scale {
		case 1:
		case 0:
			clear(g) // what is left there need not be finite
		default:
			f32.Scale(g, float32(scale), g)
		}
		f32.Adam(p.value.data[lo:hi], g, p.m.data[lo:hi], p.v.data[lo:hi], s)
	}
	// An update costs about as much as the products of a few rows.
	m.run(8, 1, func(w *worker) {
		for k := range m.layers {
			l := &m.layers[k]
			w.units(l.w.value.rows(), func(lo, hi int) {
				step(&l.w, lo*l.w.value.stride, hi*l.w.value.stride, &decaying)
				l.pack(lo, hi)
			})
			lo, hi := w.lanes(l.b.value.stride)
			step(&l.b, lo, hi, &plain)
		}
	})
	m.step++
	m.added, m.rows = false, 0
	return nil
}

// pack lays out rows [lo, hi) of the weights for the products; lo and, but at
// the end, hi are multiples of f32.PackUnit.
func (l *layer) pack(lo, hi int) {
	w := &l.w.value
	l.forward.SetRows(lo, hi, w.from(lo), w.stride)
	l.backward.SetColumns(lo, hi, w.from(lo), w.stride)
}

// each calls f with every row of one array of the parameters and its place in
// the contract's layout.
func (m *model) each(flat []float32, array func(*parameter) *matrix, f func(row, flat []float32)) {
	for k := range m.layers {
		for _, p := range []*parameter{&m.layers[k].w, &m.layers[k].b} {
			a := array(p)
			for i := range a.rows() {
				f(a.row(i), flat[:a.cols])
				flat = flat[a.cols:]
			}
		}
	}
}

// modelArrays are those of a state.
var modelArrays = [3]func(*parameter) *matrix{
	func(p *parameter) *matrix { return &p.value },
	func(p *parameter) *matrix { return &p.m },
	func(p *parameter) *matrix { return &p.v },
}

func (m *model) State() (backend.State, error) {
	if err := m.begin("state"); err != nil {
		return backend.State{}, err
	}
	defer m.end()
	n := m.spec.MLP.NumParams()
	s := backend.State{Step: m.step, Params: make([]float32, n), M: make([]float32, n), V: make([]float32, n)}
	for i, flat := range [][]float32{s.Params, s.M, s.V} {
		m.each(flat, modelArrays[i], func(row, flat []float32) { copy(flat, row) })
	}
	return s, nil
}

func (m *model) SetState(s backend.State) error {
	if err := m.begin("set state"); err != nil {
		return err
	}
	defer m.end()
	if err := s.Validate(m.spec.MLP); err != nil {
		return fmt.Errorf("cpu: set state: %w", err)
	}
	for i, flat := range [][]float32{s.Params, s.M, s.V} {
		m.each(flat, modelArrays[i], func(row, flat []float32) { copy(row, flat) })
	}
	for k := range m.layers {
		m.layers[k].pack(0, m.layers[k].w.value.rows())
	}
	m.step, m.added, m.rows = s.Step, false, 0
	return nil
}

func (m *model) Close() error {
	m.closed = true
	return nil
}
