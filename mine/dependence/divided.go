package dependence

import (
	"iter"
	"maps"
)

// divided is how many copies there are of each of all rows, joint, as their numbers tell: the greatest divisor g that
// the numbers of equal ones have in common. Those of independent rows are multiples of g with a probability of
// about 1/g each. It says nothing of the values, and holds for numbers and codes alike. It is 1 for no
// copies, and where rows may be equally frequent by design:
//
//   - Each row of one side, x or z, comes with a single one of the other, as objects of classes of equal size do
//     with what their class tells. Whether rows of numbers are copies then, purity says.
//   - All rows of x are equally frequent, all of z, and all combinations that there are, as in an experiment with replicates, of all
//     combinations or of a balanced part of them.
func divided(joint, x, z []uint64) int {
	counts := countsOf(joint)
	g := divisor(maps.Values(counts))
	if g < 2 {
		return 1
	}
	cx, cz := countsOf(x), countsOf(z)
	if len(counts) == max(len(cx), len(cz)) || balanced(counts) && balanced(cx) && balanced(cz) {
		return 1
	}
	return g
}

// balanced reports whether all counts are the same.
func balanced(counts map[uint64]int) bool {
	first := 0
	for _, c := range counts {
		if first == 0 {
			first = c
		}
		if c != first {
			return false
		}
	}
	return true
}

// divisor is the greatest that some numbers have in common; 1 if they are fewer than leastDivided, or if it is
// more than mostCopies.
func divisor(numbers iter.Seq[int]) int {
	count, g := 0, 0
	for v := range numbers {
		for v > 0 {
			g, v = v, g%v
		}
		count++
	}
	if count < leastDivided || g > mostCopies {
		return 1
	}
	return g
}

// runs are how often each value of a sorted slice is there.
func runs(sorted []uint64) iter.Seq[int] {
	return func(yield func(int) bool) {
		first := 0
		for i := range sorted {
			if i+1 < len(sorted) && sorted[i+1] == sorted[i] {
				continue
			}
			if !yield(i + 1 - first) {
				return
			}
			first = i + 1
		}
	}
}
