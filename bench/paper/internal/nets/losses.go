package nets

import (
	"math"

	"gomine/mine/backend"
)

// LogSigmoid returns V = mean log sigma(s l) of the logits l [n, 1] of a
// discriminator, for s = 1 or -1, and stores dV/dl = s sigma(-s l)/n in grad.
//
// A discriminator ascends it with s = 1 on the rows of the law and with s = -1
// on those of the generator, whose own loss, the one that does not saturate
// (Goodfellow et al. 2014, section 3), is -V with s = 1 on the latter.
func LogSigmoid(logits, grad backend.Matrix, s float64) float64 {
	var value float64
	n := float64(logits.Rows)
	for i := range logits.Rows {
		l := s * float64(logits.Row(i)[0])
		value -= softplus(-l) / n
		grad.Row(i)[0] = float32(s / (1 + math.Exp(l)) / n)
	}
	return value
}

// softplus returns log(1 + e^t) without overflow.
func softplus(t float64) float64 { return max(t, 0) + math.Log1p(math.Exp(-math.Abs(t))) }

// LogLikelihood returns V = mean log softmax(logits)_label, and stores
// dV/dlogits = (1{label} - softmax(logits))/n in grad.
func LogLikelihood(logits backend.Matrix, labels []uint8, grad backend.Matrix) (value float64) {
	n := float64(logits.Rows)
	for i := range logits.Rows {
		row, g := logits.Row(i), grad.Row(i)
		most := row[0]
		for _, v := range row {
			most = max(most, v)
		}
		var sum float64
		for j, v := range row {
			e := math.Exp(float64(v - most))
			g[j] = float32(e)
			sum += e
		}
		for j, e := range g {
			g[j] = float32(-float64(e) / sum / n)
		}
		g[labels[i]] += float32(1 / n)
		value += (float64(row[labels[i]]-most) - math.Log(sum)) / n
	}
	return value
}

// AddClipped adds to g, the derivatives of an adversarial objective at the rows
// of a batch, those of the information, h, times a weight and then scaled down,
// where it is longer, to the length of g:
//
//	g <- g + min(1, |g| / |weight h|) weight h,
//
// with Euclidean lengths over all entries. That is the adaptive clipping of the
// paper (appendix; there of the gradients of the parameters, here of those of
// the outputs, before they are taken back to the parameters together). It
// returns the factor min(1, ...), which is 1 where weight h is zero.
func AddClipped(g, h backend.Matrix, weight float64) float64 {
	most, length := norm(g), math.Abs(weight)*norm(h)
	factor := 1.0
	if length > most {
		factor = most / length
	}
	scale := float32(weight * factor)
	for i := range g.Rows {
		dst := g.Row(i)
		for j, v := range h.Row(i) {
			dst[j] += scale * v
		}
	}
	return factor
}

// norm returns the Euclidean length of all entries together.
func norm(m backend.Matrix) float64 {
	var sum float64
	for i := range m.Rows {
		for _, v := range m.Row(i) {
			sum += float64(v) * float64(v)
		}
	}
	return math.Sqrt(sum)
}
