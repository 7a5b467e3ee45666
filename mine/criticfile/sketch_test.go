package criticfile

import (
	"math"
	"math/rand/v2"
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

// TestSketchOfFewValues: draws of few values, which are equal by chance, are not taken for rows of
// the estimate, and rows of it are, where there is more to tell them by. Of 100 pairs of draws, 3
// are taken for such once in 6,000 times, by sketchLevel.
func TestSketchOfFewValues(t *testing.T) {
	for _, c := range []struct {
		name   string
		values func(r *rand.Rand) (x, z float64)
		told   bool // whether some rows of the estimate are
	}{
		{"two codes", func(r *rand.Rand) (x, z float64) { return float64(r.IntN(2)), float64(r.IntN(2)) }, false},
		{"as many values as rows", func(r *rand.Rand) (x, z float64) { return float64(r.IntN(50)), float64(r.IntN(60)) }, false},
		{"a heavy tail", func(r *rand.Rand) (x, z float64) {
			return math.Round(math.Exp(3 * r.NormFloat64())), float64(r.IntN(9))
		}, false},
		{"rounded", func(r *rand.Rand) (x, z float64) {
			return math.Round(100 * r.NormFloat64()), math.Round(100 * r.NormFloat64())
		}, true},
		{"half of them zeros", func(r *rand.Rand) (x, z float64) {
			if r.IntN(2) == 0 {
				return 0, float64(r.IntN(3))
			}
			return r.NormFloat64(), r.NormFloat64()
		}, true},
	} {
		alarms := 0
		for seed := range uint64(100) {
			r := rand.New(rand.NewPCG(seed, 1))
			draw := func(rows int) (x, z []float64) {
				for range rows {
					a, b := c.values(r)
					x, z = append(x, a), append(z, b)
				}
				return x, z
			}
			x, z := draw(3000)
			s, err := NewSketch(column.Slices(x), column.Slices(z))
			if err != nil {
				t.Fatal(err)
			}
			newX, newZ := draw(2000)
			share, err := s.Seen(column.Slices(newX), column.Slices(newZ))
			if err != nil {
				t.Fatal(err)
			}
			if share != 0 {
				alarms++
			}
			if !c.told {
				continue
			}
			copy(newX, x[:600])
			copy(newZ, z[:600])
			if share, err = s.Seen(column.Slices(newX), column.Slices(newZ)); err != nil || math.Abs(share-0.3) > 0.15 {
				t.Errorf("%s: share %v, error %v, want 0.3", c.name, share, err)
			}
		}
		if alarms > 2 {
			t.Errorf("%s: %d of 100 draws are taken for rows of the estimate", c.name, alarms)
		}
	}
}
