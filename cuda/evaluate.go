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

// evaluation is an Evaluate under way.
type evaluation struct {
	data    *data
	rows    backend.Rows
	pairing backend.Pairing
	chunk   int // pairs at a time
	evaluationArrays
	influence driver.Pointer // 0 if nobody asks
}

// evaluationArrays is what an Evaluate accumulates on the device, by position of the
// rows: the joint score, sums of e^T relative to their largest term, of e^2T likewise, of
// softplus(T). They are kept from one call to the next.
type evaluationArrays struct {
	memory         *driver.Memory
	room, scores   int            // rows and sums of scores that there is room for
	index          driver.Pointer // of the rows; 0 for a range
	joint          driver.Pointer
	um, vm         driver.Pointer
	us, uq, vs, js driver.Pointer
	values         driver.Pointer // by row: room for influence values
	bad            driver.Pointer // an integer in the place of a double, before the sums
	sums           driver.Pointer // of the moments kernels
	marginal       driver.Pointer // behind these: sums of scores, by pairing and chunk
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
		e := evaluation{data: d, rows: rows, pairing: p, chunk: work.chunk}
		if err := work.evaluation.open(rows.Len(), p.Count*e.chunks()); err != nil {
			return err
		}
		e.evaluationArrays = work.evaluation
		if err := e.start(s.stream, influence != nil); err != nil {
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

// open makes room for the sums of n rows and as many sums of scores.
func (a *evaluationArrays) open(n, scores int) (err error) {
	if n <= a.room && scores <= a.scores {
		return nil
	}
	memory := a.memory
	if err := memory.Free(); err != nil {
		return err
	}
	*a = evaluationArrays{memory: memory}
	floats, doubles := 4*int64(n), 8*int64(n)
	for _, array := range []struct {
		what  string
		to    *driver.Pointer
		bytes int64
	}{{"joint scores", &a.joint, floats}, {"index of the rows", &a.index, floats}, {"largest scores by row", &a.um, 2 * floats},
		{"sums by row", &a.us, 4 * doubles}, {"influence values", &a.values, doubles}, {"moments", &a.bad, 8 * int64(1+4*momentBlocks+scores)}} {
		if *array.to, err = memory.Alloc(array.what, array.bytes); err != nil {
			return errors.Join(err, memory.Free())
		}
	}
	a.room, a.scores = n, scores
	a.vm = a.um.Float(n)
	a.uq, a.vs, a.js = a.us.Double(n), a.us.Double(2*n), a.us.Double(3*n)
	a.sums = a.bad.Double(1)
	a.marginal = a.sums.Double(4 * momentBlocks)
	return nil
}

// start clears what the last evaluation left.
func (e *evaluation) start(s *driver.Stream, influence bool) error {
	if influence {
		e.influence = e.values
	}
	negative := math.Float32bits(float32(math.Inf(-1)))
	err := errors.Join(s.Fill(e.um, negative, 2*e.room), s.Fill(e.us, 0, 2*4*e.room), s.Fill(e.bad, 0, 2))
	if err != nil || e.rows.Index == nil {
		e.index = 0
		return err
	}
	return driver.Upload(s, e.index, e.rows.Index[e.rows.Lo:e.rows.Hi])
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
	return p, driver.Upload(m.Stream(), p, rows.Index[rows.Lo:rows.Hi])
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
		if err := errors.Join(driver.Download(s.stream, xs, work.xRows), driver.Download(s.stream, zs, work.zRows)); err != nil {
			return err
		}
		if x, z, xRows, zRows, err = work.fetch(s.stream, e.data, xs, zs); err != nil {
			return err
		}
	}
	l := work.layers.onlyScores()
	return errors.Join(
		s.project(l, x, z, xRows, zRows, count),
		s.pairs(l, 0, count, 0),
		s.forward(l, count))
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
	all := make([]float64, 1+4*momentBlocks+e.pairing.Count*e.chunks())
	sums, scores := all[1:][:4*momentBlocks], all[1+4*momentBlocks:]
	err = errors.Join(
		kernel.MomentsMax(s, grid, 0, kernel.MomentsMaxArgs{Partial: e.sums, Joint: e.joint, Um: e.um, N: n}),
		driver.Download(s, all, e.bad))
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
		driver.Download(s, sums, e.sums))
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
		driver.Download(s, sums, e.sums))
	if err == nil && influence != nil {
		err = driver.Download(s, influence, e.influence)
	}
	if err != nil {
		return r, err
	}
	total = byBlock(sums)
	r.VarT, r.VarW, r.CovTW = total[0]/float64(n), total[1]/float64(n), total[2]/float64(n)
	// g has mean 1, whatever the scale of e^T; rounding may leave less.
	r.VarG = max(0, total[3]*pairs/(u*u)-1)
	r.Marginal = e.means(scores)
	r.Finite = math.Float64bits(all[0]) == 0
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

// means returns the mean marginal score of each pairing, from the sums by chunk.
func (e *evaluation) means(sums []float64) []float64 {
	means := make([]float64, e.pairing.Count)
	for k := range means {
		for _, v := range sums[k*e.chunks():][:e.chunks()] {
			means[k] += v
		}
		means[k] /= float64(e.rows.Len())
	}
	return means
}
