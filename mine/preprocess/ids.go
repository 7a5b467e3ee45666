package preprocess

import "math"

const (
	// leastMeetings is how many rows must be expected to meet an equal value before that none
	// does says something: the chance of it is below e^-20 then.
	leastMeetings = 20
	// idMeetings is the share of them up to which values are taken for ids.
	idMeetings = 0.25
)

// areIDs reports whether n whole numbers of a range are ids, drawn without replacement: fewer
// are equal to others than draws with equal chances for all of the range would make,
//
//	n - R (1 - e^(-n/R)),   R = max - min + 1,
//
// and any other chances make more.
func areIDs(n, distinct int, least, most float64) bool {
	size := most - least + 1
	expected := float64(n) + size*math.Expm1(-float64(n)/size)
	return expected >= leastMeetings && float64(n-distinct) < idMeetings*expected
}

// mostlyRare reports whether more than half of the rows that codes were fitted to have rare ones,
// but not all.
func (c *codeInputs) mostlyRare() bool { return c.rare >= 0 && c.share[c.rare] > 0.5 }
