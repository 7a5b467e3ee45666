package preprocess

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"gomine/mine/backend"
	"gomine/mine/sampling"
)

func lognormal(n int, seed uint64) []float64 {
	r := rand.New(rand.NewPCG(seed, 0))
	v := make([]float64, n)
	for i := range v {
		v[i] = math.Exp(3 * r.NormFloat64())
	}
	return v
}

// TestRankMap checks that fitted values go to the normal quantiles of their
// mean ranks: exactly in a small sample, and to within the bend of the normal
// quantile over one cell in a large one.
func TestRankMap(t *testing.T) {
	for _, n := range []int{2, 3, 10, 1000, 100_000} {
		v := lognormal(n, uint64(n))
		for i := 0; i < n/10; i++ {
			v[i] = v[n-1-i/2] // ties
		}
		m := fitNumbers(slices.Clone(v))
		if m.value == nil {
			t.Fatalf("n = %d: not ranked", n)
		}
		sorted := slices.Sorted(slices.Values(v))
		for _, x := range v {
			below := sort.SearchFloat64s(sorted, x)
			upTo := sort.Search(n, func(i int) bool { return sorted[i] > x })
			want := distuv.UnitNormal.Quantile(float64(below+upTo) / 2 / float64(n))
			tol := 1e-12
			if n > 1024 {
				// A cell holds at most a 1024th of the values or, in a tail, a 32nd of
				// those beyond it; straight lines there miss the quantile by less than
				// the rise over a cell, 1/32 of 1/|z| or sqrt(2 pi)/1024.
				tol = 0.02
			}
			if got := m.at(x); math.Abs(got-want) > tol {
				t.Errorf("n = %d: value %v maps to %v, want %v", n, x, got, want)
			}
		}
		if knots := len(m.value); n > 10_000 && knots > 3000 {
			t.Errorf("n = %d: %d knots, want at most 3000 whatever the number of rows", n, knots)
		}
	}
}

// TestMaps checks what all maps have in common: they increase strictly within
// the fitted values, are constant outside, and have the slope they say.
func TestMaps(t *testing.T) {
	v := lognormal(5000, 1)
	scaled := func(by float64) []float64 {
		out := slices.Clone(v)
		for i := range out {
			out[i] *= by
		}
		return out
	}
	wide := []float64{-math.MaxFloat64, -1, 0, 1, 2, math.MaxFloat64}
	tiny := []float64{0, 5e-324, 1e-323, 3e-323, 1e-320}
	for name, values := range map[string][]float64{
		"lognormal": v, "huge": scaled(1e300), "small": scaled(1e-300), "wide": wide, "subnormal": tiny,
	} {
		for _, p := range []Method{Rank, Standardize} {
			m := mapOf(slices.Clone(values), p)
			sorted := slices.Compact(slices.Sorted(slices.Values(values)))
			last := math.Inf(-1)
			for _, x := range sorted {
				y, slope := m.eval(x)
				if !(y > last) || math.IsInf(y, 0) || math.Abs(y) > 40 {
					t.Fatalf("%s, %v: %v maps to %v after %v", name, p, x, y, last)
				}
				if !(slope >= 0) || math.IsInf(slope, 0) {
					t.Fatalf("%s, %v: slope %v at %v", name, p, slope, x)
				}
				last = y
			}
			for _, x := range []float64{-math.MaxFloat64, math.MaxFloat64} {
				want := m.at(min(max(x, sorted[0]), sorted[len(sorted)-1]))
				if got := m.at(x); got != want {
					t.Errorf("%s, %v: %v maps to %v, want that of the nearest fitted value, %v", name, p, x, got, want)
				}
			}
		}
	}
	for _, p := range []Method{Rank, Standardize} {
		m := mapOf(slices.Clone(v), p)
		for _, x := range []float64{0.01, 0.5, 1, 2, 5, 40, 90} {
			// A difference small against the knots of the rank map.
			h := x * 1e-7
			_, slope := m.eval(x)
			if diff := (m.at(x+h) - m.at(x-h)) / (2 * h); math.Abs(diff-slope) > 1e-5*slope {
				t.Errorf("%v: slope %v at %v, difference %v", p, slope, x, diff)
			}
		}
	}
}

// mapOf fits the map of a method to the only column of a side.
func mapOf(v []float64, method Method) Map {
	m := fitNumbers(v)
	m.become(method, 1)
	return m
}

// TestStandardize compares with gonum's mean and standard deviation.
func TestStandardize(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 0))
	v := make([]float64, 1000)
	for i := range v {
		v[i] = 1e6 + r.NormFloat64()
	}
	mean, sd := stat.PopMeanStdDev(v, nil)
	m := mapOf(slices.Clone(v), Standardize)
	for _, x := range v {
		// Values of 1e6 carry an error of 1e6*2^-53 ~ 1e-10, gonum's sums ten
		// times that.
		if want := (x - mean) / sd; math.Abs(want) < tailStart && math.Abs(m.at(x)-want) > 1e-8 {
			t.Errorf("%v maps to %v, want %v", x, m.at(x), want)
		}
	}
}

// TestHeavyTail checks that a column with values far out is ranked even where
// standardisation is asked for, and that a normal one is not.
func TestHeavyTail(t *testing.T) {
	heavy := lognormal(5000, 2)
	if m := mapOf(slices.Clone(heavy), Standardize); !m.heavy || m.value == nil {
		t.Errorf("lognormal column: heavy %v, ranked %v", m.heavy, m.value != nil)
	}
	for i := range heavy {
		heavy[i] = math.Log(heavy[i])
	}
	if m := mapOf(heavy, Standardize); m.heavy || m.value != nil {
		t.Errorf("normal column: heavy %v, ranked %v", m.heavy, m.value != nil)
	}
}

// TestTies: equal values have the normal quantile of the mean of their ranks, beside a value
// far out as well; 600 equal ones say nothing.
func TestTies(t *testing.T) {
	die := make([]float64, 600)
	for i := range die {
		die[i] = float64(i % 6)
		if die[i] == 5 {
			die[i] = 1e6
		}
	}
	m := fitNumbers(slices.Clone(die))
	if m.constant || m.distinct != 6 {
		t.Fatalf("six values in 600 rows give %+v", m)
	}
	for face, v := range []float64{0, 1, 2, 3, 4, 1e6} {
		want := distuv.UnitNormal.Quantile((float64(face) + 0.5) / 6)
		if got := m.at(v); !(math.Abs(got-want) < 1e-12) {
			t.Errorf("%v becomes %v, want %v", v, got, want)
		}
	}
	if m := fitNumbers(make([]float64, 600)); !m.constant {
		t.Errorf("600 equal values give %+v, want constant", m)
	}
}

func TestPermuteRows(t *testing.T) {
	for _, n := range []int{1, 2, 3, 17, 1000} {
		m := backend.NewMatrix(n, 3)
		for i := range m.Data {
			m.Data[i] = float32(i)
		}
		want := slices.Clone(m.Data)
		order := sampling.NewPermutation(uint64(n), 7, sampling.StreamSplit, 0)
		permuteRows(m.Data, m.Cols, m.Stride, func(p int) int { return int(order.At(uint64(p))) })
		for p := range n {
			from := int(order.At(uint64(p)))
			if !slices.Equal(m.Row(p), want[from*3:from*3+3]) {
				t.Fatalf("n = %d: row %d is %v, want row %d", n, p, m.Row(p), from)
			}
		}
	}
}
