package cpu

import (
	"math"

	"gomine/cpu/internal/f32"
	"gomine/mine/objective"
)

// batchScores are the scores of a batch of n rows with k marginal pairs each, and
// what the objective makes of them. See package objective for the formulas. The
// marginal pairs of a block of rows lie together, in an order that no objective
// depends on. DV, MINE, NWJ and JS have fast forms here; every other objective is
// computed from its terms, in float64.
type batchScores struct {
	objective       objective.Objective
	joint, marginal []float32 // [n], [n k]
	a, b            []float32 // dV/djoint, dV/dmarginal

	p, q []float64 // values of the terms, [n], [n k]; nil if there is a fast form
}

func newBatchScores(o objective.Objective, n, k int) batchScores {
	s := batchScores{
		objective: o,
		joint:     f32.Aligned(n),
		marginal:  f32.Aligned(n * k),
		a:         f32.Aligned(n),
		b:         f32.Aligned(n * k),
	}
	switch o.Kind {
	case objective.DV, objective.MINE, objective.NWJ, objective.JS:
	default:
		s.p, s.q = make([]float64, n), make([]float64, n*k)
	}
	return s
}

// weights fills a = dV/djoint of rows [lo, hi), whole blocks, and b =
// dV/dmarginal, which is negative, of their marginal pairs. It returns log mean exp
// of the marginal scores (DV and MINE only) and the moving average after this step.
// Every worker calls it and computes sums over the whole batch itself, in scratch
// as long as marginal: that is cheaper than waiting for one another.
func (s *batchScores) weights(w *worker, lo, hi int, avg objective.Average, scratch []float32) (lme float64, next objective.Average) {
	if s.p != nil {
		return 0, s.termWeights(w, lo, hi, avg)
	}
	n, m := float32(len(s.joint)), float32(len(s.marginal))
	from, to := s.pairs(lo, hi)
	if s.objective.Kind == objective.JS {
		for i := lo; i < hi; i++ {
			s.a[i] = sigmoid(-s.joint[i]) / n
		}
		for j := from; j < to; j++ {
			s.b[j] = -sigmoid(s.marginal[j]) / m
		}
		return 0, avg
	}
	for i := lo; i < hi; i++ {
		s.a[i] = 1 / n
	}
	if s.objective.Kind == objective.NWJ {
		f32.SumExp(s.b[from:to], s.marginal[from:to], 1)
		f32.Scale(s.b[from:to], -1/m, s.b[from:to])
		return 0, avg
	}
	shift := f32.Max(s.marginal)
	sum := f32.SumExp(scratch, s.marginal, shift)
	lme = float64(shift) + math.Log(sum/float64(len(s.marginal)))
	scale := 1 / sum
	if s.objective.Kind == objective.MINE {
		avg = avg.Next(lme, s.objective.Param)
		// exp(M - ema)/m = exp(M - shift) exp(shift - ema)/m; the second factor
		// is at most m/rate, since ema >= log(rate) + lme.
		scale = math.Exp(float64(shift)-avg.Log) / float64(len(s.marginal))
	}
	f32.Scale(s.b[from:to], float32(-scale), scratch[from:to])
	return lme, avg
}

// termWeights is weights by the terms of the objective, which it leaves in p and
// q for value.
func (s *batchScores) termWeights(w *worker, lo, hi int, avg objective.Average) objective.Average {
	n, m := float64(len(s.joint)), float64(len(s.marginal))
	from, to := s.pairs(lo, hi)
	for i := lo; i < hi; i++ {
		term := s.objective.Term(float64(s.joint[i]), false)
		s.p[i], s.a[i] = term.Value, float32(term.Weight/n)
	}
	for j := from; j < to; j++ {
		term := s.objective.Term(float64(s.marginal[j]), true)
		s.q[j], s.b[j] = term.Value, -float32(term.Weight/m)
	}
	shape := s.objective.Kind.Shape()
	if shape.Weights == objective.Pointwise {
		return avg
	}
	w.wait()
	norm := objective.LogMeanExp(s.q)
	if shape.Weights == objective.OfAverage {
		avg = avg.Next(norm, s.objective.Param)
		norm = avg.Log
	}
	for j := from; j < to; j++ {
		s.b[j] = float32(float64(s.b[j]) * math.Exp(s.q[j]-norm))
	}
	return avg
}

// pairs returns where the marginal pairs of rows [lo, hi), whole blocks, are.
func (s *batchScores) pairs(lo, hi int) (from, to int) {
	k := len(s.marginal) / len(s.joint)
	return lo * k, hi * k
}

// value returns V of the batch, once every worker has left weights; lme is what
// these returned.
func (s *batchScores) value(lme float64, scratch []float32) float64 {
	n, m := float64(len(s.joint)), float64(len(s.marginal))
	switch {
	case s.p != nil:
		if s.objective.Kind.Shape().LogMean {
			return mean(s.p) - objective.LogMeanExp(s.q)
		}
		return mean(s.p) - mean(s.q)
	case s.objective.Kind == objective.JS:
		var total float64
		for i, t := range s.joint { // with as many marginal pairs as a row has
			from, to := s.pairs(i, i+1)
			var marginal float64
			for _, t := range s.marginal[from:to] {
				marginal += softplus(float64(t))
			}
			total += softplus(-float64(t)) + marginal/(m/n)
		}
		return -total / n
	}
	joint := mean(s.joint)
	if s.objective.Kind == objective.NWJ {
		return joint - f32.SumExp(scratch, s.marginal, 1)/m
	}
	return joint - lme
}

func mean[T float32 | float64](values []T) float64 { return sum(values) / float64(len(values)) }

func sum[T float32 | float64](values []T) float64 {
	var total float64
	for _, v := range values {
		total += float64(v)
	}
	return total
}

func softplus(x float64) float64 { return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func sigmoid(x float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) }
