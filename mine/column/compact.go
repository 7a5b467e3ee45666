package column

import (
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	"gomine/mine/backend"
)

// Compact is a source that takes four bytes a value where these are enough: a column
// whose values float32 would make equal, such as seconds since 1970, lies in memory
// as float64 as well. It is what readers of large files make.
type Compact struct {
	Values backend.Matrix
	Cols   []Column // one a column of Values
	// Exact has a column's values where those in Values say too little, and nil where
	// they do not. nil: Values say enough of every column.
	Exact [][]float64
	spent *atomic.Bool // its memory was taken; nil if it never can be
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
	if c.Exact == nil {
		return nil
	}
	for j, exact := range c.Exact[from:to] {
		if exact == nil {
			continue
		}
		for i, v := range exact[lo:hi] {
			dst[i*(to-from)+j] = v
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
	return &Compact{Values: d.Values, Cols: d.Cols, Exact: d.Exact}, nil
}

// A Table is what readers of files make: rows in memory, a Compact, or in a file, a Stored.
type Table interface {
	Source
	// InPlace is the source for one use, see Compact.InPlace.
	InPlace() Source
	// Recode has column j be codes of other numbers: v becomes codes[v]. Missing values stay so.
	Recode(j int, codes []float64)
	// Close releases what is not in memory. The table cannot be read after it.
	Close() error

	// put stores rows in place of those from row lo on, and truncate keeps the first rows.
	put(values []float64, lo int) error
	truncate(rows int) error
}

func (c *Compact) Recode(j int, codes []float64) {
	for i := range c.Rows() {
		if v := &c.Values.Row(i)[j]; *v == *v {
			*v = float32(codes[int(*v)])
		}
	}
}

// Close does nothing.
func (c *Compact) Close() error { return nil }

func (c *Compact) put(values []float64, lo int) error {
	cols := len(c.Cols)
	for k, v := range values {
		i, j := lo+k/cols, k%cols
		if c.Exact != nil && c.Exact[j] != nil {
			c.Exact[j][i], v = v, 0
		}
		c.Values.Row(i)[j] = float32(v)
	}
	return nil
}

func (c *Compact) truncate(rows int) error {
	c.Values.Rows = rows
	c.Values.Data = c.Values.Data[:rows*c.Values.Stride]
	for j, exact := range c.Exact {
		if exact != nil {
			c.Exact[j] = exact[:rows]
		}
	}
	return nil
}
