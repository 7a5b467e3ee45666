package mine

import (
	"fmt"
	"math"

	"gomine/mine/backend"
	"gomine/mine/preprocess"
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
	if c.Validation < minTestRows || c.Test < minTestRows {
		return c, fmt.Errorf("mine: %d rows leave %d for validation and %d for the test, want at least %d of each: %w",
			rows, c.Validation, c.Test, minTestRows, ErrTooFewSamples)
	}
	if c.Train < cfg.Batch {
		return c, &FieldError{Field: "batch", Value: cfg.Batch,
			Want: fmt.Sprintf("at most the %d training rows of %d", max(c.Train, 0), rows), Err: ErrTooFewSamples}
	}
	return c, nil
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
// some variants of rows of that many values. It has no test rows.
func (c RowCounts) forRace(variants, values, batch int) RowCounts {
	c.Test = 0
	most := raceBytes / (variants * 4 * values)
	if c.Train+c.Validation > most {
		c.Validation = min(c.Validation, max(minTestRows, most/4))
		c.Train = min(c.Train, max(batch, most-c.Validation))
	}
	c.Total = c.Train + c.Validation
	return c
}

// ranges returns the positions, among pairs split as all, of the rows that c has.
func (c RowCounts) ranges(all RowCounts) []preprocess.Range {
	var ranges []preprocess.Range
	for _, part := range []struct{ from, count int }{
		{0, c.Train}, {all.Train, c.Validation}, {all.Train + all.Validation, c.Test},
	} {
		if part.count > 0 {
			ranges = append(ranges, preprocess.Range{Lo: part.from, Hi: part.from + part.count})
		}
	}
	return ranges
}
