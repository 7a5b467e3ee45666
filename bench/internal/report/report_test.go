package report

import "testing"

func TestNumber(t *testing.T) {
	for _, test := range []struct {
		v    []float64
		want string
	}{
		{nil, ""},
		{[]float64{3}, "3.00 ±0%"},
		{[]float64{30, 10, 20}, "20.0 ±50%"},
		{[]float64{300, 100}, "200 ±50%"},
	} {
		if got := Number(test.v); got != test.want {
			t.Errorf("Number(%v) = %q, want %q", test.v, got, test.want)
		}
	}
	if got := Ratio(3, 2); got != "1.50" {
		t.Errorf("Ratio(3, 2) = %q", got)
	}
	if got := Ratio(3, Median(nil)); got != "" {
		t.Errorf("ratio to nothing is %q, want none", got)
	}
}
