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

// TestWholeCodes: Codes makes of a column of few whole numbers the inputs that the same numbers
// have as labels, and ranks all others.
func TestWholeCodes(t *testing.T) {
	const n = 2000
	r := rand.New(rand.NewPCG(1, 2))
	whole, labels := make([]int, n), make([]string, n)
	for i := range whole {
		whole[i] = 10 * r.IntN(40)
		if i%500 == 3 {
			whole[i] = 401 // rare
		}
		labels[i] = fmt.Sprintf("%03d", whole[i])
	}
	fit := func(x column.Source, method preprocess.Method) preprocess.Maps {
		pairs, err := preprocess.NewPairs(column.Named(x, "a"), column.Slices(normal(n, 1)), 1)
		if err != nil {
			t.Fatal(err)
		}
		maps, err := pairs.Fit(method, preprocess.Range{Hi: n})
		if err != nil {
			t.Fatal(err)
		}
		return maps
	}
	z := column.Slices(normal(n, 1))
	taken := fit(column.Slices(whole), preprocess.Codes)
	got, _, err := taken.Apply(column.Slices(whole), z)
	if err != nil {
		t.Fatal(err)
	}
	want, _, err := fit(column.Codes(labels), preprocess.Rank).Apply(column.Codes(labels), z)
	if err != nil {
		t.Fatal(err)
	}
	if got.Cols != 41 || !slices.Equal(got.Data, want.Data) {
		t.Errorf("%d inputs that are not those of the labels", got.Cols)
	}
	if s := taken.X.Summary(); !slices.Equal(s.Codes, []preprocess.Coded{{Name: "a", Distinct: 41, Pooled: 1}}) {
		t.Errorf("summary %+v", s)
	}
	// A number that no row had counts as rare.
	other, _, err := taken.Apply(column.Slices([]int{401, 7}), column.Slices(normal(2, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(other.Row(0), other.Row(1)) {
		t.Errorf("a number that is new has inputs %v, a rare one %v", other.Row(1), other.Row(0))
	}
	many, two, halves := make([]int, n), make([]int, n), make([]float64, n)
	for i := range many {
		many[i], two[i], halves[i] = r.IntN(90), r.IntN(2), float64(r.IntN(20))/2
	}
	for name, x := range map[string]column.Source{"many": column.Slices(many), "two": column.Slices(two), "no whole numbers": column.Slices(halves), "labels": column.Codes(labels)} {
		if !fit(x, preprocess.Codes).Same(fit(x, preprocess.Rank)) {
			t.Errorf("%s: other inputs than under rank", name)
		}
	}
}
