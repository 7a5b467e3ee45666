package mine

import (
	"math"
	"testing"
)

// TestLikely: between the estimate and the bound on training rows, but not where nothing is shown, nor above
// what the rows can show.
func TestLikely(t *testing.T) {
	for _, c := range []struct {
		name                        string
		estimate, training, certain float64
		test                        int
		want                        float64
	}{
		{"three quarters", 1, 2, 0.5, 1000, 1.75},
		{"training below", 1, 0.8, 0.5, 1000, 1},
		{"nothing shown", 0.01, 1, 0, 1000, 0.01},
		{"at the ceiling", 3, 20, 2, 100, math.Log(100)},
		{"above the ceiling", 5, 20, 2, 100, 5},
	} {
		r := Result{Bound: Bound{Estimate: c.estimate, LowerBound: c.certain}, Training: c.training, Rows: RowCounts{Test: c.test}}
		if got := r.likely(); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
