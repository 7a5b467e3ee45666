// Package column is the one form in which data reach the estimator: a [Source] is a
// number of rows of named columns, each of real numbers, whole numbers or codes.
// Readers of files are sources, and so are slices and matrices of a program:
//
//	x := column.Named(column.RowMajor(values, 3), "a", "b", "c")
//
// Values are float64 as far as preprocessing, which maps each column on its own and
// only then rounds to float32, the type that critics are trained on.
package column

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
)

// Kind is what the values of a column are.
type Kind uint8

const (
	Real    Kind = iota // real numbers
	Integer             // whole numbers
	Code                // codes without an order: value v stands for Labels[v]
)

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("unknown(%d)", uint8(k))
}

var kindNames = []string{"real", "integer", "code"}

// Column describes one column.
type Column struct {
	Name   string
	Kind   Kind
	Labels []string // of codes
	// Merged is the share of the distinct values that lie in memory as one with
	// another value: information that was lost before anybody looked.
	Merged float64
}

// A Source is rows of columns. It is safe for concurrent use.
type Source interface {
	Rows() int
	// Columns describes the columns; the slice must not be modified.
	Columns() []Column
	// Read stores columns [from, to) of rows [lo, hi) in dst, row after row.
	Read(dst []float64, lo, hi, from, to int) error
}

// ErrEmpty is wrapped by the error about a source without rows or columns.
var ErrEmpty = errors.New("no data")

// Check reports a mistake in how the source was made, or that there is nothing in
// it.
func Check(s Source) error {
	if s == nil {
		return fmt.Errorf("column: nil source: %w", ErrEmpty)
	}
	if m, ok := s.(mistake); ok {
		return m.err
	}
	if s.Rows() < 1 || len(s.Columns()) < 1 {
		return fmt.Errorf("column: %d rows of %d columns: %w", s.Rows(), len(s.Columns()), ErrEmpty)
	}
	return nil
}

// mistake is a source that could not be made; Check reports why.
type mistake struct{ err error }

func (m mistake) Rows() int                                { return 0 }
func (m mistake) Columns() []Column                        { return nil }
func (m mistake) Read([]float64, int, int, int, int) error { return m.err }

func mistakef(format string, args ...any) Source {
	return mistake{fmt.Errorf("column: "+format, args...)}
}

// Number is the element type of slices that make a source.
type Number interface {
	~float32 | ~float64 | ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32
}

// kindOf is the kind of columns of T.
func kindOf[T Number]() Kind {
	if k := reflect.TypeFor[T]().Kind(); k == reflect.Float32 || k == reflect.Float64 {
		return Real
	}
	return Integer
}

// array is rows of an element function.
type array struct {
	rows    int
	columns []Column
	at      func(i, j int) float64
}

func newArray(rows, cols int, kind Kind, at func(i, j int) float64) array {
	a := array{rows: rows, columns: make([]Column, cols), at: at}
	for j := range a.columns {
		a.columns[j] = Column{Name: strconv.Itoa(j), Kind: kind}
	}
	return a
}

func (a array) Rows() int         { return a.rows }
func (a array) Columns() []Column { return a.columns }

func (a array) Read(dst []float64, lo, hi, from, to int) error {
	k := 0
	for i := lo; i < hi; i++ {
		for j := from; j < to; j++ {
			dst[k] = a.at(i, j)
			k++
		}
	}
	return nil
}

// Matrix takes the rows of a gonum matrix, or of anything like one. It is read from
// several goroutines at once, and must not change while the source is in use.
func Matrix(m interface {
	Dims() (rows, cols int)
	At(i, j int) float64
}) Source {
	if v := reflect.ValueOf(m); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return mistakef("nil matrix")
	}
	rows, cols := m.Dims()
	return newArray(rows, cols, Real, m.At)
}

// Slices takes one slice per column, all of one length.
func Slices[T Number](columns ...[]T) Source {
	if len(columns) == 0 {
		return mistakef("no columns")
	}
	rows := len(columns[0])
	for j, c := range columns {
		if len(c) != rows {
			return mistakef("column %d has %d rows, column 0 has %d", j, len(c), rows)
		}
	}
	return newArray(rows, len(columns), kindOf[T](), func(i, j int) float64 { return float64(columns[j][i]) })
}

// RowMajor takes a slice of n*cols values, row after row.
func RowMajor[T Number](data []T, cols int) Source {
	if cols < 1 || len(data)%cols != 0 {
		return mistakef("%d values do not make rows of %d columns", len(data), cols)
	}
	return newArray(len(data)/cols, cols, kindOf[T](), func(i, j int) float64 { return float64(data[i*cols+j]) })
}

// Codes takes one column of codes, such as the names of countries.
func Codes(values []string) Source {
	labels := slices.Compact(slices.Sorted(slices.Values(values)))
	number := make(map[string]int32, len(labels))
	for v, label := range labels {
		number[label] = int32(v)
	}
	numbers := make([]int32, len(values))
	for i, label := range values {
		numbers[i] = number[label]
	}
	a := newArray(len(values), 1, Code, func(i, _ int) float64 { return float64(numbers[i]) })
	a.columns[0].Labels = labels
	return a
}

// Named returns the source with other names for its columns, which are "0", "1" and
// so on otherwise.
func Named(s Source, names ...string) Source {
	if _, wrong := s.(mistake); wrong || s == nil {
		return s
	}
	if len(names) != len(s.Columns()) {
		return mistakef("%d names for %d columns", len(names), len(s.Columns()))
	}
	columns := slices.Clone(s.Columns())
	for j := range columns {
		columns[j].Name = names[j]
	}
	if d, ok := s.(Disposable); ok {
		c := *d.Compact
		c.Cols = columns
		return Disposable{&c}
	}
	return named{s, columns}
}

type named struct {
	Source
	columns []Column
}

func (n named) Columns() []Column { return n.columns }

// Join puts the columns of sources of as many rows side by side.
func Join(sources ...Source) Source {
	var j joined
	for k, s := range sources {
		if err := Check(s); err != nil {
			return mistake{err}
		}
		if s.Rows() != sources[0].Rows() {
			return mistakef("source %d has %d rows, source 0 has %d", k, s.Rows(), sources[0].Rows())
		}
		j.columns = append(j.columns, s.Columns()...)
	}
	if len(sources) == 0 {
		return mistakef("no columns")
	}
	j.parts = sources
	return j
}

type joined struct {
	parts   []Source
	columns []Column
}

func (j joined) Rows() int         { return j.parts[0].Rows() }
func (j joined) Columns() []Column { return j.columns }

func (j joined) Read(dst []float64, lo, hi, from, to int) error {
	width := to - from
	first := 0 // column of the part
	for _, s := range j.parts {
		last := first + len(s.Columns())
		if a, b := max(from, first), min(to, last); a < b {
			part := make([]float64, (hi-lo)*(b-a))
			if err := s.Read(part, lo, hi, a-first, b-first); err != nil {
				return err
			}
			for i := range hi - lo {
				copy(dst[i*width+a-from:], part[i*(b-a):(i+1)*(b-a)])
			}
		}
		first = last
	}
	return nil
}
