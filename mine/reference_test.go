package mine

import (
	"math/rand/v2"
	"slices"
	"testing"

	"gomine/mine/backend"
)

// TestTrials: the rows that judge the critics of the normal law are none of those that these were
// fitted to, every row that is not tested on judges once where few validate, and where validation rows decide the weights
// they have no part in it.
func TestTrials(t *testing.T) {
	src := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name       string
		counts     RowCounts
		folds      int
		alone      bool
		fitted     int // rows of the last fit
		judged, lo int // by all trials, and the first row of the first
	}{
		{"folds", RowCounts{Total: 100, Train: 64, Validation: 16, Test: 20}, 5, false, 80, 80, 64},
		{"one of them counts", RowCounts{Total: 100, Train: 64, Validation: 16, Test: 20}, 5, true, 64, 64, 52},
		{"one fold", RowCounts{Total: 100, Train: 64, Validation: 16, Test: 20}, 1, false, 64, 64, 52},
		{"many validate", RowCounts{Total: 6000, Train: 3000, Validation: 1000, Test: 2000}, 5, false, 4000, 1000, 3000},
		{"many rows", RowCounts{Total: 30_000, Train: 20_000, Validation: 900, Test: 9100}, 5, false, 20_900, 900, 20_000},
	} {
		x := backend.NewMatrix(c.counts.Total, 2)
		for i := range x.Rows {
			x.Row(i)[0], x.Row(i)[1] = float32(i), float32(src.NormFloat64())
		}
		f := fitter{folds: make([]fold, c.folds), alone: c.alone}
		trials, fitted, err := f.trials(x, x, c.counts)
		if err != nil {
			t.Fatal(err)
		}
		var judged []float32
		for _, tr := range trials {
			if tr.moments.Rows() > tr.lo {
				t.Errorf("%s: fitted to %d rows, judged from %d on", c.name, tr.moments.Rows(), tr.lo)
			}
			for i := range tr.n {
				judged = append(judged, tr.x.Row(tr.lo + i)[0])
			}
		}
		slices.Sort(judged)
		most := c.counts.held() + c.counts.Validation
		if fitted != c.fitted || trials[0].lo != c.lo || len(judged) != c.judged || len(slices.Compact(judged)) != c.judged || judged[len(judged)-1] >= float32(most) {
			t.Errorf("%s: fitted to %d rows, judged by %d from %d on, want %d, %d, %d, each once and none from %d on", c.name, fitted, len(judged), trials[0].lo, c.fitted, c.judged, c.lo, most)
		}
	}
}
