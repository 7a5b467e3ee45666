package preprocess_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"gomine/mine/column"
	"gomine/mine/preprocess"
)

// TestSentinels tells values that stand for missing ones from values that are only frequent,
// or only far out.
func TestSentinels(t *testing.T) {
	const n = 1000
	r := rand.New(rand.NewPCG(1, 2))
	of := func(rows int, value float64, other func() float64) []float64 {
		all := make([]float64, n)
		for i := range all {
			if all[i] = other(); i < rows {
				all[i] = value
			}
		}
		return all
	}
	age := func() float64 { return float64(18 + r.IntN(70)) }
	for _, c := range []struct {
		name   string
		values []float64
		want   int
	}{
		{"999 among ages", of(50, 999, age), 50},
		{"-9999 among ages", of(7, -9999, age), 7},
		{"-1 among ages", of(30, -1, age), 30},
		{"-1 among normal values", of(30, -1, r.NormFloat64), 0},
		{"-2 among ages", of(30, -2, age), 0},
		{"999 twice", of(2, 999, age), 0},
		{"99 among ages", of(50, 99, age), 0},
		{"zeros among amounts", of(300, 0, r.ExpFloat64), 0},
		{"heavy tails", of(0, 0, func() float64 { return math.Tan(math.Pi * (r.Float64() - 0.5)) }), 0},
		{"999 and 1", of(500, 999, func() float64 { return 1 }), 0},
	} {
		pairs, err := preprocess.NewPairs(column.Named(column.Slices(c.values), "a"), column.Slices(normal(n, 1)), 1)
		if err != nil {
			t.Fatal(err)
		}
		maps, err := pairs.Fit(preprocess.Rank, preprocess.Range{Hi: n})
		if err != nil {
			t.Fatal(err)
		}
		found := maps.X.Summary().Sentinels
		switch {
		case c.want == 0 && found != nil:
			t.Errorf("%s: %+v", c.name, found)
		case c.want > 0 && (len(found) != 1 || found[0].Rows != c.want || found[0].Name != "a" || found[0].Value != c.values[0] || found[0].Min < 18 || found[0].Max > 87):
			t.Errorf("%s: %+v, want it in %d rows", c.name, found, c.want)
		}
	}
}
