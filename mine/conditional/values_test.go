package conditional

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"gomine/mine"
	"gomine/mine/column"
)

// levelled are rows of so many groups, with x = a + N and z = a + N of a level a ~ N(0, 3^2) of the group: independent given it.
func levelled(groups, each int, seed uint64) (x, z []float64, group []int) {
	g := rand.New(rand.NewPCG(seed, 6))
	for k := range groups {
		a := 3 * g.NormFloat64()
		for range each {
			x, z, group = append(x, a+g.NormFloat64()), append(z, a+g.NormFloat64()), append(group, k)
		}
	}
	order := g.Perm(len(x))
	mix := func(v []float64) (out []float64) {
		for _, i := range order {
			out = append(out, v[i])
		}
		return out
	}
	mixed := make([]int, len(x))
	for k, i := range order {
		mixed[k] = group[i]
	}
	return mix(x), mix(z), mixed
}

// TestByValues: of levels that explain .9 of the variance, values tell at most -ln(.1)/2 = 1.15; of noise they tell nothing, but once
// in some hundred sets, nor of rows that are one unit.
func TestByValues(t *testing.T) {
	x, _, group := levelled(100, 20, 1)
	g := rand.New(rand.NewPCG(1, 6))
	noise, scaled, values := make([]float64, len(x)), make([]float64, len(x)), make([]float64, len(x))
	for i, k := range group {
		noise[i], scaled[i], values[i] = g.NormFloat64(), math.Exp(float64(k%2))*g.NormFloat64(), float64(k)
	}
	for _, c := range []struct {
		name      string
		x, y      column.Source
		units     []int
		low, high float64
	}{
		{"levels", column.Slices(noise, x), column.Slices(values), nil, 0.8, 1.15},
		{"levels of values together", column.Slices(x), column.Slices(mod(group, 10), div(group, 10)), nil, 0.8, 1.15},
		{"scales", column.Slices(scaled), column.Slices(values), nil, 0.02, 0.3},
		{"noise", column.Slices(noise), column.Slices(values), nil, 0, 0},
		{"one unit", column.Slices(x), column.Slices(values), group, 0, 0},
		{"numbers", column.Slices(x), column.Slices(noise), nil, 0, 0},
	} {
		if got, err := byValues(c.x, c.y, c.units); err != nil || !(got >= c.low && got <= c.high) {
			t.Errorf("%s: %.3f, %v, want %g to %g", c.name, got, err, c.low, c.high)
		}
	}
}

func mod(group []int, by int) (out []float64) {
	for _, k := range group {
		out = append(out, float64(k%by))
	}
	return out
}

func div(group []int, by int) (out []float64) {
	for _, k := range group {
		out = append(out, float64(k/by))
	}
	return out
}

// TestUnseen: of many codes critics learn little, and what they miss of the second term is no dependence given them: residuals are
// taken, and no lower limit is above 0, whether they are codes or numbers.
func TestUnseen(t *testing.T) {
	x, z, group := levelled(50, 20, 2)
	words := make([]string, len(x))
	for i, k := range group {
		words[i] = strconv.Itoa(k)
	}
	d := Data{X: column.Slices(x), Z: column.Slices(z), Given: column.Codes(words)}
	r := estimate(t, d, brief(len(x)))
	if c := r.Ways[0]; !c.Unseen || c.Low > 0 || c.ByValues < 0.7 {
		t.Errorf("difference: unseen %v, from %.3f, %.3f by values", c.Unseen, c.Low, c.ByValues)
	}
	if r.Way != ByResidual || math.Abs(r.Estimate) > 0.05 || r.Low > 0 {
		t.Errorf("%s: %.3f, from %.3f", r.Way, r.Estimate, r.Low)
	}
	d.Given = column.Slices(group)
	r = estimate(t, d, brief(len(x)))
	if r.Low > 0 || !slices.ContainsFunc(r.Warnings, func(w mine.Warning) bool { return w.Code == WarnValues }) {
		t.Errorf("numbers: %.3f, from %.3f, %v", r.Estimate, r.Low, r.Warnings)
	}
	// Codes that are there once each tell nothing of a residual either.
	for i := range words {
		words[i] = strconv.Itoa(i * 2 / 3)
	}
	if seen, err := answered(d.X, column.Codes(words)); err != nil || seen {
		t.Errorf("codes of a row: %v, %v", seen, err)
	}
}
