package mine

import (
	"context"
	"fmt"
	"math"

	"gomine/mine/column"
	"gomine/mine/dependence"
	"gomine/mine/preprocess"
)

// An arrangement is the order in which rows are split, and what stays together.
type arrangement struct {
	Split
	units
	order preprocess.Order
	known bool // units are blocks of a series, made of what is known of it
}

const (
	// blockTimes is how many correlation times a block is long where rows are many, and
	// leastTimes where they are few.
	blockTimes, leastTimes = 10, 2
	// wantedBlocks is the number of blocks down to which they are that long.
	wantedBlocks = 40
	// leastBlocks is the fewest that leave something to train on and know errors by.
	leastBlocks = 10
	// resolvedTimes is the number of correlation times below which there is no telling
	// whether what two series have in common would be there again: of 50 of them, 25 rows
	// of each side are independent, and the time itself is uncertain by a third.
	resolvedTimes = 50
	// unresolvedBlocks is the number of blocks then.
	unresolvedBlocks = 16
	// foldUnits is the number of blocks or groups that a fold should be tested on.
	foldUnits = 3
	// leastLength is that of blocks of rows that are not correlated.
	leastLength = 10
)

// arrange looks at how the rows depend on each other and says how they are split.
func arrange(x, z column.Source, cfg Config, groups []int) (arrangement, error) {
	n := x.Rows()
	random := arrangement{Split: Split{Kind: SplitRandom, EffectiveRows: n}, units: independent(n), order: preprocess.Shuffled(n, cfg.Seed)}
	switch {
	case groups != nil:
		if err := cfg.ValidateGroups(); err != nil {
			return random, err
		}
		return grouped(x, z, cfg, groups)
	case cfg.Split == SplitRandom:
		return random, nil
	}
	repeats, err := findRepeats(x, z, cfg)
	if err != nil {
		return random, err
	}
	kept := firsts(repeats.Group)
	found, err := dependence.Find(column.Pick(x, kept), column.Pick(z, kept))
	if err != nil {
		return random, err
	}
	random.CorrelationTime, random.Sorted = found.Time, found.Sorted
	switch {
	case found.Serial || cfg.Split == SplitBlocks || cfg.Block != AutoLength:
		a, err := blocked(n, kept, found, cfg, leastLength)
		a.Repeated = repeats.Rows
		return a, err
	case repeats.Group != nil:
		a := keep(repeats.Group, repeats.Groups, cfg.Seed)
		a.Split = Split{Kind: SplitRepeats, CorrelationTime: found.Time, EffectiveRows: repeats.Groups, Units: repeats.Groups, Repeated: repeats.Rows, Sorted: found.Sorted}
		return a, nil
	}
	return random, nil
}

// findRepeats looks for rows that are there more than once, unless Config.Split says that they do
// not matter.
func findRepeats(x, z column.Source, cfg Config) (none dependence.Repeats, err error) {
	if cfg.Split != SplitAuto {
		return none, nil
	}
	may, err := dependence.MayRepeat(x, z)
	if err != nil || !may {
		return none, err
	}
	if need := Bytes(rowShare * repeatBytes * x.Rows()).rounded(); cfg.Memory != AllMemory && need > cfg.Memory {
		return none, &FieldError{Field: "memory", Value: cfg.Memory,
			Want: fmt.Sprintf("at least %v, to know which of %d rows are copies of others, for some are; or rows without copies", need, x.Rows()),
			Or:   "split", How: "%s random if equal rows are independent draws"}
	}
	return dependence.FindRepeats(x, z)
}

// prepared reports how many of the passes of preparation are done: of the check, of the search for
// rows that depend on each other, of the gathering, and of the counts.
func (e *Estimator) prepared(passes int) {
	e.wiring.report(Progress{Phase: PhasePrepare, Step: passes, Steps: 4})
}

// FindSplit says how an estimate of x and z would split its rows, and why, without making one. groups are
// those of WithGroups, nil for none.
func FindSplit(x, z column.Source, cfg Config, groups []int) (Split, error) {
	if err := preprocess.Check(x, z); err != nil {
		return Split{}, err
	}
	a, err := arrange(x, z, cfg, groups)
	return a.Split, err
}

// split puts the rows in the order that they are split in. Where there are few blocks or
// groups, there are fewer folds.
func (e *Estimator) split(ctx context.Context, x, z column.Source) (err error) {
	readX, readZ := interruptible{x, ctx}, interruptible{z, ctx}
	if err = preprocess.Check(readX, readZ); err != nil {
		return err
	}
	e.prepared(1)
	if e.arranged, err = e.arrange(readX, readZ); err != nil {
		return err
	}
	e.prepared(2)
	if ends := e.arranged.ends; ends != nil && e.cfg.Folds > 1 {
		e.cfg.Folds = min(e.cfg.Folds, max(2, len(ends)/foldUnits))
	}
	if e.folds, err = e.arranged.folds(&e.cfg); err != nil {
		return err
	}
	if err = e.fitBatch(); err != nil {
		return err
	}
	if err = e.place(x, z); err != nil {
		return err
	}
	e.pairs.Call(e.wiring.called[0], e.wiring.called[1])
	e.prepared(3)
	e.nearest, err = e.newNearest()
	return err
}

