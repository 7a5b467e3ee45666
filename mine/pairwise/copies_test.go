package pairwise

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gomine/mine"
	"gomine/mine/column"
)

// TestPersons: columns of 200 persons, ten visits of each in random order, beside a date of every visit
// and noise, are as good as 200 rows. Of 45 pairs of independent columns none is left.
func TestPersons(t *testing.T) {
	const persons, visits, n = 200, 10, 2000
	r := rand.New(rand.NewPCG(15, 16))
	order := r.Perm(n)
	var columns [][]float64
	for range 8 {
		of := draws(persons, r.NormFloat64)
		c := make([]float64, n)
		for i, k := range order {
			c[i] = of[k/visits]
		}
		columns = append(columns, c)
	}
	date := draws(n, r.Float64)
	slices.Sort(date)
	columns = append(columns, date, draws(n, r.NormFloat64))
	s := screening(t, Columns(column.Slices(columns...)), Options{})
	if s.Left(0.05) != 0 || s.Copied != 28 {
		t.Errorf("%d of %d pairs are left, and %d have copies, want 0 and 28", s.Left(0.05), len(s.Pairs), s.Copied)
	}
	p := s.Pairs[0]
	if p.EffectiveRows != persons || p.config(mine.DefaultConfig(n)).Split != mine.SplitAuto {
		t.Errorf("%+v, want %d rows, and no random split", p, persons)
	}
}

// TestHiddenCopies: two codes of 200 persons, ten visits of each, show no copies by themselves; a weight of the persons
// beside them does, but for codes of the visits. Of the 190 pairs of independent codes of persons at 5% are 9.5 +- 3.0,
// and no more than four standard deviations above; taken for 2,000 rows each, more than half of them would be.
func TestHiddenCopies(t *testing.T) {
	const persons, visits, n, codes = 200, 10, 2000, 20
	r := rand.New(rand.NewPCG(23, 24))
	order := r.Perm(n)
	var columns [][]float64
	of := func(person []float64) {
		c := make([]float64, n)
		for i, k := range order {
			c[i] = person[k/visits]
		}
		columns = append(columns, c)
	}
	for k := range codes {
		of(draws(persons, func() float64 { return float64(r.IntN(2 + k%3)) }))
	}
	columns = append(columns, draws(n, func() float64 { return float64(r.IntN(2)) }), draws(n, r.NormFloat64)) // of the visits
	for _, weight := range []bool{false, true} {
		if weight {
			of(draws(persons, r.NormFloat64))
		}
		s := screening(t, Columns(column.Slices(columns...)), Options{})
		small := 0
		for _, p := range s.Pairs {
			switch {
			case p.B < codes && p.PValue <= 0.05:
				small++
			case p.A < codes && (p.B == codes || p.B == codes+1) && (p.Copied || p.EffectiveRows != n):
				t.Errorf("a code of the visit: %+v, want no copies", p)
			}
			if p.B < codes && (p.Copied != weight || p.HiddenCopies != weight || weight && p.EffectiveRows != persons) {
				t.Errorf("codes of persons, weight %v: %+v", weight, p)
			}
		}
		if weight == (small > 9+12) || !weight && small < 95 {
			t.Errorf("weight %v: %d of 190 p-values are at most .05", weight, small)
		}
	}
}

// TestTold: an age that tells who is retired and, with errors, who has a pension makes no copies of 1,000 persons, one row
// each: rows of one age are alike because it tells them.
func TestTold(t *testing.T) {
	const n = 1000
	r := rand.New(rand.NewPCG(25, 26))
	age, pension, retired := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		years := 18 + r.IntN(73)
		codes := map[bool]float64{true: 1}
		age[i], retired[i], pension[i] = float64(years), codes[years >= 65], codes[(years >= 67) != (r.IntN(33) == 0)]
	}
	noise := draws(n, r.NormFloat64) // without which the rows are copies of each other
	for _, p := range screening(t, Columns(column.Slices(age, pension, retired, noise)), Options{}).Pairs {
		if p.Copied || p.HiddenCopies || p.EffectiveRows != n {
			t.Errorf("%+v, want no copies", p)
		}
	}
}

// TestTime: twelve independent sensors are series, though a column of times explains the order.
func TestTime(t *testing.T) {
	const n = 3000
	r := rand.New(rand.NewPCG(17, 18))
	var columns [][]float64
	for range 12 {
		last := r.NormFloat64()
		columns = append(columns, draws(n, func() float64 {
			last = 0.995*last + math.Sqrt(1-0.995*0.995)*r.NormFloat64()
			return 0.9*last + math.Sqrt(1-0.81)*r.NormFloat64()
		}))
	}
	time := make([]float64, n)
	for i := range time {
		time[i] = float64(i) + 0.5*r.Float64()
	}
	s := screening(t, Columns(column.Slices(append(columns, time)...)), Options{})
	left := 0
	for _, p := range s.Pairs {
		if p.Ordered != (p.B == 12) {
			t.Errorf("%+v: want the pairs of the time, and no others, to be of the column that rows are ordered by", p)
		}
		if p.B < 12 && (p.QValue <= 0.05 || p.Independent) {
			left++
		}
	}
	if left != 0 || s.SortedBy == "" {
		t.Errorf("sorted by %q, and %d pairs of sensors are left, want 0", s.SortedBy, left)
	}
}

// TestGroupedLevel: independent codes of 30 persons, ten rows each, have p-values at the level: of 1,225
// at 5% are 61 +- 8, and no more than four standard deviations above.
func TestGroupedLevel(t *testing.T) {
	const persons, rows = 30, 10
	r := rand.New(rand.NewPCG(19, 20))
	groups := make([]int, persons*rows)
	for i := range groups {
		groups[i] = i / rows
	}
	for _, values := range []int{2, 4, 8} {
		var columns [][]float64
		for range 50 {
			of := draws(persons, func() float64 { return float64(r.IntN(values)) })
			c := make([]float64, len(groups))
			for i, g := range groups {
				c[i] = of[g]
			}
			columns = append(columns, c)
		}
		s := screening(t, Columns(column.Slices(columns...)), Options{Groups: groups})
		small := 0
		for _, p := range s.Pairs {
			if p.PValue <= 0.05 {
				small++
			}
		}
		if small > 61+32 {
			t.Errorf("%d values: %d of %d p-values are at most .05", values, small, len(s.Pairs))
		}
	}
}

// TestRareFlag: ages in years come mostly with one value of a rare flag, by chance: these are no copies.
// The sex of a person, who is there ten times, is one beside a number of the same person.
func TestRareFlag(t *testing.T) {
	const n = 1000
	r := rand.New(rand.NewPCG(21, 22))
	age := draws(n, func() float64 { return float64(20 + r.IntN(60)) })
	flag := draws(n, func() float64 { return math.Floor(r.Float64() + 0.01) })
	size, sex := draws(n/10, r.NormFloat64), draws(n/10, func() float64 { return float64(r.IntN(2)) })
	sizes, sexes := make([]float64, n), make([]float64, n)
	for i, k := range r.Perm(n) {
		sizes[i], sexes[i] = size[k/10], sex[k/10]
	}
	s := screening(t, named(age, flag, sizes, sexes, draws(n, r.NormFloat64)), Options{})
	if p := s.Pairs[Index(0, 1, 5)]; p.Copied || p.EffectiveRows != n {
		t.Errorf("age and flag: %+v, want no copies", p)
	}
	if p := s.Pairs[Index(2, 3, 5)]; !p.Copied || p.EffectiveRows != n/10 {
		t.Errorf("size and sex: %+v, want %d rows", p, n/10)
	}
}
