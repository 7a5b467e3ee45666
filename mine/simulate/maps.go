package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"gonum.org/v1/gonum/mat"
)

// transform changes the columns of one row in place; scratch holds at least as
// many values.
type transform func(row, scratch []float64)

// Maps returns the names of the maps that [New] knows, in the order in which
// help should list them. All are invertible, so none changes the mutual
// information. With s the rough size of a column, 1 for a standard normal:
//
//	none      y
//	cubic     y^3
//	exp       exp(y/s)
//	asinh     asinh(y)
//	cdf       Phi(y/s), the normal distribution function
//	sqrtabs   y sqrt|y|
//	rotation  Q y, with a random orthogonal matrix Q set by Params.Seed
//
// The scale s keeps exp from overflowing and cdf from rounding to 1. The
// tails of student are too heavy for either, and New refuses them there.
func Maps() []string {
	return []string{"none", "cubic", "exp", "asinh", "cdf", "sqrtabs", "rotation"}
}

// newTransform returns the map called name, and its name, on d columns of size
// scale. param is the parameter of [New] that name was given as; r draws the
// rotation.
func newTransform(param, name string, d int, scale float64, r *rand.Rand) (string, transform, error) {
	switch name {
	case "", "none":
		return "none", func(_, _ []float64) {}, nil
	case "cubic":
		return name, columnwise(func(y float64) float64 { return y * y * y }), nil
	case "asinh":
		return name, columnwise(math.Asinh), nil
	case "sqrtabs":
		return name, columnwise(func(y float64) float64 { return y * math.Sqrt(math.Abs(y)) }), nil
	case "exp", "cdf":
		if math.IsInf(scale, 1) {
			return "", nil, &ParamError{param, name, "a map that can hold tails this heavy in float64, such as asinh"}
		}
		if name == "exp" {
			return name, columnwise(func(y float64) float64 { return math.Exp(y / scale) }), nil
		}
		return name, columnwise(func(y float64) float64 { return math.Erfc(-y/scale/math.Sqrt2) / 2 }), nil
	case "rotation":
		if d > maxMatrix {
			return "", nil, &ParamError{param, name, fmt.Sprintf("another map for %d columns: it rotates at most %d", d, maxMatrix)}
		}
		return name, rotation(randomOrthogonal(d, r)), nil
	}
	return "", nil, &ParamError{param, name, "one of " + strings.Join(Maps(), ", ")}
}

func columnwise(f func(float64) float64) transform {
	return func(row, _ []float64) {
		for j, y := range row {
			row[j] = f(y)
		}
	}
}

func rotation(q *mat.Dense) transform {
	return func(row, scratch []float64) {
		y := scratch[:copy(scratch, row)]
		for i := range row {
			var sum float64
			for j, w := range q.RawRowView(i) {
				sum += w * y[j]
			}
			row[i] = sum
		}
	}
}

// randomOrthogonal returns a [d, d] orthogonal matrix with the uniform (Haar)
// distribution: the Q of a matrix of normals, its columns signed so that R has
// a positive diagonal (Mezzadri, How to generate random matrices from the
// classical compact groups, Notices of the AMS 54, 2007).
func randomOrthogonal(d int, r *rand.Rand) *mat.Dense {
	a := mat.NewDense(d, d, nil)
	for i := range d {
		for j := range d {
			a.Set(i, j, r.NormFloat64())
		}
	}
	var qr mat.QR
	qr.Factorize(a)
	var q, upper mat.Dense
	qr.QTo(&q)
	qr.RTo(&upper)
	for j := range d {
		if upper.At(j, j) < 0 {
			for i := range d {
				q.Set(i, j, -q.At(i, j))
			}
		}
	}
	return &q
}
