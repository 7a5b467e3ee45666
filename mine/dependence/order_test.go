package dependence_test

import (
	"math/rand/v2"
	"testing"

	"gomine/mine/column"
	"gomine/mine/dependence"
)

// TestOrdered: what an age tells follows its order, also with errors; what persons have, whose weight
// is known, does not follow the weight, nor does noise, nor one of two columns; a constant changes never and follows nothing.
func TestOrdered(t *testing.T) {
	const n = 2000
	src := rand.New(rand.NewPCG(1, 2))
	age, retired, often := make([]float64, n), make([]float64, n), make([]float64, n)
	weight, sex, noise := make([]float64, n), make([]float64, n), make([]float64, n)
	var persons [200][2]float64
	for p := range persons {
		persons[p] = [2]float64{50 + 30*src.Float64(), float64(src.IntN(2))}
	}
	for i := range n {
		age[i] = float64(18 + src.IntN(73))
		if age[i] >= 65 {
			retired[i] = 1
		}
		if often[i] = retired[i]; src.IntN(20) == 0 {
			often[i] = 1 - retired[i]
		}
		p := persons[i%len(persons)]
		weight[i], sex[i], noise[i] = p[0], p[1], float64(src.IntN(2))
	}
	for _, c := range []struct {
		name  string
		by, s []float64
		want  bool
	}{
		{"retired by age", age, retired, true},
		{"retired with errors by age", age, often, true},
		{"sex by weight", weight, sex, false},
		{"noise by age", age, noise, false},
		{"constant by age", age, make([]float64, n), false},
	} {
		got, err := dependence.Ordered(column.Slices(c.by), column.Slices(c.s))
		if err != nil || got != c.want {
			t.Errorf("%s: %v, error %v, want %v", c.name, got, err, c.want)
		}
	}
	if got, err := dependence.Ordered(column.Slices(age), column.Slices(retired, noise)); got || err != nil {
		t.Errorf("retired and noise by age: %v, error %v, want false", got, err)
	}
}
