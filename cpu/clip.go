package cpu

import (
	"math"

	"gomine/cpu/internal/f32"
)

// squares holds sums of squares over parts of a gradient that do not depend on
// the number of workers: the units of every matrix, the lanes of every vector.
type squares struct {
	parts   []float64
	weights []int // place of the first unit of each matrix
	vectors int   // place of the first lane of the first vector
}

func newSquares(p *params) squares {
	var s squares
	n := 0
	for i := range p.weights {
		s.weights = append(s.weights, n)
		n += units(p.weights[i].rows())
	}
	s.vectors = n
	s.parts = make([]float64, n+p.vectorFloats()/lane)
	return s
}

// rows takes in a unit of rows of weights i.
func (s *squares) rows(grad *params, i, lo, hi int) {
	s.parts[s.weights[i]+lo/f32.PackUnit] = sumSquares(grad.weights[i].block(lo, hi-lo))
}

// elements takes in elements of vector i, whole lanes.
func (s *squares) elements(grad *params, i, lo, hi int) {
	v := &grad.vectors[i]
	for ; lo < hi; lo += lane {
		s.parts[s.vectors+(v.at+lo)/lane] = sumSquares(v.data[lo : lo+lane])
	}
}

// norm returns the Euclidean norm of the gradient that was taken in.
func (s *squares) norm() float64 {
	var sum float64
	for _, v := range s.parts {
		sum += v
	}
	return math.Sqrt(sum)
}

// sumSquares returns the sum of the squares of x, a multiple of four elements.
func sumSquares(x []float32) float64 {
	var s0, s1, s2, s3 float64 // four chains, since one would wait for its adds
	for ; len(x) >= 4; x = x[4:] {
		a, b, c, d := float64(x[0]), float64(x[1]), float64(x[2]), float64(x[3])
		s0 += a * a
		s1 += b * b
		s2 += c * c
		s3 += d * d
	}
	return (s0 + s1) + (s2 + s3)
}

// clipFactor returns what to multiply a gradient of norm by, so that it is no
// longer than most. A gradient that is not finite is not changed, which would
// hide part of it.
func clipFactor(norm, most float64) float32 {
	if norm > most && !math.IsInf(norm, 1) {
		return float32(most / norm)
	}
	return 1
}
