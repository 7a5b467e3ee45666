package conditional

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/preprocess"
)

const (
	// differentShare is the share of rows with a value of their own from which on a column counts as
	// one of continuous numbers: the information with one of few values is finite.
	differentShare = 0.1
	// valuesPerColumn is the fewest different values of a column for each of those that it may be a
	// sum of.
	valuesPerColumn = 4
	// mostSummed is the most columns that one may be a sum of: the time grows with their square, to some
	// ten seconds.
	mostSummed = 500
)

// infinite warns of columns of X and Z that determine each other given Y: functions of each other,
// and columns of one that are sums of columns of the other and of Y.
func (d Data) infinite() ([]mine.Warning, error) {
	pairs, err := preprocess.Arrange(d.X, d.Z, func(p int) int { return p })
	if err != nil {
		return nil, err
	}
	text, err := pairs.Determined(d.X.Rows())
	if err == nil && text == "" {
		text, err = d.sum()
	}
	if err != nil || text == "" {
		return nil, err
	}
	return []mine.Warning{{Code: mine.WarnDeterministic, Message: text +
		": I(X;Z|Y) is infinite if these columns are exact and what y leaves of them is continuous, and every finite estimate then only says how many rows there are; leave out of x and z what was computed from the other one"}}, nil
}

// sum says which column of X is a sum of columns of Z and Y, or which one of Z of columns of X and Y;
// "" if none is.
func (d Data) sum() (string, error) {
	n := min(d.X.Rows(), determinedRows)
	var x, z, y []number
	for _, side := range []struct {
		to   *[]number
		from column.Source
	}{{&x, d.X}, {&z, d.Z}, {&y, d.Given}} {
		var err error
		if *side.to, err = numbers(side.from, n); err != nil {
			return "", err
		}
	}
	for _, side := range []struct {
		own, other []number
		text       string
	}{{x, z, "column %s of x is a sum of columns of z and of the condition y"}, {z, x, "column %s of z is a sum of columns of x and of the condition y"}} {
		if name := sumOf(side.own, side.other, y); name != "" {
			return fmt.Sprintf(side.text+", but for a millionth of the variance that y leaves of it", name), nil
		}
	}
	return "", nil
}

// sumOf returns the name of a column of which columns of y and a constant leave something, and others
// beside them next to nothing of that: in all rows, and in the inner half of them, for of heavy tails a few
// rows have all of the variance. Others of few values count as columns of y, for what they tell is
// finite. It returns "" if there is none.
func sumOf(columns, others, y []number) string {
	columns, _ = continuous(columns)
	sources, few := continuous(others)
	if len(columns) == 0 || len(sources) == 0 {
		return ""
	}
	n := len(columns[0].values)
	base := slices.Concat([]number{{values: slices.Repeat([]float64{1}, n)}}, y, few)
	of := slices.Concat(base, sources)
	if len(of) > min(n/valuesPerColumn, mostSummed) {
		return ""
	}
	for some := range slices.Chunk(columns, len(of)) {
		shares := left(matrix(slices.Concat(of, some)), len(base), len(of))
		for k, c := range some {
			if shares[k] > mostLeft || c.different < valuesPerColumn*len(of) {
				continue
			}
			m := matrix(append(of[:len(of):len(of)], c))
			if left(standardizedRows(m, innerHalf(m)), len(base), len(of))[0] <= mostLeft {
				return c.name
			}
		}
	}
	return ""
}

// continuous tells columns of many different values from those of few.
func continuous(columns []number) (many, few []number) {
	for _, c := range columns {
		if float64(c.different) >= differentShare*float64(len(c.values)) {
			many = append(many, c)
		} else {
			few = append(few, c)
		}
	}
	return many, few
}

// left returns, for each column of m behind the first ones, how much these leave of its sum of squares
// by least squares, as a share of what the first base of them leave; 1 where that is rounding. Of
// m = QR, those are sums of squares of the column of R below as many rows, whether
// columns are sums of each other or not.
func left(m *mat.Dense, base, first int) []float64 {
	var qr mat.QR
	qr.Factorize(m)
	var r mat.Dense
	qr.RTo(&r)
	_, width := m.Dims()
	shares := make([]float64, width-first)
	for k := range shares {
		c := mat.Col(nil, first+k, &r)
		own, before, rest := floats.Dot(c, c), floats.Dot(c[base:], c[base:]), floats.Dot(c[first:], c[first:])
		shares[k] = 1
		if before > leastOwn*own {
			shares[k] = rest / before
		}
	}
	return shares
}
