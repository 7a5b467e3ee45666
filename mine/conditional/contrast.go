package conditional

import (
	"context"
	"errors"
	"fmt"
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
	// Validation is With on those rows less Without on training rows, or by nearest neighbours if these
	// find more of it; the ways are compared by it.
	Validation float64 `json:"validation"`
}

// contrast estimates the information of x with each of withs, of which the first one is z and y, and a
// second one z alone, and with y, on the folds of another estimate.
func contrast(ctx context.Context, way Way, x, y column.Source, withs []column.Source, first *mine.Estimator, cfg Config, opts []mine.Option) (Contrast, error) {
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
	c.With, c.Without, c.Validation = with.result, without.result, with.validation()-max(0, atLeast(without.result))
	c.Interval = interval(with, without)
	return c, nil
}

// atLeast is what is known of an information beside its bound, too high by chance as a rule: what
// critics find on training rows, or nearest neighbours.
func atLeast(r mine.Result) float64 {
	if r.Neighbours == nil {
		return r.Training
	}
	return max(r.Training, r.Neighbours.Estimate)
}

// An examined is an estimate with what it says of each row.
type examined struct {
	result mine.Result
	tested []mine.Tested
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
	// on training rows, or nearest neighbours if they find more, less Estimate of Without; above,
	// that of With. Information is not negative, and High is at least 0; Estimate and Low may be
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
	i.Low = i.Estimate - reach - max(0, atLeast(without.result)-off)
	i.High = max(0, i.Estimate+reach+max(0, atLeast(with.result)-with.result.Estimate))
	return i
}
