package mine

import (
	"encoding/json"
	"fmt"
	"strconv"

	"gomine/mine/backend"
)

// SplitKind is what is kept together where rows are split into those that are trained
// on and those that are tested on.
type SplitKind string

const (
	SplitAuto    SplitKind = "auto"    // what the data ask for; in a Config alone
	SplitRandom  SplitKind = "random"  // nothing: every row is independent of the others
	SplitBlocks  SplitKind = "blocks"  // neighbouring rows, with gaps between
	SplitGroups  SplitKind = "groups"  // the rows of a group, see WithGroups; in a Result alone
	SplitRepeats SplitKind = "repeats" // rows that are the same; in a Result alone
)

// SplitKinds lists those that a Config may have.
func SplitKinds() []SplitKind { return []SplitKind{SplitAuto, SplitRandom, SplitBlocks} }

func (k SplitKind) String() string { return string(k) }

// A Length is a number of rows, or AutoLength. As JSON and as text it is a number or
// "auto".
type Length int

// AutoLength is the Length that the data ask for.
const AutoLength Length = 0

func (l Length) String() string {
	if l == AutoLength {
		return "auto"
	}
	return strconv.Itoa(int(l))
}

// MarshalJSON returns a number, or "auto".
func (l Length) MarshalJSON() ([]byte, error) {
	if l == AutoLength {
		return []byte(`"auto"`), nil
	}
	return json.Marshal(int(l))
}

// UnmarshalJSON reads what MarshalJSON returns.
func (l *Length) UnmarshalJSON(text []byte) error {
	if string(text) == `"auto"` {
		*l = AutoLength
		return nil
	}
	return json.Unmarshal(text, (*int)(l))
}

// Split says how the rows were split, and why.
type Split struct {
	Kind SplitKind `json:"kind"`
	// CorrelationTime is over how many rows they are correlated, 1 if they are not, see
	// package dependence; 0 where it was not looked for. With SplitGroups it is over how many groups, in the
	// order of their first rows, these are, and Block, Gap and Units are those of the blocks that they are kept
	// together in if they are.
	CorrelationTime float64 `json:"correlation_time,omitempty"`
	// EffectiveRows is how many independent rows they are worth, at most.
	EffectiveRows int  `json:"effective_rows"`
	Block         int  `json:"block,omitempty"`    // rows of a block
	Gap           int  `json:"gap,omitempty"`      // rows left out between two
	Units         int  `json:"units,omitempty"`    // blocks, or groups that share no rows
	Repeated      int  `json:"repeated,omitempty"` // rows that are there more than once, with SplitGroups in several groups
	Sorted        bool `json:"sorted,omitempty"`   // they are in the order of a column, so that near ones are alike
	// Unresolved is whether there are too few independent rows to say anything of, as
	// in random walks: then no bound is above 0.
	Unresolved bool `json:"unresolved,omitempty"`
}

// minTestRows is the smallest number of validation or test rows: with fewer the
// bound is noise and its ceiling ln n below 3 nats.
const minTestRows = 20

// minTrainRows is the smallest number of training rows, which make one batch: kernels are made for multiples of it.
const minTrainRows = 16

// RowCounts says how the rows were split.
type RowCounts struct {
	Total      int `json:"total"`
	Train      int `json:"train"`
	Validation int `json:"validation"`
	Test       int `json:"test"`
	LeftOut    int `json:"left_out,omitempty"` // between blocks, or copies of others
	// Chunk is how many of the training rows are in memory at a time, 0 where all are. All are
	// trained on in turn, as far as the steps take them.
	Chunk int `json:"chunk,omitempty"`
}

// foldCounts are the counts of the rows of a fold, and what is special of its second networks.
type foldCounts struct {
	RowCounts
	// front is how many of the training rows, the first ones, every second network stops by; it is trained on
	// the validation rows instead. It is 0 where all are trained on the same.
	front int
}

// check reports counts that are too small to learn from or to judge by, and a way out.
func (c RowCounts) check(cfg Config, way string) error {
	if c.Validation < minTestRows || c.Test < minTestRows || c.Train < minTrainRows {
		in := ""
		if cfg.Folds > 1 {
			in = fmt.Sprintf(" in %d folds", cfg.Folds)
		}
		return fmt.Errorf("mine: %d rows%s leave %d to train on, %d for validation and %d for the test, want at least %d, %d and %d%s: %w",
			c.Total, in, max(0, c.Train), c.Validation, c.Test, minTrainRows, minTestRows, minTestRows, way, ErrTooFewSamples)
	}
	return nil
}

// learntBy returns the rows that a network is trained on and those that it stops by. swapped says that these are not the
// validation rows.
func (c foldCounts) learntBy(network int) (train, stop backend.Rows, swapped bool) {
	if c.front == 0 || network%2 == 0 {
		return c.train(), c.validation(), false
	}
	return backend.Rows{Lo: c.front, Hi: c.held() + c.Validation}, backend.Rows{Lo: 0, Hi: c.front}, true
}

// Rows of each part as they are in memory: first those to train on, then those to validate, then the test
// rows.
func (c RowCounts) train() backend.Rows { return backend.Rows{Lo: 0, Hi: c.held()} }
func (c RowCounts) validation() backend.Rows {
	return backend.Rows{Lo: c.held(), Hi: c.held() + c.Validation}
}
func (c RowCounts) test() backend.Rows {
	return backend.Rows{Lo: c.held() + c.Validation, Hi: c.held() + c.Validation + c.Test}
}

// raceBytes is the memory that the race's preprocessed copies of the rows may take;
// a larger race sees part of the rows only.
const raceBytes = 64 << 20

// forRace returns the rows that a race may use, within its memory, when it needs
// some variants of rows of that many values.
func (c foldCounts) forRace(variants, values, batch int) foldCounts {
	most := raceBytes / (variants * 4 * values)
	if c.held()+c.Validation+c.Test > most {
		c.Validation = min(c.Validation, max(minTestRows, most/4))
		c.Test = min(c.Test, max(minTestRows, most/8))
		c.Train, c.Chunk, c.front = min(c.held(), max(batch, most-c.Validation-c.Test)), 0, 0
	}
	return c
}
