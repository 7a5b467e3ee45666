package preprocess_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/preprocess"
)

// fitted draws three columns of normal numbers, one of them with an offset and a scale
// of its own and one constant, beside a z of one column, and fits maps to them.
func fitted(t *testing.T, method preprocess.Method, n int) (x [][]float64, maps preprocess.Maps) {
	t.Helper()
	src := rand.New(rand.NewPCG(3, 4))
	x = make([][]float64, 4)
	z := make([]float64, n)
	for i := range n {
		for j := range 3 {
			x[j] = append(x[j], src.NormFloat64())
		}
		x[2][i] = 100*x[2][i] + 1e4
		x[3] = append(x[3], 5)
		z[i] = src.NormFloat64()
	}
	pairs, err := preprocess.NewPairs(column.Slices(x...), column.Slices(z), 1)
	if err != nil {
		t.Fatal(err)
	}
	if maps, err = pairs.Fit(method, preprocess.Range{Hi: n}); err != nil {
		t.Fatal(err)
	}
	return x, maps
}

// TestRadius compares the last input with ln(1 + |u|^2) of the columns, in units of half
// the distance of their quartiles, .6745 standard deviations, where they are
// standardised, and of standard deviations where they are ranked: the two must be linear
// functions of each other, but for the error of 4,000 rows' quartiles and ranks, some 2%.
func TestRadius(t *testing.T) {
	for _, method := range preprocess.Methods() {
		t.Run(method.String(), func(t *testing.T) { testRadius(t, method) })
	}
}

func testRadius(t *testing.T, method preprocess.Method) {
	const n = 4000
	x, maps := fitted(t, method, n)
	unit := map[preprocess.Method]float64{preprocess.Rank: 1, preprocess.Standardize: .6745, preprocess.Fourier: 1, preprocess.Codes: 1}[method]
	want := map[preprocess.Method][2]int{preprocess.Rank: {4, 1}, preprocess.Standardize: {4, 1}, preprocess.Fourier: {3*13 + 1, 17}, preprocess.Codes: {4, 1}}[method]
	if got := [2]int{maps.X.Inputs(), maps.Z.Inputs()}; got != want {
		t.Fatalf("%v inputs, want %v: 3 columns, their harmonics and a radius, and a column", got, want)
	}
	mx, _, err := maps.Apply(column.Slices(x...), column.Slices(make([]float64, n)))
	if err != nil {
		t.Fatal(err)
	}
	var mean, square, product, want2, wantMean float64
	for i := range n {
		a, b, c := x[0][i]/unit, x[1][i]/unit, (x[2][i]-1e4)/(100*unit)
		formula, got := math.Log1p(a*a+b*b+c*c), float64(mx.Row(i)[want[0]-1])
		mean += got / n
		wantMean += formula / n
		square += got * got / n
		product += got * formula / n
		want2 += formula * formula / n
	}
	if math.Abs(mean) > 1e-3 || math.Abs(square-1) > 1e-3 {
		t.Errorf("mean %v and mean square %v, want 0 and 1", mean, square)
	}
	if r := product / math.Sqrt(want2-wantMean*wantMean); !(r > 0.999) {
		t.Errorf("correlation with the formula %v, want 1", r)
	}
}

// TestRadiusChain compares derivatives of the radius alone with differences, over 2h of
// a float32 of size 1: 2^-24/h of rounding and h^2 of curvature, in units of a column's
// spread.
func TestRadiusChain(t *testing.T) {
	x, maps := fitted(t, preprocess.Standardize, 500) // smooth, unlike ranks
	const h = 1. / 128
	spread := []float64{1, 1, 100, 1}
	radius := func(x [][]float64) backend.Matrix {
		mx, _, err := maps.Apply(column.Slices(x...), column.Slices(make([]float64, 500)))
		if err != nil {
			t.Fatal(err)
		}
		return mx
	}
	g := backend.NewMatrix(500, 4)
	for i := range 500 {
		g.Row(i)[3] = 1
	}
	got, err := maps.X.Chain(column.Slices(x...), g)
	if err != nil {
		t.Fatal(err)
	}
	here := radius(x)
	for j := range 4 {
		moved := func(by float64) backend.Matrix {
			all := append([][]float64(nil), x...)
			all[j] = make([]float64, 500)
			for i, v := range x[j] {
				all[j][i] = v + by*spread[j]
			}
			return radius(all)
		}
		up, down := moved(h), moved(-h)
		for i := range 500 {
			if r := float64(here.Row(i)[3]); r > 2 || r < -2 {
				continue // differences may straddle the ends of the range
			}
			want := float64(up.Row(i)[3]-down.Row(i)[3]) / (2 * h)
			if d := math.Abs(got.At(i, j)*spread[j] - want); !(d <= 1e-3) {
				t.Fatalf("row %d, column %d: derivative %v, difference %v", i, j, got.At(i, j)*spread[j], want)
			}
		}
	}
}

// TestRadiusFarOut: rows that no row came near, and values whose squares overflow, have
// the radius of the farthest one.
func TestRadiusFarOut(t *testing.T) {
	_, maps := fitted(t, preprocess.Standardize, 500)
	far := column.Slices([]float64{1e6, 1e300}, []float64{0, -1e300}, []float64{1e4, 1e300}, []float64{5, 5})
	mx, _, err := maps.Apply(far, column.Slices([]float64{0, 0}))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := mx.Row(0)[3], mx.Row(1)[3]; a != b || !(a > 2 && a < 10) {
		t.Errorf("radii %v and %v, want the same of a few standard deviations", a, b)
	}
}
