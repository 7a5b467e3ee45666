package conditional

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/independence"
)

// coded are rows of x and z of three codes, whose probabilities follow from one of two numbers of y, steeply, and of y.
// With tie, z is x in so many of the rows.
func coded(rows int, tie float64, seed uint64) Data {
	g := rand.New(rand.NewPCG(seed, 8))
	x, z, y := make([]float64, rows), make([]float64, rows), make([]float64, 2*rows)
	code := func(v float64) float64 {
		for k, sum := 0, g.Float64()*(1+math.Exp(v)+math.Exp(2*v)); k < 2; k++ {
			if sum -= math.Exp(float64(k) * v); sum < 0 {
				return float64(k)
			}
		}
		return 2
	}
	for i := range x {
		y[2*i], y[2*i+1] = g.NormFloat64(), g.NormFloat64()
		x[i], z[i] = code(2*y[2*i]), code(-2*y[2*i])
		if g.Float64() < tie {
			z[i] = x[i]
		}
	}
	return Data{X: column.Slices(x), Z: column.Slices(z), Given: column.RowMajor(y, 2)}
}

// shapesFor returns the shapes of both sides.
func shapesFor(t *testing.T, d Data) (x, z []shape) {
	t.Helper()
	x, err := shapesOf(d.X)
	if err != nil {
		t.Fatal(err)
	}
	if z, err = shapesOf(d.Z); err != nil {
		t.Fatal(err)
	}
	return x, z
}

