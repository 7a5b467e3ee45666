package preprocess_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/preprocess"
)

// TestSpike: a value that is far more frequent than all others of many is an input more, of mean 0
// and variance 1, and no derivative; values that are merely frequent are not.
func TestSpike(t *testing.T) {
	const n = 2000
	r := rand.New(rand.NewPCG(1, 2))
	of := func(share float64, other func() float64) []float64 {
		all := make([]float64, n)
		for i := range all {
			if r.Float64() >= share {
				all[i] = other()
			}
		}
		return all
	}
	rounded := func() float64 { return math.Round(4 * r.NormFloat64()) }
	fit := func(columns ...[]float64) (preprocess.Maps, column.Source) {
		x := column.Slices(columns...)
		pairs, err := preprocess.NewPairs(x, column.Slices(normal(n, 1)), 1)
		if err != nil {
			t.Fatal(err)
		}
		maps, err := pairs.Fit(preprocess.Standardize, preprocess.Range{Hi: n})
		if err != nil {
			t.Fatal(err)
		}
		return maps, x
	}
	for _, c := range []struct {
		name   string
		values []float64
		inputs int
	}{
		{"a tenth", of(0.1, r.NormFloat64), 2},
		{"a tenth, beside rounded values", of(0.4, rounded), 2},
		{"one in fifty", of(0.02, r.NormFloat64), 1},
		{"rounded values", of(0, rounded), 1},
		{"few other values", of(0.5, func() float64 { return float64(r.IntN(15)) }), 1},
	} {
		maps, x := fit(c.values)
		if got := maps.X.Inputs(); got != c.inputs {
			t.Errorf("%s: %d inputs, want %d", c.name, got, c.inputs)
		}
		if c.inputs == 1 {
			continue
		}
		m, _, err := maps.Apply(x, column.Slices(normal(n, 1)))
		if err != nil {
			t.Fatal(err)
		}
		var mean, square float64
		for i := range n {
			v := float64(m.Row(i)[1])
			mean, square = mean+v/n, square+v*v/n
			if (v > 0) != (c.values[i] == 0) {
				t.Fatalf("%s: value %v has the input %v", c.name, c.values[i], v)
			}
		}
		if math.Abs(mean) > 1e-5 || math.Abs(square-1) > 1e-5 { // float32
			t.Errorf("%s: mean %v, mean square %v", c.name, mean, square)
		}
		g := backend.NewMatrix(n, 2)
		for i := range n {
			g.Row(i)[1] = 1
		}
		back, err := maps.X.Chain(x, g)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if back.At(i, 0) != 0 {
				t.Fatalf("%s: derivative %v of a spike", c.name, back.At(i, 0))
			}
		}
	}
	nine := make([][]float64, 9)
	for k := range nine {
		nine[k] = of(0.2, r.NormFloat64)
	}
	for count, want := range map[int]int{8: 17, 9: 10} { // with the radius
		if maps, _ := fit(nine[:count]...); maps.X.Inputs() != want {
			t.Errorf("%d columns with spikes: %d inputs, want %d", count, maps.X.Inputs(), want)
		}
	}
}
