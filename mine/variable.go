package mine

import (
	"fmt"
	"reflect"
	"strconv"

	"gonum.org/v1/gonum/mat"
	"gorgonia.org/tensor"

	"gomine/mine/backend"
)

// A Variable is n observations of d columns, float32 or float64, in whatever
// layout the caller has them. Make one with Matrix, Tensor, Columns or
// RowMajor; a mistake in its arguments is reported by Estimate.
type Variable struct {
	rows, cols int
	at         func(i, j int) float64
	names      []string
	owned      *backend.Matrix // set by InPlace: may be overwritten
	err        error
}

// Float is the element type of slices that a Variable can be made of.
type Float interface{ ~float32 | ~float64 }

// Matrix takes the rows of a gonum matrix as observations. The matrix is not
// modified, and read from several goroutines at once, until Estimate or
// Estimator.Fit returns.
func Matrix(m mat.Matrix) Variable {
	if v := reflect.ValueOf(m); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return Variable{err: fmt.Errorf("mine: nil matrix")}
	}
	rows, cols := m.Dims()
	return Variable{rows: rows, cols: cols, at: m.At}
}

// Tensor takes a dense float32 or float64 tensor: [n] or [n, d], in C or
// Fortran order, sliced or not.
func Tensor(t *tensor.Dense) Variable {
	if t == nil {
		return Variable{err: fmt.Errorf("mine: nil tensor")}
	}
	shape := t.Shape()
	if t.Dims() < 1 || t.Dims() > 2 {
		return Variable{err: fmt.Errorf("mine: tensor of shape %v, want [n] or [n, d]", shape)}
	}
	v := Variable{rows: shape[0], cols: 1}
	strides := t.Strides()
	rowStride, colStride := strides[0], 0
	if t.Dims() == 2 {
		v.cols = shape[1]
		if len(strides) < 2 {
			return Variable{err: fmt.Errorf("mine: tensor of shape %v has strides %v; clone it into a plain matrix", shape, strides)}
		}
		colStride = strides[1]
	}
	switch data := t.Data().(type) {
	case []float32:
		v.at = func(i, j int) float64 { return float64(data[i*rowStride+j*colStride]) }
	case []float64:
		v.at = func(i, j int) float64 { return data[i*rowStride+j*colStride] }
	default:
		return Variable{err: fmt.Errorf("mine: tensor of %v, want float32 or float64", t.Dtype())}
	}
	return v
}

// Columns takes one slice per column, all of one length.
func Columns[T Float](columns ...[]T) Variable {
	if len(columns) == 0 {
		return Variable{err: fmt.Errorf("mine: no columns")}
	}
	rows := len(columns[0])
	for j, c := range columns {
		if len(c) != rows {
			return Variable{err: fmt.Errorf("mine: column %d has %d rows, column 0 has %d", j, len(c), rows)}
		}
	}
	return Variable{rows: rows, cols: len(columns), at: func(i, j int) float64 { return float64(columns[j][i]) }}
}

// RowMajor takes a slice of n*cols values, row after row.
func RowMajor[T Float](data []T, cols int) Variable {
	if cols < 1 || len(data)%cols != 0 {
		return Variable{err: fmt.Errorf("mine: %d values do not make rows of %d columns", len(data), cols)}
	}
	return Variable{rows: len(data) / cols, cols: cols, at: func(i, j int) float64 { return float64(data[i*cols+j]) }}
}

// InPlace is RowMajor for float32 data that the caller has no further use for:
// the estimator preprocesses and reorders it where it is, instead of making a
// copy, which halves the memory of a large estimate.
func InPlace(data []float32, cols int) Variable {
	v := RowMajor(data, cols)
	if v.err == nil {
		v.owned = &backend.Matrix{Rows: v.rows, Cols: cols, Stride: cols, Data: data}
	}
	return v
}

// Named returns the variable with names for its columns, to be used in
// warnings and errors instead of their numbers.
func (v Variable) Named(names ...string) Variable {
	if v.err == nil && len(names) != v.cols {
		v.err = fmt.Errorf("mine: %d names for %d columns", len(names), v.cols)
	}
	v.names = names
	return v
}

// Dims returns the number of rows and columns.
func (v Variable) Dims() (rows, cols int) { return v.rows, v.cols }

func (v Variable) name(j int) string {
	if v.names != nil {
		return v.names[j]
	}
	return strconv.Itoa(j)
}