// fitBatch makes a batch no larger than the fewest rows that a fold is trained on.
func (e *Estimator) fitBatch() error {
	least := e.folds[0].counts.Train
	for _, f := range e.folds {
		c := f.counts
		least = min(least, c.Train, c.Train+c.Validation-c.front) // by first networks, and by second ones
	}
	if e.cfg.Batch <= least {
		return nil
	}
	e.asked = e.cfg.Batch
	e.cfg.Batch = largestBatch(least)
	if e.cfg.Marginals >= e.cfg.Batch {
		return &FieldError{Field: "marginals", Value: e.cfg.Marginals,
			Want: fmt.Sprintf("less than the %d rows of a batch, of which %d training rows allow no more", e.cfg.Batch, least), Err: ErrTooFewSamples}
	}
	return nil
}

// batchWarning says that a batch has fewer rows than asked for. That one of the settings for so many rows does not
// fit folds that have fewer to train on than usual, nobody needs to know.
func (e *Estimator) batchWarning() []Warning {
	if e.asked <= ConfigFor(e.arranged.total, Normal).Batch {
		return nil
	}
	return []Warning{{WarnBatch, fmt.Sprintf("batches have %d rows, not %d, which are more than every fold has to train on", e.cfg.Batch, e.asked)}}
}

// folds cuts the units into folds, of another number where the search for series has cut blocks that are too few for it.
func (a arrangement) folds(cfg *Config) ([]fold, error) {
	found := a.Kind == SplitBlocks && cfg.Split == SplitAuto && cfg.Block == AutoLength
	if found {
		if k := a.enough(*cfg); k > 0 {
			cfg.Folds = k
		}
	}
	all, err := newFolds(a.units, *cfg)
	if err != nil && found {
		err = fmt.Errorf("%w. The rows are correlated over about %.0f rows, as those of series are, and were cut in blocks: if they are independent, split them at random", err, a.CorrelationTime)
	}
	return all, err
}

// listed is an order in a table.
func listed(order []int32) preprocess.Order { return func(p int) int { return int(order[p]) } }

// blocked cuts the kept rows, all n where kept is nil, into blocks of neighbours, which it puts
// in random order. Behind each it leaves out a correlation time, over which the
// autocorrelations of a first-order autoregressive series fall to e^-2, and their products to
// e^-4. Rows that are left out have the last positions. A block has least rows, unless Config.Block says otherwise.
func blocked(n int, kept []int, found dependence.Finding, cfg Config, least float64) (arrangement, error) {
	rows := n
	if kept != nil {
		rows = len(kept)
	}
	row := func(i int) int32 {
		if kept != nil {
			i = kept[i]
		}
		return int32(i)
	}
	s := Split{
		Kind: SplitBlocks, CorrelationTime: found.Time, EffectiveRows: max(1, int(found.Effective)),
		Unresolved: found.Serial && float64(rows) < resolvedTimes*found.Time,
	}
	block, gap := lengths(rows, found.Time, least, s.Unresolved)
	if cfg.Block != AutoLength {
		block = float64(cfg.Block)
		gap = min(gap, block)
	}
	s.Gap = int(math.Ceil(gap))
	s.Units = (rows + s.Gap) / (int(block) + s.Gap)
	if s.Units < leastBlocks {
		most := (rows+s.Gap)/leastBlocks - s.Gap
		return arrangement{}, &FieldError{Field: "block", Value: cfg.Block,
			Want: fmt.Sprintf("at most %d, to cut %d rows into %d blocks", max(1, most), rows, leastBlocks), Err: ErrTooFewSamples}
	}
	s.Block = (rows+s.Gap)/s.Units - s.Gap
	shuffled := preprocess.Shuffled(s.Units, cfg.Seed)
	border := func(b int) int { return b * (rows + s.Gap) / s.Units }
	order, ends := make([]int32, 0, n), make([]int, 0, s.Units)
	used := make([]bool, n)
	for p := range s.Units {
		b := shuffled(p)
		for i := border(b); i < border(b+1)-s.Gap; i++ {
			order = append(order, row(i))
			used[row(i)] = true
		}
		ends = append(ends, len(order))
	}
	u := units{len(order), n, ends, float64(s.EffectiveRows) / float64(rows)}
	for i, in := range used {
		if !in {
			order = append(order, int32(i))
		}
	}
	return arrangement{Split: s, units: u, order: listed(order)}, nil
}

// lengths are those of the blocks and of the gaps between, by the correlation time.
func lengths(rows int, time, least float64, unresolved bool) (block, gap float64) {
	if unresolved {
		period := float64(rows) / unresolvedBlocks
		return math.Floor(0.75 * period), math.Floor(0.25 * period)
	}
	long, short := blockTimes*time, leastTimes*time
	block = max(short, min(long, float64(rows)/wantedBlocks-time))
	return math.Ceil(max(block, least)), time
}

// firsts are the rows that are the first of their groups; nil without groups.
func firsts(group []int) []int {
	if group == nil {
		return nil
	}
	var rows []int
	seen := map[int]bool{}
	for i, g := range group {
		if !seen[g] {
			seen[g] = true
			rows = append(rows, i)
		}
	}
	return rows
}
