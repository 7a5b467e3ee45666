package criticfile

import (
	"math"
	"slices"
	"testing"

	"gomine/mine/column"
)

// TestSketch: the share of rows that were seen, in any order, of data of more and of less
// rows than a sketch has numbers. Its standard error is below .02, of 1024 numbers; the
// allowance is five of them.
func TestSketch(t *testing.T) {
	for _, rows := range []int{200, 20_000} {
		x, z := mixed(rows, 3)
		s, err := NewSketch(x, z)
		if err != nil {
			t.Fatal(err)
		}
		if all, err := s.Seen(x, z); err != nil || all != 1 {
			t.Errorf("%d rows: %v of themselves, error %v, want 1", rows, all, err)
		}
		otherX, otherZ := mixed(rows, 4)
		if none, err := s.Seen(otherX, otherZ); err != nil || none != 0 {
			t.Errorf("%d rows: %v of others, error %v, want 0", rows, none, err)
		}
	}
	const half = 10_000
	values := make([]float64, 3*half)
	for i := range values {
		values[i] = float64(i) / 7
	}
	s, err := NewSketch(column.Slices(values[:2*half]), column.Slices(values[half:]))
	if err != nil {
		t.Fatal(err)
	}
	x, z := slices.Clone(values[half:]), slices.Clone(values[half:])
	for i := range x { // the second half of the rows above, backwards, and others
		x[i] = values[len(values)-1-i]
		z[i] = x[i] + values[half]
	}
	for i := range z {
		if k := len(values) - 1 - i + half; k < len(values) {
			z[i] = values[k]
		}
	}
	if share, err := s.Seen(column.Slices(x), column.Slices(z)); err != nil || math.Abs(share-0.5) > 0.1 {
		t.Errorf("share %v, error %v, want 0.5", share, err)
	}
}
