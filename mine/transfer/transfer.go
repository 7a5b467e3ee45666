// Package transfer estimates how much the past of one time series tells about the future of
// another one, in both directions.
//
// # What is estimated
//
// Rows are in the order of time. With the past of K rows, x(t-K+1) .. x(t), and the future of the
// row t+H, the transfer entropy (Schreiber, Measuring information transfer, Physical Review Letters 85,
// 2000) is what the past of X says about the future of Z that the past of Z does not say:
//
//	TE(X -> Z) = I( x(t-K+1) .. x(t) ; z(t+H) | z(t-K+1) .. z(t) )
//
// in nats, and TE(Z -> X) the same with X and Z exchanged. Package conditional has the estimate.
// Beside it stands the information at single lags, I(x(t-k); z(t)) for k from H to H+K-1, which knows
// nothing of the past of Z: two series with a common rhythm have much of it in both
// directions.
//
// # Why blocks, and gaps between them
//
// Neighbouring windows share rows. Critics that were trained on a window have seen most of the next
// one, and a random split would call it information what they remember. So the windows are cut into
// blocks of neighbours, with gaps between them of K+H rows at least, and of the correlation time of
// the rows (package dependence): no window of a block has a row in common with one of
// another block. Blocks are trained on and tested on as wholes, and the standard error is that of independent
// blocks. A short series of several is a block by itself.
//
// # Levels
//
// Series may differ in level, as persons do. Correlation times are of rows less the mean of their series,
// or a level would be taken for rows that are alike; but the estimate is of the values as they are. Where
// both X and Z have levels, blocks of one series are alike, and critics that were trained on some know the others:
// Split.Levels says so, and no lower limit is above 0. Without the means of the series, what happens within them
// is estimated.
//
// # Copies
//
// A series that is there twice, or a stretch of rows, is in blocks that are trained on and in blocks that are tested
// on: ErrCopies. Equal windows of series of few values, such as spikes, are met by chance, and differ soon after.
//
// # The test
//
// If the past of X says nothing about the future of Z that the past of Z does not say, the residuals
//
//	U of x(t-K+1) .. x(t), and V of z(t+H), each given z(t-K+1) .. z(t)
//
// are independent, by the condition of conditional.Test: that one of both regressions is right. Windows of one series
// depend on each other. So blocks of U are exchanged as wholes against blocks of V, which are of one length then, with
// the gaps between them that estimates have: within a block, each keeps how it depends on itself (the test of package
// independence of groups). The p-value is approximate: regressions have errors, a lag that does not hold all that Z
// says about its own future leaves some in both, and Z may drive X, so that blocks of U and V are dependent though no
// window of both is. Series that wander, and those that differ in level in X and in Z, have no test.
//
// # What it is not
//
// Transfer entropy tells what helps to predict, not what causes: a third series that drives both makes
// the earlier one tell about the later one. A past of K rows that does not hold all of what Z says
// about its own future leaves some of it to X.
package transfer

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/conditional"
	"gomine/mine/independence"
	"gomine/mine/lagged"
	"gomine/mine/preprocess"
)

// Data are rows of x and z in the order of time.
type Data struct {
	X, Z column.Source
	// Series has the number of the series that each row is of, rows of which need not be neighbours; nil
	// for one.
	Series []int
	// Missing says which rows lack a value: no window touches them. nil if none does.
	Missing []bool
}

// Config says what is asked for. Start from DefaultConfig.
type Config struct {
	Lag     int `json:"lag"`     // rows of the past, K
	Horizon int `json:"horizon"` // rows from the last one of the past to the future, H
	// Lagged says whether the information at single lags is estimated too, which takes as much time
	// again for a lag of two rows.
	Lagged bool `json:"lagged"`
	// Way is that to the conditional information, see package conditional: where the pasts of X and Z
	// say nearly the same, residuals have less to take off; else the difference sees more.
	Way conditional.Way `json:"way"`
	// Permutations is how many a test of each direction has; 0 for no test.
	Permutations int         `json:"permutations"`
	Estimate     mine.Config `json:"estimate"` // of all estimates; Block is the length of blocks
}

// DefaultConfig returns settings for a number of rows: a past of one row, a horizon of one, the
// difference, no test, and critics of mine.Fast.
func DefaultConfig(rows int) Config { return ConfigFor(rows, mine.Fast) }

// ConfigFor is DefaultConfig with critics of another effort.
func ConfigFor(rows int, effort mine.Effort) Config {
	return Config{Lag: 1, Horizon: 1, Lagged: true, Way: conditional.Difference, Estimate: mine.ConfigFor(rows, effort)}
}

