// Package stack combines critics into one: T = sum_c w_c T_c with weights 0 <= w <= 2
// that maximise the Donsker–Varadhan bound of T on pairs that no T_c was trained
// on,
//
//	V(w) = sum_f n_f/n ( mean_i w.J_fi - LME_j(w.M_fj) ) - 2/n |w|^2
//
// over some folds f of n_f rows, n in all, with J_fi and M_fj the vectors of the critics'
// joint and marginal scores. V is concave: a linear function less log-sum-exps of
// linear ones. A single critic is shrunk if it is overfitted (w < 1), or stretched. The
// last term is that of a normal prior for the weights with a standard deviation of 1/2:
// it decides the weights of critics that say next to nothing, which could be anything,
// and does nothing to those of others, for which V curves by the variance of T.
package stack

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Scores are those of one critic on some rows.
type Scores struct {
	Joint    []float32
	Marginal []float32
}

// A Fold holds the scores of all critics on the same pairs. The scores of a critic
// that has none in a fold are nil, and count as zeros.
type Fold []Scores

// rows returns the number of joint pairs.
func (f Fold) rows() int {
	for _, s := range f {
		if s.Joint != nil {
			return len(s.Joint)
		}
	}
	return 0
}

// moments are V and its derivatives in a fold.
type moments struct {
	value    float64
	gradient []float64
	hessian  *mat.SymDense // of -V
}

const (
	maxSteps = 50
	// enough is the gain, in nats, below which another step is not worth taking: far
	// below the standard error of any bound.
	enough = 1e-7
	// prior is one over the variance of the weights' prior.
	prior = 4
	// mostWeight is the largest weight. Where few rows are joint pairs whose scores are all above those of
	// the marginal ones, as of much information in many columns, V rises with a weight until the prior
	// ends it: the larger it is, the less of the scores is left when they are cut off.
	mostWeight = 2
	// ridge is what keeps critics that say the same from making the curvatures, as parts of their own,
	// impossible to solve for.
	ridge = 1e-10
)

// Weights returns the weights that maximise V over the folds, for as many critics as
// each fold has: 0 for those without scores in any. Folds without rows do not count. Of
// rows that depend on each other, worth is how many independent ones one is worth; the n
// of the prior counts those.
func Weights(folds []Fold, worth float64) []float64 {
	if len(folds) == 0 {
		return nil
	}
	critics := len(folds[0])
	w := make([]float64, critics) // from 0, where V is 0: no weights are worse than none
	at := evaluate(folds, w, worth)
	if at == nil {
		return make([]float64, critics)
	}
	for range maxSteps {
		next, better := step(folds, w, worth, at)
		if better == nil {
			break
		}
		gain := better.value - at.value
		w, at = next, better
		if gain < enough {
			break
		}
	}
	return w
}

// step takes a Newton step in the weights that are free to move, shortened until V
// rises. It returns nil where none does.
func step(folds []Fold, w []float64, worth float64, at *moments) ([]float64, *moments) {
	var free []int
	for c, v := range w {
		if (v > 0 || at.gradient[c] > 0) && (v < mostWeight || at.gradient[c] < 0) {
			free = append(free, c)
		}
	}
	direction := at.newton(free)
	// One that is 0 cannot fall, and one that is the largest cannot rise; without it, the others move in
	// another direction.
	for stuck := true; stuck; {
		stuck = false
		for i := len(free) - 1; i >= 0; i-- {
			if direction != nil && (w[free[i]] == 0 && direction[i] < 0 || w[free[i]] == mostWeight && direction[i] > 0) {
				free, stuck = slices.Delete(free, i, i+1), true
			}
		}
		if stuck {
			direction = at.newton(free)
		}
	}
	if direction == nil {
		return nil, nil
	}
	for length := 1.0; length > 1e-4; length /= 2 {
		next := slices.Clone(w)
		for i, c := range free {
			next[c] = min(max(0, w[c]+length*direction[i]), mostWeight)
		}
		if m := evaluate(folds, next, worth); m != nil && m.value > at.value {
			return next, m
		}
	}
	return nil, nil
}

