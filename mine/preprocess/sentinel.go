package preprocess

import "slices"

const (
	// leastSentinels is how many rows have a sentinel, at least: a value far out that
	// chance brings is there once.
	leastSentinels = 5
	// besideSentinel is the fewest other values that tell where the column lies.
	besideSentinel = 20
)

// A Sentinel is a value that may stand for a missing one, such as 999 or -1: the least or the
// largest of a column, which several rows have, and either as far from all other values as these are
// from each other, or one of -1, -9, -99 and so on where no other value is negative.
type Sentinel struct {
	Name  string  `json:"name"` // of the column
	Value float64 `json:"value"`
	Rows  int     `json:"rows"` // training rows that have it
	Min   float64 `json:"min"`  // of the other values
	Max   float64 `json:"max"`
}

// sentinelOf returns the sentinel of ascending values, so many of them different, without its
// name; one of no rows if there is none.
func sentinelOf(sorted []float64, distinct int) (s Sentinel) {
	if distinct <= besideSentinel {
		return s
	}
	n := len(sorted)
	low, high := 1, n-1
	for sorted[low] == sorted[0] {
		low++
	}
	for sorted[high-1] == sorted[n-1] {
		high--
	}
	at := Sentinel{Value: sorted[0], Rows: low, Min: sorted[low], Max: sorted[n-1]}
	if at.Rows >= leastSentinels && (at.Min-at.Value >= at.Max-at.Min || at.Min >= 0 && slices.Contains(negatives, at.Value)) {
		return at
	}
	at = Sentinel{Value: sorted[n-1], Rows: n - high, Min: sorted[0], Max: sorted[high-1]}
	if at.Rows >= leastSentinels && at.Value-at.Max >= at.Max-at.Min {
		return at
	}
	return s
}

// negatives are what people write for a missing value of what is never negative.
var negatives = []float64{-1, -9, -99, -999, -9999, -99999, -999999}