// Validate reports the first field that cannot be used, as a *mine.FieldError.
func (c Config) Validate() error {
	switch {
	case c.Lag < 1:
		return &mine.FieldError{Field: "lag", Value: c.Lag, Want: "at least 1 row of the past"}
	case c.Horizon < 1:
		return &mine.FieldError{Field: "horizon", Value: c.Horizon, Want: "at least 1 row ahead"}
	case c.Estimate.Split == mine.SplitRandom:
		return &mine.FieldError{Field: "split", Value: c.Estimate.Split, Want: "auto or blocks: windows of neighbouring rows share rows"}
	}
	if c.Permutations != 0 {
		if err := (independence.Config{Permutations: c.Permutations, Estimate: c.Estimate}).Validate(); err != nil {
			return err
		}
	}
	return conditional.Config{Way: c.Way, Estimate: c.Estimate}.Validate()
}

// A Result is both directions.
type Result struct {
	XToZ Direction `json:"x_to_z"`
	ZToX Direction `json:"z_to_x"`
	// Net is TE(X -> Z) - TE(Z -> X). NetStdErr is the sum of both standard errors, which its own does
	// not exceed, however the two depend on each other.
	Net       float64 `json:"net"`
	NetStdErr float64 `json:"net_std_err"` // of what was found, if critics found nothing in one of them

	Split    Split          `json:"split"`
	Warnings []mine.Warning `json:"warnings,omitempty"` // about both
	Config   Config         `json:"config"`
}

// A Direction is what one series tells about the future of the other.
type Direction struct {
	conditional.Interval                 // of the way taken
	Nothing              bool            `json:"nothing,omitempty"` // see Terms
	Way                  conditional.Way `json:"way"`
	Ways                 []Terms         `json:"ways"` // those that were gone
	Lagged               []Lagged        `json:"lagged,omitempty"`
	Test                 *Test           `json:"test,omitempty"` // nil without permutations
	Warnings             []mine.Warning  `json:"warnings,omitempty"`
}

// Terms are the two terms of a way to the transfer entropy, which is With less Without; package
// conditional says of what.
type Terms struct {
	Way conditional.Way `json:"way"`
	conditional.Interval
	// Nothing is whether critics found nothing in either term. That is no evidence of there being nothing, so
	// that StdErr says nothing, Low is not above 0, and there is no upper limit: High is infinite. As JSON
	// there are no such fields then.
	Nothing bool       `json:"nothing,omitempty"`
	With    mine.Bound `json:"with"`
	Without mine.Bound `json:"without"`
}

// Lagged is the information of one series about the other so many rows later.
type Lagged struct {
	Lag int `json:"lag"`
	mine.Bound
	// Nothing is whether critics found nothing, see conditional.FoundNothing. That is no evidence of there being nothing.
	Nothing  bool           `json:"nothing,omitempty"`
	Warnings []mine.Warning `json:"warnings,omitempty"`
}

// Estimate estimates the transfer entropy in both directions. The data are read several times and
// must not change meanwhile. The options are those of mine.Estimate, but for WithGroups and
// WithBlocks.
//
// A series that is too short for a window makes a *lagged.SeriesError, too few windows an error that wraps
// mine.ErrTooFewSamples, and series or stretches of rows that are copies of others one that wraps ErrCopies, unless
// Config.Estimate.Split is mine.SplitBlocks. Where a test is asked for, series that have none make one that wraps
// independence.ErrPairing, and columns that have none, one that wraps conditional.ErrCodes.
func Estimate(ctx context.Context, d Data, cfg Config, opts ...mine.Option) (Result, error) {
	e, err := newEstimator(d, cfg, opts)
	out := Result{Config: cfg, Split: e.split}
	if err != nil {
		return out, err
	}
	if out.XToZ, err = e.direction(ctx, d.X, d.Z); err != nil {
		return out, fmt.Errorf("transfer: from X to Z: %w", err)
	}
	if out.ZToX, err = e.direction(ctx, d.Z, d.X); err != nil {
		return out, fmt.Errorf("transfer: from Z to X: %w", err)
	}
	out.Net, out.NetStdErr = out.XToZ.Estimate-out.ZToX.Estimate, out.XToZ.StdErr+out.ZToX.StdErr
	out.Warnings = warnings(out.Split)
	return out, nil
}

