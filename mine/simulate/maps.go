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
//	rotation  Q y, with a random orthogonal matrix Q
//	spiral    columns 0 and 1, 2 and 3, and so on, turned as points of a plane by
//	          an angle of |point|/s; the last of an odd number stays
//	network   three layers y + 0.8 s P tanh(Q y/s + c), with random orthogonal
//	          matrices P and Q and normal c
//
// The random ones follow from Params.Seed, see [MapReadsSeed]. A layer of
// network changes y by a contraction, so that it can be undone by iteration
// (Behrmann et al., Invertible residual networks, ICML 2019); a spiral keeps
// |point| and is undone by turning back.
//
// The scale s keeps exp from overflowing, cdf from rounding to 1, spiral from
// angles without digits, and network from doing nothing. The tails of student
// are too heavy for all four, and New refuses them there.
func Maps() []string {
	return []string{"none", "cubic", "exp", "asinh", "cdf", "sqrtabs", "rotation", "spiral", "network"}
}

// MapReadsSeed reports whether a map is random: whether it depends on
// Params.Seed.
func MapReadsSeed(name string) bool { return name == "rotation" || name == "network" }

// maxNetwork bounds the columns of a network from above: it has six matrices.
const maxNetwork = 1024

// newTransform returns the map called name, and its name, on d columns of size
// scale. param is the parameter of [New] that name was given as; r draws the
// matrices.
func newTransform(param, name string, d int, scale float64, r *rand.Rand) (string, transform, error) {
	refuse := func(want string) (string, transform, error) { return "", nil, &ParamError{param, name, want} }
	switch name {
	case "exp", "cdf", "spiral", "network":
		if math.IsInf(scale, 1) {
			return refuse("a map that can hold tails this heavy in float64, such as asinh")
		}
	}
	switch name {
	case "", "none":
		return "none", func(_, _ []float64) {}, nil
	case "cubic":
		return name, columnwise(func(y float64) float64 { return y * y * y }), nil
	case "asinh":
		return name, columnwise(math.Asinh), nil
	case "sqrtabs":
		return name, columnwise(func(y float64) float64 { return y * math.Sqrt(math.Abs(y)) }), nil
	case "exp":
		return name, columnwise(func(y float64) float64 { return math.Exp(y / scale) }), nil
	case "cdf":
		return name, columnwise(func(y float64) float64 { return normalCDF(y / scale) }), nil
	case "rotation":
		if d > maxMatrix {
			return refuse(fmt.Sprintf("another map for %d columns: it rotates at most %d", d, maxMatrix))
		}
		return name, rotation(randomOrthogonal(d, r)), nil
	case "spiral":
		if d < 2 {
			return refuse("another map for 1 column: it turns pairs of columns")
		}
		return name, spiral(scale), nil
	case "network":
		if d > maxNetwork {
			return refuse(fmt.Sprintf("another map for %d columns: it has at most %d", d, maxNetwork))
		}
		return name, network(randomLayers(d, r), scale), nil
	}
	return refuse("one of " + strings.Join(Maps(), ", "))
}

func normalCDF(y float64) float64 { return math.Erfc(-y/math.Sqrt2) / 2 }

func columnwise(f func(float64) float64) transform {
	return func(row, _ []float64) {
		for j, y := range row {
			row[j] = f(y)
		}
	}
}

// dot adds in this order, so that samples are the same on every machine.
func dot(w, y []float64) float64 {
	var sum float64
	for j, v := range w {
		sum += v * y[j]
	}
	return sum
}

func rotation(q *mat.Dense) transform {
	return func(row, scratch []float64) {
		y := scratch[:copy(scratch, row)]
		for i := range row {
			row[i] = dot(q.RawRowView(i), y)
		}
	}
}

func spiral(scale float64) transform {
	return func(row, _ []float64) {
		for ; len(row) >= 2; row = row[2:] {
			sin, cos := math.Sincos(math.Hypot(row[0], row[1]) / scale)
			row[0], row[1] = cos*row[0]-sin*row[1], sin*row[0]+cos*row[1]
		}
	}
}

// A layer adds 0.8 s out tanh(in y/s + shift), of d columns: out and in are
// orthogonal [d, d], shift is [d].
type layer struct {
	out, in *mat.Dense
	shift   []float64
}

// layerGain is the Lipschitz constant of what a layer adds: below 1, so that no
// two values get the same, and near it, so that a layer changes much.
const layerGain = 0.8

func randomLayers(d int, r *rand.Rand) []layer {
	layers := make([]layer, 3)
	for i := range layers {
		layers[i] = layer{randomOrthogonal(d, r), randomOrthogonal(d, r), make([]float64, d)}
		for j := range layers[i].shift {
			layers[i].shift[j] = r.NormFloat64()
		}
	}
	return layers
}

func network(layers []layer, scale float64) transform {
	return func(row, scratch []float64) {
		hidden := scratch[:len(row)]
		for _, l := range layers {
			for i := range hidden {
				hidden[i] = math.Tanh(dot(l.in.RawRowView(i), row)/scale + l.shift[i])
			}
			for i := range row {
				row[i] += layerGain * scale * dot(l.out.RawRowView(i), hidden)
			}
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
