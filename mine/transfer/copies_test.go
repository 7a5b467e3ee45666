package transfer

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gomine/mine"
	"gomine/mine/column"
)

// rowsBy makes two series of n rows, row by row.
func rowsBy(n int, row func(i int) (x, z float64)) (x, z []float64) {
	x, z = make([]float64, n), make([]float64, n)
	for i := range x {
		x[i], z[i] = row(i)
	}
	return x, z
}

// TestCopies: series and stretches that are there again are an error before anything is trained, and those that
// meet by chance, or stay as they are, are none.
func TestCopies(t *testing.T) {
	g := rand.New(rand.NewPCG(8, 1))
	noise := func(int) (x, z float64) { return g.NormFloat64(), g.NormFloat64() }
	spike := func(p float64) float64 {
		if g.Float64() < p {
			return 1
		}
		return 0
	}
	set := func(x, z []float64, series []int) Data {
		return Data{X: column.Slices(x), Z: column.Slices(z), Series: series}
	}
	times := func(k, rows int, row func(int) (x, z float64)) (Data, Data) {
		x, z := rowsBy(rows, row)
		ids := make([]int, k*rows)
		for i := range ids {
			ids[i] = i / rows
		}
		x, z = slices.Repeat(x, k), slices.Repeat(z, k)
		return set(x, z, ids), set(x, z, nil)
	}
	check := func(name string, d Data, lag, want int) {
		t.Helper()
		cfg := brief(d.X.Rows(), lag, 1)
		for _, permutations := range []int{0, 99} {
			cfg.Permutations = permutations
			_, err := newEstimator(d, cfg, nil)
			if errors.Is(err, ErrCopies) != (want > 0) || want > 0 && !strings.Contains(err.Error(), fmt.Sprintf(" %d of ", want)) {
				t.Errorf("%s, lag %d, %d permutations: %v, want %d copies", name, lag, permutations, err, want)
			}
		}
		cfg.Estimate.Split = mine.SplitBlocks
		if _, err := newEstimator(d, cfg, nil); errors.Is(err, ErrCopies) {
			t.Errorf("%s, in blocks: %v", name, err)
		}
	}
	several, one := times(8, 300, noise)
	check("eight copies", several, 1, 7*299)
	check("eight copies", several, 5, 7*295)
	check("one behind the other", one, 1, 7*299+6) // seams are copies too
	short, _ := times(2, 240, noise)
	for i := range short.Series {
		short.Series[i] = i / 8
	}
	check("short series", short, 5, 30*3)
	spiky, _ := times(2, 1000, func(int) (x, z float64) { return g.NormFloat64(), spike(0.05) })
	check("twice beside spikes", spiky, 1, 999)
	x, z := rowsBy(2000, noise)
	copy(x[1500:1600], x[200:])
	copy(z[1500:1600], z[200:])
	check("a stretch", set(x, z, nil), 2, 98)
	copy(x[1500:1600], x[250:])
	check("a stretch of x alone", set(x, z, nil), 2, 0)

	for _, c := range []struct {
		name string
		row  func(i int) (x, z float64)
	}{
		{"noise", noise},
		{"spikes", func(int) (x, z float64) { return spike(0.05), spike(0.05) }},
		{"counts beside spikes", func(int) (x, z float64) { return math.Round(30 * g.NormFloat64()), spike(0.02) }},
		{"coins", func(int) (x, z float64) { return spike(0.5), spike(0.5) }},
		{"integers", func(int) (x, z float64) { return math.Round(3 * g.NormFloat64()), math.Round(g.NormFloat64()) }},
	} {
		x, z := rowsBy(2000, c.row)
		driven, later := slices.Clone(x), slices.Concat(z[:1], x[:len(x)-1])
		held, still := rowsBy(2000, func(i int) (float64, float64) { return x[i/20], z[i/20] })
		for _, lag := range []int{1, 4, 10} {
			check(c.name, set(x, z, nil), lag, 0)
			check(c.name+" one row later", set(driven, later, nil), lag, 0)
			check(c.name+", held", set(held, still, nil), lag, 0)
		}
	}
}
