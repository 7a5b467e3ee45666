package conditional

import "math"

const (
	// mostSteps is the most features that a forward selection takes.
	mostSteps = 50
	// rowsPerStep keeps them fewer than rows.
	rowsPerStep = 4
	// leastOwn is the share of its variance that a feature must have beside those chosen before.
	leastOwn = 1e-9
	// mostCancelled is how large the products of coefficients with lengths of features may be together, as a share of the
	// length of the target. Sums of 1e5 products have relative errors of some 1e-13, and squared errors by them are off by
	// that times the square of the share: by a ten-thousandth of the target's at most.
	mostCancelled = 3e4
)

// A path is that of a forward selection: the features in the order in which they are chosen, each
// the one that leaves the least squared error beside those before, and the coefficients of least
// squares after each step (Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 3.3.2).
type path struct {
	chosen       []int
	coefficients [][]float64 // after step s, of the first s+1 chosen
}

// at returns all m coefficients after so many steps, or at the end of a path of fewer.
func (p path) at(steps, m int) []float64 {
	c := make([]float64, m)
	if steps = min(steps, len(p.chosen)); steps > 0 {
		for i, v := range p.coefficients[steps-1] {
			c[p.chosen[i]] = v
		}
	}
	return c
}

// forward selects features for target j. It is a Cholesky decomposition L L' of F'F whose next pivot
// is the feature with the largest r^2/d, where d is the sum of squares of what is left of a feature
// beside those chosen, and r that of its products with the target.
func (s *sums) forward(j int) (p path) {
	m, _ := s.cross.Dims()
	left, own := make([]float64, m), make([]float64, m)
	for a := range m {
		left[a], own[a] = s.cross.At(a, j), s.gram.At(a, a)
	}
	var factors [][]float64 // columns of L
	var along []float64     // the target along them
	for range min(m, mostSteps, int(s.rows)/rowsPerStep) {
		best, gain := -1, 0.0
		for a, d := range own {
			if g := left[a] * left[a] / d; d > leastOwn*s.gram.At(a, a) && g > gain {
				best, gain = a, g
			}
		}
		if best < 0 {
			break
		}
		pivot := math.Sqrt(own[best])
		next := make([]float64, m)
		for a := range next {
			next[a] = s.gram.At(a, best)
			for _, f := range factors {
				next[a] -= f[a] * f[best]
			}
			next[a] /= pivot
		}
		factors, along, p.chosen = append(factors, next), append(along, left[best]/pivot), append(p.chosen, best)
		for a, l := range next {
			left[a] -= l * along[len(along)-1]
			own[a] -= l * l
		}
		own[best] = 0
		c := solveBack(factors, p.chosen, along)
		if s.length(p.chosen, c) > mostCancelled*math.Sqrt(s.square[j]) {
			p.chosen = p.chosen[:len(p.chosen)-1]
			break
		}
		p.coefficients = append(p.coefficients, c)
	}
	return p
}

// length is the sum of the lengths of features times coefficients, none of which cancel.
func (s *sums) length(chosen []int, coefficients []float64) (sum float64) {
	for k, a := range chosen {
		sum += math.Abs(coefficients[k]) * math.Sqrt(s.gram.At(a, a))
	}
	return sum
}

// solveBack solves L' c = along, of the chosen rows of L.
func solveBack(factors [][]float64, chosen []int, along []float64) []float64 {
	c := make([]float64, len(chosen))
	for i := len(c) - 1; i >= 0; i-- {
		c[i] = along[i]
		for b := i + 1; b < len(c); b++ {
			c[i] -= factors[i][chosen[b]] * c[b]
		}
		c[i] /= factors[i][chosen[i]]
	}
	return c
}
