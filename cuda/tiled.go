//go:build cuda

package cuda

import (
	"gomine/cuda/internal/driver"
	"gomine/cuda/internal/kernel"
	"gomine/mine/objective"
)

// tileSize is the side of a tile of the matrix products, chunk the depth that they take at
// a time: tile and depth in operands.cuh and tile.cuh.
const (
	tileSize = 128
	chunk    = 16
)

// products are the matrix products in one precision.
type products struct {
	nn func(s *driver.Stream, grid driver.Dim, a kernel.GemmNNArgs) error
	nt func(s *driver.Stream, grid driver.Dim, a kernel.GemmNTArgs) error
	tn func(s *driver.Stream, grid driver.Dim, a kernel.GemmTNArgs) error
}

// Floats of shared memory: of a chunk of an operand in FP32, Gemm<FP32> in gemm.cuh; of one on
// tensor cores, chunk_floats in feed.cuh; of nn's sums of rows, row_floats in gemm.cuh.
const (
	plainFloats  = chunk * (tileSize + 8)
	stagedFloats = 32 * tileSize
	rowFloats    = tileSize
)

// plain are products whose kernels keep two chunks of both operands, staged such as keep
// three.
func plain(nn launch[kernel.GemmNNArgs], nt launch[kernel.GemmNTArgs], tn launch[kernel.GemmTNArgs]) products {
	const bytes = 4 * 2 * 2 * plainFloats
	return products{nn.with(bytes + 4*rowFloats), nt.with(bytes), tn.with(bytes)}
}

func staged(nn launch[kernel.GemmNNArgs], nt launch[kernel.GemmNTArgs], tn launch[kernel.GemmTNArgs]) products {
	const bytes = 4 * 3 * 2 * stagedFloats
	return products{nn.with(bytes + 4*rowFloats), nt.with(bytes), tn.with(bytes)}
}

// launch launches a kernel with that many bytes of shared memory.
type launch[Args any] func(s *driver.Stream, grid driver.Dim, shared int, a Args) error

func (l launch[Args]) with(shared int) func(s *driver.Stream, grid driver.Dim, a Args) error {
	return func(s *driver.Stream, grid driver.Dim, a Args) error { return l(s, grid, shared, a) }
}

var precisions = map[Precision]products{
	FP32:   plain(kernel.GemmNNF32, kernel.GemmNTF32, kernel.GemmTNF32),
	TF32:   staged(kernel.GemmNNTF32, kernel.GemmNTTF32, kernel.GemmTNTF32),
	TF32x3: staged(kernel.GemmNNTF32x3, kernel.GemmNTTF32x3, kernel.GemmTNTF32x3),
	BF16:   staged(kernel.GemmNNBF16, kernel.GemmNTBF16, kernel.GemmTNBF16),
}

func tiles(m, n, split int) driver.Dim {
	return driver.Dim{X: (n + tileSize - 1) / tileSize, Y: (m + tileSize - 1) / tileSize, Z: split}
}

// pass takes a batch from its rows to dV/dprojections, which end up where the
// projections were.
type pass struct {
	layers    layers
	weights   driver.Pointer // dV/dscores
	sums      driver.Pointer // of the blocks of scores; 0 where one block is enough
	blockRows int            // rows of a block of top
}

// manyScores is from how many scores on the objective is spread over several blocks:
// below, the 16 scores a thread of one block take less than a second launch would.
// scoresOfBlock is how many each block then takes at least, up to 256 blocks.
const (
	manyScores    = 1 << 14
	scoresOfBlock = 1 << 9
)

// scoreBlocks is how many blocks so many scores are spread over.
func scoreBlocks(scores int) int {
	if scores < manyScores {
		return 1
	}
	return min(256, (scores+scoresOfBlock-1)/scoresOfBlock)
}

// pairCount is the number of pairs of a batch, joint and marginal.
func (t *trainer) pairCount() int { return (1 + t.spec.Marginals) * t.spec.Batch }

func newPass(t *trainer) *pass { return &pass{blockRows: rowsOfPart(t.pairCount())} }

func (p *pass) open(t *trainer, m *driver.Memory) (err error) {
	if p.layers, err = t.newLayers(m, t.spec.Batch, t.pairCount(), true); err != nil {
		return err
	}
	if p.weights, err = m.Alloc("derivatives of scores", 4*int64(t.pairCount())); err != nil {
		return err
	}
	if n := scoreBlocks(t.pairCount()); n > 1 {
		p.sums, err = m.Alloc("sums of scores", 3*8*int64(n))
	}
	return err
}

