package neighbours

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"gomine/mine/column"
	"gomine/mine/sampling"
)

// scores returns the columns of a source as normal scores: of every value the standard normal
// quantile of (rank - 1/2)/n. Equal values are in random order, which follows from the seed and
// from the number of the column, counted from first.
func scores(s column.Source, seed uint64, first int) ([][]float64, error) {
	n := s.Rows()
	quantiles := make([]float64, n)
	for r := range quantiles {
		quantiles[r] = distuv.UnitNormal.Quantile((float64(r) + 0.5) / float64(n))
	}
	columns := make([][]float64, len(s.Columns()))
	order, lots, values := make([]int, n), make([]float64, n), make([]float64, n)
	for j, c := range s.Columns() {
		if err := s.Read(values, 0, n, j, j+1); err != nil {
			return nil, fmt.Errorf("neighbours: %w", err)
		}
		for i, v := range values {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("neighbours: row %d, column %s is %v: remove or impute such rows", i, c.Name, v)
			}
			order[i], lots[i] = i, sampling.Uniform(seed, sampling.StreamTies, uint64(first+j), uint64(i))
		}
		slices.SortFunc(order, func(a, b int) int {
			return cmp.Or(cmp.Compare(values[a], values[b]), cmp.Compare(lots[a], lots[b]), cmp.Compare(a, b))
		})
		columns[j] = make([]float64, n)
		for r, i := range order {
			columns[j][i] = quantiles[r]
		}
	}
	return columns, nil
}
