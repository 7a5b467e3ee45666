package independence

import (
	"cmp"
	"slices"
)

// QValues returns for every p-value of several tests the smallest false discovery rate at which it is left
// (Benjamini and Hochberg 1995): of m p-values in ascending order,
//
//	q_(i) = min over j >= i of m p_(j) / j
//
// Of the tests with q <= rate, a share of at most that rate is expected to be of independent X and Z, if
// the p-values are independent or positively dependent on each other.
func QValues(p []float64) []float64 {
	order := make([]int, len(p))
	for k := range order {
		order[k] = k
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	all, q := make([]float64, len(p)), 1.0
	for i := len(order) - 1; i >= 0; i-- {
		q = min(q, float64(len(p))*p[order[i]]/float64(i+1))
		all[order[i]] = q
	}
	return all
}
