package ranking

import (
	"math/rand/v2"
	"slices"
	"testing"

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/independence"
)

// TestExchanged: of a column that is a series beside a target that is one, a warning says that p-values are too small
// where rows are exchanged; of noise beside it none does.
func TestExchanged(t *testing.T) {
	const rows = 600
	g := rand.New(rand.NewPCG(1, 6))
	walk, other, noise := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	for i := range walk {
		walk[i], other[i], noise[i] = g.NormFloat64(), g.NormFloat64(), g.NormFloat64()
		if i > 0 {
			walk[i], other[i] = 0.95*walk[i-1]+walk[i], 0.95*other[i-1]+other[i]
		}
	}
	cfg := brief(rows)
	cfg.Estimate.Split = mine.SplitRandom
	_, all := ranked(t, Data{X: column.Slices(walk, noise), Target: column.Slices(other)}, cfg)
	for _, c := range all {
		warned := slices.ContainsFunc(c.Warnings, func(w mine.Warning) bool { return w.Code == independence.WarnSeries })
		if warned != (c.Index == 0) {
			t.Errorf("column %d: warned %v", c.Index, warned)
		}
	}
}
