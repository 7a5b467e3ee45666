package independence

import (
	"fmt"
	"math"

	"gomine/mine"
	"gomine/mine/preprocess"
	"gomine/mine/sampling"
)

// A plan says which rows are tested on after which, and how they are paired.
type plan struct {
	pairing Pairing
	unit    int // rows of what is exchanged: 1, or those of a group
	gap     int // rows that a rotation has to exceed
	seed    uint64
	stages  []stage
	pieces  []int // of each row, the number of the piece of a stratum that it is exchanged in; nil without strata
}

// A stage is rows to train on, and rows behind them to test on.
type stage struct{ trained, tested []int }

const (
	// leastTrained is the fewest rows that mine.Fit can learn from: in three folds, of which one
	// is tested on, and the others give 20 rows to validate and 20 to train.
	leastTrained = 60
	// leastTested is the fewest rows to test on.
	leastTested = 20
	// mostTested is the most: 999 permutations of them are 4 million pairs, and the
	// statistic is known to .016 by then.
	mostTested = 4000
	// leastGroups has 120 permutations.
	leastGroups = 5
	// leastTrainedGroups is the fewest that mine.Fit splits.
	leastTrainedGroups = 10
	// leastTimes is how many correlation times a part of a series is long.
	leastTimes = 20
)

// newPlan decides by how the rows depend on each other.
func newPlan(d Data, split mine.Split, seed uint64) (*plan, error) {
	n := d.X.Rows()
	switch {
	case d.Strata != nil && (d.Groups != nil || split.Kind == mine.SplitBlocks):
		return nil, fmt.Errorf("independence: rows that belong together in groups, or in a series, are not exchanged within strata: %w", ErrPairing)
	case split.Repeated > 0: // in a series too
		return nil, CheckCopies(split, n)
	case d.Groups != nil:
		return groupPlan(d.Groups, seed)
	case split.Kind == mine.SplitBlocks:
		return seriesPlan(n, split, seed)
	}
	if d.Strata != nil {
		if len(d.Strata) != n {
			return nil, fmt.Errorf("independence: %d strata of %d rows, want one a row: %w", len(d.Strata), n, ErrPairing)
		}
		return strataPlan(d.Strata, seed)
	}
	p := &plan{pairing: Rows, unit: 1, seed: seed}
	units := shuffled(single(n), seed)
	if !p.cut(units, leastTrained, leastTested) {
		return nil, tooFew(n)
	}
	return p, nil
}

func tooFew(n int) error {
	return fmt.Errorf("independence: %d rows, want at least %d to train on some and test on others: %w", n, leastTrained+leastTested, mine.ErrTooFewSamples)
}

// CheckCopies reports, by an error that wraps ErrPairing, that some of n rows are copies of others, which a
// permutation takes apart. split is how they would be split.
func CheckCopies(split mine.Split, n int) error {
	if split.Repeated == 0 {
		return nil
	}
	others := "others"
	if split.Kind == mine.SplitGroups {
		others = "rows in other groups"
	}
	return fmt.Errorf("independence: %d of %d rows are copies of %s, which a permutation takes apart: if equal rows are draws of their own, as of columns of few values, split at random, else leave the copies out: %w",
		split.Repeated, n, others, ErrPairing)
}

// single makes every row a unit.
func single(n int) [][]int {
	units := make([][]int, n)
	for i := range units {
		units[i] = []int{i}
	}
	return units
}

// shuffled returns units in random order.
func shuffled(units [][]int, seed uint64) [][]int {
	order := preprocess.Shuffled(len(units), seed)
	all := make([][]int, len(units))
	for p := range all {
		all[p] = units[order(p)]
	}
	return all
}

