package ranking

import (
	"context"
	"errors"
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

// A Trial is a column beside those that were chosen before it, on the first half. Error says why nothing could be
// learnt from them together.
type Trial struct {
	Step      int     `json:"step"`  // from 2, as the first one takes the first column
	Index     int     `json:"index"` // among the candidates, from 0
	Selection float64 `json:"selection"`
	Error     string  `json:"error,omitempty"`
}

// A Selection is a forward selection under way.
type Selection struct {
	// Steps and Trials are what an earlier one of the same data and settings has done: it is gone on with to the same
	// bits.
	Steps  []Step
	Trials []Trial
	// Tried is called with each trial, and Done with each step, as soon as it is there. An error ends the selection.
	// nil for neither.
	Tried func(Trial) error
	Done  func(Step) error
}

// Forward chooses Config.Forward columns, beginning with the first of columns, which Order has returned; those
// with an error are no candidates. It returns all steps there are, with an error too.
func (r *Ranking) Forward(ctx context.Context, columns []Column, s Selection) (steps []Step, err error) {
	var left, chosen []int
	for _, c := range columns {
		if c.Findings != nil {
			left = append(left, c.Index)
		}
	}
	if r.cfg.Forward > len(left) {
		return nil, &mine.FieldError{Field: "forward", Value: r.cfg.Forward, Want: fmt.Sprintf("at most the %d columns that something can be learnt from", len(left))}
	}
	var before *mine.Estimator // of the columns chosen so far; nil if an earlier selection has judged them
	defer func() {
		if before != nil {
			before.Close()
		}
	}()
	for len(chosen) < r.cfg.Forward {
		var step Step
		if k := len(chosen); k < len(s.Steps) {
			step = s.Steps[k]
			if !slices.Contains(left, step.Index) {
				return steps, fmt.Errorf("ranking: step %d of the earlier selection is column %d, which is no candidate", k+1, step.Index)
			}
		} else {
			best, selection := left[0], columns[0].Selection
			if k > 0 {
				if best, selection, err = r.best(ctx, chosen, left, s); err != nil {
					return steps, err
				}
			}
			if step, before, err = r.step(ctx, chosen, best, before); err != nil {
				return steps, err
			}
			step.Selection = selection
			if err := note(s.Done, step); err != nil {
				return steps, err
			}
		}
		chosen, steps = append(chosen, step.Index), append(steps, step)
		left = slices.DeleteFunc(left, func(k int) bool { return k == step.Index })
	}
	return steps, nil
}

// step judges a column given those chosen before it, whose estimator is closed; nil where it has to be fitted again.
// It returns the estimator of them together.
func (r *Ranking) step(ctx context.Context, chosen []int, best int, before *mine.Estimator) (s Step, after *mine.Estimator, err error) {
	x := column.Select(r.data.X, append(slices.Clone(chosen), best)...)
	s = Step{Index: best, Name: r.data.X.Columns()[best].Name}
	if err := r.suits(x); err != nil {
		return s, before, fmt.Errorf("ranking: %d columns up to %s: %w", len(chosen)+1, s.Name, err)
	}
	if before == nil && len(chosen) > 0 {
		if before, _, err = r.judge(ctx, column.Select(r.data.X, chosen...)); err != nil {
			return s, nil, err
		}
	}
	after, total, err := r.judge(ctx, x)
	if err != nil {
		return s, before, err
	}
	s.Total, s.Warnings = total.Bound, total.Warnings
	s.Gain = mine.Gain{Estimate: total.Estimate, StdErr: total.StdErr, Low: total.Low, High: total.High}
	if before != nil {
		s.Gain, err = mine.GainOf(after, before)
		err = errors.Join(err, before.Close())
	}
	return s, after, err
}

// best returns which of the columns that are left has the largest bound together with those chosen, on the
// first half.
func (r *Ranking) best(ctx context.Context, chosen, left []int, s Selection) (best int, selection float64, err error) {
	best = -1
	for _, k := range left {
		at := slices.IndexFunc(s.Trials, func(t Trial) bool { return t.Step == len(chosen)+1 && t.Index == k })
		var trial Trial
		if at >= 0 {
			trial = s.Trials[at]
		} else if trial, err = r.try(ctx, chosen, k); err != nil {
			return 0, 0, err
		} else if err := note(s.Tried, trial); err != nil {
			return 0, 0, err
		}
		if trial.Error == "" && (best < 0 || trial.Selection > selection) {
			best, selection = k, trial.Selection
		}
	}
	if best < 0 {
		return 0, 0, fmt.Errorf("ranking: no column can be added to %d: %w", len(chosen), mine.ErrDiverged)
	}
	return best, selection, nil
}

// try fits a critic to a column and those chosen before it.
func (r *Ranking) try(ctx context.Context, chosen []int, k int) (Trial, error) {
	t := Trial{Step: len(chosen) + 1, Index: k}
	critic, result, err := r.holdout.Fit(ctx, column.Select(r.data.X, append(slices.Clone(chosen), k)...), r.cfg.Estimate, r.options...)
	if critic != nil {
		critic.Close()
	}
	switch {
	case err == nil:
		t.Selection = result.Estimate
	case learnable(err) && ctx.Err() == nil:
		t.Error = err.Error()
	default:
		return t, err
	}
	return t, nil
}

// note passes on what is done, to those who want to know.
func note[T any](to func(T) error, done T) error {
	if to == nil {
		return nil
	}
	return to(done)
}
