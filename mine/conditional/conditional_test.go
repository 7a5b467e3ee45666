package conditional

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/independence"
	"gomine/mine/preprocess"
)

// brief is an estimate that takes a moment: one critic of few steps, beside the normal law's.
func brief(rows int) Config {
	cfg := DefaultConfig(rows)
	e := &cfg.Estimate
	e.Candidates, e.Hidden, e.Steps, e.EvaluateEvery, e.TestPairs, e.Neighbours = e.Candidates[:1], []int{16}, 300, 50, 20_000, false
	e.Folds, e.LearningRate = 2, 1e-2
	return cfg
}

// draws are rows of columns.
func draws(rows int, row func() []float64) column.Source {
	var all []float64
	for range rows {
		all = append(all, row()...)
	}
	return column.RowMajor(all, len(all)/rows)
}

// normals are data x = a.y + e, z = b.y + f, with d columns each and corr(e_j, f_j) = rho, so that
//
//	I(X;Z|Y) = -d/2 ln(1 - rho^2)
//
// x and z are distorted column by column, which changes nothing of that.
func normals(rows, d int, rho float64, seed uint64) (Data, float64) {
	g := rand.New(rand.NewPCG(seed, 1))
	weights := make([]float64, 2*d*d)
	for k := range weights {
		weights[k] = g.NormFloat64()
	}
	all := draws(rows, func() []float64 {
		row := make([]float64, 3*d)
		for j := range d {
			row[2*d+j] = g.NormFloat64()
		}
		for j := range d {
			e := g.NormFloat64()
			f := rho*e + math.Sqrt(1-rho*rho)*g.NormFloat64()
			for k := range d {
				e += weights[j*d+k] * row[2*d+k]
				f += weights[(d+j)*d+k] * row[2*d+k]
			}
			row[j], row[d+j] = math.Exp(e/2), f*f*f
		}
		return row
	})
	part := func(k int) column.Source {
		values := make([]float64, rows*d)
		if err := all.Read(values, 0, rows, k*d, (k+1)*d); err != nil {
			panic(err)
		}
		return column.RowMajor(values, d)
	}
	return Data{X: part(0), Z: part(1), Given: part(2)}, -float64(d) / 2 * math.Log(1-rho*rho)
}

