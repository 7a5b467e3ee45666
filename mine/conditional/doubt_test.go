package conditional

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/neighbours"
)

// TestIntervalsReach: what nearest neighbours find beyond the critics of a term widens the interval on
// its side, and what they find of the second one counts where ways are compared.
func TestIntervalsReach(t *testing.T) {
	term := func(estimate, training float64, found *neighbours.Result) examined {
		r := mine.Result{Training: training, Neighbours: found, Config: mine.DefaultConfig(100)}
		r.Estimate = estimate
		return examined{result: r, tested: []mine.Tested{{Rows: []int{0, 1}, Influence: []float64{0.1, -0.1}}}}
	}
	with, without := term(0.5, 0.55, nil), term(0.1, 0.2, nil)
	narrow := interval(with, without)
	wide := interval(term(0.5, 0.55, &neighbours.Result{Estimate: 0.65}), term(0.1, 0.2, &neighbours.Result{Estimate: 0.5}))
	if got := narrow.Low - wide.Low; math.Abs(got-0.3) > 1e-12 {
		t.Errorf("the lower limit is lower by %g, want .5 - .2", got)
	}
	if got := wide.High - narrow.High; math.Abs(got-0.1) > 1e-12 {
		t.Errorf("the upper limit is higher by %g, want .65 - .55", got)
	}
	if below := interval(term(0.5, 0.5, nil), term(2, 2, nil)); below.Estimate != -1.5 || below.High != 0 {
		t.Errorf("of .5 less 2: %+v, want an upper limit of 0", below)
	}
}

// TestNames: warnings of the terms do not call a column of the condition one of z.
func TestNames(t *testing.T) {
	const rows = 400
	d, _ := normals(rows, 1, 0, 1)
	ids, constant := make([]int64, rows), make([]float64, rows)
	for i, k := range rand.New(rand.NewPCG(1, 1)).Perm(rows) {
		ids[i] = int64(k)
	}
	d.Given = column.Named(column.Join(column.Slices(ids), column.Slices(constant)), "id", "same")
	cfg := brief(rows)
	cfg.Way, cfg.Estimate.Steps = Difference, 50
	r := estimate(t, d, cfg)
	for _, c := range []struct {
		term mine.Result
		want []string
	}{
		{r.Taken().With, []string{"column same of z or the condition y"}},
		{r.Taken().Without, []string{"column same of the condition y", "id of the condition y"}},
	} {
		for _, want := range c.want {
			if !slices.ContainsFunc(c.term.Warnings, func(w mine.Warning) bool { return strings.Contains(w.Message, want) }) {
				t.Errorf("%v, want %q", c.term.Warnings, want)
			}
		}
	}
}

// leftOf is values as what is left of a column.
func leftOf(values []float64) *residuals {
	s := column.Slices(values)
	return &residuals{Source: s, shapes: []shape{{form: FormRegression}}, columns: s.Columns(), from: []int{0}, values: [][]float64{nil}}
}

// TestDoubts: both sides follow nine bands of y, which regressions on smooth functions do not
// see; of one side alone there is no doubt.
func TestDoubts(t *testing.T) {
	const rows = 600
	random := rand.New(rand.NewPCG(1, 2))
	x, z, y, free := make([]float64, rows), make([]float64, rows), make([]float64, rows), make([]float64, rows)
	for i := range rows {
		y[i] = random.Float64()
		band := math.Mod(math.Floor(9*y[i]), 2)
		x[i], z[i], free[i] = band+0.1*random.NormFloat64(), band+0.1*random.NormFloat64(), random.NormFloat64()
	}
	for _, c := range []struct {
		z    []float64
		want int
	}{{z, 1}, {free, 0}} {
		got, err := doubts(t.Context(), leftOf(x), leftOf(c.z), column.Slices(y), 1)
		if err != nil || len(got) != c.want {
			t.Errorf("%d doubts %v, error %v, want %d", len(got), got, err, c.want)
		}
	}
}

// TestExplained: a column that the condition nearly determines is named, where the way is that of
// residuals.
func TestExplained(t *testing.T) {
	for _, c := range []struct {
		way       Way
		explained float64
		want      bool
	}{{ByResidual, 0.995, true}, {ByResidual, 0.98, false}, {Difference, 0.995, false}} {
		r := Result{Way: c.way, Ways: []Contrast{{Way: c.way}}, Residuals: []Residual{{Name: "end", Used: true, Explained: c.explained}}}
		warned := slices.ContainsFunc(r.warnings(), func(w mine.Warning) bool {
			return w.Code == WarnExplained && strings.Contains(w.Message, "99.50% of the variance of column end")
		})
		if warned != c.want {
			t.Errorf("way %s, %g explained: warned %v", c.way, c.explained, warned)
		}
	}
}

