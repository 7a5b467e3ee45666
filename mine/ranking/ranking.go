// Package ranking orders columns by their information about a target: one at a time, and greedily,
// each given those that were chosen before it.
//
// # Choosing and judging
//
// The largest of many noisy estimates is too large (the winner's curse): an order and a number from the
// same rows are no evidence for each other. So rows are cut in two halves, once (independence.Holdout).
// The first half decides: the order of the columns, and the choices of the forward selection, are by
// the bounds on I(X_k;T) that it gives. The second half judges: every estimate, interval and p-value that is
// reported is of rows that no choice has seen.
//
// # One at a time
//
// For each column k, mine.Fit on the first half gives the bound that decides its rank and a critic. The critic is
// tested on the second half by permutations (package independence), which train nothing again: the
// p-value is exact for rows, and for groups of one size, whatever the first half made of it. The second half by
// itself gives the estimate of I(X_k;T) and its interval, as mine.Estimate.
//
// The q-value of a column is the smallest false discovery rate at which it counts as a discovery
// (independence.QValues): by Benjamini and Hochberg if p-values of columns are independent or depend on each
// other positively, by Benjamini and Yekutieli whatever their dependence.
//
// # Forward
//
// Step s adds to the chosen columns S the column c with the largest bound on I(S,c;T) on the first half, and the
// second half estimates what it adds,
//
//	I(c;T|S) = I(S,c;T) - I(S;T)   (the chain rule)
//
// by two nested estimates on the same folds, with the error of their paired difference (mine.GainOf).
// The difference of two lower bounds is none: where S has much to tell, critics lose more of
// I(S,c;T) than of I(S;T), and a gain comes out too small rather than too large. It has no p-value. The columns of
// a greedy choice are not the best set of their number, for which all sets had to be tried.
package ranking

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/dependence"
	"gomine/mine/independence"
	"gomine/mine/preprocess"
)

// Data are candidate columns x_k and the target, by rows.
type Data struct {
	X      column.Source // every column is a candidate
	Target column.Source // one column or several, taken together
	Groups []int         // which rows belong together, as for mine.WithGroups; nil for none
}

// Config says how to rank. Start from DefaultConfig.
type Config struct {
	Forward      int                    `json:"forward"`      // columns to choose greedily; 0 for none
	Permutations int                    `json:"permutations"` // of the test of each column
	FDRMethod    independence.FDRMethod `json:"fdr_method"`   // by which p-values become q-values
	Estimate     mine.Config            `json:"estimate"`     // of all critics, each of half of the rows
}

// DefaultConfig returns settings for data of the given number of rows: no forward selection, 999
// permutations, q-values by Benjamini and Hochberg, and critics of mine.Fast.
func DefaultConfig(rows int) Config { return ConfigFor(rows, mine.Fast) }

// ConfigFor is DefaultConfig with critics of another effort.
func ConfigFor(rows int, effort mine.Effort) Config {
	test := independence.ConfigFor(rows/2, effort)
	return Config{Permutations: test.Permutations, FDRMethod: independence.BenjaminiHochberg, Estimate: test.Estimate}
}

// Validate reports the first field that cannot be used, as a *mine.FieldError.
func (c Config) Validate() error {
	if c.Forward < 0 {
		return &mine.FieldError{Field: "forward", Value: c.Forward, Want: "0 for none, or a number of columns"}
	}
	if !c.FDRMethod.Known() {
		return &mine.FieldError{Field: "fdr_method", Value: c.FDRMethod, Want: "one of " + strings.Join(independence.FDRMethods(), ", ")}
	}
	return independence.Config{Permutations: c.Permutations, Estimate: c.Estimate}.Validate()
}

// A Column is a candidate with what the rows say of it. Where nothing could be learnt from it, such as from a
// constant, or where no test suits its rows, such as copies, Error says why.
type Column struct {
	Index int    `json:"index"` // among the candidates, from 0
	Name  string `json:"name"`
	Rank  int    `json:"rank,omitempty"` // from 1, by Chosen; 0 for an error
	*Findings
	Error string `json:"error,omitempty"`
}

// Findings are those of both halves.
type Findings struct {
	Selection  float64           `json:"selection"` // the bound on the first half, which decides the rank
	mine.Bound                   // on the second half
	Likely     float64           `json:"likely"` // as in mine.Result
	PValue     float64           `json:"p_value"`
	QValue     float64           `json:"q_value"` // among all columns without an error
	Test       independence.Part `json:"test"`
	Warnings   []mine.Warning    `json:"warnings,omitempty"` // of the test (independence.Doubts), and of the estimate on the second half
}

// A Ranking ranks the columns of some data. It is not safe for concurrent use.
type Ranking struct {
	data    Data
	cfg     Config
	holdout *independence.Holdout
	options []mine.Option
	copied  []int // candidates that have copies with the target
	looked  bool  // whether these have been looked for
}

