//go:build cuda

package cuda

import (
	"context"
	"errors"
	"math"

	"gomine/cuda/internal/driver"
	"gomine/cuda/internal/kernel"
	"gomine/mine/backend"
	"gomine/mine/sampling"
)

// momentBlocks is the number of blocks of the kernels of moments and of squares, which
// leave their sums by block.
const momentBlocks = 256

// jointPairs is the pairing of kernel visit that puts every row with itself.
const jointPairs = 2

// evaluation is what an Evaluate accumulates on the device, by position of the rows:
// the joint score, sums of e^T relative to their largest term, of e^2T likewise, of
// softplus(T).
type evaluation struct {
	data    *data
	rows    backend.Rows
	pairing backend.Pairing
	chunk   int // pairs at a time

	memory             *driver.Memory
	index              driver.Pointer // of the rows; 0 for a range
	joint              driver.Pointer
	um, us, uq, vm, vs driver.Pointer
	js                 driver.Pointer
	bad                driver.Pointer
	sums               driver.Pointer // of the moments kernels
	marginal           driver.Pointer // sums of scores, by pairing and chunk
	influence          driver.Pointer // 0 if nobody asks
}

func (s *scorer) Evaluate(ctx context.Context, given backend.Data, rows backend.Rows, p backend.Pairing, influence []float64) (result backend.Evaluation, err error) {
	err = s.do("evaluate", func() (err error) {
		d, err := s.use(given)
		if err != nil {
			return err
		}
		if err := backend.CheckEvaluation(d, rows, p, influence); err != nil {
			return err
		}
		work, err := s.openScratch()
		if err != nil {
			return err
		}
		e := evaluation{data: d, rows: rows, pairing: p, chunk: work.chunk, memory: s.device.gpu.NewMemory(0)}
		defer func() { err = errors.Join(err, e.memory.Free()) }()
		if err := e.open(s.stream, influence != nil); err != nil {
			return err
		}
		if err := e.each(ctx, func(lo, count int) error { return s.scoreJoint(work, &e, lo, count) }); err != nil {
			return err
		}
		for k := range p.Count {
			if err := e.each(ctx, func(lo, count int) error { return s.scoreMarginal(work, &e, k, lo, count) }); err != nil {
				return err
			}
		}
		result, err = e.result(s.stream, influence)
		return err
	})
	return result, err
}

// each calls f for the positions of all pairs of a pairing, a chunk at a time.
func (e *evaluation) each(ctx context.Context, f func(lo, count int) error) error {
	n := e.rows.Len()
	for lo := 0; lo < n; lo += e.chunk {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f(lo, min(e.chunk, n-lo)); err != nil {
			return err
		}
	}
	return nil
}

// chunks is the number of chunks of a pairing.
func (e *evaluation) chunks() int { return (e.rows.Len() + e.chunk - 1) / e.chunk }

func (e *evaluation) open(s *driver.Stream, influence bool) (err error) {
	n := int64(e.rows.Len())
	arrays := []struct {
		what  string
		to    *driver.Pointer
		bytes int64
	}{{"joint scores", &e.joint, 4 * n}, {"largest scores of x rows", &e.um, 4 * n}, {"sums of x rows", &e.us, 8 * n},
		{"sums of squares of x rows", &e.uq, 8 * n}, {"largest scores of z rows", &e.vm, 4 * n}, {"sums of z rows", &e.vs, 8 * n},
		{"softplus sums", &e.js, 8 * n}, {"mark of bad scores", &e.bad, 4}, {"moments", &e.sums, 8 * 4 * momentBlocks},
		{"sums of scores", &e.marginal, 8 * int64(e.pairing.Count) * int64(e.chunks())}}
	for _, a := range arrays {
		if *a.to, err = e.memory.Alloc(a.what, a.bytes); err != nil {
			return err
		}
	}
	if influence {
		if e.influence, err = e.memory.Alloc("influence values", 8*n); err != nil {
			return err
		}
	}
	if e.index, err = uploadIndex(e.memory, e.rows); err != nil {
		return err
	}
	negative := math.Float32bits(float32(math.Inf(-1)))
	return errors.Join(s.Fill(e.um, negative, int(n)), s.Fill(e.vm, negative, int(n)))
}

// uploadIndex returns the index of rows on the device, from their first entry on, or
// 0 for a range.
func uploadIndex(m *driver.Memory, rows backend.Rows) (driver.Pointer, error) {
	if rows.Index == nil {
		return 0, nil
	}
	p, err := m.Alloc("index of the rows", 4*int64(rows.Len()))
	if err != nil {
		return 0, err
	}
	return p, driver.Upload(p, rows.Index[rows.Lo:rows.Hi])
}

// firstRow is what positions of rows are counted from: of the data, or of the index.
func firstRow(rows backend.Rows) int {
	if rows.Index != nil {
		return 0
	}
	return rows.Lo
}

