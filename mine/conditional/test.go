package conditional

import (
	"context"
	"errors"
	"fmt"

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/independence"
)

// A TestResult is a test of whether X and Z are independent given Y: that of U and V, the
// residuals of X and of Z.
type TestResult struct {
	independence.Result            // its Effect is I(U;V), and its p-value is approximate
	X                   []Residual `json:"residuals_x"`
	Z                   []Residual `json:"residuals_z"`
}

// From manyRows on there are mapFolds folds at least, so that regressions learn from most rows.
const manyRows, mapFolds = 300, 5

// Test tests whether X and Z are independent given Y, by the permutation test of
// independence.Test of
//
//	U = ( g(X) - m(Y) ) / s(Y),   V = ( g'(Z) - m'(Y) ) / s'(Y)
//
// If X and Z are independent given Y, then U and V are. If also one of both is independent of Y,
// as it is where its regression is right, U and V are independent: the level is kept if either
// regression is right, and where both are a little wrong, by the product of their
// errors (Shah and Peters, Annals of Statistics 48, 2020, who also show that no test without
// such a condition has power). So the test is approximate, whatever Result.Pairing. I(U;V) is at
// most I(X;Z|Y) and the defect I(U;Y): what depends on Y and vanishes on average over it is not
// seen.
//
// A column without a residual, see Residual, is tested as it is, which asks for all of the
// other side's to have one: otherwise the error wraps ErrCodes.
func Test(ctx context.Context, d Data, cfg independence.Config, opts ...mine.Option) (TestResult, error) {
	var out TestResult
	if err := cfg.Validate(); err != nil {
		return out, err
	}
	if err := d.check(); err != nil {
		return out, err
	}
	maps := cfg.Estimate
	if maps.Folds > 1 && d.X.Rows() >= manyRows {
		maps.Folds = max(maps.Folds, mapFolds)
	}
	first, err := d.folds(ctx, maps, opts)
	if err != nil {
		return out, err
	}
	if err := d.checkValues(); err != nil {
		return out, err
	}
	u, err := newResiduals(ctx, d, first.FoldRows(), cfg.Estimate.Seed)
	if err != nil {
		return out, err
	}
	v, err := newResiduals(ctx, Data{X: d.Z, Given: d.Given}, first.FoldRows(), cfg.Estimate.Seed)
	if err != nil {
		return out, fmt.Errorf("conditional: z in place of x: %w", err)
	}
	out.X, out.Z = u.report, v.report
	if a, b := u.plain(), v.plain(); a != "" && b != "" {
		return out, fmt.Errorf("conditional: column %s of x and column %s of z are codes, or numbers with many equal values, which have no residuals, so that what both share with y would be taken for dependence: leave such columns of x or of z out, or test within each value of y: %w",
			a, b, ErrCodes)
	}
	out.Result, err = independence.Test(ctx, independence.Data{X: u, Z: v, Groups: d.Groups}, cfg, opts...)
	out.Exact = false
	return out, err
}

// ErrCodes is wrapped by the error about columns on both sides that have no residuals.
var ErrCodes = errors.New("no test given y of these columns")

// folds returns an estimator of all the data, whose folds are those of everything else.
func (d Data) folds(ctx context.Context, cfg mine.Config, opts []mine.Option) (*mine.Estimator, error) {
	if d.Groups != nil {
		opts = append([]mine.Option{mine.WithGroups(d.Groups)}, opts...)
	}
	e, err := mine.NewEstimator(ctx, d.X, column.Join(d.Z, d.Given), cfg, opts...)
	if err != nil {
		return nil, err
	}
	return e, e.Close()
}

// plain returns the name of a column without a residual, "" if there is none.
func (r *residuals) plain() string {
	for _, c := range r.report {
		if !c.Used {
			return c.Name
		}
	}
	return ""
}