// check reports sides that do not fit, values that are none, and sides that never change.
func (d Data) check() error {
	for _, side := range []struct {
		name   string
		source column.Source
	}{{"x", d.X}, {"z", d.Z}} {
		if err := column.Check(side.source); err != nil {
			return fmt.Errorf("transfer: %w (argument %s)", err, side.name)
		}
		if d.Missing != nil && len(d.Missing) != side.source.Rows() {
			return fmt.Errorf("transfer: %d rows are said to lack values or not, but %s has %d", len(d.Missing), side.name, side.source.Rows())
		}
		if err := d.checkSide(side.name, side.source); err != nil {
			return err
		}
	}
	if d.X.Rows() != d.Z.Rows() {
		return fmt.Errorf("transfer: x has %d rows and z has %d: a row of each belongs to one moment", d.X.Rows(), d.Z.Rows())
	}
	return nil
}

// ErrConstant is wrapped by the error about a side that never changes.
var ErrConstant = preprocess.ErrConstant

// rowsAtOnce is how many rows are read at a time.
const rowsAtOnce = 4096

// checkSide looks at every value of one side.
func (d Data) checkSide(name string, s column.Source) error {
	columns := s.Columns()
	width, n := len(columns), s.Rows()
	rows, first, varies := make([]float64, min(n, rowsAtOnce)*width), []float64(nil), false
	for lo := 0; lo < n; lo += rowsAtOnce {
		hi := min(n, lo+rowsAtOnce)
		if err := s.Read(rows, lo, hi, 0, width); err != nil {
			return err
		}
		for i := lo; i < hi; i++ {
			if d.Missing != nil && d.Missing[i] {
				continue
			}
			row := rows[(i-lo)*width : (i-lo+1)*width]
			for j, v := range row {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return &preprocess.NonFiniteError{Side: name, Row: i, Column: columns[j].Name, Value: v}
				}
			}
			if first == nil {
				first = slices.Clone(row)
			}
			varies = varies || !slices.Equal(row, first)
		}
	}
	if !varies {
		return fmt.Errorf("transfer: no column of %s ever changes, so that it has no information: %w", name, ErrConstant)
	}
	return nil
}

// An estimator makes all estimates of the same windows.
type estimator struct {
	windows *lagged.Windows
	blocks  []int
	split   Split
	cfg     Config
	opts    []mine.Option
}

// newEstimator checks the data and cuts the windows.
func newEstimator(d Data, cfg Config, opts []mine.Option) (e estimator, err error) {
	e = estimator{cfg: cfg, opts: opts}
	if err := cmp.Or(cfg.Validate(), d.check()); err != nil {
		return e, err
	}
	w, err := lagged.New(d.X.Rows(), d.Series, d.Missing, cfg.Lag, cfg.Horizon)
	if err != nil {
		return e, err
	}
	if err := copies(w, d.X, d.Z, cfg); err != nil {
		return e, err
	}
	if e.windows, e.blocks, e.split, err = cut(w, d.X, d.Z, cfg); err != nil {
		return e, err
	}
	if cfg.Permutations > 0 {
		return e, e.split.testable()
	}
	return e, nil
}

// direction estimates what x tells about the future of z.
func (e estimator) direction(ctx context.Context, x, z column.Source) (d Direction, err error) {
	if e.cfg.Permutations > 0 {
		if d.Test, err = e.test(ctx, x, z); err != nil {
			return d, err
		}
	}
	cfg := e.cfg.Estimate
	cfg.Split, cfg.Block = mine.SplitAuto, mine.AutoLength // blocks are groups
	opts := append([]mine.Option{mine.WithBlocks(e.blocks, float64(e.split.EffectiveRows)/float64(e.split.Used))}, e.opts...)
	given := conditional.Data{X: e.windows.Past(x), Z: e.windows.Future(z), Given: e.windows.Past(z), Pasts: true}
	r, err := conditional.Estimate(ctx, given, conditional.Config{Way: e.cfg.Way, Estimate: cfg}, opts...)
	if err != nil {
		return d, err
	}
	d.Way, d.Warnings = r.Way, slices.Concat(r.Warnings, termWarnings(r.Taken()))
	for _, c := range r.Ways {
		t := termsOf(c, e.split)
		d.Ways = append(d.Ways, t)
		if t.Way == d.Way {
			d.Interval, d.Nothing = t.Interval, t.Nothing
		}
	}
	if w := belowZero(d.Interval); w != nil {
		d.Warnings = append(d.Warnings, *w)
	}
	if !e.cfg.Lagged {
		return d, nil
	}
	for k := range e.cfg.Lag {
		l := Lagged{Lag: e.cfg.Horizon + k}
		r, err := mine.Estimate(ctx, e.windows.At(x, -k), e.windows.Future(z), cfg, opts...)
		if err != nil {
			return d, fmt.Errorf("lag %d: %w", l.Lag, err)
		}
		l.Bound, l.Nothing, l.Warnings = e.split.limit(r.Bound), conditional.FoundNothing(r), r.Warnings
		d.Lagged = append(d.Lagged, l)
	}
	return d, nil
}
