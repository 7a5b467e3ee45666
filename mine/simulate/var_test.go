package simulate

import (
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// unit is noise of variance 1 in d columns.
func unit(d int) *mat.SymDense {
	s := mat.NewSymDense(d, nil)
	for i := range d {
		s.SetSym(i, i, 1)
	}
	return s
}

// near compares with a relative tolerance, or an absolute one of the same number below 1.
func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*max(1, math.Abs(want))) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// TestVARKnown: z(t) = c x(t-1) + e with x of independent rows, where the past of x adds c^2 to
// the variance 1; and the series of Barnett and Seth (Behaviour of Granger causality under filtering,
// Journal of Neuroscience Methods 201, 2011), x(t) = b x(t-1) + e, z(t) = a z(t-1) + c x(t-1) + e, for which
// all of the past says
//
//	1/2 ln( (1 + b^2 + c^2 + sqrt((1 + b^2 + c^2)^2 - 4 b^2)) / 2 )
func TestVARKnown(t *testing.T) {
	const rounding = 1e-9 // of determinants of up to 120 columns
	for _, c := range []struct{ a, b, c float64 }{{0, 0, 0.7}, {0.5, 0, 2}, {0.6, 0.8, 0.4}, {-0.3, -0.9, 1.5}, {0.9, 0.5, 0}} {
		v, err := NewVAR(1, mat.NewDense(2, 2, []float64{c.b, 0, c.c, c.a}), unit(2))
		if err != nil {
			t.Fatal(err)
		}
		s := 1 + c.b*c.b + c.c*c.c
		// What lies further back than 60 rows adds (b/s)^120 at most: .9^2/(1.81+2.25) is the largest b^2/s.
		forward, back := v.Transfer(60, 1)
		near(t, "transfer from x to z", forward, math.Log((s+math.Sqrt(s*s-4*c.b*c.b))/2)/2, rounding)
		near(t, "transfer from z to x", back, 0, rounding)
		if c.b == 0 {
			one, _ := v.Transfer(1, 1)
			near(t, "transfer of one row", one, math.Log(1+c.c*c.c)/2, rounding)
		}
		if c.a == 0 && c.b == 0 {
			near(t, "information one row later", v.Lagged(1), math.Log(1+c.c*c.c)/2, rounding)
			for _, lag := range []int{-1, 0, 2} {
				near(t, "information at another lag", v.Lagged(lag), 0, rounding)
			}
			later, _ := v.Transfer(1, 2)
			near(t, "transfer over two rows", later, 0, rounding)
		}
	}
}

// TestVARSample compares transfer entropies with those of a regression on 200,000 rows, and
// information with correlations. That of a sample is too high by half of the 4 coefficients of each of 2
// columns that x adds, over n, and deviates by sqrt(2 TE/n) (Geweke 1982), over two rows by up to sqrt 3
// of that, as what is left overlaps; five deviations are allowed.
func TestVARSample(t *testing.T) {
	const rows, lag = 200_000, 2
	a := mat.NewDense(4, 4, []float64{
		0.5, 0.2, 0.1, 0,
		0, 0.4, 0, -0.2,
		0.6, 0, 0.5, 0.1,
		0.3, -0.4, 0, 0.3,
	})
	c := mat.NewSymDense(4, []float64{
		1, 0.3, 0, 0,
		0.3, 2, 0.4, 0,
		0, 0.4, 1, -0.2,
		0, 0, -0.2, 0.5,
	})
	v, err := NewVAR(2, a, c)
	if err != nil {
		t.Fatal(err)
	}
	x, z := v.Sample(rows, 3)
	for _, horizon := range []int{1, 2} {
		forward, back := v.Transfer(lag, horizon)
		if forward < 0.05 || back < 0.005 {
			t.Fatalf("transfer of %v and %v says little", forward, back)
		}
		for _, d := range []struct{ truth, sample float64 }{
			{forward, regressed(x, z, 2, lag, horizon)},
			{back, regressed(z, x, 2, lag, horizon)},
		} {
			if tolerance := 5*math.Sqrt(6*d.truth/rows) + 8.0/rows; math.Abs(d.truth-d.sample) > tolerance {
				t.Errorf("horizon %d: transfer is %v, by regression %v, want within %v", horizon, d.truth, d.sample, tolerance)
			}
		}
	}
	// The first columns alone: with one column of each the information is that of a correlation.
	one, err := NewVAR(1, mat.NewDense(2, 2, []float64{0.7, 0.2, 0.5, 0.4}), unit(2))
	if err != nil {
		t.Fatal(err)
	}
	x, z = one.Sample(rows, 4)
	for _, k := range []int{0, 1, 3} {
		// The series are correlated over some ten rows, so that a correlation deviates by 3/sqrt(n).
		r := stat.Correlation(x[:rows-k], z[k:], nil)
		near(t, "correlation", math.Sqrt(1-math.Exp(-2*one.Lagged(k))), math.Abs(r), 5*3/math.Sqrt(rows))
		r = stat.Correlation(z[:rows-k], x[k:], nil)
		near(t, "correlation back", math.Sqrt(1-math.Exp(-2*one.Lagged(-k))), math.Abs(r), 5*3/math.Sqrt(rows))
	}
}

