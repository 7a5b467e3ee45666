package dependence

import (
	"cmp"
	"slices"

	"gomine/mine/column"
)

// Ordered reports whether all columns of s follow the order of the values of by, one column, as what
// begins at an age follows the age: from one value of by to the next, the commonest value of the column changes less
// than half as often as it would in random order. Rows of one value of by are then alike in it
// because by tells it, and need not be copies.
func Ordered(by, s column.Source) (bool, error) {
	n := by.Rows()
	keys, values := make([]float64, n), make([]float64, n)
	if err := by.Read(keys, 0, n, 0, 1); err != nil {
		return false, err
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	for c := range s.Columns() {
		if err := s.Read(values, 0, n, c, c+1); err != nil {
			return false, err
		}
		slices.SortFunc(order, func(i, j int) int {
			return cmp.Or(cmp.Compare(keys[i], keys[j]), cmp.Compare(values[i], values[j]))
		})
		if !followed(commonest(order, keys, values)) {
			return false, nil
		}
	}
	return true, nil
}

// commonest returns the value that is the most frequent one in the rows of each key, in the order of the keys.
// Rows are in order of their keys, and of their values within.
func commonest(order []int, keys, values []float64) (all []float64) {
	most := 0 // rows of the commonest value of the key
	for lo := 0; lo < len(order); {
		key, value := keys[order[lo]], values[order[lo]]
		hi := lo + 1
		for hi < len(order) && keys[order[hi]] == key && values[order[hi]] == value {
			hi++
		}
		switch {
		case lo == 0 || keys[order[lo-1]] != key:
			all, most = append(all, value), hi-lo
		case hi-lo > most:
			all[len(all)-1], most = value, hi-lo
		}
		lo = hi
	}
	return all
}

// followed reports whether neighbours in a sequence differ less than half as often as in random order.
func followed(sequence []float64) bool {
	counts, changes := map[float64]int{}, 0
	for i, v := range sequence {
		counts[v]++
		if i > 0 && v != sequence[i-1] {
			changes++
		}
	}
	n := float64(len(sequence))
	same := 0.0 // pairs of them, twice: a whole number, exact in any order
	for _, c := range counts {
		same += float64(c * (c - 1))
	}
	return float64(changes) < (1-same/(n*(n-1)))*(n-1)/2
}
