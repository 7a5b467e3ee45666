package conditional

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// TestRidge compares predictions and GCV with the equations solved for every penalty.
func TestRidge(t *testing.T) {
	const n, m = 40, 3
	g := rand.New(rand.NewPCG(1, 1))
	features, targets := mat.NewDense(n, m, nil), mat.NewDense(n, 3, nil)
	for i := range n {
		a, b := 5+g.NormFloat64(), g.NormFloat64()
		features.SetRow(i, []float64{a, b, a + b + 0.1*g.NormFloat64()})
		targets.SetRow(i, []float64{7 + 2*a - b + 0.5*g.NormFloat64(), g.NormFloat64(), 3})
	}
	r, err := newRidge(mat.DenseCopyOf(features), mat.DenseCopyOf(targets))
	if err != nil {
		t.Fatal(err)
	}
	f, y := mat.DenseCopyOf(features), mat.DenseCopyOf(targets)
	center(f)
	center(y)
	var gram mat.Dense
	gram.Mul(f.T(), f)
	gram.Scale(1.0/n, &gram)
	mean := mat.Trace(&gram) / m
	// hat is F (F'F/n + penalty)^-1 F'/n + 1/n, so that df is its trace.
	gcv := func(penalty float64) (score float64, fitted mat.Dense) {
		a := mat.DenseCopyOf(&gram)
		for k := range m {
			a.Set(k, k, a.At(k, k)+penalty)
		}
		var inverse, hat, rest mat.Dense
		if err := inverse.Inverse(a); err != nil {
			t.Fatal(err)
		}
		hat.Product(f, &inverse, f.T())
		hat.Scale(1.0/n, &hat)
		fitted.Mul(&hat, y)
		rest.Sub(y, &fitted)
		first := rest.ColView(0)
		free := 1 - (mat.Trace(&hat)+1)/n
		return mat.Dot(first, first) / n / (free * free), fitted
	}
	best, bestFit := math.Inf(1), mat.Dense{}
	for k := range penalties {
		if score, fitted := gcv(mean * leastPenalty * math.Pow(penaltyRatio, float64(k))); score < best {
			best, bestFit = score, fitted
		}
	}
	got := r.predict(mat.DenseCopyOf(features))
	var total float64
	for i := range n {
		total += y.At(i, 0) * y.At(i, 0) / n
		// Products of 40 terms of size 10 in float64, and a condition number of 1e4.
		if want := bestFit.At(i, 0) + r.means[0]; math.Abs(got.At(i, 0)-want) > 1e-9 {
			t.Fatalf("row %d: %v, want %v", i, got.At(i, 0), want)
		}
		if math.Abs(got.At(i, 2)-3) > 1e-14 { // a mean of 40
			t.Fatalf("a constant is predicted as %v", got.At(i, 2))
		}
	}
	none := 1 - 1.0/n
	if want := 1 - best/(total/(none*none)); math.Abs(r.explained[0]-want) > 1e-9 {
		t.Errorf("explained %v, want %v", r.explained[0], want)
	}
	if r.explained[1] != 0 || r.explained[2] != 0 {
		t.Errorf("of noise and of a constant, %v is explained", r.explained[1:])
	}
}

// TestNoise: of targets that are noise, predictions are the mean in most sets. The best of the
// penalties explains 4/n by chance in about one set in 20; 30 of 200 are above that with a
// probability below 1e-6.
func TestNoise(t *testing.T) {
	const n, sets = 100, 200
	g := rand.New(rand.NewPCG(2, 1))
	found := 0
	for range sets {
		features, targets := mat.NewDense(n, 5, nil), mat.NewDense(n, 1, nil)
		features.Apply(func(_, _ int, _ float64) float64 { return g.NormFloat64() }, features)
		targets.Apply(func(_, _ int, _ float64) float64 { return g.NormFloat64() }, targets)
		r, err := newRidge(features, targets)
		if err != nil {
			t.Fatal(err)
		}
		if r.explained[0] > 0 {
			found++
		}
	}
	if found > 30 {
		t.Errorf("something is explained in %d of %d sets of noise", found, sets)
	}
}
