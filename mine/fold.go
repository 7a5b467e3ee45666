package mine

import (
	"fmt"
	"math"

	"gomine/mine/preprocess"
)

// A fold is a share of the rows to test on, the rows that its critics learn from, and
// those that decide when they stop. It has no row twice.
type fold struct {
	counts                  RowCounts
	train, validation, test []preprocess.Range // positions
	// clusters are the sizes of the units that the test rows are, one after the other; nil
	// where every row is one.
	clusters []int
	worth    float64 // how many independent rows a row is worth
	behind   int     // how many positions in split order there are between the training rows in memory and the others
}

// rows returns the positions of the fold: first those to train on, then those to
// validate, then the test rows, as counts has them.
func (f fold) rows() []preprocess.Range {
	var all []preprocess.Range
	for _, part := range [][]preprocess.Range{f.train, f.validation, f.test} {
		all = append(all, part...)
	}
	return all
}

// newFolds cuts the positions of units into Config.Folds folds. With one there are
// training, validation and test rows, one after the other. With several, each of as many
// equal shares is tested on once. The positions are a circle: those behind a share decide
// when to stop, the others are trained on. Every border is one of a unit.
func newFolds(u units, cfg Config) ([]fold, error) {
	n := u.rows
	if cfg.Folds == 1 {
		validation := max(u.some(1), int(math.Round(cfg.ValidationFraction*float64(n))))
		test := u.border(n - max(u.some(foldUnits), int(math.Round(cfg.TestFraction*float64(n)))))
		train := u.border(test - validation)
		f := fold{worth: u.worth, train: arc(0, train, n), validation: arc(train, test-train, n), test: arc(test, n-test, n)}
		f.counts = RowCounts{Total: u.total, Train: train, Validation: test - train, Test: n - test, LeftOut: u.total - n}
		f.clusters = u.within(test, n)
		return []fold{f}, f.check(cfg)
	}
	all := make([]fold, cfg.Folds)
	for i := range all {
		lo, hi := u.border(i*n/cfg.Folds), u.border((i+1)*n/cfg.Folds)
		rest := n - (hi - lo)
		validation := max(minTestRows, u.some(1), int(math.Round(cfg.ValidationFraction*float64(rest))))
		if end := hi + validation; end <= n {
			validation = u.border(end) - hi
		} else {
			validation = n + u.border(end-n) - hi
		}
		c := RowCounts{Total: u.total, Test: hi - lo, Validation: validation, Train: rest - validation, LeftOut: u.total - n}
		f := fold{counts: c, clusters: u.within(lo, hi), worth: u.worth}
		if err := f.check(cfg); err != nil {
			return nil, err
		}
		f.test, f.validation, f.train = arc(lo, c.Test, n), arc(hi, c.Validation, n), arc(hi+c.Validation, c.Train, n)
		all[i] = f
	}
	return all, nil
}

// check reports a fold that is too small to learn from or to judge by.
func (f fold) check(cfg Config) error {
	if err := f.counts.check(cfg); err != nil {
		return err
	}
	if f.clusters != nil && len(f.clusters) < leastClusters {
		return fmt.Errorf("mine: in %d folds, one is tested on %d groups or blocks of rows, want at least %d to know the error by; take fewer folds, or shorter blocks: %w",
			cfg.Folds, len(f.clusters), leastClusters, ErrTooFewSamples)
	}
	return nil
}

// arc returns the count positions from lo on, on the circle of n.
func arc(lo, count, n int) []preprocess.Range {
	lo %= n
	if lo+count <= n {
		return []preprocess.Range{{Lo: lo, Hi: lo + count}}
	}
	return []preprocess.Range{{Lo: lo, Hi: n}, {Lo: 0, Hi: lo + count - n}}
}

// limit returns the fold with its first rows of each part, as many as c says.
func (f fold) limit(c RowCounts) fold {
	return fold{counts: c, worth: f.worth, behind: f.behind, train: first(f.train, c.held()), validation: first(f.validation, c.Validation), test: first(f.test, c.Test)}
}

// first returns the first count positions of some ranges.
func first(ranges []preprocess.Range, count int) []preprocess.Range {
	var some []preprocess.Range
	for _, r := range ranges {
		if r.Hi = min(r.Hi, r.Lo+count); r.Hi > r.Lo {
			some = append(some, r)
			count -= r.Hi - r.Lo
		}
	}
	return some
}
