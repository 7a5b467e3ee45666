package mine

import (
	"fmt"
	"math"
	"slices"

	"gomine/mine/preprocess"
)

// A fold is a share of the rows to test on, the rows that its critics learn from, and
// those that decide when they stop. It has no row twice.
type fold struct {
	counts                  foldCounts
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
// when to stop, the others are trained on. Every border is one of a unit. An error says what is a way out.
func newFolds(u units, cfg Config) ([]fold, error) {
	all := u.cut(cfg)
	for _, f := range all {
		if f.check(cfg, "") != nil {
			return nil, f.check(cfg, u.wayOut(cfg))
		}
	}
	return all, nil
}

// enough returns a number of folds, fewer than asked for if there is one, that are large enough; 0 if there is none.
func (u units) enough(cfg Config) int {
	var others []int
	for k := cfg.Folds; k > 0; k-- {
		others = append(others, k)
	}
	for k := cfg.Folds + 1; k <= min(leastBlocks, len(u.ends)/foldUnits); k++ { // for units of unequal sizes
		others = append(others, k)
	}
	for _, cfg.Folds = range others {
		if !slices.ContainsFunc(u.cut(cfg), func(f fold) bool { return f.check(cfg, "") != nil }) {
			return cfg.Folds
		}
	}
	return 0
}

// wayOut says how positions could be cut into folds that are large enough; it is empty if nothing is known to help.
func (u units) wayOut(cfg Config) string {
	switch k := u.enough(cfg); k {
	case 0:
	case 1:
		return "; one fold leaves enough"
	default:
		return fmt.Sprintf("; %d folds leave enough", k)
	}
	sizes := u.within(0, u.rows)
	switch {
	case sizes == nil:
		return ""
	case slices.Max(sizes) > u.rows/leastBlocks:
		return fmt.Sprintf("; one group or block has %d of the rows, and is not torn: give finer groups, or leave its rows out", slices.Max(sizes))
	}
	return "; give finer groups, or shorter blocks"
}

// cut makes the folds, whatever their sizes.
func (u units) cut(cfg Config) []fold {
	n := u.rows
	if cfg.Folds == 1 {
		validation := max(u.some(1), int(math.Round(cfg.ValidationFraction*float64(n))))
		test := u.border(n - max(u.some(foldUnits), int(math.Round(cfg.TestFraction*float64(n)))))
		train := u.border(test - validation)
		f := fold{worth: u.worth, train: arc(0, train, n), validation: arc(train, test-train, n), test: arc(test, n-test, n)}
		f.counts.RowCounts = RowCounts{Total: u.total, Train: train, Validation: test - train, Test: n - test, LeftOut: u.total - n}
		f.clusters = u.within(test, n)
		return []fold{f}
	}
	all := make([]fold, cfg.Folds)
	for i := range all {
		lo, hi := u.border(i*n/cfg.Folds), u.border((i+1)*n/cfg.Folds)
		rest := n - (hi - lo)
		wanted := max(minTestRows, u.some(1), int(math.Round(cfg.ValidationFraction*float64(rest))))
		validation := u.arc(hi, wanted)
		c := foldCounts{RowCounts: RowCounts{Total: u.total, Test: hi - lo, Validation: validation, Train: rest - validation, LeftOut: u.total - n}}
		if front := u.arc((hi+validation)%n, wanted); cfg.Networks > 1 && front >= minTestRows && front < c.Train-minTrainRows {
			c.front = front
		}
		all[i] = fold{
			counts: c, clusters: u.within(lo, hi), worth: u.worth,
			test: arc(lo, c.Test, n), validation: arc(hi, c.Validation, n), train: arc(hi+c.Validation, c.Train, n),
		}
	}
	return all
}

// check reports a fold that is too small to learn from or to judge by, and a way out.
func (f fold) check(cfg Config, way string) error {
	if err := f.counts.check(cfg, way); err != nil {
		return err
	}
	if f.clusters != nil && len(f.clusters) < leastClusters {
		return fmt.Errorf("mine: in %d folds, one is tested on %d groups or blocks of rows, want at least %d to know the error by%s: %w",
			cfg.Folds, len(f.clusters), leastClusters, way, ErrTooFewSamples)
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
func (f fold) limit(c foldCounts) fold {
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
