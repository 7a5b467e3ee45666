package conditional

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"gomine/mine"
	"gomine/mine/column"
)

// WarnTogether says that groups of rows that vary more in x vary more in z.
const WarnTogether mine.WarningCode = "together"

const (
	// leastTogether is the fewest groups that can show that they vary together.
	leastTogether = 10
	// together is how many standard errors their rank correlation is from 0: by chance in one of a hundred.
	together = 2.6
)

// varyTogether compares how much u and v vary in groups of rows, by the rank correlation of their mean
// squares. Where the groups differ in that, as blocks of a time that is calm here and wild there, they
// cannot be exchanged, and a permutation finds what makes both vary.
func varyTogether(u, v column.Source, groups []int) ([]mine.Warning, error) {
	if groups == nil {
		return nil, nil
	}
	a, err := meanSquares(u, groups)
	if err != nil {
		return nil, err
	}
	b, err := meanSquares(v, groups)
	if err != nil || len(a) < leastTogether || len(b) != len(a) { // there are none of a constant
		return nil, err
	}
	r := stat.Correlation(ranks(a), ranks(b), nil)
	// The variance of atanh of a rank correlation, Fieller, Hartley and Pearson 1957.
	if z := math.Atanh(r) / math.Sqrt(1.06/float64(len(a)-3)); !(math.Abs(z) >= together) {
		return nil, nil
	}
	return []mine.Warning{{Code: WarnTogether, Message: fmt.Sprintf(
		"of %d groups or blocks of rows, those that vary more in x vary %s in z (rank correlation %.2f of what is left of both): the p-value may be of what makes both vary, such as a wild time, and is in doubt",
		len(a), map[bool]string{true: "more", false: "less"}[r > 0], r)}}, nil
}

// meanSquares are those of the values of a source less their means over all rows, by group in ascending order.
func meanSquares(s column.Source, groups []int) ([]float64, error) {
	n := s.Rows()
	values := make([]float64, n)
	sums, rows := map[int]float64{}, map[int]float64{}
	for j := range s.Columns() {
		if err := s.Read(values, 0, n, j, j+1); err != nil {
			return nil, err
		}
		mean, deviation := stat.MeanStdDev(values, nil)
		if !(deviation > 0) {
			continue
		}
		for i, g := range groups {
			d := (values[i] - mean) / deviation
			sums[g] += d * d
			rows[g]++
		}
	}
	var all []float64
	for _, g := range slices.Sorted(maps.Keys(sums)) {
		all = append(all, sums[g]/rows[g])
	}
	return all, nil
}

// ranks returns the place of each value in ascending order.
func ranks(values []float64) []float64 {
	sorted, order := slices.Clone(values), make([]int, len(values))
	floats.ArgsortStable(sorted, order)
	places := make([]float64, len(values))
	for place, i := range order {
		places[i] = float64(place)
	}
	return places
}
