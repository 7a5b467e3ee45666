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

// evaluation is an Evaluate under way. Its marginal pairs are scored a group of whole pairings at
// a time, in stretches of as many as chunk says, and their scores added to those of their rows pairing by
// pairing. All sizes follow from the numbers of rows and pairings, for a row at the edge of a
// matrix product may be rounded otherwise than one in the middle.
type evaluation struct {
	scorer  *scorer
	work    *scratch
	data    *data
	rows    backend.Rows
	pairing backend.Pairing
	chunk   int // pairs at a time
	group   int // pairings at a time
	evaluationArrays
	influence driver.Pointer // 0 if nobody asks
}

// evaluationArrays is what an Evaluate has on the device, by position of the rows: projections,
// the joint score, sums of e^T relative to their largest term, of e^2T likewise, of
// softplus(T). They are kept from one call to the next.
type evaluationArrays struct {
	memory              *driver.Memory
	room, pairs, scores int            // rows, pairs of a group and sums of scores that there is room for
	index               driver.Pointer // of the rows; 0 for a range
	px, pz              driver.Pointer // 0 where they would take too much: then every pair is projected by itself
	joint               driver.Pointer
	byX, byZ            driver.Pointer // scores of a group, by pairing and row
	um, vm              driver.Pointer
	us, uq, vs, js      driver.Pointer
	values              driver.Pointer // by row: room for influence values
	bad                 driver.Pointer // an integer in the place of a double, before the sums
	sums                driver.Pointer // of the moments kernels
	marginal            driver.Pointer // behind these: sums of scores, by pairing and part
}

// mostProjected is the most bytes that the projections of all rows may take. Tests make it less.
var mostProjected int64 = 512 << 20

// sumRows is how many scores are added by one block. Tests make it less.
var sumRows = 1 << 15

func (s *scorer) Evaluate(ctx context.Context, given backend.Data, rows backend.Rows, p backend.Pairing, influence []float64) (result backend.Evaluation, err error) {
	err = s.do("evaluate", func() (err error) {
		d, err := s.use(given)
		if err != nil {
			return err
		}
		if err := backend.CheckEvaluation(d, rows, p, influence); err != nil {
			return err
		}
		e := evaluation{scorer: s, data: d, rows: rows, pairing: p}
		if err := e.open(influence != nil); err != nil {
			return err
		}
		for _, part := range []func(context.Context) error{e.project, e.scoreJoint, e.scoreMarginal} {
			if err := part(ctx); err != nil {
				return err
			}
		}
		result, err = e.result(s.stream, influence)
		return err
	})
	return result, err
}

// open makes room and clears what the last evaluation left.
func (e *evaluation) open(influence bool) (err error) {
	s, n := e.scorer, e.rows.Len()
	e.chunk = s.chunkOf(n * e.pairing.Count)
	if e.work, err = s.openScratch(e.chunk); err != nil {
		return err
	}
	e.group = min(e.pairing.Count, max(1, e.chunk/n))
	kept := &e.work.evaluation
	if err := kept.open(s, n, e.group*n, e.pairing.Count*e.parts()); err != nil {
		return err
	}
	e.evaluationArrays = *kept
	if influence {
		e.influence = e.values
	}
	negative := math.Float32bits(float32(math.Inf(-1)))
	err = errors.Join(s.stream.Fill(e.um, negative, 2*e.room), s.stream.Fill(e.us, 0, 2*4*e.room), s.stream.Fill(e.bad, 0, 2))
	if err != nil || e.rows.Index == nil {
		e.index = 0
		return err
	}
	return driver.Upload(s.stream, e.index, e.rows.Index[e.rows.Lo:e.rows.Hi])
}

// open makes room for n rows, groups of so many pairs and as many sums of scores.
func (a *evaluationArrays) open(s *scorer, n, pairs, scores int) (err error) {
	if n <= a.room && pairs <= a.pairs && scores <= a.scores {
		return nil
	}
	memory := a.memory
	if err := memory.Free(); err != nil {
		return err
	}
	*a = evaluationArrays{memory: memory}
	floats, doubles := 4*int64(n), 8*int64(n)
	projected := floats * int64(padded(s.net.Hidden[0]))
	type array struct {
		what  string
		to    *driver.Pointer
		bytes int64
	}
	arrays := []array{{"joint scores", &a.joint, floats}, {"index of the rows", &a.index, floats}, {"largest scores by row", &a.um, 2 * floats},
		{"sums by row", &a.us, 4 * doubles}, {"influence values", &a.values, doubles}, {"moments", &a.bad, 8 * int64(1+4*momentBlocks+scores)},
		{"scores by row of x", &a.byX, 4 * int64(pairs)}, {"scores by row of z", &a.byZ, 4 * int64(pairs)}}
	if 2*projected <= mostProjected {
		arrays = append(arrays, array{"projections of all x", &a.px, projected}, array{"projections of all z", &a.pz, projected})
	}
	for _, array := range arrays {
		if *array.to, err = memory.Alloc(array.what, array.bytes); err != nil {
			return errors.Join(err, memory.Free())
		}
	}
	a.room, a.pairs, a.scores = n, pairs, scores
	a.vm = a.um.Float(n)
	a.uq, a.vs, a.js = a.us.Double(n), a.us.Double(2*n), a.us.Double(3*n)
	a.sums = a.bad.Double(1)
	a.marginal = a.sums.Double(4 * momentBlocks)
	return nil
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

// each calls f for the positions of all rows, a chunk at a time.
func (e *evaluation) each(ctx context.Context, f func(lo, count int) error) error {
	return stretches(e.rows.Len(), e.chunk, func(lo, n int) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return f(lo, n)
	})
}

