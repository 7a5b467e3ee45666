package mine

import (
	"fmt"
	"math"
	"slices"

	"gomine/mine/dependence"
)

const (
	// influenceLevel is how often the influence values of independent rows may be taken for
	// correlated.
	influenceLevel = 1e-4
	// influenceTime is the correlation time of influence values from which on the standard
	// error of independent rows is too small by a quarter.
	influenceTime = 1.5
)

// limit takes back what cannot be said of so few independent rows: an exponential mean is
// over them, and where nothing can be said, no bound is above 0.
func (a arrangement) limit(b Bound) Bound {
	if a.ends == nil {
		return b
	}
	b.LowerBound = min(b.LowerBound, math.Log(float64(a.EffectiveRows)))
	if a.Unresolved {
		b.Low, b.LowerBound = min(b.Low, 0), min(b.LowerBound, 0)
	}
	return b
}

// warnings tell how rows depend on each other, and what was made of it.
func (a arrangement) warnings(folds []fold, tested []tested) []Warning {
	if a.known {
		return nil
	}
	var out []Warning
	warn := func(code WarningCode, format string, args ...any) {
		out = append(out, Warning{code, fmt.Sprintf(format, args...)})
	}
	time := int(math.Round(a.CorrelationTime))
	cut := fmt.Sprintf("split in %d blocks of %d, with %d left out between them", a.Units, a.Block, a.Gap)
	switch {
	case a.Kind == SplitGroups:
		out = a.groupWarnings(cut)
	case a.Unresolved:
		warn(WarnUnresolved, "rows are correlated over about %d rows of %d, as those of random walks are, which meet by chance: nothing certain can be said, so the bound is not put above 0. Give many more rows, or differences of successive ones, if their information is what you ask for. The rows were %s",
			time, a.total, cut)
	case a.Kind == SplitBlocks && time > 1:
		warn(WarnSerial, "rows are correlated over about %d rows: %s; effective rows %d", time, cut, a.EffectiveRows)
	case a.Kind == SplitRepeats:
		warn(WarnRepeats, "%d rows are repeated ones, duplicates of each other: those that are the same were kept together in one fold; effective rows %d", a.Repeated, a.EffectiveRows)
	}
	if a.Kind == SplitBlocks && a.Repeated > 0 {
		warn(WarnRepeats, "%d rows are repeated ones, duplicates of each other, of which the first was used and the others were left out", a.Repeated)
	}
	switch {
	case a.Sorted && a.Kind == SplitGroups:
		warn(WarnOrdered, "groups are in the order of a column, so that those that follow each other are alike, and were taken for independent groups that have been sorted: if their order is that of time, leave the groups out, and split in blocks")
	case a.Sorted:
		warn(WarnOrdered, "rows are in the order of a column, so that neighbours are alike, and were taken for independent rows that have been sorted: if their order is that of time, split in blocks")
	}
	if a.Sorted {
		return out
	}
	values := a.inOrder(folds, tested)
	m := dependence.Of(values, influenceLevel)
	over := m.Time()
	switch {
	case !m.Significant || over <= influenceTime:
	case a.Kind == SplitRepeats:
		warn(WarnSerial, "what single rows add to the estimate, those of copies together, is correlated over about %.0f of %d, more than the split accounts for: the standard error is too small; leave the copies out, and split in blocks, or give the groups that rows belong to",
			math.Ceil(over), len(values))
	case a.together():
		warn(WarnSerial, "groups that follow each other are alike: what single ones add to the estimate is correlated over about %.0f of %d, more than the split accounts for, and the standard error is too small; %s",
			math.Ceil(over), len(values), coarser)
	case over > float64(a.Block):
		warn(WarnSerial, "what single rows add to the estimate is correlated over about %.0f rows, more than the split accounts for: the standard error is too small; split in blocks of %d or more, or give the groups that rows belong to",
			math.Ceil(over), int(math.Ceil(blockTimes*over)))
	}
	return out
}

// coarser is what to do about groups that follow each other and are alike.
const coarser = "give coarser groups, such as days for hours, or leave them out, and split in blocks"

// groupWarnings tell how groups depend on each other; cut is how they were cut.
func (a arrangement) groupWarnings(cut string) (out []Warning) {
	warn := func(code WarningCode, format string, args ...any) {
		out = append(out, Warning{code, fmt.Sprintf(format, args...)})
	}
	time := int(math.Ceil(a.CorrelationTime))
	switch {
	case a.Unresolved:
		warn(WarnUnresolved, "groups that follow each other are alike, over about %d of them, and there are too few to tell that from chance: nothing certain can be said, so the bound is not put above 0. Give many more groups, or differences of successive ones, if their information is what you ask for. The groups were %s",
			time, cut)
	case a.Block > 0:
		warn(WarnSerial, "groups that follow each other are alike, over about %d of them: %s; effective rows %d. To have it otherwise, %s", time, cut, a.EffectiveRows, coarser)
	}
	if a.Repeated > 0 {
		left := "as one"
		if a.Block == 0 {
			left = fmt.Sprintf("and make %d that share none", a.Units)
		}
		warn(WarnRepeats, "groups hold copies of each other's rows, %d in all: those that do were kept together, %s; effective rows %d", a.Repeated, left, a.EffectiveRows)
	}
	return out
}

// together is whether units are rows that belong together wherever they are, not neighbours.
func (a arrangement) together() bool { return a.Kind == SplitGroups || a.Kind == SplitRepeats }

// inOrder returns the influence values of all rows that were tested on, in the order of rows. Those of rows that
// are kept together are one sum, in the order of the first of them.
func (a arrangement) inOrder(folds []fold, tested []tested) []float64 {
	type at struct {
		row   int
		value float64
	}
	var all []at
	for f, t := range tested {
		i, unit, end := 0, 0, 0 // end of the unit before
		for _, part := range folds[f].test {
			for p := part.Lo; p < part.Hi; p++ {
				one := at{a.order(p), t.influence[i]}
				switch {
				case !a.together():
					all = append(all, one)
				case i == end:
					all, end = append(all, one), end+t.clusters[unit]
					unit++
				default:
					last := &all[len(all)-1]
					last.row, last.value = min(last.row, one.row), last.value+one.value
				}
				i++
			}
		}
	}
	slices.SortFunc(all, func(a, b at) int { return a.row - b.row })
	values := make([]float64, len(all))
	for i, v := range all {
		values[i] = v.value
	}
	return values
}
