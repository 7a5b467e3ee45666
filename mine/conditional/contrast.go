package conditional

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"gomine/mine"
	"gomine/mine/column"
)

// A Contrast is one way to the conditional information: With less Without, of the same rows.
type Contrast struct {
	Way Way `json:"way"`
	Interval
	With    mine.Result `json:"with"`    // I(X;(Z,Y)), or I(U;(V,Y))
	Without mine.Result `json:"without"` // I(X;Y), or the defect I(U;Y)
	// Narrow says that With is I(U;V), which is at most I(U;(V,Y)): of few rows, critics find more
	// where there are fewer columns. The rows that decide when training stops decide that too.
	Narrow bool `json:"narrow,omitempty"`
	// Validation is With on those rows less Without on training rows, or by nearest neighbours or values if these
	// find more of it; the ways are compared by it.
	Validation float64 `json:"validation"`
	// ByValues is what rows with the same value of Y tell of X, or of U, at least, where values of Y have several rows. Critics
	// miss it where codes share an input.
	ByValues float64 `json:"by_values,omitempty"`
	// Unseen says that nothing could be learnt from values of a column of Y: then Without may be far too low.
	Unseen bool `json:"unseen,omitempty"`
	// Nothing says that critics found nothing in either term, see FoundNothing. That is no evidence of there being nothing: then
	// the standard error and the limits say nothing.
	Nothing bool `json:"nothing,omitempty"`
}

// FoundNothing is whether no critic of an estimate is better than none, or than one of chance: a correlation of none in n rows
// has a square of 1/n on average, and tells 1/(2n) of these rows. An estimate and a standard error below 1/n are of a critic
// that is nearly constant; the error is that of folds which know nothing of each other.
func FoundNothing(r mine.Result) bool {
	if slices.ContainsFunc(r.Warnings, func(w mine.Warning) bool { return w.Code == mine.WarnNothing }) {
		return true
	}
	var rows, squares float64
	for _, f := range r.Folds {
		n := float64(f.Rows)
		rows, squares = rows+n, squares+n*n*f.StdErr*f.StdErr
	}
	return rows > 0 && max(math.Abs(r.Estimate), math.Sqrt(squares)/rows) < 1/rows
}

// contrast estimates the information of x with each of withs, of which the first one is z and y, and a
// second one z alone, and with y, on the folds of another estimate.
func contrast(ctx context.Context, way Way, x, y column.Source, withs []column.Source, units []int, first *mine.Estimator, cfg Config, opts []mine.Option) (Contrast, error) {
	c := Contrast{Way: way}
	var with examined
	for k, z := range withs {
		name := "z or the condition y"
		if k > 0 {
			name = "z"
		}
		e, err := examine(ctx, x, z, name, cfg.Estimate, first, opts)
		if err != nil {
			return c, fmt.Errorf("conditional: %s, with z: %w", way, err)
		}
		if k == 0 || e.validation() > with.validation() {
			with, c.Narrow = e, k > 0
		}
	}
	without, err := examine(ctx, x, y, "the condition y", cfg.Estimate, first, opts)
	if err != nil {
		return c, fmt.Errorf("conditional: %s, of y alone: %w", way, err)
	}
	if !slices.EqualFunc(with.tested, without.tested, func(a, b mine.Tested) bool { return slices.Equal(a.Rows, b.Rows) }) {
		return c, fmt.Errorf("conditional: critics of z and y are there in %d folds, those of y alone in %d, not all of them the same, so that they cannot be compared: lower the learning rate, or take fewer folds: %w",
			len(with.tested), len(without.tested), mine.ErrDiverged)
	}
	if c.ByValues, err = byValues(x, y, units); err != nil {
		return c, err
	}
	c.With, c.Without, c.Unseen = with.result, without.result, unseen(without.result)
	c.Nothing = FoundNothing(c.With) && FoundNothing(c.Without)
	without.values = c.ByValues
	c.Validation = with.validation() - max(0, without.atLeast())
	c.Interval = interval(with, without)
	if c.Unseen {
		seen, err := answered(x, y)
		if err != nil {
			return c, err
		}
		if way == Difference || !seen {
			c.Low = min(c.Low, 0)
		}
	}
	return c, nil
}

// atLeast is what is known of an information beside its bound, too high by chance as a rule: what
// critics find on training rows, or nearest neighbours, or values of Y.
func (e examined) atLeast() float64 {
	if e.result.Neighbours == nil {
		return max(e.result.Training, e.values)
	}
	return max(e.result.Training, e.result.Neighbours.Estimate, e.values)
}

// An examined is an estimate with what it says of each row.
type examined struct {
	result mine.Result
	tested []mine.Tested
	values float64 // see byValues, of Without
}

// validation is the bound on the rows that decide when training stops.
func (e examined) validation() float64 {
	var sum, rows float64
	for _, t := range e.tested {
		n := float64(len(t.Rows))
		sum, rows = sum+n*t.Validation, rows+n
	}
	return sum / rows
}

// examine estimates the information of x with a source, of which messages tell by its name.
func examine(ctx context.Context, x, z column.Source, name string, cfg mine.Config, first *mine.Estimator, opts []mine.Option) (out examined, err error) {
	e, err := mine.NewEstimator(ctx, x, z, cfg, append(opts[:len(opts):len(opts)], mine.WithFoldsOf(first), mine.WithNames("x", name))...)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	if err := e.Fit(ctx); err != nil {
		return out, err
	}
	if out.result, err = e.Result(ctx); err != nil {
		return out, err
	}
	out.tested, err = e.Tested()
	return out, err
}

// An Interval is an estimate of I(X;Z|Y) in nats, and how far off it may be.
type Interval struct {
	Estimate float64 `json:"estimate"`
	// StdErr is that of the difference: of the influence values of both bounds, paired by rows.
	StdErr float64 `json:"std_err"`
	// Low and High are Estimate and, on either side, its standard error times the normal
	// quantile of the confidence, and what the bound on that side may lack: below, what critics find
	// on training rows, or nearest neighbours or values of Y if they find more, less Estimate of Without; above,
	// that of With. Low is not above 0 where nothing could be learnt from values of Y, but for that of residuals
	// of numbers where these values have several rows. Information is not negative, and High is at least 0; Estimate and Low may be
	// below it by chance, and by what critics miss of With.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// interval is the difference of two estimates on the same folds. Information is not negative:
// where the second one is, nothing is taken off, and its rows add no error.
func interval(with, without examined) Interval {
	off := max(0, without.result.Estimate)
	second := without.tested
	if off == 0 {
		second = nil
	}
	i := Interval{Estimate: with.result.Estimate - off}
	var freedom int
	i.StdErr, freedom = mine.PairedStdErr(with.tested, second)
	quantile := distuv.UnitNormal.Quantile
	if freedom > 0 {
		quantile = distuv.StudentsT{Sigma: 1, Nu: float64(freedom)}.Quantile
	}
	reach := quantile((1+with.result.Config.Confidence)/2) * i.StdErr
	i.Low = i.Estimate - reach - max(0, without.atLeast()-off)
	i.High = max(0, i.Estimate+reach+max(0, with.atLeast()-with.result.Estimate))
	return i
}
