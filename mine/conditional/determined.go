package conditional

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/preprocess"
)

const (
	// determinedRows is the most rows that linear dependence is looked for among.
	determinedRows = 5000
	// mostLeft is the share of the variance of a column below which nothing is left of it: sums
	// of numbers that were written with three digits leave about that.
	mostLeft = 1e-6
)

// A variable is X, Z or Y.
type variable struct {
	name   string
	source column.Source
}

func (d Data) variables() []variable {
	return []variable{{"x", d.X}, {"z", d.Z}, {"the condition y", d.Given}}
}

// check reports variables that are empty, or of different rows.
func (d Data) check() error {
	for _, v := range d.variables() {
		if err := column.Check(v.source); err != nil {
			return fmt.Errorf("conditional: %s: %w", v.name, err)
		}
	}
	n := d.X.Rows()
	if d.Given.Rows() != n || d.Z.Rows() != n {
		return fmt.Errorf("conditional: %d rows of x, %d of z and %d of the condition y, want as many of each", n, d.Z.Rows(), d.Given.Rows())
	}
	return nil
}

// checkValues reports variables that do not vary, and columns of X that Y determines. The rows of
// a block or group of the folds tell less than as many others.
func (d Data) checkValues(folds []mine.FoldRows) error {
	n := d.X.Rows()
	for _, v := range d.variables() {
		if err := v.checkVaries(); err != nil {
			return err
		}
	}
	pairs, err := preprocess.Arrange(d.X, d.Given, func(p int) int { return p })
	if err != nil {
		return err
	}
	pairs.Call("x", "the condition y")
	text, err := pairs.Determined(n)
	if err != nil {
		return err
	}
	if text != "" {
		return fmt.Errorf("conditional: %s: what is %w by y has nothing left to tell of z; leave one of the two columns out", text, ErrDetermined)
	}
	if !d.Pasts {
		if err := d.checkFunctions(unitsOf(folds, n)); err != nil {
			return err
		}
	}
	return d.checkLinear()
}

// checkVaries reports a variable whose columns are all constant.
func (v variable) checkVaries() error {
	values := make([]float64, v.source.Rows())
	for j := range v.source.Columns() {
		if err := v.source.Read(values, 0, len(values), j, j+1); err != nil {
			return err
		}
		if floats.Min(values) < floats.Max(values) {
			return nil
		}
	}
	return fmt.Errorf("conditional: every column of %s is %w: there is nothing to learn from it", v.name, preprocess.ErrConstant)
}

// checkLinear reports columns of X that are sums of columns of Y.
func (d Data) checkLinear() error {
	n := min(d.X.Rows(), determinedRows)
	y, err := numbers(d.Given, n)
	if err != nil || len(y) == 0 || len(y) > min(n/4, mostInputs) {
		return err
	}
	x, err := numbers(d.X, n)
	if err != nil || len(x) == 0 {
		return err
	}
	r, err := newRegression(matrix(y), matrix(x), borders(n, nil))
	if err != nil {
		return err
	}
	for k := range x {
		if r.explained[k] <= 1-mostLeft {
			continue
		}
		inner, err := determinedInside(matrix(y), matrix(x[k:k+1]))
		if err != nil {
			return err
		}
		if inner {
			return fmt.Errorf("conditional: column %s of x is %w by the condition y: all but a millionth of its variance is that of a sum of columns of y, in most rows as in a few, and what is left may be rounding; leave it out of x, or some of y; if what is left matters, give it in place of the column, such as a duration for the end",
				x[k].name, ErrDetermined)
		}
	}
	return nil
}

// determinedInside reports whether nothing is left of x in the inner half of the rows either: of heavy
// tails a few rows have all of the variance. It is so where x has one value there.
func determinedInside(y, x *mat.Dense) (bool, error) {
	rows := innerHalf(y, x)
	inY, inX := standardizedRows(y, rows), standardizedRows(x, rows)
	if stat.Variance(mat.Col(nil, 0, inX), nil) == 0 {
		return true, nil
	}
	r, err := newRegression(inY, inX, borders(len(rows), nil))
	if err != nil {
		return false, err
	}
	return r.explained[0] > 1-mostLeft, nil
}

// innerHalf returns, in order, the half of the rows with no column far from its median, in units of
// the median distance from it.
func innerHalf(matrices ...*mat.Dense) []int {
	n, _ := matrices[0].Dims()
	farthest := make([]float64, n)
	for _, m := range matrices {
		_, cols := m.Dims()
		for j := range cols {
			away := mat.Col(nil, j, m)
			floats.AddConst(-median(away), away)
			for i, v := range away {
				away[i] = math.Abs(v)
			}
			unit := median(away)
			if unit == 0 {
				unit = 1
			}
			for i, v := range away {
				farthest[i] = math.Max(farthest[i], v/unit)
			}
		}
	}
	limit := median(farthest)
	var rows []int
	for i, v := range farthest {
		if v <= limit {
			rows = append(rows, i)
		}
	}
	return rows
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return stat.Quantile(0.5, stat.Empirical, sorted, nil)
}

// standardizedRows returns some rows of m, its columns in units of their standard deviations there.
func standardizedRows(m *mat.Dense, rows []int) *mat.Dense {
	_, cols := m.Dims()
	in := mat.NewDense(len(rows), cols, nil)
	for j := range cols {
		v := make([]float64, len(rows))
		for i, row := range rows {
			v[i] = m.At(row, j)
		}
		in.SetCol(j, inUnits(v))
	}
	return in
}

// inUnits divides values by their standard deviation, if they vary.
func inUnits(v []float64) []float64 {
	if unit := stat.StdDev(v, nil); unit != 0 {
		floats.Scale(1/unit, v)
	}
	return v
}

// A number is a column of numbers, in units of its standard deviation.
type number struct {
	name      string
	values    []float64
	different int // how many are
}

// numbers returns the first n rows of the columns of numbers.
func numbers(s column.Source, n int) ([]number, error) {
	var all []number
	for j, c := range s.Columns() {
		if c.Kind == column.Code {
			continue
		}
		v := make([]float64, n)
		if err := s.Read(v, 0, n, j, j+1); err != nil {
			return nil, err
		}
		different := len(slices.Compact(slices.Sorted(slices.Values(v))))
		all = append(all, number{c.Name, inUnits(v), different})
	}
	return all, nil
}

// matrix returns columns side by side.
func matrix(columns []number) *mat.Dense {
	m := mat.NewDense(len(columns[0].values), len(columns), nil)
	for j, c := range columns {
		m.SetCol(j, c.values)
	}
	return m
}
