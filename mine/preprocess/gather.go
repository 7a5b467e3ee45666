package preprocess

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"gomine/mine/backend"
	"gomine/mine/column"
)

// Ordered are rows in split order that stay where they are, in a file or in memory: what is
// needed of them is copied. They are read in the order of their source, from its beginning to
// its end, which a file allows at its full speed.
type Ordered struct {
	x, z  column.Source
	order Order
}

// NewOrdered returns the rows of x and z, which were checked, in an order. Data given for use in
// place are taken, though not overwritten.
func NewOrdered(x, z column.Source, order Order) (Ordered, error) {
	o := Ordered{x, z, order}
	if uint64(x.Rows()) > math.MaxUint32 {
		return o, fmt.Errorf("preprocess: %d rows, at most %d can be put in order: take fewer", x.Rows(), uint32(math.MaxUint32))
	}
	for _, side := range []struct {
		name string
		of   *column.Source
	}{{"x", &o.x}, {"z", &o.z}} {
		given, ok := (*side.of).(column.Disposable)
		if !ok {
			continue
		}
		taken, err := given.Take()
		if err != nil {
			return o, fmt.Errorf("%w (argument %s)", err, side.name)
		}
		*side.of = taken
	}
	return o, nil
}

// Gather copies the rows at the positions of some ranges, one after the other. The copies may be
// overwritten, see Pairs.Apply.
func (o Ordered) Gather(ranges ...Range) (*Pairs, error) {
	picked := o.pick(ranges)
	var p Pairs
	for _, side := range []struct {
		name string
		from column.Source
		to   *rows
	}{{"x", o.x, &p.x}, {"z", o.z, &p.z}} {
		c, err := gather(side.from, picked)
		if err != nil {
			return nil, err
		}
		*side.to = rows{Source: c, name: side.name, owned: c}
	}
	return &p, nil
}

// Apply takes the rows at the positions of a range to inputs of a network, in the first rows of
// x and z.
func (o Ordered) Apply(m Maps, r Range, x, z backend.Matrix) error {
	picked := o.pick([]Range{r})
	for _, side := range []struct {
		Side
		from column.Source
		to   backend.Matrix
	}{{m.X, o.x, x}, {m.Z, o.z, z}} {
		if err := scan(side.from, picked, func(i int, row []float64) { side.store(side.to.Row(i), row) }); err != nil {
			return err
		}
	}
	return nil
}

// A pick is a row, and behind it its place among those that are picked: 32 bits each.
type pick uint64

func (p pick) row() int   { return int(p >> 32) }
func (p pick) place() int { return int(uint32(p)) }

// pick returns the rows at the positions of some ranges, in the order of rows.
func (o Ordered) pick(ranges []Range) []pick {
	total := 0
	for _, r := range ranges {
		total += r.Hi - r.Lo
	}
	picked := make([]pick, 0, total)
	for _, r := range ranges {
		for p := r.Lo; p < r.Hi; p++ {
			picked = append(picked, pick(o.order(p))<<32|pick(len(picked)))
		}
	}
	slices.Sort(picked)
	return picked
}

// gapValues is the distance, in values, over which it is faster to read on than to begin
// again: some 16 KiB of a file.
const gapValues = 1 << 11

// scan calls do for the picked rows of a source, in the order of rows, from several goroutines.
func scan(s column.Source, picked []pick, do func(place int, row []float64)) error {
	cols := len(s.Columns())
	most := min(blockRows, max(1, blockValues/cols))
	gap := gapValues / cols
	return parallel(len(picked), func(lo, hi int) error {
		values := make([]float64, most*cols)
		for lo < hi {
			first := picked[lo].row()
			end, last := lo+1, first
			for ; end < hi; end++ {
				row := picked[end].row()
				if row-first >= most || row-last > gap {
					break
				}
				last = row
			}
			if err := s.Read(values, first, last+1, 0, cols); err != nil {
				return err
			}
			for _, p := range picked[lo:end] {
				k := (p.row() - first) * cols
				do(p.place(), values[k:k+cols])
			}
			lo = end
		}
		return nil
	})
}

// gather copies the picked rows of a source. A column that holds a value which float32 does not
// is kept in float64 as well, so that nothing is lost.
func gather(s column.Source, picked []pick) (*column.Compact, error) {
	columns := s.Columns()
	c := &column.Compact{Values: backend.NewMatrix(len(picked), len(columns)), Cols: columns}
	exact := make([]struct {
		once   sync.Once
		values []float64 // those that float32 does not hold, of which none is 0
	}, len(columns))
	err := scan(s, picked, func(place int, row []float64) {
		to := c.Values.Row(place)
		for j, v := range row {
			if to[j] = float32(v); float64(to[j]) != v {
				e := &exact[j]
				e.once.Do(func() { e.values = make([]float64, len(picked)) })
				e.values[place] = v
			}
		}
	})
	if err != nil {
		return nil, err
	}
	for j := range exact {
		values := exact[j].values
		if values == nil {
			continue
		}
		if c.Exact == nil {
			c.Exact = make([][]float64, len(columns))
		}
		for i, v := range values {
			if v == 0 {
				values[i] = float64(c.Values.Row(i)[j])
			}
		}
		c.Exact[j] = values
	}
	return c, nil
}

// sizedRows is the number of rows that RowBytes looks at.
const sizedRows = 1024

// RowBytes is how much memory a copy of a row takes, as the first rows show: four bytes a value, and
// twelve in columns that float32 does not hold.
func RowBytes(s column.Source) (int, error) {
	cols := len(s.Columns())
	n := min(s.Rows(), sizedRows, max(1, blockValues/cols))
	values := make([]float64, n*cols)
	if err := s.Read(values, 0, n, 0, cols); err != nil {
		return 0, err
	}
	bytes, wide := 4*cols, make([]bool, cols)
	for k, v := range values {
		if j := k % cols; !wide[j] && float64(float32(v)) != v {
			wide[j] = true
			bytes += 8
		}
	}
	return bytes, nil
}
