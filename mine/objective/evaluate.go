package objective

import "math"

// Term returns what one score contributes.
func (o Objective) Term(t float64, marginal bool) Term {
	return definitions[o.Kind].term(t, o.Param, marginal)
}

// Value returns V of the scores of joint and of marginal pairs, in nats; NaN
// without joint or without marginal scores.
//
// That of DV is the Donsker–Varadhan bound. That of SMILE with a small tau varies
// less and is, for that, no lower bound of the information: it may exceed it.
func (o Objective) Value(joint, marginal []float64) float64 {
	var mean float64
	for _, t := range joint {
		mean += o.Term(t, false).Value
	}
	values := make([]float64, len(marginal))
	for j, t := range marginal {
		values[j] = o.Term(t, true).Value
	}
	return mean/float64(len(joint)) - o.aggregate(values)
}

// aggregate returns A of the values q(M_j).
func (o Objective) aggregate(values []float64) float64 {
	if o.Kind.Shape().LogMean {
		return LogMeanExp(values)
	}
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// Average is the moving average that OfAverage normalises by, as a logarithm. The
// zero value is one before the first step.
type Average struct {
	Log     float64
	Started bool
}

// Next returns the average after a step whose LME(q(M)) is lme, with alpha its rate:
//
//	log ema <- logaddexp(log(1-alpha) + log ema, log(alpha) + lme)
//
// It starts at the first lme, so that it has no bias at the start.
func (a Average) Next(lme, alpha float64) Average {
	if !a.Started {
		return Average{lme, true}
	}
	return Average{logAddExp(math.Log1p(-alpha)+a.Log, math.Log(alpha)+lme), true}
}

// Weights stores a_i in a and b_j in b, see the package documentation, and returns
// the average that the next step begins with: avg itself unless the objective has
// one.
func (o Objective) Weights(joint, marginal, a, b []float64, avg Average) Average {
	n, m := float64(len(joint)), float64(len(marginal))
	for i, t := range joint {
		a[i] = o.Term(t, false).Weight / n
	}
	weights := o.Kind.Shape().Weights
	var norm float64
	if weights != Pointwise {
		values := make([]float64, len(marginal))
		for j, t := range marginal {
			values[j] = o.Term(t, true).Value
		}
		norm = LogMeanExp(values)
	}
	if weights == OfAverage {
		avg = avg.Next(norm, o.Param)
		norm = avg.Log
	}
	for j, t := range marginal {
		term := o.Term(t, true)
		b[j] = term.Weight / m
		if weights != Pointwise {
			b[j] *= math.Exp(term.Value - norm)
		}
	}
	return avg
}

// Constant returns the score of the best critic among those that give every pair
// the same score: what training may begin with.
func (k Kind) Constant() float64 { return definitions[k].constant }

// Idle returns V of the critic of Kind.Constant, in nats: 0, or what the value
// lacks to be a bound of the information.
func (o Objective) Idle() float64 {
	c := []float64{o.Kind.Constant()}
	return o.Value(c, c)
}

// LogMeanExp returns log mean exp(t), without overflow; NaN of nothing.
func LogMeanExp[T float32 | float64](t []T) float64 {
	if len(t) == 0 {
		return math.NaN()
	}
	most := T(math.Inf(-1))
	for _, v := range t {
		if v != v {
			return math.NaN()
		}
		if v > most { // faster than max, which minds NaN and -0
			most = v
		}
	}
	largest := float64(most)
	if math.IsInf(largest, 0) {
		return largest // all of them -Inf, or one +Inf
	}
	var sum float64
	for _, v := range t {
		sum += math.Exp(float64(v) - largest)
	}
	return largest + math.Log(sum/float64(len(t)))
}

func logAddExp(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	return a + math.Log1p(math.Exp(b-a))
}
