package transfer

import (
	"fmt"
	"math"

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/dependence"
	"gomine/mine/lagged"
)

// Split says how the windows were cut into blocks, which are never torn.
type Split struct {
	Series  int `json:"series"`
	Windows int `json:"windows"` // in all
	Used    int `json:"used"`    // of them, those that are in no gap
	Blocks  int `json:"blocks"`
	Length  int `json:"length"` // rows of a block, but for shorter series
	Gap     int `json:"gap"`    // rows left out between two blocks of a series
	// CorrelationTime is over how many rows X and Z are correlated with themselves, see package
	// dependence; 1 if one of them is not.
	CorrelationTime float64 `json:"correlation_time"`
	// EffectiveRows is how many independent rows the windows used are worth, at most.
	EffectiveRows int `json:"effective_rows"`
	// Unresolved is whether the windows are too few correlation times to say anything of, as those of
	// random walks are: then no lower limit is above 0.
	Unresolved bool `json:"unresolved,omitempty"`
	// Levels is whether X and Z both differ in level between series, as weight and pulse do between
	// persons: then critics can know a series by its levels, and no lower limit is above 0.
	Levels bool `json:"levels,omitempty"`
}

// limited is whether no lower limit may be above 0.
func (s Split) limited() bool { return s.Unresolved || s.Levels }

const (
	// longTimes is how many gaps a block is long where rows are many, so that a twentieth is left out,
	// and leastTimes where they are few.
	longTimes, leastTimes = 20, 2
	// wantedBlocks is the number of blocks down to which they are that long, and leastBlocks the
	// fewest that mine splits.
	wantedBlocks, leastBlocks = 40, 10
	// leastLength is that of a block in any case, unless it is asked for.
	leastLength = 10
	// resolvedTimes is the number of correlation times below which nothing can be said, and
	// unresolvedBlocks the number of blocks then; as in package mine.
	resolvedTimes, unresolvedBlocks = 50, 16
)

// levelTimes is by how many times the correlation time of series with their levels has to be above that
// without for levels to count.
const levelTimes = 2

// serial looks at the order of rows within series, and says whether series differ in level on both sides:
// then rows of all series together are alike far beyond what those within a series are.
func serial(w *lagged.Windows, x, z column.Source) (found dependence.Finding, levels bool, err error) {
	if found, err = dependence.Find(w.At(x, 0), w.At(z, 0)); err != nil || w.Series() == 1 {
		return found, false, err
	}
	joined := found
	x, err = w.Within(x, 0)
	if err != nil {
		return found, false, err
	}
	if z, err = w.Within(z, 0); err != nil {
		return found, false, err
	}
	if found, err = dependence.Find(x, z); err != nil {
		return found, false, err
	}
	levels = joined.Serial && joined.Time > levelTimes*found.Time
	if levels {
		found.Effective = min(found.Effective, joined.Effective)
	}
	return found, levels, nil
}

// cut leaves out gaps of a window and of a correlation time, and returns the windows between,
// with the block of each.
func cut(w *lagged.Windows, x, z column.Source, cfg Config) (*lagged.Windows, []int, Split, error) {
	s := Split{Series: w.Series(), Windows: w.Rows()}
	found, levels, err := serial(w, x, z)
	if err != nil {
		return nil, nil, s, err
	}
	s.Levels = levels
	n := float64(s.Windows)
	s.CorrelationTime = found.Time
	s.Unresolved = found.Serial && n < resolvedTimes*found.Time
	gap := max(float64(cfg.Lag+cfg.Horizon), math.Ceil(found.Time))
	length := max(leastLength, leastTimes*gap, min(longTimes*gap, n/wantedBlocks-gap))
	if s.Unresolved {
		period := n / unresolvedBlocks
		gap = max(float64(cfg.Lag+cfg.Horizon), period/4)
		length = max(1, period-gap)
	}
	if asked := cfg.Estimate.Block; asked != mine.AutoLength {
		length = float64(asked)
	}
	s.Length, s.Gap = int(length), int(gap)
	kept, blocks := w.Cut(s.Length, s.Gap)
	s.Used, s.Blocks = kept.Rows(), blocks[len(blocks)-1]+1
	s.EffectiveRows = max(1, int(found.Effective*float64(s.Used)/n))
	if s.Blocks < leastBlocks {
		return nil, nil, s, fmt.Errorf("transfer: %d windows make %d blocks of %d rows with gaps of %d between them, want at least %d to train on some and know the error by others: give more rows, or a shorter lag: %w",
			s.Windows, s.Blocks, s.Length, s.Gap, leastBlocks, mine.ErrTooFewSamples)
	}
	return kept, blocks, s, nil
}
