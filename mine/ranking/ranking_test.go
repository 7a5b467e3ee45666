package ranking

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/independence"
	"gomine/mine/preprocess"
)

// brief is a ranking that takes a moment: one critic of few steps, beside the normal law's.
func brief(rows int) Config {
	cfg := DefaultConfig(rows)
	e := &cfg.Estimate
	e.Candidates, e.Hidden, e.Steps, e.EvaluateEvery, e.TestPairs, e.Neighbours = e.Candidates[:1], []int{8}, 60, 20, 1000, false
	cfg.Permutations = 99
	return cfg
}

// nested are rows of a target t = a + b/2 + noise, with columns that are a constant, noise, b, a with
// little noise, and a.
func nested(rows int, seed uint64) Data {
	g := rand.New(rand.NewPCG(seed, 1))
	columns := make([][]float64, 5)
	target := make([]float64, rows)
	for i := range rows {
		a, b := g.NormFloat64(), g.NormFloat64()
		for k, v := range []float64{7, g.NormFloat64(), b, a + 0.3*g.NormFloat64(), a} {
			columns[k] = append(columns[k], v)
		}
		target[i] = a + b/2 + 0.25*g.NormFloat64()
	}
	return Data{X: column.Named(column.Slices(columns...), "constant", "noise", "b", "nearly a", "a"), Target: column.Slices(target)}
}

