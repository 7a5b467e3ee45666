package preprocess_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/preprocess"
	"gomine/mine/sampling"
)

// normal draws n values.
func normal(n int, seed uint64) []float64 {
	r := rand.New(rand.NewPCG(seed, 1))
	v := make([]float64, n)
	for i := range v {
		v[i] = r.NormFloat64()
	}
	return v
}

func single(v []float64) []float32 {
	out := make([]float32, len(v))
	for i := range v {
		out[i] = float32(v[i])
	}
	return out
}

// TestApply checks that pairs, in split order and by ranges, become what the maps
// make of each row on its own, with data that are looked up and data in place.
func TestApply(t *testing.T) {
	const n, train = 300, 200
	xs, zs := normal(3*n, 1), normal(n, 2)
	for i := range n {
		xs[3*i+1] = 5 // a constant column
		xs[3*i+2] = float64(i % 4)
	}
	xs, zs = slices.Clone(xs), slices.Clone(zs)
	for i, v := range single(xs) {
		xs[i] = float64(v) // what float32 holds exactly
	}
	for i, v := range single(zs) {
		zs[i] = float64(v)
	}
	order := sampling.NewPermutation(n, 7, sampling.StreamSplit, 0)
	for _, inPlace := range []bool{false, true} {
		x, z := column.RowMajor(xs, 3), column.RowMajor(zs, 1)
		if inPlace {
			x, z = column.InPlace(single(xs), 3), column.InPlace(single(zs), 1)
		}
		pairs, err := preprocess.NewPairs(x, z, 7)
		if err != nil {
			t.Fatal(err)
		}
		maps, err := pairs.Fit(preprocess.Rank, preprocess.Range{Hi: train})
		if err != nil {
			t.Fatal(err)
		}
		if dx, dz := maps.X.Inputs(), maps.Z.Inputs(); dx != 3 || dz != 1 { // two columns and their radius
			t.Fatalf("%d and %d inputs, want 3 and 1", dx, dz)
		}
		wantX, wantZ, err := maps.Apply(column.RowMajor(xs, 3), column.RowMajor(zs, 1))
		if err != nil {
			t.Fatal(err)
		}
		for _, ranges := range [][]preprocess.Range{{{Lo: 10, Hi: 20}, {Lo: 250, Hi: 300}}, {{Lo: 0, Hi: n}}} {
			last := len(ranges) == 1
			gotX, gotZ, err := pairs.Apply(maps, last, ranges...)
			if err != nil {
				t.Fatal(err)
			}
			k := 0
			for _, r := range ranges {
				for p := r.Lo; p < r.Hi; p++ {
					row := int(order.At(uint64(p)))
					if !slices.Equal(gotX.Row(k), wantX.Row(row)) || !slices.Equal(gotZ.Row(k), wantZ.Row(row)) {
						t.Fatalf("in place %v, position %d: %v and %v, want %v and %v of row %d",
							inPlace, p, gotX.Row(k), gotZ.Row(k), wantX.Row(row), wantZ.Row(row), row)
					}
					k++
				}
			}
			if gotX.Rows != k || gotZ.Rows != k {
				t.Errorf("%d and %d rows, want %d", gotX.Rows, gotZ.Rows, k)
			}
		}
	}
}

// TestOffsetSurvives checks that a column whose spread is below the step of a float32
// at its offset comes out as without the offset.
func TestOffsetSurvives(t *testing.T) {
	const n, offset = 500, 1.7e9
	v := normal(n, 3)
	late := make([]float64, n)
	for i := range v {
		late[i] = offset + v[i]
	}
	z := column.Slices(normal(n, 4))
	for _, method := range preprocess.Methods() {
		inputs := func(s column.Source) []float32 {
			pairs, err := preprocess.NewPairs(s, z, 1)
			if err != nil {
				t.Fatal(err)
			}
			maps, err := pairs.Fit(method, preprocess.Range{Hi: n})
			if err != nil {
				t.Fatal(err)
			}
			x, _, err := pairs.Apply(maps, false, preprocess.Range{Hi: n})
			if err != nil {
				t.Fatal(err)
			}
			return x.Data
		}
		want, got := inputs(column.RowMajor(v, 1)), inputs((&column.Compact{
			Values: backend.NewMatrix(n, 1), Cols: []column.Column{{Name: "time"}}, Exact: [][]float64{slices.Clone(late)},
		}).InPlace())
		for i := range want {
			// A float64 at 1.7e9 has steps of 2.4e-7.
			if math.Abs(float64(want[i]-got[i])) > 1e-5 {
				t.Fatalf("%v: input %d is %v with the offset, %v without", method, i, got[i], want[i])
			}
		}
	}
}