// New checks the data and cuts the rows. The options are those of mine.Estimate, but for WithGroups. A constant
// target makes an error that wraps preprocess.ErrConstant, rows that no test suits one that wraps
// independence.ErrPairing, and too few rows one that wraps mine.ErrTooFewSamples.
func New(d Data, cfg Config, opts ...mine.Option) (*Ranking, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	for _, s := range []struct {
		name string
		column.Source
	}{{"the candidates", d.X}, {"the target", d.Target}} {
		if err := column.Check(s.Source); err != nil {
			return nil, fmt.Errorf("ranking: %s: %w", s.name, err)
		}
	}
	if n := len(d.X.Columns()); cfg.Forward > n {
		return nil, &mine.FieldError{Field: "forward", Value: cfg.Forward, Want: fmt.Sprintf("at most the %d columns that there are to choose from", n)}
	}
	split, err := mine.FindSplit(d.X, d.Target, cfg.Estimate, d.Groups)
	if err != nil {
		return nil, err
	}
	if constant, err := allConstant(d.Target); err != nil || constant {
		return nil, cmp.Or(err, fmt.Errorf("ranking: the target is %w: no column tells anything about it", preprocess.ErrConstant))
	}
	h, err := independence.NewHoldout(independence.Data{X: d.X, Z: d.Target, Groups: d.Groups}, split, cfg.Estimate.Seed)
	if err != nil {
		return nil, err
	}
	if cfg.Forward > 0 && h.Pairing == independence.Rotations {
		return nil, fmt.Errorf("ranking: rows are a series, correlated over about %d rows, and forward selection compares estimates on the same folds, which series do not have: leave it out, or, only if rows are independent and were sorted by a column that is not selected, split at random: %w",
			int(math.Ceil(split.CorrelationTime)), independence.ErrPairing)
	}
	return &Ranking{data: d, cfg: cfg, holdout: h, options: opts}, nil
}

// allConstant reports whether no column of a source varies.
func allConstant(s column.Source) (bool, error) {
	const atOnce = 1 << 12 // rows
	width := len(s.Columns())
	first, values := make([]float64, width), make([]float64, min(atOnce, s.Rows())*width)
	if err := s.Read(first, 0, 1, 0, width); err != nil {
		return false, err
	}
	for lo := 0; lo < s.Rows(); lo += atOnce {
		part := values[:(min(lo+atOnce, s.Rows())-lo)*width]
		if err := s.Read(part, lo, lo+len(part)/width, 0, width); err != nil {
			return false, err
		}
		for i, v := range part {
			if v != first[i%width] {
				return false, nil
			}
		}
	}
	return true, nil
}

// Holdout is how the rows are cut and tested.
func (r *Ranking) Holdout() *independence.Holdout { return r.holdout }

// Column looks at candidate k by itself: what it finds depends on no other candidate, but for how the rows
// are cut. Rank and QValue are left to Order.
func (r *Ranking) Column(ctx context.Context, k int) (Column, error) {
	c := Column{Index: k, Name: r.data.X.Columns()[k].Name}
	found, err := r.find(ctx, k)
	switch {
	case err == nil:
		c.Findings = found
	case learnable(err) && ctx.Err() == nil:
		c.Error = err.Error()
	default:
		return c, fmt.Errorf("ranking: column %s: %w", c.Name, err)
	}
	return c, nil
}

// learnable says whether an error is about one candidate, so that others can be learnt from.
func learnable(err error) bool {
	return errors.Is(err, preprocess.ErrConstant) || errors.Is(err, mine.ErrDiverged) || errors.Is(err, independence.ErrPairing)
}

// suits reports, by an error that wraps independence.ErrPairing, rows of x and the target that cannot be exchanged
// as those of all candidates are: another candidate, such as noise or a time, hides that they are copies or a series.
func (r *Ranking) suits(x column.Source) error {
	split, err := mine.FindSplit(x, r.data.Target, r.cfg.Estimate, r.data.Groups)
	if err == nil && split.Repeated > 0 && r.holdout.Pairing == independence.Rows {
		var told bool
		if told, err = dependence.Ordered(x, r.data.Target); told {
			split = mine.Split{Kind: mine.SplitRandom} // rows of one value are alike because it tells the target
		}
	}
	if err == nil && split.Kind == mine.SplitBlocks && r.holdout.Pairing == independence.Rows {
		return fmt.Errorf("ranking: rows of it and the target are a series, correlated over about %d rows, but with the other candidates they are not: rank it without those, or, only if rows are independent and were sorted by a column that is not selected, split at random: %w",
			int(math.Ceil(split.CorrelationTime)), independence.ErrPairing)
	}
	if err == nil {
		_, err = independence.NewHoldout(independence.Data{X: x, Z: r.data.Target, Groups: r.data.Groups}, split, r.cfg.Estimate.Seed)
	}
	var groups *mine.GroupsError
	if errors.As(err, &groups) {
		return fmt.Errorf("ranking: %w: %w", err, independence.ErrPairing)
	}
	if errors.Is(err, mine.ErrTooFewSamples) { // for a series, as there are enough where rows are exchanged
		return fmt.Errorf("ranking: rows of it and the target are a series that is too short: %w: %w", err, independence.ErrPairing)
	}
	return err
}

