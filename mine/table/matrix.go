package table

import (
	"math"
	"runtime/debug"
	"slices"

	"gomine/mine/backend"
	"gomine/mine/column"
)

// Columns of a file are stored as float32((v-Offset[j]) * Scale[j]), computed in
// float64 (see column.Compact). Both are chosen from the first 1024 rows:
//
//   - Offset is 0, unless plain float32 values would merge more than 1% of
//     the distinct values (as in 1.7e9 + U(0,1)) and fewer with the median as
//     the offset.
//   - Scale is 1, unless a value is beyond ±2^127, where float32 ends, or more
//     than 1% are below its normal range; then it is the power of two that brings
//     the median of |v-Offset| to about 1, or the largest to 2^64 if that is
//     smaller.
//
// The column's Merged is the fraction of the distinct values that are stored like
// another one all the same, among 512 to 1024 rows drawn evenly over the whole file,
// or among all rows of a file that has no more than 1024. Above a few per cent,
// information is lost: the column needs a logarithm or another transformation
// first, or, if its first rows are of another size than the rest, another order
// of the rows.

const (
	// headRows is how many rows the affine maps are chosen from: as many as a
	// rowSample keeps whole.
	headRows = sampleRows
	// blockValues is the size to which the blocks of a matrix with an unknown
	// number of rows double, in float32 values.
	blockValues = 1 << 20
)

// affine is the map v -> (v-offset)*scale.
type affine struct {
	offset, scale float64
	merged        float64 // see column.Column
}

// apply returns the stored value, which is ±Inf if it overflows.
func (m affine) apply(v float64) float32 { return float32((v - m.offset) * m.scale) }

// fitAffine chooses the map of a column from its first values, as documented
// above. It never makes one of them overflow. It reorders v.
func fitAffine(v []float64) affine {
	slices.Sort(v)
	plain := newAffine(v, 0)
	if plain.merged <= 0.01 {
		return plain
	}
	median := v[len(v)/2]
	if math.IsInf(v[0]-median, 0) || math.IsInf(v[len(v)-1]-median, 0) {
		return plain
	}
	if centred := newAffine(v, median); centred.merged < plain.merged {
		return centred
	}
	return plain
}

// newAffine returns the map with the given offset for the ascending values v.
func newAffine(v []float64, offset float64) affine {
	m := affine{offset: offset, scale: scaleFor(v, offset)}
	m.merged = m.mergedOf(v)
	return m
}

// mergedOf returns the fraction of the distinct values among the ascending v
// that are stored like the one before.
func (m affine) mergedOf(v []float64) float64 {
	distinct, merged := 1, 0
	for i, x := range v[1:] {
		if x == v[i] {
			continue
		}
		distinct++
		if m.apply(x) == m.apply(v[i]) {
			merged++
		}
	}
	return float64(merged) / float64(distinct)
}

// scaleFor returns the scale of a column with the given first values.
func scaleFor(v []float64, offset float64) float64 {
	const (
		minExponent = -126 // of a normal float32
		maxExponent = 126  // 127, less one for rounding up
		headroom    = 64   // largest exponent left to the first values
	)
	var exps []int // of the non-zero values
	for _, x := range v {
		if d := x - offset; d != 0 {
			exps = append(exps, math.Ilogb(d))
		}
	}
	if exps == nil {
		return 1
	}
	slices.Sort(exps)
	largest := exps[len(exps)-1]
	tiny, _ := slices.BinarySearch(exps, minExponent)
	if largest <= maxExponent && 100*tiny <= len(v) {
		return 1
	}
	e := min(-exps[len(exps)/2], headroom-largest)
	// Clamped to what a float64 power of two can express.
	return math.Ldexp(1, max(-1022, min(e, 1023)))
}

// builder gathers rows into one matrix per group of columns.
type builder struct {
	maps   []affine // of each value of a row; nil until they are chosen
	parted []bool   // whether a value of the column was not a whole number
	sample *rowSample
	rows   int
	parts  []blocks
}

// newBuilder returns a builder of one matrix per group. rows bounds the
// number of rows from above, or is 0.
func newBuilder(groups [][]int, rows int) *builder {
	b := &builder{parts: make([]blocks, len(groups))}
	width := 0
	for i, g := range groups {
		b.parts[i] = blocks{cols: len(g), rows: rows}
		width += len(g)
	}
	b.sample = newRowSample(width)
	return b
}

