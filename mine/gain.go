package mine

import (
	"errors"
	"math"
	"slices"
)

// A Gain is how much one estimate is above another one, in nats.
type Gain struct {
	Estimate float64 `json:"estimate"`
	StdErr   float64 `json:"std_err"`
	// Low and High delimit the two-sided interval at the confidence of the configuration.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// GainOf returns how much more is above less, two estimators that were fitted to the same rows with the
// same folds. Where z and the rows are the same and more has further columns x' beside the columns x of less,
// it estimates
//
//	I(X';Z|X) = I(X,X';Z) - I(X;Z)
//
// as the difference of two lower bounds, and is none itself. The error is of the differences of the
// influence values of each row, or of the units that rows are, so that what both have in common cancels:
//
//	Var = sum_f (n_f/n)^2 C/(C-1) sum_c ( sum_(i in c) (IF_i - IF'_i) )^2 / n_f^2
//
// with c the units of the test rows of fold f, see PairedStdErr.
func GainOf(more, less *Estimator) (Gain, error) {
	a, err := more.Tested()
	if err != nil {
		return Gain{}, err
	}
	b, err := less.Tested()
	if err != nil {
		return Gain{}, err
	}
	if !slices.EqualFunc(a, b, func(m, l Tested) bool { return slices.Equal(m.Rows, l.Rows) && slices.Equal(m.Units, l.Units) }) {
		return Gain{}, errOtherFolds
	}
	var gain Gain
	var rows float64
	for f := range a {
		n := float64(len(a[f].Rows))
		rows += n
		gain.Estimate += n * (a[f].Estimate - b[f].Estimate)
	}
	gain.Estimate /= rows
	freedom := 0
	gain.StdErr, freedom = PairedStdErr(a, b)
	half := quantileOf(freedom)((1+more.cfg.Confidence)/2) * gain.StdErr
	gain.Low, gain.High = gain.Estimate-half, gain.Estimate+half
	return gain, nil
}

// PairedStdErr is the standard error of the difference of two bounds on the same rows, the root of
//
//	sum_f (n_f/n)^2 C/(C-1) sum_c ( sum_(i in c) IF_i - IF'_i )^2 / n_f^2
//
// with the C units c of the n_f test rows of fold f, single rows where they are independent (Liang and
// Zeger 1986); of a fold at least what single rows make. The noise of the marginal pairs is in it; what the critics of
// a fold learn from the test rows of others is not, since the difference has little of it. Rows that b
// does not have are taken to add nothing to its bound. freedom is the degrees of freedom, 0 for independent rows.
func PairedStdErr(a, b []Tested) (stdErr float64, freedom int) {
	other := map[int]float64{}
	for _, t := range b {
		for k, i := range t.Rows {
			other[i] = t.Influence[k]
		}
	}
	var variance, rows float64
	for _, t := range a {
		differences := make([]float64, len(t.Rows))
		for k, i := range t.Rows {
			differences[k] = t.Influence[k] - other[i]
		}
		rows += float64(len(differences))
		fold := unitSquares(differences, nil)
		if t.Units != nil {
			freedom += len(t.Units) - 1
			fold = max(fold, unitSquares(differences, t.Units))
		}
		variance += fold
	}
	return math.Sqrt(variance) / rows, freedom
}

var errOtherFolds = errors.New("mine: a gain is of two estimates of the same rows with the same folds")
