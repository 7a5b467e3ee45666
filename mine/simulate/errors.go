package simulate

import (
	"fmt"
	"math"
)

// ParamError reports a parameter that [New] or [Task.Fill] refuses.
type ParamError struct {
	// Param is the parameter: a name as in [Family].Reads, "family", "map-x",
	// "map-z", or "first" of Fill.
	Param string
	// Value is what was given: an int, a float64, a uint64 or a string.
	Value any
	// Want says what is accepted instead, as in "at least 1". It names no
	// other parameter.
	Want string
}

func (e *ParamError) Error() string {
	if s, ok := e.Value.(string); ok {
		return fmt.Sprintf("%s is %q, want %s", e.Param, s, e.Want)
	}
	return fmt.Sprintf("%s is %v, want %s", e.Param, e.Value, e.Want)
}

// atLeast refuses a count below least.
func atLeast(param string, v, least int) error {
	if v < least {
		return &ParamError{param, v, fmt.Sprintf("at least %d", least)}
	}
	return nil
}

// positive refuses a value that is not a positive finite number.
func positive(param string, v float64) error {
	if !(v > 0) || math.IsInf(v, 1) {
		return &ParamError{param, v, "a positive number"}
	}
	return nil
}

// finiteFrom refuses a value that is not a finite number of at least least.
func finiteFrom(param string, v, least float64) error {
	if !(v >= least) || math.IsInf(v, 1) {
		return &ParamError{param, v, fmt.Sprintf("a number, at least %v", least)}
	}
	return nil
}
