// Package conditional estimates the conditional mutual information I(X;Z|Y), of vectors too: what
// X and Z tell about each other that Y does not tell already.
//
// # Two ways
//
// By the chain rule (Cover and Thomas, Elements of Information Theory, 2.5.2),
//
//	I(X;Z|Y) = I(X;(Z,Y)) - I(X;Y)                       difference
//	I(X;Z|Y) = I(U;V|Y) = I(U;(V,Y)) - I(U;Y)            residual
//
// where U = h(X,Y) and h(.,y) is one-to-one for every y, so that given Y, U is X in other
// units, and V is Z. Column by column,
//
//	u = ( g(x) - m(y) ) / s(y)
//
// with g the normal scores of the column, or the column in units of its standard deviation, and m
// and log s regressions on Y: linear, then of what is left on squares, products and random waves,
// and then on curves of the linear prediction. Each is a ridge regression and a forward selection
// of features, weighed by how well they predict rows that they have not learnt from, or the mean.
// If they are right, U is the rank of x given y but for a one-to-one map, and independent of Y:
// then nothing has to be taken off, and one information is estimated in place of the difference of
// two large ones. The defect I(U;Y) says how right they are. It is estimated too, and taken off:
// they need not be right for the equation to hold. A column of codes, or of numbers with many equal
// ones, is in U and V as it is.
//
// Regressions are cross-fitted: the rows of a fold have U and V by regressions on rows of the other
// folds, of which there are five at least from 300 rows on, though critics may have two. So U and V
// follow from X, Y, Z and the fold F, which is drawn independently of the data, and by data
// processing I(U;V|Y) <= I(X;Z|Y): that regressions of different folds differ makes the estimate
// smaller. Critics of a fold are trained on rows whose U and V come from regressions that have seen
// its test rows, and test rows have regressions that have seen others of them, but never x and z
// together: with k features of Y and n rows, what that tells of the test rows is k/n of what
// training on them would.
//
// All estimates are of the same folds, so that the standard error of a difference is that of the
// differences of influence values, row by row.
//
// # Which way
//
// The one of which more is left if the first term is what it is on the rows that decide when
// training stops, and the second one what it is on training rows: there it is too high, as a rule,
// where critics lack rows. The difference has to leave more by two standard errors of the first
// terms, for what is missed of a smaller second term is less. On test rows, chance would make the
// choice raise the estimate. That a second term is small is no merit by itself: of 20 columns that
// 20 others nearly determine, critics of 1,000 rows find nothing of some 20 nats, with Z and without.
//
// # No bound
//
// Both terms are lower bounds in expectation, and the difference of two lower bounds is none: what
// critics miss of the second term makes it too large, what they miss of the first too
// small. Where the second term is small, there is little to miss, and the difference nearly
// is a lower bound. Interval takes into account how far the bounds are below those on training rows, and what nearest neighbours
// and rows with the same values of Y find.
package conditional

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gomine/mine"
	"gomine/mine/column"
)

// Data are rows of x, z and y that belong together.
type Data struct {
	X, Z   column.Source
	Given  column.Source // Y
	Groups []int         // which rows belong together, as for mine.WithGroups; nil for none
	// Pasts says that X and Y are pasts of series, whose columns may be functions of each other's values here
	// and not there: such columns of X are left in then, and are no error.
	Pasts bool
}

// Way is a way to the conditional information.
type Way string

const (
	Auto       Way = "auto"       // both, and the one with more left, cautiously; in a Config alone
	Difference Way = "difference" // I(X;(Z,Y)) - I(X;Y)
	ByResidual Way = "residual"   // I(U;(V,Y)) - I(U;Y)
)

// Ways lists those that a Config may have.
func Ways() []Way { return []Way{Auto, Difference, ByResidual} }

func (w Way) String() string { return string(w) }

// Config says how to estimate. Start from DefaultConfig.
type Config struct {
	Way      Way         `json:"way"`
	Estimate mine.Config `json:"estimate"` // of each of the estimates, of which there are five
}