// score queues the scores of the pairs at count positions from lo on of pairing
// number k, of that kind.
func (s *scorer) score(work *scratch, e *evaluation, kind, k, lo, count int) error {
	err := kernel.Visit(s.stream, blocks(count, 256), 0, kernel.VisitArgs{
		Xs: work.xs, Zs: work.zs, XRows: work.xRows, ZRows: work.zRows, Index: e.index,
		Seed: e.pairing.Seed, Step: uint64(k), Stream: int(sampling.StreamEvaluate), Pairing: kind,
		N: e.rows.Len(), Lo: lo, Count: count, First: firstRow(e.rows),
	})
	if err != nil {
		return err
	}
	x, z, xRows, zRows := e.data.x, e.data.z, work.xRows, work.zRows
	if !e.data.resident {
		xs, zs := make([]int32, count), make([]int32, count)
		if err := errors.Join(driver.Download(xs, work.xRows), driver.Download(zs, work.zRows)); err != nil {
			return err
		}
		if x, z, xRows, zRows, err = work.fetch(e.data, xs, zs); err != nil {
			return err
		}
	}
	return errors.Join(
		s.project(work.layers, x, z, xRows, zRows, count),
		s.pairs(work.layers, 0, count, 0),
		s.forward(work.layers, count))
}

func (s *scorer) scoreJoint(work *scratch, e *evaluation, lo, count int) error {
	return errors.Join(
		s.score(work, e, jointPairs, 0, lo, count),
		kernel.GatherScores(s.stream, blocks(count, 256), 0, kernel.GatherScoresArgs{
			Joint: e.joint, Bad: e.bad, T: work.layers.t, Positions: work.xs, Count: count,
		}))
}

func (s *scorer) scoreMarginal(work *scratch, e *evaluation, k, lo, count int) error {
	return errors.Join(
		s.score(work, e, int(e.pairing.Kind), k, lo, count),
		kernel.Accumulate(s.stream, blocks(count, 256), 0, kernel.AccumulateArgs{
			Um: e.um, Us: e.us, Uq: e.uq, Vm: e.vm, Vs: e.vs, Js: e.js, Bad: e.bad,
			T: work.layers.t, Xs: work.xs, Zs: work.zs, Count: count,
		}),
		kernel.SumScores(s.stream, driver.Dim{X: 1, Y: 1, Z: 1}, 0, kernel.SumScoresArgs{
			Sums: e.marginal, T: work.layers.t, Count: count, At: k*e.chunks() + lo/e.chunk,
		}))
}

// result turns the sums by row into averages. The sums by block are added in
// their order.
func (e *evaluation) result(s *driver.Stream, influence []float64) (r backend.Evaluation, err error) {
	n := e.rows.Len()
	grid := driver.Dim{X: momentBlocks, Y: 1, Z: 1}
	sums, bad := make([]float64, 4*momentBlocks), make([]int32, 1)
	err = errors.Join(
		kernel.MomentsMax(s, grid, 0, kernel.MomentsMaxArgs{Partial: e.sums, Joint: e.joint, Um: e.um, N: n}),
		driver.Download(sums, e.sums), driver.Download(bad, e.bad))
	if err != nil {
		return r, err
	}
	r = backend.Evaluation{Rows: n, Pairs: int64(n) * int64(e.pairing.Count)}
	shift, most := math.Inf(-1), math.Inf(-1)
	for b := range momentBlocks {
		shift, most = math.Max(shift, sums[2*b]), math.Max(most, sums[2*b+1])
	}
	err = errors.Join(
		kernel.MomentsMean(s, grid, 0, kernel.MomentsMeanArgs{
			Partial: e.sums, Joint: e.joint, Um: e.um, Us: e.us, Js: e.js, N: n, Shift: shift,
		}),
		driver.Download(sums, e.sums))
	if err != nil {
		return r, err
	}
	total := byBlock(sums)
	pairs, u := float64(r.Pairs), total[3]
	r.Joint = total[0] / float64(n)
	r.LogU = shift + math.Log(u/pairs)
	r.JS = -total[1]/float64(n) - total[2]/pairs
	r.MaxT = most
	err = errors.Join(
		kernel.MomentsCentral(s, grid, 0, kernel.MomentsCentralArgs{
			Partial: e.sums, Influence: e.influence, Joint: e.joint, Um: e.um, Us: e.us, Uq: e.uq, Vm: e.vm, Vs: e.vs,
			N: n, Shift: shift, Mean: r.Joint, Scale: float64(n) / u,
		}),
		driver.Download(sums, e.sums))
	if err == nil && influence != nil {
		err = driver.Download(influence, e.influence)
	}
	if err != nil {
		return r, err
	}
	total = byBlock(sums)
	r.VarT, r.VarW, r.CovTW = total[0]/float64(n), total[1]/float64(n), total[2]/float64(n)
	// g has mean 1, whatever the scale of e^T; rounding may leave less.
	r.VarG = max(0, total[3]*pairs/(u*u)-1)
	if r.Marginal, err = e.means(); err != nil {
		return r, err
	}
	r.Finite = bad[0] == 0
	for _, v := range []float64{r.Joint, r.LogU, r.JS, r.VarT, r.VarW, r.CovTW, r.VarG, r.MaxT} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			r.Finite = false
		}
	}
	return r, nil
}

// byBlock adds up what the moments kernels leave by block, four sums each.
func byBlock(sums []float64) (total [4]float64) {
	for b := range momentBlocks {
		for k := range total {
			total[k] += sums[4*b+k]
		}
	}
	return total
}

// means returns the mean marginal score of each pairing.
func (e *evaluation) means() ([]float64, error) {
	sums := make([]float64, e.pairing.Count*e.chunks())
	if err := driver.Download(sums, e.marginal); err != nil {
		return nil, err
	}
	means := make([]float64, e.pairing.Count)
	for k := range means {
		for _, v := range sums[k*e.chunks():][:e.chunks()] {
			means[k] += v
		}
		means[k] /= float64(e.rows.Len())
	}
	return means, nil
}
