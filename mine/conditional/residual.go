package conditional

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/interp"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/preprocess"
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

// A conditionalMap takes a row of x and y to u, column by column:
//
//	u = ( g(x) - m(y) ) / s(y)
//
// g is the normal score of x or x in units of its standard deviation, whichever Y explains more
// of, m the sum of a linear regression on normal scores of y and of one
// of what is left on features of theirs, and log s the regression of log |g - m| on both. Given y
// it is increasing in x.
type conditionalMap struct {
	maps     preprocess.Maps
	columns  []scores // of x; those without residuals have no knots
	features features
	linear   *ridge
	rest     *ridge
	scale    *ridge
	width    int // columns with residuals
}

// scores are two increasing functions of a column: the normal scores of its ranks, and units of
// standard deviations.
type scores struct {
	interp.PiecewiseLinear
	used                   bool
	low, high, least, most float64 // of the values and of their scores
	mean, unit             float64
	smooth                 bool // whether U is made of the units, of which Y explains more
}

// tail is how many standard deviations from the mean values may be for units to be used: of more
// distant ones, a few decide the regression. Later ones beyond are drawn in by a logarithm.
const tail = 5

// units is increasing too, and without the steps that ranks have by chance.
func (s *scores) units(v float64) float64 {
	u := (v - s.mean) / s.unit
	if beyond := math.Abs(u) - tail; beyond > 0 {
		return math.Copysign(tail+math.Log1p(beyond), u)
	}
	return u
}

// of is increasing beyond the values that it was fitted to, too.
func (s *scores) of(v float64) float64 {
	switch spread := s.high - s.low; {
	case v > s.high:
		return s.most + math.Log1p((v-s.high)/spread)
	case v < s.low:
		return s.least - math.Log1p((s.low-v)/spread)
	}
	return s.Predict(v)
}

// newMap fits a map to some rows, of the columns that used says.
func newMap(d Data, rows []int, used []bool, seed uint64) (*conditionalMap, error) {
	rows = rows[:min(len(rows), mostLearnt)]
	x, y := column.Pick(d.X, rows), column.Pick(d.Given, rows)
	pairs, err := preprocess.Arrange(x, y, func(p int) int { return p })
	if err != nil {
		return nil, err
	}
	m := &conditionalMap{}
	if m.maps, err = pairs.Fit(preprocess.Rank, preprocess.Range{Lo: 0, Hi: len(rows)}); err != nil {
		return nil, err
	}
	for j, c := range m.maps.State().X.Columns {
		s := scores{used: used[j]}
		if used[j] {
			last := len(c.Value) - 1
			if last < 1 {
				return nil, fmt.Errorf("conditional: column %s of x is %w on the rows to learn from", c.Name, preprocess.ErrConstant)
			}
			m.width++
			values := make([]float64, len(rows))
			if err := x.Read(values, 0, len(rows), j, j+1); err != nil {
				return nil, err
			}
			s.mean, s.unit = stat.MeanStdDev(values, nil)
			s.low, s.high, s.least, s.most = c.Value[0], c.Value[last], c.Image[0], c.Image[last]
			if err := s.Fit(c.Value, c.Image); err != nil {
				return nil, fmt.Errorf("conditional: column %s of x: %w", c.Name, err)
			}
		}
		m.columns = append(m.columns, s)
	}
	inputs, targets, err := m.read(x, y)
	if err != nil {
		return nil, err
	}
	return m, m.fit(inputs, targets, seed)
}

// read returns the inputs of the regression and, of the columns with residuals, the normal scores
// and behind them the units.
func (m *conditionalMap) read(x, y column.Source) (inputs backend.Matrix, targets *mat.Dense, err error) {
	if _, inputs, err = m.maps.Apply(x, y); err != nil {
		return inputs, nil, err
	}
	n, d := x.Rows(), len(x.Columns())
	values := make([]float64, n*d)
	if err := x.Read(values, 0, n, 0, d); err != nil {
		return inputs, nil, err
	}
	targets = mat.NewDense(n, 2*m.width, nil)
	for i := range n {
		row, k := targets.RawRowView(i), 0
		for j := range m.columns {
			if s := &m.columns[j]; s.used {
				row[k], row[m.width+k] = s.of(values[i*d+j]), s.units(values[i*d+j])
				k++
			}
		}
	}
	return inputs, targets, nil
}

// fit makes the three regressions.
func (m *conditionalMap) fit(inputs backend.Matrix, targets *mat.Dense, seed uint64) (err error) {
	if m.linear, err = newRidge(linear(inputs), mat.DenseCopyOf(targets)); err != nil {
		return err
	}
	index := m.linear.predict(linear(inputs))
	m.features = newFeatures(inputs.Cols, inputs.Rows, index, seed)
	targets.Sub(targets, index)
	if m.rest, err = newRidge(m.features.of(inputs, index), mat.DenseCopyOf(targets)); err != nil {
		return err
	}
	targets.Sub(targets, m.rest.predict(m.features.of(inputs, index)))
	m.choose()
	targets = m.chosen(targets)
	targets.Apply(func(_, _ int, r float64) float64 { return math.Log(math.Abs(r) + math.SmallestNonzeroFloat64) }, targets)
	m.scale, err = newRidge(m.both(inputs, index), targets)
	return err
}

// choose decides by how much of either is explained.
func (m *conditionalMap) choose() {
	k := 0
	for j := range m.columns {
		if s := &m.columns[j]; s.used {
			left := func(k int) float64 { return (1 - m.linear.explained[k]) * (1 - m.rest.explained[k]) }
			light := max(s.high-s.mean, s.mean-s.low) <= tail*s.unit
			s.smooth = light && left(m.width+k) <= left(k)
			k++
		}
	}
}

// chosen returns the columns of the functions that U is made of.
func (m *conditionalMap) chosen(all *mat.Dense) *mat.Dense {
	n, _ := all.Dims()
	some, k := mat.NewDense(n, m.width, nil), 0
	for _, s := range m.columns {
		if !s.used {
			continue
		}
		from := k
		if s.smooth {
			from += m.width
		}
		some.SetCol(k, mat.Col(nil, from, all))
		k++
	}
	return some
}

// both returns the inputs and their features side by side.
func (m *conditionalMap) both(inputs backend.Matrix, index *mat.Dense) *mat.Dense {
	var all mat.Dense
	all.Augment(linear(inputs), m.features.of(inputs, index))
	return &all
}

// apply returns g(x), m(y) and log s(y), less its mean, of the columns with residuals.
func (m *conditionalMap) apply(x, y column.Source) (g, mean, scale *mat.Dense, err error) {
	inputs, g, err := m.read(x, y)
	if err != nil {
		return nil, nil, nil, err
	}
	index := m.linear.predict(linear(inputs))
	scale = m.scale.predict(m.both(inputs, index))
	mean = m.rest.predict(m.features.of(inputs, index))
	mean.Add(mean, index)
	g, mean = m.chosen(g), m.chosen(mean)
	scale.Apply(func(_, k int, s float64) float64 { return min(max(s-m.scale.means[k], -mostScale), mostScale) }, scale)
	return g, mean, scale, nil
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
