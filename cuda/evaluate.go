//go:build cuda

package cuda

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gomine/cuda/internal/driver"
	"gomine/cuda/internal/kernel"
	"gomine/mine/backend"
	"gomine/mine/sampling"
)

// scratch is what evaluations work in: chunks of rows and pairs, allocated when
// first needed and kept.
type scratch struct {
	memory  *driver.Memory
	chunk   int // pairs
	layers  layers
	xs, zs  driver.Pointer // rows
	weights driver.Pointer
	x, z    driver.Pointer // gathered rows, of data in the host's memory
	gx, gz  driver.Pointer // dT/dx, dT/dz
}

// scratchBytes is what scratch may take, and scratchPairs the most pairs in it.
const (
	scratchBytes = 256 << 20
	scratchPairs = 1 << 15
)

// open allocates the scratch of a trainer.
func (t *trainer) openScratch() (*scratch, error) {
	if t.scratch != nil {
		return t.scratch, nil
	}
	floats := 2*padded(t.net.Hidden[0]) + 2*padded(t.net.DX) + 2*padded(t.net.DZ)
	for _, width := range t.net.Hidden {
		floats += 2 * padded(width)
	}
	s := &scratch{memory: t.device.gpu.NewMemory(0), chunk: min(scratchPairs, max(1, scratchBytes/4/floats))}
	err := func() (err error) {
		if s.layers, err = t.newLayers(s.memory, s.chunk+1, s.chunk, true); err != nil {
			return err
		}
		for _, a := range []struct {
			what string
			to   *driver.Pointer
			cols int
		}{{"x rows", &s.xs, 1}, {"z rows", &s.zs, 1}, {"weights", &s.weights, 1}, {"x", &s.x, padded(t.net.DX)}, {"z", &s.z, padded(t.net.DZ)},
			{"dT/dx", &s.gx, padded(t.net.DX)}, {"dT/dz", &s.gz, padded(t.net.DZ)}} {
			if *a.to, err = s.memory.Alloc("scratch for "+a.what, 4*int64(s.chunk+1)*int64(a.cols)); err != nil {
				return err
			}
		}
		return nil
	}()
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	t.scratch = s
	return s, nil
}

func (s *scratch) close() error { return s.memory.Free() }

// fetch makes rows of data available: where they lie, and by which indices on
// the device, 0 for their natural order. Those of data in the host's memory are
// gathered and copied.
func (s *scratch) fetch(d *data, xs, zs []int32) (x, z, xRows, zRows driver.Pointer, err error) {
	if d.resident {
		return d.x, d.z, s.xs, s.zs, errors.Join(driver.Upload(s.xs, xs), driver.Upload(s.zs, zs))
	}
	gather := func(to driver.Pointer, m backend.Matrix, rows []int32) error {
		ld := padded(m.Cols)
		host := make([]float32, len(rows)*ld)
		for i, row := range rows {
			put(host[i*ld:][:ld], m.Row(int(row)))
		}
		return driver.Upload(to, host)
	}
	return s.x, s.z, 0, 0, errors.Join(gather(s.x, d.hostX, xs), gather(s.z, d.hostZ, zs))
}

// pairsOf checks the arguments of a call about pairs of rows.
func (t *trainer) pairsOf(given backend.Data, xs, zs []int, results int) (*data, error) {
	d, err := t.device.use(given, t.net)
	if err != nil {
		return nil, err
	}
	if len(zs) != len(xs) || results != len(xs) {
		return nil, fmt.Errorf("%d x rows, %d z rows, %d results: %w", len(xs), len(zs), results, backend.ErrShape)
	}
	for i := range xs {
		if n := d.Rows(); xs[i] < 0 || xs[i] >= n || zs[i] < 0 || zs[i] >= n {
			return nil, fmt.Errorf("pair %d of rows %d and %d, data has %d rows: %w", i, xs[i], zs[i], n, backend.ErrShape)
		}
	}
	return d, nil
}