// add adds a row. It returns the position of the first value that its
// column's map does not bring into the range of float32, or -1.
func (b *builder) add(row []float64) int {
	if b.rows == b.sample.next {
		b.sample.add(row)
	}
	b.rows++
	if b.maps != nil {
		return b.store(row)
	}
	if b.rows == headRows {
		b.chooseMaps()
	}
	return -1
}

// chooseMaps chooses the affine maps from the head, which the sample holds
// whole, and stores the rows of the head.
func (b *builder) chooseMaps() {
	b.maps, b.parted = make([]affine, b.sample.width), make([]bool, b.sample.width)
	b.sample.eachColumn(func(k int, v []float64) { b.maps[k] = fitAffine(v) })
	for row := range slices.Chunk(b.sample.values, b.sample.width) {
		b.store(row) // in range, by the choice of the maps
	}
}

// measureMerged measures on the sample what the maps merge.
func (b *builder) measureMerged() {
	var seen float32Set
	b.sample.eachColumn(func(k int, v []float64) {
		m := &b.maps[k]
		if m.merged = 0; !seen.allDistinct(v, m.apply) {
			slices.Sort(v)
			m.merged = m.mergedOf(v)
		}
	})
}

func (b *builder) store(row []float64) int {
	k := 0
	for i := range b.parts {
		dst := b.parts[i].next()
		for j := range dst {
			v := row[k]
			f := b.maps[k].apply(v)
			if math.IsInf(float64(f), 0) {
				return k
			}
			dst[j] = f
			if v != math.Trunc(v) {
				b.parted[k] = true
			}
			k++
		}
	}
	return -1
}

// sources returns the columns of each group, without their names.
func (b *builder) sources() []*column.Compact {
	if b.maps == nil {
		b.chooseMaps()
	} else {
		b.measureMerged()
	}
	all := make([]*column.Compact, len(b.parts))
	k := 0
	for i := range all {
		cols := b.parts[i].cols
		c := &column.Compact{
			Values: backend.Matrix{Rows: b.rows, Cols: cols, Stride: cols, Data: b.parts[i].join()},
			Cols:   make([]column.Column, cols),
		}
		for j := range cols {
			m := b.maps[k]
			c.Offset, c.Scale = append(c.Offset, m.offset), append(c.Scale, m.scale)
			c.Cols[j].Merged = m.merged
			if !b.parted[k] {
				c.Cols[j].Kind = column.Integer
			}
			k++
		}
		if !slices.ContainsFunc(c.Offset, func(v float64) bool { return v != 0 }) {
			c.Offset = nil
		}
		if !slices.ContainsFunc(c.Scale, func(v float64) bool { return v != 1 }) {
			c.Scale = nil
		}
		all[i] = c
	}
	return all
}

// blocks is a row-major matrix that grows without being moved.
type blocks struct {
	cols int
	rows int         // expected, for the first block; 0 if unknown
	full [][]float32 // blocks that were filled
	last []float32   // the one being filled
}

// next appends a row and returns it.
func (b *blocks) next() []float32 {
	n := len(b.last)
	if n+b.cols > cap(b.last) {
		if n > 0 {
			b.full = append(b.full, b.last)
		}
		rows := min(max(headRows, 2*cap(b.last)/b.cols), max(1, blockValues/b.cols))
		if b.rows > 0 {
			rows, b.rows = b.rows, 0
		}
		b.last, n = make([]float32, 0, rows*b.cols), 0
	}
	b.last = b.last[:n+b.cols]
	return b.last[n : n+b.cols]
}

// join returns the rows as one slice and drops the blocks. The pages of the
// result come into being as they are written; handing the blocks back to the
// system in eight steps keeps all but an eighth from being there twice.
func (b *blocks) join() []float32 {
	if b.full == nil {
		return slices.Clip(b.last)
	}
	b.full = append(b.full, b.last)
	b.last = nil
	total := 0
	for _, block := range b.full {
		total += len(block)
	}
	all := make([]float32, 0, total)
	kept := 0 // values copied since memory was last handed back
	for i, block := range b.full {
		all = append(all, block...)
		b.full[i] = nil
		if kept += len(block); kept > max(total/8, blockValues) {
			debug.FreeOSMemory()
			kept = 0
		}
	}
	b.full = nil
	return all
}
