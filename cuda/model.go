//go:build cuda

package cuda

import (
	"context"
	"errors"
	"fmt"

	"gomine/cuda/internal/driver"
	"gomine/cuda/internal/kernel"
	"gomine/mine/backend"
)

// model is a perceptron. The plan of its gradient has a part in front of those of
// each block that a pass back leaves: the sum of all passes so far.
type model struct {
	device *device
	spec   backend.ModelSpec
	closed bool

	parameters
	memory  *driver.Memory
	stream  *driver.Stream
	carrier carrier
	widths  []int            // of the inputs and every layer's outputs
	h, d    []driver.Pointer // these for a pass's rows, and dV/d(inputs of f); of the inputs x and dV/dx

	plan           *plan
	first, further driver.Pointer // segments that sum up the parts of a pass, and those behind what was there
	total          driver.Pointer // segments with that sum alone
	control, clock driver.Pointer // constants of an update; it is always number 0

	rows  int  // of the last Forward; 0 if there is none to go back from
	added bool // whether there is a sum since the last update
	step  uint64
}

func (d *device) NewModel(spec backend.ModelSpec) (backend.Model, error) {
	fail := func(err error) (backend.Model, error) { return nil, fmt.Errorf("cuda: new model: %w", err) }
	if d.closed.Load() {
		return fail(backend.ErrClosed)
	}
	if err := spec.Validate(); err != nil {
		return fail(err)
	}
	m := &model{device: d, spec: spec, parameters: parameters{layout: newLayout(spec.MLP.Blocks())}}
	m.widths = append(append([]int{spec.MLP.Inputs}, spec.MLP.Hidden...), spec.MLP.Outputs)
	m.spec.MLP.Hidden = m.widths[1 : len(m.widths)-1]
	m.plan = newPlan(m.layout)
	m.plan.fill(func(placed) int { return spec.Rows }, 1)
	if err := d.gpu.Do(m.open); err != nil {
		return fail(err)
	}
	return m, nil
}

// open allocates; after an error nothing stays allocated.
func (m *model) open() (err error) {
	m.memory, m.stream = m.device.gpu.NewMemory(), m.device.gpu.Stream()
	defer func() {
		if err != nil {
			err = errors.Join(err, m.release())
		}
	}()
	params := 4 * int64(m.layout.size)
	for _, a := range []struct {
		what  string
		to    *driver.Pointer
		bytes int64
	}{
		{"parameters", &m.params, params}, {"first moments", &m.m, params}, {"second moments", &m.v, params},
		{"clock", &m.clock, 16}, {"rate", &m.control, 16},
	} {
		if *a.to, err = m.memory.Alloc(a.what, a.bytes); err != nil {
			return err
		}
	}
	m.h, m.d = make([]driver.Pointer, len(m.widths)), make([]driver.Pointer, len(m.widths))
	for k, width := range m.widths {
		bytes := 4 * int64(m.spec.Rows) * int64(padded(width))
		if m.h[k], err = m.memory.Alloc(fmt.Sprintf("layer %d", k), bytes); err != nil {
			return err
		}
		if m.d[k], err = m.memory.Alloc(fmt.Sprintf("derivatives of layer %d", k), bytes); err != nil {
			return err
		}
	}
	if err := m.plan.open(m.memory); err != nil {
		return err
	}
	sum := func(b placed) segment {
		s := m.plan.sum(b)
		s.start = s.offset - s.stride
		return s
	}
	if m.first, err = m.plan.segments(m.memory, sum); err != nil {
		return err
	}
	m.further, err = m.plan.segments(m.memory, func(b placed) segment {
		s := sum(b)
		s.offset, s.parts = s.start, s.parts+1
		return s
	})
	if err != nil {
		return err
	}
	m.total, err = m.plan.segments(m.memory, func(b placed) segment {
		s := m.plan.sum(b)
		s.offset, s.parts = s.offset-s.stride, 1
		return s
	})
	return err
}

// release frees everything.
func (m *model) release() error { return m.memory.Free() }

func (m *model) Close() error {
	if m.closed {
		return nil
	}
	m.closed = true
	if err := m.device.gpu.Release(m.release); err != nil {
		return fmt.Errorf("cuda: close model: %w", err)
	}
	return nil
}

// do runs f on the device's thread if the model can be used.
func (m *model) do(op string, f func() error) error {
	if m.closed || m.device.closed.Load() {
		return fmt.Errorf("cuda: %s: %w", op, backend.ErrClosed)
	}
	if err := m.device.gpu.Do(f); err != nil {
		return fmt.Errorf("cuda: %s: %w", op, err)
	}
	return nil
}

// mostRows are the rows that a grid can have as tiles. Tests make it less.
var mostRows = tileSize * 65535

// stretches calls f with n rows from lo on, for all rows, most at a time.
func stretches(rows, most int, f func(lo, n int) error) error {
	for lo := 0; lo < rows; lo += most {
		if err := f(lo, min(most, rows-lo)); err != nil {
			return err
		}
	}
	return nil
}

// row returns the address of a row of an array of layer k.
func (m *model) row(array []driver.Pointer, k, i int) driver.Pointer {
	return array[k].Float(i * padded(m.widths[k]))
}

