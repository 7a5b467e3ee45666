//go:build cuda

package cuda

import (
	"gomine/cuda/internal/driver"
	"gomine/cuda/internal/kernel"
)

// A plan says how the gradient of a network comes out of parts that products and
// sums leave: where those of each block lie among the partials, and how adam adds
// them up.
type plan struct {
	layout     layout
	parts      map[id]part
	size       int // of the partials, in floats
	partials   driver.Pointer
	slices     driver.Pointer
	sliceCount int
}

// part is where the parts of a block's gradient lie: count of them, stride floats
// apart. A part sums over that many rows, where it sums columns.
type part struct{ offset, count, stride, rows int }

// Rows that a block of top or column_sums takes at least, depth that a part of
// a weight gradient has at least, and blocks that fill a large device.
const (
	leastRows  = 64
	leastDepth = 256
	manyBlocks = 264
)

// sliceSize is the number of parameters that a block of adam takes.
const sliceSize = 256

// rowsOfPart is how many of n rows a part of a sum of columns takes.
func rowsOfPart(n int) int { return max(leastRows, (n+255)/256) }

func newPlan(l layout) *plan { return &plan{layout: l, parts: map[id]part{}} }

// place makes room for parts.
func (p *plan) place(count, stride, rows int) part {
	at := part{p.size, count, stride, rows}
	p.size += count * stride
	return at
}

// fill makes room for the parts of the blocks that have none, with depth the rows
// that a block's gradient sums over, and for before more in front of them.
func (p *plan) fill(depth func(b placed) int, before int) {
	for _, b := range p.layout.blocks {
		if _, ok := p.parts[b.id()]; ok {
			continue
		}
		n := depth(b)
		count, rows := 0, 0
		if b.Decays() {
			grid := tiles(b.rows, b.cols, 1)
			count = max(1, min(manyBlocks/(grid.X*grid.Y), n/leastDepth))
		} else {
			rows = rowsOfPart(n)
			count = (n + rows - 1) / rows
		}
		p.size += before * b.len()
		p.parts[b.id()] = p.place(count, b.len(), rows)
	}
}

// open allocates the partials and what adam reads of all blocks.
func (p *plan) open(m *driver.Memory) (err error) {
	if p.partials, err = m.Alloc("parts of the gradient", 4*int64(p.size)); err != nil {
		return err
	}
	var slices []int32
	for g, b := range p.layout.blocks {
		for first := 0; first < b.len(); first += sliceSize {
			slices = append(slices, int32(g), int32(first))
			p.sliceCount++
		}
	}
	if p.slices, err = m.Alloc("slices of the gradient", 4*int64(len(slices))); err != nil {
		return err
	}
	return driver.Upload(m.Stream(), p.slices, slices)
}

// segment is what adam reads of a block, see there.
type segment struct{ start, length, parts, offset, stride, decays int64 }

// sum is the segment of a block that adds up all its parts.
func (p *plan) sum(b placed) segment {
	at := p.parts[b.id()]
	s := segment{start: int64(b.start), length: int64(b.len()), parts: int64(at.count), offset: int64(at.offset), stride: int64(at.stride)}
	if b.Decays() {
		s.decays = 1
	}
	return s
}

// segments allocates the segments of all blocks.
func (p *plan) segments(m *driver.Memory, of func(b placed) segment) (driver.Pointer, error) {
	var all []segment
	for _, b := range p.layout.blocks {
		all = append(all, of(b))
	}
	to, err := m.Alloc("plan of the gradient", 6*8*int64(len(all)))
	if err != nil {
		return 0, err
	}
	return to, driver.Upload(m.Stream(), to, all)
}

// weights queues the parts of a matrix's gradient, a^T b over n rows, those of a
// that rows names if it is not 0.
func (p *plan) weights(s *driver.Stream, with products, of id, a, rows, b driver.Pointer, n int) error {
	w, at := p.layout.at(of), p.parts[of]
	return with.tn(s, tiles(w.rows, w.cols, at.count), kernel.GemmTNArgs{
		C: p.partials.Float(at.offset), A: a, B: b, Rows: rows, M: w.rows, N: w.cols, K: n,
		Lda: padded(w.rows), Ldb: w.ld, Ldc: w.ld, Split: at.count, Part: uint64(at.stride),
	})
}

// biases queues the parts of a bias's gradient, the sums over n rows of d. Those
// beyond the rows are zero.
func (p *plan) biases(s *driver.Stream, of id, d driver.Pointer, n int) error {
	b, at := p.layout.at(of), p.parts[of]
	return kernel.ColumnSums(s, driver.Dim{X: at.count, Y: 1, Z: 1}, 0, kernel.ColumnSumsArgs{
		Partial: p.partials.Float(at.offset), D: d, N: n, Width: b.cols, Ld: b.ld, BlockRows: at.rows,
	})
}

// adam queues step i of an update of w, or stores the gradient in grad if that is
// not 0.
func (p *plan) adam(s *driver.Stream, w *parameters, grad, segments, control, clock driver.Pointer, i int, a adam) error {
	return kernel.Adam(s, driver.Dim{X: p.sliceCount, Y: 1, Z: 1}, 0, kernel.AdamArgs{
		Params: w.params, M: w.m, V: w.v, Grad: grad, Partials: p.partials, Segments: segments, Slices: p.slices,
		Control: control, Clock: clock, I: i, Beta1: a.beta1, Gain1: a.gain1, Beta2: a.beta2, Gain2: a.gain2, Epsilon: a.epsilon,
	})
}
