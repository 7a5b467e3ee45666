package mine

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"gomine/mine/backend"
)

// A Bound is what a critic certifies on rows that it was not trained on, in
// nats. With joint scores T_ii and marginal scores T_ij of n rows,
//
//	Estimate = mean T_ii - log mean exp(T_ij)        (Donsker and Varadhan 1983)
//
// and the standard error is that of its influence function, see
// backend.Evaluation.Variance. Of several folds it also has what their critics
// have learnt from each other's test rows, see doc/mathematics.md.
type Bound struct {
	// Estimate estimates E T - log E' exp(T), which no critic can bring above
	// I(X;Z). It is signed: near independence it may come out below zero.
	Estimate float64 `json:"estimate"`
	StdErr   float64 `json:"std_err"`
	// Low and High delimit the two-sided interval for the bound of this critic
	// at the configured confidence. LowerBound is the one-sided limit at the
	// same level, and so a lower confidence bound on I(X;Z) itself. It is at most
	// ln n: above, pairs too rare for n rows decide the exponential mean, and StdErr
	// does not see them (McAllester and Stratos 2020).
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	LowerBound float64 `json:"lower_bound"`
	// NWJ is the bound mean T' - mean exp(T') + 1 of Nguyen, Wainwright and
	// Jordan (2010), with T' normalised on the validation rows. It is at most
	// Estimate; a gap of more than a few standard errors means that a few
	// pairs dominate the exponential mean.
	NWJ float64 `json:"nwj"`
}

// likelyShare is how far from the bound on test rows to that on training rows Likely is. A
// critic that was fitted to n rows is as much above the best of its kind on them as below
// on others, to first order in 1/n (Takeuchi 1976), which would be a half; the best of its
// kind is below the truth as well.
const likelyShare = 0.75

// likely returns Likely of a result that has all that it is made of.
func (r *Result) likely() float64 {
	if r.LowerBound <= 0 {
		return r.Estimate
	}
	guess := r.Estimate + likelyShare*max(0, r.Training-r.Estimate)
	return min(guess, max(r.Estimate, math.Log(float64(r.Rows.Test))))
}

// NewBound returns the bound of an evaluation, as Estimator does for its own. It
// is for those who train a critic with a backend themselves. NWJ is that of T less
// logU, which has to come from other rows; 1 stands for the bound mean T_ii - mean
// exp(T_ij - 1) of the scores as they are. Scores that are not finite make an error
// that wraps ErrDiverged.
func NewBound(ev backend.Evaluation, logU, confidence float64) (Bound, error) {
	b := Bound{
		Estimate: ev.Joint - ev.LogU,
		StdErr:   ev.StdErr(),
		NWJ:      ev.Joint - logU - math.Exp(ev.LogU-logU) + 1,
	}.limited(float64(ev.Rows), confidence, 0)
	for _, v := range []float64{b.Estimate, b.StdErr, b.NWJ} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return Bound{}, fmt.Errorf("mine: %w: scores reach %g on rows it was not trained on; lower the learning rate",
				ErrDiverged, ev.MaxT)
		}
	}
	return b, nil
}

// quantileOf is the quantile of an error by its standard error, which has degrees of freedom, 0 for many.
func quantileOf(freedom int) func(p float64) float64 {
	if freedom > 0 {
		return distuv.StudentsT{Sigma: 1, Nu: float64(freedom)}.Quantile
	}
	return distuv.UnitNormal.Quantile
}

// limited returns the bound with its limits, by Estimate and StdErr; rows are those that
// one exponential mean is over, freedom the degrees of freedom of StdErr, 0 for many.
func (b Bound) limited(rows, confidence float64, freedom int) Bound {
	quantile := quantileOf(freedom)
	two := quantile((1 + confidence) / 2)
	b.Low, b.High = b.Estimate-two*b.StdErr, b.Estimate+two*b.StdErr
	b.LowerBound = min(b.Estimate-quantile(confidence)*b.StdErr, math.Log(rows))
	return b
}