func estimate(t *testing.T, d Data, cfg Config) Result {
	t.Helper()
	r, err := Estimate(t.Context(), d, cfg, mine.WithThreads(1))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestKnown: both ways are within four standard errors and a tenth of the truth, which a brief
// estimate misses; residuals leave no defect. Where X and Z are independent given Y, which they
// depend on much, there is nothing.
func TestKnown(t *testing.T) {
	const rows = 3000
	for _, rho := range []float64{0.9, 0} {
		d, truth := normals(rows, 2, rho, 1)
		r := estimate(t, d, brief(rows))
		if len(r.Ways) != 2 || r.Way != ByResidual {
			t.Errorf("rho %g: way %s of %d, want the residual", rho, r.Way, len(r.Ways))
		}
		for _, c := range r.Ways {
			if math.Abs(c.Estimate-truth) > 0.1*truth+4*c.StdErr || !(c.Low <= c.Estimate && c.Estimate <= c.High) {
				t.Errorf("rho %g, %s: %.3f +- %.3f (%.3f to %.3f), want %.3f", rho, c.Way, c.Estimate, c.StdErr, c.Low, c.High, truth)
			}
		}
		if off := r.Ways[1].Without; off.Estimate > 0.01+4*off.StdErr || r.Ways[0].Without.Estimate < 0.5 {
			t.Errorf("rho %g: the defect is %.3f +- %.3f, I(X;Y) %.3f", rho, off.Estimate, off.StdErr, r.Ways[0].Without.Estimate)
		}
		if again := estimate(t, d, brief(rows)); again.Interval != r.Interval {
			t.Errorf("%v, then %v", r.Interval, again.Interval)
		}
	}
}

// TestCodes: columns of codes have no residuals, and the difference is what there is. With
// x = z on half of the rows and a coin each otherwise, both of which y biases,
// I(X;Z|Y) = sum_y p(y) I_y.
func TestCodes(t *testing.T) {
	const rows = 3000
	g := rand.New(rand.NewPCG(3, 1))
	x, y, z := make([]string, rows), make([]string, rows), make([]string, rows)
	names := []string{"a", "b"}
	for i := range x {
		k := g.IntN(2)
		coin := func() string { return names[map[bool]int{true: k, false: 1 - k}[g.Float64() < 0.8]] }
		x[i], y[i], z[i] = coin(), names[k], coin()
		if g.Float64() < 0.5 {
			z[i] = x[i]
		}
	}
	// Given y, X and Z are 1 with .8, and both with .5*.8 + .5*.64 = .72.
	var truth float64
	for _, c := range []struct{ joint, product float64 }{{0.72, 0.64}, {0.08, 0.16}, {0.08, 0.16}, {0.12, 0.04}} {
		truth += c.joint * math.Log(c.joint/c.product)
	}
	d := Data{X: column.Codes(x), Z: column.Codes(z), Given: column.Codes(y)}
	cfg := brief(rows)
	cfg.Estimate.Split = mine.SplitRandom // equal rows are draws of their own
	r := estimate(t, d, cfg)
	if r.Way != Difference || len(r.Ways) != 1 || math.Abs(r.Estimate-truth) > 0.1*truth+4*r.StdErr {
		t.Errorf("%s of %d ways: %.3f +- %.3f, want %.3f", r.Way, len(r.Ways), r.Estimate, r.StdErr, truth)
	}
	cfg.Way = ByResidual
	var field *mine.FieldError
	if _, err := Estimate(t.Context(), d, cfg); !errors.As(err, &field) || field.Field != "way" {
		t.Errorf("residuals of codes: %v", err)
	}
}

// TestGroups: groups are kept together in all estimates.
func TestGroups(t *testing.T) {
	const rows = 1200
	d, _ := normals(rows, 1, 0.8, 2)
	d.Groups = make([]int, rows)
	for i := range d.Groups {
		d.Groups[i] = i / 10
	}
	r := estimate(t, d, brief(rows))
	for _, c := range r.Ways {
		if c.With.Split.Kind != mine.SplitGroups || c.Without.Split.Units != rows/10 {
			t.Errorf("%s: %+v, %+v, want groups", c.Way, c.With.Split, c.Without.Split)
		}
	}
}

func TestErrors(t *testing.T) {
	const rows = 400
	d, _ := normals(rows, 2, 0.5, 1)
	constant := column.Slices(make([]float64, rows))
	sum, both := make([]float64, rows), make([]float64, 2*rows)
	if err := d.Given.Read(both, 0, rows, 0, 2); err != nil {
		t.Fatal(err)
	}
	for i := range sum {
		sum[i] = both[2*i] - 3*both[2*i+1]
	}
	cube := make([]float64, rows)
	for i := range cube {
		cube[i] = -math.Pow(both[2*i], 3)
	}
	parity, names := make([]float64, rows), make([]string, rows)
	for i := range names {
		names[i] = string(rune('a' + i*i%7))
		parity[i] = float64(i * i % 7 % 2)
	}
	few := func(s column.Source) column.Source { return column.Pick(s, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}) }
	for _, c := range []struct {
		name string
		data Data
		want error
		text string
	}{
		{"no condition", Data{X: d.X, Z: d.Z}, column.ErrEmpty, "condition y"},
		{"constant condition", Data{X: d.X, Z: d.Z, Given: constant}, preprocess.ErrConstant, "condition y"},
		{"constant z", Data{X: d.X, Z: constant, Given: d.Given}, preprocess.ErrConstant, "column of z"},
		{"a monotone function of y", Data{X: column.Join(d.X, column.Named(column.Slices(cube), "cube")), Z: d.Z, Given: d.Given}, ErrDetermined, "column cube of x and column 0 of the condition y"},
		{"a sum of y", Data{X: column.Join(d.X, column.Named(column.Slices(sum), "total")), Z: d.Z, Given: d.Given}, ErrDetermined, "total"},
		{"a function of codes of y", Data{X: column.Join(d.X, column.Named(column.Slices(parity), "parity")), Z: d.Z, Given: column.Join(d.Given, column.Named(column.Codes(names), "names"))}, ErrDetermined, "column names of y"},
		{"few rows", Data{X: few(d.X), Z: few(d.Z), Given: few(d.Given)}, mine.ErrTooFewSamples, "10 rows"},
	} {
		if _, err := Estimate(t.Context(), c.data, brief(rows)); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %q", c.name, err, c.text)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Estimate(ctx, d, brief(rows)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	cfg := brief(rows)
	cfg.Way = "other"
	if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "way") {
		t.Errorf("another way: %v", err)
	}
}

