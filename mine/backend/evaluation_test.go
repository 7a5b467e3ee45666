package backend

import (
	"math"
	"math/rand/v2"
	"testing"
)

// evaluate is an evaluation of the critic T = s x z by its definition, of rows (x,
// z) in c marginal pairings of the rows shifted by 1, 2, .., c.
func evaluate(x, z []float64, s float64, c int) Evaluation {
	n := len(x)
	e := Evaluation{Rows: n, Pairs: int64(n * c)}
	var u, uu float64
	w := make([]float64, n)
	for k := 1; k <= c; k++ {
		for i := range n {
			j := (i + k) % n
			g := math.Exp(s * x[i] * z[j])
			u += g / float64(n*c)
			uu += g * g / float64(n*c)
			w[i] += g / float64(c)
			w[j] += g / float64(c)
		}
	}
	for i := range n {
		e.Joint += s * x[i] * z[i] / float64(n)
	}
	e.LogU, e.VarG = math.Log(u), uu/(u*u)-1
	for i := range n {
		dt, dw := s*x[i]*z[i]-e.Joint, w[i]/u-2
		e.VarT += dt * dt / float64(n)
		e.VarW += dw * dw / float64(n)
		e.CovTW += dt * dw / float64(n)
	}
	return e
}

// TestVariance compares Variance with the spread of the bound over many samples of
// normal pairs. The relative error of a variance from r samples is sqrt(2/r), times
// some 1.3 for tails heavier than normal ones: 0.035, so that 0.15 is exceeded once
// in 60,000 draws. Without the correction for noise it is 1.3 to 1.7 times too large
// with two marginal pairs a row.
func TestVariance(t *testing.T) {
	const (
		n, repetitions = 200, 3000
		rho, s         = 0.5, 0.4
	)
	r := rand.New(rand.NewPCG(5, 6))
	for _, c := range []int{1, 2, 10} {
		var bounds, variances, uncorrected []float64
		x, z := make([]float64, n), make([]float64, n)
		for range repetitions {
			for i := range x {
				x[i] = r.NormFloat64()
				z[i] = rho*x[i] + math.Sqrt(1-rho*rho)*r.NormFloat64()
			}
			e := evaluate(x, z, s, c)
			bounds = append(bounds, e.Joint-e.LogU)
			variances = append(variances, e.Variance())
			uncorrected = append(uncorrected, (e.VarT+e.VarW-2*e.CovTW)/n)
		}
		center := average(bounds)
		for i, v := range bounds {
			bounds[i] = (v - center) * (v - center)
		}
		spread := average(bounds)
		if ratio := average(variances) / spread; math.Abs(ratio-1) > 0.15 {
			t.Errorf("%d marginal pairs a row: the variance is estimated as %.2f of what it is", c, ratio)
		}
		if ratio := average(uncorrected) / spread; c == 2 && ratio < 1.15 {
			t.Errorf("%d marginal pairs a row: without the correction the estimate is %.2f of the variance, so this test shows nothing", c, ratio)
		}
	}
}

func average(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// TestVarianceHasAFloor: what is left of a difference of two noisy numbers is no less
// than a quarter of the first, and never negative.
func TestVarianceHasAFloor(t *testing.T) {
	e := Evaluation{Rows: 100, Pairs: 1000, VarT: 2, VarW: 3, CovTW: 0.5, VarG: 39.9}
	if got, want := e.Variance(), 4.0/4/100; math.Abs(got-want) > 1e-16 {
		t.Errorf("variance %v, want the quarter %v", got, want)
	}
	e.VarG = 10
	if got, want := e.Variance(), (4.0-1)/100; math.Abs(got-want) > 1e-16 {
		t.Errorf("variance %v, want %v", got, want)
	}
	e = Evaluation{Rows: 100, Pairs: 1000, VarT: 1, VarW: 1, CovTW: 1 + 1e-16}
	if got := e.StdErr(); got != 0 {
		t.Errorf("standard error %v of influence values that are all 0", got)
	}
}
