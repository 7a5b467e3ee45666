package independence

import (
	"cmp"
	"slices"
)

// An FDRMethod says how the p-values of several tests become q-values, false discovery rates. The names are
// those of p.adjust in R and of scipy.stats.false_discovery_control.
type FDRMethod string

const (
	// BenjaminiHochberg (1995) holds for p-values that are independent or positively dependent on each other.
	BenjaminiHochberg FDRMethod = "bh"
	// BenjaminiYekutieli (2001) holds whatever the dependence, and costs power.
	BenjaminiYekutieli FDRMethod = "by"
)

// Known says whether it is one of the methods.
func (m FDRMethod) Known() bool { return m == BenjaminiHochberg || m == BenjaminiYekutieli }

// FDRMethods are the names of all methods, the usual one first, as an error or a help text has them.
func FDRMethods() []string { return []string{string(BenjaminiHochberg), string(BenjaminiYekutieli)} }

// Tests is c m, by which the p-value of one discovery alone among m tests is multiplied to get its q-value.
func (m FDRMethod) Tests(tests int) float64 {
	c := 1.0
	if m != BenjaminiHochberg {
		for j := 2; j <= tests; j++ {
			c += 1 / float64(j)
		}
	}
	return c * float64(tests)
}

// QValues returns for every p-value of several tests the smallest false discovery rate at which it is left:
// of m p-values in ascending order,
//
//	q_(i) = min over j >= i of c m p_(j) / j,   at most 1
//
// with c = 1 for BenjaminiHochberg (1995, theorem 1) and c = 1 + 1/2 + .. + 1/m for BenjaminiYekutieli (2001,
// theorem 1.3). Of the tests with q <= rate, a share of at most that rate is expected to be of independent X and
// Z, as far as the method holds. A method that is not Known is taken for BenjaminiYekutieli, which always does.
func QValues(p []float64, method FDRMethod) []float64 {
	order := make([]int, len(p))
	for k := range order {
		order[k] = k
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	tests := method.Tests(len(p))
	all, q := make([]float64, len(p)), 1.0
	for i := len(order) - 1; i >= 0; i-- {
		q = min(q, tests*p[order[i]]/float64(i+1))
		all[order[i]] = q
	}
	return all
}
