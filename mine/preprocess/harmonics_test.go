package preprocess_test

import (
	"math"
	"slices"
	"testing"

	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/preprocess"
)

// harmonic fits maps with harmonics to one column on each side.
func harmonic(t *testing.T, values []float64) preprocess.Maps {
	t.Helper()
	pairs, err := preprocess.NewPairs(column.Slices(values), column.Slices(values), 1)
	if err != nil {
		t.Fatal(err)
	}
	maps, err := pairs.Fit(preprocess.Fourier, preprocess.Range{Hi: len(values)})
	if err != nil {
		t.Fatal(err)
	}
	return maps
}

// TestHarmonics: over the ranks (i + 1/2)/n the cosines are orthogonal with mean square 1,
// exactly; float32 and the normal quantile and its inverse leave 1e-5.
func TestHarmonics(t *testing.T) {
	const n, inputs = 200, 17
	values := normal(n, 8)
	m, _, err := harmonic(t, values).Apply(column.Slices(values), column.Slices(values))
	if err != nil {
		t.Fatal(err)
	}
	if m.Cols != inputs {
		t.Fatalf("%d inputs, want the rank and 16 harmonics", m.Cols)
	}
	for a := 1; a < inputs; a++ {
		for b := 1; b <= a; b++ {
			var mean, want float64
			for i := range n {
				mean += float64(m.Row(i)[a]) * float64(m.Row(i)[b]) / n
			}
			if a == b {
				want = 1
			}
			if !(math.Abs(mean-want) < 1e-5) {
				t.Errorf("harmonics %d and %d: mean product %v, want %v", a, b, mean, want)
			}
		}
	}
	// The smallest value has the rank 1/400.
	least := slices.Index(values, slices.Min(values))
	for k := 1; k < inputs; k++ {
		want := math.Sqrt2 * math.Cos(math.Pi*float64(k)/400)
		if got := float64(m.Row(least)[k]); !(math.Abs(got-want) < 1e-5) {
			t.Errorf("harmonic %d of the smallest value is %v, want %v", k, got, want)
		}
	}
}

// TestHarmonicsChain compares derivatives with differences in the middle of the cells of a
// rank map, where it is linear: over 2h of a float32 of size sqrt(2), 1e-5 of rounding, and
// (16 pi)^3 h^2/6 of curvature per unit of rank, of which the cells have a tenth a unit.
func TestHarmonicsChain(t *testing.T) {
	const h = 1e-2
	values := make([]float64, 12)
	for i := range values {
		values[i] = float64(i)
	}
	maps := harmonic(t, values)
	var middle, up, down []float64
	for i := range len(values) - 1 {
		v := values[i] + 0.5
		middle, up, down = append(middle, v), append(up, v+h), append(down, v-h)
	}
	apply := func(v []float64) backend.Matrix {
		m, _, err := maps.Apply(column.Slices(v), column.Slices(v))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	above, below := apply(up), apply(down)
	for k := range above.Cols {
		g := backend.NewMatrix(len(middle), above.Cols)
		for i := range middle {
			g.Row(i)[k] = 1
		}
		got, err := maps.X.Chain(column.Slices(middle), g)
		if err != nil {
			t.Fatal(err)
		}
		for i := range middle {
			want := float64(above.Row(i)[k]-below.Row(i)[k]) / (2 * h)
			if !(math.Abs(got.At(i, 0)-want) < 5e-3) {
				t.Errorf("input %d at %v: derivative %v, difference %v", k, middle[i], got.At(i, 0), want)
			}
		}
	}
}

// TestHarmonicsOfMany: more than five columns have none, and neither do columns of two
// values; then the maps are those of another method.
func TestHarmonicsOfMany(t *testing.T) {
	const n = 300
	fit := func(x column.Source, method preprocess.Method) preprocess.Maps {
		pairs, err := preprocess.NewPairs(x, x, 1)
		if err != nil {
			t.Fatal(err)
		}
		maps, err := pairs.Fit(method, preprocess.Range{Hi: n})
		if err != nil {
			t.Fatal(err)
		}
		return maps
	}
	many := make([][]float64, 6)
	for j := range many {
		many[j] = normal(n, uint64(j+1))
	}
	few := make([]float64, n)
	for i := range few {
		few[i] = float64(i % 2)
	}
	for _, c := range []struct {
		name string
		x    column.Source
		same bool
	}{
		{"six columns", column.Slices(many...), true},
		{"five columns", column.Slices(many[:5]...), false},
		{"two values", column.Slices(few), true},
	} {
		if got := fit(c.x, preprocess.Fourier).Same(fit(c.x, preprocess.Rank)); got != c.same {
			t.Errorf("%s: the same as ranks: %v, want %v", c.name, got, c.same)
		}
	}
	if fit(column.Slices(many...), preprocess.Rank).Same(fit(column.Slices(many...), preprocess.Standardize)) {
		t.Error("ranks are the same as standardised columns")
	}
}
