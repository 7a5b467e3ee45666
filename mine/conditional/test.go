package conditional

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/independence"
)

// A TestResult is a test of whether X and Z are independent given Y: that of U and V, what is left of X and of Z, see
// Form. Its Doubts say, beside those of package independence, that nearest neighbours find that
// Y tells of U and of V, or that U goes with V of other rows of like Y: then what X and Z both share with Y may have been
// taken for dependence. Or that groups of rows vary together.
type TestResult struct {
	independence.Result            // its Effect is I(U;V), and its p-value is approximate but where all of Y is held
	X                   []Residual `json:"residuals_x"`
	Z                   []Residual `json:"residuals_z"`
	Held                *Held      `json:"held,omitempty"` // nil where no column of Y is
}

// WarnShared says that Y tells of both residuals.
const WarnShared mine.WarningCode = "shared"

// From manyRows on there are mapFolds folds of regressions at least, so that they learn from most
// rows where critics of two folds learn from half of them.
const manyRows, mapFolds = 300, 5

// regressions returns the settings of the folds of regressions.
func regressions(cfg mine.Config, rows int) mine.Config {
	if cfg.Folds > 1 && rows >= manyRows {
		cfg.Folds = max(cfg.Folds, mapFolds)
	}
	return cfg
}

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
// A column of few values has its probabilities given Y taken off, or a randomised quantile residual, see Form: the latter on one side
// where both have such columns, as a permutation asks one side for a law that is one whatever Y, while of the other a mean that
// is keeps what errs to a product. A column that is tested as it is asks for that of the other side, else the error wraps ErrCodes.
//
// Columns of Y of few values may be held, see Held. If all are, the test is exact.
func Test(ctx context.Context, d Data, cfg independence.Config, opts ...mine.Option) (TestResult, error) {
	var out TestResult
	if err := cfg.Validate(); err != nil {
		return out, err
	}
	if err := d.check(); err != nil {
		return out, err
	}
	maps, err := d.folds(ctx, regressions(cfg.Estimate, d.X.Rows()), opts)
	if err != nil {
		return out, err
	}
	if err := d.checkValues(maps.FoldRows()); err != nil {
		return out, err
	}
	if err := independence.CheckCopies(maps.Split(), d.X.Rows()); err != nil {
		return out, err
	}
	u, v, held, err := d.left(ctx, maps, cfg.Estimate)
	if err != nil {
		return out, err
	}
	out.X, out.Z, out.Held = u.report, v.report, held
	test := independence.Data{X: u, Z: v, Groups: d.Groups}
	if held != nil {
		test.Strata = held.strata
	}
	if out.Result, err = independence.Test(ctx, test, cfg, opts...); err != nil {
		if held != nil && errors.Is(err, mine.ErrTooFewSamples) {
			err = fmt.Errorf("%w; strata are of equal values of %s: leave some of these columns of y out, or join values that are alike", err, strings.Join(held.Columns, ", "))
		}
		return out, err
	}
	if held != nil && held.All {
		return out, nil // of a series that is split at random, Result.Doubts say so
	}
	out.Exact = false
	shared, err := doubts(ctx, u, v, d.Given, cfg.Estimate.Seed)
	if err != nil {
		return out, err
	}
	if shared == nil {
		if shared, err = throughY(u, v, d.Given, held, unitsOf(maps.FoldRows(), d.X.Rows()), cfg.Estimate.Seed); err != nil {
			return out, err
		}
	}
	together, err := varyTogether(u, v, d.Groups)
	out.Doubts = slices.Concat(out.Doubts, shared, together)
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

// left makes U and V, the law of one of which is one whatever y, but for columns of y that are held.
func (d Data) left(ctx context.Context, maps *mine.Estimator, cfg mine.Config) (u, v *residuals, held *Held, err error) {
	x, err := shapesOf(d.X)
	if err != nil {
		return nil, nil, nil, err
	}
	z, err := shapesOf(d.Z)
	if err != nil {
		return nil, nil, nil, err
	}
	if held, err = d.hold(maps.Split().Kind, x, z); err != nil {
		return nil, nil, nil, err
	}
	if held != nil {
		if u, v, err = d.given(ctx, maps.FoldRows(), held, slices.Clone(x), slices.Clone(z), cfg.Seed); err != nil {
			return nil, nil, nil, err
		}
		// A series may show only where what Y explains is taken off: its rows are not exchanged.
		if split, err := mine.FindSplit(u, v, cfg, nil); err != nil || split.Kind != mine.SplitBlocks {
			return u, v, held, err
		}
	}
	u, v, err = d.given(ctx, maps.FoldRows(), nil, x, z, cfg.Seed)
	return u, v, nil, err
}

// given makes U and V of columns of the shapes, which it changes.
func (d Data) given(ctx context.Context, folds []mine.FoldRows, held *Held, x, z []shape, seed uint64) (u, v *residuals, err error) {
	if held != nil && held.All {
		return held.uncover(d, x, z, seed)
	}
	if !facing(x, z) {
		return nil, nil, fmt.Errorf("conditional: column %s of x and column %s of z are more than %d codes, or numbers with many equal values, which have no residuals, so that what both share with y would be taken for dependence: leave such columns of x or of z out, or test within each value of y: %w",
			nameOf(d.X, x), nameOf(d.Z, z), mostClasses, ErrCodes)
	}
	if held != nil {
		if d.Given, err = held.coded(d.Given); err != nil {
			return nil, nil, err
		}
	}
	if u, err = newResiduals(ctx, d, folds, x, seed); err != nil {
		return nil, nil, err
	}
	if v, err = newResiduals(ctx, d.other(), folds, z, seed); err != nil {
		return nil, nil, fmt.Errorf("conditional: z in place of x: %w", err)
	}
	return u, v, nil
}

// nameOf returns the name of the first column without a residual.
func nameOf(x column.Source, shapes []shape) string {
	return x.Columns()[slices.IndexFunc(shapes, shape.plain)].Name
}