// TestCodes checks the inputs of codes: mean 0 and variance 1 over the rows they were
// fitted on, rare and unknown codes in one, and no derivative.
func TestCodes(t *testing.T) {
	const n = 400
	values := make([]string, n)
	for i := range values {
		values[i] = []string{"a", "a", "b", "c"}[i%4]
		if i%100 == 0 {
			values[i] = []string{"rare 1", "rare 2"}[i/100%2]
		}
	}
	x, z := column.Named(column.Codes(values), "code"), column.Slices(normal(n, 5))
	pairs, err := preprocess.NewPairs(x, z, 1)
	if err != nil {
		t.Fatal(err)
	}
	maps, err := pairs.Fit(preprocess.Rank, preprocess.Range{Hi: n})
	if err != nil {
		t.Fatal(err)
	}
	if got := maps.X.Inputs(); got != 4 {
		t.Fatalf("%d inputs, want a, b, c and the rare ones", got)
	}
	if s := maps.X.Summary(); s.Used != 1 || !slices.Equal(s.Codes, []preprocess.Coded{{Name: "code", Distinct: 5, Pooled: 2}}) {
		t.Errorf("summary %+v", s)
	}
	m, _, err := maps.Apply(x, z)
	if err != nil {
		t.Fatal(err)
	}
	for k := range 4 {
		var mean, square float64
		for i := range n {
			v := float64(m.Row(i)[k])
			mean += v / n
			square += v * v / n
		}
		// Sums of 400 float32 values below 10.
		if math.Abs(mean) > 1e-5 || math.Abs(square-1) > 1e-5 {
			t.Errorf("input %d has mean %v and square %v", k, mean, square)
		}
	}
	g := backend.NewMatrix(n, 4)
	for i := range g.Data {
		g.Data[i] = 1
	}
	gx, err := maps.X.Chain(x, g)
	if err != nil {
		t.Fatal(err)
	}
	if gx.At(0, 0) != 0 {
		t.Errorf("derivative by a code is %v", gx.At(0, 0))
	}
}

// TestCodesByLabel: a fitted map knows codes by their labels, whatever their numbers in
// other data, and takes neither numbers for codes nor codes for numbers.
func TestCodesByLabel(t *testing.T) {
	const n = 400
	values := make([]string, n)
	for i := range values {
		values[i] = []string{"a", "b", "c"}[i%3]
	}
	z := column.Slices(normal(n, 5))
	pairs, err := preprocess.NewPairs(column.Codes(values), z, 1)
	if err != nil {
		t.Fatal(err)
	}
	maps, err := pairs.Fit(preprocess.Rank, preprocess.Range{Hi: n})
	if err != nil {
		t.Fatal(err)
	}
	want, _, err := maps.Apply(column.Codes(values), z)
	if err != nil {
		t.Fatal(err)
	}
	// Row 1 is a b, row 2 a c; here they are codes 1 and 2, or 0 and 1, or 0 and 2.
	for _, other := range [][]string{{"b", "c"}, {"b", "bb", "c"}} {
		got, _, err := maps.Apply(column.Codes(other), column.Slices(make([]float64, len(other))))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Row(0), want.Row(1)) || !slices.Equal(got.Row(len(other)-1), want.Row(2)) {
			t.Errorf("%v become %v and %v, want %v and %v", other, got.Row(0), got.Row(len(other)-1), want.Row(1), want.Row(2))
		}
		if len(other) == 3 && slices.ContainsFunc(got.Row(1), func(v float32) bool { return v > 0 }) {
			t.Errorf("a label that was not there becomes %v", got.Row(1))
		}
	}
	if _, _, err := maps.Apply(z, z); !errors.Is(err, backend.ErrShape) {
		t.Errorf("numbers for codes: %v, want ErrShape", err)
	}
	if _, _, err := maps.Apply(column.Codes(values), column.Codes(values)); !errors.Is(err, backend.ErrShape) {
		t.Errorf("codes for numbers: %v, want ErrShape", err)
	}
}

// coded is a source of one column of codes with two labels.
type coded []float64

func (c coded) Rows() int { return len(c) }
func (c coded) Columns() []column.Column {
	return []column.Column{{Name: "c", Kind: column.Code, Labels: []string{"no", "yes"}}}
}
func (c coded) Read(dst []float64, lo, hi, _, _ int) error { copy(dst, c[lo:hi]); return nil }

// TestCodeWithoutLabel: a number that stands for no label is named.
func TestCodeWithoutLabel(t *testing.T) {
	z := column.Slices(normal(4, 1))
	for _, bad := range []float64{-1, 2, 0.5, 1e300} {
		_, err := preprocess.NewPairs(coded{0, 1, bad, 1}, z, 1)
		var e *preprocess.CodeError
		if !errors.As(err, &e) || e.Row != 2 || e.Column != "c" || e.Side != "x" || e.Value != bad || e.Labels != 2 {
			t.Errorf("code %v: error %v, want a CodeError for row 2 of x", bad, err)
		}
	}
}