// objective queues the value of step i of a graph, from n joint scores and m marginal ones,
// and dV/dscores.
func (p *pass) objective(s *driver.Stream, values, ema, clock driver.Pointer, i, n, m int, o objective.Objective) error {
	grid := driver.Dim{X: scoreBlocks(n + m), Y: 1, Z: 1}
	if p.sums == 0 {
		return kernel.Objective(s, grid, 0, kernel.ObjectiveArgs{
			Weights: p.weights, Values: values, Ema: ema, T: p.layers.t, Clock: clock,
			I: i, N: n, M: m, Kind: int(o.Kind), Param: o.Param,
		})
	}
	err := kernel.ObjectiveSums(s, grid, 0, kernel.ObjectiveSumsArgs{
		Weights: p.weights, Partial: p.sums, T: p.layers.t, N: n, M: m, Kind: int(o.Kind), Param: o.Param,
	})
	if err != nil {
		return err
	}
	return kernel.ObjectiveWeights(s, grid, 0, kernel.ObjectiveWeightsArgs{
		Weights: p.weights, Values: values, Ema: ema, Partial: p.sums, T: p.layers.t, Clock: clock,
		I: i, N: n, M: m, Kind: int(o.Kind), Param: o.Param,
	})
}

// run queues the pass of step i of a graph. top's sums go to partial if that is
// not 0.
func (p *pass) run(t *trainer, src source, i int, partial driver.Pointer) error {
	n, k, l := t.spec.Batch, t.spec.Marginals, p.layers
	if err := t.project(l, src.x, src.z, t.rowsOf(i), t.rowsOf(i), n); err != nil {
		return err
	}
	for shift := range 1 + k { // joint pairs, then marginal ones
		if err := t.pairs(l, shift*n, n, shift); err != nil {
			return err
		}
	}
	if err := t.forward(l, t.pairCount()); err != nil {
		return err
	}
	if err := p.objective(t.stream, t.values, t.ema, t.clock, i, n, k*n, t.spec.Objective); err != nil {
		return err
	}
	if err := t.backward(l, p.weights, partial, t.pairCount(), p.blockRows); err != nil {
		return err
	}
	first := padded(t.net.Hidden[0])
	return kernel.PairBackward(t.stream, blocks(n*first/4, 256), 0, kernel.PairBackwardArgs{
		Dx: l.px, Dz: l.pz, D: l.d[0], N: n, K: k, Ld: first,
	})
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
	n, all, hidden := t.spec.Batch, t.pairCount(), t.net.Hidden
	last := len(hidden)
	ld := padded(hidden[last-1])
	s.top = s.plan.place((all+s.blockRows-1)/s.blockRows, 2*ld+4, s.blockRows)
	below, offset := s.top, s.top
	below.offset += ld
	offset.offset += 2 * ld
	s.plan.parts[t.output()], s.plan.parts[bias(last)], s.plan.parts[t.offset()] = s.top, below, offset
	s.plan.fill(func(b placed) int {
		if b.Layer == 1 {
			return n
		}
		return all
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
	n, all, l, with := t.spec.Batch, t.pairCount(), s.layers, precisions[t.device.precision]
	if err := s.run(t, src, i, s.plan.partials.Float(s.top.offset)); err != nil {
		return err
	}
	if err := s.plan.weights(t.stream, with, weightsX, src.x, t.rowsOf(i), l.px, n); err != nil {
		return err
	}
	if err := s.plan.weights(t.stream, with, weightsZ, src.z, t.rowsOf(i), l.pz, n); err != nil {
		return err
	}
	for k := 1; k < len(t.net.Hidden); k++ {
		if err := s.plan.weights(t.stream, with, weights(k+1), l.h[k-1], 0, l.d[k], all); err != nil {
			return err
		}
		// The last layer's are top's, the first one's have the positions as rows.
		d, rows := l.d[k-1], all
		if k == 1 {
			d, rows = l.px, n
		}
		if err := s.plan.biases(t.stream, bias(k), d, rows); err != nil {
			return err
		}
	}
	return s.plan.adam(t.stream, &t.parameters, grad, s.segments, t.control, t.clock, i, adamOf(t.spec.Adam))
}