// ranked ranks all columns of some data.
func ranked(t *testing.T, d Data, cfg Config) (*Ranking, []Column) {
	t.Helper()
	r, err := New(d, cfg, mine.WithThreads(1))
	if err != nil {
		t.Fatal(err)
	}
	var all []Column
	for k := range d.X.Columns() {
		c, err := r.Column(t.Context(), k)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return r, Order(all, cfg.FDRMethod)
}

// TestRank: columns are in the order of their information, which of normal columns is
// -ln(1 - r^2)/2 with r^2 = 1/1.3125 of a, 1/(1.09 x 1.3125) of nearly a, and 1/5.25 of b; noise has a
// large p-value, and the constant none. Of a and what is nearly a, the forward selection takes one and then b:
// given a, b has ln(0.3125/0.0625)/2 = 0.805 nats.
func TestRank(t *testing.T) {
	const rows = 2000
	d := nested(rows, 3)
	cfg := brief(rows)
	cfg.Forward = 2
	r, columns := ranked(t, d, cfg)
	var names []string
	for _, c := range columns {
		names = append(names, c.Name)
	}
	if want := []string{"a", "nearly a", "b", "noise", "constant"}; !slices.Equal(names, want) {
		t.Errorf("the order is %v, want %v", names, want)
	}
	for k, c := range columns[:3] {
		square := []float64{1 / 1.3125, 1 / (1.09 * 1.3125), 1 / 5.25}[k]
		want := -math.Log(1-square) / 2
		// The critic of the normal law is as good as any here. A thousand rows have an error of
		// some .03, and critics of half of them lack a few thousandths: five errors.
		if math.Abs(c.Estimate-want) > 5*c.StdErr || c.StdErr > 0.05 {
			t.Errorf("%s: %.3f +- %.3f, want %.3f", c.Name, c.Estimate, c.StdErr, want)
		}
		// 99 permutations have no smaller p-value; of four columns, three have it.
		if c.PValue != 0.01 || math.Abs(c.QValue-0.04/3) > 1e-12 || c.Rank != k+1 || c.Error != "" {
			t.Errorf("%s: p %g, q %g, rank %d, %s", c.Name, c.PValue, c.QValue, c.Rank, c.Error)
		}
	}
	if noise := columns[3]; noise.PValue < 0.02 || noise.QValue != noise.PValue || noise.Rank != 4 {
		t.Errorf("noise: p %g, q %g, rank %d", noise.PValue, noise.QValue, noise.Rank)
	}
	if c := columns[4]; c.Findings != nil || c.Rank != 0 || !strings.Contains(c.Error, "constant") {
		t.Errorf("constant: %+v", c)
	}
	called := 0
	steps, err := r.Forward(t.Context(), columns, Selection{Done: func(Step) error { called++; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) != 2 || called != 2 || steps[0].Name != "a" || steps[1].Name != "b" || steps[1].Index != 2 {
		t.Fatalf("steps %+v, %d calls", steps, called)
	}
	first, second := steps[0], steps[1]
	if first.Selection != columns[0].Selection || first.Total != columns[0].Bound || first.Gain.Estimate != columns[0].Estimate {
		t.Errorf("the first step is %+v, want column a by itself: %+v", first, columns[0].Findings)
	}
	if math.Abs(second.Gain.Estimate-(second.Total.Estimate-first.Total.Estimate)) > 1e-9 {
		t.Errorf("b adds %g to %g, which makes %g", second.Gain.Estimate, first.Total.Estimate, second.Total.Estimate)
	}
	if want := math.Log(5) / 2; math.Abs(second.Gain.Estimate-want) > 5*second.Gain.StdErr || second.Gain.StdErr > 0.06 {
		t.Errorf("b adds %.3f +- %.3f, want %.3f", second.Gain.Estimate, second.Gain.StdErr, want)
	}
}

// TestRepeat: a column's findings are the same bit for bit whatever was looked at before, on any number
// of threads.
func TestRepeat(t *testing.T) {
	d := nested(300, 1)
	_, columns := ranked(t, d, brief(300))
	r, err := New(d, brief(300), mine.WithThreads(2))
	if err != nil {
		t.Fatal(err)
	}
	again, err := r.Column(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range columns {
		if c.Index == 2 && (c.Bound != again.Bound || c.Selection != again.Selection || !reflect.DeepEqual(c.Test, again.Test)) {
			t.Errorf("%+v, then %+v", c.Findings, again.Findings)
		}
	}
}

// TestOrder: Benjamini and Hochberg's values by hand, for m = 4: p .01 .02 .03 .5 in the order of ranks 3 1 2 4.
func TestOrder(t *testing.T) {
	of := func(index int, selection, p float64) Column {
		return Column{Index: index, Findings: &Findings{Selection: selection, PValue: p, QValue: p}}
	}
	given := []Column{{Index: 0, Error: "z"}, of(1, 0.1, 0.01), of(2, 0.3, 0.03), of(3, 0.2, 0.0225), of(4, 0.1, 0.5), {Index: 5, Error: "a"}}
	got := Order(given, independence.BenjaminiHochberg)
	var order []int
	for _, c := range got {
		order = append(order, c.Index)
	}
	if want := []int{2, 3, 1, 4, 0, 5}; !slices.Equal(order, want) {
		t.Fatalf("order %v, want %v", order, want)
	}
	for k, want := range []float64{0.04, 0.04, 0.04, 0.5} {
		if math.Abs(got[k].QValue-want) > 1e-15 || got[k].Rank != k+1 {
			t.Errorf("column %d: q %g and rank %d, want %g and %d", got[k].Index, got[k].QValue, got[k].Rank, want, k+1)
		}
	}
	for k, c := range Order(given, independence.BenjaminiYekutieli) { // 1 + 1/2 + 1/3 + 1/4 times as much, up to 1
		if want := []float64{1. / 12, 1. / 12, 1. / 12, 1}; k < len(want) && math.Abs(c.QValue-want[k]) > 1e-15 {
			t.Errorf("column %d: q %g whatever the dependence, want %g", c.Index, c.QValue, want[k])
		}
	}
	if given[1].QValue != 0.01 || given[1].Rank != 0 {
		t.Error("the columns given were changed")
	}
}

// TestCurse: of 12 columns of noise, the largest bound on the rows that chose it is above 0, and above what
// other rows say of it, on average over 4 data sets; and p-values are not.
func TestCurse(t *testing.T) {
	const rows, sets, width = 200, 4, 12
	var chosen, judged float64
	small := 0
	for seed := range uint64(sets) {
		g := rand.New(rand.NewPCG(seed, 9))
		values := make([]float64, rows*(width+1))
		for i := range values {
			values[i] = g.NormFloat64()
		}
		all := column.RowMajor(values, width+1)
		candidates := make([]int, width)
		for k := range candidates {
			candidates[k] = k
		}
		_, columns := ranked(t, Data{X: column.Select(all, candidates...), Target: column.Select(all, width)}, brief(rows))
		chosen += columns[0].Selection / sets
		judged += columns[0].Estimate / sets
		for _, c := range columns {
			if c.PValue <= 0.1 {
				small++
			}
		}
	}
	if !(chosen > 0 && chosen > judged) {
		t.Errorf("the largest bounds are %.3f on the rows that chose them and %.3f on others", chosen, judged)
	}
	// Binomial(48, .1) at most: above 13 once in 3,000.
	if small > 13 {
		t.Errorf("%d of %d p-values of independent columns are at most .1", small, sets*width)
	}
}

func TestErrors(t *testing.T) {
	d := nested(300, 1)
	walk := make([]float64, 3000)
	other := make([]float64, len(walk))
	g := rand.New(rand.NewPCG(1, 5))
	for i := range walk {
		walk[i], other[i] = g.NormFloat64(), g.NormFloat64()
		if i > 0 {
			walk[i], other[i] = 0.7*walk[i-1]+walk[i], 0.7*other[i-1]+other[i]
		}
	}
	series := Data{X: column.Slices(walk), Target: column.Slices(other)}
	forward := func(rows, k int) Config {
		cfg := brief(rows)
		cfg.Forward = k
		return cfg
	}
	few := brief(300)
	few.Permutations = 18
	twice, groups := make([]int, 450), make([]int, 450) // every second one of 300 rows is there again, in another group
	for i := range twice {
		if twice[i] = i; i >= 300 {
			twice[i] = 2 * (i - 300)
		}
		groups[i] = i / 3
	}
	people := Data{X: column.Pick(d.X, twice), Target: column.Pick(d.Target, twice), Groups: groups}
	var field *mine.FieldError
	for _, c := range []struct {
		name string
		data Data
		cfg  Config
		is   func(error) bool
		text string
	}{
		{"a constant target", Data{X: d.X, Target: column.Slices(make([]float64, 300))}, brief(300), func(err error) bool { return errors.Is(err, preprocess.ErrConstant) }, "the target is constant"},
		{"no candidates", Data{X: column.Slices[float64](), Target: d.Target}, brief(300), func(err error) bool { return err != nil }, "the candidates"},
		{"six of five", d, forward(300, 6), func(err error) bool { return errors.As(err, &field) && field.Field == "forward" }, "5 columns"},
		{"less than none", d, forward(300, -1), func(err error) bool { return errors.As(err, &field) && field.Field == "forward" }, ""},
		{"few permutations", d, few, func(err error) bool { return errors.As(err, &field) && field.Field == "permutations" }, ""},
		{"forward in a series", series, forward(3000, 1), func(err error) bool { return errors.Is(err, independence.ErrPairing) }, "series"},
		{"groups with copies", people, brief(450), func(err error) bool { return errors.Is(err, independence.ErrPairing) }, "copies of rows in other groups"},
		{"few rows", Data{X: column.Pick(d.X, make([]int, 0)), Target: d.Target}, brief(300), func(err error) bool { return err != nil }, "the candidates"},
	} {
		if _, err := New(c.data, c.cfg); !c.is(err) || !strings.Contains(fmt.Sprint(err), c.text) {
			t.Errorf("%s: %v, want %q", c.name, err, c.text)
		}
	}
	r, err := New(d, forward(300, 5), mine.WithThreads(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Forward(t.Context(), []Column{{Index: 1, Findings: &Findings{}}}, Selection{}); !errors.As(err, &field) {
		t.Errorf("five of one column that can be learnt from: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Column(ctx, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestHidden: columns of 200 persons with 10 visits each are refused one by one where noise hides from all
// candidates together that rows are copies; noise itself is judged.
func TestHidden(t *testing.T) {
	g := rand.New(rand.NewPCG(4, 2))
	persons := make([][]float64, 4) // p0, p1, the target, noise
	of := make([][3]float64, 200)
	for i := range of {
		of[i] = [3]float64{g.NormFloat64(), g.NormFloat64(), g.NormFloat64()}
	}
	for _, visit := range g.Perm(2000) {
		for k, v := range append(of[visit/10][:], g.NormFloat64()) {
			persons[k] = append(persons[k], v)
		}
	}
	copies := Data{X: column.Named(column.Slices(persons[0], persons[1], persons[3]), "p0", "p1", "noise"), Target: column.Slices(persons[2])}
	_, columns := ranked(t, copies, brief(2000))
	for _, c := range columns {
		if hidden := c.Name != "noise"; hidden != (c.Findings == nil) || hidden && !strings.Contains(c.Error, "copies") {
			t.Errorf("%s: %+v, %s", c.Name, c.Findings, c.Error)
		}
	}
	cfg := brief(2000)
	cfg.Forward = 2
	r, columns := ranked(t, copies, cfg)
	var field *mine.FieldError
	if _, err := r.Forward(t.Context(), columns, Selection{}); !errors.As(err, &field) || field.Field != "forward" {
		t.Errorf("two of one column that is left: %v", err)
	}
}

// TestHiddenCodes: two codes of 200 persons with 10 visits each do not show that rows are copies; a weight of the persons
// does, but not for a code of the visits.
func TestHiddenCodes(t *testing.T) {
	g := rand.New(rand.NewPCG(4, 3))
	var sex, smoker, weight, visit, noise, blood []float64
	of := make([][4]float64, 200)
	for i := range of {
		of[i] = [4]float64{float64(g.IntN(2)), float64(g.IntN(2)), g.NormFloat64(), float64(g.IntN(4))}
	}
	for _, k := range g.Perm(2000) {
		p := of[k/10]
		sex, smoker, weight, blood = append(sex, p[0]), append(smoker, p[1]), append(weight, p[2]), append(blood, p[3])
		visit, noise = append(visit, float64(g.IntN(2))), append(noise, g.NormFloat64())
	}
	d := Data{X: column.Named(column.Slices(smoker, weight, visit, noise, blood), "smoker", "weight", "visit", "noise", "blood"), Target: column.Slices(sex)}
	_, columns := ranked(t, d, brief(2000))
	for _, c := range columns {
		if hidden := c.Name != "noise" && c.Name != "visit"; hidden != (c.Findings == nil) || hidden && !strings.Contains(c.Error, "copies") {
			t.Errorf("%s: %+v, %s", c.Name, c.Findings, c.Error)
		}
	}
}

// TestTold: of 1,000 persons, one row each, an age that tells who is retired and, with errors, who has a pension makes no
// copies of them: rows of one age are alike because it tells them.
func TestTold(t *testing.T) {
	g := rand.New(rand.NewPCG(4, 4))
	const n = 1000
	var age, pension, retired, noise []float64
	for range n {
		years := 18 + g.IntN(73)
		codes := map[bool]float64{true: 1}
		age, noise = append(age, float64(years)), append(noise, g.NormFloat64())
		retired, pension = append(retired, codes[years >= 65]), append(pension, codes[(years >= 67) != (g.IntN(33) == 0)])
	}
	d := Data{X: column.Named(column.Slices(age, pension, noise), "age", "pension", "noise"), Target: column.Slices(retired)}
	_, columns := ranked(t, d, brief(n))
	for _, c := range columns {
		if c.Findings == nil || (c.Name != "noise") != (c.Findings.PValue <= 0.01) {
			t.Errorf("%s: %+v, %s", c.Name, c.Findings, c.Error)
		}
	}
}

// TestHiddenSeries: sensors that drift are refused one by one where a jittered time among the candidates, in whose
// order the rows are, hides from all of them together that rows are correlated.
func TestHiddenSeries(t *testing.T) {
	const rows, sensors = 2000, 3
	g := rand.New(rand.NewPCG(6, 2))
	columns := make([][]float64, sensors)
	var target, time []float64
	for i := range rows {
		drift := 4 * float64(i) / rows
		for k := range columns {
			columns[k] = append(columns[k], drift+g.NormFloat64())
		}
		target, time = append(target, drift+g.NormFloat64()), append(time, float64(i)+g.Float64())
	}
	d := Data{X: column.Slices(append(columns, time)...), Target: column.Slices(target)}
	r, found := ranked(t, d, brief(rows))
	if r.Holdout().Pairing != independence.Rows {
		t.Fatalf("pairing by %s: time hides nothing", r.Holdout().Pairing)
	}
	for _, c := range found {
		if c.Index < sensors && (c.Findings != nil || !strings.Contains(c.Error, "series")) {
			t.Errorf("sensor %d: %+v, %s", c.Index, c.Findings, c.Error)
		}
	}
}

// TestForwardGoesOn: from whatever an earlier selection has done come the same steps, bit for bit, and nothing is
// tried twice.
func TestForwardGoesOn(t *testing.T) {
	cfg := brief(300)
	cfg.Forward = 3
	r, columns := ranked(t, nested(300, 1), cfg)
	var trials []Trial
	var after []int // trials before each step
	steps, err := r.Forward(t.Context(), columns, Selection{
		Tried: func(s Trial) error { trials = append(trials, s); return nil },
		Done:  func(Step) error { after = append(after, len(trials)); return nil },
	})
	if err != nil || len(trials) != 3+2 || !slices.Equal(after, []int{0, 3, 5}) {
		t.Fatalf("error %v, trials %+v before steps %v, want 3 before the second and 2 before the third", err, trials, after)
	}
	for _, c := range []struct{ steps, trials int }{{1, 2}, {2, 3}, {2, 5}} {
		tried := 0
		got, err := r.Forward(t.Context(), columns, Selection{Steps: steps[:c.steps], Trials: trials[:c.trials], Tried: func(Trial) error { tried++; return nil }})
		if err != nil || !reflect.DeepEqual(got, steps) || tried != len(trials)-c.trials {
			t.Errorf("from %d steps and %d trials: error %v, %d trials, %+v, want %+v", c.steps, c.trials, err, tried, got, steps)
		}
	}
	full := errors.New("disk full")
	if got, err := r.Forward(t.Context(), columns, Selection{Done: func(Step) error { return full }}); !errors.Is(err, full) || len(got) != 0 {
		t.Errorf("%d steps, error %v, want that of Done", len(got), err)
	}
}