// scored calls f with the scratch after the scores of pairs [lo, hi) of rows were
// queued, for all pairs.
func (t *trainer) scored(ctx context.Context, d *data, xs, zs []int, f func(s *scratch, lo, hi int) error) error {
	s, err := t.openScratch()
	if err != nil {
		return err
	}
	narrow := func(rows []int) []int32 {
		all := make([]int32, len(rows))
		for i, r := range rows {
			all[i] = int32(r)
		}
		return all
	}
	for lo := 0; lo < len(xs); lo += s.chunk {
		if err := ctx.Err(); err != nil {
			return err
		}
		hi := min(len(xs), lo+s.chunk)
		n := hi - lo
		x, z, xRows, zRows, err := s.fetch(d, narrow(xs[lo:hi]), narrow(zs[lo:hi]))
		if err != nil {
			return err
		}
		if err := t.project(s.layers, x, z, xRows, zRows, n, n); err != nil {
			return err
		}
		if err := t.pairs(s.layers, 0, n, n, 0); err != nil {
			return err
		}
		if err := t.forward(s.layers, n); err != nil {
			return err
		}
		if err := f(s, lo, hi); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (t *trainer) Scores(ctx context.Context, given backend.Data, xs, zs []int, dst []float32) error {
	return t.do("scores", func() error {
		d, err := t.pairsOf(given, xs, zs, len(dst))
		if err != nil {
			return err
		}
		return t.scored(ctx, d, xs, zs, func(s *scratch, lo, hi int) error { return driver.Download(dst[lo:hi], s.layers.t) })
	})
}

func (t *trainer) InputGradients(ctx context.Context, given backend.Data, xs, zs []int, weights []float32, gx, gz backend.Matrix) error {
	return t.do("input gradients", func() error {
		d, err := t.pairsOf(given, xs, zs, len(weights))
		if err != nil {
			return err
		}
		if err := errors.Join(gx.CheckShape("gx", len(xs), t.net.DX), gz.CheckShape("gz", len(xs), t.net.DZ)); err != nil {
			return err
		}
		return t.scored(ctx, d, xs, zs, func(s *scratch, lo, hi int) error {
			n := hi - lo
			if err := driver.Upload(s.weights, weights[lo:hi]); err != nil {
				return err
			}
			if err := t.backward(s.layers, s.weights, 0, n, leastRows); err != nil {
				return err
			}
			part := func(m backend.Matrix) backend.Matrix {
				return backend.Matrix{Rows: n, Cols: m.Cols, Stride: m.Stride, Data: m.Data[lo*m.Stride:]}
			}
			return errors.Join(t.inputs(s.gx, s.layers.d[0], "Wx", part(gx), nil), t.inputs(s.gz, s.layers.d[0], "Wz", part(gz), nil))
		})
	})
}

// momentBlocks is the number of blocks of the moments kernels, which leave their
// sums by block.
const momentBlocks = 256

// evaluation is what an Evaluate accumulates on the device, by row: the joint
// score, sums of e^T relative to their largest term, of softplus(T).
type evaluation struct {
	memory         *driver.Memory
	joint          driver.Pointer
	um, us, vm, vs driver.Pointer
	js             driver.Pointer
	bad            driver.Pointer
	sums           driver.Pointer
}

func (t *trainer) Evaluate(ctx context.Context, given backend.Data, rows backend.Rows, cycles int, seed uint64) (result backend.Evaluation, err error) {
	err = t.do("evaluate", func() (err error) {
		d, err := t.device.use(given, t.net)
		if err != nil {
			return err
		}
		if err := rows.Validate(d.Rows()); err != nil {
			return err
		}
		n := rows.Len()
		if n < 2 || cycles < 1 {
			return fmt.Errorf("%d rows in %d cycles, want at least 2 and 1: %w", n, cycles, backend.ErrShape)
		}
		s, err := t.openScratch()
		if err != nil {
			return err
		}
		e := evaluation{memory: t.device.gpu.NewMemory(0)}
		defer func() { err = errors.Join(err, e.memory.Free()) }()
		if err := e.open(t.stream, n); err != nil {
			return err
		}
		for m := range cycles {
			for lo := 0; lo < n; lo += s.chunk {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := t.accumulate(s, &e, d, rows, seed, m, lo, min(s.chunk, n-lo)); err != nil {
					return err
				}
			}
		}
		result, err = e.result(t.stream, n, cycles)
		return err
	})
	return result, err
}

func (e *evaluation) open(s *driver.Stream, n int) (err error) {
	for _, a := range []struct {
		what  string
		to    *driver.Pointer
		bytes int64
	}{{"joint scores", &e.joint, 4 * int64(n)}, {"largest scores of x rows", &e.um, 4 * int64(n)}, {"sums of x rows", &e.us, 8 * int64(n)},
		{"largest scores of z rows", &e.vm, 4 * int64(n)}, {"sums of z rows", &e.vs, 8 * int64(n)}, {"softplus sums", &e.js, 8 * int64(n)},
		{"mark of bad scores", &e.bad, 4}, {"moments", &e.sums, 8 * 4 * momentBlocks}} {
		if *a.to, err = e.memory.Alloc(a.what, a.bytes); err != nil {
			return err
		}
	}
	negative := math.Float32bits(float32(math.Inf(-1)))
	return errors.Join(s.Fill(e.um, negative, n), s.Fill(e.vm, negative, n))
}

// accumulate scores the pairs at count positions from lo on of cycle m, with the
// joint pairs of these rows in the first cycle, and adds them up.
func (t *trainer) accumulate(s *scratch, e *evaluation, d *data, rows backend.Rows, seed uint64, m, lo, count int) error {
	n, l := rows.Len(), s.layers
	visit := func() error {
		return kernel.Visit(t.stream, blocks(count+1, 256), 0, s.xs, seed, uint64(m), int(sampling.StreamEvaluate), n, lo, count+1, rows.Lo)
	}
	x, z, index := d.x, d.z, s.xs
	if err := visit(); err != nil {
		return err
	}
	if !d.resident {
		at := make([]int32, count+1)
		if err := driver.Download(at, s.xs); err != nil {
			return err
		}
		var err error
		if x, z, index, _, err = s.fetch(d, at, at); err != nil {
			return err
		}
	}
	if err := t.project(l, x, z, index, index, count+1, count+1); err != nil {
		return err
	}
	if m == 0 {
		if err := t.pairs(l, 0, count, count+1, 0); err != nil {
			return err
		}
		if err := t.forward(l, count); err != nil {
			return err
		}
		if err := kernel.GatherScores(t.stream, blocks(count, 256), 0, e.joint, e.bad, l.t, s.xs, rows.Lo, count); err != nil {
			return err
		}
	}
	if err := t.pairs(l, 0, count, count+1, 1); err != nil {
		return err
	}
	if err := t.forward(l, count); err != nil {
		return err
	}
	return kernel.Accumulate(t.stream, blocks(count, 256), 0, e.um, e.us, e.vm, e.vs, e.js, e.bad, l.t, s.xs, rows.Lo, count)
}

// result turns the sums by row into averages. The sums by block are added in
// their order.
func (e *evaluation) result(s *driver.Stream, n, cycles int) (r backend.Evaluation, err error) {
	grid := driver.Dim{X: momentBlocks, Y: 1, Z: 1}
	sums := make([]float64, 4*momentBlocks)
	bad := make([]int32, 1)
	if err := errors.Join(kernel.MomentsMax(s, grid, 0, e.sums, e.joint, e.um, n), driver.Download(sums, e.sums), driver.Download(bad, e.bad)); err != nil {
		return r, err
	}
	r = backend.Evaluation{Rows: n, Pairs: int64(n) * int64(cycles)}
	shift, most := math.Inf(-1), math.Inf(-1)
	for b := range momentBlocks {
		shift, most = math.Max(shift, sums[2*b]), math.Max(most, sums[2*b+1])
	}
	if err := errors.Join(kernel.MomentsMean(s, grid, 0, e.sums, e.joint, e.um, e.us, e.js, n, shift), driver.Download(sums, e.sums)); err != nil {
		return r, err
	}
	var joint, positive, negative, total float64
	for b := range momentBlocks {
		joint += sums[4*b]
		positive += sums[4*b+1]
		negative += sums[4*b+2]
		total += sums[4*b+3]
	}
	pairs := float64(r.Pairs)
	r.Joint = joint / float64(n)
	r.LogU = shift + math.Log(total/pairs)
	r.JS = -positive/float64(n) - negative/pairs
	r.MaxT = most
	err = errors.Join(kernel.MomentsCentral(s, grid, 0, e.sums, e.joint, e.um, e.us, e.vm, e.vs, n, shift, r.Joint, float64(n)/total), driver.Download(sums, e.sums))
	if err != nil {
		return r, err
	}
	for b := range momentBlocks {
		r.VarT += sums[3*b]
		r.VarW += sums[3*b+1]
		r.CovTW += sums[3*b+2]
	}
	for _, v := range []*float64{&r.VarT, &r.VarW, &r.CovTW} {
		*v /= float64(n)
	}
	r.Finite = bad[0] == 0
	for _, v := range []float64{r.Joint, r.LogU, r.JS, r.VarT, r.VarW, r.CovTW, r.MaxT} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			r.Finite = false
		}
	}
	return r, nil
}
