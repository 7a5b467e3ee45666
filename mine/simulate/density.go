package simulate

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// sineProduct draws (X, Z) of density (1 + sin(wx) sin(wz)) / (4 pi^2) on
// [-pi, pi]^2. A uniform z is kept with probability (1 + sin(wx) sin(wz))/2 and
// turned to -z otherwise, which has the remaining probability.
func sineProduct(p Params) (law, error) {
	if err := atLeast("dim", p.Dim, 1); err != nil {
		return law{}, err
	}
	if p.Turns < 1 || p.Turns > maxTurns {
		return law{}, &ParamError{"turns", p.Turns, fmt.Sprintf("1 to %d", maxTurns)}
	}
	w := float64(p.Turns)
	return product(p, sineProductInformation(), math.Pi, math.Pi, func(r *rand.Rand) (x, z float64) {
		x, z = math.Pi*(2*r.Float64()-1), math.Pi*(2*r.Float64()-1)
		if 2*r.Float64() > 1+math.Sin(w*x)*math.Sin(w*z) {
			z = -z
		}
		return x, z
	}), nil
}

// sineProductInformation is E (1+s) ln(1+s) = sum_k E s^2k / (2k (2k-1)) for
// the product s of two independent sines of uniform angles, whatever their
// whole frequencies, where E s^2k = (binomial(2k, k) / 4^k)^2. That is
// 1/(pi k) to first order, so the terms after K sum to 1/(8 pi K^2).
func sineProductInformation() float64 {
	const terms = 20_000 // the rest is right to 1/K^3 = 1e-13
	var sum float64
	moment := 1.0 // E sin^2k
	for k := 1.0; k <= terms; k++ {
		moment *= (2*k - 1) / (2 * k)
		sum += moment * moment / (2 * k * (2*k - 1))
	}
	return sum + 1/(8*math.Pi*terms*terms)
}

// Bounds of the shape of a gamma distribution. Below, its logarithm is all tail;
// above, the information is that of any two nearly normal columns.
const (
	minShape = 0.01
	maxShape = 1000
)

func gammaExponential(p Params) (law, error) {
	shape := p.Theta
	if err := atLeast("dim", p.Dim, 1); err != nil {
		return law{}, err
	}
	if !(shape >= minShape && shape <= maxShape) {
		return law{}, &ParamError{"theta", shape, fmt.Sprintf("a number from %v to %d", minShape, maxShape)}
	}
	// The logarithm falls on the left as exp(shape y), and grows as ln shape.
	scale := 1/shape + math.Abs(math.Log(shape)) + 1
	return product(p, gammaExponentialInformation(shape), scale, scale, func(r *rand.Rand) (x, z float64) {
		// A gamma of a shape below 1 is one of that shape and 1, times U^(1/shape);
		// as a logarithm it does not underflow.
		x = math.Log(distuv.Gamma{Alpha: shape + 1, Beta: 1, Src: r}.Rand()) - r.ExpFloat64()/shape
		return x, math.Log(r.ExpFloat64()) - x
	}), nil
}

// gammaExponentialInformation is digamma(t + 1) - ln t.
func gammaExponentialInformation(shape float64) float64 {
	return max(0, mathext.Digamma(shape+1)-math.Log(shape))
}

// maxComponents bounds the components of a mixture: the quadrature evaluates
// each of them on the whole grid.
const maxComponents = 100

// A normalPair is a component of a mixture: means, standard deviations and
// correlation of a pair.
type normalPair struct{ mx, mz, sx, sz, rho float64 }

// randomMixture draws k components: means from N(0, 2^2) within +-5,
// deviations from U(0.5, 1), correlations from U(-0.9, 0.9).
func randomMixture(k int, seed uint64) []normalPair {
	r := newRand(seed, mixtureStream)
	mean := func() float64 { return max(-mixtureReach, min(mixtureReach, 2*r.NormFloat64())) }
	components := make([]normalPair, k)
	for i := range components {
		components[i] = normalPair{mean(), mean(), 0.5 + r.Float64()/2, 0.5 + r.Float64()/2, 0.9 * (2*r.Float64() - 1)}
	}
	return components
}

// mixtureReach bounds the means of a mixture.
const mixtureReach = 5.0

func mixture(p Params) (law, error) {
	if err := cmp.Or(atLeast("dim", p.Dim, 1), atLeast("components", p.Components, 1)); err != nil {
		return law{}, err
	}
	if p.Components > maxComponents {
		return law{}, &ParamError{"components", p.Components, fmt.Sprintf("at most %d", maxComponents)}
	}
	components := randomMixture(p.Components, p.Seed)
	return product(p, mixtureInformation(components, 0.06), mixtureReach, mixtureReach, func(r *rand.Rand) (x, z float64) {
		c := components[r.IntN(len(components))]
		a := r.NormFloat64()
		b := c.rho*a + math.Sqrt((1-c.rho)*(1+c.rho))*r.NormFloat64()
		return c.mx + c.sx*a, c.mz + c.sz*b
	}), nil
}

// mixtureInformation is I(X;Z) of equally likely components by the trapezoidal
// rule on a square grid of that step, which reaches 8 deviations of at most 1
// beyond the means. The narrowest axis of a component has a deviation of at
// least 0.5 sqrt((1-0.9)/2) = 0.11, about two steps of 0.06.
func mixtureInformation(components []normalPair, step float64) float64 {
	const reach = mixtureReach + 8
	n := int(2*reach/step) + 1
	joint := make([]float64, n*n)
	px, pz := make([]float64, n), make([]float64, n)
	at := func(i int) float64 { return -reach + float64(i)*step }
	for _, c := range components {
		variance := (1 - c.rho) * (1 + c.rho)
		norm := 1 / (2 * math.Pi * c.sx * c.sz * math.Sqrt(variance) * float64(len(components)))
		for i := range n {
			a := (at(i) - c.mx) / c.sx
			for j := range n {
				b := (at(j)-c.mz)/c.sz - c.rho*a
				if e := a*a + b*b/variance; e < 80 { // exp(-40) is below rounding
					joint[i*n+j] += norm * math.Exp(-e/2)
				}
			}
		}
	}
	for i := range n {
		for j, p := range joint[i*n:][:n] {
			px[i] += p * step
			pz[j] += p * step
		}
	}
	var info float64
	for i := range n {
		for j, p := range joint[i*n:][:n] {
			if p > 0 {
				info += p * math.Log(p/(px[i]*pz[j]))
			}
		}
	}
	return max(0, info*step*step)
}
