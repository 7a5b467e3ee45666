package table

import (
	"context"
	"errors"
	"math"

	"gomine/mine/column"
)

// Rows that take more than Options.Memory are written to temporary files, one a group of columns,
// float64 a value, while they are read. Which precision a column has is decided as in memory, and
// what is read from the files is what a column.Compact would hold: the same numbers come of both.

// spilled is where a builder stores rows for which there is no room in memory.
type spilled struct {
	stores []*column.Stored // one a group; nil while there is room
	failed error            // of writing to them, which ends the pass
	stop   context.CancelFunc
}

// bytes is what some rows take in memory, in the columns as they are now.
func (b *builder) bytes(rows int) int64 {
	row := 4 * len(b.columns)
	for k := range b.columns {
		if b.columns[k].wide {
			row += 8
		}
	}
	return int64(row) * int64(rows)
}

// spill moves the rows to temporary files, where all others go from now on.
func (b *builder) spill() {
	for i := range b.parts {
		s, err := column.NewStored(b.parts[i].cols)
		if err != nil {
			b.fail(err)
			return
		}
		b.stores = append(b.stores, s)
	}
	k := 0
	for p := range b.parts {
		columns := b.columns[k : k+b.parts[p].cols]
		k += len(columns)
		for j := range columns {
			if !columns[j].wide {
				b.stores[p].Single[j] = math.MaxInt
			}
		}
		values := make([]float64, len(columns))
		i := 0
		b.parts[p].each(func(row []float32) {
			for j, v := range row {
				values[j] = float64(v)
				if columns[j].wide {
					values[j] = columns[j].exact[i]
				}
			}
			i++
			b.fail(b.stores[p].Append(values))
		})
		b.parts[p] = blocks{cols: len(columns)}
		for j := range columns {
			columns[j].exact = nil
		}
	}
}

// storeOut is store for rows that go to temporary files.
func (b *builder) storeOut(row []float64, i int) {
	if b.failed != nil {
		return
	}
	watched := isWatched(i)
	k := 0
	for _, s := range b.stores {
		values := row[k : k+len(s.Cols)]
		for j, v := range values {
			c := &b.columns[k]
			k++
			if c.widens(v, float32(v), watched) {
				s.Single[j] = i
				c.wide, c.recent = true, nil
			}
			if !c.parted && v != math.Trunc(v) && v == v {
				c.parted = true
			}
		}
		b.fail(s.Append(values))
	}
	b.forget(i)
}

// fail keeps the first error and ends the pass.
func (b *builder) fail(err error) {
	if err != nil && b.failed == nil {
		b.failed = err
		b.stop()
	}
}

// close removes the temporary files.
func (b *builder) close() error {
	var errs []error
	for _, s := range b.stores {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// tables returns the columns of each group, without their names.
func (b *builder) tables() ([]column.Table, error) {
	var all []column.Table
	if b.columns == nil {
		b.begin()
	}
	switch {
	case b.failed != nil:
		return nil, b.failed
	case b.stores == nil:
		for _, c := range b.sources() {
			all = append(all, c)
		}
		return all, nil
	}
	merged := b.measureMerged()
	k := 0
	for _, s := range b.stores {
		b.fail(s.Flush())
		for j := range s.Cols {
			s.Cols[j].Merged = merged[k]
			if !b.columns[k].parted {
				s.Cols[j].Kind = column.Integer
			}
			k++
		}
		all = append(all, s)
	}
	return all, b.failed
}
