package mine

import (
	"math"

	"gomine/mine/preprocess"
)

// A fold is a share of the rows to test on, the rows that its critics learn from, and
// those that decide when they stop. It has no row twice.
type fold struct {
	counts                  RowCounts
	train, validation, test []preprocess.Range // positions
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

// newFolds cuts n positions into Config.Folds folds. With one there are training,
// validation and test rows, one after the other. With several, each of as many equal
// shares is tested on once. The positions are a circle: those behind a share decide
// when to stop, the others are trained on.
func newFolds(n int, cfg Config) ([]fold, error) {
	if cfg.Folds == 1 {
		c, err := split(n, cfg)
		if err != nil {
			return nil, err
		}
		f := fold{counts: c, train: arc(0, c.Train, n), validation: arc(c.Train, c.Validation, n), test: arc(c.Train+c.Validation, c.Test, n)}
		return []fold{f}, nil
	}
	all := make([]fold, cfg.Folds)
	for i := range all {
		lo, hi := i*n/cfg.Folds, (i+1)*n/cfg.Folds
		rest := n - (hi - lo)
		c := RowCounts{Total: n, Test: hi - lo, Validation: max(minTestRows, int(math.Round(cfg.ValidationFraction*float64(rest))))}
		c.Train = rest - c.Validation
		if err := c.check(cfg); err != nil {
			return nil, err
		}
		all[i] = fold{counts: c, test: arc(lo, c.Test, n), validation: arc(hi, c.Validation, n), train: arc(hi+c.Validation, c.Train, n)}
	}
	return all, nil
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
	return fold{counts: c, train: first(f.train, c.Train), validation: first(f.validation, c.Validation), test: first(f.test, c.Test)}
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
