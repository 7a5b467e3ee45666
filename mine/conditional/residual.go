package conditional

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/floats"
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
	// mostScale is the largest logarithm of a scale, up and down from its mean: e^2 times.
	mostScale = 2
)

// Residual says how much of a column of X the columns of Y explain, on rows that the
// regression has not learnt from.
type Residual struct {
	Name string `json:"name"`
	// Used is whether U holds something else than the column as it is, and Form what.
	Used bool `json:"used"`
	Form Form `json:"form,omitempty"`
	// Explained is the share of the variance of g(x), or of the sum of those of the indicators of the values of a column of few; of all of
	// Y that is held, by the means of the other rows of the stratum, but for the errors of so few.
	Explained float64 `json:"explained"`
	Scale     float64 `json:"scale"` // standard deviation of the logarithm of the scale s(y)
}

// residuals are the rows of U. They have several columns for one of X whose form is FormChances.
type residuals struct {
	column.Source // X
	shapes        []shape
	columns       []column.Column
	from          []int       // the column of X that each is made of
	values        [][]float64 // by column; nil for one that is as in X
	report        []Residual
	any           bool // whether there is a residual at all
}

func (r *residuals) Columns() []column.Column { return r.columns }

func (r *residuals) Read(dst []float64, lo, hi, from, to int) error {
	rows := make([]float64, hi-lo)
	for k := from; k < to; k++ {
		values := r.values[k]
		if values == nil {
			if err := r.Source.Read(rows, lo, hi, r.from[k], r.from[k]+1); err != nil {
				return err
			}
		} else {
			copy(rows, values[lo:hi])
		}
		for i, v := range rows {
			dst[i*(to-from)+k-from] = v
		}
	}
	return nil
}

// leastWorse is by which share of its variance a regression has to err more than the mean for the mean to take its place: of
// few rows, what is no use costs some hundredths.
const leastWorse = 0.05

// newResiduals makes U of the maps of all folds: test rows by the map of the rows that their fold
// learns from, rows that are in no test by that of the first fold. Columns whose regression is worse than the mean on the test
// rows have the mean.
func newResiduals(ctx context.Context, d Data, folds []mine.FoldRows, shapes []shape, seed uint64) (*residuals, error) {
	r := &residuals{Source: d.X, shapes: slices.Clone(shapes)}
	for j, s := range shapes {
		r.add(j, s)
	}
	if !r.any {
		return r, nil
	}
	if err := r.fit(ctx, d, folds, seed); err != nil {
		return nil, err
	}
	worse := false
	for j := range r.shapes {
		if s := &r.shapes[j]; s.form == FormRegression && r.report[j].Explained < -leastWorse {
			s.flat, worse = true, true
		}
	}
	if !worse {
		return r, nil
	}
	return r, r.fit(ctx, d, folds, seed)
}

// fit stores the residuals of all rows.
func (r *residuals) fit(ctx context.Context, d Data, folds []mine.FoldRows, seed uint64) error {
	rest := slices.Repeat([]bool{true}, d.X.Rows())
	var first *conditionalMap
	var moments moments
	for f, rows := range folds {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("conditional: regression of x on y: %w", err)
		}
		m, err := newMap(d, rows.Learn, r.shapes, seed)
		if err == nil {
			err = r.fill(d, m, rows.Test, seed, &moments)
		}
		if err != nil {
			return fmt.Errorf("conditional: regression of x on y, fold %d: %w", f+1, err)
		}
		if f == 0 {
			first = m
		}
		for _, i := range rows.Test {
			rest[i] = false
		}
	}
	moments.describe(r.report, r.shapes)
	var others []int
	for i, left := range rest {
		if left {
			others = append(others, i)
		}
	}
	return r.fill(d, first, others, seed, nil)
}

// add makes room for what U has of column j of X.
func (r *residuals) add(j int, s shape) {
	c := r.Source.Columns()[j]
	r.report = append(r.report, Residual{Name: c.Name, Used: s.form != FormAsIs, Form: s.form})
	if s.form == FormAsIs {
		r.columns, r.from, r.values = append(r.columns, c), append(r.from, j), append(r.values, nil)
		return
	}
	r.any = true
	for k := range s.columns() {
		u := column.Column{Name: c.Name, Kind: column.Real}
		if s.columns() > 1 {
			u.Name += " is " + valueName(c, s.values[k])
		}
		r.columns, r.from, r.values = append(r.columns, u), append(r.from, j), append(r.values, make([]float64, r.Rows()))
	}
}

