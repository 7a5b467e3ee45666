package preprocess

import (
	"testing"

	"gomine/mine/column"
)

// TestFitRows: maps are fitted to the first million training rows, the last of them included, and to
// none behind.
func TestFitRows(t *testing.T) {
	const rows = 1_000_002
	x, z := make([]float32, rows), make([]float32, rows)
	for i := range x {
		x[i] = float32(i % 1000)
		z[i] = x[i]
	}
	x[999_999], z[1_000_000] = 5000, 5000
	same := func(p int) int { return p }
	pairs, err := Arrange(column.InPlace(x, 1), column.InPlace(z, 1), same)
	if err != nil {
		t.Fatal(err)
	}
	m, err := pairs.Fit(Rank, Range{Lo: 0, Hi: 10}, Range{Lo: 10, Hi: rows})
	if err != nil {
		t.Fatal(err)
	}
	if got := m.X.maps[0].max; got != 5000 {
		t.Errorf("the last of the fitted values is missed: the largest is %v", got)
	}
	if got := m.Z.maps[0].max; got != 999 {
		t.Errorf("the first value behind those that are fitted is seen: the largest is %v", got)
	}
}

// TestFitPlan: whatever the number of processors, columns and rows, all copies of columns together take
// no more than the rows or, of few, 64 MiB, and never more than 256 MiB; where that has room, all
// processors are at work.
func TestFitPlan(t *testing.T) {
	for _, processors := range []int{1, 2, 16, 192} {
		for _, cols := range []int{1, 2, 7, 8, 40, 5000} {
			for _, rows := range []int{1, 1000, 65_536, 1_000_000, 100_000_000} {
				n := min(rows, fitRows)
				workers, width := fitPlan(processors, cols, n, rows)
				if workers < 1 || workers > min(processors, cols) || width < 1 || width > fitColumns {
					t.Errorf("%d processors, %d columns of %d rows: %d workers of %d columns each", processors, cols, rows, workers, width)
				}
				bytes := 8 * n * workers * (width + 1)
				if most := min(256<<20, max(64<<20, 4*cols*rows)); bytes > most {
					t.Errorf("%d processors, %d columns of %d rows: %d bytes of copies, at most %d", processors, cols, rows, bytes, most)
				}
			}
		}
	}
	if workers, width := fitPlan(2, 8, 1_000_000, 1_000_000); workers != 2 || width != 3 {
		t.Errorf("two processors and 64 MiB for eight columns: %d workers of %d columns each, want 2 of 3 and a copy", workers, width)
	}
	if workers, width := fitPlan(4, 40, 1000, 1000); workers != 4 || width != 8 {
		t.Errorf("few rows: %d workers of %d columns each", workers, width)
	}
}
