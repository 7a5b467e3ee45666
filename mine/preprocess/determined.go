package preprocess

import (
	"fmt"
	"math"

	"gomine/mine/column"
)

const (
	// determinedRows is the number of rows on which two columns must agree to
	// be called functions of each other, leastDetermined the fewest that tell a
	// function from a coincidence.
	determinedRows  = 1000
	leastDetermined = 200

	// A column with fewer distinct values than fewValues, each ten times over on
	// average, has a finite entropy, and says nothing here.
	fewValues = 1000
	fewShare  = 0.1
)

// Determined looks for a column of x and one of z that are increasing or decreasing
// functions of each other, which makes I(X;Z) infinite. It sees that from their
// order alone, on the rows at the first n positions, and returns a sentence about
// the first such columns, or "".
func (p *Pairs) Determined(n int) (string, error) {
	n = min(n, determinedRows)
	if n < leastDetermined {
		return "", nil
	}
	xs, err := p.x.orders(n)
	if err != nil {
		return "", err
	}
	zs, err := p.z.orders(n)
	if err != nil {
		return "", err
	}
	for j, a := range xs {
		for k, b := range zs {
			if a != nil && b != nil && (matches(a, b, 1) || matches(a, b, -1)) {
				return fmt.Sprintf("column %s of %s and column %s of %s are functions of each other",
					p.x.Columns()[j].Name, p.x.name, p.z.Columns()[k].Name, p.z.name), nil
			}
		}
	}
	return "", nil
}

// orders returns the normal quantiles of the ranks of n rows by column, nil for a
// column that says nothing by its order.
func (r rows) orders(n int) ([][]float64, error) {
	columns := r.Columns()
	rows := make([]float64, n*len(columns))
	for i := range n {
		if err := r.readAt(rows[i*len(columns):], i, 0, len(columns)); err != nil {
			return nil, err
		}
	}
	orders := make([][]float64, len(columns))
	for j, c := range columns {
		if c.Kind == column.Code {
			continue
		}
		values := make([]float64, n)
		for i := range values {
			values[i] = rows[i*len(columns)+j]
		}
		m := fitNumbers(append([]float64(nil), values...))
		if m.constant || m.distinct < fewValues && float64(m.distinct) < fewShare*float64(n) {
			continue
		}
		for i, v := range values {
			values[i] = m.at(v)
		}
		orders[j] = values
	}
	return orders, nil
}

// matches reports whether a = sign*b up to the rounding of normal quantiles.
func matches(a, b []float64, sign float64) bool {
	for i := range a {
		if math.Abs(a[i]-sign*b[i]) > 1e-9 {
			return false
		}
	}
	return true
}
