package conditional

import (
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"

	"gomine/mine/column"
	"gomine/mine/sampling"
)

// chances are the probabilities of the values of columns of few, given y: regressions of whether a row has a
// value, 1 or 0.
type chances struct {
	columns []int // of x
	values  [][]float64
	stages
	least float64 // probability
}

// newChances fits the probabilities of columns of few values to rows of x and y.
func newChances(shapes []shape, x column.Source, y, squares, features *mat.Dense, borders []int) (*chances, error) {
	c := &chances{least: 1 / float64(2*x.Rows())}
	for j, s := range shapes {
		if s.classes() > 0 {
			c.columns, c.values = append(c.columns, j), append(c.values, s.values)
		}
	}
	has, err := c.indicators(x)
	if err != nil || c.columns == nil {
		return nil, err
	}
	c.stages, _, err = newStages(y, squares, features, has, borders)
	return c, err
}

// indicators says which rows have which value of which column.
func (c *chances) indicators(x column.Source) (*mat.Dense, error) {
	n, width := x.Rows(), 0
	for _, v := range c.values {
		width += len(v)
	}
	if width == 0 {
		return nil, nil
	}
	has, values, from := mat.NewDense(n, width, nil), make([]float64, n), 0
	for k, j := range c.columns {
		if err := x.Read(values, 0, n, j, j+1); err != nil {
			return nil, err
		}
		for i, v := range values {
			if at, known := slices.BinarySearch(c.values[k], v); known {
				has.Set(i, from+at, 1)
			}
		}
		from += len(c.values[k])
	}
	return has, nil
}

// of returns the probabilities of all values for rows of y: those that are predicted, but at least as high as
// those of half a row that was learnt from, in such shares that they add to 1.
func (c *chances) of(y, squares, features *mat.Dense) *mat.Dense {
	_, p := c.predict(y, squares, features)
	rows, _ := p.Dims()
	for i := range rows {
		row := p.RawRowView(i)
		for _, v := range c.values {
			some := row[:len(v)]
			for k := range some {
				some[k] = max(some[k], c.least)
			}
			floats.Scale(1/floats.Sum(some), some)
			row = row[len(v):]
		}
	}
	return p
}

// leastPlace keeps quantiles finite where sums of probabilities are 1 but for rounding.
const leastPlace = 1e-12

// place is the FormQuantile of a row of column j of x, by the probability of lesser values and that of its own.
func place(below, own float64, seed uint64, j, row int) float64 {
	w := sampling.Uniform(seed, sampling.StreamResidual, uint64(j), uint64(row))
	return distuv.UnitNormal.Quantile(min(max(below+w*own, leastPlace), 1-leastPlace))
}