// TestForms: of x and z of few values, u is uniform but for the normal quantile, whatever y, and v has a mean of 0 whatever y.
// Of 2,000 rows, the empirical law is off by 1.63/sqrt n at most in 99 of 100 sets (Kolmogorov); a correlation by 3/sqrt n.
// Regressions err besides, by some tens of coefficients of 1,000 rows.
func TestForms(t *testing.T) {
	const rows = 2000
	d := coded(rows, 0, 1)
	x, z := shapesFor(t, d)
	if !facing(x, z) || x[0].form != FormQuantile || z[0].form != FormChances {
		t.Fatalf("%+v, %+v", x, z)
	}
	u, err := newResiduals(t.Context(), d, halves(rows), x, 1)
	if err != nil {
		t.Fatal(err)
	}
	v, err := newResiduals(t.Context(), d.other(), halves(rows), z, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(u.columns) != 1 || len(v.columns) != 3 || v.columns[2].Name != "0 is 2" {
		t.Fatalf("columns %+v and %+v", u.columns, v.columns)
	}
	y := make([]float64, 2*rows)
	if err := d.Given.Read(y, 0, rows, 0, 2); err != nil {
		t.Fatal(err)
	}
	const most = 3.5
	below := 0
	for i, value := range u.values[0] {
		if value < 0 {
			below++
		}
		for _, w := range v.values {
			if math.Abs(w[i]) > 1 {
				t.Fatalf("v is %g", w[i])
			}
		}
	}
	if off := math.Abs(float64(below)/rows - 0.5); off > most*0.5/math.Sqrt(rows) {
		t.Errorf("%d of %d quantiles are below 0", below, rows)
	}
	first, square := make([]float64, rows), make([]float64, rows)
	for i := range first {
		first[i], square[i] = y[2*i], y[2*i]*y[2*i]
	}
	for _, values := range append([][]float64{u.values[0]}, v.values...) {
		for _, of := range [][]float64{first, square} {
			if r := stat.Correlation(values, of, nil); math.Abs(r) > most/math.Sqrt(rows) {
				t.Errorf("a correlation of %.3f with y", r)
			}
		}
	}
	// The raw codes have correlations of .7 with y, and so with each other.
	for _, w := range v.values {
		if r := stat.Correlation(u.values[0], w, nil); math.Abs(r) > most/math.Sqrt(rows) {
			t.Errorf("a correlation of %.3f of u and v", r)
		}
	}
	if e := u.report[0].Explained; e < 0.2 || e > 0.6 || math.Abs(e-v.report[0].Explained) > 0.05 {
		t.Errorf("explained %.3f and %.3f", e, v.report[0].Explained)
	}
}

// TestFewGiven: x and z of codes that depend on each other given y are found, and those that do not are not, in 6 sets
// at .1 more than 3 once in 800; whether y is numbers, or codes, whose values are held then.
func TestFewGiven(t *testing.T) {
	const rows = 300
	cfg := independence.DefaultConfig(rows)
	cfg.Permutations, cfg.Estimate = 99, brief(rows).Estimate
	cfg.Estimate.Steps, cfg.Estimate.Hidden = 60, []int{8}
	for name, given := range map[string]func(y column.Source) column.Source{
		"numbers": func(y column.Source) column.Source { return y },
		"codes": func(y column.Source) column.Source {
			values, labels := make([]float64, rows), make([]string, rows)
			if err := y.Read(values, 0, rows, 0, 1); err != nil {
				t.Fatal(err)
			}
			for i, v := range values {
				labels[i] = string(rune('a' + int(min(max(2*v+3, 0), 6))))
			}
			return column.Codes(labels)
		},
	} {
		run := func(tie float64, seed uint64) TestResult {
			d := coded(rows, tie, seed)
			d.Given = given(d.Given)
			if name == "codes" { // x and z of the code alone
				d = redrawn(t, d, tie, seed)
			}
			cfg.Estimate.Seed = seed
			r, err := Test(t.Context(), d, cfg, mine.WithThreads(1))
			if err != nil {
				t.Fatal(err)
			}
			if codes := name == "codes"; r.Exact != codes || (r.Held != nil) != codes || codes && (!r.Held.All || r.Held.Exchangeable < rows*9/10 || r.X[0].Form != FormQuantile || r.Z[0].Form != FormCentred) {
				t.Errorf("%s: exact %v, %+v, %+v", name, r.Exact, r.Held, r.X)
			}
			return r
		}
		small := 0
		for seed := range uint64(6) {
			r := run(0, seed)
			if r.PValue <= 0.1 {
				small++
			}
			if r.Effect.Estimate > 0.1 { // X and Z alone have more
				t.Errorf("given %s: I(U;V) of %.3f", name, r.Effect.Estimate)
			}
		}
		if small > 3 {
			t.Errorf("given %s: %d of 6 p-values are at most .1 of what is independent", name, small)
		}
		if r := run(0.6, 1); r.PValue > 0.01 {
			t.Errorf("given %s: p %g of what is dependent", name, r.PValue)
		}
	}
}

// TestConstantColumn: a column of one value on both sides is no hindrance, and says nothing.
func TestConstantColumn(t *testing.T) {
	d := coded(300, 0, 1)
	one := slices.Repeat([]float64{7}, 300)
	d.X, d.Z = column.Join(d.X, column.Named(column.Slices(one), "one")), column.Join(d.Z, column.Named(column.Slices(one), "other"))
	x, z := shapesFor(t, d)
	if !facing(x, z) {
		t.Fatalf("%+v, %+v", x, z)
	}
	for _, shapes := range [][]shape{x, z} {
		u, err := newResiduals(t.Context(), d, halves(300), shapes, 1)
		if err != nil {
			t.Fatal(err)
		}
		last := len(u.columns) - 1
		if r := u.report[1]; r.Used || r.Explained != 0 || u.values[last] != nil || u.columns[last].Name != "one" {
			t.Errorf("%+v, %+v", r, u.columns)
		}
	}
}

// redrawn draws x and z anew from those of rows with the same y, and z as x in so many rows.
func redrawn(t *testing.T, d Data, tie float64, seed uint64) Data {
	t.Helper()
	g := rand.New(rand.NewPCG(seed, 9))
	n := d.X.Rows()
	x, z, y := make([]float64, n), make([]float64, n), make([]float64, n)
	for to, from := range map[*[]float64]column.Source{&x: d.X, &z: d.Z, &y: d.Given} {
		if err := from.Read(*to, 0, n, 0, 1); err != nil {
			t.Fatal(err)
		}
	}
	members := map[float64][]int{}
	for i, v := range y {
		members[v] = append(members[v], i)
	}
	newX, newZ := make([]float64, n), make([]float64, n)
	for i, v := range y {
		all := members[v]
		newX[i], newZ[i] = x[all[g.IntN(len(all))]], z[all[g.IntN(len(all))]]
		if g.Float64() < tie {
			newZ[i] = newX[i]
		}
	}
	return Data{X: column.Slices(newX), Z: column.Slices(newZ), Given: d.Given}
}

// TestHold: columns of few values are held where few rows are alone in their values, and codes where both
// sides have some; a column of one value does not count.
func TestHold(t *testing.T) {
	const rows = 400
	g := rand.New(rand.NewPCG(3, 1))
	few, many, number, one := make([]float64, rows), make([]float64, rows), make([]float64, rows), make([]float64, rows)
	fifty := make([]string, rows)
	for i := range few {
		few[i], many[i], number[i], fifty[i] = float64(i%3), float64(i%20), g.NormFloat64(), strconv.Itoa(i%50)
	}
	random := func() (v []float64) {
		for range rows {
			v = append(v, float64(g.IntN(20)))
		}
		return v
	}
	code := func() column.Source {
		var labels []string
		for _, v := range random() {
			labels = append(labels, strconv.Itoa(int(v)))
		}
		return column.Codes(labels)
	}
	numbers, codes := []shape{{form: FormRegression}}, []shape{{form: FormChances, values: []float64{0, 1}}}
	for _, c := range []struct {
		name    string
		y       column.Source
		x, z    []shape
		columns int // that are held
		all     bool
		most    bool // whether rows with others are most of all
	}{
		{"few values", column.Slices(few), numbers, numbers, 1, true, true},
		{"and numbers", column.Slices(few, number), numbers, codes, 1, false, true},
		{"two columns", column.Slices(few, many), numbers, numbers, 2, true, true},
		{"one value besides", column.Slices(few, one), numbers, numbers, 1, true, true},
		{"one value", column.Slices(number, one), numbers, numbers, 0, false, false},
		{"50 codes", column.Codes(fifty), numbers, numbers, 1, true, true},
		{"numbers", column.Slices(number), codes, codes, 0, false, false},
		// Of 8,000 joint values nearly all that are there have one row.
		{"ratings", column.Slices(random(), random(), random()), codes, codes, 0, false, false},
		{"ratings and 50 codes", column.Join(column.Slices(random(), random(), random()), column.Codes(fifty)), codes, codes, 1, false, true},
		{"many codes", column.Join(code(), code(), code()), numbers, codes, 0, false, false},
		{"many codes, and codes of both", column.Join(code(), code(), code()), codes, codes, 3, true, false},
	} {
		d := Data{X: column.Slices(number), Z: column.Slices(number), Given: c.y}
		h, err := d.hold(mine.SplitRandom, c.x, c.z)
		if err != nil {
			t.Fatal(err)
		}
		if (h != nil) != (c.columns > 0) || h != nil && (len(h.Columns) != c.columns || h.All != c.all || (h.Exchangeable > rows/2) != c.most || len(h.left) != len(c.y.Columns())-c.columns) {
			t.Errorf("%s: %+v", c.name, h)
		}
		if h, err = d.hold(mine.SplitBlocks, c.x, c.z); h != nil || err != nil {
			t.Errorf("%s, a series: %+v, %v", c.name, h, err)
		}
	}
}

// TestRare: a code that one row has, beside a condition of numbers, is tested; so is a series that shows beside what y of four values
// explains alone, without strata.
func TestRare(t *testing.T) {
	const rows = 1000
	g := rand.New(rand.NewPCG(9, 1))
	rare, z, y := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	a, b, four := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	var s, u float64
	for i := range rows {
		y[i] = g.NormFloat64()
		z[i] = y[i] + g.NormFloat64()
		s, u = 0.8*s+g.NormFloat64(), 0.8*u+g.NormFloat64()
		four[i] = float64(g.IntN(4))
		a[i], b[i] = 200*four[i]+s, 200*four[i]*four[i]+u
	}
	rare[17] = 1
	cfg := independence.DefaultConfig(rows)
	cfg.Permutations, cfg.Estimate = 99, brief(rows).Estimate
	cfg.Estimate.Steps, cfg.Estimate.Hidden = 60, []int{8}
	r, err := Test(t.Context(), Data{X: column.Slices(rare), Z: column.Slices(z), Given: column.Slices(y)}, cfg, mine.WithThreads(1))
	if err != nil || r.X[0].Form != FormChances || math.IsNaN(r.X[0].Explained) || math.IsInf(r.X[0].Explained, 0) || r.PValue < 0.01 {
		t.Errorf("a rare code: %v, %+v, p %g", err, r.X, r.PValue)
	}
	ids := make([]string, rows)
	for i := range ids {
		ids[i] = strconv.Itoa(i)
	}
	_, err = Test(t.Context(), Data{X: column.Slices(rare), Z: column.Slices(z), Given: column.Codes(ids)}, cfg, mine.WithThreads(1))
	if err == nil || !strings.Contains(err.Error(), "every column of the condition y") {
		t.Errorf("given ids: %v", err)
	}
	r, err = Test(t.Context(), Data{X: column.Slices(a), Z: column.Slices(b), Given: column.Slices(four)}, cfg, mine.WithThreads(1))
	if err != nil || r.Held != nil || r.Exact || r.Pairing != independence.Rotations {
		t.Errorf("a series: %v, held %+v, %s", err, r.Held, r.Pairing)
	}
}

// TestSides: of a condition that is held, quantiles are of the side with fewer columns of codes, whose values are one
// law in all strata; those of the other side have no mean in any. Explained does not count rows that are alone, nor chance.
func TestSides(t *testing.T) {
	const rows = 600
	g := rand.New(rand.NewPCG(2, 1))
	x, code, one, y := make([]float64, rows), make([]float64, rows), make([]float64, rows), make([]float64, rows)
	for i := range rows {
		y[i] = float64(g.IntN(100)) // six rows each, some of them alone
		if i < 200 {
			y[i] = float64(1000 + i)
		}
		x[i], code[i] = g.NormFloat64(), float64(g.IntN(3))
	}
	d := Data{X: column.Slices(code), Z: column.Slices(x, one), Given: column.Slices(y)}
	h, _, err := d.strataOf([]int{0})
	if err != nil {
		t.Fatal(err)
	}
	shapesX, shapesZ := shapesFor(t, d)
	u, v, err := h.uncover(d, shapesX, shapesZ, 1)
	if err != nil {
		t.Fatal(err)
	}
	if u.shapes[0].form != FormCentred || v.shapes[0].form != FormQuantile || v.shapes[1].form != FormAsIs || len(u.columns) != 3 || len(v.columns) != 2 {
		t.Fatalf("%+v, %+v", u.shapes, v.shapes)
	}
	// The standard deviation of a share of 400 rows in 100 strata is about sqrt(2/100)/4.
	if e := u.report[0].Explained; math.Abs(e) > 0.15 {
		t.Errorf("explained %.3f of what is independent", e)
	}
	sums := map[int]float64{}
	for i, s := range h.strata {
		sums[s] += u.values[0][i]
	}
	for s, sum := range sums {
		if math.Abs(sum) > 1e-9 {
			t.Errorf("stratum %d has a sum of %g", s, sum)
		}
	}
	// Uniform but for the normal quantile, whether alone in the stratum or not: the variance of a normal law, +- 3 standard deviations.
	for _, part := range [][]float64{v.values[0][:200], v.values[0][200:]} {
		if s := stat.PopVariance(part, nil); math.Abs(s-1) > 3*math.Sqrt(2/float64(len(part))) {
			t.Errorf("quantiles have a variance of %.3f", s)
		}
	}
}