// cut makes the stages of units of rows: half of them, then a quarter tested on and trained on,
// and the last quarter tested on; fewer to test on where they are very many. Where
// half are too few to train on, there is one stage. It reports whether there are units enough.
func (p *plan) cut(units [][]int, train, test int) bool {
	u := len(units)
	tested := min(u/4, max(test, mostTested/p.unit))
	first := u - 2*tested
	if first < train || tested < test {
		first, tested = max(train, u/2), 0
		if tested = u - first; tested < test {
			return false
		}
	}
	for ; first < u; first += tested {
		p.stages = append(p.stages, stage{flat(units[:first]), flat(units[first : first+tested])})
	}
	return true
}

func flat(units [][]int) (rows []int) {
	for _, u := range units {
		rows = append(rows, u...)
	}
	return rows
}

// groupPlan exchanges groups, in random order.
func groupPlan(ids []int, seed uint64) (*plan, error) {
	groups := unitsOf(ids)
	least, most := len(ids), 0
	for _, g := range groups {
		least, most = min(least, len(g)), max(most, len(g))
	}
	if least != most {
		return nil, fmt.Errorf("independence: groups have from %d to %d rows, and only groups of one size can be exchanged: give as many rows of each: %w", least, most, ErrPairing)
	}
	p := &plan{pairing: Groups, unit: least, seed: seed}
	train := max(leastTrainedGroups, (leastTrained+least-1)/least)
	if !p.cut(shuffled(groups, seed), train, leastGroups) {
		return nil, fmt.Errorf("independence: %d groups of %d rows, want at least %d groups to train on some and test on others: %w", len(groups), least, train+leastGroups, mine.ErrTooFewSamples)
	}
	return p, nil
}

// unitsOf lists the rows of each group, the groups in the order of their first rows.
func unitsOf(ids []int) [][]int {
	number := map[int]int{}
	var groups [][]int
	for i, id := range ids {
		g, ok := number[id]
		if !ok {
			g = len(groups)
			number[id] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], i)
	}
	return groups
}

// seriesPlan rotates stretches of a series, a correlation time behind the rows that are trained on.
func seriesPlan(n int, split mine.Split, seed uint64) (*plan, error) {
	gap := max(1, int(math.Ceil(split.CorrelationTime)))
	tested := min(n/4, max(mostTested, (leastTimes+1)*gap)) - gap
	if split.Unresolved || tested < leastTimes*gap || tested < leastTested+2*gap {
		return nil, fmt.Errorf("independence: rows are correlated over about %d of %d rows, want %d times as many to rotate: give many more rows, or differences of successive ones; only if rows are independent and were sorted by a column that is not selected, split at random: %w",
			gap, n, 4*(leastTimes+1), ErrPairing)
	}
	p := &plan{pairing: Rotations, unit: 1, gap: gap, seed: seed}
	for _, end := range []int{n - tested - gap, n} {
		p.stages = append(p.stages, stage{span(0, end-tested-gap), span(end-tested, end)})
	}
	return p, nil
}

func span(lo, hi int) []int {
	rows := make([]int, hi-lo)
	for i := range rows {
		rows[i] = lo + i
	}
	return rows
}

// permutations returns how many pairings of rows there are to try of those asked for, and
// pairing b of stage f: number i of x goes with number to(i) of z.
func (p *plan) permutations(f int, rows []int, asked int) (count int, pairing func(b int) (to func(i int) int)) {
	n := len(rows)
	if p.pairing == Rotations {
		shifts := n - 2*p.gap + 1 // from gap to n - gap
		order := sampling.NewPermutation(uint64(shifts), p.seed, sampling.StreamPermute, uint64(f)<<32)
		return min(asked, shifts), func(b int) func(int) int {
			shift := p.gap + int(order.At(uint64(b)))
			return func(i int) int { return (i + shift) % n }
		}
	}
	if p.pieces != nil {
		return asked, func(b int) func(int) int { return p.within(rows, f, b) }
	}
	return asked, func(b int) func(int) int {
		order := sampling.NewPermutation(uint64(n/p.unit), p.seed, sampling.StreamPermute, uint64(f)<<32|uint64(b))
		return func(i int) int { return int(order.At(uint64(i/p.unit)))*p.unit + i%p.unit }
	}
}
