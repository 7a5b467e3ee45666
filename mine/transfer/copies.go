package transfer

import (
	"errors"
	"fmt"

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/dependence"
	"gomine/mine/lagged"
)

const (
	// leastCopies is the fewest windows that count as copies.
	leastCopies = 10
	// goOn is the share of copies above which the next window that shares no row with them is a copy too, as in
	// series and stretches that were copied: windows of few values meet by chance, and part then.
	goOn = 0.25
)

// ErrCopies is wrapped by the error about windows that are copies of others.
var ErrCopies = errors.New("copied rows")

// copies reports windows that are there again, which blocks that are trained on and blocks that are tested on
// would share: those whose rows of X and of Z both are, and go on so. Where Config.Estimate.Split is mine.SplitBlocks
// they do not matter.
func copies(w *lagged.Windows, x, z column.Source, cfg Config) error {
	if cfg.Estimate.Split == mine.SplitBlocks {
		return nil
	}
	group, err := equal(w, x, z)
	if err != nil {
		return err
	}
	apart := cfg.Lag + cfg.Horizon
	first := map[int]int{}
	count, followed, again := 0, 0, 0
	for i, g := range group {
		f, ok := first[g]
		switch {
		case !ok:
			first[g] = i
			continue
		case g == group[i-1]:
			continue
		}
		count++
		if next := i + apart; next < len(group) && w.SeriesOf(next) == w.SeriesOf(i) {
			followed++
			if group[next] == group[f+apart] {
				again++
			}
		}
	}
	if count < leastCopies || float64(again) < goOn*float64(followed) {
		return nil
	}
	return fmt.Errorf("transfer: %d of %d windows are copies of others, in X and in Z, so that what is trained on would be tested on: leave out the series or the rows that are there again; or, if equal windows are draws of their own, as of columns of few values, split in blocks all the same: %w",
		count, w.Rows(), ErrCopies)
}

// equal numbers the windows, equal ones the same, where dependence.FindRepeats takes equal ones for copies; nil where
// it does not. It is asked without those that are as the window before, as of values that stay for a while.
func equal(w *lagged.Windows, x, z column.Source) ([]int, error) {
	whole := func(s column.Source) column.Source { return column.Join(w.Past(s), w.Future(s)) }
	x, z = whole(x), whole(z)
	all, err := dependence.FindRepeats(x, z)
	if err != nil || all.Group == nil {
		return nil, err
	}
	var changes []int
	for i, g := range all.Group {
		if i == 0 || g != all.Group[i-1] {
			changes = append(changes, i)
		}
	}
	some, err := dependence.FindRepeats(column.Pick(x, changes), column.Pick(z, changes))
	if err != nil || some.Group == nil {
		return nil, err
	}
	for k, i := range changes {
		for ; i < len(all.Group) && (k+1 == len(changes) || i < changes[k+1]); i++ {
			all.Group[i] = some.Group[k]
		}
	}
	return all.Group, nil
}