// newton returns the step to the maximum of V's parabola in some of the weights; nil if
// there is none. Each weight is measured in units of one over the root of its curvature: of a
// critic gone astray, scores are many powers of ten above those of the others.
func (m *moments) newton(free []int) []float64 {
	if len(free) == 0 {
		return nil
	}
	h, g := mat.NewSymDense(len(free), nil), mat.NewVecDense(len(free), nil)
	root := make([]float64, len(free))
	for i, c := range free {
		root[i] = math.Sqrt(m.hessian.At(c, c))
		g.SetVec(i, m.gradient[c]/root[i])
		for j, d := range free[:i] {
			h.SetSym(i, j, m.hessian.At(c, d)/(root[i]*root[j]))
		}
		h.SetSym(i, i, 1+ridge)
	}
	var factor mat.Cholesky
	direction := mat.NewVecDense(len(free), nil)
	if !factor.Factorize(h) || factor.SolveVecTo(direction, g) != nil {
		return nil
	}
	step := direction.RawVector().Data
	for i := range step {
		step[i] /= root[i]
	}
	return step
}

// evaluate returns V and its derivatives at w, nil if they are not finite.
func evaluate(folds []Fold, w []float64, worth float64) *moments {
	m := &moments{gradient: make([]float64, len(w)), hessian: mat.NewSymDense(len(w), nil)}
	var total float64
	for _, f := range folds {
		total += float64(f.rows())
	}
	if total == 0 {
		return nil
	}
	for _, f := range folds {
		if n := float64(f.rows()); n > 0 {
			f.add(m, w, n/total)
		}
	}
	pull := prior / (total * worth)
	for c, v := range w {
		m.value -= pull * v * v / 2
		m.gradient[c] -= pull * v
		m.hessian.SetSym(c, c, m.hessian.At(c, c)+pull)
	}
	if math.IsNaN(m.value) || math.IsInf(m.value, 0) {
		return nil
	}
	return m
}

// add adds a fold's share of V and of its derivatives.
func (f Fold) add(m *moments, w []float64, share float64) {
	t := f.Combine(w).Marginal
	most := math.Inf(-1)
	for _, v := range t {
		most = math.Max(most, float64(v))
	}
	p := make([]float64, len(t))
	var sum float64
	for j, v := range t {
		p[j] = math.Exp(float64(v) - most)
		sum += p[j]
	}
	m.value -= share * (most + math.Log(sum/float64(len(t))))
	for j := range p {
		p[j] /= sum
	}
	means, centred := make([]float64, len(f)), make([]float64, len(t))
	for c, s := range f {
		for j, v := range s.Marginal {
			means[c] += p[j] * float64(v)
		}
	}
	for c, s := range f {
		if s.Joint == nil {
			continue
		}
		mean := 0.0
		for _, t := range s.Joint {
			mean += float64(t) / float64(len(s.Joint))
		}
		m.value += share * w[c] * mean
		m.gradient[c] += share * (mean - means[c])
		for j, v := range s.Marginal {
			centred[j] = p[j] * (float64(v) - means[c])
		}
		for d := range c + 1 {
			if f[d].Marginal == nil {
				continue
			}
			var covariance float64
			for j, v := range f[d].Marginal {
				covariance += centred[j] * (float64(v) - means[d])
			}
			m.hessian.SetSym(c, d, m.hessian.At(c, d)+share*covariance)
		}
	}
}

// Combine returns the scores of sum_c w_c T_c, nil without any critic.
func (f Fold) Combine(w []float64) Scores {
	var all Scores
	for c, s := range f {
		if s.Joint == nil {
			continue
		}
		if all.Joint == nil {
			all = Scores{make([]float32, len(s.Joint)), make([]float32, len(s.Marginal))}
		}
		all.Add(s, w[c])
	}
	return all
}

// Add adds the scores of a critic on the same pairs, times its weight.
func (s Scores) Add(other Scores, weight float64) {
	for i, t := range other.Joint {
		s.Joint[i] += float32(weight) * t
	}
	for i, t := range other.Marginal {
		s.Marginal[i] += float32(weight) * t
	}
}
