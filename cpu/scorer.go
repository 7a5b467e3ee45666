package cpu

import (
	"context"
	"errors"
	"fmt"

	"gomine/cpu/internal/f32"
	"gomine/mine/backend"
)

// scorer is a critic on a device.
type scorer struct {
	critic
	device *device
	closed bool
}

func newScorer(d *device, n backend.Network) scorer {
	n.Hidden = append([]int(nil), n.Hidden...)
	return scorer{critic: newCritic(n), device: d}
}

func (d *device) NewScorer(n backend.Network, params []float32) (backend.Scorer, error) {
	if d.closed.Load() {
		return nil, fmt.Errorf("cpu: new scorer: %w", backend.ErrClosed)
	}
	if err := n.CheckParams(params); err != nil {
		return nil, fmt.Errorf("cpu: new scorer: %w", err)
	}
	s := newScorer(d, n)
	s.load(params)
	return &s, nil
}

// begin checks that the scorer can be used and takes the workers.
func (s *scorer) begin(op string) error {
	s.device.pool.mu.Lock()
	if s.closed || s.device.closed.Load() {
		s.device.pool.mu.Unlock()
		return fmt.Errorf("cpu: %s: %w", op, backend.ErrClosed)
	}
	return nil
}

func (s *scorer) end() { s.device.pool.mu.Unlock() }

func (s *scorer) Close() error {
	s.closed = true
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

// pairsOf is use with a check of the arguments of a call about pairs of rows.
func (s *scorer) pairsOf(given backend.Data, xs, zs []int, results int) (*data, error) {
	own, err := s.use(given)
	if err != nil {
		return nil, err
	}
	return own, backend.CheckPairs(own, xs, zs, results)
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

// pairMemory is the scratch memory with which one worker scores pairs.
type pairMemory struct {
	xs, zs []int32 // rows of the data
	x, z   matrix
	px, pz matrix
	layers layers
	scores []float32
	unused []float32 // gradients that nobody asked for
}

// pairMemories returns one of every worker.
func (s *scorer) pairMemories(backward bool) []*pairMemory {
	hidden := s.net.Hidden
	all := make([]*pairMemory, len(s.device.pool.workers))
	for i := range all {
		all[i] = &pairMemory{
			xs:     make([]int32, rowBlock),
			zs:     make([]int32, rowBlock),
			x:      newMatrix(rowBlock, s.net.DX),
			z:      newMatrix(rowBlock, s.net.DZ),
			px:     newMatrix(rowBlock, hidden[0]),
			pz:     newMatrix(rowBlock, hidden[0]),
			layers: newLayers(rowBlock, hidden, backward),
			scores: f32.Aligned(rowBlock),
			unused: f32.Aligned(hidden[len(hidden)-1]),
		}
	}
	return all
}

// rows returns row numbers in the memory of m.
func (m *pairMemory) rows(xs, zs []int) (xs32, zs32 []int32) {
	for i := range xs {
		m.xs[i], m.zs[i] = int32(xs[i]), int32(zs[i])
	}
	return m.xs[:len(xs)], m.zs[:len(xs)]
}

// projectRows stores the projections of rows xs[i] of x and zs[i] of z, at most
// rowBlock, in px and pz.
func (c *critic) projectRows(w *worker, m *pairMemory, x, z backend.Matrix, xs, zs []int32, px, pz []float32) {
	f32.GatherRows(m.x.data, m.x.stride, x.Data, x.Stride, x.Cols, xs)
	f32.GatherRows(m.z.data, m.z.stride, z.Data, z.Stride, z.Cols, zs)
	c.projectX(w, len(xs), m.x.data, m.x.stride, px)
	c.projectZ(w, len(zs), m.z.data, m.z.stride, pz)
}

// scoreRows scores the pairs of rows xs[i] of x and zs[i] of z, at most
// rowBlock.
func (c *critic) scoreRows(w *worker, m *pairMemory, x, z backend.Matrix, xs, zs []int32) []float32 {
	c.projectRows(w, m, x, z, xs, zs, m.px.data, m.pz.data)
	return c.scoreProjected(w, m, len(xs))
}

// scoreProjected scores the n pairs of projections in m.px and m.pz.
func (c *critic) scoreProjected(w *worker, m *pairMemory, n int) []float32 {
	c.act.sum(m.layers.h[0].block(0, n), m.px.block(0, n), m.pz.block(0, n))
	c.forward(w, &m.layers, 0, n)
	c.score(m.scores[:n], &m.layers, 0)
	return m.scores[:n]
}

func (s *scorer) Scores(ctx context.Context, given backend.Data, xs, zs []int, dst []float32) error {
	if err := s.begin("scores"); err != nil {
		return err
	}
	defer s.end()
	d, err := s.pairsOf(given, xs, zs, len(dst))
	if err != nil {
		return fmt.Errorf("cpu: scores: %w", err)
	}
	memories := s.pairMemories(false)
	s.device.pool.run(len(s.device.pool.workers), func(w *worker) {
		w.blocks(len(xs), func(lo, hi int) {
			if ctx.Err() != nil {
				return
			}
			m := memories[w.id]
			x, z := m.rows(xs[lo:hi], zs[lo:hi])
			copy(dst[lo:hi], s.scoreRows(w, m, d.x, d.z, x, z))
		})
	})
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("cpu: scores: %w", err)
	}
	return nil
}

func (s *scorer) InputGradients(ctx context.Context, given backend.Data, xs, zs []int, weights []float32, gx, gz backend.Matrix) error {
	if err := s.begin("input gradients"); err != nil {
		return err
	}
	defer s.end()
	d, err := s.pairsOf(given, xs, zs, len(weights))
	if err == nil {
		err = errors.Join(gx.CheckShape("gx", len(xs), s.net.DX), gz.CheckShape("gz", len(xs), s.net.DZ))
	}
	if err != nil {
		return fmt.Errorf("cpu: input gradients: %w", err)
	}
	memories := s.pairMemories(true)
	s.device.pool.run(len(s.device.pool.workers), func(w *worker) {
		m := memories[w.id]
		w.blocks(len(xs), func(lo, hi int) {
			if ctx.Err() != nil {
				return
			}
			n := hi - lo
			x, z := m.rows(xs[lo:hi], zs[lo:hi])
			s.scoreRows(w, m, d.x, d.z, x, z)
			s.top(&m.layers, 0, weights[lo:hi], m.unused, m.unused)
			first := s.backward(w, &m.layers, 0, n, m.px.data)
			back := func(weights *matrix, g backend.Matrix) {
				w.gemm.Gemm(false, true, n, g.Cols, weights.cols, first, weights.stride,
					weights.data, weights.stride, nil, false, g.Data[lo*g.Stride:], g.Stride)
			}
			back(&s.p.wx, gx)
			back(&s.p.wz, gz)
		})
	})
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("cpu: input gradients: %w", err)
	}
	return nil
}
