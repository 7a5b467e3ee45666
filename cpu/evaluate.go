package cpu

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"

	"gomine/cpu/internal/f32"
	"gomine/mine/backend"
	"gomine/mine/sampling"
)

// projectedBytes is the memory that an evaluation may spend on the projections
// of its rows. More rows than fit are projected again for every pair.
var projectedBytes = 64 << 20 // a variable for tests

// scorer is the scratch memory with which one worker scores pairs.
type scorer struct {
	xs, zs []int32 // rows of the data
	x, z   matrix
	px, pz matrix
	layers layers
	scores []float32
	unused []float32 // gradients that nobody asked for
}

func newScorer(n backend.Network, backward bool) *scorer {
	return &scorer{
		xs:     make([]int32, rowBlock),
		zs:     make([]int32, rowBlock),
		x:      newMatrix(rowBlock, n.DX),
		z:      newMatrix(rowBlock, n.DZ),
		px:     newMatrix(rowBlock, n.Hidden[0]),
		pz:     newMatrix(rowBlock, n.Hidden[0]),
		layers: newLayers(rowBlock, n.Hidden, backward),
		scores: f32.Aligned(rowBlock),
		unused: f32.Aligned(n.Hidden[len(n.Hidden)-1]),
	}
}

// rowBlock is the number of pairs scored at a time, so that every layer finds
// its input in the cache: a multiple of the matrix kernels' six rows.
const rowBlock = 192

// blocks calls f with this worker's share of [0, n), rowBlock at a time.
func (w *worker) blocks(n int, f func(lo, hi int)) {
	count := (n + rowBlock - 1) / rowBlock
	first, last := w.share(count)
	for i := first; i < last; i++ {
		f(i*rowBlock, min(n, (i+1)*rowBlock))
	}
}

// scoreRows scores the pairs of rows xs[i] of x and zs[i] of z, at most
// rowBlock.
func (c *critic) scoreRows(w *worker, s *scorer, x, z backend.Matrix, xs, zs []int32) []float32 {
	f32.GatherRows(s.x.data, s.x.stride, x.Data, x.Stride, x.Cols, xs)
	f32.GatherRows(s.z.data, s.z.stride, z.Data, z.Stride, z.Cols, zs)
	c.projectX(w, len(xs), s.x.data, s.x.stride, s.px.data)
	c.projectZ(w, len(xs), s.z.data, s.z.stride, s.pz.data)
	return c.scoreProjected(w, s, len(xs))
}

// scoreProjected scores the n pairs of projections in s.px and s.pz.
func (c *critic) scoreProjected(w *worker, s *scorer, n int) []float32 {
	c.act.sum(s.layers.h[0].block(0, n), s.px.block(0, n), s.pz.block(0, n))
	c.forward(w, &s.layers, 0, n)
	c.score(s.scores[:n], &s.layers, 0)
	return s.scores[:n]
}

// rows returns row numbers in the memory of s.
func (s *scorer) rows(xs, zs []int) (xs32, zs32 []int32) {
	for i := range xs {
		s.xs[i], s.zs[i] = int32(xs[i]), int32(zs[i])
	}
	return s.xs[:len(xs)], s.zs[:len(xs)]
}

func (t *trainer) scorers(backward bool) []*scorer {
	s := make([]*scorer, len(t.device.pool.workers))
	for i := range s {
		s[i] = newScorer(t.net, backward)
	}
	return s
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

func (t *trainer) Scores(ctx context.Context, given backend.Data, xs, zs []int, dst []float32) error {
	if err := t.begin("scores"); err != nil {
		return err
	}
	defer t.end()
	d, err := t.pairsOf(given, xs, zs, len(dst))
	if err != nil {
		return fmt.Errorf("cpu: scores: %w", err)
	}
	scorers := t.scorers(false)
	t.device.pool.run(len(t.device.pool.workers), func(w *worker) {
		w.blocks(len(xs), func(lo, hi int) {
			if ctx.Err() != nil {
				return
			}
			s := scorers[w.id]
			x, z := s.rows(xs[lo:hi], zs[lo:hi])
			copy(dst[lo:hi], t.scoreRows(w, s, d.x, d.z, x, z))
		})
	})
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("cpu: scores: %w", err)
	}
	return nil
}

