package table

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// parseNumber returns the number that field holds, spaces around it aside, or
// an error that lacks the place.
func parseNumber(field string) (float64, *ValueError) {
	s := strings.TrimSpace(field)
	v, err := strconv.ParseFloat(s, 64)
	if err == nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
		return v, nil
	}
	switch {
	case err == nil:
		return 0, notFinite(s, v)
	case errors.Is(err, strconv.ErrRange):
		return 0, &ValueError{Text: s, Reason: show(s) + " is beyond the range of float64: rescale the column", Err: strconv.ErrRange}
	case s == "":
		return 0, &ValueError{Text: s, Reason: "the field is empty (a missing value): drop or impute such rows"}
	}
	switch strings.ToLower(s) {
	case "na", "n/a", "null", "none", "?", "-":
		return 0, &ValueError{Text: s, Reason: show(s) + " marks a missing value: drop or impute such rows"}
	}
	e := &ValueError{Text: s, Reason: show(s) + " is not a number", Err: strconv.ErrSyntax}
	if _, err := strconv.ParseFloat(strings.Replace(s, ",", ".", 1), 64); err == nil {
		e.Reason += ": write decimals with a point"
	}
	return 0, e
}

// notFinite is the error for v, which the file has as text.
func notFinite(text string, v float64) *ValueError {
	return &ValueError{Text: text, Reason: fmt.Sprintf("%v is not a finite number: drop or impute such rows", v)}
}
