package mine

import (
	"fmt"
	"math"

	"gomine/mine/backend"
)

// minTestRows is the smallest number of validation or test rows: with fewer the
// bound is noise and its ceiling ln n below 3 nats.
const minTestRows = 20

// RowCounts says how the rows were split.
type RowCounts struct {
	Total      int `json:"total"`
	Train      int `json:"train"`
	Validation int `json:"validation"`
	Test       int `json:"test"`
}

// split returns how many rows go where.
func split(rows int, cfg Config) (RowCounts, error) {
	c := RowCounts{
		Total:      rows,
		Validation: int(math.Round(cfg.ValidationFraction * float64(rows))),
		Test:       int(math.Round(cfg.TestFraction * float64(rows))),
	}
	c.Train = rows - c.Validation - c.Test
	return c, c.check(cfg)
}

// check reports counts that are too small to learn from or to judge by.
func (c RowCounts) check(cfg Config) error {
	if c.Validation < minTestRows || c.Test < minTestRows {
		in, out := "", ""
		if cfg.Folds > 1 {
			in, out = fmt.Sprintf(" in %d folds", cfg.Folds), " (fewer folds leave more)"
		}
		return fmt.Errorf("mine: %d rows%s leave %d for validation and %d for the test, want at least %d of each%s: %w",
			c.Total, in, c.Validation, c.Test, minTestRows, out, ErrTooFewSamples)
	}
	if c.Train < cfg.Batch {
		return &FieldError{Field: "batch", Value: cfg.Batch,
			Want: fmt.Sprintf("at most the %d training rows of %d", max(c.Train, 0), c.Total), Err: ErrTooFewSamples}
	}
	return nil
}

// Rows of each part: first those to train on, then those to validate, then the test
// rows.
func (c RowCounts) train() backend.Rows { return backend.Rows{Lo: 0, Hi: c.Train} }
func (c RowCounts) validation() backend.Rows {
	return backend.Rows{Lo: c.Train, Hi: c.Train + c.Validation}
}
func (c RowCounts) test() backend.Rows { return backend.Rows{Lo: c.Train + c.Validation, Hi: c.Total} }

// raceBytes is the memory that the race's preprocessed copies of the rows may take;
// a larger race sees part of the rows only.
const raceBytes = 64 << 20

// forRace returns the rows that a race may use, within its memory, when it needs
// some variants of rows of that many values.
func (c RowCounts) forRace(variants, values, batch int) RowCounts {
	most := raceBytes / (variants * 4 * values)
	if c.Train+c.Validation+c.Test > most {
		c.Validation = min(c.Validation, max(minTestRows, most/4))
		c.Test = min(c.Test, max(minTestRows, most/8))
		c.Train = min(c.Train, max(batch, most-c.Validation-c.Test))
	}
	return c
}
