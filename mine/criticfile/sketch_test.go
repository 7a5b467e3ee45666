package criticfile

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/gaussian"
)

// TestFileIsWhole: a field that critics come to have has to be in files too, or those that
// are read say something else. Whoever adds one adds it to member, to Write and Read, to
// doc/critics.md, to doc/examples/score.py, and here.
func TestFileIsWhole(t *testing.T) {
	for _, c := range []struct {
		of   any
		want string
	}{
		{mine.FittedState{}, "Config LogU Pairs Parts"},
		{mine.Part{}, "Fold Maps Critics"},
		{mine.WeightedCritic{}, "Weight Candidate Network Params Step Reference Normalised scorer"},
		{gaussian.Critic{}, "X Z Rho Least"},
		{gaussian.Projection{}, "Mean W"},
		{backend.Network{}, "DX DZ Hidden Activation"},
	} {
		var fields []string
		for i := range reflect.TypeOf(c.of).NumField() {
			fields = append(fields, reflect.TypeOf(c.of).Field(i).Name)
		}
		if got := strings.Join(fields, " "); got != c.want {
			t.Errorf("%T has the fields %s, of which files keep %s", c.of, got, c.want)
		}
	}
}

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
