package dependence

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gomine/mine/column"
)

// TestSortedBy: a table of three columns that depend on a fourth was sorted by it, and then by none
// once it is gone; series were not sorted, nor independent rows.
func TestSortedBy(t *testing.T) {
	const n = 4000
	r := rand.New(rand.NewPCG(5, 6))
	price := make([]float64, n)
	for i := range price {
		price[i] = r.NormFloat64()
	}
	shuffled := slices.Clone(price)
	slices.Sort(price)
	of := func(by []float64) []float64 {
		v := make([]float64, n)
		for i := range v {
			v[i] = by[i] + r.NormFloat64()
		}
		return v
	}
	for _, c := range []struct {
		name string
		s    column.Source
		want int
	}{
		{"sorted", column.Slices(of(price), of(price), price, of(price)), 2},
		{"by a column that is not there", column.Slices(of(price), of(price), of(price)), -1},
		{"independent rows", column.Slices(of(shuffled), shuffled, of(shuffled)), -1},
		{"series", column.Slices(ar(n, 0.9, 1), ar(n, 0.9, 2)), -1},
		{"one column", column.Slices(price), -1},
	} {
		if got, err := SortedBy(c.s); err != nil || got != c.want {
			t.Errorf("%s: column %d, error %v, want %d", c.name, got, err, c.want)
		}
	}
}

// TestBetween: two series of coefficient p are worth (1-p^2)/(1+p^2) rows each (Bartlett 1935), in
// logarithms within .4, four standard deviations of ten seeds at 20,000 rows and .9. Independent rows
// cost none, nor does a series beside them. Swings of calm and wild rows, which have no correlation,
// count by their size.
func TestBetween(t *testing.T) {
	const n = 20_000
	for _, p := range []float64{0.5, 0.9} {
		f, unending := Between(Memories(ar(n, p, 3)), Memories(ar(n, p, 4)))
		if want := (1 + p*p) / (1 - p*p); math.Abs(math.Log(f/want)) > 0.4 || unending {
			t.Errorf("%v: factor %v, want %v; unending %v", p, f, want, unending)
		}
	}
	if f, _ := Between(Memories(ar(n, 0.9, 3)), Memories(ar(n, 0, 4))); f != 1 {
		t.Errorf("a series beside independent rows: factor %v, want 1", f)
	}
	swings := func(seed uint64) []Memory {
		v, size := ar(n, 0, seed), ar(n, 0.98, seed+100)
		for i := range v {
			v[i] *= math.Exp(size[i])
		}
		return Memories(v)
	}
	if f, _ := Between(swings(5), swings(6)); f < 3 {
		t.Errorf("calm and wild rows: factor %v, want several", f)
	}
	walk := func(seed uint64) []Memory {
		v := ar(n, 0, seed)
		for i := 1; i < n; i++ {
			v[i] += v[i-1]
		}
		return Memories(v)
	}
	// Walks are alike over a good part of all rows: worth fewer than 100 rows.
	if f, unending := Between(walk(7), walk(8)); f < n/100 && !unending {
		t.Errorf("random walks: factor %v, want hundreds", f)
	}
	if m := Memories(make([]float64, leastRows-1)); m != nil {
		t.Errorf("of few rows: %v", m)
	}
}
