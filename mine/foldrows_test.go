package mine_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/simulate"
)

// TestTested: the folds' rows, bounds and influence values make the result, and another estimate
// of other columns has the same folds, though these columns would be split otherwise.
func TestTested(t *testing.T) {
	const rows = 900
	_, x, z := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.9}, rows, 1)
	slow := make([]float64, rows) // a series, which is split in blocks
	for i := range slow {
		slow[i] = x[i]
		if i > 0 {
			slow[i] = 0.7*slow[i-1] + x[i]
		}
	}
	groups := make([]int, rows)
	for i := range groups {
		groups[i] = i / 9
	}
	for _, opts := range [][]mine.Option{nil, {mine.WithGroups(groups)}} {
		cfg := folded(rows, 3)
		cfg.Candidates = cfg.Candidates[:1]
		e, err := mine.NewEstimator(t.Context(), column.Slices(x), column.Slices(z), cfg, append(opts, mine.WithThreads(1))...)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		if _, err := e.Tested(); err == nil {
			t.Error("tested before Fit")
		}
		if err := e.Fit(t.Context()); err != nil {
			t.Fatal(err)
		}
		r, err := e.Result(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		tested, err := e.Tested()
		if err != nil {
			t.Fatal(err)
		}
		folds := e.FoldRows()
		checkTested(t, r, folds, tested, rows)
		other, err := mine.NewEstimator(t.Context(), column.Slices(slow), column.Slices(slow), cfg, mine.WithFoldsOf(e))
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		for f, rows := range other.FoldRows() {
			if !slices.Equal(rows.Test, folds[f].Test) || !slices.Equal(rows.Learn, folds[f].Learn) || !slices.Equal(rows.Units, folds[f].Units) {
				t.Errorf("fold %d has other rows", f)
			}
		}
		if _, err := mine.NewEstimator(t.Context(), column.Slices(x[:500]), column.Slices(z[:500]), cfg, mine.WithFoldsOf(e)); err == nil || !strings.Contains(err.Error(), "folds of 900 rows") {
			t.Errorf("fewer rows: %v", err)
		}
	}
}

// checkTested compares what is said of each row with the result.
func checkTested(t *testing.T, r mine.Result, folds []mine.FoldRows, tested []mine.Tested, rows int) {
	t.Helper()
	var all []int
	for f, c := range tested {
		all = append(all, c.Rows...)
		var sum, squares, single float64
		for _, v := range c.Influence {
			sum, single = sum+v, single+v*v
		}
		i := 0
		for _, size := range c.Units {
			var whole float64
			for range size {
				whole += c.Influence[i]
				i++
			}
			squares += whole * whole * float64(len(c.Units)) / float64(len(c.Units)-1)
		}
		// The noise of the marginal pairs is in the influence values and not in the standard error.
		n := float64(len(c.Rows))
		if se := math.Sqrt(max(single, squares)) / n; math.Abs(sum/n) > 1e-9 || se < r.Folds[f].StdErr*0.999 || se > r.Folds[f].StdErr*1.2 {
			t.Errorf("fold %d: influence values of mean %g, standard error %.4f, want 0 and %.4f", f, sum/n, se, r.Folds[f].StdErr)
		}
		if c.Units != nil && i != len(c.Rows) {
			t.Errorf("fold %d: units of %d rows, want %d", f, i, len(c.Rows))
		}
		if c.Estimate != r.Folds[f].Estimate || math.Abs(c.Validation-c.Estimate) > 0.4 {
			t.Errorf("fold %d: %.4f, on validation rows %.4f, want about %.4f", f, c.Estimate, c.Validation, r.Folds[f].Estimate)
		}
		both := slices.Sorted(slices.Values(append(slices.Clone(folds[f].Learn), folds[f].Test...)))
		if !slices.Equal(folds[f].Test, c.Rows) || len(both) != rows || len(slices.Compact(both)) != rows {
			t.Errorf("fold %d learns from %d rows and tests on %d, which are not all", f, len(folds[f].Learn), len(c.Rows))
		}
	}
	if slices.Sort(all); len(slices.Compact(all)) != rows {
		t.Error("not every row is tested on once")
	}
}
