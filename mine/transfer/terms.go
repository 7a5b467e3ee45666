package transfer

import (
	"encoding/json"
	"math"

	"gomine/mine"
	"gomine/mine/conditional"
)

// limit takes back what cannot be said where no lower limit may be above 0.
func (s Split) limit(b mine.Bound) mine.Bound {
	if s.limited() {
		b.Low, b.LowerBound = min(b.Low, 0), min(b.LowerBound, 0)
	}
	return b
}

// termsOf are the terms of a way, with what can be said of them.
func termsOf(c conditional.Contrast, s Split) Terms {
	t := Terms{Way: c.Way, Interval: c.Interval, With: s.limit(c.With.Bound), Without: s.limit(c.Without.Bound)}
	t.Nothing = c.Nothing
	if s.limited() || t.Nothing {
		t.Low = min(t.Low, 0)
	}
	if t.Nothing {
		t.High = math.Inf(1)
	}
	return t
}

// unsaid are the fields that JSON lacks where critics found nothing: nil, they hide those of an embedded
// interval.
type unsaid struct {
	StdErr *float64 `json:"std_err,omitempty"`
	Low    *float64 `json:"low,omitempty"`
	High   *float64 `json:"high,omitempty"`
}

// MarshalJSON leaves out the standard error and the limits where critics found nothing.
func (d Direction) MarshalJSON() ([]byte, error) {
	type plain Direction
	if d.Nothing {
		return json.Marshal(struct {
			plain
			unsaid
		}{plain: plain(d)})
	}
	return json.Marshal(plain(d))
}

// MarshalJSON leaves out the standard error and the limits where critics found nothing.
func (t Terms) MarshalJSON() ([]byte, error) {
	type plain Terms
	if t.Nothing {
		return json.Marshal(struct {
			plain
			unsaid
		}{plain: plain(t)})
	}
	return json.Marshal(plain(t))
}