// TestRareCodes: a column of codes none of which is frequent is dropped as that, not
// as a constant.
func TestRareCodes(t *testing.T) {
	const n = 100
	names := make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	z := column.Slices(normal(n, 1))
	x := column.Join(column.Named(column.Codes(names), "name"), column.Named(column.Slices(normal(n, 2)), "size"))
	pairs, err := preprocess.NewPairs(x, z, 1)
	if err != nil {
		t.Fatal(err)
	}
	maps, err := pairs.Fit(preprocess.Rank, preprocess.Range{Hi: n})
	if err != nil {
		t.Fatal(err)
	}
	if s := maps.X.Summary(); s.Used != 1 || !slices.Equal(s.Rare, []string{"name"}) || len(s.Constant) != 0 || len(s.Codes) != 0 {
		t.Errorf("summary %+v, want name among the rare", s)
	}
	if pairs, err = preprocess.NewPairs(column.Codes(names), z, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := pairs.Fit(preprocess.Rank, preprocess.Range{Hi: n}); !errors.Is(err, preprocess.ErrConstant) || !strings.Contains(err.Error(), "codes of which none") {
		t.Errorf("nothing but rare codes: %v", err)
	}
}

// TestSummary checks that what became of the columns is told, with their names.
func TestSummary(t *testing.T) {
	const n = 500
	heavy, die := normal(n, 6), make([]float64, n)
	for i := range heavy {
		heavy[i] = math.Exp(4 * heavy[i])
		die[i] = float64(i % 6)
	}
	lossy := &column.Compact{
		Values: backend.Matrix{Rows: n, Cols: 1, Stride: 1, Data: single(normal(n, 7))},
		Cols:   []column.Column{{Name: "lossy", Merged: 0.3}},
	}
	x := column.Join(column.Named(column.Slices(heavy, die, make([]float64, n)), "heavy", "die", "zero"), lossy)
	pairs, err := preprocess.NewPairs(x, column.Slices(normal(n, 8)), 1)
	if err != nil {
		t.Fatal(err)
	}
	maps, err := pairs.Fit(preprocess.Rank, preprocess.Range{Hi: n})
	if err != nil {
		t.Fatal(err)
	}
	got := maps.X.Summary()
	if got.Used != 3 || !slices.Equal(got.Heavy, []string{"heavy"}) ||
		!slices.Equal(got.Constant, []string{"zero"}) || !slices.Equal(got.Merged, []string{"lossy"}) {
		t.Errorf("summary %+v", got)
	}
}

func TestRefusals(t *testing.T) {
	x, z := column.Slices(normal(50, 1)), column.Slices(normal(50, 2))
	bad := normal(50, 3)
	bad[17] = math.NaN()
	_, err := preprocess.NewPairs(column.Named(column.Slices(bad), "b"), z, 1)
	var about *preprocess.NonFiniteError
	if !errors.As(err, &about) || about.Row != 17 || about.Column != "b" || about.Side != "x" || !errors.Is(err, preprocess.ErrNonFinite) {
		t.Errorf("NaN: %v", err)
	}
	if _, err := preprocess.NewPairs(x, column.Slices(bad[:30]), 1); err == nil || !strings.Contains(err.Error(), "x has 50 rows and z has 30") {
		t.Errorf("unequal rows: %v", err)
	}
	pairs, err := preprocess.NewPairs(column.Slices(make([]float64, 50)), z, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pairs.Fit(preprocess.Rank, preprocess.Range{Hi: 50}); !errors.Is(err, preprocess.ErrConstant) {
		t.Errorf("constant side: %v", err)
	}
	if pairs, err = preprocess.NewPairs(x, z, 1); err != nil {
		t.Fatal(err)
	}
	maps, err := pairs.Fit(preprocess.Rank, preprocess.Range{Hi: 50})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		x, z column.Source
		is   error
	}{
		"columns": {column.Slices(bad, bad), z, backend.ErrShape},
		"rows":    {column.Slices(normal(3, 1)), z, backend.ErrShape},
		"NaN":     {column.Slices(bad), z, preprocess.ErrNonFinite},
		"empty":   {column.RowMajor([]float64{}, 1), z, column.ErrEmpty},
	} {
		if _, _, err := maps.Apply(c.x, c.z); !errors.Is(err, c.is) {
			t.Errorf("%s: %v, want %v", name, err, c.is)
		}
	}
}

// TestDetermined finds increasing and decreasing functions, and nothing else.
func TestDetermined(t *testing.T) {
	const n = 500
	x := normal(n, 1)
	cube, noisy, step := make([]float64, n), normal(n, 2), make([]float64, n)
	for i, v := range x {
		cube[i], noisy[i], step[i] = -v*v*v, v+1e-3*noisy[i], math.Round(v)
	}
	for _, c := range []struct {
		z    column.Source
		want string
	}{
		{column.Named(column.Slices(step, cube), "a", "b"), "column 0 of x and column b of z are functions of each other"},
		{column.Slices(noisy, step), ""},
	} {
		pairs, err := preprocess.NewPairs(column.Slices(x), c.z, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := pairs.Determined(n); err != nil || got != c.want {
			t.Errorf("%q, %v, want %q", got, err, c.want)
		}
	}
}
