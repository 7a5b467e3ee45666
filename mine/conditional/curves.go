package conditional

import (
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// curves are functions of an index s, the prediction of a linear regression, in units of its standard
// deviation: where x = f(a.y + e), the mean of x and its spread are functions of a.y (Ichimura, Journal
// of Econometrics 58, 1993).
var curves = []func(s float64) float64{
	func(s float64) float64 { return s * s },
	func(s float64) float64 { return s * s * s },
	math.Sin, math.Cos,
	func(s float64) float64 { return math.Sin(2 * s) },
	func(s float64) float64 { return math.Cos(2 * s) },
}

// mostIndex is how far from 0 an index counts.
const mostIndex = 4

// bends are regressions of targets, each on curves of its own index: of the curves of all, there would be
// too many for few rows.
type bends struct {
	units []float64 // standard deviations of the indices
	each  []*regression
}

// newBends fits regressions of targets [n, k] on curves of indices [n, k], in blocks with the borders.
func newBends(index, targets *mat.Dense, borders []int) (*bends, error) {
	b := &bends{}
	_, k := index.Dims()
	for j := range k {
		b.units = append(b.units, stat.StdDev(mat.Col(nil, j, index), nil))
		r, err := newRegression(b.of(index, j), mat.DenseCopyOf(targets.ColView(j)), borders)
		if err != nil {
			return nil, err
		}
		b.each = append(b.each, r)
	}
	return b, nil
}

// of returns the curves of an index.
func (b *bends) of(index *mat.Dense, j int) *mat.Dense {
	n, _ := index.Dims()
	m := mat.NewDense(n, len(curves), nil)
	for i := range n {
		var s float64
		if b.units[j] > 0 {
			s = min(max(index.At(i, j)/b.units[j], -mostIndex), mostIndex)
		}
		for c, curve := range curves {
			m.Set(i, c, curve(s))
		}
	}
	return m
}

// predict returns the predictions [rows, k] for indices.
func (b *bends) predict(index *mat.Dense) *mat.Dense {
	n, k := index.Dims()
	p := mat.NewDense(n, k, nil)
	for j, r := range b.each {
		p.SetCol(j, mat.Col(nil, 0, r.predict(b.of(index, j))))
	}
	return p
}
