package cpu

import (
	"gomine/cpu/internal/f32"
	"gomine/mine/backend"
)

// matrix is a row-major float32 matrix whose rows are f32.Stride floats apart.
type matrix struct {
	cols, stride int
	data         []float32
}

func newMatrix(rows, cols int) matrix {
	stride := f32.Stride(cols)
	return matrix{cols, stride, f32.Aligned(rows * stride)}
}

func (m *matrix) row(i int) []float32 { return m.data[i*m.stride : i*m.stride+m.cols] }

// from returns the rows from i on.
func (m *matrix) from(i int) []float32 { return m.data[i*m.stride:] }

// activation bundles the kernels of one non-linearity f. The derivative is
// taken from the output h = f(a), so that a need not be kept.
type activation struct {
	sum   func(dst, a, b []float32) // dst = f(a + b)
	apply func(dst, src []float32)  // dst = f(src)
	grad  func(g, h []float32)      // g *= f'(a), h = f(a)
}

var activations = [...]activation{
	backend.Softplus: {f32.AddSoftplus, f32.Softplus, f32.SoftplusGrad},
	backend.ELU:      {f32.AddELU, f32.ELU, f32.ELUGrad},
	backend.ReLU:     {f32.AddReLU, f32.ReLU, f32.ReLUGrad},
}

// params is one array per parameter, its gradient or its moments, in the
// network's layout but with padded rows.
type params struct {
	wx, wz  matrix
	b       []matrix // bias of each hidden layer, one row
	w       []matrix // w[k] leads from layer k to layer k+1; w[0] is unused
	out     matrix   // one row
	bias    matrix   // 1 x 1
	ordered []matrix // all of the above in the order of Network.Blocks
	decays  []bool   // which of them weight decay applies to: not the biases
}

func newParams(n backend.Network) *params {
	p := &params{b: make([]matrix, len(n.Hidden)), w: make([]matrix, len(n.Hidden))}
	first, last := n.Hidden[0], n.Hidden[len(n.Hidden)-1]
	p.wx, p.wz, p.b[0] = newMatrix(n.DX, first), newMatrix(n.DZ, first), newMatrix(1, first)
	p.ordered = append(p.ordered, p.wx, p.wz, p.b[0])
	for k := 1; k < len(n.Hidden); k++ {
		p.w[k], p.b[k] = newMatrix(n.Hidden[k-1], n.Hidden[k]), newMatrix(1, n.Hidden[k])
		p.ordered = append(p.ordered, p.w[k], p.b[k])
	}
	p.out, p.bias = newMatrix(1, last), newMatrix(1, 1)
	p.ordered = append(p.ordered, p.out, p.bias)
	// After Wx, Wz and b1 come a matrix and a bias in turn.
	for i := range p.ordered {
		p.decays = append(p.decays, i < 2 || i%2 == 1)
	}
	return p
}

// each calls f with every row and its place in the contract's layout.
func (p *params) each(f func(row, flat []float32), flat []float32) {
	for _, m := range p.ordered {
		for i := range len(m.data) / m.stride {
			f(m.row(i), flat[:m.cols])
			flat = flat[m.cols:]
		}
	}
}

func (p *params) load(flat []float32)  { p.each(func(row, f []float32) { copy(row, f) }, flat) }
func (p *params) store(flat []float32) { p.each(func(row, f []float32) { copy(f, row) }, flat) }

// layers is the forward and backward state of up to n rows: h[k] the output
// of hidden layer k, d[k] dV/d(input of its activation).
type layers struct {
	h, d  []matrix
	score []float32
}

func newLayers(n int, hidden []int, backward bool) layers {
	l := layers{score: f32.Aligned(n)}
	for _, width := range hidden {
		l.h = append(l.h, newMatrix(n, width))
		if backward {
			l.d = append(l.d, newMatrix(n, width))
		}
	}
	return l
}

// rowBlock is the number of rows that pass through a layer at a time, so that
// the activation finds them in the cache: a multiple of the micro-kernel's six.
const rowBlock = 192

// critic evaluates a network; it does not change after newCritic but for the
// values of its parameters.
type critic struct {
	net backend.Network
	act activation
	p   *params
}

func newCritic(n backend.Network) critic {
	return critic{net: n, act: activations[n.Activation], p: newParams(n)}
}

// project stores x Wx + b1 (or z Wz, with a nil bias) for n rows.
func project(w *worker, n int, x []float32, stride int, weights *matrix, rows int, bias []float32, dst []float32) {
	w.gemm.Gemm(false, false, n, weights.cols, rows, x, stride, weights.data, weights.stride, bias, false, dst, weights.stride)
}

// forward takes rows [lo, hi) from the output of layer 1 to the scores.
func (c *critic) forward(w *worker, l *layers, lo, hi int) {
	last := len(l.h) - 1
	for ; lo < hi; lo += rowBlock {
		n := min(rowBlock, hi-lo)
		for k := 1; k <= last; k++ {
			in, out := &l.h[k-1], &l.h[k]
			w.gemm.Gemm(false, false, n, out.cols, in.cols, in.from(lo), in.stride,
				c.p.w[k].data, c.p.w[k].stride, c.p.b[k].data, false, out.from(lo), out.stride)
			for i := lo; i < lo+n; i++ {
				row := out.row(i)
				c.act.apply(row, row)
			}
		}
		h := &l.h[last]
		for i := lo; i < lo+n; i++ {
			l.score[i] = f32.Dot(h.row(i), c.p.out.data[:h.cols]) + c.p.bias.data[0]
		}
	}
}

// backward takes dV/dscore of rows [lo, hi) back to the inputs of layer 1.
func (c *critic) backward(w *worker, l *layers, weight []float32, lo, hi int) {
	last := len(l.h) - 1
	for ; lo < hi; lo += rowBlock {
		n := min(rowBlock, hi-lo)
		top := &l.d[last]
		for i := lo; i < lo+n; i++ {
			f32.Scale(top.row(i), weight[i], c.p.out.data[:top.cols])
			c.act.grad(top.row(i), l.h[last].row(i))
		}
		for k := last; k >= 1; k-- {
			out, in := &l.d[k], &l.d[k-1]
			w.gemm.Gemm(false, true, n, in.cols, out.cols, out.from(lo), out.stride,
				c.p.w[k].data, c.p.w[k].stride, nil, false, in.from(lo), in.stride)
			for i := lo; i < lo+n; i++ {
				c.act.grad(in.row(i), l.h[k-1].row(i))
			}
		}
	}
}
