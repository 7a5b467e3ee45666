package conditional

import (
	"slices"

	"gomine/mine/column"
)

// A Form is what U has in place of a column of X.
type Form string

const (
	// FormAsIs is the column itself: that of many codes, or of numbers many of which are equal, but not so few different ones that
	// they can be taken for codes; and one of one value.
	FormAsIs Form = ""
	// FormRegression is what a regression leaves of a column of numbers that are different in most rows.
	FormRegression Form = "regression"
	// FormChances is, of a column of few values, for each value whether the row has it, 1 or 0, less its probability given Y. Its mean
	// is 0 whatever Y, but not its law.
	FormChances Form = "chances"
	// FormQuantile is, of a column of few values, and of any one where all of Y is held, see Held, the normal quantile of
	//
	//	F(v-|y) + W p(v|y)
	//
	// where F(v-|y) is the probability of a lesser value, p(v|y) that of the row's, and W a uniform draw: a
	// randomised quantile residual (Dunn and Smyth, Journal of Computational and Graphical Statistics 5, 1996), which has one
	// law whatever Y if the probabilities are right.
	FormQuantile Form = "quantile"
	// FormCentred is, where all of Y is held, on the side that is not FormQuantile, normal scores of numbers, or 1 or 0 for each
	// of few values, less their mean in the rows with the same Y. F and p are shares of these rows then.
	FormCentred Form = "centred"
)

const (
	// leastDistinct is the share of rows with a value of their own from which on a column of numbers
	// has residuals of a regression. Those of a few values lie on as many curves, which tell y.
	leastDistinct = 0.5
	// mostClasses is the most values of a column that have probabilities each.
	mostClasses = 20
)

// A shape is the form of a column, and its values in ascending order where they are few.
type shape struct {
	form   Form
	values []float64
	flat   bool // whether the mean stands for the regression
}

// classes is how many values have probabilities.
func (s shape) classes() int {
	if s.form == FormChances || s.form == FormQuantile {
		return len(s.values)
	}
	return 0
}

// plain is whether the column stands for itself, and says something.
func (s shape) plain() bool { return s.form == FormAsIs && len(s.values) != 1 }

// columns is how many columns of U there are for it: of two values, one for both, which are the same but for the sign.
func (s shape) columns() int {
	if s.form != FormQuantile && len(s.values) > 2 {
		return len(s.values)
	}
	return 1
}

// shapesOf returns FormRegression for columns of numbers that are different in most of the rows, FormChances for those of
// few values, and else FormAsIs.
func shapesOf(x column.Source) ([]shape, error) {
	n := x.Rows()
	all := make([]shape, len(x.Columns()))
	values := make([]float64, n)
	for j, c := range x.Columns() {
		if err := x.Read(values, 0, n, j, j+1); err != nil {
			return nil, err
		}
		first := slices.Clone(values[:min(n, mostLearnt)])
		slices.Sort(first)
		if c.Kind != column.Code && float64(len(slices.Compact(first))) >= leastDistinct*float64(min(n, mostLearnt)) {
			all[j].form = FormRegression
			continue
		}
		slices.Sort(values)
		switch distinct := slices.Compact(values); {
		case len(distinct) == 1:
			all[j].values = slices.Clone(distinct)
		case len(distinct) <= mostClasses:
			all[j] = shape{form: FormChances, values: slices.Clone(distinct)}
		}
	}
	return all, nil
}

// withoutClasses leaves columns of few values as they are.
func withoutClasses(all []shape) []shape {
	all = slices.Clone(all)
	for j := range all {
		if all[j].form != FormRegression {
			all[j] = shape{}
		}
	}
	return all
}

// classed is whether the column is of few values, or of many codes.
func (s shape) classed() bool { return s.form == FormChances || s.plain() }

// facing gives one side a law that is one whatever Y, the one with fewer columns of few values, u of two alike: these become
// FormQuantile, and tell less of a dependence that varies with Y than FormChances do. It reports whether a side can have one.
func facing(u, v []shape) bool {
	classes := func(all []shape) (n int) {
		for _, s := range all {
			if s.form == FormChances {
				n++
			}
		}
		return n
	}
	var side []shape
	for _, s := range [][]shape{u, v} {
		if !slices.ContainsFunc(s, shape.plain) && (side == nil || classes(s) < classes(side)) {
			side = s
		}
	}
	for j := range side {
		if side[j].form == FormChances {
			side[j].form = FormQuantile
		}
	}
	return side != nil
}
