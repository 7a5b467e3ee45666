package dependence

import (
	"math"
	"math/rand/v2"
	"testing"

	"gomine/mine/column"
)

// table makes a source of rows.
func table(rows [][2]float64) (x, z column.Source) {
	a, b := make([]float64, len(rows)), make([]float64, len(rows))
	for i, r := range rows {
		a[i], b[i] = r[0], r[1]
	}
	return column.Slices(a), column.Slices(b)
}

func TestFindRepeats(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	draw := func(n int, of func() [2]float64) [][2]float64 {
		rows := make([][2]float64, n)
		for i := range rows {
			rows[i] = of()
		}
		return rows
	}
	normal := func() [2]float64 { return [2]float64{r.NormFloat64(), r.NormFloat64()} }
	times := func(k int, rows [][2]float64) [][2]float64 {
		var all [][2]float64
		for range k {
			all = append(all, rows...)
		}
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		return all
	}
	label := func() [2]float64 { return [2]float64{r.NormFloat64(), math.Floor(1.1 * r.Float64())} }
	rare := func() [2]float64 { return [2]float64{r.NormFloat64(), math.Floor(1.02 * r.Float64())} }
	for _, c := range []struct {
		name          string
		rows          [][2]float64
		groups, rows2 int // 0: none
	}{
		{"independent", draw(3000, normal), 0, 0},
		{"ten times", times(10, draw(300, normal)), 300, 3000},
		{"twice, with labels", times(2, draw(1000, label)), 1000, 2000},
		{"a twentieth twice", append(draw(1900, normal), times(2, draw(50, normal))...), 1950, 100},
		{"rounded", draw(3000, func() [2]float64 { return [2]float64{math.Round(2 * r.NormFloat64()), math.Round(2 * r.NormFloat64())} }), 0, 0},
		{"twice, with rare labels", times(2, draw(1000, rare)), 1000, 2000},
		{"rounded, with rare labels", draw(3000, func() [2]float64 { v := rare(); return [2]float64{math.Round(1000 * v[0]), v[1]} }), 0, 0},
		{"codes that are a function of each other", draw(3000, func() [2]float64 { v := math.Floor(40 * r.Float64()); return [2]float64{v, 39 - v} }), 0, 0},
		{"mostly none of either", draw(3000, func() [2]float64 {
			if r.Float64() < 0.3 {
				return [2]float64{}
			}
			return normal()
		}), 0, 0},
		{"few copies", append(draw(1000, normal), times(2, draw(5, normal))...), 0, 0},
	} {
		got, err := FindRepeats(table(c.rows))
		if err != nil {
			t.Fatal(err)
		}
		if got.Groups != c.groups || got.Rows != c.rows2 {
			t.Errorf("%s: %d groups, %d repeated rows, want %d and %d", c.name, got.Groups, got.Rows, c.groups, c.rows2)
		}
		for i, g := range got.Group {
			for k, h := range got.Group[:min(i, 50)] {
				if (g == h) != (c.rows[i] == c.rows[k]) {
					t.Fatalf("%s: rows %d and %d are in groups %d and %d", c.name, i, k, g, h)
				}
			}
		}
	}
}

// TestFindRepeatsBesideOneValue: rows that have a frequent value are no copies of each other,
// even beside copies.
func TestFindRepeatsBesideOneValue(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var rows [][2]float64
	for range 500 {
		v := [2]float64{r.NormFloat64(), r.NormFloat64()}
		rows = append(rows, v, v, [2]float64{})
	}
	got, err := FindRepeats(table(rows))
	if err != nil {
		t.Fatal(err)
	}
	if got.Groups != 1000 || got.Rows != 1000 {
		t.Errorf("%d groups, %d repeated rows, want 1000 of each", got.Groups, got.Rows)
	}
}

// TestMayRepeat: of many rows a part is looked at, and copies are found all the same, wherever
// they are; a table of few values is none of copies.
func TestMayRepeat(t *testing.T) {
	const n = 2 * sampledRows
	unique := func(i int) float64 { return float64(i) }
	for name, c := range map[string]struct {
		value func(i int) float64
		want  bool
	}{
		"all different":      {unique, false},
		"a hundredth twice":  {func(i int) float64 { return float64(i - i%100/99) }, true},
		"a thousand values":  {func(i int) float64 { return float64(i % 1000) }, false},
		"eight copies later": {func(i int) float64 { return float64(i % (n - 8)) }, false},
	} {
		got, err := MayRepeat(rowsOf{n, c.value}, rowsOf{n, func(int) float64 { return 1 }})
		if err != nil || got != c.want {
			t.Errorf("%s: %v, error %v, want %v", name, got, err, c.want)
		}
	}
}

// rowsOf is n rows of one column, value by value.
type rowsOf struct {
	n     int
	value func(i int) float64
}

func (r rowsOf) Rows() int                { return r.n }
func (r rowsOf) Columns() []column.Column { return []column.Column{{Name: "0"}} }

func (r rowsOf) Read(dst []float64, lo, hi, _, _ int) error {
	for i := range hi - lo {
		dst[i] = r.value(lo + i)
	}
	return nil
}
