package column

import (
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	"gomine/mine/backend"
)

// Compact is a source that takes four bytes a value: column j lies in memory as
// float32((v - Offset[j]) * Scale[j]), so that v is Values/Scale + Offset up to the
// rounding of a float32. It is what readers of large files make.
type Compact struct {
	Values backend.Matrix
	Cols   []Column     // one a column of Values
	Offset []float64    // nil: all 0
	Scale  []float64    // nil: all 1
	spent  *atomic.Bool // its memory was taken; nil if it never can be
}

// NewCompact returns the source of plain float32 values, row after row.
func NewCompact(data []float32, cols int) (*Compact, error) {
	if cols < 1 || len(data)%cols != 0 {
		return nil, fmt.Errorf("column: %d values do not make rows of %d columns", len(data), cols)
	}
	c := &Compact{Values: backend.Matrix{Rows: len(data) / cols, Cols: cols, Stride: cols, Data: data}, Cols: make([]Column, cols)}
	for j := range c.Cols {
		c.Cols[j].Name = strconv.Itoa(j)
	}
	return c, nil
}

func (c *Compact) Rows() int         { return c.Values.Rows }
func (c *Compact) Columns() []Column { return c.Cols }

var errSpent = errors.New("column: the source was given to be used in place, and has been used")

func (c *Compact) Read(dst []float64, lo, hi, from, to int) error {
	if c.spent != nil && c.spent.Load() {
		return errSpent
	}
	k := 0
	for i := lo; i < hi; i++ {
		for _, v := range c.Values.Row(i)[from:to] {
			dst[k] = float64(v)
			k++
		}
	}
	if c.Scale == nil && c.Offset == nil {
		return nil
	}
	k = 0
	for range hi - lo {
		for j := from; j < to; j++ {
			if c.Scale != nil {
				dst[k] /= c.Scale[j]
			}
			if c.Offset != nil {
				dst[k] += c.Offset[j]
			}
			k++
		}
	}
	return nil
}

// InPlace returns the source for one use, after which it is an error to use it
// again: the estimator preprocesses and reorders the values where they are, instead
// of making a copy, which halves the memory of a large estimate.
func (c *Compact) InPlace() Source {
	if c.spent == nil {
		c.spent = new(atomic.Bool)
	}
	return Disposable{c}
}

// InPlace is RowMajor for float32 data that the caller has no further use for.
func InPlace(data []float32, cols int) Source {
	c, err := NewCompact(data, cols)
	if err != nil {
		return mistake{err}
	}
	return c.InPlace()
}

// Disposable is a source for one use.
type Disposable struct{ *Compact }

// Take returns the values for the caller to read and to overwrite. It can be called
// once.
func (d Disposable) Take() (*Compact, error) {
	if d.spent.Swap(true) {
		return nil, errSpent
	}
	return &Compact{Values: d.Values, Cols: d.Cols, Offset: d.Offset, Scale: d.Scale}, nil
}