// DefaultConfig returns settings for data of the given number of rows: both ways, and
// estimates of mine.Normal.
func DefaultConfig(rows int) Config { return Config{Way: Auto, Estimate: mine.DefaultConfig(rows)} }

// Validate reports the first field that cannot be used, as a *mine.FieldError.
func (c Config) Validate() error {
	switch c.Way {
	case Auto, Difference, ByResidual:
		return c.Estimate.Validate()
	}
	return &mine.FieldError{Field: "way", Value: c.Way, Want: fmt.Sprintf("one of %v", Ways())}
}

// A Result is an estimate of I(X;Z|Y), with the ways to it.
type Result struct {
	Interval
	Nothing bool       `json:"nothing,omitempty"` // of the way taken, see Contrast
	Way     Way        `json:"way"`               // that Interval is of
	Ways    []Contrast `json:"ways"`              // those that were gone
	// Residuals says how U was made of each column of X; nil for the way Difference.
	Residuals []Residual     `json:"residuals,omitempty"`
	Warnings  []mine.Warning `json:"warnings,omitempty"`
	Config    Config         `json:"config"`
}

// Taken returns the contrast that the result is of.
func (r *Result) Taken() *Contrast {
	for i := range r.Ways {
		if r.Ways[i].Way == r.Way {
			return &r.Ways[i]
		}
	}
	return nil
}

// ErrDetermined is wrapped by the error about a column of X that Y determines: given Y, it has no
// information with anything.
var ErrDetermined = errors.New("determined")

// Estimate estimates I(X;Z|Y). The data are read several times and must not change meanwhile.
// The options are those of mine.Estimate, but for WithGroups and WithFoldsOf. Progress is reported
// of each estimate. When ctx is cancelled there is no result.
//
// A column of X that Y determines makes an error that wraps ErrDetermined, a Y that does not vary
// one that wraps preprocess.ErrConstant, too few rows one that wraps mine.ErrTooFewSamples. A warning
// mine.WarnDeterministic is about columns of X and Z that determine each other given Y.
func Estimate(ctx context.Context, d Data, cfg Config, opts ...mine.Option) (Result, error) {
	out := Result{Config: cfg}
	if err := cfg.Validate(); err != nil {
		return out, err
	}
	if err := d.check(); err != nil {
		return out, err
	}
	first, err := d.folds(ctx, cfg.Estimate, opts)
	if err != nil {
		return out, err
	}
	if err := d.checkValues(first.FoldRows()); err != nil {
		return out, err
	}
	infinite, err := d.infinite()
	if err != nil {
		return out, err
	}
	if cfg.Way != ByResidual {
		c, err := contrast(ctx, Difference, d.X, d.Given, []column.Source{column.Join(d.Z, d.Given)}, d.units(first), first, cfg, opts)
		if err != nil {
			return out, err
		}
		out.Ways = append(out.Ways, c)
	}
	if cfg.Way != Difference {
		if err := out.byResidual(ctx, d, first, opts); err != nil {
			return out, err
		}
	}
	out.choose()
	out.Warnings = append(infinite, out.Warnings...)
	return out, nil
}

// byResidual goes the way of residuals, where X has any.
func (r *Result) byResidual(ctx context.Context, d Data, first *mine.Estimator, opts []mine.Option) error {
	maps := first
	if cfg := regressions(r.Config.Estimate, d.X.Rows()); cfg.Folds != r.Config.Estimate.Folds {
		var err error
		if maps, err = d.folds(ctx, cfg, opts); err != nil {
			return err
		}
	}
	u, err := d.differences(ctx, maps.FoldRows(), r.Config.Estimate.Seed)
	if err != nil {
		return err
	}
	r.Residuals = u.report
	if !u.any {
		if r.Config.Way == ByResidual {
			return &mine.FieldError{Field: "way", Value: ByResidual, Want: fmt.Sprintf("%s where x has no column of numbers that are different in most rows", Difference)}
		}
		return nil
	}
	v, err := d.other().differences(ctx, maps.FoldRows(), r.Config.Estimate.Seed)
	if err != nil {
		return fmt.Errorf("conditional: residuals of z: %w", err)
	}
	c, err := contrast(ctx, ByResidual, u, d.Given, []column.Source{column.Join(v, d.Given), v}, d.units(first), first, r.Config, opts)
	if err != nil {
		return err
	}
	r.Ways = append(r.Ways, c)
	return nil
}

