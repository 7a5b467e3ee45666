package dependence

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// lagged are autocorrelations at lags in windows, the far half of which tells what lasts.
type lagged struct {
	n     float64 // rows
	level float64 // of one window
	// full are r_k n/(n-k), which do not fall with the lag for want of pairs.
	full   []float64
	sums   []float64 // of their squares, from lag 1 on
	period int       // of what lasts, 0 until it is looked for
}

// newLagged judges autocorrelations as NewMemory has them: the last lag is a quarter of the rows, or of a
// stretch of them.
func newLagged(r []float64, n int, level float64) *lagged {
	most := len(r) - 1
	l := &lagged{n: float64(n), level: level / (math.Log2(float64(most)) + 1)}
	l.full, l.sums = make([]float64, most+1), make([]float64, most+1)
	for k := 1; k <= most; k++ {
		l.full[k] = r[k] / (1 - float64(k)/float64(4*most))
		l.sums[k] = l.sums[k-1] + l.full[k]*l.full[k]
	}
	return l
}

// half is the last lag of the near half.
func (l *lagged) half() int { return (len(l.sums) - 1) / 2 }

// next is the end of the window behind that which ends at lag hi.
func (l *lagged) next(hi int) int {
	if hi < l.half() {
		return min(2*hi, l.half())
	}
	return min(2*hi, len(l.sums)-1)
}

// tells reports whether a sum of squares in a window of the near half is more than chance makes of it
// where the mean square is f/n. Neighbours among those are alike over some f lags, so that they are worth
// size/f independent squares, one at least.
func (l *lagged) tells(sum float64, lo, hi int, f float64) bool {
	if hi > l.half() {
		return false
	}
	size := float64(hi - lo + 1)
	free := max(1, size/f)
	return distuv.ChiSquared{K: free}.Survival(l.n*sum/f*free/size) < l.level
}

// turn returns the lag of a window of the near half at which rows are alike as they are at no lag before,
// as S stations that take turns are at lag S; 0 if there is none. The sum of squares in the window tells from
// chance, and its root is larger than that of as many lags anywhere in the far half, by three standard
// deviations of an autocorrelation: a rhythm would be there again, but what rows of one station have
// in common fades. And the square there is twice that at any lag before, as that of no slow series is, also
// beneath noise, and fades by more, as that of a rhythm on top of an ordinary series does not.
func (l *lagged) turn(sum float64, lo, hi int, f float64) int {
	if !l.tells(sum, lo, hi, f) {
		return 0
	}
	size, top := hi-lo+1, 0.0
	for k := l.half() + size; k < len(l.sums); k++ {
		top = max(top, l.sums[k]-l.sums[k-size])
	}
	if math.Sqrt(l.sums[hi]-l.sums[lo-1]) <= math.Sqrt(top)+clearly*math.Sqrt(f/l.n) {
		return 0
	}
	at := lo
	for k := lo; k <= hi; k++ {
		if math.Abs(l.full[k]) > math.Abs(l.full[at]) {
			at = k
		}
	}
	period := l.findPeriod()
	fades := l.fades(at, period)
	for k := 1; k < at; k++ {
		if 2*l.full[k]*l.full[k] >= l.full[at]*l.full[at] || l.fades(k, period) >= fades {
			return 0
		}
	}
	return at
}

// findPeriod finds that of what lasts: the shift, of up to a half of the far half, by which that is most like
// itself, a pair of lags for a pair. It is done once.
func (l *lagged) findPeriod() int {
	if l.period > 0 {
		return l.period
	}
	far := l.full[l.half()+1:]
	l.period = 1
	most := 0.0
	for p, v := range Autocorrelations([][]float64{far}, len(far)/2) {
		if alike := v / float64(len(far)-p); p > 0 && alike > most {
			most, l.period = alike, p
		}
	}
	return l.period
}

// lasts is the mean of the autocorrelations of the far half a number of periods behind lag k.
func (l *lagged) lasts(k, period int) float64 {
	sum, count := 0.0, 0.0
	for j := k + (max(0, l.half()-k)+period)/period*period; j < len(l.full); j += period {
		sum, count = sum+l.full[j], count+1
	}
	return sum / max(1, count)
}

// fades is how much an autocorrelation at lag k of the near half differs from what lasts of it.
func (l *lagged) fades(k, period int) float64 { return math.Abs(l.full[k] - l.lasts(k, period)) }

// lasting reports whether half of the autocorrelation at lag k lasts.
func (l *lagged) lasting(k int) bool {
	return math.Abs(l.lasts(k, l.findPeriod())) > math.Abs(l.full[k])/2
}

// takeRhythm raises what is taken off the squares of the near half to the square of what lasts.
func (l *lagged) takeRhythm(off []float64) {
	period := l.findPeriod()
	for k := 1; k <= l.half(); k++ {
		v := l.lasts(k, period) * (1 - float64(k)/float64(4*(len(off)-1)))
		off[k] = max(off[k], v*v)
	}
}
