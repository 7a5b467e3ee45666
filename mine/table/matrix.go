package table

import (
	"math"
	"runtime/debug"
	"slices"

	"gomine/mine/backend"
	"gomine/mine/column"
)

// Columns of a file are stored as float32, unless that makes different values equal:
// then the column is kept in float64 as well (column.Compact has it in Exact), and what
// becomes of it, such as a mean that is taken off, is computed in float64. That is
// decided
//
//   - by the first 1024 rows, when float32 merges more than 1 in 128 of their distinct
//     values, as in 1.7e9 + U(0,1), and
//   - at any row after them, when float32 merges 9 values with recent ones within 4096
//     rows, of which a quarter is watched, or a value is beyond its range. The rows before
//     lie in float32, which merged few or none of them.
//
// So the order of the rows decides nothing. Values that differ by less than 2^-48 of
// themselves count as equal, as 0.1+0.2 and 0.3: that is rounding, and no information.
// Whole numbers that differ do differ.
//
// The column's Merged is the fraction of the distinct values that are stored like
// another one all the same, among 512 to 1024 rows drawn evenly over the whole file,
// or among all rows of a file that has no more than 1024. Of whole numbers beyond 2^53,
// as ids of 19 digits are, float64 itself has lost the last digits: those count that are next to
// each other in float64. Of values that all count as equal, but are many, all but one count.

const (
	// headRows is how many rows are looked at before any is stored: as many as a
	// rowSample keeps whole.
	headRows = sampleRows
	// mergedMost is how many values in headRows float32 may merge.
	mergedMost = headRows / 128
	// watchedShare is how many rows there are for one that is compared with others.
	watchedShare = 4
	// blockValues is the size to which the blocks of a matrix with an unknown
	// number of rows double, in float32 values.
	blockValues = 1 << 20
)

// differ reports whether a and b are different by more than rounding.
func differ(a, b float64) bool {
	return a != b && (math.Abs(a-b) > 0x1p-48*math.Abs(a) || a == math.Trunc(a) && b == math.Trunc(b))
}

// recentValues is how many values of a column are compared with the next ones. Where
// float32 leaves K different ones of many, a value meets an equal one in recentValues/K
// cases: 9 in 1024 rows are expected up to K = 7000. More levels are as good as all.
const recentValues = 64

// vector is one column as it is gathered.
type vector struct {
	exact  []float64 // all values, if wide
	wide   bool      // float32 is not enough
	parted bool      // a value was not a whole number
	merged int       // values that float32 merged with recent ones, among the last headRows that were watched
	recent *[recentValues]struct {
		value  float64
		stored float32
	}
}

// merges reports whether float32 has merged too many values of late, v among them,
// which is stored as f.
func (c *vector) merges(v float64, f float32) bool {
	switch {
	case v != v:
		return false
	case float64(f) == v && c.recent == nil:
		return false // Of whole numbers and the like, which float32 holds, there is nothing to see.
	case c.recent == nil:
		c.recent = new([recentValues]struct {
			value  float64
			stored float32
		})
	}
	r := &c.recent[math.Float32bits(f)*0x9e3779b1>>26] // by the golden ratio
	if r.stored == f && differ(r.value, v) {
		c.merged++
	}
	r.value, r.stored = v, f
	return c.merged > mergedMost
}

// builder gathers rows into one matrix per group of columns. A value that is missing
// is NaN.
type builder struct {
	columns []vector // of each value of a row; nil until the head is complete
	sample  *rowSample
	rows    int
	hint    int // of rows, from above; or 0
	parts   []blocks

	memory int64 // that all rows may take; 0 for any
	spilled
}

// newBuilder returns a builder of one matrix per group. rows bounds the
// number of rows from above, or is 0; memory is what they may take, or 0.
func newBuilder(groups [][]int, rows int, memory int64) *builder {
	b := &builder{parts: make([]blocks, len(groups)), hint: rows, memory: memory}
	width := 0
	for i, g := range groups {
		b.parts[i] = blocks{cols: len(g), rows: rows}
		width += len(g)
	}
	b.sample = newRowSample(width)
	return b
}

// add adds a row.
func (b *builder) add(row []float64) {
	if b.rows == b.sample.next {
		b.sample.add(row)
	}
	b.rows++
	switch {
	case b.stores != nil:
		b.storeOut(row, b.rows-1)
	case b.columns != nil:
		b.store(row, b.rows-1)
		if b.memory > 0 && b.rows%headRows == 0 && b.bytes(b.rows) > b.memory {
			b.spill()
		}
	case b.rows == headRows:
		b.begin()
	}
}

