package transfer

import (
	"fmt"
	"math"
	"slices"

	"gomine/mine"
	"gomine/mine/conditional"
)

// Codes of warnings.
const (
	WarnNegative mine.WarningCode = "negative" // an estimate is below 0 by more than chance
	WarnLevels   mine.WarningCode = "levels"   // series can be known by their levels
)

const (
	// negativeErrors is how many standard errors below 0 an estimate has to be for a warning, as one in 44
	// is by chance where there is nothing, and negativeNats how far at least.
	negativeErrors = 2
	negativeNats   = 0.01
)

// belowZero warns of an estimate that no information is.
func belowZero(i conditional.Interval) *mine.Warning {
	if i.Estimate > -max(negativeErrors*i.StdErr, negativeNats) {
		return nil
	}
	return &mine.Warning{Code: WarnNegative, Message: fmt.Sprintf("%.3f nats, below 0 by more than their error, are of critics that find less in the past and the future together than in the past alone: the number says nothing; give more rows, fewer columns or a shorter lag, or more effort", i.Estimate)}
}

// termWarnings are those of both terms of a way; of the second one, those that the first has not.
func termWarnings(c *conditional.Contrast) []mine.Warning {
	all := slices.Clone(c.With.Warnings)
	for _, w := range c.Without.Warnings {
		if !slices.Contains(c.With.Warnings, w) {
			w.Message = "of the second term, which is taken off, so that the estimate is too high where it is too low: " + w.Message
			all = append(all, w)
		}
	}
	return all
}

// warnings tell what limits both directions.
func warnings(s Split) (out []mine.Warning) {
	if s.Unresolved {
		out = append(out, mine.Warning{Code: mine.WarnUnresolved, Message: fmt.Sprintf("rows are correlated over about %.0f of %d windows, as those of random walks are, which meet by chance: nothing certain can be said, so no lower limit is put above 0. Give many more rows, or differences of successive ones, if their information is what you ask for",
			math.Round(s.CorrelationTime), s.Windows)})
	}
	if s.Levels {
		out = append(out, mine.Warning{Code: WarnLevels, Message: fmt.Sprintf("the %d series differ in level, in X and in Z: critics may know a series by its levels, and then the estimate is too high, so no lower limit is put above 0; and what X says may be hidden beside the levels, and then it is too low. Subtract from each column the mean of its series, if what happens within a series is what you ask for",
			s.Series)})
	}
	return out
}