// valueName is how a value of a column is written.
func valueName(c column.Column, v float64) string {
	if c.Kind == column.Code && int(v) < len(c.Labels) {
		return c.Labels[int(v)]
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// fill stores the residuals of some rows by a map, and adds to the moments if there are any.
func (r *residuals) fill(d Data, m *conditionalMap, rows []int, seed uint64, to *moments) error {
	for some := range slices.Chunk(rows, rowsAtOnce) {
		x := column.Pick(d.X, some)
		p, err := m.apply(x, column.Pick(d.Given, some))
		if err != nil {
			return err
		}
		r.store(p, some, seed)
		if to != nil {
			to.add(p)
		}
	}
	return nil
}

// store stores the residuals of some rows.
func (r *residuals) store(p prediction, rows []int, seed uint64) {
	u, numbers, classes := 0, 0, 0 // columns of U, of g, and of the indicators
	for j, s := range r.shapes {
		switch s.form {
		case FormAsIs:
			u++
		case FormRegression:
			for k, i := range rows {
				r.values[u][i] = (p.g.At(k, numbers) - p.mean.At(k, numbers)) / math.Exp(p.scale.At(k, numbers))
			}
			u, numbers = u+1, numbers+1
		case FormChances:
			for v := range s.columns() {
				for k, i := range rows {
					r.values[u][i] = p.has.At(k, classes+v) - p.chances.At(k, classes+v)
				}
				u++
			}
		case FormQuantile:
			for k, i := range rows {
				chances := p.chances.RawRowView(k)[classes:][:len(s.values)]
				own := slices.Index(p.has.RawRowView(k)[classes:][:len(s.values)], 1)
				r.values[u][i] = place(floats.Sum(chances[:own]), chances[own], seed, j, i)
			}
			u++
		}
		classes += s.classes()
	}
}

// moments are sums over rows: by column of g, and by indicator.
type moments struct {
	rows                            float64
	score, square, residual, scales []float64
	count, missed                   []float64
}

func (s *moments) add(p prediction) {
	s.rows += float64(p.rows)
	if p.g != nil {
		s.score = plus(s.score, p.g, func(_, _ int, v float64) float64 { return v })
		s.square = plus(s.square, p.g, func(_, _ int, v float64) float64 { return v * v })
		s.residual = plus(s.residual, p.g, func(i, c int, v float64) float64 { return (v - p.mean.At(i, c)) * (v - p.mean.At(i, c)) })
		s.scales = plus(s.scales, p.scale, func(_, _ int, v float64) float64 { return v * v })
	}
	if p.has != nil {
		s.count = plus(s.count, p.has, func(_, _ int, v float64) float64 { return v })
		s.missed = plus(s.missed, p.has, func(i, c int, v float64) float64 { return (v - p.chances.At(i, c)) * (v - p.chances.At(i, c)) })
	}
}

// plus adds a term of each value of a matrix to the sums of its columns; nil is 0.
func plus(sums []float64, m *mat.Dense, term func(i, c int, v float64) float64) []float64 {
	n, k := m.Dims()
	if sums == nil {
		sums = make([]float64, k)
	}
	for i := range n {
		for c, v := range m.RawRowView(i) {
			sums[c] += term(i, c, v)
		}
	}
	return sums
}

// describe says how much is explained.
func (s *moments) describe(report []Residual, shapes []shape) {
	c, from := 0, 0
	for j, shape := range shapes {
		switch shape.form {
		case FormAsIs:
		case FormRegression:
			variance := s.square[c]/s.rows - (s.score[c]/s.rows)*(s.score[c]/s.rows)
			report[j].Explained = 1 - s.residual[c]/s.rows/variance
			report[j].Scale = math.Sqrt(s.scales[c] / s.rows)
			c++
		default:
			var missed, variance float64
			for k := from; k < from+len(shape.values); k++ {
				missed += s.missed[k] / s.rows
				variance += s.count[k] / s.rows * (1 - s.count[k]/s.rows)
			}
			if variance > 0 { // not if the tested rows have one value
				report[j].Explained = 1 - missed/variance
			}
			from += len(shape.values)
		}
	}
}
