package objective

import "math"

// Weighting says what the weight of a marginal score is made of.
type Weighting uint8

const (
	// Pointwise: the weight of its term alone, over m.
	Pointwise Weighting = iota
	// OfBatch: the weight of its term times exp(q(M_j) - LME(q(M)))/m.
	OfBatch
	// OfAverage: as OfBatch, with the log of the moving average of mean exp(q(M))
	// over the steps in place of the LME.
	OfAverage
)

// Shape is the part of an objective that is not a function of one score.
type Shape struct {
	// LogMean says that A is a log-mean-exp, else it is a mean.
	LogMean bool
	// Weights says how the weights of marginal scores are normalised.
	Weights Weighting
}

// Shape returns the shape of a kind, which must be one of Kinds.
func (k Kind) Shape() Shape { return definitions[k].shape }

// Averages reports whether training carries a moving average from step to step.
func (k Kind) Averages() bool { return k.Shape().Weights == OfAverage }

// A Term is what one score contributes: Value is p(J) or q(M), Weight what its
// derivative is made of. See the package documentation.
type Term struct{ Value, Weight float64 }

// definition is all there is to say about an objective.
type definition struct {
	name      string
	parameter parameter
	term      func(t, param float64, marginal bool) Term
	shape     Shape
	constant  float64 // the score of the best critic that gives every pair the same
}

// parameter describes the number behind an objective's name; without a name there
// is none.
type parameter struct {
	name, want string
	standard   float64
	valid      func(float64) bool
}

var definitions = [...]definition{
	DV: {name: "dv", term: linear, shape: Shape{LogMean: true, Weights: OfBatch}},
	MINE: {name: "mine", term: linear, shape: Shape{LogMean: true, Weights: OfAverage},
		// The paper's own code uses 0.01.
		parameter: parameter{"rate", "a rate in (0, 1]", 0.01, func(p float64) bool { return p > 0 && p <= 1 }}},
	NWJ: {name: "nwj", term: nwj, constant: 1},
	JS:  {name: "js", term: js},
	SMILE: {name: "smile", term: smile, shape: Shape{LogMean: true},
		// The middle one of the paper's 1, 5 and infinity.
		parameter: parameter{"tau", "a clip from 1e-6 to 1e6, or inf", 5, func(p float64) bool { return p >= 1e-6 && p <= 1e6 || math.IsInf(p, 1) }}},
	NCE: {name: "nce", term: nce,
		parameter: parameter{"nu", "a weight from 1e-6 to 1e6", 1, func(p float64) bool { return p >= 1e-6 && p <= 1e6 }}},
}

func linear(t, _ float64, _ bool) Term { return Term{t, 1} }

func nwj(t, _ float64, marginal bool) Term {
	if !marginal {
		return Term{t, 1}
	}
	e := math.Exp(t - 1)
	return Term{e, e}
}

func js(t, _ float64, marginal bool) Term {
	if !marginal {
		return Term{-softplus(-t), sigmoid(-t)}
	}
	return Term{softplus(t), sigmoid(t)}
}

func smile(t, tau float64, marginal bool) Term {
	if !marginal {
		return Term{t, sigmoid(-t)}
	}
	return Term{max(-tau, min(t, tau)), sigmoid(t)}
}

func nce(t, nu float64, marginal bool) Term {
	odds := t - math.Log(nu)
	if !marginal {
		return Term{-softplus(-odds), sigmoid(-odds)}
	}
	return Term{nu * softplus(odds), nu * sigmoid(odds)}
}

// softplus is log(1 + e^t), sigmoid its derivative.
func softplus(t float64) float64 { return max(t, 0) + math.Log1p(math.Exp(-math.Abs(t))) }

func sigmoid(t float64) float64 { return 1 / (1 + math.Exp(-t)) }
