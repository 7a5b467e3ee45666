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
	var out []Warning
	warn := func(code WarningCode, format string, args ...any) {
		out = append(out, Warning{code, fmt.Sprintf(format, args...)})
	}
	time := int(math.Round(a.CorrelationTime))
	cut := fmt.Sprintf("split in %d blocks of %d, with %d left out between them", a.Units, a.Block, a.Gap)
	switch {
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
	if a.Sorted || a.Kind == SplitGroups || a.Kind == SplitRepeats {
		return out
	}
	m := dependence.Of(a.inOrder(folds, tested), influenceLevel)
	if over := m.Time(); m.Significant && over > influenceTime && over > float64(a.Block) {
		warn(WarnSerial, "what single rows add to the estimate is correlated over about %.0f rows, more than the split accounts for: the standard error is too small; split in blocks of %d or more, or give the groups that rows belong to",
			math.Ceil(over), int(math.Ceil(blockTimes*over)))
	}
	return out
}

// inOrder returns the influence values of all rows that were tested on, in the order of rows.
func (a arrangement) inOrder(folds []fold, tested []tested) []float64 {
	type at struct {
		row   int
		value float64
	}
	var all []at
	for f, t := range tested {
		i := 0
		for _, part := range folds[f].test {
			for p := part.Lo; p < part.Hi; p++ {
				all = append(all, at{a.order(p), t.influence[i]})
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
