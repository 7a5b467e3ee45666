//go:build cuda

package cuda

import (
	"errors"
	"fmt"
	"slices"

	"gomine/cuda/internal/driver"
	"gomine/cuda/internal/kernel"
	"gomine/mine/backend"
)

// scorer is a critic on a device.
type scorer struct {
	device *device
	net    backend.Network
	closed bool

	parameters
	memory  *driver.Memory
	stream  *driver.Stream
	scratch *scratch // of evaluations, allocated when first needed
	carrier carrier
}

func newScorer(d *device, net backend.Network) scorer {
	net.Hidden = append([]int(nil), net.Hidden...)
	return scorer{device: d, net: net, parameters: parameters{layout: newLayout(net.Blocks())}}
}

func (d *device) NewScorer(net backend.Network, params []float32) (backend.Scorer, error) {
	fail := func(err error) (backend.Scorer, error) { return nil, fmt.Errorf("cuda: new scorer: %w", err) }
	if d.closed.Load() {
		return fail(backend.ErrClosed)
	}
	if err := net.CheckParams(params); err != nil {
		return fail(err)
	}
	s := newScorer(d, net)
	err := d.gpu.Do(func() error {
		if err := s.open(); err != nil {
			return errors.Join(err, s.release())
		}
		return driver.Upload(s.stream, s.params, s.layout.spread(params))
	})
	if err != nil {
		return fail(err)
	}
	return &s, nil
}

// open makes room for the parameters. What it allocated before an error is release's to
// free.
func (s *scorer) open() (err error) {
	s.memory, s.stream = s.device.gpu.NewMemory(), s.device.gpu.Stream()
	s.params, err = s.memory.Alloc("parameters", 4*int64(s.layout.size))
	return err
}

// release frees everything that open and later calls allocated.
func (s *scorer) release() error {
	var err error
	if s.scratch != nil {
		err = s.scratch.close()
	}
	return errors.Join(err, s.memory.Free())
}

func (s *scorer) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	if err := s.device.gpu.Release(s.release); err != nil {
		return fmt.Errorf("cuda: close scorer: %w", err)
	}
	return nil
}

// do runs f on the device's thread if the scorer can be used.
func (s *scorer) do(op string, f func() error) error {
	if s.closed || s.device.closed.Load() {
		return fmt.Errorf("cuda: %s: %w", op, backend.ErrClosed)
	}
	if err := s.device.gpu.Do(f); err != nil {
		return fmt.Errorf("cuda: %s: %w", op, err)
	}
	return nil
}

// use returns the data behind the interface if the critic can read it.
func (s *scorer) use(given backend.Data) (*data, error) {
	own, err := s.device.use(given)
	if err != nil {
		return nil, err
	}
	return own, s.net.CheckColumns(own)
}

// layers is the forward and backward state of some pairs, from the projections
// on.
type layers struct {
	px, pz driver.Pointer   // projections, later dV/dprojections
	h      []driver.Pointer // outputs of the hidden layers; the last is 0 where only scores are wanted
	d      []driver.Pointer // dV/d(inputs of their activations); none without a way back
	xs, zs driver.Pointer   // which projections a pair is of; 0 where they are in the order of pairs
	t      driver.Pointer   // scores, first as parts: [scoreParts, pairs]
	pairs  int              // that there is room for
}

// onlyScores are the same layers without room for the last one's outputs, which only the
// way back reads.
func (l layers) onlyScores() layers {
	l.h = slices.Clone(l.h)
	l.h[len(l.h)-1] = 0
	return l
}

// output is where layer k's outputs are stored, from float i on; 0 if they are not.
func (l layers) output(k, i int) driver.Pointer {
	if l.h[k] == 0 {
		return 0
	}
	return l.h[k].Float(i)
}

// scoreParts is the number of parts that a score is summed from: one for each block of
// columns of the last hidden layer.
func (s *scorer) scoreParts() int { return tiles(1, s.net.Hidden[len(s.net.Hidden)-1], 1).X }

// newLayers allocates for that many projected rows and pairs.
func (s *scorer) newLayers(m *driver.Memory, projected, pairs int, back bool) (l layers, err error) {
	alloc := func(what string, rows, cols int) driver.Pointer {
		if err != nil {
			return 0
		}
		var p driver.Pointer
		p, err = m.Alloc(what, 4*int64(rows)*int64(padded(cols)))
		return p
	}
	l.px = alloc("projections of x", projected, s.net.Hidden[0])
	l.pz = alloc("projections of z", projected, s.net.Hidden[0])
	for k, width := range s.net.Hidden {
		l.h = append(l.h, alloc(fmt.Sprintf("layer %d", k+1), pairs, width))
		if back {
			l.d = append(l.d, alloc(fmt.Sprintf("derivatives of layer %d", k+1), pairs, width))
		}
	}
	l.t, l.pairs = alloc("scores", s.scoreParts(), pairs), pairs
	return l, err
}

