package conditional

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/interp"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/preprocess"
)

// A conditionalMap takes a row of x and y to u, column by column:
//
//	u = ( g(x) - m(y) ) / s(y)
//
// g is the normal score of x or x in units of its standard deviation, whichever Y explains more of,
// m the sum of a linear regression on y, as normal scores and in units, of one of what is left on squares of the scores, of one
// then on features of the scores beside y, and of one of what is left then on curves of the linear
// prediction, and log s the sum of the last two of log |g - m|. Given y it is increasing in x.
// Scores alone would not do for y either: they bend a line, the more the further from normal y is,
// and have errors of some 3/n from the ranks of n rows.
type conditionalMap struct {
	maps     preprocess.Maps
	columns  []scores // of x; those without residuals have no knots
	given    []unit   // of the columns of y that are numbers and vary; nil if they are too many
	features features
	borders  []int // of the blocks of the rows that it is fitted to
	stages
	// Of the logarithm of what is left by all of these:
	scale      *regression
	scaleBends *bends
	width      int      // columns with residuals
	chances    *chances // of columns of few values; nil if there are none that need them
}

// scores are two increasing functions of a column: the normal scores of its ranks, and units of
// standard deviations.
type scores struct {
	interp.PiecewiseLinear
	unit
	used, flat             bool    // whether there is a residual, and whether it is of the mean
	low, high, least, most float64 // of the values and of their scores
	smooth                 bool    // whether U is made of the units, of which Y explains more
}

// A unit takes a column to standard deviations from its mean.
type unit struct {
	column          int // its number
	mean, deviation float64
}

// tail is how many standard deviations from the mean values may be for units to be used: of more
// distant ones, a few decide the regression. Later ones beyond are drawn in by a logarithm.
const tail = 5

