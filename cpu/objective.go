package cpu

import (
	"math"

	"gomine/cpu/internal/f32"
	"gomine/mine/backend"
)

// objective turns the scores of a batch into its value and the weights of the
// backward pass. See backend.Objective for the formulas.
type objective struct {
	kind  backend.Objective
	alpha float64 // rate of MINE's moving average
}

// weights fills a[lo:hi] = dV/djoint and b[lo:hi] = dV/dmarginal, the latter
// negative. It returns log mean exp of the marginal scores (DV and MINE only)
// and log ema after this step (MINE only). Every worker computes the sums over
// the whole batch itself, in scratch of the batch's size: that is cheaper than
// waiting for one another.
func (o objective) weights(joint, marginal, a, b []float32, lo, hi int, logEMA float64, first bool, scratch []float32) (lme, nextEMA float64) {
	n := float32(len(joint))
	if o.kind == backend.JS {
		for i := lo; i < hi; i++ {
			a[i] = sigmoid(-joint[i]) / n
			b[i] = -sigmoid(marginal[i]) / n
		}
		return 0, 0
	}
	for i := lo; i < hi; i++ {
		a[i] = 1 / n
	}
	if o.kind == backend.NWJ {
		f32.SumExp(b[lo:hi], marginal[lo:hi], 1)
		f32.Scale(b[lo:hi], -1/n, b[lo:hi])
		return 0, 0
	}
	shift := f32.Max(marginal)
	sum := f32.SumExp(scratch, marginal, shift)
	lme = float64(shift) + math.Log(sum/float64(n))
	scale := 1 / sum
	if o.kind == backend.MINE {
		if first {
			logEMA = lme
		} else {
			logEMA = logAddExp(math.Log1p(-o.alpha)+logEMA, math.Log(o.alpha)+lme)
		}
		// exp(M - ema)/B = exp(M - shift) exp(shift - ema)/B; the second factor
		// is at most B/alpha, since ema >= log(alpha) + lme.
		scale = math.Exp(float64(shift)-logEMA) / float64(n)
	}
	f32.Scale(b[lo:hi], float32(-scale), scratch[lo:hi])
	return lme, logEMA
}

// value returns V of a batch; lme is what weights returned.
func (o objective) value(joint, marginal []float32, lme float64, scratch []float32) float64 {
	n := float64(len(joint))
	if o.kind == backend.JS {
		var sum float64
		for i := range joint {
			sum += softplus(-float64(joint[i])) + softplus(float64(marginal[i]))
		}
		return -sum / n
	}
	var mean float64
	for _, t := range joint {
		mean += float64(t)
	}
	mean /= n
	if o.kind == backend.NWJ {
		return mean - f32.SumExp(scratch, marginal, 1)/n
	}
	return mean - lme
}

func logAddExp(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	return a + math.Log1p(math.Exp(b-a))
}

func softplus(x float64) float64 { return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func sigmoid(x float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) }