// parts is the number of parts that the sum of a pairing's scores is made of.
func (e *evaluation) parts() int { return (e.rows.Len() + sumRows - 1) / sumRows }

// projectRows queues the projections of the rows at count positions from lo on.
func (e *evaluation) projectRows(l layers, lo, count int) error {
	s, d := e.scorer, e.data
	switch {
	case !d.resident:
		rows := make([]int32, count)
		for i := range rows {
			rows[i] = int32(e.rows.At(lo + i))
		}
		x, z, xRows, zRows, err := e.work.fetch(s.stream, d, rows, rows)
		if err != nil {
			return err
		}
		return s.project(l, x, z, xRows, zRows, count)
	case e.index != 0:
		return s.project(l, d.x, d.z, e.index.Float(lo), e.index.Float(lo), count)
	}
	first := e.rows.Lo + lo
	return s.project(l, d.x.Float(first*padded(s.net.DX)), d.z.Float(first*padded(s.net.DZ)), 0, 0, count)
}

// from is l with the projections of the rows from a position on.
func (e *evaluation) from(l layers, lo int) layers {
	at := lo * padded(e.scorer.net.Hidden[0])
	l.px, l.pz = e.px.Float(at), e.pz.Float(at)
	return l
}

// project queues the projections of all rows, if there is room for them.
func (e *evaluation) project(ctx context.Context) error {
	if e.px == 0 {
		return nil
	}
	return e.each(ctx, func(lo, count int) error { return e.projectRows(e.from(layers{}, lo), lo, count) })
}

func (e *evaluation) scoreJoint(ctx context.Context) error {
	return e.each(ctx, func(lo, count int) error {
		l := e.work.layers.onlyScores()
		if e.px != 0 {
			l = e.from(l, lo)
		} else if err := e.projectRows(l, lo, count); err != nil {
			return err
		}
		return errors.Join(
			e.scorer.pairs(l, 0, count, 0),
			e.scorer.forward(l, count),
			kernel.PlaceScores(e.scorer.stream, blocks(count, 256), 0, kernel.PlaceScoresArgs{
				ByX: e.joint.Float(lo), Bad: e.bad, T: l.t, Part: count, Count: count,
			}))
	})
}

func (e *evaluation) scoreMarginal(ctx context.Context) error {
	s, n := e.scorer.stream, e.rows.Len()
	return stretches(e.pairing.Count, e.group, func(first, pairings int) error {
		err := e.each(ctx, func(lo, part int) error { return e.scorePairs(first, pairings, lo, part) })
		if err != nil {
			return err
		}
		return errors.Join(
			kernel.Accumulate(s, driver.Dim{X: 2 * blocks(n, 128).X, Y: 1, Z: 1}, 0, kernel.AccumulateArgs{
				Um: e.um, Us: e.us, Uq: e.uq, Vm: e.vm, Vs: e.vs, Js: e.js, ByX: e.byX, ByZ: e.byZ, N: n, Pairings: pairings,
			}),
			kernel.SumScores(s, driver.Dim{X: pairings * e.parts(), Y: 1, Z: 1}, 0, kernel.SumScoresArgs{
				Sums: e.marginal.Double(first * e.parts()), T: e.byX, N: n, Rows: sumRows,
			}))
	})
}

// scorePairs queues the scores of the pairs at part positions from lo on of each of so many pairings: of
// one where these are not all of its pairs.
func (e *evaluation) scorePairs(first, pairings, lo, part int) error {
	s, work, count := e.scorer, e.work, pairings*part
	visit := kernel.VisitArgs{
		Xs: work.xs, Zs: work.zs, Index: e.index,
		Seed: e.pairing.Seed, Step: uint64(first), Stream: int(sampling.StreamEvaluate), Pairing: int(e.pairing.Kind),
		N: e.rows.Len(), Lo: lo, Count: part, First: firstRow(e.rows),
	}
	if e.px == 0 {
		visit.XRows, visit.ZRows = work.xRows, work.zRows
	}
	if err := kernel.Visit(s.stream, driver.Dim{X: pairings * blocks(part, 256).X, Y: 1, Z: 1}, 0, visit); err != nil {
		return err
	}
	l := work.layers.onlyScores()
	if e.px != 0 {
		l = e.from(l, 0)
		l.xs, l.zs = work.xs, work.zs
	} else if err := e.projectPairs(l, count); err != nil {
		return err
	}
	return errors.Join(
		s.pairs(l, 0, count, 0),
		s.forward(l, count),
		kernel.PlaceScores(s.stream, blocks(count, 256), 0, kernel.PlaceScoresArgs{
			ByX: e.byX, ByZ: e.byZ, Bad: e.bad, T: l.t, Xs: work.xs, Zs: work.zs, N: e.rows.Len(), Part: part, Count: count,
		}))
}

// projectPairs queues the projections of the rows of so many pairs.
func (e *evaluation) projectPairs(l layers, count int) error {
	s, d, work := e.scorer, e.data, e.work
	if d.resident {
		return s.project(l, d.x, d.z, work.xRows, work.zRows, count)
	}
	xs, zs := make([]int32, count), make([]int32, count)
	if err := errors.Join(driver.Download(s.stream, xs, work.xRows), driver.Download(s.stream, zs, work.zRows)); err != nil {
		return err
	}
	x, z, xRows, zRows, err := work.fetch(s.stream, d, xs, zs)
	if err != nil {
		return err
	}
	return s.project(l, x, z, xRows, zRows, count)
}