func (t *trainer) InputGradients(ctx context.Context, given backend.Data, xs, zs []int, weights []float32, gx, gz backend.Matrix) error {
	if err := t.begin("input gradients"); err != nil {
		return err
	}
	defer t.end()
	d, err := t.pairsOf(given, xs, zs, len(weights))
	if err != nil {
		return fmt.Errorf("cpu: input gradients: %w", err)
	}
	if err := errors.Join(gx.CheckShape("gx", len(xs), t.net.DX), gz.CheckShape("gz", len(xs), t.net.DZ)); err != nil {
		return fmt.Errorf("cpu: input gradients: %w", err)
	}
	scorers := t.scorers(true)
	t.device.pool.run(len(t.device.pool.workers), func(w *worker) {
		s := scorers[w.id]
		w.blocks(len(xs), func(lo, hi int) {
			if ctx.Err() != nil {
				return
			}
			n := hi - lo
			x, z := s.rows(xs[lo:hi], zs[lo:hi])
			t.scoreRows(w, s, d.x, d.z, x, z)
			t.top(&s.layers, 0, weights[lo:hi], s.unused, s.unused)
			first := t.critic.backward(w, &s.layers, 0, n, s.px.data)
			back := func(weights *matrix, g backend.Matrix) {
				w.gemm.Gemm(false, true, n, g.Cols, weights.cols, first, weights.stride,
					weights.data, weights.stride, nil, false, g.Data[lo*g.Stride:], g.Stride)
			}
			back(&t.p.wx, gx)
			back(&t.p.wz, gz)
		})
	})
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("cpu: input gradients: %w", err)
	}
	return nil
}

// evaluation accumulates what backend.Evaluation reports. The sums u and v of
// e^T are kept relative to e^shift, the largest score so far.
type evaluation struct {
	order []int32   // the cycle in use: pair p is order[p] and order[p+1]
	score []float32 // marginal scores by position in the cycle, then their e^T
	joint []float32
	u, v  []float64
	shift float64
	maxT  float64

	overflow atomic.Bool // a marginal score is not finite; -Inf leaves no other trace
	js       float64     // sum of softplus of the marginal scores
}

func (t *trainer) Evaluate(ctx context.Context, given backend.Data, rows backend.Rows, cycles int, seed uint64) (backend.Evaluation, error) {
	fail := func(err error) (backend.Evaluation, error) {
		return backend.Evaluation{}, fmt.Errorf("cpu: evaluate: %w", err)
	}
	if err := t.begin("evaluate"); err != nil {
		return backend.Evaluation{}, err
	}
	defer t.end()
	d, err := t.device.use(given, t.net)
	if err != nil {
		return fail(err)
	}
	if err := rows.Validate(d.Rows()); err != nil {
		return fail(err)
	}
	n := rows.Len()
	if n < 2 || n > math.MaxInt32 || cycles < 1 {
		return fail(fmt.Errorf("%d rows in %d cycles, want at least 2 and 1: %w", n, cycles, backend.ErrShape))
	}
	e := &evaluation{
		order: make([]int32, n+1), score: make([]float32, n), joint: make([]float32, n),
		u: make([]float64, n), v: make([]float64, n), shift: math.Inf(-1),
	}
	all := len(t.device.pool.workers)
	scorers := t.scorers(false)
	pairs := t.pairScores(d, rows, scorers)

	var maxima []float32 // of each block of scores
	for i := 0; i < n; i += rowBlock {
		maxima = append(maxima, 0)
	}
	t.device.pool.run(all, func(w *worker) {
		w.blocks(n, func(lo, hi int) {
			same := scorers[w.id].xs[:hi-lo]
			for i := range same {
				same[i] = int32(lo + i)
			}
			copy(e.joint[lo:hi], pairs(w, same, same))
			maxima[lo/rowBlock] = f32.Max(e.joint[lo:hi])
		})
	})
	e.maxT = float64(f32.Max(maxima))

	softplusSums := make([]float64, len(maxima))
	for m := range cycles {
		if err := ctx.Err(); err != nil {
			return fail(fmt.Errorf("stopped after %d of %d cycles: %w", m, cycles, err))
		}
		cycle := sampling.NewCycle(uint64(n), seed, sampling.StreamEvaluate, uint64(m))
		t.device.pool.run(all, func(w *worker) {
			w.blocks(n, func(lo, hi int) {
				for p := lo; p < hi; p++ {
					e.order[p] = int32(p)
				}
				f32.PermuteInverse(e.order[lo:hi], cycle.Order())
				if lo == 0 {
					e.order[n] = e.order[0]
				}
			})
			w.wait()
			w.blocks(n, func(lo, hi int) {
				scores := pairs(w, e.order[lo:hi], e.order[lo+1:hi+1])
				copy(e.score[lo:hi], scores)
				maxima[lo/rowBlock] = f32.Max(scores)
				if !finite(scores) {
					e.overflow.Store(true)
				}
				f32.Softplus(scores, scores)
				var sum float64
				for _, s := range scores {
					sum += float64(s)
				}
				softplusSums[lo/rowBlock] = sum
			})
		})
		for _, s := range softplusSums {
			e.js += s
		}
		top := float64(f32.Max(maxima))
		e.maxT = math.Max(e.maxT, top)
		shift := math.Max(e.shift, top)
		rescale := math.Exp(e.shift - shift) // 0 in the first cycle
		e.shift = shift
		t.device.pool.run(all, func(w *worker) {
			w.blocks(n, func(lo, hi int) {
				for i := lo; i < hi; i++ {
					e.u[i] *= rescale
					e.v[i] *= rescale
				}
			})
			w.wait()
			w.blocks(n, func(lo, hi int) {
				exps := e.score[lo:hi]
				f32.SumExp(exps, exps, float32(shift))
				for i, v := range exps {
					e.u[e.order[lo+i]] += float64(v)
					e.v[e.order[lo+i+1]] += float64(v)
				}
			})
		})
	}
	return e.result(cycles), nil
}

