package ksg

import (
	"math"
	"testing"

	"gomine/mine/simulate"
)

// TestByHand follows four rows with one neighbour. In (x, z) the rows 0 1, 2 3
// are each other's nearest, at distances 1, 1, 2 and 2.
func TestByHand(t *testing.T) {
	x := []float64{0, 1, 2.5, 4.5}
	z := []float64{0, 0.5, 5, 6.5}
	got, err := Estimate(x, 1, z, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	psi := func(n int) float64 { // digamma of an integer
		s := -0.57721566490153286
		for i := 1; i < n; i++ {
			s += 1 / float64(i)
		}
		return s
	}
	// Row: n_x, n_z. 0: neighbour 1 at 1; |x| < 1 none, |z| < 1 row 1.
	// 1: at 1; x none, z row 0. 2: neighbour 3 at 2; x row 1, z row 3.
	// 3: at 2; x none, z row 2.
	counts := [][2]int{{0, 1}, {0, 1}, {1, 1}, {0, 1}}
	want := psi(1) + psi(4)
	for _, c := range counts {
		want -= (psi(c[0]+1) + psi(c[1]+1)) / 4
	}
	if math.Abs(got-want) > 1e-12 {
		t.Errorf("estimate %v, want %v", got, want)
	}
}

// TestGaussian compares with the analytic value: the statistical error of 5,000
// rows with k = 3 is about 0.015 nats (Kraskov et al. 2004, figure 5), of which
// four are allowed.
func TestGaussian(t *testing.T) {
	law, err := simulate.New("gaussian", simulate.Params{Dim: 1, Rho: 0.9}, "", "")
	if err != nil {
		t.Fatal(err)
	}
	x, z := law.Sample(5000, 1)
	got, err := Estimate(x, law.DX, z, law.DZ, 3)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(got-law.Truth) > 4*0.015 {
		t.Errorf("estimate %.3f, truth %.3f", got, law.Truth)
	}
}

func TestErrors(t *testing.T) {
	four := make([]float64, 4)
	for _, c := range []struct{ dx, dz, k int }{{0, 1, 1}, {1, 2, 1}, {3, 1, 1}, {1, 1, 0}, {1, 1, 4}} {
		if _, err := Estimate(four, c.dx, four, c.dz, c.k); err == nil {
			t.Errorf("no error for %+v", c)
		}
	}
}
