package mine_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gomine/mine"
	"gomine/mine/column"
)

// instant is a configuration of next to no training, for what does not come from it, and of rows
// that are independent.
func instant(rows int) mine.Config {
	cfg := quick(rows)
	cfg.Steps, cfg.EvaluateEvery, cfg.Hidden, cfg.Split = 1, 1, []int{1}, mine.SplitRandom
	return cfg
}

// TestPluginByHand: 100 rows of each of (a,1) and (b,2), 50 of each of the other pairs. By hand,
// as all marginal frequencies are 1/2: 2/3 log(4/3) + 1/3 log(2/3), and the correction
// (2+2-4-1)/600.
func TestPluginByHand(t *testing.T) {
	var x []string
	var z []int
	for range 50 {
		x = append(x, "a", "a", "a", "b", "b", "b")
		z = append(z, 1, 1, 2, 2, 2, 1)
	}
	n := float64(len(x))
	r := estimate(t, column.Codes(x), column.Slices(z), instant(len(x)))
	if r.Plugin == nil {
		t.Fatalf("no plug-in estimate: %+v", r.Split)
	}
	info := 2./3*math.Log(4./3) + 1./3*math.Log(2./3)
	variance := 2./3*math.Pow(math.Log(4./3)-info, 2) + 1./3*math.Pow(math.Log(2./3)-info, 2)
	p, want := *r.Plugin, mine.Plugin{Estimate: info - 1/(2*n), StdErr: math.Sqrt(variance / n), X: 2, Z: 2, Cells: 4}
	if math.Abs(p.Estimate-want.Estimate) > 1e-12 || math.Abs(p.StdErr-want.StdErr) > 1e-12 || p.X != 2 || p.Z != 2 || p.Cells != 4 {
		t.Errorf("%+v, want %+v", p, want)
	}
	if math.Abs(p.High-p.Estimate-1.959964*p.StdErr) > 1e-6 || math.Abs(p.Estimate-p.Low-1.959964*p.StdErr) > 1e-6 {
		t.Errorf("interval %v to %v of %v ± %v", p.Low, p.High, p.Estimate, p.StdErr)
	}
	// Of the codes alone, as much as two can have: the correction would say more. Whole numbers
	// have no entropy to speak of.
	if h := math.Ln2; math.Abs(r.EntropyX-h) > 1e-12 || r.EntropyZ != 0 || math.Abs(r.Normalised-r.Estimate/h) > 1e-12 {
		t.Errorf("entropies %v and %v, normalised %v of %v", r.EntropyX, r.EntropyZ, r.Normalised, r.Estimate)
	}
}

// TestNoPlugin: there is none of numbers that are all different, of too many codes for the rows,
// and of rows that are kept together.
func TestNoPlugin(t *testing.T) {
	const rows = 400
	r := rand.New(rand.NewPCG(5, 6))
	few, many := make([]string, rows), make([]string, rows)
	var real []float64
	groups, grouped := make([]int, rows), instant(rows)
	grouped.Split = mine.SplitAuto
	for i := range rows {
		few[i], many[i] = fmt.Sprint(r.IntN(3)), fmt.Sprint(r.IntN(15))
		real = append(real, r.NormFloat64())
		groups[i] = i / 4
	}
	for name, got := range map[string]mine.Result{
		"real":   estimate(t, column.Codes(few), column.Slices(real), instant(rows)),
		"many":   estimate(t, column.Codes(many), column.Codes(many), instant(rows)),
		"groups": estimate(t, column.Codes(few), column.Codes(few), grouped, mine.WithGroups(groups)),
	} {
		if got.Plugin != nil {
			t.Errorf("%s: %+v", name, got.Plugin)
		}
	}
}

// TestRaceOfManyCodes: a race that has room for a part of the rows alone does not take codes for
// rare that are frequent enough among all of them.
func TestRaceOfManyCodes(t *testing.T) {
	const rows, codes, columns = 25_000, 1000, 3
	var x [columns][]string
	z := make([]float64, rows)
	for i := range rows {
		for j := range x {
			x[j] = append(x[j], fmt.Sprint(i*[columns]int{1, 3, 7}[j]%codes))
		}
		z[i] = float64(i%codes%7 + i/codes%5)
	}
	cfg := instant(rows)
	cfg.Candidates = mine.DefaultConfig(rows).Candidates[:3]
	cfg.RaceSteps, cfg.Folds, cfg.Reference, cfg.TestPairs = 1, 1, false, rows
	r := estimate(t, column.Join(column.Codes(x[0]), column.Codes(x[1]), column.Codes(x[2])), column.Slices(z), cfg)
	for _, c := range r.X.Codes { // of 15 training rows each, one in 14 has less than 10
		if c.Distinct != codes || c.Pooled > codes/7 {
			t.Errorf("codes %+v", c)
		}
	}
	if len(r.X.Codes) != columns || len(r.Race) != len(cfg.Candidates) {
		t.Errorf("codes %+v, race %+v", r.X.Codes, r.Race)
	}
}
