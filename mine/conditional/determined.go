package conditional

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

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

// checkValues reports variables that do not vary, and columns of X that Y determines.
func (d Data) checkValues() error {
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
	text, err := pairs.Determined(n)
	if err != nil {
		return err
	}
	if text != "" {
		text = strings.Replace(text, " of z are ", " of the condition y are ", 1) // the pairs are of x and y
		return fmt.Errorf("conditional: %s: what is %w by y has nothing left to tell of z; leave one of the two columns out", text, ErrDetermined)
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
	y, err := standardized(d.Given, n)
	if err != nil || y == nil {
		return err
	}
	if _, width := y.Dims(); width > min(n/4, mostInputs) {
		return nil
	}
	x, err := standardized(d.X, n)
	if err != nil || x == nil {
		return err
	}
	r, err := newRegression(y, x, borders(n, nil))
	if err != nil {
		return err
	}
	k := 0
	for _, c := range d.X.Columns() {
		if c.Kind == column.Code {
			continue
		}
		if r.explained[k] > 1-mostLeft && r.typicalLeft(y, x, k) <= mostLeft {
			return fmt.Errorf("conditional: column %s of x is %w by the condition y: all but a millionth of its variance is that of a sum of columns of y, in most rows as in a few, and what is left may be rounding; leave it out of x, or some of y; if what is left matters, give it in place of the column, such as a duration for the end",
				c.Name, ErrDetermined)
		}
		k++
	}
	return nil
}

// typicalLeft returns the square of the median size of what is left of target k, in units of that of
// its distances from its median: of heavy tails a few rows have all of the variance. It is 0 where half
// of the rows have one value. Features and targets are those that newRegression has overwritten.
func (r *regression) typicalLeft(features, targets *mat.Dense, k int) float64 {
	values := mat.Col(nil, k, targets)
	var predicted mat.VecDense
	predicted.MulVec(features, r.coefficients.ColView(k))
	left := make([]float64, len(values))
	for i, v := range values {
		left[i] = math.Abs(v - predicted.AtVec(i))
	}
	middle := median(values)
	for i, v := range values {
		values[i] = math.Abs(v - middle)
	}
	spread := median(values)
	if spread == 0 {
		return 0
	}
	return math.Pow(median(left)/spread, 2)
}

// median sorts values.
func median(values []float64) float64 {
	slices.Sort(values)
	return stat.Quantile(0.5, stat.Empirical, values, nil)
}

// standardized returns the first n rows of the columns of numbers in units of their standard
// deviations; nil if there are none.
func standardized(s column.Source, n int) (*mat.Dense, error) {
	var columns [][]float64
	for j, c := range s.Columns() {
		if c.Kind == column.Code {
			continue
		}
		v := make([]float64, n)
		if err := s.Read(v, 0, n, j, j+1); err != nil {
			return nil, err
		}
		columns = append(columns, v)
	}
	if columns == nil {
		return nil, nil
	}
	m := mat.NewDense(n, len(columns), nil)
	for j, v := range columns {
		unit := stat.StdDev(v, nil)
		if unit == 0 {
			unit = 1
		}
		for i := range v {
			m.Set(i, j, v[i]/unit)
		}
	}
	return m, nil
}
