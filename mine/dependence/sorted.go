package dependence

import "math"

const (
	// turns is the share of the rows at which a class that rows were put together by may change, and of those
	// at which a column that they were sorted by may go the other way, and mostOn how many steps on there are for one back.
	turns, mostOn = 0.01, 10
	// mostBeside is how many rows on either side, in the order of a column, tell what another
	// column is where that column is what it is, leastBeside how many of few rows, and besideShare one of how many rows: over more
	// of them, curves bend.
	mostBeside, leastBeside, besideShare = 8, 2, 75
	// leftover is the mean autocorrelation of what they do not tell from which on rows
	// depend on each other. Means of 16 rows make some -0.06 of independent ones, so that
	// is a third of the rest, whose square adds a quarter to (1). Files that were sorted by a
	// price have a seventh, since things of one price and one make were entered together.
	leftover = 0.25
)

// explains reports whether rows are alike because they are in the order of a column of
// one side: one that they were sorted by, or put together by, given which the rows of the other side do
// not depend on each other. Files are sorted by a number, or by a class. Then every split is as
// good as another. A column that only rises may also be a trend in time, which cannot be told from that.
func explains(by, other []series) bool {
	for _, s := range by {
		if !s.inOrder() {
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

// steps are those of a column in one direction.
type steps struct {
	count, twice   int // all, and those behind another one
	least, largest float64
}

// inOrder reports whether a column is one that rows were sorted by, or files that were and were then put together:
// it goes back at few rows, by few of its steps, most of which are alone, or each of which is larger than any that goes on.
// Slow series turn as seldom, but fall about as often as they rise, and many times in a row. It also reports
// classes, few values each of which is there in one long run, in any order.
func (s series) inOrder() bool {
	ways := [2]steps{{least: math.Inf(1)}, {least: math.Inf(1)}} // up and down
	runs := map[float64]bool{s.values[0]: true}
	again, last := false, -1 // whether a value has two runs, and the way of the last step
	for i := 1; i < len(s.values); i++ {
		d := s.values[i] - s.values[i-1]
		if d == 0 {
			continue
		}
		way := 0
		if d < 0 {
			way = 1
		}
		w := &ways[way]
		w.count++
		w.least, w.largest = min(w.least, math.Abs(d)), max(w.largest, math.Abs(d))
		if way == last {
			w.twice++
		}
		again, last = again || runs[s.values[i]], way
		runs[s.values[i]] = true
	}
	on, back := ways[0], ways[1]
	if back.count > on.count {
		on, back = back, on
	}
	moved, few := on.count+back.count, turns*float64(len(s.values))
	alone := mostOn*back.count <= on.count && 2*back.twice <= back.count
	return moved > 0 && (float64(back.count) <= few && (alone || back.least > on.largest) ||
		float64(moved) <= few && !again)
}

// whiteGiven reports whether a series, less the mean of its neighbours in an order, has no
// memory in the order of rows.
func (s series) whiteGiven(order []int) bool {
	n := len(order)
	beside := min(max(n/besideShare, leastBeside), mostBeside)
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
