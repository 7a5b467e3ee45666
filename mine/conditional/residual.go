package conditional

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"gomine/mine"
	"gomine/mine/column"
)

const (
	// mostLearnt is the most rows that a map is fitted to: its error is far below that of
	// critics by then.
	mostLearnt = 50_000
	// rowsAtOnce is how many rows are predicted at a time.
	rowsAtOnce = 4096
	// leastDistinct is the share of rows with a value of their own from which on a column of numbers
	// has residuals. Those of a few values lie on as many curves, which tell y.
	leastDistinct = 0.5
	// mostScale is the largest logarithm of a scale, up and down from its mean: e^2 times.
	mostScale = 2
)

// Residual says how much of a column of X the columns of Y explain, on rows that the
// regression has not learnt from.
type Residual struct {
	Name string `json:"name"`
	// Used is whether U holds the residual, else the column as it is: codes, and numbers of
	// which less than half are different.
	Used      bool    `json:"used"`
	Explained float64 `json:"explained"` // share of the variance of g(x)
	Scale     float64 `json:"scale"`     // standard deviation of the logarithm of the scale s(y)
}

// residuals are the rows of U.
type residuals struct {
	column.Source // X
	columns       []column.Column
	values        [][]float64 // by column; nil for one that is as in X
	report        []Residual
	any           bool // whether there is a residual at all
}

func (r *residuals) Columns() []column.Column { return r.columns }

func (r *residuals) Read(dst []float64, lo, hi, from, to int) error {
	if err := r.Source.Read(dst, lo, hi, from, to); err != nil {
		return err
	}
	for j := from; j < to; j++ {
		for i := lo; i < hi && r.values[j] != nil; i++ {
			dst[(i-lo)*(to-from)+j-from] = r.values[j][i]
		}
	}
	return nil
}

// newResiduals makes U of the maps of all folds: test rows by the map of the rows that their fold
// learns from, rows that are in no test by that of the first fold.
func newResiduals(ctx context.Context, d Data, folds []mine.FoldRows, seed uint64) (*residuals, error) {
	n := d.X.Rows()
	r := &residuals{Source: d.X, columns: slices.Clone(d.X.Columns()), values: make([][]float64, len(d.X.Columns()))}
	used, err := varied(d.X)
	if err != nil {
		return nil, err
	}
	for j, u := range used {
		r.report = append(r.report, Residual{Name: r.columns[j].Name, Used: u})
		if u {
			r.any = true
			r.columns[j].Kind, r.values[j] = column.Real, make([]float64, n)
		}
	}
	if !r.any {
		return r, nil
	}
	rest := make([]bool, n)
	for i := range rest {
		rest[i] = true
	}
	var first *conditionalMap
	var moments moments
	for f, rows := range folds {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("conditional: regression of x on y: %w", err)
		}
		m, err := newMap(d, rows.Learn, used, seed)
		if err == nil {
			err = r.fill(d, m, rows.Test, &moments)
		}
		if err != nil {
			return nil, fmt.Errorf("conditional: regression of x on y, fold %d: %w", f+1, err)
		}
		if f == 0 {
			first = m
		}
		for _, i := range rows.Test {
			rest[i] = false
		}
	}
	moments.describe(r.report)
	var others []int
	for i, left := range rest {
		if left {
			others = append(others, i)
		}
	}
	return r, r.fill(d, first, others, nil)
}

// varied says which columns have residuals: those of numbers that are different in most of the
// rows.
func varied(x column.Source) ([]bool, error) {
	n := min(x.Rows(), mostLearnt)
	used := make([]bool, len(x.Columns()))
	values := make([]float64, n)
	for j, c := range x.Columns() {
		if c.Kind == column.Code {
			continue
		}
		if err := x.Read(values, 0, n, j, j+1); err != nil {
			return nil, err
		}
		slices.Sort(values)
		used[j] = float64(len(slices.Compact(values))) >= leastDistinct*float64(n)
	}
	return used, nil
}

// fill stores the residuals of some rows by a map, and adds to the moments if there are any.
func (r *residuals) fill(d Data, m *conditionalMap, rows []int, to *moments) error {
	for some := range slices.Chunk(rows, rowsAtOnce) {
		g, mean, scale, err := m.apply(column.Pick(d.X, some), column.Pick(d.Given, some))
		if err != nil {
			return err
		}
		for k, i := range some {
			c := 0
			for j := range r.values {
				if r.values[j] != nil {
					r.values[j][i] = (g.At(k, c) - mean.At(k, c)) / math.Exp(scale.At(k, c))
					c++
				}
			}
		}
		if to != nil {
			to.add(g, mean, scale)
		}
	}
	return nil
}

// moments are sums over rows, by column with residuals.
type moments struct {
	rows                            float64
	score, square, residual, scales []float64
}

func (s *moments) add(g, mean, scale *mat.Dense) {
	n, k := g.Dims()
	if s.score == nil {
		s.score, s.square, s.residual, s.scales = make([]float64, k), make([]float64, k), make([]float64, k), make([]float64, k)
	}
	s.rows += float64(n)
	for i := range n {
		for c := range k {
			v, r, l := g.At(i, c), g.At(i, c)-mean.At(i, c), scale.At(i, c)
			s.score[c] += v
			s.square[c] += v * v
			s.residual[c] += r * r
			s.scales[c] += l * l
		}
	}
}

// describe says how much is explained.
func (s *moments) describe(report []Residual) {
	c := 0
	for j := range report {
		if report[j].Used {
			variance := s.square[c]/s.rows - (s.score[c]/s.rows)*(s.score[c]/s.rows)
			report[j].Explained = 1 - s.residual[c]/s.rows/variance
			report[j].Scale = math.Sqrt(s.scales[c] / s.rows)
			c++
		}
	}
}
