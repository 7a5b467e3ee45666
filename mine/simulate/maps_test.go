package simulate

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// Of the maps, some take each column by itself and others mix them.
var (
	columnMaps = []string{"none", "cubic", "exp", "asinh", "cdf", "sqrtabs"}
	mixingMaps = []string{"rotation", "spiral", "network"}
)

func TestMapsAreListed(t *testing.T) {
	if want := slices.Concat(columnMaps, mixingMaps); !slices.Equal(Maps(), want) {
		t.Errorf("maps %v, the tests have %v", Maps(), want)
	}
	for _, name := range Maps() {
		if MapReadsSeed(name) != (name == "rotation" || name == "network") {
			t.Errorf("%s reads the seed: %v", name, MapReadsSeed(name))
		}
	}
}

// mapRefused says whether a map is none for columns of a family.
func mapRefused(name, family string, columns int) bool {
	return family == "student" && slices.Contains([]string{"exp", "cdf", "spiral", "network"}, name) || name == "spiral" && columns < 2
}

// The columnwise maps are strictly increasing, and so invertible, at every
// size of column for which New offers them.
func TestMapsIncrease(t *testing.T) {
	// Values of a column stay within 7 times its scale: a standard normal does
	// in all but 3e-12 of the draws.
	const reach, points = 7, 20_000
	for _, name := range columnMaps {
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

// inverse returns what undoes a mixing map with the matrices that r draws.
func inverse(name string, d int, scale float64, r *rand.Rand) func(row []float64) []float64 {
	times := func(q mat.Matrix, y []float64) []float64 {
		var v mat.VecDense
		v.MulVec(q, mat.NewVecDense(d, y))
		return v.RawVector().Data
	}
	switch name {
	case "rotation":
		q := randomOrthogonal(d, r)
		return func(row []float64) []float64 { return times(q.T(), row) }
	case "spiral":
		return func(row []float64) []float64 {
			row = slices.Clone(row)
			for j := 0; j+1 < d; j += 2 {
				p := complex(row[j], row[j+1])
				p *= cmplx.Exp(complex(0, -cmplx.Abs(p)/scale))
				row[j], row[j+1] = real(p), imag(p)
			}
			return row
		}
	}
	layers := randomLayers(d, r)
	return func(row []float64) []float64 {
		for _, l := range slices.Backward(layers) {
			// y = row - 0.8 s P tanh(Q y/s + c): each round leaves at most 0.8 of the
			// error, and 200 of them 4e-20.
			y := slices.Clone(row)
			for range 200 {
				hidden := times(l.in, y)
				for i := range hidden {
					hidden[i] = math.Tanh(hidden[i]/scale + l.shift[i])
				}
				added := times(l.out, hidden)
				for i := range y {
					y[i] = row[i] - 0.8*scale*added[i]
				}
			}
			row = y
		}
		return row
	}
}

// The maps that mix columns are undone by an inverse written out here, and so
// they are invertible; and they do change the columns.
func TestMixingMapsInvert(t *testing.T) {
	const rows, seed = 200, 5
	r := rand.New(rand.NewPCG(1, 2))
	for _, name := range mixingMaps {
		for _, d := range []int{1, 2, 3, 8} {
			for _, scale := range []float64{1, 1000} {
				_, apply, err := newTransform("map-x", name, d, scale, newRand(seed, mapStreamX))
				if err != nil {
					if !mapRefused(name, "gaussian", d) {
						t.Errorf("%s of %d columns: %v", name, d, err)
					}
					continue
				}
				undo := inverse(name, d, scale, newRand(seed, mapStreamX))
				var moved float64
				for range rows {
					plain := make([]float64, d)
					for j := range plain {
						plain[j] = scale * r.NormFloat64()
					}
					row := slices.Clone(plain)
					apply(row, make([]float64, d))
					back := undo(row)
					for j := range plain {
						moved = max(moved, math.Abs(row[j]-plain[j])/scale)
						// Three layers may each enlarge a rounding by 1/0.2, to 125 times
						// eps times the size, 7 at most, and a small factor for the sums.
						if !(math.Abs(back[j]-plain[j]) <= 1e-12*scale) {
							t.Errorf("%s of %d columns, scale %v: %v became %v and back %v", name, d, scale, plain, row, back)
							break
						}
					}
				}
				if !(moved > 0.1) && (name != "rotation" || d > 1) {
					t.Errorf("%s of %d columns, scale %v moves by %v at most", name, d, scale, moved)
				}
			}
		}
	}
}

func TestRandomOrthogonal(t *testing.T) {
	for _, d := range []int{1, 2, 7, 64} {
		q := randomOrthogonal(d, newRand(3, mapStreamX))
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
	r := newRand(4, mapStreamX)
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

// X and Z, and two seeds, have other matrices, where a map has any.
func TestMapSeeds(t *testing.T) {
	for _, name := range mixingMaps {
		sample := func(seed uint64) (x, z []float64) {
			task, err := New("identical", Params{Dim: 3, Seed: seed}, name, name)
			if err != nil {
				t.Fatal(err)
			}
			return task.Sample(1, 1)
		}
		x, z := sample(1)
		if slices.Equal(x, z) == MapReadsSeed(name) {
			t.Errorf("%s: x is %v, z is %v", name, x, z)
		}
		if other, _ := sample(2); slices.Equal(x, other) == MapReadsSeed(name) {
			t.Errorf("%s: x is %v with a seed and %v with another", name, x, other)
		}
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
			if refused := mapRefused(name, plain.Name, plain.DX); (err != nil) != refused {
				t.Errorf("%s, %s: error %v", plain.Name, name, err)
			}
			if err != nil {
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
				if name == "rotation" || name == "spiral" {
					// What turns keeps the length, to d roundings.
					na, nb := mat.Norm(mat.NewVecDense(len(a), a), 2), mat.Norm(mat.NewVecDense(len(b), b), 2)
					if !(math.Abs(na-nb) <= 1e-14*na) {
						t.Errorf("%s, %s: row %d has length %v, turned %v", plain.Name, name, i, na, nb)
						break
					}
				}
				row := slices.Clone(a)
				mapped.mapX(row, make([]float64, len(row)))
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
