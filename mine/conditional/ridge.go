package conditional

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// A ridge is a linear regression of several targets on the same features, with a penalty for
// each: of features F [n, m] and targets T [n, k], both less their means,
//
//	coefficients_j = (F'F/n + penalty_j I)^-1 F'T_j/n
//
// The penalty is that of least generalised cross-validation (Golub, Heath and Wahba,
// Technometrics 21, 1979): for the eigenvalues e of F'F/n and the residual sum of squares RSS,
//
//	GCV = (RSS/n) / (1 - df/n)^2,   df = 1 + sum_i e_i/(e_i + penalty)
//
// It may be infinite: then the prediction is the mean.
type ridge struct {
	centers      []float64  // of the features
	coefficients *mat.Dense // [m, k]
	means        []float64  // of the targets
	explained    []float64  // of each target, by GCV: from 0 to 1
}

const (
	// leastPenalty is next to none, as a share of the mean eigenvalue; each of the others is
	// penaltyRatio times the one before, the last one the size of a thousand of them.
	leastPenalty, penaltyRatio, penalties = 1e-9, 4, 20
	// leastExplained is what has to be explained for features to be used, in shares 1/n of
	// the variance: the best of 20 penalties explains more of noise about once in 20 times.
	leastExplained = 4
)

var errSpectrum = errors.New("conditional: no eigenvalues of the features are found")

// newRidge fits a regression. It overwrites features and targets by their differences from
// their means.
func newRidge(features, targets *mat.Dense) (*ridge, error) {
	n, m := features.Dims()
	_, k := targets.Dims()
	r := &ridge{centers: center(features), means: center(targets), explained: make([]float64, k)}
	gram := mat.NewSymDense(m, nil)
	gram.SymOuterK(1/float64(n), features.T())
	var spectrum mat.EigenSym
	if !spectrum.Factorize(gram, true) {
		return nil, errSpectrum
	}
	s := shrinkage{rows: float64(n), eigenvalues: spectrum.Values(nil)}
	for i, e := range s.eigenvalues {
		s.eigenvalues[i] = max(e, 0) // below by rounding
	}
	var directions, cross, along mat.Dense
	spectrum.VectorsTo(&directions)
	cross.Mul(features.T(), targets)
	along.Mul(directions.T(), &cross)
	for j := range k {
		c := mat.Col(nil, j, &along)
		floats.Scale(1/s.rows, c)
		t := mat.Col(nil, j, targets)
		r.explained[j] = s.best(c, floats.Dot(t, t)/s.rows)
		along.SetCol(j, c)
	}
	r.coefficients = mat.NewDense(m, k, nil)
	r.coefficients.Mul(&directions, &along)
	return r, nil
}

// center subtracts the means of the columns and returns them.
func center(m *mat.Dense) []float64 {
	rows, cols := m.Dims()
	means := make([]float64, cols)
	for i := range rows {
		floats.AddScaled(means, 1/float64(rows), m.RawRowView(i))
	}
	for i := range rows {
		floats.Sub(m.RawRowView(i), means)
	}
	return means
}

// predict returns the predictions [rows, k] of the targets. It overwrites features.
func (r *ridge) predict(features *mat.Dense) *mat.Dense {
	rows, _ := features.Dims()
	for i := range rows {
		floats.Sub(features.RawRowView(i), r.centers)
	}
	var p mat.Dense
	p.Mul(features, r.coefficients)
	for i := range rows {
		floats.Add(p.RawRowView(i), r.means)
	}
	return &p
}

// A shrinkage chooses penalties.
type shrinkage struct {
	rows        float64
	eigenvalues []float64
}

// best divides c, the covariances with a target of that variance along the eigenvectors, by
// the eigenvalues with the best penalty, and returns the share of the variance that is explained.
func (s shrinkage) best(c []float64, variance float64) (explained float64) {
	mean := floats.Sum(s.eigenvalues) / float64(len(c))
	least := s.validated(c, variance, math.Inf(1))
	chosen := math.Inf(1)
	if variance > 0 && mean > 0 {
		limit := least * (1 - leastExplained/s.rows)
		for i := range penalties {
			penalty := mean * leastPenalty * math.Pow(penaltyRatio, float64(i))
			if v := s.validated(c, variance, penalty); v < limit {
				limit, chosen, explained = v, penalty, 1-v/least
			}
		}
	}
	for i := range c {
		c[i] /= s.eigenvalues[i] + chosen
	}
	return explained
}

// validated is GCV; of more degrees of freedom than half of the rows it is infinite, for there
// it does not tell signal from noise.
func (s shrinkage) validated(c []float64, variance, penalty float64) float64 {
	freedom, rss := 1.0, variance
	for i, e := range s.eigenvalues {
		freedom += e / (e + penalty)
		rss -= c[i] * c[i] * (e + 2*penalty) / ((e + penalty) * (e + penalty))
	}
	if math.IsInf(penalty, 1) {
		freedom, rss = 1, variance
	}
	if freedom > s.rows/2 {
		return math.Inf(1)
	}
	free := 1 - freedom/s.rows
	return max(rss, 0) / (free * free)
}
