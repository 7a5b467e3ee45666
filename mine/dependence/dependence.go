// Package dependence finds rows that say the same as other rows: series, whose
// neighbouring rows are alike, and rows that are there more than once. Estimates that
// train on some rows and test on others need to know: a row that has a twin among the
// training rows has been seen.
//
// # What counts
//
// Two independent series with autocorrelations r_k and s_k at lag k behave like
//
//	n / (1 + 2 sum_k r_k s_k)                                                 (1)
//
// independent rows when it is asked how they depend on each other (Bartlett 1935): the
// products count, for a pair of rows looks like another pair where both sides do. So a
// series beside independent draws does no harm, whatever its own correlation. [Finding]
// has (1), with the largest products of a column of x and one of z.
//
// # How far
//
// The range of a series is that of the squares of its autocorrelations,
//
//	F = 1 + 2 sum_k r_k^2,
//
// (1) for two series of a kind. Squares see series that alternate or swing, in which
// autocorrelations of both signs cancel, and noise among them adds the little that its own
// square is. F is told as a correlation time, that of the first-order autoregressive
// series with the same F: its autocorrelations are p^k, F = (1+p^2)/(1-p^2), and its time
//
//	1 + 2 sum_k p^k = (1+p)/(1-p),
//
// which is how many rows an independent one is worth in a mean. Where S stations take turns, each
// a series of its own, only every S-th lag has a square: F is that of one station, and the time,
// which is then in steps of S rows, is S times as long. Two pairs of rows can be
// alike only as far as both sides reach, so the time of the rows is the smaller one of
// the two sides' times, each that of its slowest column.
package dependence

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/dsp/fourier"
	"gonum.org/v1/gonum/floats"
)

// Autocorrelations returns r_0 = 1, r_1, .. r_most of the values of some stretches of a
// series, about their common mean. They are nil for a constant.
//
//	r_k = sum v_i v_(i+k) / sum v_i^2,   v less its mean, pairs within a stretch
//
// They are computed by the fast Fourier transform, padded so that no end meets a beginning.
func Autocorrelations(stretches [][]float64, most int) []float64 {
	var mean float64
	longest, n := 0, 0
	for _, s := range stretches {
		for _, v := range s {
			mean += v
		}
		longest, n = max(longest, len(s)), n+len(s)
	}
	mean /= float64(n)
	size := 1
	for size < longest+most {
		size *= 2
	}
	transform := fourier.NewFFT(size)
	padded, power := make([]float64, size), make([]complex128, size/2+1)
	var coefficients []complex128
	for _, s := range stretches {
		clear(padded)
		for i, v := range s {
			padded[i] = v - mean
		}
		coefficients = transform.Coefficients(coefficients, padded)
		for i, c := range coefficients {
			power[i] += complex(real(c)*real(c)+imag(c)*imag(c), 0)
		}
	}
	sums := transform.Sequence(padded, power)
	all := make([]float64, most+1)
	if !(sums[0] > 0) {
		return nil
	}
	for k := range all {
		all[k] = sums[k] / sums[0]
	}
	return all
}

// A Memory is how far the autocorrelations of a series reach.
type Memory struct {
	// Squares are r_k^2 from lag 1 on, less what noise and a lasting rhythm make of them,
	// as far as they tell from 0, and 0 at many lags between that do not.
	Squares []float64
	// Significant is whether they could not come from independent rows.
	Significant bool
	// Unending is whether they reach as far as was looked.
	Unending bool
	// Spacing is after how many rows the series goes on: 1, or the number of stations that take
	// turns. 0 is 1.
	Spacing int
	// lasting is whether half of what stations have in common is there at the far lags too.
	lasting bool
}

const (
	// rhythmSigns is how often autocorrelations at the far lags change their sign if what
	// is there is noise, or a rhythm such as that of days: a walk's do once or twice.
	rhythmSigns = 8
	// clearly is how many times its standard deviation by Bartlett's formula, squared, a mean
	// of squares has to be to count.
	clearly = 3
	// beyond is the share of a rhythm's square that one has to be above it.
	beyond = 0.25
	// quiet is how many windows in a row that do not stand out end a memory, unless a later one
	// has the turn of stations.
	quiet = 2
)

// NewMemory judges autocorrelations of n rows at lags 0, 1, .., which should end at some
// quarter of the rows. level is how often the memory of independent rows may be called
// significant.
//
// Lags are looked at in windows of 1, 1, 2, 4, 8, .. of them, one of which ends at the half of all. The mean
// of their squares is F/n by chance. The first two windows in a row that do not stand out from that
// end the memory. Where the far half of all lags changes its sign often, the mean square there is
// the noise, or the square of a rhythm: rows that far apart are alike because of the hour,
// not because of each other. It is taken off.
//
// Where stations take turns, a row is like that of its own station, S rows on, and no lag before S says so.
// So the memory goes on to a later window of the near half in which they are: see [lagged.turn].
func NewMemory(r []float64, n int, level float64) Memory {
	var m Memory
	most := len(r) - 1
	if most < 1 {
		return m
	}
	l := newLagged(r, n, level)
	base := lasting(r[most/2+1:])
	off := slices.Repeat([]float64{base}, most+1) // what is taken off the square at each lag
	m.Squares, m.Spacing = make([]float64, most), 1
	f, missed, end := 1.0, 0, 0
	for lo, hi := 1, 1; lo <= most; lo, hi = hi+1, l.next(hi) {
		sum := floats.Dot(r[lo:hi+1], r[lo:hi+1])
		m.Significant = m.Significant || l.tells(sum, lo, hi, 1)
		turn := l.turn(sum, lo, hi, f)
		if turn > m.Spacing {
			m.Spacing, m.lasting = turn, l.lasting(turn)
			l.takeRhythm(off)
		}
		size, over := float64(hi-lo+1), sum-floats.Sum(off[lo:hi+1])
		if turn == 0 && (missed >= quiet || over/size <= beyond*base+clearly*f/float64(n)) {
			missed++
			continue
		}
		f += 2 * max(0, over)
		from := lo
		if missed < quiet {
			from = end + 1 // a quiet window between is where a series swings through 0
		}
		for k := from; k <= hi; k++ {
			m.Squares[k-1] = max(0, r[k]*r[k]-off[k])
		}
		end, missed = hi, 0
	}
	m.Squares = m.Squares[:end]
	m.Unending = end == most
	return m
}

// lasting is the mean square of autocorrelations at far lags if they change their sign often, else 0.
func lasting(far []float64) (base float64) {
	signs := 0
	for k, v := range far {
		base += v * v / float64(len(far))
		if k > 0 && (v > 0) != (far[k-1] > 0) {
			signs++
		}
	}
	if signs < rhythmSigns {
		return 0
	}
	return base
}

// Factor is F, 1 plus twice the sum of squares.
func (m Memory) Factor() float64 { return Joint(m, m) }

// Time is the correlation time, in rows: that by F is in steps of the spacing.
func (m Memory) Time() float64 {
	f := m.Factor()
	p := math.Sqrt((f - 1) / (f + 1))
	return (1 + p) / (1 - p) * float64(max(1, m.Spacing))
}

// Joint is how many rows an independent one is worth where a series of memory a meets one
// of memory b, 1 + 2 sum |r_k s_k|.
func Joint(a, b Memory) float64 {
	f := 1.0
	for k := range min(len(a.Squares), len(b.Squares)) {
		f += 2 * math.Sqrt(a.Squares[k]*b.Squares[k])
	}
	return f
}
