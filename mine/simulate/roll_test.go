package simulate

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

// unroll finds the column that was rolled up in the first and the last one.
func unroll(t *testing.T, x []float64) []float64 {
	t.Helper()
	last := len(x) - 1
	radius := math.Hypot(x[0], x[last])
	// A turn and a half; cosines and sines of up to 4.5 pi lose a few eps.
	if sin, cos := math.Sincos(3 * math.Pi * radius); !(math.Abs(x[0]-radius*cos) <= 1e-13) || !(math.Abs(x[last]-radius*sin) <= 1e-13) {
		t.Fatalf("%v, %v is not on the spiral", x[0], x[last])
	}
	flat := slices.Clone(x[:last])
	flat[0] = distuv.UnitNormal.Quantile(radius - 0.5)
	return flat
}

// unrolled is the log density ratio of family swiss-roll, that of the normal
// columns it is made of.
func unrolled(t *testing.T, rho float64) func(x, z []float64) float64 {
	ratio := eachPair(func(x, z float64) float64 {
		return normalLogDensity(z, rho*x, math.Sqrt(1-rho*rho)) - normalLogDensity(z, 0, 1)
	})
	return func(x, z []float64) float64 { return ratio(unroll(t, x), z) }
}

// gammaExponentialRatio is the log density ratio of one pair of logarithms: A with
// density a^(t-1) exp(-a) / Gamma(t), E with a exp(-a e) given A, and with
// t / (1+e)^(t+1) by itself. The logarithm's Jacobian cancels.
func gammaExponentialRatio(shape float64) func(x, z float64) float64 {
	return func(x, z float64) float64 {
		// ln(1 + e) of an e that may be beyond float64.
		log1p := max(z, 0) + math.Log1p(math.Exp(-math.Abs(z)))
		return x - math.Exp(x+z) - math.Log(shape) + (shape+1)*log1p
	}
}

// Without the roll the columns are those of gaussian, row by row.
func TestSwissRollIsGaussian(t *testing.T) {
	const rows, seed = 2000, 3
	params := Params{Dim: 2, Pairs: 1, Info: 1.5}
	roll, flat := newTask(t, "swiss-roll", params), newTask(t, "gaussian", params)
	if roll.Truth != flat.Truth || roll.DX != 3 || roll.DZ != 2 {
		t.Errorf("%v nats of %d + %d columns, want %v of 3 + 2", roll.Truth, roll.DX, roll.DZ, flat.Truth)
	}
	x, z := roll.Sample(rows, seed)
	fx, fz := flat.Sample(rows, seed)
	if !slices.Equal(z, fz) {
		t.Error("the roll of x changed z")
	}
	for i := range rows {
		got, want := unroll(t, x[3*i:][:3]), fx[2*i:][:2]
		// A quantile at 4 deviations enlarges a rounding 1e4 times.
		if got[1] != want[1] || !(math.Abs(got[0]-want[0]) <= 1e-11) {
			t.Fatalf("row %d: unrolled %v, want %v", i, got, want)
		}
	}
}

func TestGammaExponentialInformation(t *testing.T) {
	// digamma(1) = -gamma, digamma(t + 1) = digamma(t) + 1/t and
	// digamma(1/2) = -gamma - 2 ln 2.
	const euler = 0.577215664901532860606512090082402431
	for shape, want := range map[float64]float64{
		0.5: -euler - 2*math.Ln2 + 2 - math.Log(0.5),
		1:   1 - euler,
		3:   1 + 0.5 + 1./3 - euler - math.Log(3),
	} {
		// gonum's digamma drops terms from 0.0076/(x-1/2)^10 on, x >= 7: 6e-11.
		if got := gammaExponentialInformation(shape); !(math.Abs(got-want) <= 1e-10) {
			t.Errorf("shape %v: %v, want %v", shape, got, want)
		}
	}
	if got := gammaExponentialInformation(maxShape); !(math.Abs(got-0.5/maxShape) <= 1e-6) { // 1/2t - 1/12t^2 ..
		t.Errorf("shape %v: %v", maxShape, got)
	}
}
