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

// block returns n rows from i on with what fills them up. Element-wise
// functions take these as one vector: the fill is finite, since it began as
// zeros and matrix products do not touch it, and nothing depends on it.
func (m *matrix) block(i, n int) []float32 { return m.data[i*m.stride : (i+n)*m.stride] }

func (m *matrix) rows() int { return len(m.data) / m.stride }

// activation bundles the kernels of one non-linearity f. The derivative is
// taken from the output h = f(a), so that a need not be kept.
type activation struct {
	sum   func(dst, a, b []float32) // dst = f(a + b)
	apply func(dst, src []float32)  // dst = f(src)
	grad  func(g, h []float32)      // g *= f'(a), h = f(a)
	out   f32.OutputGrad
	fused bool // whether products apply it to what they store: only if it is ReLU
}

var activations = [...]activation{
	backend.Softplus: {f32.AddSoftplus, f32.Softplus, f32.SoftplusGrad, f32.SoftplusOutputGrad, false},
	backend.ELU:      {f32.AddELU, f32.ELU, f32.ELUGrad, f32.ELUOutputGrad, false},
	backend.ReLU:     {f32.AddReLU, f32.ReLU, f32.ReLUGrad, f32.ReLUOutputGrad, true},
}

// above stores f(in W + b) for n rows of a layer's inputs.
func (f *activation) above(w *f32.Workspace, n int, in []float32, stride int, weights *f32.Packed, b, out []float32, outStride int) {
	if f.fused {
		w.GemmPackedReLU(n, in, stride, weights, b, out, outStride)
		return
	}
	w.GemmPacked(n, in, stride, weights, b, out, outStride)
	f.apply(out[:n*outStride], out[:n*outStride])
}

// below stores d W^T f'(h) for n rows of the derivatives with respect to a
// layer's activation and of its inputs h; the result has the stride of h.
func (f *activation) below(w *f32.Workspace, n int, d []float32, stride int, transposed *f32.Packed, h, out []float32, outStride int) {
	if f.fused {
		w.GemmPackedReLUGrad(n, d, stride, transposed, h, out, outStride)
		return
	}
	w.GemmPacked(n, d, stride, transposed, nil, out, outStride)
	f.grad(out[:n*outStride], h[:n*outStride])
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

	weights []matrix // wx, wz, w[1], w[2], ...
	vectors []vector // b[0], b[1], ..., out, bias
}

// vector is a parameter of one row, with its place among all of these when
// they lie one after the other.
type vector struct {
	matrix
	at     int
	decays bool // whether weight decay applies
}

func newParams(n backend.Network) *params {
	p := &params{b: make([]matrix, len(n.Hidden)), w: make([]matrix, len(n.Hidden))}
	at := 0
	for _, b := range n.Blocks() {
		rows, cols := b.Rows, b.Cols
		if b.Kind == backend.OutputWeight {
			rows, cols = cols, rows // one row instead of one column
		}
		m := newMatrix(rows, cols)
		p.ordered = append(p.ordered, m)
		switch b.Kind {
		case backend.WeightsX:
			p.wx = m
		case backend.WeightsZ:
			p.wz = m
		case backend.Weights:
			p.w[b.Layer-1] = m
		case backend.Bias:
			p.b[b.Layer-1] = m
		case backend.OutputWeight:
			p.out = m
		case backend.OutputBias:
			p.bias = m
		}
		switch b.Kind {
		case backend.WeightsX, backend.WeightsZ, backend.Weights:
			p.weights = append(p.weights, m)
		default:
			p.vectors = append(p.vectors, vector{m, at, b.Decays()})
			at += m.stride
		}
	}
	return p
}

// vectorFloats returns the length of all vectors one after the other.
func (p *params) vectorFloats() int {
	last := p.vectors[len(p.vectors)-1]
	return last.at + last.stride
}

// each calls f with every row and its place in the contract's layout.
func (p *params) each(f func(row, flat []float32), flat []float32) {
	for _, m := range p.ordered {
		for i := range m.rows() {
			f(m.row(i), flat[:m.cols])
			flat = flat[m.cols:]
		}
	}
}

func (p *params) load(flat []float32)  { p.each(func(row, f []float32) { copy(row, f) }, flat) }
func (p *params) store(flat []float32) { p.each(func(row, f []float32) { copy(f, row) }, flat) }

