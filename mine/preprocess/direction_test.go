package preprocess_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/preprocess"
)

// together draws columns a, 1e3 (a + gap b) + 5 and c of independent normal a, b and c.
func together(n int, gap float64) (columns [][]float64, b []float64) {
	rng := rand.New(rand.NewPCG(1, 2))
	columns, b = make([][]float64, 3), make([]float64, n)
	for i := range n {
		a := rng.NormFloat64()
		b[i] = rng.NormFloat64()
		for j, v := range []float64{a, 1e3*(a+gap*b[i]) + 5, rng.NormFloat64()} {
			columns[j] = append(columns[j], v)
		}
	}
	return columns, b
}

// mapsOf fits maps of x to its first rows.
func mapsOf(t *testing.T, method preprocess.Method, x, z column.Source, rows int) preprocess.Maps {
	t.Helper()
	p, err := preprocess.NewPairs(x, z, 1)
	if err != nil {
		t.Fatal(err)
	}
	maps, err := p.Fit(method, preprocess.Range{Lo: 0, Hi: rows})
	if err != nil {
		t.Fatal(err)
	}
	return maps
}

// TestDirection: what two columns that move together differ by is an input of unit variance by
// every method, cut off where no row came, and its derivatives are its coefficients.
func TestDirection(t *testing.T) {
	const rows, fitted = 4000, 3000
	columns, b := together(rows, 0.01)
	x, z := column.Slices(columns...), column.Slices(b)
	for _, method := range preprocess.Methods() {
		maps := mapsOf(t, method, x, z, fitted)
		state := maps.State().X.Directions
		if len(state) != 1 {
			t.Fatalf("%s: %d directions, want 1", method, len(state))
		}
		inputs, _, err := maps.Apply(x, z)
		if err != nil {
			t.Fatal(err)
		}
		at := maps.X.Inputs() - 2 // before the radius
		d := state[0]
		sign := math.Copysign(1, d.Weights[1])
		g := backend.NewMatrix(rows, maps.X.Inputs())
		for i, want := range b {
			// Beside b it has some of a and c, as much as these correlate with b by chance: five
			// times 3000^-1/2 of each, and as much in its scale.
			got := sign * float64(inputs.Row(i)[at])
			inside := got > math.Min(sign*d.Min, sign*d.Max) && got < math.Max(sign*d.Min, sign*d.Max)
			if allowed := 5 / math.Sqrt(fitted) * (math.Abs(columns[0][i]) + math.Abs(columns[2][i]) + math.Abs(want)); inside && math.Abs(got-want) > allowed {
				t.Fatalf("%s: row %d is %v, want %v within %v", method, i, got, want, allowed)
			}
			if float32(got) < float32(math.Min(sign*d.Min, sign*d.Max)) || float32(got) > float32(math.Max(sign*d.Min, sign*d.Max)) {
				t.Errorf("%s: row %d is %v, beyond the fitted %v to %v", method, i, got, d.Min, d.Max)
			}
			g.Row(i)[at] = 2
		}
		slopes, err := maps.X.Chain(x, g)
		if err != nil {
			t.Fatal(err)
		}
		for j, a := range d.Weights {
			if got := slopes.At(7, j); got != 2*a {
				t.Errorf("%s: derivative of column %d is %v, want %v", method, j, got, 2*a)
			}
		}
	}
}

// TestNoDirection: columns with a correlation of .98, copies, and columns of few rows have none.
func TestNoDirection(t *testing.T) {
	for _, c := range []struct {
		name string
		rows int
		gap  float64
	}{
		{"correlated", 3000, 0.2},
		{"copies", 3000, 0},
		{"few rows", 50, 0.01},
	} {
		columns, b := together(c.rows, c.gap)
		maps := mapsOf(t, preprocess.Standardize, column.Slices(columns...), column.Slices(b), c.rows)
		if got := len(maps.State().X.Directions); got != 0 {
			t.Errorf("%s: %d directions, want none", c.name, got)
		}
	}
}

// TestDirectionOfHugeRows: rows whose terms are of both signs and too large for a float64 are at an end of the fitted values.
func TestDirectionOfHugeRows(t *testing.T) {
	columns, b := together(3000, 0.01)
	for i := range columns[1] {
		columns[1][i] /= 1e3 // as large as the first one
	}
	maps := mapsOf(t, preprocess.Standardize, column.Slices(columns...), column.Slices(b), len(b))
	d := maps.State().X.Directions[0]
	ends := []float32{float32(d.Min), float32(d.Max)}
	huge := []float64{1e308, -1e308}
	zero := make([]float64, len(huge))
	inputs, _, err := maps.Apply(column.Slices(huge, huge, zero), column.Slices(zero))
	if err != nil {
		t.Fatal(err)
	}
	at := maps.X.Inputs() - 2 // before the radius
	first, second := inputs.Row(0)[at], inputs.Row(1)[at]
	if !slices.Contains(ends, first) || !slices.Contains(ends, second) || first == second {
		t.Errorf("inputs %v and %v, want the ends %v", first, second, ends)
	}
}
