package conditional

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

const (
	// leastPenalty is next to none, as a share of the mean eigenvalue; each of the others is
	// penaltyRatio times the one before, the last one the size of a thousand of them.
	leastPenalty, penaltyRatio, penalties = 1e-9, 4, 20
)

var (
	errSpectrum = errors.New("conditional: no eigenvalues of the features are found")
	errSingular = errors.New("conditional: the equations of the features have no solution")
)

// penalties returns the penalty of each target in a ridge regression
//
//	coefficients_j = (F'F/n + penalty_j I)^-1 F'T_j/n
//
// It is that of least generalised cross-validation (Golub, Heath and Wahba,
// Technometrics 21, 1979): for the eigenvalues e of F'F/n and the residual sum of squares RSS,
//
//	GCV = (RSS/n) / (1 - df/n)^2,   df = 1 + sum_i e_i/(e_i + penalty)
//
// It may be infinite: then the prediction is the mean.
func (s *sums) penalties() ([]float64, error) {
	var spectrum mat.EigenSym
	if !spectrum.Factorize(s.gram, true) {
		return nil, errSpectrum
	}
	h := shrinkage{rows: s.rows, eigenvalues: spectrum.Values(nil)}
	for i, e := range h.eigenvalues {
		h.eigenvalues[i] = max(e, 0) / s.rows // below by rounding
	}
	var directions, along mat.Dense
	spectrum.VectorsTo(&directions)
	along.Mul(directions.T(), s.cross)
	chosen := make([]float64, len(s.square))
	for j := range chosen {
		c := mat.Col(nil, j, &along)
		floats.Scale(1/s.rows, c)
		chosen[j] = h.best(c, s.square[j]/s.rows)
	}
	return chosen, nil
}

// ridge returns the coefficients [m, k] of ridge regressions.
func (s *sums) ridge(chosen []float64) (*mat.Dense, error) {
	m, k := s.cross.Dims()
	all := mat.NewDense(m, k, nil)
	solved := map[float64]*mat.Cholesky{}
	for j, penalty := range chosen {
		if math.IsInf(penalty, 1) {
			continue
		}
		if solved[penalty] == nil {
			a := mat.NewSymDense(m, nil)
			a.CopySym(s.gram)
			for i := range m {
				a.SetSym(i, i, a.At(i, i)+s.rows*penalty)
			}
			solved[penalty] = new(mat.Cholesky)
			if !solved[penalty].Factorize(a) {
				return nil, errSingular
			}
		}
		var c mat.VecDense
		if err := solved[penalty].SolveVecTo(&c, s.cross.ColView(j)); err != nil {
			if _, ill := err.(mat.Condition); !ill {
				return nil, err
			}
		}
		all.SetCol(j, c.RawVector().Data)
	}
	return all, nil
}

// A shrinkage chooses penalties.
type shrinkage struct {
	rows        float64
	eigenvalues []float64
}

// best returns the best penalty for a target of that variance, where c are its covariances along
// the eigenvectors.
func (s shrinkage) best(c []float64, variance float64) float64 {
	mean := floats.Sum(s.eigenvalues) / float64(len(c))
	least, chosen := s.validated(c, variance, math.Inf(1)), math.Inf(1)
	if variance > 0 && mean > 0 {
		for i := range penalties {
			penalty := mean * leastPenalty * math.Pow(penaltyRatio, float64(i))
			if v := s.validated(c, variance, penalty); v < least {
				least, chosen = v, penalty
			}
		}
	}
	return chosen
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