// TestThrough: x and z both keep v sin 2w, of which nearest neighbours of 300 rows find too little; of one side alone, and of what
// depends on each other in one row alone, there is no doubt. A doubt of nothing comes once in a thousand times.
func TestThrough(t *testing.T) {
	const rows = 300
	g := rand.New(rand.NewPCG(2, 2))
	x, z, free, y := make([]float64, rows), make([]float64, rows), make([]float64, rows), make([]float64, 2*rows)
	strata, units := make([]int, rows), make([]int, rows)
	for i := range rows {
		v, w := g.NormFloat64(), g.NormFloat64()
		y[2*i], y[2*i+1] = v, w
		m := 0.5 * v * math.Sin(2*w)
		x[i], z[i], free[i] = m+0.5*g.NormFloat64(), m+0.5*g.NormFloat64(), g.NormFloat64()
		units[i] = i / 2
	}
	same := make([]float64, rows)
	for i := range same {
		same[i] = free[i] + 0.1*g.NormFloat64()
	}
	d := Data{X: column.Slices(x), Given: column.RowMajor(y, 2)}
	for _, c := range []struct {
		name  string
		x, z  []float64
		units []int
		want  int
	}{{"both", x, z, nil, 1}, {"both, of units", x, z, units, 1}, {"one", x, free, nil, 0}, {"of one row", free, same, nil, 0}} {
		got, err := throughY(leftOf(c.x), leftOf(c.z), d.Given, nil, c.units, 1)
		if err != nil || len(got) != c.want {
			t.Errorf("%s: %d doubts %v, error %v, want %d", c.name, len(got), got, err, c.want)
		}
	}
	// Two strata that differ by a level: permutations keep it where they are held.
	level := make([]float64, rows)
	for i := range level {
		strata[i] = i % 2
		x[i], level[i] = float64(i%2)+0.5*g.NormFloat64(), float64(i%2)
		z[i] = level[i] + 0.5*g.NormFloat64()
	}
	h := &Held{strata: strata, sizes: map[int]int{0: rows / 2, 1: rows / 2}}
	for _, c := range []struct {
		held *Held
		want int
	}{{nil, 1}, {h, 0}} {
		if got, err := throughY(leftOf(x), leftOf(z), column.Slices(level), c.held, nil, 1); err != nil || len(got) != c.want {
			t.Errorf("held %v: %v, %v", c.held, got, err)
		}
	}
}

// TestHeldNumbers: numbers that are held are codes for the regressions, whatever their order says.
func TestHeldNumbers(t *testing.T) {
	const rows = 800
	d, _ := slopes(rows, 4)
	h, most, err := d.strataOf([]int{0})
	if err != nil || !most {
		t.Fatal(most, err)
	}
	shapes := func() []shape { return []shape{{form: FormRegression}} }
	plain, _, err := d.given(t.Context(), halves(rows), nil, shapes(), shapes(), 1)
	if err != nil {
		t.Fatal(err)
	}
	coded, _, err := d.given(t.Context(), halves(rows), h, shapes(), shapes(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := plain.report[0].Explained, coded.report[0].Explained; b < a+0.1 {
		t.Errorf("%.3f explained, and %.3f of codes", a, b)
	}
}

// TestFoundNothing: an estimate and an error that are less than those of chance are nothing, whether a warning says so or not.
func TestFoundNothing(t *testing.T) {
	for _, c := range []struct {
		estimate, stdErr float64
		warnings         []mine.Warning
		want             bool
	}{
		{1e-7, 1e-6, nil, true}, {-1e-7, 1e-6, nil, true}, {0.0005, 0.002, nil, false}, {0.002, 0.0005, nil, false},
		{0.5, 0.1, []mine.Warning{{Code: mine.WarnNothing}}, true},
	} {
		fold := c.stdErr / math.Sqrt(0.4*0.4+0.6*0.6)
		r := mine.Result{Warnings: c.warnings, Folds: []mine.FoldResult{{Rows: 400, StdErr: fold}, {Rows: 600, StdErr: fold}}}
		r.Estimate, r.StdErr = c.estimate, 0.1+c.stdErr // what folds know of each other makes nothing something
		if got := FoundNothing(r); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	if FoundNothing(mine.Result{}) {
		t.Error("of no rows")
	}
}
