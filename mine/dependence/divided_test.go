package dependence

import (
	"math/rand/v2"
	"slices"
	"testing"

	"gomine/mine/column"
)

// TestDivided: rows of whole numbers that were all copied are found by their numbers, as many groups as there were
// rows, of g equal rows each; draws, designs and classes of equal size are left alone, and copies of a part are
// not seen.
func TestDivided(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	draws := func(n, x, z int) (rows [][2]float64) {
		for range n {
			rows = append(rows, [2]float64{float64(r.IntN(x)), float64(r.IntN(z))})
		}
		return rows
	}
	times := func(k int, rows [][2]float64) [][2]float64 {
		all := slices.Repeat(rows, k)
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		return all
	}
	all := func(x, z int) (rows [][2]float64) {
		for i := range x * z {
			rows = append(rows, [2]float64{float64(i / z), float64(i % z)})
		}
		return rows
	}
	class := func(n int) (rows [][2]float64) {
		for i := range n {
			rows = append(rows, [2]float64{float64(i), float64(i % 7)})
		}
		return rows
	}
	var part [][2]float64 // 13 blocks of 4 of 13 treatments, by the difference set of 0, 1, 3, 9
	for block := range 13 {
		for _, d := range []int{0, 1, 3, 9} {
			part = append(part, [2]float64{float64(block), float64((block + d) % 13)})
		}
	}
	for _, c := range []struct {
		name   string
		rows   [][2]float64
		copies int // 0: none
	}{
		{name: "250 four times", rows: times(4, draws(250, 50, 50)), copies: 4},
		{name: "100 ten times", rows: times(10, draws(100, 50, 50)), copies: 10},
		{name: "500 twice", rows: times(2, draws(500, 50, 50)), copies: 2},
		{name: "1000 ages twice", rows: times(2, draws(1000, 73, 300)), copies: 2},
		{name: "5000 of few twice", rows: times(2, draws(5000, 8, 8)), copies: 2},
		{name: "draws", rows: draws(3000, 50, 50)},
		{name: "draws of few", rows: draws(10_000, 8, 8)},
		{name: "few rows", rows: times(10, draws(100, 3, 3))},
		{name: "ages and a part of them twice", rows: append(draws(1000, 73, 300), times(2, draws(200, 73, 300))...)},
		{name: "a design with replicates", rows: times(5, all(8, 6))},
		{name: "a balanced part of a design with replicates", rows: times(10, part)},
		{name: "classes of equal size", rows: times(40, class(49))},
	} {
		for _, kind := range []column.Kind{column.Real, column.Code} {
			x, z := table(c.rows)
			got, err := FindRepeats(kindOf{x, kind}, kindOf{z, kind})
			if err != nil {
				t.Fatal(err)
			}
			groups, rows := 0, 0
			if c.copies > 0 {
				groups, rows = len(c.rows)/c.copies, len(c.rows)
			}
			if got.Groups != groups || got.Rows != rows {
				t.Errorf("%s, kind %v: %d groups, %d repeated rows, want %d and %d", c.name, kind, got.Groups, got.Rows, groups, rows)
				continue
			}
			sizes, first := make([]int, groups), make([][2]float64, groups)
			for i, g := range got.Group {
				if sizes[g]++; sizes[g] == 1 {
					first[g] = c.rows[i]
				}
				if first[g] != c.rows[i] || sizes[g] > c.copies {
					t.Fatalf("%s: row %d, %v, is in group %d of %v, which has %d rows", c.name, i, c.rows[i], g, first[g], sizes[g])
				}
			}
		}
	}
}

// TestDividedByChance: of 20,000 tables of draws, whose rows are there twice in the mean, none is of copies.
func TestDividedByChance(t *testing.T) {
	r := rand.New(rand.NewPCG(19, 20))
	values := make([]uint64, 120)
	for trial := range 20_000 {
		for i := range values {
			values[i] = uint64(r.IntN(60))
		}
		slices.Sort(values)
		if g := divisor(runs(values)); g != 1 {
			t.Errorf("trial %d: divisor %d", trial, g)
		}
	}
}

// kindOf is a source whose columns are of a kind.
type kindOf struct {
	column.Source
	kind column.Kind
}

func (k kindOf) Columns() []column.Column {
	all := slices.Clone(k.Source.Columns())
	for j := range all {
		all[j].Kind = k.kind
	}
	return all
}
