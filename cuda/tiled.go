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

// param returns the address of a block of the parameters.
func (t *trainer) param(name string) driver.Pointer { return t.params.Float(t.layout.at(name).start) }

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

// tiled computes the steps of a network of any size by matrix products.
type tiled struct {
	layers            layers
	weights           driver.Pointer // dV/dscores
	partials          driver.Pointer
	segments, slices  driver.Pointer
	sliceCount        int
	parts             map[string]part
	blockRows, onRows int // rows of a block that sums columns, of pairs and of positions
}

// part is where the parts of a block's gradient lie among the partials.
type part struct{ offset, count, stride, split int }

// Rows that a block of top or column_sums takes at least, depth that a part of
// a weight gradient has at least, and blocks that fill a large device.
const (
	leastRows  = 64
	leastDepth = 256
	manyBlocks = 264
)

// sliceSize is the number of parameters that a block of adam takes.
const sliceSize = 256

func (s *tiled) open(t *trainer) (err error) {
	n := t.spec.Batch
	if s.layers, err = t.newLayers(t.memory, n, 2*n, true); err != nil {
		return err
	}
	if s.weights, err = t.memory.Alloc("derivatives of scores", 8*int64(n)); err != nil {
		return err
	}
	s.blockRows = max(leastRows, (2*n+255)/256)
	s.onRows = max(leastRows, (n+255)/256)
	segments, slices, size := s.plan(t)
	if s.partials, err = t.memory.Alloc("parts of the gradient", 4*int64(size)); err != nil {
		return err
	}
	if s.segments, err = t.memory.Alloc("plan of the gradient", 8*int64(len(segments))); err != nil {
		return err
	}
	if s.slices, err = t.memory.Alloc("slices of the gradient", 4*int64(len(slices))); err != nil {
		return err
	}
	if err := driver.Upload(s.segments, segments); err != nil {
		return err
	}
	return driver.Upload(s.slices, slices)
}

// plan lays out the parts of the gradient: segments and slices as adam reads
// them, and the floats that they take.
func (s *tiled) plan(t *trainer) (segments []int64, slices []int32, size int) {
	n, hidden := t.spec.Batch, t.net.Hidden
	last := len(hidden)
	s.parts = map[string]part{}
	place := func(name string, count, stride, split int) {
		s.parts[name] = part{size, count, stride, split}
		size += count * stride
	}
	blocksOf := func(rows, size int) int { return (rows + size - 1) / size }
	ldTop := padded(hidden[last-1])
	place("top", blocksOf(2*n, s.blockRows), 2*ldTop+4, 0)
	for g, p := range t.layout.blocks {
		var at part
		switch {
		case p.Name == "w":
			at = s.parts["top"]
		case p.Name == fmt.Sprintf("b%d", last):
			at = s.parts["top"]
			at.offset += ldTop
		case p.Name == "c":
			at = s.parts["top"]
			at.offset += 2 * ldTop
		case p.Name == "b1":
			place(p.Name, blocksOf(n, s.onRows), p.ld, 0)
			at = s.parts[p.Name]
		case p.Name[0] == 'b':
			place(p.Name, blocksOf(2*n, s.blockRows), p.ld, 0)
			at = s.parts[p.Name]
		default:
			depth := 2 * n
			if p.Name == "Wx" || p.Name == "Wz" {
				depth = n
			}
			grid := tiles(p.rows, p.cols, 1)
			split := max(1, min(manyBlocks/(grid.X*grid.Y), depth/leastDepth))
			place(p.Name, split, p.len(), split)
			at = s.parts[p.Name]
		}
		decays := int64(0)
		if p.decays() {
			decays = 1
		}
		segments = append(segments, int64(p.start), int64(p.len()), int64(at.count), int64(at.offset), int64(at.stride), decays)
		for first := 0; first < p.len(); first += sliceSize {
			slices = append(slices, int32(g), int32(first))
			s.sliceCount++
		}
	}
	return segments, slices, size
}

func (s *tiled) step(t *trainer, src source, i int, grad driver.Pointer) error {
	n, l, hidden := t.spec.Batch, s.layers, t.net.Hidden
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
	if err := kernel.Objective(t.stream, driver.Dim{X: 1, Y: 1, Z: 1}, 0, s.weights, t.values, t.ema, l.t, t.clock, i, n, int(t.spec.Objective), t.spec.EMARate); err != nil {
		return err
	}
	if err := t.backward(l, s.weights, s.partials.Float(s.parts["top"].offset), 2*n, s.blockRows); err != nil {
		return err
	}
	first := padded(hidden[0])
	if err := kernel.PairBackward(t.stream, blocks(n*first/4, 256), 0, l.px, l.pz, l.d[0], n, first); err != nil {
		return err
	}
	tn := precisions[t.device.precision].tn
	weights := func(name string, a, rows, b driver.Pointer, lda, depth int) error {
		p, at := t.layout.at(name), s.parts[name]
		return tn(t.stream, tiles(p.rows, p.cols, at.split), tileShared, s.partials.Float(at.offset), a, b, rows,
			p.rows, p.cols, depth, lda, p.ld, p.ld, at.split, uint64(at.stride))
	}
	if err := weights("Wx", src.x, t.rows, l.px, padded(t.net.DX), n); err != nil {
		return err
	}
	if err := weights("Wz", src.z, t.rows, l.pz, padded(t.net.DZ), n); err != nil {
		return err
	}
	for k := 1; k < len(hidden); k++ {
		if err := weights(fmt.Sprintf("W%d", k+1), l.h[k-1], 0, l.d[k], padded(hidden[k-1]), 2*n); err != nil {
			return err
		}
		// The last layer's are top's, the first one's have the positions as rows.
		from, rows, blockRows := l.d[k-1], 2*n, s.blockRows
		if k == 1 {
			from, rows, blockRows = l.px, n, s.onRows
		}
		width := hidden[k-1]
		at := s.parts[fmt.Sprintf("b%d", k)]
		if err := kernel.ColumnSums(t.stream, blocks(rows, blockRows), 0, s.partials.Float(at.offset), from, rows, width, padded(width), blockRows); err != nil {
			return err
		}
	}
	a := t.adam()
	return kernel.Adam(t.stream, driver.Dim{X: s.sliceCount, Y: 1, Z: 1}, 0, t.params, t.m, t.v, grad, s.partials, s.segments, s.slices,
		t.control, t.clock, i, a.beta1, a.gain1, a.beta2, a.gain2, a.epsilon)
}
