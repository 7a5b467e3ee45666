package dependence

const (
	// turns is the share of the rows at which a column may turn between rising and falling
	// to be one that rows were sorted by, or put together by: series turn at every other.
	turns = 0.01
	// beside is how many rows on either side, in the order of a column, tell what another
	// column is where that column is what it is.
	beside = 8
	// leftover is the mean autocorrelation of what they do not tell from which on rows
	// depend on each other. Means of 17 rows make some -0.06 of independent ones, so that
	// is a third of the rest, whose square adds a quarter to (1). Files that were sorted by a
	// price have a seventh, since things of one price and one make were entered together.
	leftover = 0.25
)

// explains reports whether rows are alike because they are in the order of a column of
// one side: one that seldom turns, given which the rows of the other side do not depend on
// each other. Files are sorted by a number, or by a class. Then every split is as
// good as another.
func explains(by, other []series) bool {
	for _, s := range by {
		if !s.seldomTurns() {
			continue
		}
		order := ordered(s.values)
		white := true
		for _, o := range other {
			white = white && (o.memory == nil || o.whiteGiven(order))
		}
		if white {
			return true
		}
	}
	return false
}

// seldomTurns reports whether a column rises or falls for many rows at a time.
func (s series) seldomTurns() bool {
	count, rising, moved := 0, false, false
	for i := 1; i < len(s.values); i++ {
		d := s.values[i] - s.values[i-1]
		if d == 0 {
			continue
		}
		if moved && (d > 0) != rising {
			count++
		}
		rising, moved = d > 0, true
	}
	return moved && float64(count) <= turns*float64(len(s.values))
}

// whiteGiven reports whether a series, less the mean of its neighbours in an order, has no
// memory in the order of rows.
func (s series) whiteGiven(order []int) bool {
	n := len(order)
	sums := make([]float64, n+1)
	for i, k := range order {
		sums[i+1] = sums[i] + s.scores[k]
	}
	rest := make([]float64, n)
	for i, k := range order {
		lo, hi := max(0, i-beside), min(n, i+beside+1)
		rest[k] = s.scores[k] - (sums[hi]-sums[lo]-s.scores[k])/float64(hi-lo-1)
	}
	r := Autocorrelations(s.split(rest), s.lags())
	for lo, hi := 1, 1; hi < len(r); lo, hi = hi+1, 2*hi {
		var mean float64
		for _, v := range r[lo : hi+1] {
			mean += v / float64(hi-lo+1)
		}
		if mean > leftover {
			return false
		}
	}
	return true
}
