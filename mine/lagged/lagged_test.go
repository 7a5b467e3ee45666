package lagged

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gomine/mine/column"
)

// file is rows of some series, their values their own numbers, and what is known of them.
type file struct {
	series  []int
	missing []bool
	values  column.Source // [n, 2]: the row, and the row plus 1000
}

// random is n rows of the given series, as they lie in a file of a measurement after the other,
// or mixed.
func random(g *rand.Rand, n, series int, mixed bool, missing float64) file {
	f := file{series: make([]int, n), missing: make([]bool, n)}
	v := make([]float64, 0, 2*n)
	for i := range n {
		f.series[i] = 7 + i*series/n
		if mixed {
			f.series[i] = 7 + g.IntN(series)
		}
		f.missing[i] = g.Float64() < missing
		v = append(v, float64(i), float64(1000+i))
	}
	f.values = column.RowMajor(v, 2)
	return f
}

// windows finds the windows by looking at every row and its neighbours: the rows of each, from
// t-K+1 to t+H.
func (f file) windows(lag, horizon int) (all [][]int) {
	var ids []int
	for _, id := range f.series {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, id := range ids {
		var rows []int
		for i, s := range f.series {
			if s == id {
				rows = append(rows, i)
			}
		}
		for p := range rows {
			if p+lag+horizon > len(rows) {
				break
			}
			w := rows[p : p+lag+horizon]
			if !slices.ContainsFunc(w, func(i int) bool { return f.missing[i] }) {
				all = append(all, w)
			}
		}
	}
	return all
}

func read(t *testing.T, s column.Source) [][]float64 {
	t.Helper()
	width := len(s.Columns())
	v := make([]float64, s.Rows()*width)
	if err := s.Read(v, 0, s.Rows(), 0, width); err != nil {
		t.Fatal(err)
	}
	var rows [][]float64
	for i := range s.Rows() {
		rows = append(rows, v[i*width:(i+1)*width])
	}
	return rows
}

func TestWindows(t *testing.T) {
	g := rand.New(rand.NewPCG(1, 1))
	for _, c := range []struct {
		n, series, lag, horizon int
		mixed                   bool
		missing                 float64
	}{{1, 1, 1, 1, false, 0}, {2, 1, 1, 1, false, 0}, {40, 1, 3, 2, false, 0}, {90, 3, 2, 1, false, 0.1}, {90, 3, 3, 4, true, 0}, {200, 4, 1, 2, true, 0.2}} {
		f := random(g, c.n, c.series, c.mixed, c.missing)
		want := f.windows(c.lag, c.horizon)
		w, err := New(c.n, f.series, f.missing, c.lag, c.horizon)
		if (err != nil) != (want == nil) {
			t.Errorf("%+v: %v, but there are %d windows", c, err, len(want))
		}
		if err != nil {
			continue
		}
		past, future := read(t, w.Past(f.values)), read(t, w.Future(f.values))
		if len(past) != len(want) {
			t.Fatalf("%+v: %d windows, want %d", c, len(past), len(want))
		}
		for i, rows := range want {
			var p []float64
			for k := range c.lag {
				r := float64(rows[c.lag-1-k])
				p = append(p, r, 1000+r)
			}
			last := float64(rows[len(rows)-1])
			if !slices.Equal(past[i], p) || !slices.Equal(future[i], []float64{last, 1000 + last}) {
				t.Fatalf("%+v: window %d is %v and %v, want those of rows %v", c, i, past[i], future[i], rows)
			}
		}
		// Some rows of some columns are those of the whole.
		var v [3]float64
		if len(past) > 4 && c.lag > 1 {
			if err := w.Past(f.values).Read(v[:], 2, 3, 1, 4); err != nil || !slices.Equal(v[:], past[2][1:4]) {
				t.Errorf("%+v: part of window 2 is %v, want %v: %v", c, v, past[2][1:4], err)
			}
		}
	}
}

func TestNames(t *testing.T) {
	w, err := New(10, nil, nil, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	s := column.Named(column.Slices(make([]float64, 10), make([]float64, 10)), "a", "b")
	names := func(s column.Source) (all []string) {
		for _, c := range s.Columns() {
			all = append(all, c.Name)
		}
		return all
	}
	if got, want := names(w.Past(s)), []string{"a(t)", "b(t)", "a(t-1)", "b(t-1)", "a(t-2)", "b(t-2)"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got, want := names(w.Future(s)), []string{"a(t+2)", "b(t+2)"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestCut: windows of different blocks have no row in common if gaps are K+H-1 rows or more, and
// some have if they are one row less. Blocks are as long as asked for or longer, and what is left
// out is in gaps.
func TestCut(t *testing.T) {
	g := rand.New(rand.NewPCG(2, 1))
	for _, c := range []struct {
		n, series, lag, horizon, length int
		mixed                           bool
		missing                         float64
	}{{200, 1, 1, 1, 10, false, 0}, {500, 1, 4, 3, 20, false, 0}, {300, 5, 3, 1, 15, true, 0}, {300, 30, 2, 1, 50, false, 0}, {800, 3, 2, 2, 25, true, 0.03}} {
		f := random(g, c.n, c.series, c.mixed, c.missing)
		w, err := New(c.n, f.series, f.missing, c.lag, c.horizon)
		if err != nil {
			t.Fatal(err)
		}
		for _, less := range []int{0, 1} {
			gap := c.lag + c.horizon - 1 - less
			kept, blocks := w.Cut(c.length, gap)
			if kept.Rows() != len(blocks) || kept.Rows() > w.Rows() {
				t.Fatalf("%+v: %d windows in blocks of %d", c, kept.Rows(), len(blocks))
			}
			owner, shared, sizes := map[float64]int{}, 0, map[int]int{}
			past, future := read(t, kept.Past(f.values)), read(t, kept.Future(f.values))
			for i, b := range blocks {
				if i > 0 && b != blocks[i-1] && b != blocks[i-1]+1 || b < 0 {
					t.Fatalf("%+v: block %d follows on %d", c, b, blocks[i-1])
				}
				sizes[b]++
				window := []float64{future[i][0]}
				for k := range c.lag {
					window = append(window, past[i][2*k])
				}
				for _, row := range window {
					if o, there := owner[row]; there && o != b {
						shared++
					}
					owner[row] = b
				}
			}
			dense := c.series == 1 && c.missing == 0
			if less == 0 && shared > 0 || less == 1 && dense && shared == 0 {
				t.Errorf("%+v, gaps of %d: windows of different blocks share %d rows", c, gap, shared)
			}
			if c.series == 1 && len(sizes) != (c.n+gap)/(c.length+gap) {
				t.Errorf("%+v: %d blocks", c, len(sizes))
			}
			if c.series == 30 && len(sizes) != 30 {
				t.Errorf("%+v: %d blocks, want one a series", c, len(sizes))
			}
			if least := w.Rows() - gap*len(sizes); kept.Rows() < least {
				t.Errorf("%+v: %d of %d windows are in no gap of %d, want %d at least", c, kept.Rows(), w.Rows(), gap, least)
			}
		}
	}
}

// TestWithin: the values less their mean over the windows of a series, as found by looking at every
// window, and parts of them; a level of a series makes no difference.
func TestWithin(t *testing.T) {
	g := rand.New(rand.NewPCG(4, 1))
	f := random(g, 300, 4, true, 0.1)
	v := make([]float64, 0, 600)
	for i := range 300 {
		v = append(v, g.NormFloat64()+float64(100*f.series[i]), g.NormFloat64()-float64(7*f.series[i]))
	}
	w, err := New(300, f.series, f.missing, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	source, err := w.Within(column.RowMajor(v, 2), -1)
	if err != nil {
		t.Fatal(err)
	}
	got, windows := read(t, source), f.windows(2, 1)
	sums, counts := map[int][2]float64{}, map[int]float64{}
	for _, rows := range windows {
		of := f.series[rows[0]]
		sums[of] = [2]float64{sums[of][0] + v[2*rows[0]], sums[of][1] + v[2*rows[0]+1]}
		counts[of]++
	}
	const rounding = 1e-11 // some 1,000 times 100 units of 2^-53
	for i, rows := range windows {
		of := f.series[rows[0]]
		for j := range 2 {
			if want := v[2*rows[0]+j] - sums[of][j]/counts[of]; math.Abs(got[i][j]-want) > rounding {
				t.Fatalf("window %d, column %d: %g, want %g", i, j, got[i][j], want)
			}
		}
	}
	var part [2]float64
	if err := source.Read(part[:], 5, 7, 1, 2); err != nil || part != [2]float64{got[5][1], got[6][1]} {
		t.Errorf("part is %v, want %v and %v: %v", part, got[5][1], got[6][1], err)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		series  []int
		missing []bool
		lag     int
		horizon int
		want    string
	}{
		{nil, nil, 5, 1, "there are 5 rows, want at least 6 for a lag of 5"},
		{nil, nil, 3, 3, "there are 5 rows, want at least 6 for a lag of 3 and a horizon of 3"},
		{[]int{4, 4, 4, 9, 9}, nil, 2, 1, "series 9 has 2 rows"},
		{nil, []bool{false, false, true, false, false}, 2, 1, "5 rows, 1 without a value, and nowhere 3 neighbours with one, want"},
	} {
		_, err := New(5, c.series, c.missing, c.lag, c.horizon)
		var short *SeriesError
		if !errors.As(err, &short) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	for _, bad := range [][2]int{{0, 1}, {1, 0}, {-1, 1}} {
		if _, err := New(5, nil, nil, bad[0], bad[1]); err == nil {
			t.Errorf("a lag of %d and a horizon of %d are taken", bad[0], bad[1])
		}
	}
	if _, err := New(5, []int{1}, nil, 1, 1); err == nil {
		t.Error("series of 1 row are taken for 5")
	}
}
