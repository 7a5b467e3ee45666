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
//	StdErr   = sd(T_ii - w_i)/sqrt(n),  w_i = (u_i + v_i)/U
//
// where u_i and v_i are the means of exp(T_ij) over the marginal pairs that
// row i gives its x and its z to, and U is the mean of all: the influence
// function of the estimate, as a function of the n rows. With c marginal pairs
// a row, u and v themselves carry noise of relative variance 1/c that is counted
// twice here but enters the estimate once: StdErr errs on the large side, by a
// few percent where the scores spread widely.
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

// NewBound returns the bound of an evaluation, as Estimator does for its own. It
// is for those who train a critic with a backend themselves. NWJ is that of T less
// logU, which has to come from other rows; 1 stands for the bound mean T_ii - mean
// exp(T_ij - 1) of the scores as they are. Scores that are not finite make an error
// that wraps ErrDiverged.
func NewBound(ev backend.Evaluation, logU, confidence float64) (Bound, error) {
	b := Bound{
		Estimate: ev.Joint - ev.LogU,
		StdErr:   stdErr(ev),
		NWJ:      ev.Joint - logU - math.Exp(ev.LogU-logU) + 1,
	}
	two := distuv.UnitNormal.Quantile((1 + confidence) / 2)
	b.Low, b.High = b.Estimate-two*b.StdErr, b.Estimate+two*b.StdErr
	b.LowerBound = min(b.Estimate-distuv.UnitNormal.Quantile(confidence)*b.StdErr, math.Log(float64(ev.Rows)))
	for _, v := range []float64{b.Estimate, b.StdErr, b.NWJ} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return Bound{}, fmt.Errorf("mine: %w: scores reach %g on rows it was not trained on; lower the learning rate",
				ErrDiverged, ev.MaxT)
		}
	}
	return b, nil
}

// stdErr is the standard error of the Donsker–Varadhan bound, see Bound.
func stdErr(ev backend.Evaluation) float64 {
	return math.Sqrt(math.Max(0, ev.VarT+ev.VarW-2*ev.CovTW) / float64(ev.Rows))
}

// SMILE returns the estimate of Song and Ermon (Understanding the Limitations of
// Variational Mutual Information Estimators, ICLR 2020, section 5), in nats, from the
// scores of joint and of marginal pairs:
//
//	mean T_ii - log mean exp(max(-tau, min(T_ij, tau)))
//
// It is meant for critics that the JS objective trained, whose scores estimate
// log p(x,z)/p(x)p(z) without a constant to spare. A small tau lowers the variance,
// and for that the estimate is no lower bound of the information: it may exceed it.
// With tau = +Inf it is the Donsker–Varadhan bound. Without joint or without
// marginal scores it is NaN.
func SMILE[T Float](joint, marginal []T, tau float64) float64 {
	if len(joint) == 0 || len(marginal) == 0 {
		return math.NaN()
	}
	clipped, most := make([]float64, len(marginal)), math.Inf(-1)
	for i, t := range marginal {
		clipped[i] = max(-tau, min(float64(t), tau))
		most = max(most, clipped[i])
	}
	var mean, sum float64
	for _, t := range joint {
		mean += float64(t) / float64(len(joint))
	}
	for _, t := range clipped {
		sum += math.Exp(t - most)
	}
	return mean - (most + math.Log(sum/float64(len(clipped))))
}