// regressed is the transfer entropy from x to z, each of d columns, by least squares: half of
// the logarithm of the ratio of the determinants of the covariances of what is left of z's future.
func regressed(x, z []float64, d, lag, horizon int) float64 {
	n := len(x)/d - lag - horizon + 1
	future, both := mat.NewDense(n, d, nil), mat.NewDense(n, 2*d*lag, nil)
	for i := range n {
		t := i + lag - 1
		future.SetRow(i, z[(t+horizon)*d:(t+horizon+1)*d])
		for k := range lag {
			for j := range d {
				both.Set(i, k*d+j, z[(t-k)*d+j])
				both.Set(i, (lag+k)*d+j, x[(t-k)*d+j])
			}
		}
	}
	left := func(past mat.Matrix) float64 {
		var gram, cross, b, fitted mat.Dense
		gram.Mul(past.T(), past)
		cross.Mul(past.T(), future)
		if err := b.Solve(&gram, &cross); err != nil {
			panic(err)
		}
		fitted.Mul(past, &b)
		fitted.Sub(future, &fitted)
		var s mat.Dense
		s.Mul(fitted.T(), &fitted)
		log, _ := mat.LogDet(&s)
		return log
	}
	return (left(both.Slice(0, n, 0, d*lag)) - left(both)) / 2
}

func TestVARRepeats(t *testing.T) {
	v, err := NewVAR(1, mat.NewDense(2, 2, []float64{0.5, 0, 1, 0.5}), unit(2))
	if err != nil {
		t.Fatal(err)
	}
	x, z := v.Sample(50, 1)
	again, _ := v.Sample(20, 1)
	other, _ := v.Sample(20, 2)
	if len(x) != 50 || len(z) != 50 {
		t.Fatalf("%d and %d values, want 50", len(x), len(z))
	}
	for i := range again {
		if again[i] != x[i] {
			t.Fatalf("row %d is %v and %v with the same seed", i, x[i], again[i])
		}
	}
	if other[0] == x[0] {
		t.Error("another seed makes the same series")
	}
	if x, z := v.Sample(-1, 1); len(x)+len(z) != 0 {
		t.Error("rows where none are asked for")
	}
}

func TestVARErrors(t *testing.T) {
	for _, c := range []struct {
		dx    int
		a     []float64
		noise []float64
		want  string
	}{
		{0, []float64{0, 0, 0, 0}, []float64{1, 0, 0, 1}, "dx is 0, want 1 to 1"},
		{2, []float64{0, 0, 0, 0}, []float64{1, 0, 0, 1}, "dx is 2"},
		{1, []float64{1, 0, 0, 0}, []float64{1, 0, 0, 1}, "spectral radius"},
		{1, []float64{0, 2, -2, 0}, []float64{1, 0, 0, 1}, "spectral radius"},
		{1, []float64{math.NaN(), 0, 0, 0}, []float64{1, 0, 0, 1}, "spectral radius"},
		{1, []float64{0, 0, 0, 0}, []float64{1, 1, 1, 1}, "noise is not positive definite"},
	} {
		if _, err := NewVAR(c.dx, mat.NewDense(2, 2, c.a), mat.NewSymDense(2, c.noise)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, err := NewVAR(1, mat.NewDense(2, 3, nil), unit(2)); err == nil || !strings.Contains(err.Error(), "[2, 3]") {
		t.Errorf("A of 2 x 3: %v", err)
	}
	// Nearly a random walk, and a rotation, are stationary all the same.
	for _, a := range [][]float64{{1 - 1e-6, 0, 0, 0}, {0, 0.999, -0.999, 0}} {
		if _, err := NewVAR(1, mat.NewDense(2, 2, a), unit(2)); err != nil {
			t.Errorf("%v: %v", a, err)
		}
	}
}
