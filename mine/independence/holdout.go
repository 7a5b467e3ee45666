package independence

import (
	"context"
	"fmt"

	"gomine/mine"
	"gomine/mine/column"
)

// A Holdout is rows that are cut in two halves, once for many tests of columns X_k against one Z:
// choices are made on the first half, and what was chosen is estimated and tested on the second,
// which has no part in them. The p-value is that of one part in the package comment, with
// D_0 the first half: exact for each k, whatever was looked at in the first half.
type Holdout struct {
	Pairing Pairing
	First   []int // numbers of the rows
	Second  []int

	plan   *plan
	tested []int // of the second half, as many as are permuted
	z      column.Source
	groups []int
}

// NewHoldout cuts the rows of d, whose X is all columns that may be asked about, at random. Groups stay
// whole. A series is cut in the middle, with a correlation time left out. split is what
// mine.FindSplit says of the data. Rows that no test suits make the errors of Test.
func NewHoldout(d Data, split mine.Split, seed uint64) (*Holdout, error) {
	if d.Strata != nil {
		return nil, fmt.Errorf("independence: halves are not of strata: %w", ErrPairing)
	}
	p, err := newPlan(d, split, seed)
	if err != nil {
		return nil, err
	}
	n := d.X.Rows()
	h := &Holdout{Pairing: p.pairing, plan: p, z: d.Z, groups: d.Groups}
	if p.pairing == Rotations {
		half := (n - p.gap) / 2
		h.First, h.Second = span(0, half), span(n-half, n)
		h.tested = h.Second[:min(half, max(mostTested, (leastTimes+1)*p.gap))]
		return h, nil
	}
	units, fewest := single(n), leastTested
	if d.Groups != nil {
		units, fewest = unitsOf(d.Groups), leastGroups
	}
	units = shuffled(units, seed)
	half := len(units) / 2
	h.First, h.Second = flat(units[:half]), flat(units[half:])
	h.tested = flat(units[half:min(len(units), half+max(fewest, mostTested/p.unit))])
	return h, nil
}

// Fit is mine.Fit of x and Z on the first half, whose critic Test takes.
func (h *Holdout) Fit(ctx context.Context, x column.Source, cfg mine.Config, opts ...mine.Option) (*mine.Fitted, mine.Result, error) {
	d := h.data(x)
	return mine.Fit(ctx, column.Pick(x, h.First), column.Pick(h.z, h.First), h.plan.training(cfg, len(h.First)), d.options(h.First, outspoken(opts))...)
}

// Estimator is mine.NewEstimator of x and Z on the second half. Estimators of several x have the same
// folds where rows are not rotated.
func (h *Holdout) Estimator(ctx context.Context, x column.Source, cfg mine.Config, opts ...mine.Option) (*mine.Estimator, error) {
	d := h.data(x)
	return mine.NewEstimator(ctx, column.Pick(x, h.Second), column.Pick(h.z, h.Second), h.plan.arranged(cfg), d.options(h.Second, opts)...)
}

// Test tests on the second half whether x and Z are independent, by a critic of Fit.
func (h *Holdout) Test(ctx context.Context, c *mine.Fitted, x column.Source, permutations int) (Part, error) {
	if permutations < leastPermutations {
		return Part{}, fmt.Errorf("independence: %d permutations, want at least %d", permutations, leastPermutations)
	}
	part, err := h.plan.permute(ctx, c, h.data(x), h.tested, 0, permutations)
	part.Trained = len(h.First)
	return part, err
}

func (h *Holdout) data(x column.Source) Data { return Data{X: x, Z: h.z, Groups: h.groups} }
