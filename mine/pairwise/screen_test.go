package pairwise

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

	"gonum.org/v1/gonum/stat/combin"

	"gomine/mine"
	"gomine/mine/column"
)

func screening(t *testing.T, vars []Variable, opt Options) Screening {
	t.Helper()
	s, err := Screen(context.Background(), vars, DefaultConfig(1000), opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// draws are n values of a law.
func draws(n int, law func() float64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = law()
	}
	return v
}

// named joins columns to variables a, b, c and so on.
func named(columns ...[]float64) []Variable {
	all := make([]Variable, len(columns))
	for j, c := range columns {
		all[j] = Variable{string(rune('a' + j)), column.Slices(c)}
	}
	return all
}

// TestExact compares p-values of tables of two by two with the exact ones of their margins, the sum of
// the hypergeometric probabilities of all tables of as large a G. The deviance gives the exponent of tails
// right, not the factor before it: within 8 as far as 1e-9, where Pearson's statistic is off by a hundred
// (of 5 rows expected, 17: Poisson 1.4e-5, and 1e-7 by chi^2 = 12^2/5).
func TestExact(t *testing.T) {
	logs := kLogK(10_000)
	for _, c := range []struct{ n, a, b int }{{100, 50, 50}, {100, 30, 40}, {1000, 71, 71}, {10_000, 224, 224}, {10_000, 224, 5000}} {
		tab := &tables{n: c.n, logs: logs[:c.n+1]}
		looks, weights := []look{}, []float64{}
		for k := max(0, c.a+c.b-c.n); k <= min(c.a, c.b); k++ {
			looks = append(looks, tab.test([]uint32{uint32(k), uint32(c.a - k), uint32(c.b - k), uint32(c.n - c.a - c.b + k)}, 2, 2, 1))
			weights = append(weights, math.Exp(combin.LogGeneralizedBinomial(float64(c.a), float64(k))+
				combin.LogGeneralizedBinomial(float64(c.n-c.a), float64(c.b-k))-combin.LogGeneralizedBinomial(float64(c.n), float64(c.b))))
		}
		compared := 0
		for _, l := range looks {
			exact := 0.0
			for k, other := range looks {
				if other.information >= l.information {
					exact += weights[k]
				}
			}
			if exact < 1e-9 || exact > 0.5 {
				continue
			}
			compared++
			if ratio := l.p / exact; ratio < 1./8 || ratio > 8 {
				t.Errorf("%+v: p %.3g, exactly %.3g", c, l.p, exact)
			}
		}
		if compared < 10 {
			t.Errorf("%+v: %d tables", c, compared)
		}
	}
}

// TestLevel screens 80 independent columns of one law and 80 of another. Of some 12,720 p-values at most
// 5% are .05 or less, within four standard deviations of the Binomial, .8%; pairs of columns that share
// one are as good as independent of each other. Each look alone, in pairs whose looks are two, has its
// share of small ones: a Bonferroni of two of them at least 2.5%.
func TestLevel(t *testing.T) {
	const each = 80
	r := rand.New(rand.NewPCG(1, 2))
	laws := map[string]func() float64{
		"normal": r.NormFloat64,
		"heavy":  func() float64 { return r.NormFloat64() / (1e-3 + math.Abs(r.NormFloat64())) / r.Float64() },
		"few":    func() float64 { return float64(r.IntN(5)) },
		"rare":   func() float64 { return math.Floor(r.Float64() + 0.1) },
		"zeros":  func() float64 { return math.Max(0, r.NormFloat64()-0.5) },
	}
	for _, n := range []int{20, 50, 100, 300, 1000} {
		for _, c := range [][2]string{{"normal", "heavy"}, {"few", "zeros"}, {"rare", "normal"}} {
			var columns [][]float64
			for _, law := range c {
				for range each {
					columns = append(columns, draws(n, laws[law]))
				}
			}
			s := screening(t, Columns(column.Slices(columns...)), Options{})
			small, tiny := 0, 0
			for _, p := range s.Pairs {
				if p.PValue <= 0.05 {
					small++
				}
				if p.PValue <= 0.001 {
					tiny++
				}
			}
			total := float64(len(s.Pairs))
			if share := float64(small) / total; share > 0.05+0.008 || share < 0.02 {
				t.Errorf("%d rows, %v: %.1f%% of p-values at most .05", n, c, 100*share)
			}
			// .001 of 12,720 are 12.7 +- 3.6, and the laws of the looks are good to a third there.
			if share := float64(tiny) / total; share > 0.001*4/3+4*0.0003 {
				t.Errorf("%d rows, %v: %.2f%% of p-values at most .001", n, c, 100*share)
			}
		}
	}
}

// TestGroupsLevel: Bartlett's law of groups of 20 columns each, of which there are 40 in 300 rows. 780
// p-values have 39 +- 6 at most .05, and no more than four standard deviations above.
func TestGroupsLevel(t *testing.T) {
	const n, width, count = 300, 20, 40
	r := rand.New(rand.NewPCG(3, 4))
	var vars []Variable
	for g := range count {
		columns := make([][]float64, width)
		for j := range columns {
			columns[j] = draws(n, r.NormFloat64)
		}
		vars = append(vars, Variable{fmt.Sprint(g), column.Slices(columns...)})
	}
	s := screening(t, vars, Options{})
	small := 0
	mean := 0.0
	for _, p := range s.Pairs {
		if p.PValue <= 0.05 {
			small++
		}
		mean += p.Gaussian / float64(len(s.Pairs))
	}
	if small > 39+24 {
		t.Errorf("%d of %d p-values are at most .05", small, len(s.Pairs))
	}
	// To first order in 1/n the mean is 0; the next term is half of 400/600 times 41/600.
	if mean < -0.01 || mean > 0.07 {
		t.Errorf("mean information %v", mean)
	}
}

// TestKnown has laws of known information.
func TestKnown(t *testing.T) {
	const n = 20_000
	r := rand.New(rand.NewPCG(5, 6))
	x, noise := draws(n, r.NormFloat64), draws(n, r.NormFloat64)
	mix := func(rho float64) []float64 {
		v := make([]float64, n)
		for i := range v {
			v[i] = rho*x[i] + math.Sqrt(1-rho*rho)*noise[i]
		}
		return v
	}
	square, label, copied := make([]float64, n), make([]string, n), slices.Clone(x)
	for i := range x {
		square[i] = x[i]*x[i] + 0.1*noise[i]
		label[i] = "low"
		if x[i] > 0 {
			label[i] = "high"
		}
	}
	s := screening(t, append(named(x, mix(0.6), square, copied), Variable{"e", column.Codes(label)}), Options{})
	at := func(a, b int) Pair { return s.Pairs[Index(a, b, 5)] }
	// The standard deviation of I_G at .6 is rho/sqrt n = .0042.
	if p := at(0, 1); math.Abs(p.Gaussian+math.Log(0.64)/2) > 4*0.0042 || p.Binned > p.Gaussian || p.Binned < 0.8*p.Gaussian || p.PValue > 1e-100 {
		t.Errorf("normal: %+v, want %v", p, -math.Log(0.64)/2)
	}
	if p := at(0, 2); math.Abs(p.Gaussian) > 0.002 || p.Information != p.Binned || p.Binned < 0.6 || p.PValue > 1e-100 {
		t.Errorf("square: %+v", p)
	}
	if p := at(0, 3); p.Information != math.Log(n) || p.PValue != 0 {
		t.Errorf("copy: %+v, want ln n", p)
	}
	// A sign is ln 2, and its table of 16 by 2 knows nothing else.
	if p := at(0, 4); math.Abs(p.Binned-math.Ln2) > 0.01 || p.Gaussian != 0 {
		t.Errorf("sign: %+v, want ln 2", p)
	}
}

// TestSines: the law 1 + sin(wx) sin(wz) on a square of 2 pi, of .1433 nats for every w, whose ranks have
// no correlation, is found in 4,000 rows as far as five periods, and its information not overrated: the
// variance of its log density is .198.
func TestSines(t *testing.T) {
	const n = 4000
	r := rand.New(rand.NewPCG(13, 14))
	for w := 1; w <= 5; w++ {
		x, z := make([]float64, n), make([]float64, n)
		for i := 0; i < n; {
			x[i], z[i] = 2*math.Pi*r.Float64(), 2*math.Pi*r.Float64()
			if 2*r.Float64() < 1+math.Sin(float64(w)*x[i])*math.Sin(float64(w)*z[i]) {
				i++
			}
		}
		p := screening(t, named(x, z), Options{}).Pairs[0]
		if p.PValue > 1e-10 || p.Binned < 0.02 || p.Binned > 0.1433+4*math.Sqrt(0.198/n) {
			t.Errorf("%d periods: %+v", w, p)
		}
	}
}

// TestGroups: two pairs of columns of correlations .5 and .8, turned within the groups, have the sum of
// both informations, whose standard deviation is below 1/sqrt n.
func TestGroups(t *testing.T) {
	const n = 10_000
	r := rand.New(rand.NewPCG(7, 8))
	var x, z [2][]float64
	for j, rho := range []float64{0.5, 0.8} {
		x[j], z[j] = draws(n, r.NormFloat64), draws(n, r.NormFloat64)
		for i := range z[j] {
			z[j][i] = rho*x[j][i] + math.Sqrt(1-rho*rho)*z[j][i]
		}
	}
	turned := func(v [2][]float64, angle float64) column.Source {
		a, b := make([]float64, n), make([]float64, n)
		for i := range a {
			a[i], b[i] = math.Cos(angle)*v[0][i]-math.Sin(angle)*v[1][i], math.Sin(angle)*v[0][i]+math.Cos(angle)*v[1][i]
		}
		return column.Slices(a, b, a) // the third says nothing new
	}
	want := -math.Log(0.75)/2 - math.Log(0.36)/2
	p := screening(t, []Variable{{"x", turned(x, 1)}, {"z", turned(z, 2)}}, Options{}).Pairs[0]
	if math.Abs(p.Gaussian-want) > 4/math.Sqrt(n) || p.PValue != 0 && p.PValue > 1e-100 {
		t.Errorf("%+v, want %v", p, want)
	}
}

// TestRows: series, copies and groups of rows count for as many as are independent of each other.
func TestRows(t *testing.T) {
	const n = 2000
	r := rand.New(rand.NewPCG(9, 10))
	ar := func(phi float64) []float64 {
		last := r.NormFloat64()
		return draws(n, func() float64 {
			last = phi*last + math.Sqrt(1-phi*phi)*r.NormFloat64()
			return last
		})
	}
	var series, walks [][]float64
	for range 40 {
		series, walks = append(series, ar(0.9)), append(walks, ar(0.9999))
	}
	// 780 pairs at 5% are 39 +- 6; as if rows were independent, they are two in five.
	s := screening(t, Columns(column.Slices(series...)), Options{})
	small := 0
	for _, p := range s.Pairs {
		if p.PValue <= 0.05 {
			small++
		}
	}
	if small > 39+24 || s.Serial < 700 {
		t.Errorf("%d of %d p-values of %d pairs of independent series are at most .05", small, len(s.Pairs), s.Serial)
	}
	s = screening(t, Columns(column.Slices(walks...)), Options{})
	if s.Unresolved != len(s.Pairs) || s.Left(0.5) != 0 {
		t.Errorf("%d of %d pairs of walks are unresolved, and %d left", s.Unresolved, len(s.Pairs), s.Left(0.5))
	}
	x, z, groups := draws(n, r.NormFloat64), draws(n, r.NormFloat64), make([]int, n)
	for i := n - 1; i >= 0; i-- {
		x[i], z[i], groups[i] = x[i/4], z[i/4], i/4
	}
	if s := screening(t, named(x, z), Options{}); s.Repeated != n || s.Pairs[0].EffectiveRows != n/4 {
		t.Errorf("rows four times: %+v, %+v", s, s.Pairs[0])
	}
	if s := screening(t, named(draws(n, r.NormFloat64), z), Options{Groups: groups}); s.Pairs[0].EffectiveRows != n/4 {
		t.Errorf("groups of four: %+v", s.Pairs[0])
	}
	slices.Sort(x)
	y := draws(n, r.NormFloat64)
	for i := range z {
		z[i], y[i] = x[i]+r.NormFloat64(), x[i]+y[i]
	}
	for i := range x {
		x[i] = math.Floor(100 * x[i]) // a price, which most neighbours share
	}
	s = screening(t, named(y, z, x), Options{})
	if s.SortedBy != "c" || s.Serial != 0 || s.Pairs[0].EffectiveRows != n || s.Pairs[0].config(mine.DefaultConfig(n)).Split != mine.SplitRandom {
		t.Errorf("sorted: %+v, %+v", s, s.Pairs[0])
	}
}

// TestThreads: the number of threads changes no bit, and neither does what else is in the table, but for
// the order of equal values and for q-values.
func TestThreads(t *testing.T) {
	const n = 500
	r := rand.New(rand.NewPCG(11, 12))
	var columns [][]float64
	for range 70 { // more than two tiles
		columns = append(columns, draws(n, r.NormFloat64))
	}
	one := screening(t, Columns(column.Slices(columns...)), Options{Threads: 1})
	if many := screening(t, Columns(column.Slices(columns...)), Options{Threads: 5}); !reflect.DeepEqual(one, many) {
		t.Error("one thread and five say something else")
	}
	some := screening(t, Columns(column.Slices(columns[3], columns[69])), Options{})
	got, want := some.Pairs[0], one.Pairs[Index(3, 69, 70)]
	got.A, got.B, got.QValue = want.A, want.B, want.QValue
	// Products of two columns and of tiles may round differently.
	if math.Abs(got.Gaussian-want.Gaussian) > 1e-12 || math.Abs(got.PValue-want.PValue) > 1e-9 || got.Binned != want.Binned {
		t.Errorf("alone %+v, among others %+v", got, want)
	}
}

func TestRefused(t *testing.T) {
	good := draws(100, rand.New(rand.NewPCG(1, 1)).NormFloat64)
	bad := slices.Clone(good)
	bad[7] = math.NaN()
	for _, c := range []struct {
		vars []Variable
		opt  Options
		want string
	}{
		{named(good), Options{}, "1 variables, want at least 2"},
		{named(good, good[:50]), Options{}, "variable b has 50 rows, variable a has 100"},
		{[]Variable{{"a", column.Slices(good)}, {"a", column.Slices(good)}}, Options{}, "two variables are named a"},
		{named(good, bad), Options{}, "row 7, column 0 is NaN"},
		{named(good[:19], good[:19]), Options{}, "19 rows, want at least 20"},
		{named(good, good), Options{Groups: make([]int, 3)}, "groups of 3 rows, but there are 100"},
		{Columns(column.Slices[float64]()), Options{}, "1 variables"},
	} {
		if _, err := Screen(context.Background(), c.vars, DefaultConfig(1000), c.opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Screen(ended, named(good, good), DefaultConfig(1000), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	cfg := DefaultConfig(100)
	for _, change := range []func(*Config){func(c *Config) { c.FDR = 0 }, func(c *Config) { c.FDR = math.NaN() }, func(c *Config) { c.FDRMethod = "holm" }, func(c *Config) { c.Top = -1 }, func(c *Config) { c.Estimate.Folds = 0 }} {
		c := cfg
		change(&c)
		if err := c.Validate(); !errors.As(err, new(*mine.FieldError)) {
			t.Errorf("%v, want a FieldError", err)
		}
	}
}

// TestEmpty: a constant, and codes that are there once, have no look, and no part in the number of
// tests.
func TestEmpty(t *testing.T) {
	const n = 200
	r := rand.New(rand.NewPCG(1, 3))
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprint(i)
	}
	x := draws(n, r.NormFloat64)
	vars := append(named(x, make([]float64, n), draws(n, r.NormFloat64)), Variable{"d", column.Codes(ids)})
	s := screening(t, vars, Options{})
	if !slices.Equal(s.Empty, []int{1, 3}) {
		t.Errorf("empty %v, want 1 and 3", s.Empty)
	}
	for _, p := range s.Pairs {
		if (p.A != 0 || p.B != 2) && (p.PValue != 1 || p.Information != 0) {
			t.Errorf("%+v, want nothing", p)
		}
	}
	if p := s.Pairs[Index(0, 2, 4)]; p.QValue != p.PValue {
		t.Errorf("%+v: want one test", p)
	}
}
