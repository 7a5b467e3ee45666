package independence

import (
	"math"
	"testing"
)

// TestQValues has the example of Benjamini and Hochberg (1995), section 3, in another order: of 15
// p-values four are left at 5%, where Bonferroni leaves three.
func TestQValues(t *testing.T) {
	p := []float64{1, .0095, .0004, .0019, .0001, .0201, .0278, .0298, .0344, .0459, .3240, .4262, .5719, .6528, .7590}
	q := QValues(p)
	left := 0
	for k := range q {
		if (q[k] <= 0.05) != (p[k] <= .0095) {
			t.Errorf("q of %v is %v", p[k], q[k])
		}
		if q[k] <= 0.05 {
			left++
		}
	}
	if left != 4 {
		t.Errorf("%d are left, want 4", left)
	}
	for k, want := range map[int]float64{0: 1, 1: 15 * .0095 / 4, 4: 15 * .0001, 6: 15 * .0298 / 7, 14: 15 * .7590 / 14} {
		if math.Abs(q[k]-want) > 1e-15 {
			t.Errorf("q of %v is %v, want %v", p[k], q[k], want)
		}
	}
	if len(QValues(nil)) != 0 {
		t.Error("no tests have q-values")
	}
}
