package preprocess

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"gomine/mine/backend"
	"gomine/mine/column"
)

// Maps are those of all columns of both sides. They do not change once fitted.
type Maps struct{ X, Z Side }

// Side holds the maps of the columns of x or of z, and what the columns are called.
type Side struct {
	name    string // "x" or "z"
	columns []column.Column
	maps    []Map
}

// Inputs returns the number of inputs of the network that the columns become.
func (s Side) Inputs() int {
	n := 0
	for j := range s.maps {
		n += s.maps[j].Inputs()
	}
	return n
}

// Summary describes what became of one side's columns, by their names.
type Summary struct {
	Used     int      `json:"used"`               // columns that are not constant
	Constant []string `json:"constant,omitempty"` // dropped
	Discrete []string `json:"discrete,omitempty"` // standardised in any case because of ties
	Heavy    []string `json:"heavy,omitempty"`    // ranked in any case because of values far out
	Codes    []string `json:"codes,omitempty"`    // one input a code
	Merged   []string `json:"merged,omitempty"`   // lost more than a hundredth of their distinct values when they were read
}

// mergedShare is the share of a column's distinct values whose loss is worth a word.
const mergedShare = 0.01

// Summary returns what became of the columns.
func (s Side) Summary() Summary {
	var all Summary
	for j := range s.maps {
		m, c := &s.maps[j], s.columns[j]
		if m.constant {
			all.Constant = append(all.Constant, c.Name)
		} else {
			all.Used++
		}
		switch {
		case m.codes != nil:
			all.Codes = append(all.Codes, c.Name)
		case m.discrete:
			all.Discrete = append(all.Discrete, c.Name)
		case m.heavy:
			all.Heavy = append(all.Heavy, c.Name)
		}
		if c.Merged > mergedShare {
			all.Merged = append(all.Merged, c.Name)
		}
	}
	return all
}

// store writes the inputs that a row becomes to dst.
func (s Side) store(dst []float32, row []float64) {
	k := 0
	for j := range s.maps {
		k += s.maps[j].store(dst[k:], row[j])
	}
}

// Apply takes rows of other data, in the units of the original columns, to the
// inputs of the network. Values that are not finite make an error that wraps
// ErrNonFinite; other columns than the maps were fitted on one that wraps
// backend.ErrShape.
func (m Maps) Apply(x, z column.Source) (mx, mz backend.Matrix, err error) {
	for _, s := range []column.Source{x, z} {
		if err := column.Check(s); err != nil {
			return mx, mz, err
		}
	}
	if x.Rows() != z.Rows() {
		return mx, mz, fmt.Errorf("preprocess: x has %d rows and z has %d: rows must be pairs: %w", x.Rows(), z.Rows(), backend.ErrShape)
	}
	for _, side := range []struct {
		Side
		given column.Source
		to    *backend.Matrix
	}{{m.X, x, &mx}, {m.Z, z, &mz}} {
		if got, want := len(side.given.Columns()), len(side.columns); got != want {
			return mx, mz, fmt.Errorf("preprocess: %s has %d columns, want %d: %w", side.name, got, want, backend.ErrShape)
		}
		if err := checkFinite(side.given, side.name); err != nil {
			return mx, mz, err
		}
		*side.to = backend.NewMatrix(side.given.Rows(), side.Inputs())
		if err := side.apply(rows{Source: side.given}, 0, *side.to); err != nil {
			return mx, mz, err
		}
	}
	return mx, mz, nil
}

// Chain takes derivatives g [n, Inputs] with respect to a network's inputs to those
// with respect to the columns of the rows s [n, columns] that they are at, in nats
// per unit of the column. They are zero for constant columns, for codes, and outside
// the range of the training rows.
func (s Side) Chain(given column.Source, g backend.Matrix) (*mat.Dense, error) {
	cols := len(s.maps)
	out := mat.NewDense(g.Rows, cols, nil)
	row := make([]float64, cols)
	for i := range g.Rows {
		if err := given.Read(row, i, i+1, 0, cols); err != nil {
			return nil, err
		}
		k := 0
		for j := range s.maps {
			m := &s.maps[j]
			if !m.constant && m.codes == nil {
				_, slope := m.eval(row[j])
				out.Set(i, j, float64(g.Row(i)[k])*slope)
			}
			k += m.Inputs()
		}
	}
	return out, nil
}