// layers is the forward and backward state of up to n rows: h[k] the output
// of hidden layer k, d[k] dV/d(input of its activation). Memory that is written
// again is in the cache, so where nothing needs both they share it: d[k] of the
// last layer takes the place of h[k], and d[0] is not kept but for that.
type layers struct{ h, d []matrix }

func newLayers(n int, hidden []int, backward bool) layers {
	var l layers
	for k, width := range hidden {
		l.h = append(l.h, newMatrix(n, width))
		switch {
		case !backward:
		case k == len(hidden)-1:
			l.d = append(l.d, l.h[k])
		case k == 0:
			l.d = append(l.d, matrix{})
		default:
			l.d = append(l.d, newMatrix(n, width))
		}
	}
	return l
}

// critic evaluates a network.
type critic struct {
	net backend.Network
	act activation
	p   *params

	// The weights as products read them, in the order of params.weights: W on
	// the way forward, W^T on the way back (not of the first layer).
	forwards, backwards []*f32.Packed
}

func newCritic(n backend.Network) critic {
	c := critic{net: n, act: activations[n.Activation], p: newParams(n)}
	for i := range c.p.weights {
		m := &c.p.weights[i]
		c.forwards = append(c.forwards, f32.NewPacked(m.rows(), m.cols))
		if i < 2 {
			c.backwards = append(c.backwards, nil)
		} else {
			c.backwards = append(c.backwards, f32.NewPacked(m.cols, m.rows()))
		}
	}
	return c
}

// pack lays out rows [lo, hi) of weights i for the products; lo and, but at
// the end, hi are multiples of f32.PackUnit.
func (c *critic) pack(i, lo, hi int) {
	m := &c.p.weights[i]
	c.forwards[i].SetRows(lo, hi, m.from(lo), m.stride)
	if i >= 2 {
		c.backwards[i].SetColumns(lo, hi, m.from(lo), m.stride)
	}
}

// load puts parameters in the order of Network.Blocks in place of the present ones.
func (c *critic) load(flat []float32) {
	c.p.load(flat)
	for i := range c.p.weights {
		c.pack(i, 0, c.p.weights[i].rows())
	}
}

// projectX stores x Wx + b1 for n rows, projectZ z Wz.
func (c *critic) projectX(w *worker, n int, x []float32, stride int, dst []float32) {
	w.gemm.GemmPacked(n, x, stride, c.forwards[0], c.p.b[0].data, dst, c.p.wx.stride)
}

func (c *critic) projectZ(w *worker, n int, z []float32, stride int, dst []float32) {
	w.gemm.GemmPacked(n, z, stride, c.forwards[1], nil, dst, c.p.wz.stride)
}

// forward takes n rows from lo on from the output of layer 1 to that of the
// last.
func (c *critic) forward(w *worker, l *layers, lo, n int) {
	for k := 1; k < len(l.h); k++ {
		in, out := &l.h[k-1], &l.h[k]
		c.act.above(w.gemm, n, in.from(lo), in.stride, c.forwards[k+1], c.p.b[k].data, out.from(lo), out.stride)
	}
}

// score stores the scores of the rows from lo on.
func (c *critic) score(dst []float32, l *layers, lo int) {
	h := &l.h[len(l.h)-1]
	f32.RowDots(dst, h.from(lo), h.stride, c.p.out.data[:h.cols], c.p.bias.data[0])
}

// top takes the derivatives weight of the scores of the rows from lo on back
// to the input of the last activation, in place of its output, and adds their
// part of the gradients of the output weights and of the last bias to dw and db.
func (c *critic) top(l *layers, lo int, weight, dw, db []float32) {
	last := len(l.h) - 1
	h, d := &l.h[last], &l.d[last]
	c.act.out(d.from(lo), h.from(lo), h.stride, weight, c.p.out.data[:h.cols], dw, db)
}

// backward takes n rows from lo on from there to the inputs of layer 1. It
// returns the derivatives with respect to these, in scratch unless layer 1 is
// the last.
func (c *critic) backward(w *worker, l *layers, lo, n int, scratch []float32) []float32 {
	last := len(l.h) - 1
	d := l.d[last].block(lo, n)
	for k := last; k >= 1; k-- {
		h, below := &l.h[k-1], scratch
		if k > 1 {
			below = l.d[k-1].from(lo)
		}
		c.act.below(w.gemm, n, d, l.d[k].stride, c.backwards[k+1], h.from(lo), below, h.stride)
		d = below[:n*h.stride]
	}
	return d
}
