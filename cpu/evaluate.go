package cpu

import (
	"context"
	"fmt"
	"math"

	"gomine/cpu/internal/f32"
	"gomine/mine/backend"
	"gomine/mine/sampling"
)

// projectedBytes is the memory that an evaluation may spend on the projections
// of its rows. More rows than fit are projected again for every pair.
var projectedBytes = 64 << 20 // a variable for tests

// evaluation accumulates what backend.Evaluation reports, of entries 0..n-1 of
// the rows. The sums u, v and squares of e^T are kept relative to e^shift, the
// largest marginal score so far.
type evaluation struct {
	xs, zs []int32   // the pairing in use: pair p is xs[p] and zs[p]
	order  []int32   // what these are made of
	score  []float32 // marginal scores by pair, then their e^T
	joint  []float32
	blocks []blockSums

	u, v     []float64
	squares  float64
	shift    float64
	maxT     float64
	softplus float64   // sum over the marginal scores
	marginal []float64 // mean score of each pairing
}

// blockSums are what a block of marginal scores adds to the sums.
type blockSums struct {
	max                      float32
	score, softplus, squares float64
}

func newEvaluation(n int, p backend.Pairing) *evaluation {
	e := &evaluation{
		order: make([]int32, n+1), score: make([]float32, n), joint: make([]float32, n),
		blocks: make([]blockSums, (n+rowBlock-1)/rowBlock),
		u:      make([]float64, n), v: make([]float64, n), shift: math.Inf(-1), maxT: math.Inf(-1),
		marginal: make([]float64, 0, p.Count),
	}
	if p.Kind == backend.Cycles {
		// Along the cycle the z of a pair belongs to the x of the next.
		e.xs, e.zs = e.order[:n], e.order[1:]
		return e
	}
	e.xs, e.zs = make([]int32, n), e.order[:n]
	for i := range e.xs {
		e.xs[i] = int32(i)
	}
	return e
}

func (s *scorer) Evaluate(ctx context.Context, given backend.Data, rows backend.Rows, p backend.Pairing, influence []float64) (backend.Evaluation, error) {
	fail := func(err error) (backend.Evaluation, error) {
		return backend.Evaluation{}, fmt.Errorf("cpu: evaluate: %w", err)
	}
	if err := s.begin("evaluate"); err != nil {
		return backend.Evaluation{}, err
	}
	defer s.end()
	d, err := s.use(given)
	if err == nil {
		err = backend.CheckEvaluation(d, rows, p, influence)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return fail(err)
	}
	n, pool := rows.Len(), s.device.pool
	e := newEvaluation(n, p)
	pairs := s.pairScores(d.choose(rows), n)
	all := len(pool.workers)
	pool.run(all, func(w *worker) { e.scoreJoint(w, pairs) })
	e.maxT = float64(e.top())
	for k := range p.Count {
		if err := ctx.Err(); err != nil {
			return fail(fmt.Errorf("stopped after %d of %d pairings: %w", k, p.Count, err))
		}
		// What a cycle visits its entries by is a permutation, too.
		order := sampling.NewPermutation(uint64(n), p.Seed, sampling.StreamEvaluate, uint64(k))
		pool.run(all, func(w *worker) { e.scoreMarginal(w, &order, pairs) })
		rescale := e.addScores()
		pool.run(all, func(w *worker) { e.addExponentials(w, rescale) })
		e.addSquares(rescale)
	}
	return e.result(influence), nil
}

// pairScorer scores pairs of entries of an evaluation's rows, at most rowBlock.
type pairScorer func(w *worker, xs, zs []int32) []float32

// pairScores keeps the projections of all n rows if they fit in memory.
func (s *scorer) pairScores(rows selection, n int) pairScorer {
	memories := s.pairMemories(false)
	first := s.net.Hidden[0]
	if 2*4*n*f32.Stride(first) > projectedBytes {
		return func(w *worker, xs, zs []int32) []float32 {
			m := memories[w.id]
			return s.scoreRows(w, m, rows.x, rows.z, rows.at(m.xs, xs), rows.at(m.zs, zs))
		}
	}
	px, pz := newMatrix(n, first), newMatrix(n, first)
	s.device.pool.run(len(s.device.pool.workers), func(w *worker) {
		m := memories[w.id]
		w.blocks(n, func(lo, hi int) {
			entries := m.xs[:hi-lo]
			count(entries, lo)
			at := rows.at(m.zs, entries)
			s.projectRows(w, m, rows.x, rows.z, at, at, px.from(lo), pz.from(lo))
		})
	})
	return func(w *worker, xs, zs []int32) []float32 {
		m := memories[w.id]
		f32.GatherRows(m.px.data, m.px.stride, px.data, px.stride, px.cols, xs)
		f32.GatherRows(m.pz.data, m.pz.stride, pz.data, pz.stride, pz.cols, zs)
		return s.scoreProjected(w, m, len(xs))
	}
}

