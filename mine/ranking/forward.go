package ranking

import (
	"context"
	"fmt"
	"slices"

	"gomine/mine"
	"gomine/mine/column"
)

// A Step is a column that was chosen greedily.
type Step struct {
	Index int    `json:"index"` // among the candidates, from 0
	Name  string `json:"name"`
	// Selection is the bound of this column and those before it together on the first half, the
	// largest of all candidates.
	Selection float64 `json:"selection"`
	// Total is the bound of this column and those before it together on the second half, and Gain what the
	// column adds to it, given those before.
	Total mine.Bound `json:"total"`
	Gain  mine.Gain  `json:"gain"`
	// Warnings are of the estimate of Total.
	Warnings []mine.Warning `json:"warnings,omitempty"`
}

// Forward chooses Config.Forward columns, beginning with the first of columns, which Order has returned; those
// with an error are no candidates. done is called with each step.
func (r *Ranking) Forward(ctx context.Context, columns []Column, done func(Step)) (steps []Step, err error) {
	var left, chosen []int
	for _, c := range columns {
		if c.Findings != nil {
			left = append(left, c.Index)
		}
	}
	if r.cfg.Forward > len(left) {
		return nil, &mine.FieldError{Field: "forward", Value: r.cfg.Forward, Want: fmt.Sprintf("at most the %d columns that something can be learnt from", len(left))}
	}
	var before *mine.Estimator // of the columns chosen so far
	defer func() {
		if before != nil {
			before.Close()
		}
	}()
	for len(chosen) < r.cfg.Forward {
		best, selection := left[0], columns[0].Selection
		if len(chosen) > 0 {
			if best, selection, err = r.best(ctx, chosen, left); err != nil {
				return steps, err
			}
		}
		chosen = append(chosen, best)
		left = slices.DeleteFunc(left, func(k int) bool { return k == best })
		x := column.Select(r.data.X, chosen...)
		if err := r.suits(x); err != nil {
			return steps, fmt.Errorf("ranking: %d columns up to %s: %w", len(chosen), r.data.X.Columns()[best].Name, err)
		}
		e, total, err := r.judge(ctx, x)
		if err != nil {
			return steps, err
		}
		s := Step{
			Index: best, Name: r.data.X.Columns()[best].Name, Selection: selection, Total: total.Bound, Warnings: total.Warnings,
			Gain: mine.Gain{Estimate: total.Estimate, StdErr: total.StdErr, Low: total.Low, High: total.High},
		}
		if before != nil {
			s.Gain, err = mine.GainOf(e, before)
			before.Close()
		}
		if before = e; err != nil {
			return steps, err
		}
		steps = append(steps, s)
		done(s)
	}
	return steps, nil
}

// best returns which of the columns that are left has the largest bound together with those chosen, on the
// first half.
func (r *Ranking) best(ctx context.Context, chosen, left []int) (best int, selection float64, err error) {
	best = -1
	for _, k := range left {
		critic, result, err := r.holdout.Fit(ctx, column.Select(r.data.X, append(slices.Clone(chosen), k)...), r.cfg.Estimate, r.options...)
		if critic != nil {
			critic.Close()
		}
		if err != nil {
			if learnable(err) && ctx.Err() == nil {
				continue
			}
			return 0, 0, err
		}
		if best < 0 || result.Estimate > selection {
			best, selection = k, result.Estimate
		}
	}
	if best < 0 {
		return 0, 0, fmt.Errorf("ranking: no column can be added to %d: %w", len(chosen), mine.ErrDiverged)
	}
	return best, selection, nil
}
