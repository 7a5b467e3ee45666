package independence

import (
	"math"
	"testing"
)

// TestQValues has the example of Benjamini and Hochberg (1995), section 3, in another order: of 15
// p-values four are left at 5%, where Bonferroni leaves three.
func TestQValues(t *testing.T) {
	p := []float64{1, .0095, .0004, .0019, .0001, .0201, .0278, .0298, .0344, .0459, .3240, .4262, .5719, .6528, .7590}
	q := QValues(p, BenjaminiHochberg)
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
	if len(QValues(nil, BenjaminiHochberg)) != 0 || len(QValues(nil, BenjaminiYekutieli)) != 0 {
		t.Error("no tests have q-values")
	}
}

// TestQValuesYekutieli has what R's p.adjust(p, method = "BY") prints of the same example, to nine decimals:
// three are left at 5%, of the four that Benjamini and Hochberg leave.
func TestQValuesYekutieli(t *testing.T) {
	p := []float64{.0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344, .0459, .3240, .4262, .5719, .6528, .7590, 1}
	want := []float64{.004977343, .009954687, .031523175, .118211908, .200089208, .211892623, .211892623, .214025770, .253844518, 1, 1, 1, 1, 1, 1}
	for k, q := range QValues(p, BenjaminiYekutieli) {
		if math.Abs(q-want[k]) > 0.5e-9 {
			t.Errorf("q of %v is %v, want %v", p[k], q, want[k])
		}
	}
}

// TestQValuesByHand: with m = 4, c = 1 + 1/2 + 1/3 + 1/4 = 25/12. In ascending order 4p/j is .04 .06 .04 .5, and
// the least of those from j on .04 .04 .04 .5; times 25/12 it is 1/12 three times, and 1 as 25/24 is above it.
func TestQValuesByHand(t *testing.T) {
	p := []float64{.03, .5, .01, .03}
	for _, c := range []struct {
		method FDRMethod
		want   []float64
	}{
		{BenjaminiHochberg, []float64{.04, .5, .04, .04}},
		{BenjaminiYekutieli, []float64{1. / 12, 1, 1. / 12, 1. / 12}},
		{"", []float64{1. / 12, 1, 1. / 12, 1. / 12}}, // unknown: the one that holds always
	} {
		for k, q := range QValues(p, c.method) {
			if math.Abs(q-c.want[k]) > 1e-15 {
				t.Errorf("%q: q of %v is %v, want %v", c.method, p[k], q, c.want[k])
			}
		}
	}
	if one := QValues([]float64{.2}, BenjaminiYekutieli); one[0] != .2 {
		t.Errorf("q of a single test is %v, want its p", one[0])
	}
}
