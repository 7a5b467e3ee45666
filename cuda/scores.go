//go:build cuda

package cuda

import (
	"context"
	"errors"

	"gomine/cuda/internal/driver"
	"gomine/mine/backend"
)

// scratch is what evaluations work in: chunks of rows and pairs, allocated when
// first needed and kept.
type scratch struct {
	memory       *driver.Memory
	chunk        int // pairs
	layers       layers
	xs, zs       driver.Pointer // positions of rows in an evaluation
	xRows, zRows driver.Pointer // rows of data
	weights      driver.Pointer
	x, z         driver.Pointer // gathered rows, of data in the host's memory
	gx, gz       driver.Pointer // dT/dx, dT/dz
	evaluation   evaluationArrays
}

// scratchBytes is what scratch may take, and leastPairs the pairs that there is room for even where
// fewer are asked for.
const (
	scratchBytes = 256 << 20
	leastPairs   = 1 << 10
)

// scratchPairs is the most pairs in a scratch. Tests make it less.
var scratchPairs = 1 << 17

// chunkOf is how many of so many pairs are scored at a time.
func (s *scorer) chunkOf(pairs int) int {
	floats := 2*padded(s.net.Hidden[0]) + 2*padded(s.net.DX) + 2*padded(s.net.DZ)
	for _, width := range s.net.Hidden {
		floats += 2 * padded(width)
	}
	return min(scratchPairs, max(1, scratchBytes/4/floats), max(pairs, leastPairs))
}

// openScratch allocates the scratch of a scorer, for chunks of that many pairs.
func (s *scorer) openScratch(chunk int) (*scratch, error) {
	if s.scratch != nil {
		if s.scratch.chunk >= chunk {
			return s.scratch, nil
		}
		old := s.scratch
		s.scratch = nil
		if err := old.close(); err != nil {
			return nil, err
		}
	}
	w := &scratch{memory: s.device.gpu.NewMemory(), chunk: chunk}
	w.evaluation.memory = s.device.gpu.NewMemory()
	err := func() (err error) {
		if w.layers, err = s.newLayers(w.memory, w.chunk, w.chunk, true); err != nil {
			return err
		}
		for _, a := range []struct {
			what string
			to   *driver.Pointer
			cols int
		}{{"positions of x", &w.xs, 1}, {"positions of z", &w.zs, 1}, {"x rows", &w.xRows, 1}, {"z rows", &w.zRows, 1}, {"weights", &w.weights, 1},
			{"x", &w.x, padded(s.net.DX)}, {"z", &w.z, padded(s.net.DZ)}, {"dT/dx", &w.gx, padded(s.net.DX)}, {"dT/dz", &w.gz, padded(s.net.DZ)}} {
			if *a.to, err = w.memory.Alloc("scratch for "+a.what, 4*int64(w.chunk)*int64(a.cols)); err != nil {
				return err
			}
		}
		return nil
	}()
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	s.scratch = w
	return w, nil
}

func (w *scratch) close() error { return errors.Join(w.evaluation.memory.Free(), w.memory.Free()) }

// fetch makes rows of data available: where they lie, and by which indices on
// the device, 0 for their natural order. Those of data in the host's memory are
// gathered and copied.
func (w *scratch) fetch(s *driver.Stream, d *data, xs, zs []int32) (x, z, xRows, zRows driver.Pointer, err error) {
	if d.resident {
		return d.x, d.z, w.xRows, w.zRows, errors.Join(driver.Upload(s, w.xRows, xs), driver.Upload(s, w.zRows, zs))
	}
	gather := func(to driver.Pointer, m backend.Matrix, rows []int32) error {
		ld := padded(m.Cols)
		host := make([]float32, len(rows)*ld)
		for i, row := range rows {
			put(host[i*ld:][:ld], m.Row(int(row)))
		}
		return driver.Upload(s, to, host)
	}
	return w.x, w.z, 0, 0, errors.Join(gather(w.x, d.hostX, xs), gather(w.z, d.hostZ, zs))
}

// pairsOf returns the data of a call about pairs of rows, if its arguments fit.
func (s *scorer) pairsOf(given backend.Data, xs, zs []int, results int) (*data, error) {
	own, err := s.use(given)
	if err != nil {
		return nil, err
	}
	return own, backend.CheckPairs(own, xs, zs, results)
}

// scored calls f with the scratch after the scores of pairs [lo, hi) of rows were
// queued, for all pairs; back says whether a way back is to follow.
func (s *scorer) scored(ctx context.Context, d *data, xs, zs []int, back bool, f func(w *scratch, lo, hi int) error) error {
	chunk := s.chunkOf(len(xs))
	w, err := s.openScratch(chunk)
	if err != nil {
		return err
	}
	l := w.layers
	if !back {
		l = l.onlyScores()
	}
	narrow := func(rows []int) []int32 {
		all := make([]int32, len(rows))
		for i, r := range rows {
			all[i] = int32(r)
		}
		return all
	}
	for lo := 0; lo < len(xs); lo += chunk {
		if err := ctx.Err(); err != nil {
			return err
		}
		hi := min(len(xs), lo+chunk)
		n := hi - lo
		x, z, xRows, zRows, err := w.fetch(s.stream, d, narrow(xs[lo:hi]), narrow(zs[lo:hi]))
		if err != nil {
			return err
		}
		err = errors.Join(
			s.project(l, x, z, xRows, zRows, n),
			s.pairs(l, 0, n, 0),
			s.forward(l, n))
		if err != nil {
			return err
		}
		if err := f(w, lo, hi); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (s *scorer) Scores(ctx context.Context, given backend.Data, xs, zs []int, dst []float32) error {
	return s.do("scores", func() error {
		d, err := s.pairsOf(given, xs, zs, len(dst))
		if err != nil {
			return err
		}
		return s.scored(ctx, d, xs, zs, false, func(w *scratch, lo, hi int) error { return driver.Download(s.stream, dst[lo:hi], w.layers.t) })
	})
}

func (s *scorer) InputGradients(ctx context.Context, given backend.Data, xs, zs []int, weights []float32, gx, gz backend.Matrix) error {
	return s.do("input gradients", func() error {
		d, err := s.pairsOf(given, xs, zs, len(weights))
		if err != nil {
			return err
		}
		if err := errors.Join(gx.CheckShape("gx", len(xs), s.net.DX), gz.CheckShape("gz", len(xs), s.net.DZ)); err != nil {
			return err
		}
		return s.scored(ctx, d, xs, zs, true, func(w *scratch, lo, hi int) error {
			n := hi - lo
			if err := driver.Upload(s.stream, w.weights, weights[lo:hi]); err != nil {
				return err
			}
			if err := s.backward(w.layers, w.weights, 0, n, leastRows); err != nil {
				return err
			}
			part := func(m backend.Matrix) backend.Matrix {
				return backend.Matrix{Rows: n, Cols: m.Cols, Stride: m.Stride, Data: m.Data[lo*m.Stride:]}
			}
			return errors.Join(
				s.inputs(w.gx, w.layers.d[0], weightsX, part(gx), nil),
				s.inputs(w.gz, w.layers.d[0], weightsZ, part(gz), nil))
		})
	})
}
