//go:build cuda

package cuda

import (
	"fmt"

	"gomine/cuda/internal/driver"
	"gomine/cuda/internal/kernel"
)

// tileSize and tileShared are the side of a tile of the matrix products and the
// bytes of shared memory that they take: tile and gemm_shared in gemm.cuh.
const (
	tileSize   = 128
	tileShared = 4 * 4 * 16 * (tileSize + 8)
)

// products are the matrix products in one precision.
type products struct {
	nn func(s *driver.Stream, grid driver.Dim, shared int, c, a, b, bias, rows driver.Pointer, m, n, k, lda, ldb, ldc, activation int) error
	nt func(s *driver.Stream, grid driver.Dim, shared int, c, a, b, h driver.Pointer, m, n, k, lda, ldb, ldc, ldh, activation int) error
	tn func(s *driver.Stream, grid driver.Dim, shared int, c, a, b, rows driver.Pointer, m, n, k, lda, ldb, ldc, split int, part uint64) error
}

var precisions = map[Precision]products{
	FP32:   {kernel.GemmNNF32, kernel.GemmNTF32, kernel.GemmTNF32},
	TF32:   {kernel.GemmNNTF32, kernel.GemmNTTF32, kernel.GemmTNTF32},
	TF32x3: {kernel.GemmNNTF32x3, kernel.GemmNTTF32x3, kernel.GemmTNTF32x3},
}

func tiles(m, n, split int) driver.Dim {
	return driver.Dim{X: (n + tileSize - 1) / tileSize, Y: (m + tileSize - 1) / tileSize, Z: split}
}

// layers is the forward and backward state of some pairs, from the projections
// on.
type layers struct {
	px, pz driver.Pointer   // projections, later dV/dprojections
	h      []driver.Pointer // outputs of the hidden layers
	d      []driver.Pointer // dV/d(inputs of their activations); none without a way back
	t      driver.Pointer   // scores
}

// newLayers allocates for that many projected rows and pairs.
func (t *trainer) newLayers(m *driver.Memory, projected, pairs int, back bool) (l layers, err error) {
	alloc := func(what string, rows, cols int) driver.Pointer {
		if err != nil {
			return 0
		}
		var p driver.Pointer
		p, err = m.Alloc(what, 4*int64(rows)*int64(padded(cols)))
		return p
	}
	l.px = alloc("projections of x", projected, t.net.Hidden[0])
	l.pz = alloc("projections of z", projected, t.net.Hidden[0])
	for k, width := range t.net.Hidden {
		l.h = append(l.h, alloc(fmt.Sprintf("layer %d", k+1), pairs, width))
		if back {
			l.d = append(l.d, alloc(fmt.Sprintf("derivatives of layer %d", k+1), pairs, width))
		}
	}
	l.t = alloc("scores", pairs, 1)
	return l, err
}

// project queues px = x Wx + b1 and pz = z Wz for n rows, those that rows names
// if it is not 0. Without x or z that side is left out.
func (t *trainer) project(l layers, x, z, xs, zs driver.Pointer, nx, nz int) error {
	h, nn := t.net.Hidden[0], precisions[t.device.precision].nn
	if err := nn(t.stream, tiles(nx, h, 1), tileShared, l.px, x, t.param("Wx"), t.param("b1"), xs, nx, h, t.net.DX, padded(t.net.DX), padded(h), padded(h), -1); err != nil {
		return err
	}
	return nn(t.stream, tiles(nz, h, 1), tileShared, l.pz, z, t.param("Wz"), 0, zs, nz, h, t.net.DZ, padded(t.net.DZ), padded(h), padded(h), -1)
}

// pairs queues the output of layer 1 for n pairs of projections i and
// (i + shift) mod nz, stored from pair `to` on.
func (t *trainer) pairs(l layers, to, n, nz, shift int) error {
	h := t.net.Hidden[0]
	ld := padded(h)
	return kernel.PairForward(t.stream, blocks(n*ld/4, 256), 0, l.h[0].Float(to*ld), l.px, l.pz, 0, 0, n, nz, shift, h, ld, ld, int(t.net.Activation))
}

// forward queues the way of n pairs from there to the scores.
func (t *trainer) forward(l layers, n int) error {
	nn, hidden := precisions[t.device.precision].nn, t.net.Hidden
	for k := 1; k < len(hidden); k++ {
		in, out := hidden[k-1], hidden[k]
		err := nn(t.stream, tiles(n, out, 1), tileShared, l.h[k], l.h[k-1], t.param(fmt.Sprintf("W%d", k+1)), t.param(fmt.Sprintf("b%d", k+1)), 0,
			n, out, in, padded(in), padded(out), padded(out), int(t.net.Activation))
		if err != nil {
			return err
		}
	}
	last := hidden[len(hidden)-1]
	return kernel.Score(t.stream, blocks(n, 8), 0, l.t, l.h[len(hidden)-1], t.param("w"), t.param("c"), n, last, padded(last))
}

