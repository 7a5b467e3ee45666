package preprocess

import (
	"math"
	"sort"

	"gonum.org/v1/gonum/stat/distuv"
)

const (
	// fitRows is the largest number of training rows a column map is fitted
	// on. The map need not be exact, only monotone and fixed: all ranks are then known to
	// sqrt(ln(2/0.01)/2n) = 0.16% of the rows, at 99% (Massart 1990), and fitting takes a bounded time
	// however many rows there are.
	fitRows = 1_000_000

	// rankKnots is the number of equally likely cells that a rank map is
	// tabulated for, before the tails are refined.
	rankKnots = 1024

	// heavyTail is the number of standard deviations beyond which a value makes
	// a column heavy-tailed. A score grows linearly in its inputs and goes into
	// an exponential: with such values standardised, a few rows would decide an
	// estimate. Normal columns stay below 6, exponential ones mostly below 12.
	heavyTail = 12

	// tailStart is where a standardised column leaves the straight line for a
	// logarithm, for what heavyTail lets pass. Gaussian columns have one value
	// in 16,000 beyond.
	tailStart = 4
)

// A Map takes one column to the inputs of a network: none if it is constant, one and its
// harmonics and spike if it holds numbers, one a code if it holds codes. It is fitted once, on training
// rows.
//
// Of numbers, the map is monotone. Rank maps are piecewise linear through the points
// (value, normal quantile of (rank - 1/2)/n). Standardisation maps to
// u = (v - mean)/sd as long as |u| <= tailStart, and to
// ±(tailStart + log(1 + |u| - tailStart)) beyond. Both are constant outside the
// fitted values, where a critic has learnt nothing.
//
// Of codes, see codeInputs.
type Map struct {
	constant bool     // nothing to learn from: no input
	rare     bool     // and that because no code is frequent
	distinct int      // how many values were fitted, of numbers
	heavy    bool     // values far out
	ids      bool     // another whole number in nearly every row
	sentinel Sentinel // of no rows if there is none
	codes    *codeInputs

	min, max       float64   // of the fitted values
	median, spread float64   // of the fitted values; the spread is half the distance of the quartiles, 0 for codes
	value, image   []float64 // knots of a rank map, ascending; nil if standardised
	unit           float64   // standardisation: the largest magnitude, so that no square overflows
	harmonics      harmonics // of the rank map
	spike          spike
	mean, scale    float64 // mean and 1/standard deviation of value/unit
}

// Inputs returns the number of inputs of the network that the column becomes.
func (m *Map) Inputs() int {
	switch {
	case m.constant:
		return 0
	case m.codes != nil:
		return len(m.codes.share)
	}
	return 1 + int(m.harmonics) + m.spike.inputs()
}

// store writes the inputs that v becomes to dst, and returns how many these are, and the image of a
// number.
func (m *Map) store(dst []float32, v float64) (inputs int, y float64) {
	switch {
	case m.constant:
		return 0, 0
	case m.codes != nil:
		return m.codes.store(dst, v), 0
	}
	y = m.at(v)
	dst[0] = float32(y)
	m.harmonics.store(dst[1:], y)
	m.spike.store(dst[1+int(m.harmonics):], v)
	return m.Inputs(), y
}

// become makes the map that Rank has of a column, of one of so many on its side, that of another method.
func (m *Map) become(method Method, columns int) {
	switch {
	case m.value == nil: // no numbers that vary
	case method == Standardize && !m.heavy:
		m.value, m.image = nil, nil
	case method == Fourier:
		m.harmonics = harmonicsFor(columns, m.distinct)
	}
}

// fitNumbers fits the map that Rank has to training values, which it sorts.
func fitNumbers(v []float64) Map {
	sortNumbers(v)
	n := len(v)
	if v[0] == v[n-1] {
		return Map{constant: true}
	}
	distinct := 1
	for i := 1; i < n; i++ {
		if v[i] != v[i-1] {
			distinct++
		}
	}
	m := Map{distinct: distinct, spike: spikeOf(v, distinct), sentinel: sentinelOf(v, distinct), min: v[0], max: v[n-1], median: v[n/2], spread: v[3*n/4]/2 - v[n/4]/2}
	m.unit, m.mean, m.scale = standardization(v)
	for _, end := range []float64{m.min, m.max} {
		m.heavy = m.heavy || math.Abs(end/m.unit-m.mean)*m.scale > heavyTail
	}
	for i := 0; i < n; {
		// All of a tie get the mean of their ranks.
		end := i + 1
		for end < n && v[end] == v[i] {
			end++
		}
		rank := float64(i+end) / 2 // mean of i+1/2 .. end-1/2
		m.value = append(m.value, v[i])
		m.image = append(m.image, distuv.UnitNormal.Quantile(rank/float64(n)))
		i = max(end, nextKnot(end, n))
	}
	if last := len(m.value) - 1; m.value[last] != v[n-1] {
		m.value = append(m.value, v[n-1])
		m.image = append(m.image, distuv.UnitNormal.Quantile((float64(n)-0.5)/float64(n)))
	}
	return m
}

// nextKnot returns the position of the first knot at or after sorted position
// i of n: every position in a small sample; in a large one the cells hold
// n/rankKnots values in the middle and a 32nd of the distance to the nearer
// end in the tails.
func nextKnot(i, n int) int {
	cell := n / rankKnots
	tail := min(i, n-1-i) / 32
	return i + max(0, min(cell, tail)-1)
}

// standardization returns the largest magnitude of values that are not all
// equal, and the mean and the reciprocal of the standard deviation of the
// values divided by it.
func standardization(sorted []float64) (unit, mean, scale float64) {
	unit = math.Max(-sorted[0], sorted[len(sorted)-1])
	// Sums of distances from the median do not lose the spread of a column
	// with a large offset.
	middle := sorted[len(sorted)/2] / unit
	for _, x := range sorted {
		mean += x/unit - middle
	}
	mean = middle + mean/float64(len(sorted))
	var square float64
	for _, x := range sorted {
		d := x/unit - mean
		square += d * d
	}
	return unit, mean, 1 / math.Sqrt(square/float64(len(sorted)))
}

// at returns the image of a value.
func (m *Map) at(x float64) float64 {
	y, _ := m.eval(x)
	return y
}

// eval returns the image of a value and the slope of the map there.
func (m *Map) eval(x float64) (y, slope float64) {
	if inside := min(max(x, m.min), m.max); inside != x {
		y, _ = m.eval(inside)
		return y, 0
	}
	if m.value != nil {
		return m.interpolate(x)
	}
	u := (x/m.unit - m.mean) * m.scale
	slope = m.scale / m.unit
	if beyond := math.Abs(u) - tailStart; beyond > 0 {
		u = math.Copysign(tailStart+math.Log1p(beyond), u)
		slope /= 1 + beyond
	}
	return u, math.Min(slope, math.MaxFloat64)
}

// interpolate evaluates a rank map within the range of its knots.
func (m *Map) interpolate(x float64) (y, slope float64) {
	hi := max(1, sort.SearchFloat64s(m.value, x))
	lo := hi - 1
	// Halves, because the distance of two finite values may be infinite; the
	// smallest subnormal numbers, which have no halves, are exact as they are.
	half := 0.5
	if math.Abs(m.value[hi])+math.Abs(m.value[lo]) < 1 {
		half = 1
	}
	width := half*m.value[hi] - half*m.value[lo]
	rise := m.image[hi] - m.image[lo]
	y = m.image[lo] + rise*((half*x-half*m.value[lo])/width)
	return y, math.Min(rise*half/width, math.MaxFloat64)
}