// project queues px = x Wx + b1 and pz = z Wz for n rows each, those that xs and zs
// name if they are not 0.
func (s *scorer) project(l layers, x, z, xs, zs driver.Pointer, n int) error {
	h, nn := s.net.Hidden[0], precisions[s.device.precision].nn
	ld := padded(h)
	side := func(to, rows, index driver.Pointer, w, b driver.Pointer, cols int) error {
		return stretches(n, mostRows, func(lo, n int) error {
			of := kernel.GemmNNArgs{C: to.Float(lo * ld), A: rows, B: w, Bias: b, M: n, N: h, K: cols, Lda: padded(cols), Ldb: ld, Ldc: ld, Activation: -1}
			if index != 0 {
				of.Rows = index.Float(lo)
			} else {
				of.A = rows.Float(lo * padded(cols))
			}
			return nn(s.stream, tiles(n, h, 1), of)
		})
	}
	if err := side(l.px, x, xs, s.param(weightsX), s.param(bias(1)), s.net.DX); err != nil {
		return err
	}
	return side(l.pz, z, zs, s.param(weightsZ), 0, s.net.DZ)
}

// pairs queues the output of layer 1 for n pairs of projections i and
// (i + shift) mod n, or those that l.xs and l.zs name, stored from pair `to` on, and the parts of their scores if it is the
// only hidden layer.
func (s *scorer) pairs(l layers, to, n, shift int) error {
	h := s.net.Hidden[0]
	ld := padded(h)
	a := kernel.PairForwardArgs{
		H: l.output(0, to*ld), Px: l.px, Pz: l.pz, Xs: l.xs, Zs: l.zs, N: n, Nz: n, Shift: shift,
		Width: h, Ldp: ld, Ldh: ld, Activation: int(s.net.Activation),
	}
	if len(s.net.Hidden) == 1 {
		a.T, a.W, a.Offset, a.Ldt = l.t.Float(to), s.param(s.output()), s.param(s.offset()), l.pairs
	}
	return kernel.PairForward(s.stream, blocks(n*tiles(1, h, 1).X, 8), 0, a)
}

// forward queues the way of n pairs from there to the scores.
func (s *scorer) forward(l layers, n int) error {
	nn, hidden := precisions[s.device.precision].nn, s.net.Hidden
	for k := 1; k < len(hidden); k++ {
		in, out := hidden[k-1], hidden[k]
		err := stretches(n, mostRows, func(lo, n int) error {
			a := kernel.GemmNNArgs{
				C: l.output(k, lo*padded(out)), A: l.h[k-1].Float(lo * padded(in)), B: s.param(weights(k + 1)), Bias: s.param(bias(k + 1)),
				M: n, N: out, K: in, Lda: padded(in), Ldb: padded(out), Ldc: padded(out), Activation: int(s.net.Activation),
			}
			if k == len(hidden)-1 {
				a.T, a.W, a.Offset, a.Ldt = l.t.Float(lo), s.param(s.output()), s.param(s.offset()), l.pairs
			}
			return nn(s.stream, tiles(n, out, 1), a)
		})
		if err != nil {
			return err
		}
	}
	parts := s.scoreParts()
	if parts == 1 {
		return nil
	}
	return kernel.Score(s.stream, blocks(n, 256), 0, kernel.ScoreArgs{T: l.t, N: n, Parts: parts, Ldt: l.pairs})
}

// output and offset are the blocks of the score.
func (s *scorer) output() id { return id{backend.OutputWeight, len(s.net.Hidden) + 1} }
func (s *scorer) offset() id { return id{backend.OutputBias, len(s.net.Hidden) + 1} }

// backward queues the way of n pairs from the derivatives of the scores to the
// inputs of layer 1's activation. top's sums go to partial if that is not 0.
func (s *scorer) backward(l layers, dScores, partial driver.Pointer, n, blockRows int) error {
	nt, hidden, f := precisions[s.device.precision].nt, s.net.Hidden, int(s.net.Activation)
	last := len(hidden) - 1
	err := kernel.Top(s.stream, blocks(n, blockRows), 0, kernel.TopArgs{
		D: l.d[last], Partial: partial, H: l.h[last], Weights: dScores, W: s.param(s.output()),
		N: n, Width: hidden[last], Ldh: padded(hidden[last]), BlockRows: blockRows, Activation: f,
	})
	for k := last; k >= 1 && err == nil; k-- {
		out, in := hidden[k], hidden[k-1]
		err = stretches(n, mostRows, func(lo, n int) error {
			return nt(s.stream, tiles(n, in, 1), kernel.GemmNTArgs{
				C: l.d[k-1].Float(lo * padded(in)), A: l.d[k].Float(lo * padded(out)), B: s.param(weights(k + 1)), H: l.h[k-1].Float(lo * padded(in)),
				M: n, N: in, K: out, Lda: padded(out), Ldb: padded(out), Ldc: padded(in), Ldh: padded(in), Activation: f,
			})
		})
	}
	return err
}

// inputs stores d W^T of derivatives d of projections in rows of result, row p in
// number rows[p], or p without rows; to has room for them on the device.
func (s *scorer) inputs(to, d driver.Pointer, of id, result backend.Matrix, rows []int32) error {
	cols, h := result.Cols, s.net.Hidden[0]
	err := stretches(result.Rows, mostRows, func(lo, n int) error {
		return precisions[s.device.precision].nt(s.stream, tiles(n, cols, 1), kernel.GemmNTArgs{
			C: to.Float(lo * padded(cols)), A: d.Float(lo * padded(h)), B: s.param(of), M: n, N: cols, K: h,
			Lda: padded(h), Ldb: padded(h), Ldc: padded(cols), Activation: -1,
		})
	})
	if err != nil {
		return err
	}
	return s.carrier.down(s.stream, result, to, rows)
}
