package preprocess_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"gomine/mine/column"
	"gomine/mine/preprocess"
)

// TestIDs tells ids, numbers and codes, from values that are drawn and may meet.
func TestIDs(t *testing.T) {
	const n = 2000
	r := rand.New(rand.NewPCG(1, 2))
	whole := func(of func(i int) int) column.Source {
		all := make([]int, n)
		for i := range all {
			all[i] = of(i)
		}
		return column.Slices(all)
	}
	coded := func(of func(i int) int) column.Source {
		all := make([]string, n)
		for i := range all {
			all[i] = fmt.Sprint("c", of(i))
		}
		return column.Codes(all)
	}
	some, real := r.Perm(20*n), make([]float64, n)
	for i := range real {
		real[i] = float64(some[i])
	}
	for _, c := range []struct {
		name string
		s    column.Source
		want bool
	}{
		{"some of 40,000 numbers", whole(func(i int) int { return 7 + some[i] }), true},
		{"some of 40,000 numbers, ten of them again", whole(func(i int) int { return some[i%(n-10)] }), true},
		{"draws of 40,000 numbers", whole(func(int) int { return r.IntN(20 * n) }), false},
		{"draws of 40 numbers", whole(func(int) int { return r.IntN(40) }), false},
		{"numbers far apart", whole(func(int) int { return r.IntN(1 << 40) }), false},
		{"real numbers", column.Slices(real), false},
		{"codes of 4 rows", coded(func(i int) int { return i / 4 * (i % 5 / 2) }), true},
		{"codes of 50 rows", coded(func(i int) int { return i % 40 }), false},
	} {
		pairs, err := preprocess.NewPairs(column.Named(c.s, "a"), column.Slices(normal(n, 1)), 1)
		if err != nil {
			t.Fatal(err)
		}
		maps, err := pairs.Fit(preprocess.Rank, preprocess.Range{Hi: n})
		if err != nil {
			t.Fatal(err)
		}
		if s := maps.X.Summary(); slices.Equal(s.IDs, []string{"a"}) != c.want {
			t.Errorf("%s: ids %v", c.name, s.IDs)
		}
	}
}
