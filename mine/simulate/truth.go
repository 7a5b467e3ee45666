package simulate

import (
	"math"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/mathext"
)

// uniformInformation is I(X;Z) of Z = X + U(-e, e), X ~ U(0, 1).
func uniformInformation(e float64) float64 {
	if e <= 0.5 {
		return e - math.Log(2*e)
	}
	return 1 / (4 * e)
}

// uniformHalfWidth is the inverse of uniformInformation.
func uniformHalfWidth(info float64) float64 {
	if info <= 0.5 {
		return 1 / (4 * info)
	}
	// e = exp(e - info)/2. On [0, 1/2] the right side has slope at most 1/2,
	// so each round at least halves the error: 60 rounds exhaust float64.
	e := 0.0
	for range 60 {
		e = math.Exp(e-info) / 2
	}
	return e
}

// binaryInformation is I(X;Z) of Z = X + s N(0, 1), X = ±1 with equal odds. By
// symmetry it is ln 2 - E ln(1 + exp(u)), u = -2 (1 + s N) / s^2, taken by the
// trapezoidal rule, which on a function that vanishes at both ends converges
// faster than any power of the step.
func binaryInformation(s float64) float64 {
	const (
		reach = 10.0 // exp(-reach^2/2) is below the rounding of the sum
		steps = 4000
	)
	var loss, mass float64
	for i := range steps + 1 {
		n := reach * (2*float64(i)/steps - 1)
		u := -2 * (1 + s*n) / (s * s)
		w := math.Exp(-n * n / 2)
		loss += w * (max(u, 0) + math.Log1p(math.Exp(-math.Abs(u))))
		mass += w
	}
	return max(0, math.Ln2-loss/mass)
}

// functionInformation is I(X;Z) of Z = f(X) + s N(0, 1), X ~ U(-1, 1), for an
// f with |f| <= 1: h(Z) - 1/2 ln(2 pi e s^2). The density of Z is an integral
// over x, taken by Gauss-Legendre nodes a fraction of s apart; the entropy is
// taken by the trapezoidal rule with a step of s/8.
func functionInformation(f func(float64) float64, s float64) float64 {
	nodes := 64 + int(16/s)
	values, weights := make([]float64, nodes), make([]float64, nodes)
	quad.Legendre{}.FixedLocations(values, weights, -1, 1)
	for i, x := range values {
		values[i] = f(x)
	}
	// Beyond 9 deviations the density is below 1e-17 of its peak.
	reach := 1 + 9*s
	steps := int(math.Ceil(2 * reach / (s / 8)))
	step := 2 * reach / float64(steps)
	var entropy float64
	for i := range steps + 1 {
		z := -reach + float64(i)*step
		// density is that of Z times s sqrt(2 pi).
		var density float64
		for j, v := range values {
			t := (z - v) / s
			density += weights[j] / 2 * math.Exp(-t*t/2)
		}
		if density > 0 {
			entropy -= density * math.Log(density)
		}
	}
	entropy *= step / (s * math.Sqrt(2*math.Pi))
	// h(Z) = entropy + ln(s sqrt(2 pi)), and so the logarithms cancel.
	return max(0, entropy-0.5)
}

// studentInformation is the mutual information of the family student; the
// package comment derives it.
func studentInformation(nu float64, dx, dz int) float64 {
	f := func(v float64) float64 {
		gamma, _ := math.Lgamma(v / 2)
		return gamma - v/2*mathext.Digamma(v/2)
	}
	x, z := float64(dx), float64(dz)
	// For large nu the information falls below the rounding of the sum.
	return max(0, f(nu)+f(nu+x+z)-f(nu+x)-f(nu+z))
}

// discreteInformation is I(X;Z) of k equally likely symbols, of which Z
// replaces each by any other with probability flip in all.
func discreteInformation(k int, flip float64) float64 {
	info := math.Log(float64(k))
	if flip < 1 {
		info += (1 - flip) * math.Log1p(-flip)
	}
	if flip > 0 {
		info += flip * math.Log(flip/float64(k-1))
	}
	// Rounding may leave -1e-16 where the channel carries nothing.
	return max(0, info)
}