// backward queues the way of n pairs from the derivatives of the scores to the
// inputs of layer 1's activation. top's sums go to partial if that is not 0.
func (t *trainer) backward(l layers, weights, partial driver.Pointer, n, blockRows int) error {
	nt, hidden, f := precisions[t.device.precision].nt, t.net.Hidden, int(t.net.Activation)
	last := len(hidden) - 1
	err := kernel.Top(t.stream, blocks(n, blockRows), 0, l.d[last], partial, l.h[last], weights, t.param("w"), n, hidden[last], padded(hidden[last]), blockRows, f)
	for k := last; k >= 1 && err == nil; k-- {
		out, in := hidden[k], hidden[k-1]
		err = nt(t.stream, tiles(n, in, 1), tileShared, l.d[k-1], l.d[k], t.param(fmt.Sprintf("W%d", k+1)), l.h[k-1],
			n, in, out, padded(out), padded(out), padded(in), padded(in), f)
	}
	return err
}

// pass takes a batch from its rows to dV/dprojections, which end up where the
// projections were.
type pass struct {
	layers    layers
	weights   driver.Pointer // dV/dscores
	blockRows int            // rows of a block of top
}

func newPass(t *trainer) *pass { return &pass{blockRows: rowsOfPart(2 * t.spec.Batch)} }

func (p *pass) open(t *trainer, m *driver.Memory) (err error) {
	n := t.spec.Batch
	if p.layers, err = t.newLayers(m, n, 2*n, true); err != nil {
		return err
	}
	p.weights, err = m.Alloc("derivatives of scores", 8*int64(n))
	return err
}

// run queues the pass of step i of a graph. top's sums go to partial if that is
// not 0.
func (p *pass) run(t *trainer, src source, i int, partial driver.Pointer) error {
	n, l := t.spec.Batch, p.layers
	if err := t.draw(src, i); err != nil {
		return err
	}
	if err := t.project(l, src.x, src.z, t.rows, t.rows, n, n); err != nil {
		return err
	}
	for kind := range 2 { // joint pairs, then marginal ones
		if err := t.pairs(l, kind*n, n, n, kind); err != nil {
			return err
		}
	}
	if err := t.forward(l, 2*n); err != nil {
		return err
	}
	if err := kernel.Objective(t.stream, driver.Dim{X: 1, Y: 1, Z: 1}, 0, p.weights, t.values, t.ema, l.t, t.clock, i, n, int(t.spec.Objective), t.spec.EMARate); err != nil {
		return err
	}
	if err := t.backward(l, p.weights, partial, 2*n, p.blockRows); err != nil {
		return err
	}
	first := padded(t.net.Hidden[0])
	return kernel.PairBackward(t.stream, blocks(n*first/4, 256), 0, l.px, l.pz, l.d[0], n, first)
}

// tiled computes the steps of a network of any size by matrix products.
type tiled struct {
	pass
	plan     *plan
	top      part // of the output layer and the biases below
	segments driver.Pointer
}

func newTiled(t *trainer) *tiled {
	s := &tiled{pass: *newPass(t), plan: newPlan(t.layout)}
	n, hidden := t.spec.Batch, t.net.Hidden
	last := len(hidden)
	ld := padded(hidden[last-1])
	s.top = s.plan.place((2*n+s.blockRows-1)/s.blockRows, 2*ld+4, s.blockRows)
	bias, offset := s.top, s.top
	bias.offset += ld
	offset.offset += 2 * ld
	s.plan.parts["w"], s.plan.parts[fmt.Sprintf("b%d", last)], s.plan.parts["c"] = s.top, bias, offset
	s.plan.fill(func(name string) int {
		switch name {
		case "Wx", "Wz", "b1":
			return n
		}
		return 2 * n
	}, 0)
	return s
}

func (s *tiled) open(t *trainer) (err error) {
	if err := s.pass.open(t, t.memory); err != nil {
		return err
	}
	if err := s.plan.open(t.memory); err != nil {
		return err
	}
	s.segments, err = s.plan.segments(t.memory, s.plan.sum)
	return err
}

func (s *tiled) step(t *trainer, src source, i int, grad driver.Pointer) error {
	n, l, with := t.spec.Batch, s.layers, precisions[t.device.precision]
	if err := s.run(t, src, i, s.plan.partials.Float(s.top.offset)); err != nil {
		return err
	}
	if err := s.plan.weights(t.stream, with, "Wx", src.x, t.rows, l.px, n); err != nil {
		return err
	}
	if err := s.plan.weights(t.stream, with, "Wz", src.z, t.rows, l.pz, n); err != nil {
		return err
	}
	for k := 1; k < len(t.net.Hidden); k++ {
		if err := s.plan.weights(t.stream, with, fmt.Sprintf("W%d", k+1), l.h[k-1], 0, l.d[k], 2*n); err != nil {
			return err
		}
		// The last layer's are top's, the first one's have the positions as rows.
		d, rows := l.d[k-1], 2*n
		if k == 1 {
			d, rows = l.px, n
		}
		if err := s.plan.biases(t.stream, fmt.Sprintf("b%d", k), d, rows); err != nil {
			return err
		}
	}
	return s.plan.adam(t.stream, &t.parameters, grad, s.segments, t.control, t.clock, i, adamOf(t.spec.Adam))
}
