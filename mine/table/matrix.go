package table

import (
	"math"
	"runtime/debug"
	"slices"
)

// A Matrix holds some columns of a file as float32, [Rows, Cols] row-major.
//
// Column j was stored as float32((v-Offset[j]) * Scale[j]), computed in
// float64; so v is Data[i*Cols+j]/Scale[j] + Offset[j] up to float32
// rounding. Both are chosen from the first 1024 rows:
//
//   - Offset is 0, unless plain float32 values would merge more than 1% of
//     the distinct values (as in 1.7e9 + U(0,1)) and fewer with the median as
//     the offset.
//   - Scale is 1, unless a value is beyond ±2^127, where float32 ends, or more
//     than 1% are below its normal range; then it is the power of two that brings
//     the median of |v-Offset| to about 1, or the largest to 2^64 if that is
//     smaller.
//
// Merged[j] is the fraction of the distinct values in these rows that are
// stored like another one all the same. Above a few per cent, information is
// lost and the column needs a logarithm or another transformation first.
type Matrix struct {
	Rows, Cols int
	Data       []float32
	Names      []string
	Offset     []float64
	Scale      []float64
	Merged     []float64
}

const (
	// headRows is how many rows the affine maps are chosen from.
	headRows = 1024
	// blockValues is the size to which the blocks of a matrix with an unknown
	// number of rows double, in float32 values.
	blockValues = 1 << 20
)

// affine is the map v -> (v-offset)*scale.
type affine struct {
	offset, scale float64
	merged        float64 // see Matrix
}

// apply returns the stored value, which is ±Inf if it overflows.
func (m affine) apply(v float64) float32 { return float32((v - m.offset) * m.scale) }

// fitAffine chooses the map of a column from its first values, as documented
// at Matrix. It never makes one of them overflow. It reorders v.
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
	m.merged = float64(merged) / float64(distinct)
	return m
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
	maps  []affine  // of each value of a row; nil until they are chosen
	head  []float64 // the rows added so far, until then
	width int
	rows  int
	parts []blocks
}

// newBuilder returns a builder of one matrix per group. rows bounds the
// number of rows from above, or is 0.
func newBuilder(groups [][]int, rows int) *builder {
	b := &builder{parts: make([]blocks, len(groups))}
	for i, g := range groups {
		b.parts[i] = blocks{cols: len(g), rows: rows}
		b.width += len(g)
	}
	return b
}

// add adds a row. It returns the position of the first value that its
// column's map does not bring into the range of float32, or -1.
func (b *builder) add(row []float64) int {
	b.rows++
	if b.maps != nil {
		return b.store(row)
	}
	b.head = append(b.head, row...)
	if b.rows == headRows {
		b.chooseMaps()
	}
	return -1
}

// chooseMaps chooses the affine maps and stores the rows of the head.
func (b *builder) chooseMaps() {
	b.maps = make([]affine, b.width)
	column := make([]float64, b.rows)
	for k := range b.maps {
		for i := range column {
			column[i] = b.head[i*b.width+k]
		}
		b.maps[k] = fitAffine(column)
	}
	for row := range slices.Chunk(b.head, b.width) {
		b.store(row) // in range, by the choice of the maps
	}
	b.head = nil
}

func (b *builder) store(row []float64) int {
	k := 0
	for i := range b.parts {
		dst := b.parts[i].next()
		for j := range dst {
			f := b.maps[k].apply(row[k])
			if math.IsInf(float64(f), 0) {
				return k
			}
			dst[j] = f
			k++
		}
	}
	return -1
}

// matrices returns the matrices, without names.
func (b *builder) matrices() []Matrix {
	if b.maps == nil {
		b.chooseMaps()
	}
	ms := make([]Matrix, len(b.parts))
	k := 0
	for i := range ms {
		m := Matrix{Rows: b.rows, Cols: b.parts[i].cols, Data: b.parts[i].join()}
		for range m.Cols {
			m.Offset = append(m.Offset, b.maps[k].offset)
			m.Scale = append(m.Scale, b.maps[k].scale)
			m.Merged = append(m.Merged, b.maps[k].merged)
			k++
		}
		ms[i] = m
	}
	return ms
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
