package preprocess_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"gomine/mine/column"
	"gomine/mine/preprocess"
)

// TestOrderless tells numbers without an order from those with one. Equal is, for codes with
// normal means of variance s^2 and noise of variance 1, s^2/(1+s^2), up to the mean of 500 squared means,
// whose error is sqrt(2/500) of it, and the rank map.
func TestOrderless(t *testing.T) {
	const n, codes = 5000, 500
	r := rand.New(rand.NewPCG(1, 2))
	means := normal(codes, 3)
	value, noise := make([]int, n), normal(n, 4)
	for i := range value {
		value[i] = r.IntN(codes)
	}
	of := func(f func(i int) float64) []float64 {
		z := make([]float64, n)
		for i := range z {
			z[i] = f(i)
		}
		return z
	}
	for _, c := range []struct {
		name string
		z    []float64
		want float64
	}{
		{"codes", of(func(i int) float64 { return 2*means[value[i]] + noise[i] }), 0.8},
		{"order", of(func(i int) float64 { return float64(value[i])/100 + noise[i] }), 0},
		{"waves", of(func(i int) float64 { return 2*math.Sin(float64(value[i])/10) + noise[i] }), 0},
		{"independent", noise, 0},
	} {
		pairs, err := preprocess.NewPairs(column.Named(column.Slices(value), "a"), column.Named(column.Slices(normal(n, 5), c.z), "b", "c"), 1)
		if err != nil {
			t.Fatal(err)
		}
		found, err := pairs.Orderless(n)
		if err != nil {
			t.Fatal(err)
		}
		if c.want == 0 {
			if found != nil {
				t.Errorf("%s: %+v", c.name, found)
			}
			continue
		}
		if len(found) != 1 || found[0].Side != "x" || found[0].Column != "a" || found[0].Other != "c" || found[0].Distinct != codes || found[0].Rows != n {
			t.Fatalf("%s: %+v", c.name, found)
		}
		if o := found[0]; math.Abs(o.Equal-c.want) > 0.1 || math.Abs(o.Next) > 0.2 {
			t.Errorf("%s: correlations %v and %v, want %v and 0", c.name, o.Equal, o.Next, c.want)
		}
	}
}