// in is increasing too, and without the steps that ranks have by chance.
func (n unit) in(v float64) float64 {
	if n.deviation == 0 {
		return 0
	}
	u := (v - n.mean) / n.deviation
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

// newMap fits a map to some rows, of columns of the shapes.
func newMap(d Data, rows []int, shapes []shape, seed uint64) (*conditionalMap, error) {
	rows = rows[:min(len(rows), mostLearnt)]
	x, y := column.Pick(d.X, rows), column.Pick(d.Given, rows)
	m := &conditionalMap{borders: borders(len(rows), groupsOf(d.Groups, rows)), columns: make([]scores, len(shapes))}
	for j, s := range shapes {
		m.columns[j].flat = s.flat
		if m.columns[j].used = s.form == FormRegression; m.columns[j].used {
			m.width++
		}
	}
	pairs, err := preprocess.Arrange(m.mapped(x, y), y, func(p int) int { return p })
	if err != nil {
		return nil, err
	}
	if m.width > 0 {
		pairs.Call("x", "the condition y")
	} else {
		pairs.Call("the condition y", "the condition y")
	}
	if m.maps, err = pairs.Fit(preprocess.Rank, preprocess.Range{Lo: 0, Hi: len(rows)}); err != nil {
		return nil, err
	}
	for j := range m.columns {
		s := &m.columns[j]
		if !s.used {
			continue
		}
		c := m.maps.State().X.Columns[j]
		last := len(c.Value) - 1
		if last < 1 {
			return nil, fmt.Errorf("conditional: column %s of x is %w on the rows to learn from", c.Name, preprocess.ErrConstant)
		}
		if s.unit, err = newUnit(x, j); err != nil {
			return nil, err
		}
		s.low, s.high, s.least, s.most = c.Value[0], c.Value[last], c.Image[0], c.Image[last]
		if err := s.Fit(c.Value, c.Image); err != nil {
			return nil, fmt.Errorf("conditional: column %s of x: %w", c.Name, err)
		}
	}
	if err := m.fitGiven(y); err != nil {
		return nil, err
	}
	inputs, targets, err := m.read(x, y)
	if err != nil {
		return nil, err
	}
	m.features = newFeatures(inputs.scores.Cols, inputs.scores.Rows, seed)
	if m.width > 0 {
		if err := m.fit(inputs, targets); err != nil {
			return nil, err
		}
	}
	m.chances, err = newChances(shapes, x, inputs.linear(), squares(inputs.scores), m.both(inputs), m.borders)
	return m, err
}

// mapped is what is preprocessed beside y: x, or y again where no column of x has a residual, for few rows may have
// one code alone.
func (m *conditionalMap) mapped(x, y column.Source) column.Source {
	if m.width == 0 {
		return y
	}
	return x
}

// groupsOf returns the groups of some rows; nil if there are none.
func groupsOf(groups, rows []int) (some []int) {
	if groups == nil {
		return nil
	}
	for _, i := range rows {
		some = append(some, groups[i])
	}
	return some
}

// fitGiven makes the units of y.
func (m *conditionalMap) fitGiven(y column.Source) error {
	if len(y.Columns()) > mostUnits {
		return nil
	}
	for j, c := range y.Columns() {
		if c.Kind == column.Code {
			continue
		}
		u, err := newUnit(y, j)
		if err != nil {
			return err
		}
		if u.deviation > 0 {
			m.given = append(m.given, u)
		}
	}
	return nil
}

// newUnit makes the unit of a column; its deviation is 0 where that is no positive number.
func newUnit(s column.Source, j int) (unit, error) {
	values := make([]float64, s.Rows())
	err := s.Read(values, 0, len(values), j, j+1)
	u := unit{column: j}
	if u.mean, u.deviation = stat.MeanStdDev(values, nil); !(u.deviation > 0) || math.IsInf(u.deviation, 0) {
		u.deviation = 0
	}
	return u, err
}

// A condition is rows of y as the inputs of regressions.
type condition struct {
	scores backend.Matrix // normal scores, and codes
	units  *mat.Dense     // nil if there are none
}

// linear returns the scores and the units side by side.
func (c condition) linear() *mat.Dense {
	scores := linear(c.scores)
	if c.units == nil {
		return scores
	}
	var all mat.Dense
	all.Augment(scores, c.units)
	return &all
}

// readGiven returns rows of y in units.
func (m *conditionalMap) readGiven(y column.Source) (*mat.Dense, error) {
	if m.given == nil {
		return nil, nil
	}
	all, values := mat.NewDense(y.Rows(), len(m.given), nil), make([]float64, y.Rows())
	for k, u := range m.given {
		if err := y.Read(values, 0, len(values), u.column, u.column+1); err != nil {
			return nil, err
		}
		for i, v := range values {
			all.Set(i, k, u.in(v))
		}
	}
	return all, nil
}

// read returns the inputs of the regression and, of the columns with residuals, the normal scores
// and behind them the units.
func (m *conditionalMap) read(x, y column.Source) (inputs condition, targets *mat.Dense, err error) {
	if _, inputs.scores, err = m.maps.Apply(m.mapped(x, y), y); err != nil {
		return inputs, nil, err
	}
	if inputs.units, err = m.readGiven(y); err != nil {
		return inputs, nil, err
	}
	n, d := x.Rows(), len(x.Columns())
	values := make([]float64, n*d)
	if err := x.Read(values, 0, n, 0, d); err != nil {
		return inputs, nil, err
	}
	if m.width == 0 {
		return inputs, nil, nil
	}
	targets = mat.NewDense(n, 2*m.width, nil)
	for i := range n {
		row, k := targets.RawRowView(i), 0
		for j := range m.columns {
			if s := &m.columns[j]; s.used {
				row[k], row[m.width+k] = s.of(values[i*d+j]), s.in(values[i*d+j])
				k++
			}
		}
	}
	return inputs, targets, nil
}

// fit makes the regressions.
func (m *conditionalMap) fit(inputs condition, targets *mat.Dense) (err error) {
	var index *mat.Dense
	if m.stages, index, err = newStages(inputs.linear(), squares(inputs.scores), m.both(inputs), targets, m.borders); err != nil {
		return err
	}
	m.choose(inputs.scores.Rows)
	targets, index = m.chosen(targets), m.chosen(index)
	targets.Apply(func(_, _ int, r float64) float64 { return math.Log(math.Abs(r) + math.SmallestNonzeroFloat64) }, targets)
	f := m.both(inputs)
	if m.scale, err = newRegression(f, mat.DenseCopyOf(targets), m.borders); err != nil {
		return err
	}
	targets.Sub(targets, m.scale.fitted(f))
	m.scaleBends, err = newBends(index, targets, m.borders)
	return err
}

// rankError is about the variance of the errors that ranks of n rows have as normal scores, in shares
// 1/n of their variance.
const rankError = 2

// choose decides by how much of either is explained, scores without the errors of ranks.
func (m *conditionalMap) choose(n int) {
	k := 0
	for j := range m.columns {
		if s := &m.columns[j]; s.used {
			light := s.deviation > 0 && max(s.high-s.mean, s.mean-s.low) <= tail*s.deviation
			s.smooth = light && m.left(m.width+k)*(1-rankError/float64(n)) <= m.left(k)
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
func (m *conditionalMap) both(inputs condition) *mat.Dense {
	var all mat.Dense
	all.Augment(inputs.linear(), m.features.of(inputs.scores))
	return &all
}

// A prediction is what a map says of rows: g(x), m(y) and log s(y), less its mean, of the columns with residuals,
// and, of those of few values, which of them each row has, and their probabilities; nil where there are no such columns.
type prediction struct {
	rows           int
	g, mean, scale *mat.Dense
	has, chances   *mat.Dense
}

// apply predicts rows.
func (m *conditionalMap) apply(x, y column.Source) (p prediction, err error) {
	inputs, g, err := m.read(x, y)
	if err != nil {
		return p, err
	}
	p.rows = x.Rows()
	if m.chances != nil {
		if p.has, err = m.chances.indicators(x); err != nil {
			return p, err
		}
		p.chances = m.chances.of(inputs.linear(), squares(inputs.scores), m.both(inputs))
	}
	if m.width == 0 {
		return p, nil
	}
	index, mean := m.predict(inputs.linear(), squares(inputs.scores), m.both(inputs))
	p.g, p.mean, index = m.chosen(g), m.chosen(mean), m.chosen(index)
	p.scale = m.scale.predict(m.both(inputs))
	p.scale.Add(p.scale, m.scaleBends.predict(index))
	p.scale.Apply(func(_, k int, s float64) float64 {
		return min(max(s-m.scale.means[k], -mostScale), mostScale)
	}, p.scale)
	m.flatten(p)
	return p, nil
}

// flatten predicts the mean, and one scale, of the columns that have no regression.
func (m *conditionalMap) flatten(p prediction) {
	k := 0
	for _, s := range m.columns {
		if !s.used {
			continue
		}
		if s.flat {
			from := k
			if s.smooth {
				from += m.width
			}
			for i := range p.rows {
				p.mean.Set(i, k, m.linear.means[from])
				p.scale.Set(i, k, 0)
			}
		}
		k++
	}
}
