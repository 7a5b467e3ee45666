package dependence

import (
	"encoding/csv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"gomine/mine/column"
)

// TestInOrder: files that were sorted, one or some put together, and classes piece by piece; slow series, whose
// steps fall as often as they rise, and states that come again were not sorted.
func TestInOrder(t *testing.T) {
	const n = 3000
	r := rand.New(rand.NewPCG(11, 12))
	of := func(value func(i int) float64) []float64 {
		v := make([]float64, n)
		for i := range v {
			v[i] = value(i)
		}
		return v
	}
	normal := func(int) float64 { return r.NormFloat64() }
	sorted := func(files int, value func(int) float64) []float64 {
		v := of(value)
		for f := range files {
			slices.Sort(v[f*n/files : (f+1)*n/files])
		}
		return v
	}
	falling := sorted(4, normal)
	slices.Reverse(falling)
	sum := func(v []float64) []float64 {
		for i := 1; i < n; i++ {
			v[i] += v[i-1]
		}
		return v
	}
	walk := sum(of(normal))
	for _, c := range []struct {
		name string
		v    []float64
		want bool
	}{
		{"sorted", sorted(1, normal), true},
		{"three sorted files", sorted(3, normal), true},
		{"four sorted files that fall", falling, true},
		{"eight files sorted by age", sorted(8, func(int) float64 { return float64(18 + r.IntN(70)) }), true},
		{"twenty sorted files with an outlier", append([]float64{-20}, sorted(20, func(int) float64 { return math.Round(9*r.NormFloat64()) / 9 })[1:]...), true},
		{"classes in any order", of(func(i int) float64 { return []float64{2, 0, 1}[3*i/n] }), true},
		{"two classes", of(func(i int) float64 { return float64(i * 2 / n) }), true},
		{"states that come again", of(func(i int) float64 { return float64(i / 300 % 2) }), false},
		{"slow sines", of(func(i int) float64 { return math.Sin(float64(i) / 300) }), false},
		{"a sine and a trend", of(func(i int) float64 { return math.Sin(float64(i)/100) + float64(i)/400 }), false},
		{"a trend that turns at its end", of(func(i int) float64 { return -math.Pow(float64(i)-0.995*n, 2) }), false},
		{"smooth walk", sum(slices.Clone(walk)), false},
		{"walk", walk, false},
		{"steps of a walk", of(func(i int) float64 { return math.Round(walk[i/200*200]/30) + float64(i/200%2) }), false},
		{"noise", of(normal), false},
		{"constant", of(func(int) float64 { return 1 }), false},
	} {
		if got := (series{values: c.v}).inOrder(); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestSlowSeries: slow smooth series, with noise on one side, are serial and not a sorted file.
func TestSlowSeries(t *testing.T) {
	const n = 3000
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 13))
		slow := func(noise float64) []float64 {
			v := make([]float64, n)
			for range 4 {
				period, phase, size := n/4*(1+3*r.Float64()), 2*math.Pi*r.Float64(), r.NormFloat64()
				for i := range v {
					v[i] += size * math.Sin(2*math.Pi*float64(i)/period+phase)
				}
			}
			for i := range v {
				v[i] += noise * r.NormFloat64()
			}
			return v
		}
		if f := find(t, column.Slices(slow(0)), column.Slices(slow(1))); !f.Serial || f.Sorted {
			t.Errorf("seed %d: %+v, want series", seed, f)
		}
	}
}

// TestFewSortedRows: of few rows in the order of x, curves of it with little noise are explained by x.
func TestFewSortedRows(t *testing.T) {
	for _, n := range []int{60, 100, 200, 500} {
		for seed := range uint64(10) {
			r := rand.New(rand.NewPCG(seed, 18))
			x, line, sine := make([]float64, n), make([]float64, n), make([]float64, n)
			for i := range x {
				x[i] = 2 * math.Pi * float64(i) / float64(n)
				line[i], sine[i] = x[i]+0.1*r.NormFloat64(), math.Sin(2*x[i])+0.2*r.NormFloat64()
			}
			if f := find(t, column.Slices(x), column.Slices(line, sine)); f.Serial || !f.Sorted {
				t.Errorf("%d rows, seed %d: %+v, want sorted", n, seed, f)
			}
		}
	}
}

// TestDiamonds: the file of the README is 164 files sorted by price, one behind the other.
func TestDiamonds(t *testing.T) {
	file, err := os.Open(filepath.FromSlash("../../bench/data/diamonds.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	records, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	numbers := func(name string) []float64 {
		v := make([]float64, len(records)-1)
		for i := range v {
			if v[i], err = strconv.ParseFloat(records[i+1][slices.Index(records[0], name)], 64); err != nil {
				t.Fatal(err)
			}
		}
		return v
	}
	f := find(t, column.Slices(numbers("carat"), numbers("table_pct")), column.Slices(numbers("price_usd")))
	if f.Serial || !f.Sorted {
		t.Errorf("%+v, want a sorted file", f)
	}
}
