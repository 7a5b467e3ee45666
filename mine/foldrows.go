package mine

import (
	"fmt"

	"gomine/mine/column"
	"gomine/mine/preprocess"
)

// FoldRows are the rows of a fold, by their numbers in the sources.
type FoldRows struct {
	// Learn are those that critics are trained on, of many the ones that are in memory first, and
	// then those that decide when they stop.
	Learn []int
	Test  []int // unit after unit
	Units []int // sizes of the blocks or groups that Test is; nil where every row is one
}

// FoldRows returns the rows of every fold, which follow from the data, the groups and
// Config alone.
func (e *Estimator) FoldRows() []FoldRows {
	all := make([]FoldRows, len(e.folds))
	for f, fold := range e.folds {
		all[f] = FoldRows{append(e.numbers(fold.train), e.numbers(fold.split(fold.validation))...), e.numbers(fold.split(fold.test)), fold.clusters}
	}
	return all
}

// numbers returns the rows at the positions of some ranges.
func (e *Estimator) numbers(ranges []preprocess.Range) (rows []int) {
	for _, r := range ranges {
		for p := r.Lo; p < r.Hi; p++ {
			rows = append(rows, e.arranged.order(p))
		}
	}
	return rows
}

// Tested is what the critics of a fold say of the rows that they have not learnt from.
type Tested struct {
	Rows []int // test rows, by their numbers in the sources
	// Units are the sizes of the blocks or groups that Rows are; nil where every row is one.
	Units    []int
	Estimate float64 // the bound on them, nats
	// Influence is what each row adds to the bound, less the mean: the variance of Estimate is
	// that of the mean of independent ones, see backend.Evaluation.
	Influence  []float64
	Validation float64 // the bound on the rows that decide when to stop, nats
}

// Tested returns what Result is made of, for the folds that have critics. The influence
// values of two estimates of the same rows, by WithFoldsOf, tell the error of their difference.
func (e *Estimator) Tested() ([]Tested, error) {
	if e.ensemble == nil {
		return nil, errNoCritic
	}
	tested := e.ensemble.stacked()
	all := make([]Tested, len(tested))
	for f, t := range tested {
		b, err := t.bound(e.cfg.Confidence)
		if err != nil {
			return nil, err
		}
		all[f] = Tested{e.numbers(e.ensemble.folds[f].split(e.ensemble.folds[f].test)), t.clusters, b.Estimate, t.influence, e.ensemble.validation(f)}
	}
	return all, nil
}

// WithFoldsOf splits the rows as another estimator of the same rows has split them, whatever
// columns it has been given: Config.Split, Config.Block, the groups and the seed of the split are
// its own. Config.Folds has to be the same.
func WithFoldsOf(other *Estimator) Option { return func(w *wiring) { w.arranged = &other.arranged } }

// arrange is how the rows are split.
func (e *Estimator) arrange(x, z column.Source) (arrangement, error) {
	a := e.wiring.arranged
	if a == nil {
		cfg, worth := e.cfg, e.wiring.worth
		if worth > 0 && cfg.Split == SplitAuto {
			cfg.Split = SplitRandom // blocks account for what they are made of
		}
		own, err := arrange(x, z, cfg, e.wiring.groups)
		if worth > 0 {
			own.worth, own.EffectiveRows, own.known = worth, max(1, int(worth*float64(x.Rows()))), true
		}
		return own, err
	}
	if a.total != x.Rows() {
		return arrangement{}, fmt.Errorf("mine: folds of %d rows, but there are %d", a.total, x.Rows())
	}
	return *a, nil
}
