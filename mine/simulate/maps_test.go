package simulate

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// The columnwise maps are strictly increasing, and so invertible, at every
// size of column for which New offers them.
func TestMapsIncrease(t *testing.T) {
	// Values of a column stay within 7 times its scale: a standard normal does
	// in all but 3e-12 of the draws.
	const reach, points = 7, 20_000
	for _, name := range Maps() {
		if name == "rotation" {
			continue
		}
		for _, scale := range []float64{1, 1000, math.Inf(1)} {
			_, apply, err := newTransform("map-x", name, 1, scale, nil)
			if refused := err != nil; refused != (math.IsInf(scale, 1) && (name == "exp" || name == "cdf")) {
				t.Errorf("%s at scale %v: error %v", name, scale, err)
				continue
			}
			if err != nil {
				continue
			}
			size := scale
			if math.IsInf(size, 1) {
				size = 1e30
			}
			last := math.Inf(-1)
			for i := range points + 1 {
				row := []float64{size * reach * (2*float64(i)/points - 1)}
				apply(row, nil)
				if !(row[0] > last) || math.IsInf(row[0], 0) {
					t.Errorf("%s at scale %v: value %d is %v after %v", name, scale, i, row[0], last)
					break
				}
				last = row[0]
			}
		}
	}
}

func TestMapValues(t *testing.T) {
	want := map[string]float64{
		"none": -2, "cubic": -8, "exp": math.Exp(-2), "asinh": -math.Log(2 + math.Sqrt(5)),
		"cdf": 0.022750131948179, "sqrtabs": -2 * math.Sqrt2,
	}
	for name, want := range want {
		_, apply, err := newTransform("map-x", name, 1, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		row := []float64{-2}
		apply(row, nil)
		if !(math.Abs(row[0]-want) <= 1e-14) {
			t.Errorf("%s(-2) = %v, want %v", name, row[0], want)
		}
	}
}

func TestRandomOrthogonal(t *testing.T) {
	for _, d := range []int{1, 2, 7, 64} {
		q := randomOrthogonal(d, newRand(3, rotationX))
		var product mat.Dense
		product.Mul(q.T(), q)
		for i := range d {
			for j := range d {
				want := 0.0
				if i == j {
					want = 1
				}
				// Householder's QR loses a few eps for each of d columns.
				if got := product.At(i, j); !(math.Abs(got-want) <= 1e-15*float64(10+d)) {
					t.Errorf("d = %d: (Q^T Q)[%d,%d] = %v", d, i, j, got)
				}
			}
		}
	}
	// Under the uniform distribution in dimension 3 each entry is uniform on
	// (-1, 1); without the signs of R, QR's are mostly of one sign.
	const draws = 3000
	r := newRand(4, rotationX)
	var sum mat.Dense
	sum.CloneFrom(randomOrthogonal(3, r))
	for range draws - 1 {
		sum.Add(&sum, randomOrthogonal(3, r))
	}
	for i := range 3 {
		for j := range 3 {
			if mean := sum.At(i, j) / draws; !(math.Abs(mean) <= sigmas/math.Sqrt(3*draws)) {
				t.Errorf("entry [%d,%d] has mean %.3f, want 0", i, j, mean)
			}
		}
	}
}

func TestRotationsDiffer(t *testing.T) {
	sample := func(seed uint64) (x, z []float64) {
		task, err := New("identical", Params{Dim: 3, Seed: seed}, "rotation", "rotation")
		if err != nil {
			t.Fatal(err)
		}
		return task.Sample(1, 1)
	}
	x, z := sample(1)
	if slices.Equal(x, z) {
		t.Error("x and z are rotated by the same matrix")
	}
	if other, _ := sample(2); slices.Equal(x, other) {
		t.Error("two task seeds rotate alike")
	}
}

// A mapped task draws the mapped rows of the plain one, with the same truth,
// and stays finite.
func TestMappedTasks(t *testing.T) {
	const rows, seed = 2000, 9
	for _, plain := range tasks(t) {
		x, z := plain.Sample(rows, seed)
		for _, name := range Maps() {
			mapped, err := New(plain.Name, plain.Params, name, "none")
			if err != nil {
				if plain.Name != "student" {
					t.Errorf("%s: %v", plain.Name, err)
				}
				continue
			}
			if mapped.Truth != plain.Truth || mapped.MapX != name || mapped.MapZ != "none" {
				t.Errorf("%s, %s: truth %v, want %v", plain.Name, name, mapped.Truth, plain.Truth)
			}
			mx, mz := mapped.Sample(rows, seed)
			if !slices.Equal(mz, z) {
				t.Errorf("%s: the map %s of x changed z", plain.Name, name)
			}
			if slices.ContainsFunc(mx, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }) {
				t.Errorf("%s, %s: not finite", plain.Name, name)
			}
			for i := range rows {
				a, b := x[i*plain.DX:][:plain.DX], mx[i*plain.DX:][:plain.DX]
				if name == "rotation" {
					// A rotation keeps the length, to d roundings.
					na, nb := mat.Norm(mat.NewVecDense(len(a), a), 2), mat.Norm(mat.NewVecDense(len(b), b), 2)
					if !(math.Abs(na-nb) <= 1e-14*na) {
						t.Errorf("%s: row %d has length %v, rotated %v", plain.Name, i, na, nb)
						break
					}
					continue
				}
				row := slices.Clone(a)
				mapped.mapX(row, nil)
				if !slices.Equal(row, b) {
					t.Errorf("%s, %s: row %d is %v, want %v", plain.Name, name, i, b, row)
					break
				}
			}
		}
	}
}

// No map may merge values that the family keeps apart, or information is lost.
func TestMapsKeepValuesApart(t *testing.T) {
	const rows = 20_000
	distinct := func(v []float64) int {
		v = slices.Clone(v)
		slices.Sort(v)
		return len(slices.Compact(v))
	}
	for _, f := range Families() {
		p := f.Defaults
		if p.Noise > 0 && f.Name != "discrete" && f.Name != "circle" {
			p.Noise = 50
		}
		p.Dim, p.DimX, p.DimZ = min(p.Dim, 1), min(p.DimX, 1), min(p.DimZ, 1)
		for _, name := range Maps() {
			plain, err := New(f.Name, p, "none", "none")
			if err != nil {
				t.Fatal(err)
			}
			mapped, err := New(f.Name, p, "none", name)
			if err != nil {
				continue // TestMapErrors has the maps that New refuses.
			}
			_, z := plain.Sample(rows, 1)
			_, mz := mapped.Sample(rows, 1)
			// Of 2e8 pairs, about 1e-16 each would merge by rounding.
			if before, after := distinct(z), distinct(mz); after < before {
				t.Errorf("%s, %s: %d distinct values became %d", f.Name, name, before, after)
			}
		}
	}
}
