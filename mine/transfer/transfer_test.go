package transfer

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/conditional"
	"gomine/mine/lagged"
	"gomine/mine/preprocess"
	"gomine/mine/simulate"
)

// brief asks for little time: one network of few steps, beside the critic of the normal law.
func brief(rows, lag, horizon int) Config {
	cfg := DefaultConfig(rows)
	cfg.Lag, cfg.Horizon, cfg.Lagged = lag, horizon, false
	e := &cfg.Estimate
	e.Candidates, e.Hidden, e.Steps, e.EvaluateEvery, e.TestPairs, e.Neighbours = e.Candidates[:1], []int{8}, 60, 20, 20_000, false
	return cfg
}

// driven is a series of one column each in which X drives Z, and its law.
func driven(t *testing.T, rows int, seed uint64) (x, z []float64, law *simulate.VAR) {
	t.Helper()
	law, err := simulate.NewVAR(1, mat.NewDense(2, 2, []float64{0.5, 0, 0.8, 0.4}), mat.NewSymDense(2, []float64{1, 0, 0, 1}))
	if err != nil {
		t.Fatal(err)
	}
	x, z = law.Sample(rows, seed)
	return x, z, law
}

// TestKnown compares with the truth of a normal series, within four standard errors and what the
// bounds of each term lack of theirs: some dx dz/2n of the closed form, .001 at most here, in
// each of two terms.
func TestKnown(t *testing.T) {
	const rows, lag, horizon = 6000, 2, 2
	x, z, law := driven(t, rows, 1)
	cfg := brief(rows, lag, horizon)
	cfg.Lagged = true
	r, err := Estimate(context.Background(), Data{X: column.Slices(x), Z: column.Slices(z)}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	forward, back := law.Transfer(lag, horizon)
	const lacking = 0.002
	for _, c := range []struct {
		name              string
		got, stdErr, want float64
		low, high         float64
	}{
		{"transfer from X to Z", r.XToZ.Estimate, r.XToZ.StdErr, forward, r.XToZ.Low, r.XToZ.High},
		{"transfer from Z to X", r.ZToX.Estimate, r.ZToX.StdErr, back, r.ZToX.Low, r.ZToX.High},
		{"X two rows before Z", r.XToZ.Lagged[0].Estimate, r.XToZ.Lagged[0].StdErr, law.Lagged(2), r.XToZ.Lagged[0].Low, r.XToZ.Lagged[0].High},
		{"X three rows before Z", r.XToZ.Lagged[1].Estimate, r.XToZ.Lagged[1].StdErr, law.Lagged(3), r.XToZ.Lagged[1].Low, r.XToZ.Lagged[1].High},
		{"Z three rows before X", r.ZToX.Lagged[1].Estimate, r.ZToX.Lagged[1].StdErr, law.Lagged(-3), r.ZToX.Lagged[1].Low, r.ZToX.Lagged[1].High},
	} {
		if !(math.Abs(c.got-c.want) <= 4*c.stdErr+lacking) || !(c.stdErr > 0) {
			t.Errorf("%s is %.4f +- %.4f, want %.4f", c.name, c.got, c.stdErr, c.want)
		}
		if !(c.low <= c.got && c.got <= c.high) {
			t.Errorf("%s: %v is not within %v and %v", c.name, c.got, c.low, c.high)
		}
	}
	if !(r.Net > 2*r.NetStdErr) {
		t.Errorf("forward %v +- %v, net %v +- %v: the direction is not seen", r.XToZ.Estimate, r.XToZ.StdErr, r.Net, r.NetStdErr)
	}
	if got := r.XToZ.Estimate - r.ZToX.Estimate; got != r.Net || r.NetStdErr != r.XToZ.StdErr+r.ZToX.StdErr {
		t.Errorf("net %v +- %v, want %v", r.Net, r.NetStdErr, got)
	}
	if w := r.XToZ.Ways; len(w) != 1 || w[0].Way != conditional.Difference || w[0].With.Estimate-w[0].Without.Estimate != r.XToZ.Estimate {
		t.Errorf("%v by %s, want the difference of %+v", r.XToZ.Estimate, r.XToZ.Way, w)
	}
	for i, l := range r.XToZ.Lagged {
		if l.Lag != horizon+i {
			t.Errorf("lag %d stands at place %d", l.Lag, i)
		}
	}
	if len(r.XToZ.Lagged) != lag {
		t.Errorf("%d lags, want %d", len(r.XToZ.Lagged), lag)
	}
}

// TestOrder: with X and Z exchanged both directions are, and series whose rows are mixed in the file
// are those of a file of one series after the other. All bits are the same.
func TestOrder(t *testing.T) {
	const rows, series = 900, 3
	x, z, _ := driven(t, rows, 2)
	cfg := brief(rows, 1, 1)
	estimate := func(d Data) Result {
		t.Helper()
		r, err := Estimate(context.Background(), d, cfg)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	ids := make([]int, rows)
	mixed := Data{Series: make([]int, rows)}
	mx, mz := make([]float64, rows), make([]float64, rows)
	for i := range rows {
		ids[i] = i / (rows / series)
		to := i%(rows/series)*series + ids[i]
		mx[to], mz[to], mixed.Series[to] = x[i], z[i], ids[i]
	}
	first := estimate(Data{X: column.Slices(x), Z: column.Slices(z), Series: ids})
	back := estimate(Data{X: column.Slices(z), Z: column.Slices(x), Series: ids})
	if got, want := [2]float64{back.XToZ.Estimate, back.ZToX.Estimate}, [2]float64{first.ZToX.Estimate, first.XToZ.Estimate}; got != want {
		t.Errorf("exchanged: %v, want %v", got, want)
	}
	mixed.X, mixed.Z = column.Slices(mx), column.Slices(mz)
	if again := estimate(mixed); again.XToZ.Estimate != first.XToZ.Estimate || again.Split != first.Split {
		t.Errorf("mixed: %v of %+v, want %v of %+v", again.XToZ.Estimate, again.Split, first.XToZ.Estimate, first.Split)
	}
	if one := estimate(Data{X: column.Slices(x), Z: column.Slices(z)}); one.XToZ.Estimate == first.XToZ.Estimate || one.Split.Windows != rows-1 || first.Split.Windows != rows-series {
		t.Errorf("as one series there are %d windows, as three %d", one.Split.Windows, first.Split.Windows)
	}
}

// TestIndependent: of independent series, of which windows of five rows overlap, no estimate is
// four standard errors above 0. A split that tears windows apart lets networks remember them.
func TestIndependent(t *testing.T) {
	const rows = 1500
	g := rand.New(rand.NewPCG(3, 1))
	x, z := make([]float64, rows), make([]float64, rows)
	for i := range x {
		x[i], z[i] = g.NormFloat64(), g.NormFloat64()
	}
	cfg := brief(rows, 5, 1)
	cfg.Estimate.Hidden, cfg.Estimate.Steps = []int{32}, 300
	r, err := Estimate(context.Background(), Data{X: column.Slices(x), Z: column.Slices(z)}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []Direction{r.XToZ, r.ZToX} {
		if d.Estimate > 4*d.StdErr || d.Low > 0 {
			t.Errorf("%v +- %v, from %v on, of independent series", d.Estimate, d.StdErr, d.Low)
		}
	}
	if r.Split.Gap < 6 {
		t.Errorf("gaps of %d rows between windows of 6", r.Split.Gap)
	}
}

// TestMissing: rows without a value are looked at by no window; that they are there and NaN is an
// error otherwise.
func TestMissing(t *testing.T) {
	const rows = 600
	x, z, _ := driven(t, rows, 4)
	missing := make([]bool, rows)
	for _, i := range []int{0, 300, 301} {
		missing[i], z[i] = true, math.NaN()
	}
	d := Data{X: column.Slices(x), Z: column.Named(column.Slices(z), "flow")}
	var wrong *preprocess.NonFiniteError
	if _, err := Estimate(context.Background(), d, brief(rows, 2, 1)); !errors.As(err, &wrong) || wrong.Row != 0 || wrong.Column != "flow" || wrong.Side != "z" {
		t.Errorf("%v, want that row 0 of flow is NaN", err)
	}
	d.Missing = missing
	r, err := Estimate(context.Background(), d, brief(rows, 2, 1))
	if err != nil {
		t.Fatal(err)
	}
	// Windows of three rows: 299 rows and 298 have 297 and 296 of them.
	if r.Split.Windows != 297+296 {
		t.Errorf("%d windows, want %d", r.Split.Windows, 297+296)
	}
	if !(math.Abs(r.XToZ.Estimate) < 10) {
		t.Errorf("transfer of %v", r.XToZ.Estimate)
	}
}

func TestSplit(t *testing.T) {
	g := rand.New(rand.NewPCG(5, 1))
	noise := func(rows int, phi float64) column.Source {
		v := make([]float64, rows)
		for i := range v {
			v[i] = g.NormFloat64()
			if i > 0 {
				v[i] += phi * v[i-1]
			}
		}
		return column.Slices(v)
	}
	for _, c := range []struct {
		name         string
		rows         int
		phi          float64
		lag, horizon int
		block        int
		want         func(s Split) bool
	}{
		{"many rows", 20_000, 0, 3, 1, 0, func(s Split) bool { return s.Gap == 4 && s.Length == 80 && s.Blocks == 238 }},
		{"few rows", 400, 0, 1, 1, 0, func(s Split) bool { return s.Gap == 2 && s.Length == 10 && s.Blocks == 33 }},
		{"a block that is asked for", 2000, 0, 1, 1, 100, func(s Split) bool { return s.Length == 100 && s.Gap == 2 && s.Blocks == 19 }},
		{"correlated rows", 20_000, 0.9, 1, 1, 0, func(s Split) bool {
			// (1+.9)/(1-.9) = 19 rows, as far as a sample tells
			return s.Gap > 12 && s.Gap < 28 && s.Length >= 10*s.Gap && !s.Unresolved
		}},
		{"random walks", 2000, 1, 2, 1, 0, func(s Split) bool { return s.Unresolved && s.Gap >= 2000/unresolvedBlocks/5 && s.Blocks >= leastBlocks }},
	} {
		w, err := lagged.New(c.rows, nil, nil, c.lag, c.horizon)
		if err != nil {
			t.Fatal(err)
		}
		cfg := brief(c.rows, c.lag, c.horizon)
		cfg.Estimate.Block = mine.Length(c.block)
		kept, blocks, s, err := cut(w, noise(c.rows, c.phi), noise(c.rows, c.phi), cfg)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !c.want(s) || s.Used != kept.Rows() || len(blocks) != s.Used || s.Windows != c.rows-c.lag-c.horizon+1 {
			t.Errorf("%s: %+v", c.name, s)
		}
		if s.Unresolved != (warnings(s) != nil) {
			t.Errorf("%s: warnings %v", c.name, warnings(s))
		}
	}
}

// TestLevels: levels by series are not taken for rows that are correlated, but said; without them
// the split is the same, and nothing is said of levels. A level of one side alone tells nothing.
func TestLevels(t *testing.T) {
	const series, rows = 12, 120
	for _, c := range []struct {
		name   string
		x, z   float64 // standard deviations of the levels
		levels bool
	}{{"both", 5, 5, true}, {"none", 0, 0, false}, {"one side", 5, 0, false}} {
		g := rand.New(rand.NewPCG(9, 1))
		x, z, ids := make([]float64, series*rows), make([]float64, series*rows), make([]int, series*rows)
		var levelX, levelZ, before, own float64
		for i := range x {
			if i%rows == 0 {
				levelX, levelZ, before, own = c.x*g.NormFloat64(), c.z*g.NormFloat64(), 0, 0
			}
			own, before = 0.3*own+0.6*before+g.NormFloat64(), g.NormFloat64()
			x[i], z[i], ids[i] = levelX+before, levelZ+own, i/rows
		}
		w, err := lagged.New(len(x), ids, nil, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		_, _, s, err := cut(w, column.Slices(x), column.Slices(z), brief(len(x), 1, 1))
		if err != nil {
			t.Fatal(err)
		}
		if s.Unresolved || s.Gap != 2 || s.Blocks != 3*series || s.Levels != c.levels {
			t.Errorf("levels of %s: %+v", c.name, s)
		}
		if c.levels != (len(warnings(s)) == 1) {
			t.Errorf("levels of %s: warnings %v", c.name, warnings(s))
		}
	}
}

func TestErrors(t *testing.T) {
	x, z, _ := driven(t, 600, 6)
	same := make([]float64, 600)
	pair := Data{X: column.Slices(x), Z: column.Slices(z)}
	with := func(change func(*Config)) Config {
		c := brief(600, 1, 1)
		change(&c)
		return c
	}
	usual := with(func(*Config) {})
	short := make([]int, 600)
	short[599] = 8
	for _, c := range []struct {
		name string
		data Data
		cfg  Config
		want string
		is   error
	}{
		{"no lag", pair, with(func(c *Config) { c.Lag = 0 }), "lag is 0, want at least 1", nil},
		{"no horizon", pair, with(func(c *Config) { c.Horizon = 0 }), "horizon is 0, want at least 1", nil},
		{"a random split", pair, with(func(c *Config) { c.Estimate.Split = mine.SplitRandom }), "share rows", nil},
		{"no way", pair, with(func(c *Config) { c.Way = "neither" }), "way is neither, want one of", nil},
		{"a lag of all rows", pair, with(func(c *Config) { c.Lag = 600 }), "there are 600 rows, want at least 601 for a lag of 600", nil},
		{"few blocks", pair, with(func(c *Config) { c.Lag = 50 }), "550 windows make 4 blocks", mine.ErrTooFewSamples},
		{"a constant", Data{X: column.Slices(same), Z: column.Slices(z)}, usual, "no column of x ever changes", ErrConstant},
		{"sides that do not fit", Data{X: column.Slices(x[1:]), Z: column.Slices(z)}, usual, "x has 599 rows and z has 600", nil},
		{"no data", Data{X: column.Slices(x)}, usual, "argument z", column.ErrEmpty},
		{"series that do not fit", Data{X: pair.X, Z: pair.Z, Series: []int{1}}, usual, "series of 1 rows", nil},
		{"missing rows that do not fit", Data{X: pair.X, Z: pair.Z, Missing: []bool{true}}, usual, "1 rows are said", nil},
		{"a short series", Data{X: pair.X, Z: pair.Z, Series: short}, usual, "series 8 has 1 row, want at least 2", nil},
	} {
		_, err := Estimate(context.Background(), c.data, c.cfg)
		if err == nil || !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Estimate(ctx, pair, usual); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestBelowZero: a warning is of estimates that are below 0 both by more than their error and by
// what matters.
func TestBelowZero(t *testing.T) {
	for _, c := range []struct {
		estimate, stdErr float64
		want             bool
	}{{-0.34, 0.14, true}, {-0.27, 0.14, false}, {-0.009, 0.001, false}, {-0.011, 0.001, true}, {0.5, 0.01, false}} {
		w := belowZero(conditional.Interval{Estimate: c.estimate, StdErr: c.stdErr})
		if (w != nil) != c.want || w != nil && (w.Code != WarnNegative || !strings.Contains(w.Message, "below 0")) {
			t.Errorf("%v +- %v: %v", c.estimate, c.stdErr, w)
		}
	}
}

// TestUnchanged: the settings of the result are those given.
func TestUnchanged(t *testing.T) {
	x, z, _ := driven(t, 600, 7)
	cfg := brief(600, 1, 1)
	cfg.Estimate.Block = 20
	r, err := Estimate(context.Background(), Data{X: column.Slices(x), Z: column.Slices(z)}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(r.Config, cfg) || r.Split.Length != 20 {
		t.Errorf("%+v in blocks of %d, want %+v", r.Config, r.Split.Length, cfg)
	}
}

// TestDrivenByValues: the past of a series that is a function of the other's values has nothing left to tell,
// which is no error: the other direction is asked for as well.
func TestDrivenByValues(t *testing.T) {
	g := rand.New(rand.NewPCG(4, 4))
	x, z := make([]float64, 600), make([]float64, 600)
	for i := range x {
		x[i] = float64(g.IntN(6))
		if i > 0 {
			z[i] = float64(int(x[i-1]*x[i-1]) % 3)
		}
	}
	cfg := brief(len(x), 2, 1)
	cfg.Permutations = 0
	d := Data{X: column.Slices(x), Z: column.Slices(z)}
	e, err := newEstimator(d, cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d, err := e.direction(t.Context(), d.Z, d.X); err != nil || !(math.Abs(d.Estimate) < 0.1) {
		t.Errorf("%v nats, error %v, want 0", d.Estimate, err)
	}
}