// pairScores returns a function that scores pairs of rows, counted from
// rows.Lo. It keeps the projections of all rows if they fit in memory.
func (t *trainer) pairScores(d *data, rows backend.Rows, scorers []*scorer) func(w *worker, xs, zs []int32) []float32 {
	n, first := rows.Len(), t.net.Hidden[0]
	x, z := from(d.x, rows.Lo), from(d.z, rows.Lo)
	if 2*4*n*f32.Stride(first) > projectedBytes {
		return func(w *worker, xs, zs []int32) []float32 {
			return t.scoreRows(w, scorers[w.id], x, z, xs, zs)
		}
	}
	px, pz := newMatrix(n, first), newMatrix(n, first)
	t.device.pool.run(len(t.device.pool.workers), func(w *worker) {
		w.blocks(n, func(lo, hi int) {
			t.projectX(w, hi-lo, x.Data[lo*x.Stride:], x.Stride, px.from(lo))
			t.projectZ(w, hi-lo, z.Data[lo*z.Stride:], z.Stride, pz.from(lo))
		})
	})
	return func(w *worker, xs, zs []int32) []float32 {
		s := scorers[w.id]
		f32.GatherRows(s.px.data, s.px.stride, px.data, px.stride, px.cols, xs)
		f32.GatherRows(s.pz.data, s.pz.stride, pz.data, pz.stride, pz.cols, zs)
		return t.scoreProjected(w, s, len(xs))
	}
}

// from returns the rows of m from lo on.
func from(m backend.Matrix, lo int) backend.Matrix {
	m.Rows -= lo
	m.Data = m.Data[lo*m.Stride:]
	return m
}

// result reduces the sums, in a fixed order.
func (e *evaluation) result(cycles int) backend.Evaluation {
	n := float64(len(e.joint))
	pairs := n * float64(cycles)
	var joint, total, js float64
	for i, t := range e.joint {
		joint += float64(t)
		js += softplus(-float64(t))
		total += e.u[i]
	}
	joint /= n
	r := backend.Evaluation{
		Rows:  len(e.joint),
		Pairs: int64(len(e.joint)) * int64(cycles),
		Joint: joint,
		LogU:  e.shift + math.Log(total/pairs),
		JS:    -js/n - e.js/pairs,
		MaxT:  e.maxT,
	}
	// w_i = (u_i + v_i)/U has mean 2, whatever the scale of u, v and U.
	scale := n / total
	for i, t := range e.joint {
		dt := float64(t) - joint
		dw := (e.u[i]+e.v[i])*scale - 2
		r.VarT += dt * dt
		r.VarW += dw * dw
		r.CovTW += dt * dw
	}
	r.VarT /= n
	r.VarW /= n
	r.CovTW /= n
	r.Finite = !e.overflow.Load()
	for _, v := range []float64{r.Joint, r.LogU, r.JS, r.VarT, r.VarW, r.CovTW, r.MaxT} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			r.Finite = false
		}
	}
	return r
}

func finite(scores []float32) bool {
	for _, t := range scores {
		if t-t != 0 {
			return false
		}
	}
	return true
}
