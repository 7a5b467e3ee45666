package pairwise

import (
	"math"
	"slices"
	"testing"

	"gomine/mine/independence"

	"gonum.org/v1/gonum/stat/distuv"
)

// TestRate has the example of Benjamini and Hochberg (1995), section 3: of 15 p-values four are left
// at 5%, where Bonferroni leaves three.
func TestRate(t *testing.T) {
	values := []float64{.0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344, .0459, .3240, .4262, .5719, .6528, .7590, 1}
	var s Screening
	for k, q := range independence.QValues(values, independence.BenjaminiHochberg) {
		s.Pairs = append(s.Pairs, Pair{A: k, B: k + 1, PValue: values[k], QValue: q, Information: float64(k % 4)})
	}
	cfg := DefaultConfig(1000)
	if got := s.Chosen(cfg); !slices.Equal(got, []int{3, 2, 1, 0}) || s.Left(0.05) != 4 {
		t.Errorf("chosen %v, left %d, want the first four, those of the most information first", got, s.Left(0.05))
	}
	if got, want := s.Pairs[3].QValue, 15*.0095/4; math.Abs(got-want) > 1e-15 {
		t.Errorf("q %v, want %v", got, want)
	}
	cfg.Top = 1
	if got := s.Chosen(cfg); !slices.Equal(got, []int{3}) {
		t.Errorf("the first is %v, want 3", got)
	}
	cfg.All, s.Empty = true, []int{0}
	if got := s.Chosen(cfg); len(got) != 14 || slices.Contains(got, 0) {
		t.Errorf("all but one: %v", got)
	}
}

// TestNormalised: of a normal law it is the size of the correlation.
func TestNormalised(t *testing.T) {
	for _, rho := range []float64{0, 1e-6, 0.3, 0.99} {
		if got := Normalised(-math.Log1p(-rho*rho) / 2); math.Abs(got-rho) > 1e-9 {
			t.Errorf("%v, want %v", got, rho)
		}
	}
	if Normalised(-1) != 0 || Normalised(math.Inf(1)) != 1 {
		t.Error("the ends are not 0 and 1")
	}
}

// TestQuantiles: scores have the mean 0 and the length 1, and those of the middle are as far apart as the
// normal law has them.
func TestQuantiles(t *testing.T) {
	q := quantiles(101)
	var sum, square float64
	for _, v := range q {
		sum, square = sum+v, square+v*v
	}
	want := distuv.UnitNormal.Quantile(60.5/101) / distuv.UnitNormal.Quantile(70.5/101)
	if math.Abs(sum) > 1e-12 || math.Abs(square-1) > 1e-12 || math.Abs(q[60]/q[70]-want) > 1e-12 {
		t.Errorf("sum %v, square %v, ratio %v, want %v", sum, square, q[60]/q[70], want)
	}
}
