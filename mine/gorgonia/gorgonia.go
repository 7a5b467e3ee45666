// Package gorgonia makes tensors of gorgonia.org/tensor sources of columns. It is a
// package of its own so that only programs that use tensors depend on them.
package gorgonia

import (
	"fmt"

	"gorgonia.org/tensor"

	"gomine/mine/column"
)

// Source takes a dense tensor of float32 or float64 values, [n] or [n, d], in C or
// Fortran order, sliced or not. It must not change while the source is in use.
func Source(t *tensor.Dense) (column.Source, error) {
	if t == nil {
		return nil, fmt.Errorf("gorgonia: nil tensor")
	}
	shape, strides := t.Shape(), t.Strides()
	if t.Dims() < 1 || t.Dims() > 2 {
		return nil, fmt.Errorf("gorgonia: tensor of shape %v, want [n] or [n, d]", shape)
	}
	m := dense{rows: shape[0], cols: 1, rowStride: strides[0]}
	if t.Dims() == 2 {
		if len(strides) < 2 {
			return nil, fmt.Errorf("gorgonia: tensor of shape %v has strides %v; clone it into a plain matrix", shape, strides)
		}
		m.cols, m.colStride = shape[1], strides[1]
	}
	switch data := t.Data().(type) {
	case []float32:
		m.at = func(k int) float64 { return float64(data[k]) }
	case []float64:
		m.at = func(k int) float64 { return data[k] }
	default:
		return nil, fmt.Errorf("gorgonia: tensor of %v, want float32 or float64", t.Dtype())
	}
	return column.Matrix(m), nil
}

// dense is the matrix that a tensor of one or two dimensions is.
type dense struct {
	rows, cols           int
	rowStride, colStride int
	at                   func(k int) float64
}

func (m dense) Dims() (rows, cols int) { return m.rows, m.cols }

func (m dense) At(i, j int) float64 { return m.at(i*m.rowStride + j*m.colStride) }
