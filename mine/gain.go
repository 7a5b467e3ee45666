package mine

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
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
// with c the units of the test rows of fold f, single rows where they are independent (Liang and
// Zeger 1986). The noise of the marginal pairs is in it.
func GainOf(more, less *Estimator) (Gain, error) {
	switch {
	case more.ensemble == nil || less.ensemble == nil:
		return Gain{}, errNoCritic
	case more.arranged.rows != less.arranged.rows || len(more.ensemble.folds) != len(less.ensemble.folds):
		return Gain{}, errOtherFolds
	}
	for p := range more.arranged.rows {
		if more.arranged.order(p) != less.arranged.order(p) {
			return Gain{}, errOtherFolds
		}
	}
	a, b := more.ensemble.stacked(), less.ensemble.stacked()
	var gain Gain
	var rows, variance float64
	freedom := 0
	for f := range a {
		if m, l := more.ensemble.folds[f], less.ensemble.folds[f]; !slices.Equal(m.split(m.test), l.split(l.test)) {
			return Gain{}, errOtherFolds
		}
		n := float64(a[f].Rows)
		rows += n
		gain.Estimate += n * (a[f].Joint - a[f].LogU - b[f].Joint + b[f].LogU)
		differences := make([]float64, len(a[f].influence))
		for i, v := range a[f].influence {
			differences[i] = v - b[f].influence[i]
		}
		variance += unitSquares(differences, a[f].clusters)
		freedom += a[f].freedom()
	}
	gain.Estimate /= rows
	gain.StdErr = math.Sqrt(variance) / rows
	if v := gain.Estimate + gain.StdErr; math.IsNaN(v) || math.IsInf(v, 0) {
		return Gain{}, fmt.Errorf("mine: a gain is %g with an error of %g: %w", gain.Estimate, gain.StdErr, ErrDiverged)
	}
	quantile := distuv.UnitNormal.Quantile
	if freedom > 0 {
		quantile = distuv.StudentsT{Sigma: 1, Nu: float64(freedom)}.Quantile
	}
	half := quantile((1+more.cfg.Confidence)/2) * gain.StdErr
	gain.Low, gain.High = gain.Estimate-half, gain.Estimate+half
	return gain, nil
}

var errOtherFolds = errors.New("mine: a gain is of two estimates of the same rows with the same folds")
