package conditional

import (
	"math/rand/v2"
	"testing"

	"gomine/mine/column"
)

// TestVaryTogether: blocks that are three times as wild in both are seen, and of those that vary alike, or each
// in its own way, as many as one in a hundred: more than 8 of 200 have a probability of .001.
func TestVaryTogether(t *testing.T) {
	const blocks, length, sets = 40, 50, 100
	g := rand.New(rand.NewPCG(7, 1))
	draw := func(scale []float64) column.Source {
		v := make([]float64, blocks*length)
		for i := range v {
			v[i] = scale[i/length] * g.NormFloat64()
		}
		return column.Slices(v)
	}
	groups := make([]int, blocks*length)
	for i := range groups {
		groups[i] = 7 * (i / length)
	}
	wild := func() []float64 {
		s := make([]float64, blocks)
		for i := range s {
			s[i] = 1 + 2*float64(g.IntN(2))
		}
		return s
	}
	alarms := 0
	for range sets {
		both := wild()
		if w, err := varyTogether(draw(both), draw(both), groups); err != nil || len(w) != 1 || w[0].Code != WarnTogether {
			t.Fatalf("wild together: %v, %v", w, err)
		}
		for _, pair := range [][2][]float64{{wild(), wild()}, {wild(), make([]float64, blocks)}} {
			if pair[1][0] == 0 {
				for i := range pair[1] {
					pair[1][i] = 1
				}
			}
			w, err := varyTogether(draw(pair[0]), draw(pair[1]), groups)
			if err != nil {
				t.Fatal(err)
			}
			alarms += len(w)
		}
	}
	if alarms > 8 {
		t.Errorf("%d alarms of %d", alarms, 2*sets)
	}
	if w, err := varyTogether(draw(wild()), draw(wild()), nil); w != nil || err != nil {
		t.Errorf("no groups: %v, %v", w, err)
	}
}