// hidesCopies reports rows of candidate k and the target that are copies, as of one person, which the two do not show by
// themselves where both have few values: another candidate, a number that has copies with both and does not tell both by
// its order, shows it.
func (r *Ranking) hidesCopies(k int) error {
	if !r.looked && r.holdout.Pairing == independence.Rows {
		for j := range r.data.X.Columns() {
			copies, err := r.copies(column.Select(r.data.X, j), r.data.Target)
			if err != nil {
				return err
			}
			if copies > 0 {
				r.copied = append(r.copied, j)
			}
		}
	}
	r.looked = true
	for _, j := range r.copied {
		if j == k {
			continue // suits looks at that
		}
		copies, err := r.copies(column.Select(r.data.X, k), column.Select(r.data.X, j))
		if err != nil {
			return err
		}
		if copies == 0 {
			continue
		}
		told, err := r.told(j, k)
		if err != nil {
			return err
		}
		if !told {
			return fmt.Errorf("ranking: %d rows of it and the target are copies of others, as of one person, which column %s shows: give the groups that rows belong to, or, if equal rows are draws of their own, split at random: %w",
				copies, r.data.X.Columns()[j].Name, independence.ErrPairing)
		}
	}
	return nil
}

// told reports whether a candidate j tells both candidate k and the target by its order, as an age tells who is
// retired: nothing then says that its rows of one value are of one person.
func (r *Ranking) told(j, k int) (bool, error) {
	return dependence.Ordered(column.Select(r.data.X, j), column.Join(r.data.Target, column.Select(r.data.X, k)))
}

// copies is how many rows of two sources are copies of others.
func (r *Ranking) copies(x, z column.Source) (int, error) {
	split, err := mine.FindSplit(x, z, r.cfg.Estimate, r.data.Groups)
	return split.Repeated, err
}

// find fits a critic to a column on the first half, and judges on the second.
func (r *Ranking) find(ctx context.Context, k int) (found *Findings, err error) {
	x := column.Select(r.data.X, k)
	if err := cmp.Or(r.suits(x), r.hidesCopies(k)); err != nil {
		return nil, err
	}
	critic, chosen, err := r.holdout.Fit(ctx, x, r.cfg.Estimate, r.options...)
	if critic != nil {
		defer func() { err = errors.Join(err, critic.Close()) }()
	}
	if err != nil {
		return nil, err
	}
	found = &Findings{Selection: chosen.Estimate}
	doubts, err := independence.Doubts(independence.Data{X: x, Z: r.data.Target, Groups: r.data.Groups}, r.cfg.Estimate.Split)
	if err != nil {
		return nil, err
	}
	if found.Test, err = r.holdout.Test(ctx, critic, x, r.cfg.Permutations); err != nil {
		return nil, err
	}
	found.PValue, found.QValue = found.Test.PValue, found.Test.PValue
	judge, judged, err := r.judge(ctx, x)
	if err != nil {
		return nil, err
	}
	found.Bound, found.Likely, found.Warnings = judged.Bound, judged.Likely, slices.Concat(doubts, judged.Warnings)
	return found, judge.Close()
}

// judge estimates on the second half. The estimator has to be closed.
func (r *Ranking) judge(ctx context.Context, x column.Source) (*mine.Estimator, mine.Result, error) {
	e, err := r.holdout.Estimator(ctx, x, r.cfg.Estimate, r.options...)
	if err != nil {
		return nil, mine.Result{}, err
	}
	if err := e.Fit(ctx); err != nil {
		return nil, mine.Result{}, errors.Join(err, e.Close())
	}
	result, err := e.Result(ctx)
	if err != nil {
		return nil, mine.Result{}, errors.Join(err, e.Close())
	}
	return e, result, nil
}

// Order returns the columns by rank, those with an error last, with their q-values by a
// method. Columns that are equal are in the order of their indices.
func Order(columns []Column, method independence.FDRMethod) []Column {
	columns = slices.Clone(columns)
	slices.SortFunc(columns, func(a, b Column) int {
		switch {
		case (a.Findings == nil) != (b.Findings == nil):
			if a.Findings == nil {
				return 1
			}
			return -1
		case a.Findings != nil && a.Selection != b.Selection:
			return cmp.Compare(b.Selection, a.Selection)
		}
		return cmp.Compare(a.Index, b.Index)
	})
	var found []*Findings
	var p []float64
	for k := range columns {
		if f := columns[k].Findings; f != nil {
			copied := *f
			columns[k].Findings, columns[k].Rank = &copied, len(found)+1
			found, p = append(found, &copied), append(p, f.PValue)
		}
	}
	for k, q := range independence.QValues(p, method) {
		found[k].QValue = q
	}
	return columns
}