// begin decides by the head, which the sample holds whole, how its columns are stored,
// and stores it.
func (b *builder) begin() {
	b.columns = make([]vector, b.sample.width)
	var seen float32Set
	b.sample.eachColumn(func(k int, v []float64) {
		if v = present(v); len(v) == 0 {
			return
		}
		if math.IsInf(float64(float32(slices.Min(v))), 0) || math.IsInf(float64(float32(slices.Max(v))), 0) {
			b.columns[k].wide = true
			return
		}
		if !seen.allDistinct(v) {
			slices.Sort(v)
			b.columns[k].wide = mergedOf(v) > 1./128
		}
	})
	if b.memory > 0 && b.bytes(max(b.hint, b.sample.rows())) > b.memory {
		b.spill()
	}
	for k := range b.columns {
		if b.columns[k].wide && b.stores == nil {
			b.columns[k].exact = make([]float64, 0, max(b.hint, headRows))
		}
	}
	i := 0
	for row := range slices.Chunk(b.sample.values, b.sample.width) {
		if b.stores != nil {
			b.storeOut(row, i)
		} else {
			b.store(row, i)
		}
		i++
	}
}

// present returns the values that are not missing, in the place of v.
func present(v []float64) []float64 { return slices.DeleteFunc(v, math.IsNaN) }

// store stores row i.
func (b *builder) store(row []float64, i int) {
	columns := b.columns[:len(row)]
	watched := isWatched(i)
	k := 0
	for part := range b.parts {
		dst := b.parts[part].next()
		for j := range dst {
			v, c := row[k], &columns[k]
			k++
			f := float32(v)
			if watched || c.wide || !c.parted || math.Abs(v) > math.MaxFloat32 {
				f = b.look(v, c, part, j, i, watched)
			}
			dst[j] = f
		}
	}
	b.forget(i)
}

// look takes note of a value of row i, in column j of a part, and returns what is stored of it as float32.
func (b *builder) look(v float64, c *vector, part, j, i int, watched bool) float32 {
	if !c.parted && v != math.Trunc(v) && v == v {
		c.parted = true
	}
	f := float32(v)
	if c.widens(v, f, watched) {
		c.exact = b.parts[part].column(j, i, b.hint)
		c.wide, c.recent = true, nil
	}
	if c.wide {
		c.exact = append(c.exact, v)
		return 0
	}
	return f
}

// isWatched reports whether the values of row i are compared with others: by the golden ratio, so
// that it is a fair share of any rows in turn.
func isWatched(i int) bool { return uint32(i)*0x9e3779b1 < math.MaxUint32/watchedShare }

// widens reports whether v, which is stored as f, is the first value of a column for which float32 is
// not enough. Rows that are watched are compared with others.
func (c *vector) widens(v float64, f float32, watched bool) bool {
	return !c.wide && (watched && c.merges(v, f) || math.Abs(v) > math.MaxFloat32)
}

// forget begins to count merged values anew every so many rows.
func (b *builder) forget(i int) {
	if i%(watchedShare*headRows) == 0 {
		for k := range b.columns {
			b.columns[k].merged = 0
		}
	}
}

// sources returns the columns of each group in memory, without their names.
func (b *builder) sources() []*column.Compact {
	merged := b.measureMerged()
	all := make([]*column.Compact, len(b.parts))
	k := 0
	for i := range all {
		cols := b.parts[i].cols
		c := &column.Compact{
			Values: backend.Matrix{Rows: b.rows, Cols: cols, Stride: cols, Data: b.parts[i].join()},
			Cols:   make([]column.Column, cols),
		}
		for j := range cols {
			v := &b.columns[k]
			c.Cols[j].Merged = merged[k]
			if !v.parted {
				c.Cols[j].Kind = column.Integer
			}
			if v.wide && c.Exact == nil {
				c.Exact = make([][]float64, cols)
			}
			if v.wide {
				c.Exact[j] = v.exact
			}
			k++
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

// each calls do for every row.
func (b *blocks) each(do func(row []float32)) {
	for _, block := range append(slices.Clip(b.full), b.last) {
		for k := 0; k < len(block); k += b.cols {
			do(block[k : k+b.cols])
		}
	}
}

// column returns the first n values of column j, with room for rows.
func (b *blocks) column(j, n, rows int) []float64 {
	all := make([]float64, 0, max(n, rows))
	for _, block := range append(slices.Clip(b.full), b.last) {
		for k := j; k < len(block) && len(all) < n; k += b.cols {
			all = append(all, float64(block[k]))
		}
	}
	return all
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
