package transfer

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"gomine/mine"
	"gomine/mine/conditional"
)

// contrast is a way whose terms have some bounds and warnings.
func contrast(with, without mine.Bound, first, second []mine.Warning) conditional.Contrast {
	c := conditional.Contrast{Way: conditional.Difference}
	c.With.Bound, c.With.Warnings = with, first
	c.Without.Bound, c.Without.Warnings = without, second
	c.Estimate = with.Estimate - without.Estimate
	c.StdErr, c.Low, c.High = 0.1, c.Estimate-0.2, c.Estimate+0.2
	c.Nothing = conditional.FoundNothing(c.With) && conditional.FoundNothing(c.Without)
	return c
}

// TestLimited: where nothing certain can be said, no lower limit of a way or of its terms is above 0.
func TestLimited(t *testing.T) {
	bound := mine.Bound{Estimate: 0.9, StdErr: 0.1, Low: 0.7, LowerBound: 0.75, High: 1.1}
	less := mine.Bound{Estimate: 0.3, StdErr: 0.1, Low: 0.1, LowerBound: 0.15, High: 0.5}
	c := contrast(bound, less, nil, nil)
	for _, s := range []Split{{Unresolved: true}, {Levels: true}, {}} {
		got := termsOf(c, s)
		for _, low := range []float64{got.Low, got.With.Low, got.With.LowerBound, got.Without.Low, got.Without.LowerBound} {
			if (low > 0) == s.limited() {
				t.Errorf("%+v: a lower limit of %g", s, low)
			}
		}
		if got.Nothing || got.High != c.High || got.With.High != bound.High {
			t.Errorf("%+v: %+v", s, got)
		}
	}
}

// TestNothing: where critics find nothing in either term there are no limits, and none in JSON.
func TestNothing(t *testing.T) {
	nothing := []mine.Warning{{Code: mine.WarnNothing, Message: "no critic"}}
	found := mine.Bound{Estimate: 0.9, Low: 0.7, High: 1.1}
	for _, c := range []struct {
		contrast conditional.Contrast
		want     bool
	}{
		{contrast(mine.Bound{}, mine.Bound{}, nothing, nothing), true},
		{contrast(found, mine.Bound{}, nil, nothing), false},
		{contrast(mine.Bound{}, found, nothing, nil), false},
	} {
		terms := termsOf(c.contrast, Split{})
		if terms.Nothing != c.want || math.IsInf(terms.High, 1) != c.want || c.want && terms.Low > 0 {
			t.Errorf("%+v: want nothing found: %t", terms, c.want)
		}
		for _, v := range []any{terms, Direction{Interval: terms.Interval, Nothing: terms.Nothing}} {
			text, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			var fields map[string]any
			if err := json.Unmarshal(text, &fields); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"std_err", "low", "high"} {
				if _, there := fields[name]; there == c.want {
					t.Errorf("%s is in %s: %t", name, text, there)
				}
			}
			if _, there := fields["estimate"]; !there {
				t.Errorf("no estimate in %s", text)
			}
		}
	}
}

// TestTermWarnings: those of the second term are there, worded so; what both have is said once.
func TestTermWarnings(t *testing.T) {
	both := mine.Warning{Code: mine.WarnFewRows, Message: "few"}
	missed := mine.Warning{Code: mine.WarnNeighbours, Message: "neighbours find more"}
	c := contrast(mine.Bound{}, mine.Bound{}, []mine.Warning{both}, []mine.Warning{both, missed})
	got := termWarnings(&c)
	if len(got) != 2 || got[0] != both || got[1].Code != mine.WarnNeighbours || !strings.Contains(got[1].Message, "second term") ||
		!strings.Contains(got[1].Message, "too high") || !strings.HasSuffix(got[1].Message, missed.Message) {
		t.Errorf("%v", got)
	}
	if !slices.Equal(c.Without.Warnings, []mine.Warning{both, missed}) {
		t.Errorf("the terms have changed: %v", c.Without.Warnings)
	}
}