func (m *model) Forward(ctx context.Context, x, y backend.Matrix) error {
	return m.do("forward", func() error {
		if x.Rows < 1 || x.Rows > m.spec.Rows {
			return fmt.Errorf("%d rows, want 1 to %d: %w", x.Rows, m.spec.Rows, backend.ErrShape)
		}
		if err := errors.Join(x.CheckShape("x", x.Rows, m.spec.MLP.Inputs), y.CheckShape("y", x.Rows, m.spec.MLP.Outputs)); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		m.rows = 0
		if err := m.carrier.up(m.stream, m.h[0], x); err != nil {
			return err
		}
		last, nn := len(m.widths)-1, precisions[m.device.precision].nn
		err := stretches(x.Rows, mostRows, func(lo, n int) error {
			for k := 1; k <= last; k++ {
				in, out, activation := m.widths[k-1], m.widths[k], int(m.spec.MLP.Activation)
				if k == last {
					activation = -1
				}
				err := nn(m.stream, tiles(n, out, 1), kernel.GemmNNArgs{
					C: m.row(m.h, k, lo), A: m.row(m.h, k-1, lo), B: m.param(weights(k)), Bias: m.param(bias(k)),
					M: n, N: out, K: in, Lda: padded(in), Ldb: padded(out), Ldc: padded(out), Activation: activation,
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := m.carrier.down(m.stream, y, m.h[last], nil); err != nil {
			return err
		}
		m.rows = x.Rows
		return nil
	})
}

func (m *model) Backward(ctx context.Context, dy, dx backend.Matrix) error {
	return m.back(ctx, "backward", dy, dx, true)
}

func (m *model) InputGradients(ctx context.Context, dy, dx backend.Matrix) error {
	return m.back(ctx, "input gradients", dy, dx, false)
}

// back is Backward, or InputGradients without the parameters.
func (m *model) back(ctx context.Context, op string, dy, dx backend.Matrix, params bool) error {
	return m.do(op, func() error {
		if m.rows == 0 {
			return fmt.Errorf("no rows went forward since the parameters changed: %w", backend.ErrShape)
		}
		if err := dy.CheckShape("dy", m.rows, m.spec.MLP.Outputs); err != nil {
			return err
		}
		inputs := !params || !dx.IsZero()
		if inputs {
			if err := dx.CheckShape("dx", m.rows, m.spec.MLP.Inputs); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		last := len(m.widths) - 1
		if err := m.carrier.up(m.stream, m.d[last], dy); err != nil {
			return err
		}
		if err := m.derivatives(inputs); err != nil {
			return err
		}
		if params {
			if err := m.gradient(); err != nil {
				return err
			}
		}
		if !inputs {
			return nil
		}
		return m.carrier.down(m.stream, dx, m.d[0], nil)
	})
}

// derivatives queues the way from dV/dy to the inputs of every layer's activation
// and, if inputs is set, to dV/dx.
func (m *model) derivatives(inputs bool) error {
	nt, lowest := precisions[m.device.precision].nt, 2
	if inputs {
		lowest = 1
	}
	return stretches(m.rows, mostRows, func(lo, n int) error {
		for k := len(m.widths) - 1; k >= lowest; k-- {
			in, out := m.widths[k-1], m.widths[k]
			h, activation := m.row(m.h, k-1, lo), int(m.spec.MLP.Activation)
			if k == 1 {
				h, activation = 0, -1
			}
			err := nt(m.stream, tiles(n, in, 1), kernel.GemmNTArgs{
				C: m.row(m.d, k-1, lo), A: m.row(m.d, k, lo), B: m.param(weights(k)), H: h, M: n, N: in, K: out,
				Lda: padded(out), Ldb: padded(out), Ldc: padded(in), Ldh: padded(in), Activation: activation,
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// gradient queues the adding of what the rows give to the gradient.
func (m *model) gradient() error {
	for k := 1; k < len(m.widths); k++ {
		if err := m.plan.weights(m.stream, precisions[m.device.precision], weights(k), m.h[k-1], 0, m.d[k], m.rows); err != nil {
			return err
		}
		if err := m.plan.biases(m.stream, bias(k), m.d[k], m.rows); err != nil {
			return err
		}
	}
	segments := m.first
	if m.added {
		segments = m.further
	}
	m.added = true
	return m.plan.adam(m.stream, &m.parameters, m.plan.partials, segments, m.control, m.clock, 0, adamOf(m.spec.Adam))
}

func (m *model) Gradient(grad []float32) error {
	if want := m.spec.MLP.NumParams(); len(grad) != want {
		return fmt.Errorf("cuda: gradient of %d values, model has %d parameters: %w", len(grad), want, backend.ErrShape)
	}
	return m.do("gradient", func() error {
		if !m.added {
			clear(grad)
			return nil
		}
		device := make([]float32, m.layout.size)
		for _, b := range m.layout.blocks {
			at := m.plan.parts[b.id()]
			if err := driver.Download(m.stream, device[b.start:][:b.len()], m.plan.partials.Float(at.offset-at.stride)); err != nil {
				return err
			}
		}
		m.layout.gather(device, grad)
		return nil
	})
}

func (m *model) Update(rate, scale float64) error {
	return m.do("update", func() error {
		if !m.added {
			scale = 0
		}
		if err := driver.Upload(m.stream, m.control, controlOf(m.spec.Adam, m.step, rate, scale)); err != nil {
			return err
		}
		if err := m.plan.adam(m.stream, &m.parameters, 0, m.total, m.control, m.clock, 0, adamOf(m.spec.Adam)); err != nil {
			return err
		}
		m.step++
		m.added, m.rows = false, 0
		return nil
	})
}

func (m *model) State() (backend.State, error) {
	n := m.spec.MLP.NumParams()
	s := backend.State{Step: m.step, Params: make([]float32, n), M: make([]float32, n), V: make([]float32, n)}
	if err := m.do("state", func() error { return m.read(m.stream, s) }); err != nil {
		return backend.State{}, err
	}
	return s, nil
}

func (m *model) SetState(s backend.State) error {
	return m.do("set state", func() error {
		if err := s.Validate(m.spec.MLP); err != nil {
			return err
		}
		if err := m.write(m.stream, s); err != nil {
			return err
		}
		m.step, m.added, m.rows = s.Step, false, 0
		return nil
	})
}