// TestResiduals: each row has U by a map that has not seen it, increasing in x given y; the
// regressions find a curve and a scale that changes.
func TestResiduals(t *testing.T) {
	const rows = 4000
	g := rand.New(rand.NewPCG(1, 1))
	x, y, whole, e := make([]float64, rows), make([]float64, rows), make([]float64, rows), make([]float64, rows)
	for i := range x {
		y[i], e[i], whole[i] = g.NormFloat64(), g.NormFloat64(), float64(g.IntN(5))
		x[i] = math.Sin(2*y[i]) + math.Exp(y[i]/2)*e[i]/4
	}
	d := Data{X: column.Named(column.Slices(x, whole), "x", "whole"), Given: column.Slices(y)}
	var folds []mine.FoldRows
	for f := range 2 {
		fold := mine.FoldRows{}
		for i := range rows - 7 {
			if i%2 == f {
				fold.Test = append(fold.Test, i)
			} else {
				fold.Learn = append(fold.Learn, i)
			}
		}
		folds = append(folds, fold)
	}
	u, err := d.differences(t.Context(), folds, 1)
	if err != nil {
		t.Fatal(err)
	}
	if !u.any || u.report[1].Used || u.values[1] != nil {
		t.Errorf("residuals of %+v, want those of the first column", u.report)
	}
	m, err := newMap(d, folds[1].Learn, []shape{{form: FormRegression}, {}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	at, want := []int{101, 1001}, []float64{0, 0}
	p, err := m.apply(column.Pick(d.X, at), column.Pick(d.Given, at))
	if err != nil {
		t.Fatal(err)
	}
	for k := range at {
		want[k] = (p.g.At(k, 0) - p.mean.At(k, 0)) / math.Exp(p.scale.At(k, 0))
	}
	got := make([]float64, 2*2)
	for k, i := range at {
		if err := u.Read(got[2*k:2*k+2], i, i+1, 0, 2); err != nil {
			t.Fatal(err)
		}
		if got[2*k] != want[k] || got[2*k+1] != whole[i] {
			t.Errorf("row %d is %v, want %v and %v", i, got[2*k:2*k+2], want[k], whole[i])
		}
	}
	// U is e but for a function: their ranks agree. A regression of 2,000 rows leaves a few
	// hundredths of the variance.
	if r := rankCorrelation(u.values[0], e); r < 0.95 {
		t.Errorf("U and the noise have a correlation of ranks of %.3f", r)
	}
	if c := u.report[0]; c.Explained < 0.6 || c.Scale < 0.3 || c.Scale > 0.7 { // the scale is exp(y/2), sd .5 of its logarithm, in normal scores
		t.Errorf("%+v", c)
	}
	// Given y, U increases in x, beyond the fitted values too.
	grid := []float64{-100, -2, -1, 0, 1, 2, 100}
	p, err = m.apply(column.Slices(grid, make([]float64, 7)), column.Slices(make([]float64, 7)))
	if err != nil {
		t.Fatal(err)
	}
	for k := 1; k < 7; k++ {
		if !(p.g.At(k, 0) > p.g.At(k-1, 0)) {
			t.Errorf("the score of %g is %g, that of %g is %g", grid[k], p.g.At(k, 0), grid[k-1], p.g.At(k-1, 0))
		}
	}
}

// rankCorrelation is Spearman's, of values without ties.
func rankCorrelation(a, b []float64) float64 {
	ranks := func(v []float64) []float64 {
		order := make([]int, len(v))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(i, j int) int {
			if v[i] < v[j] {
				return -1
			}
			return 1
		})
		r := make([]float64, len(v))
		for k, i := range order {
			r[i] = float64(k)
		}
		return r
	}
	ra, rb := ranks(a), ranks(b)
	var square float64
	for i := range ra {
		square += (ra[i] - rb[i]) * (ra[i] - rb[i])
	}
	n := float64(len(a))
	return 1 - 6*square/(n*(n*n-1))
}

// TestTest: X and Z that depend on each other through Y alone have small p-values no more often
// than they should, of 12 sets of a brief test at .1 more than 5 once in 1,800; those that do
// beyond it have a small one. Columns of many codes are tested on one side, and on both they are refused, as are
// copies of rows.
func TestTest(t *testing.T) {
	const rows = 200
	cfg := independence.DefaultConfig(rows)
	cfg.Permutations, cfg.Estimate = 99, brief(rows).Estimate
	cfg.Estimate.Steps, cfg.Estimate.Hidden = 60, []int{8}
	run := func(d Data, seed uint64) (TestResult, error) {
		cfg.Estimate.Seed = seed
		return Test(t.Context(), d, cfg, mine.WithThreads(1))
	}
	small := 0
	for seed := range uint64(12) {
		d, _ := normals(rows, 1, 0, seed)
		r, err := run(d, seed)
		if err != nil {
			t.Fatal(err)
		}
		if r.PValue <= 0.1 {
			small++
		}
	}
	if small > 5 {
		t.Errorf("%d of 12 p-values are at most .1 of what is independent given y", small)
	}
	d, _ := normals(rows, 1, 0.9, 1)
	r, err := run(d, 1)
	if err != nil || r.PValue > 0.01 || r.Exact || len(r.X) != 1 || !r.X[0].Used || r.Z[0].Explained < 0.05 {
		t.Errorf("dependent given y: %v, p %g, exact %v, %+v, %+v", err, r.PValue, r.Exact, r.X, r.Z)
	}
	many, others := make([]string, rows), make([]string, rows)
	order := rand.New(rand.NewPCG(3, 1)).Perm(rows) // in which they are no series
	for i, k := range order {
		many[k], others[k] = strconv.Itoa(i%2*(i%44)), strconv.Itoa(i%2*(i%46)) // half of them 0, and 22 others
	}
	d.Z = column.Codes(many)
	if r, err := run(d, 1); err != nil || r.Z[0].Used {
		t.Errorf("many codes of z: %v, %+v", err, r.Z)
	}
	d.X = column.Join(d.X, column.Named(column.Codes(others), "code"))
	if _, err := run(d, 1); !errors.Is(err, ErrCodes) || !strings.Contains(err.Error(), "column code of x") {
		t.Errorf("many codes of both: %v", err)
	}
	d, _ = normals(rows, 1, 0, 1)
	var copied []int
	for i := range rows {
		copied = append(copied, i/8)
	}
	d.X, d.Z, d.Given = column.Pick(d.X, copied), column.Pick(d.Z, copied), column.Pick(d.Given, copied)
	if _, err := run(d, 1); !errors.Is(err, independence.ErrPairing) || !strings.Contains(err.Error(), "200 of 200 rows are copies") {
		t.Errorf("copies: %v", err)
	}
	if _, err := Test(t.Context(), d, independence.Config{Permutations: 1, Estimate: cfg.Estimate}); err == nil {
		t.Error("one permutation")
	}
}
