package pairwise

import (
	"gomine/mine/column"
	"gomine/mine/dependence"
)

const (
	// mostTwins is how many pairs of rows of one value tell whether another column has copies beside them.
	mostTwins = 64
	// leastAlike is the share of them, from which on all rows are compared. Of copies more than half have
	// to be alike, so that of 64 twins fewer than a quarter are with a probability below 1e-4.
	leastAlike = 0.25
)

// twins are pairs of rows of one value, evenly from all values that are there twice.
func twins(runs []int, order []int32) [][2]int32 {
	var all [][2]int32
	first := 0
	for _, run := range runs {
		if run > 1 {
			all = append(all, [2]int32{order[first], order[first+1]})
		}
		first += run
	}
	count := min(len(all), mostTwins)
	some := make([][2]int32, count)
	for k := range some {
		some[k] = all[k*len(all)/count]
	}
	return some
}

// mayCopy reports whether the twins of either column are alike in the other often enough for copies.
// Equal values are in one bin.
func mayCopy(a, b *prepared) bool {
	return alike(a, b) || alike(b, a)
}

func alike(a, b *prepared) bool {
	if len(a.twins) == 0 || b.fine == nil {
		return len(a.twins) > 0
	}
	count := 0
	for _, t := range a.twins {
		if b.fine[t[0]] == b.fine[t[1]] {
			count++
		}
	}
	return float64(count) >= leastAlike*float64(len(a.twins))
}

// copied finds the rows of a pair that are copies of others, whatever other variables say of them. It
// returns how many rows a different one is worth, 1 for no copies, and the first of the equal rows.
func (s *screen) copied(a, b int) (factor float64, kept []int, err error) {
	may := true
	for x := s.first[a]; x < s.first[a+1]; x++ {
		for z := s.first[b]; z < s.first[b+1]; z++ {
			may = may && mayCopy(&s.columns[x], &s.columns[z])
		}
	}
	if !may {
		return 1, nil, nil
	}
	repeats, err := dependence.FindRepeats(s.vars[a].Data, s.vars[b].Data)
	if err != nil || repeats.Rows == 0 {
		return 1, nil, err
	}
	factor, kept = worthOf(repeats.Group, s.n)
	return factor, kept, nil
}

// worthOf returns how many of n rows an independent one is worth, sum m^2 / n of groups of m rows, and the
// first row of every group. Every row is a group where groups is nil.
func worthOf(groups []int, n int) (factor float64, first []int) {
	size := map[int]float64{}
	for i := range n {
		if groups == nil || size[groups[i]] == 0 {
			first = append(first, i)
		}
		if groups != nil {
			size[groups[i]]++
		}
	}
	if groups == nil {
		return 1, first
	}
	square := 0.0
	for _, m := range size {
		square += m * m // whole numbers: exact in any order
	}
	return square / float64(n), first
}

// memories are those of the columns of a variable in some of its rows, as prepare has them.
func memories(s column.Source, kept []int) ([][]dependence.Memory, error) {
	var all [][]dependence.Memory
	values := make([]float64, s.Rows())
	for j := range s.Columns() {
		if err := s.Read(values, 0, len(values), j, j+1); err != nil {
			return nil, err
		}
		all = append(all, memoryOf(values, kept))
	}
	return all, nil
}

// memoryOf is how a series of some rows depends on itself.
func memoryOf(values []float64, kept []int) []dependence.Memory {
	series := make([]float64, min(len(kept), memoryRows))
	for k := range series {
		series[k] = values[kept[k]]
	}
	return dependence.Memories(series)
}