// units are those of rows that do not tell independently of each other, see unitsOf.
func (d Data) units(first *mine.Estimator) []int { return unitsOf(first.FoldRows(), d.X.Rows()) }

// other is Z in place of X.
func (d Data) other() Data { return Data{X: d.Z, Given: d.Given, Groups: d.Groups} }

// differences makes U with columns of few values as they are.
func (d Data) differences(ctx context.Context, folds []mine.FoldRows, seed uint64) (*residuals, error) {
	shapes, err := shapesOf(d.X)
	if err != nil {
		return nil, err
	}
	return newResiduals(ctx, d, folds, withoutClasses(shapes), seed)
}

// doubt is by how many standard errors of the first terms, of so many rows as decide when training
// stops, the difference has to leave more than residuals do.
const doubt = 2

// choose takes the way of residuals where it was gone, or the difference if it leaves more, see
// the package, and nothing of the condition is unseen by its critics.
func (r *Result) choose() {
	c := r.Ways[0]
	if len(r.Ways) == 2 {
		residual, rows := r.Ways[1], c.With.Rows
		stdErr := math.Hypot(c.With.StdErr, residual.With.StdErr) * math.Sqrt(float64(rows.Test)/float64(rows.Validation))
		if c.Unseen || c.Validation-residual.Validation < doubt*stdErr {
			c = residual
		}
	}
	r.Way, r.Interval, r.Nothing = c.Way, c.Interval, c.Nothing
	r.Warnings = r.warnings()
}

// Codes of warnings.
const (
	WarnDefect   mine.WarningCode = "defect"   // what is taken off is not small
	WarnDisagree mine.WarningCode = "disagree" // the two ways give different numbers
	// WarnExplained says that Y explains nearly all of a column, of which errors of the regression
	// are a large part then.
	WarnExplained mine.WarningCode = "explained"
)

// mostExplained is the share of the variance of a column from which on a warning says so.
const mostExplained = 0.99

// deviations is how many standard errors two ways may be apart.
const deviations = 3

// warnings judges a result.
func (r *Result) warnings() (out []mine.Warning) {
	c := r.Taken()
	if off := c.Without.Estimate; off > max(deviations*c.Without.StdErr, r.Estimate/2) {
		out = append(out, mine.Warning{Code: WarnDefect, Message: fmt.Sprintf(
			"%.3f nats are taken off, of which the critics may have missed a part: then the estimate is too high; more rows help", off)})
	}
	out = append(out, c.missed()...)
	if c.Way == ByResidual {
		for _, column := range r.Residuals {
			if column.Used && column.Explained > mostExplained {
				out = append(out, mine.Warning{Code: WarnExplained, Message: fmt.Sprintf(
					"the condition explains %.2f%% of the variance of column %s: of what is left, errors of the regression are a large part, so that the estimate may be far too low; give what it differs by from the condition in its place, such as a duration for the end", 100*column.Explained, column.Name)})
			}
		}
	}
	if len(r.Ways) == 2 {
		a, b := r.Ways[0].Interval, r.Ways[1].Interval
		if apart := math.Abs(a.Estimate - b.Estimate); apart > deviations*math.Hypot(a.StdErr, b.StdErr) {
			out = append(out, mine.Warning{Code: WarnDisagree, Message: fmt.Sprintf(
				"the two ways differ by %.3f nats, more than their standard errors account for: critics miss a part in one of them; more rows help", apart)})
		}
	}
	return out
}
