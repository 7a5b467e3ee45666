package transfer

import (
	"context"
	"fmt"
	"slices"

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/conditional"
	"gomine/mine/independence"
)

// A Test is one of whether the past of one series tells nothing about the future of the other that the past of that
// one does not say.
type Test struct {
	// PValue is how likely, if there is no transfer, critics find as much as they do, or more: approximate, see
	// the package.
	PValue float64 `json:"p_value"`
	Blocks int     `json:"blocks"` // that are exchanged
	Length int     `json:"length"` // windows of each
	// Parts are those of package independence, where Trained and Tested are windows.
	Parts []independence.Part `json:"parts"`
	// Doubts say that the past still tells of what should be left without it.
	Doubts []mine.Warning `json:"doubts,omitempty"`
}

// testable reports series whose blocks cannot be exchanged.
func (s Split) testable() error {
	switch {
	case s.Unresolved:
		return fmt.Errorf("transfer: no test: rows are correlated over about %.0f of %d windows, as those of random walks are, and blocks of them are not independent of each other: give many more rows, or differences of successive ones: %w",
			s.CorrelationTime, s.Windows, independence.ErrPairing)
	case s.Levels:
		return fmt.Errorf("transfer: no test: the %d series differ in level, in X and in Z, so that blocks of different ones cannot be exchanged: subtract from each column the mean of its series, or test without: %w",
			s.Series, independence.ErrPairing)
	}
	return nil
}

// test tests whether x tells nothing about the future of z given the past of z.
func (e estimator) test(ctx context.Context, x, z column.Source) (*Test, error) {
	rows, groups, length := equalBlocks(e.blocks)
	cfg := independence.Config{Permutations: e.cfg.Permutations, Estimate: e.cfg.Estimate}
	cfg.Estimate.Split, cfg.Estimate.Block = mine.SplitAuto, mine.AutoLength // blocks are groups
	pick := func(s column.Source) column.Source { return column.Pick(s, rows) }
	given := conditional.Data{X: pick(e.windows.Past(x)), Z: pick(e.windows.Future(z)), Given: pick(e.windows.Past(z)), Groups: groups, Pasts: true}
	r, err := conditional.Test(ctx, given, cfg, e.opts...)
	if err != nil {
		return nil, fmt.Errorf("test: %w", err)
	}
	return &Test{PValue: r.PValue, Blocks: groups[len(groups)-1] + 1, Length: length, Parts: r.Parts, Doubts: r.Doubts}, nil
}

// equalBlocks returns windows of blocks of one length, with the block of each: the first ones of every block that has
// as many, of the length that keeps most windows. blocks are ascending.
func equalBlocks(blocks []int) (rows, kept []int, length int) {
	var sizes []int
	for i, b := range blocks {
		if i == 0 || b != blocks[i-1] {
			sizes = append(sizes, 0)
		}
		sizes[len(sizes)-1]++
	}
	descending := slices.Clone(sizes)
	slices.Sort(descending)
	slices.Reverse(descending)
	most := 0
	for k, size := range descending {
		if size*(k+1) > most {
			most, length = size*(k+1), size
		}
	}
	first, number := 0, 0
	for _, size := range sizes {
		if size >= length {
			for i := range length {
				rows, kept = append(rows, first+i), append(kept, number)
			}
			number++
		}
		first += size
	}
	return rows, kept, length
}