// count sets dst to lo, lo+1 and so on.
func count(dst []int32, lo int) {
	for i := range dst {
		dst[i] = int32(lo + i)
	}
}

// scoreJoint computes this worker's joint scores.
func (e *evaluation) scoreJoint(w *worker, pairs pairScorer) {
	w.blocks(len(e.joint), func(lo, hi int) {
		same := e.order[lo:hi]
		count(same, lo)
		copy(e.joint[lo:hi], pairs(w, same, same))
		e.blocks[lo/rowBlock].max = f32.Max(e.joint[lo:hi])
	})
}

// scoreMarginal computes this worker's marginal scores of a pairing.
func (e *evaluation) scoreMarginal(w *worker, order *sampling.Permutation, pairs pairScorer) {
	n := len(e.joint)
	w.blocks(n, func(lo, hi int) {
		count(e.order[lo:hi], lo)
		f32.PermuteInverse(e.order[lo:hi], order)
		if lo == 0 {
			e.order[n] = e.order[0]
		}
	})
	w.wait()
	w.blocks(n, func(lo, hi int) {
		scores := pairs(w, e.xs[lo:hi], e.zs[lo:hi])
		copy(e.score[lo:hi], scores)
		sums := blockSums{max: f32.Max(scores), score: sum(scores)}
		f32.Softplus(scores, scores)
		sums.softplus = sum(scores)
		e.blocks[lo/rowBlock] = sums
	})
}

// addScores takes in the sums over the scores of a pairing. It returns what to
// multiply e^(T - shift) by, now that the shift may be another.
func (e *evaluation) addScores() (rescale float64) {
	var total float64
	for _, b := range e.blocks {
		total += b.score
		e.softplus += b.softplus
	}
	e.marginal = append(e.marginal, total/float64(len(e.joint)))
	top := float64(e.top())
	e.maxT = math.Max(e.maxT, top)
	shift := math.Max(e.shift, top)
	rescale = math.Exp(e.shift - shift) // 0 in the first pairing
	e.shift = shift
	return rescale
}

// addExponentials takes this worker's e^T of a pairing into u and v, in which
// every row is once, and leaves the sums of their squares in the blocks.
func (e *evaluation) addExponentials(w *worker, rescale float64) {
	n := len(e.joint)
	w.blocks(n, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			e.u[i] *= rescale
			e.v[i] *= rescale
		}
	})
	w.wait()
	w.blocks(n, func(lo, hi int) {
		exps := e.score[lo:hi]
		f32.SumExp(exps, exps, float32(e.shift))
		var squares float64
		for i, g := range exps {
			g := float64(g)
			e.u[e.xs[lo+i]] += g
			e.v[e.zs[lo+i]] += g
			squares += g * g
		}
		e.blocks[lo/rowBlock].squares = squares
	})
}

// addSquares takes in the sums that addExponentials left.
func (e *evaluation) addSquares(rescale float64) {
	e.squares *= rescale * rescale
	for _, b := range e.blocks {
		e.squares += b.squares
	}
}

// top returns the largest of the scores computed last.
func (e *evaluation) top() float32 {
	top := float32(math.Inf(-1))
	for _, b := range e.blocks {
		top = max(top, b.max)
	}
	return top
}

// result reduces the sums, in a fixed order.
func (e *evaluation) result(influence []float64) backend.Evaluation {
	rows := len(e.joint)
	n := float64(rows)
	pairs := n * float64(len(e.marginal))
	var joint, total, js float64
	for i, t := range e.joint {
		joint += float64(t)
		js += softplus(-float64(t))
		total += e.u[i]
	}
	joint /= n
	r := backend.Evaluation{
		Rows:  rows,
		Pairs: int64(rows) * int64(len(e.marginal)),
		Joint: joint,
		LogU:  e.shift + math.Log(total/pairs),
		JS:    -js/n - e.softplus/pairs,
		// g has mean 1, whatever the scale of e^T; rounding may leave less.
		VarG:     max(0, e.squares*pairs/(total*total)-1),
		Marginal: e.marginal,
		MaxT:     e.maxT,
	}
	// w_i = (u_i + v_i)/U has mean 2, whatever the scale of u, v and U.
	scale := n / total
	for i, t := range e.joint {
		dt := float64(t) - joint
		dw := (e.u[i]+e.v[i])*scale - 2
		r.VarT += dt * dt
		r.VarW += dw * dw
		r.CovTW += dt * dw
		if influence != nil {
			influence[i] = dt - dw
		}
	}
	r.VarT /= n
	r.VarW /= n
	r.CovTW /= n
	// A float64 holds the sum of finite float32 scores, and NaN or an infinity
	// stays in it.
	r.Finite = finite(r.Joint)
	for _, t := range r.Marginal {
		r.Finite = r.Finite && finite(t)
	}
	return r
}

func finite(v float64) bool { return v-v == 0 }
