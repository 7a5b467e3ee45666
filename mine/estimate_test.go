package mine_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gorgonia.org/tensor"

	"gomine/cpu"
	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/simulate"
)

// quick is a configuration for tests: one candidate, few steps.
func quick(rows int) mine.Config {
	cfg := mine.DefaultConfig(rows)
	cfg.Candidates = []mine.Candidate{{Activation: backend.Softplus, Preprocess: mine.Rank, Objective: backend.DV}}
	cfg.Hidden = []int{32, 32}
	cfg.Batch = 128
	cfg.Steps = 600
	cfg.TestPairs = 50_000
	return cfg
}

// draw samples a family; the test fails if it does not exist.
func draw(t testing.TB, family string, p simulate.Params, rows int, seed uint64) (task *simulate.Task, x, z []float64) {
	t.Helper()
	task, err := simulate.New(family, p, "", "")
	if err != nil {
		t.Fatal(err)
	}
	x, z = task.Sample(rows, seed)
	return task, x, z
}

func estimate(t testing.TB, x, z mine.Variable, cfg mine.Config, opts ...mine.Option) mine.Result {
	t.Helper()
	r, err := mine.Estimate(t.Context(), x, z, cfg, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestKnownInformation compares quick estimates with the truth. The critic
// loses a little, the test sample adds noise: the estimate must lie between
// the truth less 10% and four standard errors and the truth plus four standard
// errors, where a right estimator fails once in 30,000 draws.
func TestKnownInformation(t *testing.T) {
	for _, c := range []struct {
		family string
		params simulate.Params
		rows   int
	}{
		{"gaussian", simulate.Params{Dim: 1, Rho: 0.9}, 10_000},
		{"gaussian", simulate.Params{Dim: 3, Info: 1}, 20_000},
		{"binary-channel", simulate.Params{Dim: 1, Noise: math.Sqrt(0.2)}, 10_000},
		{"discrete", simulate.Params{Dim: 1, Symbols: 4, Noise: 0.2}, 10_000},
		{"independent", simulate.Params{DimX: 3, DimZ: 2}, 10_000},
	} {
		for _, objective := range backend.Objectives() {
			t.Run(c.family+"/"+objective.String(), func(t *testing.T) {
				task, x, z := draw(t, c.family, c.params, c.rows, 1)
				cfg := quick(c.rows)
				cfg.Candidates[0] = mine.Candidate{Activation: backend.ReLU, Preprocess: mine.Standardize, Objective: objective}
				cfg.LearningRate = 3e-3
				r := estimate(t, mine.RowMajor(x, task.DX), mine.RowMajor(z, task.DZ), cfg)
				low, high := 0.9*task.Truth-4*r.StdErr, task.Truth+4*r.StdErr
				if !(low <= r.Estimate && r.Estimate <= high) {
					t.Errorf("estimate %.4f ± %.4f, want %.4f to %.4f (truth %.4f)", r.Estimate, r.StdErr, low, high, task.Truth)
				}
				if r.NWJ > r.Estimate+1e-12 {
					t.Errorf("NWJ bound %v exceeds the DV bound %v", r.NWJ, r.Estimate)
				}
				if !(r.Low < r.Estimate && r.Estimate < r.High && r.Low < r.LowerBound) {
					t.Errorf("estimate %v, interval %v to %v, lower bound %v", r.Estimate, r.Low, r.High, r.LowerBound)
				}
			})
		}
	}
}

// TestInvariance checks that with ranks an estimate is unchanged, up to the
// rounding of the inputs, by increasing maps of the columns.
func TestInvariance(t *testing.T) {
	task, x, z := draw(t, "gaussian", simulate.Params{Dim: 2, Rho: 0.8}, 4000, 3)
	plain := estimate(t, mine.RowMajor(x, task.DX), mine.RowMajor(z, task.DZ), quick(4000))
	for i, v := range x {
		x[i] = math.Exp(3 * v)
	}
	for i, v := range z {
		z[i] = v*v*v - 7
	}
	mapped := estimate(t, mine.RowMajor(x, task.DX), mine.RowMajor(z, task.DZ), quick(4000))
	// Training rows have the same ranks and so the same images; test rows lie
	// between knots, where the maps bend the straight lines by far less than a
	// standard error.
	if d := math.Abs(mapped.Estimate - plain.Estimate); d > 0.25*plain.StdErr {
		t.Errorf("estimate %v, of mapped columns %v: apart by %v, standard error %v", plain.Estimate, mapped.Estimate, d, plain.StdErr)
	}
}

// TestContainers checks that the layout of the data changes no bit of the
// result.
func TestContainers(t *testing.T) {
	const rows = 1000
	task, x, z := draw(t, "gaussian", simulate.Params{Dim: 3, Rho: 0.7}, rows, 2)
	for i := range x {
		// Values that float32 holds exactly, so that every container has them.
		x[i], z[i] = float64(float32(x[i])), float64(float32(z[i]))
	}
	cfg := quick(rows)
	cfg.Steps = 100
	want := estimate(t, mine.RowMajor(x, task.DX), mine.RowMajor(z, task.DZ), cfg)

	single := func(v []float64) []float32 {
		out := make([]float32, len(v))
		for i := range v {
			out[i] = float32(v[i])
		}
		return out
	}
	columns := func(v []float64) [][]float64 {
		out := make([][]float64, 3)
		for i := range v {
			out[i%3] = append(out[i%3], v[i])
		}
		return out
	}
	transposed := func(v []float64) *mat.Dense {
		var m mat.Dense
		m.CloneFrom(mat.NewDense(rows, 3, v).T())
		return &m
	}
	wide := tensor.New(tensor.WithShape(rows, 5), tensor.WithBacking(func() []float64 {
		out := make([]float64, rows*5)
		for i := range rows {
			copy(out[i*5+1:], x[i*3:i*3+3])
		}
		return out
	}()))
	sliced, err := wide.Slice(nil, tensor.S(1, 4))
	if err != nil {
		t.Fatal(err)
	}
	fortran := tensor.New(tensor.WithShape(rows, 3), tensor.AsFortran(slices.Clone(z))) // it transposes what it is given
	for name, v := range map[string][2]mine.Variable{
		"float32":        {mine.RowMajor(single(x), 3), mine.RowMajor(single(z), 3)},
		"columns":        {mine.Columns(columns(x)...), mine.Columns(columns(z)...)},
		"matrix":         {mine.Matrix(mat.NewDense(rows, 3, x)), mine.Matrix(transposed(z).T())},
		"tensor":         {mine.Tensor(tensor.New(tensor.WithShape(rows, 3), tensor.WithBacking(single(x)))), mine.Tensor(fortran)},
		"sliced tensor":  {mine.Tensor(sliced.(*tensor.Dense)), mine.RowMajor(z, 3)},
		"in place":       {mine.InPlace(single(x), 3), mine.InPlace(single(z), 3)},
		"x in place":     {mine.InPlace(single(x), 3), mine.RowMajor(z, 3)},
		"named in place": {mine.InPlace(single(x), 3).Named("a", "b", "c"), mine.RowMajor(z, 3)},
	} {
		got := estimate(t, v[0], v[1], cfg)
		if got.Estimate != want.Estimate || got.StdErr != want.StdErr {
			t.Errorf("%s: %v ± %v, want %v ± %v", name, got.Estimate, got.StdErr, want.Estimate, want.StdErr)
		}
	}
}

// TestRace checks that the race trains, ranks and reports its candidates, and
// that its winner is trained exactly as it would have been alone.
func TestRace(t *testing.T) {
	const rows = 4000
	task, x, z := draw(t, "uniform-noise", simulate.Params{Dim: 1, Noise: 0.1}, rows, 1)
	cfg := quick(rows)
	cfg.Candidates = mine.DefaultConfig(rows).Candidates
	cfg.RaceSteps = 200 // a multiple of EvaluateEvery: no extra points on the curve
	r := estimate(t, mine.RowMajor(x, task.DX), mine.RowMajor(z, task.DZ), cfg)
	if len(r.Race) != len(cfg.Candidates) {
		t.Fatalf("race of %d entries, want %d", len(r.Race), len(cfg.Candidates))
	}
	for i, entry := range r.Race {
		if entry.Steps < cfg.RaceSteps {
			t.Errorf("candidate %v raced for %d steps, want at least %d", entry.Candidate, entry.Steps, cfg.RaceSteps)
		}
		if i > 0 && entry.Steps > r.Race[0].Steps {
			t.Errorf("candidate %v raced for %d steps, the winner for %d", entry.Candidate, entry.Steps, r.Race[0].Steps)
		}
	}
	if r.Race[0].Candidate != r.Winner {
		t.Errorf("winner %v, first of the race %v", r.Winner, r.Race[0].Candidate)
	}
	cfg.Candidates = []mine.Candidate{r.Winner}
	alone := estimate(t, mine.RowMajor(x, task.DX), mine.RowMajor(z, task.DZ), cfg)
	if alone.Estimate != r.Estimate || !slices.Equal(alone.Curve, r.Curve) {
		t.Errorf("winner %v: %v after the race, %v alone", r.Winner, r.Estimate, alone.Estimate)
	}
}

// TestRepeatable checks that seed and configuration fix every bit, whatever
// the number of threads, and that another seed gives another estimate.
func TestRepeatable(t *testing.T) {
	const rows = 2000
	task, x, z := draw(t, "gaussian", simulate.Params{Dim: 2, Rho: 0.7}, rows, 2)
	cfg := quick(rows)
	cfg.Steps = 100
	run := func(threads int, seed uint64) mine.Result {
		cfg.Seed = seed
		return estimate(t, mine.RowMajor(x, task.DX), mine.RowMajor(z, task.DZ), cfg, mine.WithThreads(threads))
	}
	one, three, other := run(1, 1), run(3, 1), run(1, 2)
	if one.Bound != three.Bound || !slices.Equal(one.Curve, three.Curve) {
		t.Errorf("1 thread gives %+v, 3 threads give %+v", one.Bound, three.Bound)
	}
	if one.Estimate == other.Estimate {
		t.Errorf("seeds 1 and 2 both give %v", one.Estimate)
	}
}

// TestCoverage checks the 95% interval on a critic that is trained once: of
// 200 intervals from fresh rows, the number that contains its bound is
// binomial. With 0.95 it falls outside 179..200 in fewer than one of 500 runs
// (and these seeds are fixed).
func TestCoverage(t *testing.T) {
	const rows, repetitions = 1000, 200
	task, x, z := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.9}, 10_000, 1)
	cfg := quick(10_000)
	cfg.TestPairs = 20 * rows
	e, err := mine.NewEstimator(t.Context(), mine.RowMajor(x, 1), mine.RowMajor(z, 1), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := e.Fit(t.Context()); err != nil {
		t.Fatal(err)
	}
	bound := func(first, rows int) mine.Bound {
		x, z := make([]float64, rows), make([]float64, rows)
		if err := task.Fill(first, 2, x, z); err != nil {
			t.Fatal(err)
		}
		b, err := e.Evaluate(t.Context(), mine.RowMajor(x, 1), mine.RowMajor(z, 1))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	truth := bound(0, 200_000)
	inside := 0
	for i := range repetitions {
		if b := bound(200_000+i*rows, rows); b.Low <= truth.Estimate && truth.Estimate <= b.High {
			inside++
		}
	}
	if inside < 179 {
		t.Errorf("%d of %d intervals contain the bound %v", inside, repetitions, truth.Estimate)
	}
}

func TestInterrupt(t *testing.T) {
	task, x, z := draw(t, "gaussian", simulate.Params{Dim: 2, Rho: 0.9}, 5000, 1)
	for _, phase := range []mine.Phase{mine.PhaseRace, mine.PhaseTrain} {
		t.Run(string(phase), func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			cfg := quick(5000)
			cfg.Steps = 1_000_000
			cfg.RaceSteps = 1_000_000
			if phase == mine.PhaseRace {
				cfg.Candidates = mine.DefaultConfig(5000).Candidates
			}
			cfg.Patience = 1_000_000
			r, err := mine.Estimate(ctx, mine.RowMajor(x, task.DX), mine.RowMajor(z, task.DZ), cfg,
				mine.WithProgress(func(p mine.Progress) {
					if p.Phase == phase && p.Validation > 0.5 {
						cancel()
					}
				}))
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("error %v, want context.Canceled", err)
			}
			if r.Stop != mine.StopInterrupted || r.Estimate < 0.5 || r.Steps < 1 {
				t.Errorf("estimate %v after %d steps, stop %q: want the best so far", r.Estimate, r.Steps, r.Stop)
			}
			if !slices.ContainsFunc(r.Warnings, func(w mine.Warning) bool { return w.Code == mine.WarnInterrupted }) {
				t.Errorf("warnings %v do not say that the run was interrupted", r.Warnings)
			}
		})
	}
	t.Run("before the first validation", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := mine.Estimate(ctx, mine.RowMajor(x, task.DX), mine.RowMajor(z, task.DZ), quick(5000))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want context.Canceled", err)
		}
	})
}

// TestMore checks that Train goes on where Fit ended, also after the best
// critic has been put to use in between.
func TestMore(t *testing.T) {
	const rows = 2000
	task, x, z := draw(t, "gaussian", simulate.Params{Dim: 2, Rho: 0.7}, rows, 2)
	cfg := quick(rows)
	cfg.EvaluateEvery = 50
	cfg.Patience = 1000
	fit := func(pause bool) mine.Result {
		e, err := mine.NewEstimator(t.Context(), mine.RowMajor(x, task.DX), mine.RowMajor(z, task.DZ), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		if err := e.Fit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if pause {
			if _, err := e.Result(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Train(t.Context(), 100); err != nil {
			t.Fatal(err)
		}
		r, err := e.Result(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	through, paused := fit(false), fit(true)
	if through.Steps != cfg.Steps+100 {
		t.Errorf("%d steps, want %d", through.Steps, cfg.Steps+100)
	}
	if through.Bound != paused.Bound || !slices.Equal(through.Curve, paused.Curve) {
		t.Errorf("%+v without, %+v with a result in between", through.Bound, paused.Bound)
	}
}

// TestScores checks pointwise scores and their gradients against the density
// of a Gaussian pair and against differences of the scores.
func TestScores(t *testing.T) {
	const rho = 0.8
	task, x, z := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: rho}, 20_000, 4)
	cfg := quick(20_000)
	cfg.Candidates[0].Preprocess = mine.Standardize // smooth, so that differences are derivatives
	e, err := mine.NewEstimator(t.Context(), mine.RowMajor(x, 1), mine.RowMajor(z, 1), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if _, err := e.Scores(t.Context(), mine.RowMajor(x, 1), mine.RowMajor(z, 1)); err == nil {
		t.Error("scores before Fit: no error")
	}
	if err := e.Fit(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, x, z = draw(t, task.Name, simulate.Params{Dim: 1, Rho: rho}, 500, 5)
	scores := func(x, z []float64) []float64 {
		s, err := e.Scores(t.Context(), mine.RowMajor(x, 1), mine.RowMajor(z, 1))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	got := scores(x, z)
	var square float64
	for i := range got {
		const v = 1 - rho*rho
		want := -math.Log(v)/2 - (rho*rho*(x[i]*x[i]+z[i]*z[i])-2*rho*x[i]*z[i])/(2*v)
		square += (got[i] - want) * (got[i] - want)
	}
	// The scores have a standard deviation of rho; a critic worth its name
	// explains 95% of their variance.
	if rms := math.Sqrt(square / float64(len(got))); rms > 0.22*rho {
		t.Errorf("scores miss the log density ratio by %.3f rms", rms)
	}

	gx, gz, err := e.Gradients(t.Context(), mine.RowMajor(x, 1), mine.RowMajor(z, 1))
	if err != nil {
		t.Fatal(err)
	}
	// Central differences over 2h of float32 scores of magnitude 5: rounding
	// 5*2^-24*10/2h, where 10 stands for the roundings in the network, and
	// curvature h^2; both under a hundredth with h = 1/32.
	const h = 1. / 32
	shift := func(v []float64, by float64) []float64 {
		out := slices.Clone(v)
		for i := range out {
			out[i] += by
		}
		return out
	}
	up, down := scores(shift(x, h), z), scores(shift(x, -h), z)
	upZ, downZ := scores(x, shift(z, h)), scores(x, shift(z, -h))
	for i := range x {
		if want := (up[i] - down[i]) / (2 * h); math.Abs(gx.At(i, 0)-want) > 0.02 {
			t.Errorf("pair %d: d/dx is %.4f, difference %.4f", i, gx.At(i, 0), want)
		}
		if want := (upZ[i] - downZ[i]) / (2 * h); math.Abs(gz.At(i, 0)-want) > 0.02 {
			t.Errorf("pair %d: d/dz is %.4f, difference %.4f", i, gz.At(i, 0), want)
		}
	}
}

func TestWarnings(t *testing.T) {
	const rows = 4000
	_, x, z := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.5}, rows, 1)
	column := func(f func(i int) float64) []float64 {
		out := make([]float64, rows)
		for i := range out {
			out[i] = f(i)
		}
		return out
	}
	same := column(func(int) float64 { return 3 })
	coin := column(func(i int) float64 { return float64(i % 2) })
	cube := column(func(i int) float64 { return -x[i] * x[i] * x[i] })
	cfg := quick(rows)
	cfg.Steps = 200
	for _, c := range []struct {
		name string
		x, z mine.Variable
		want []mine.WarningCode
		text string
	}{
		{"none", mine.Columns(x), mine.Columns(z), nil, ""},
		{"constant", mine.Columns(x, same).Named("a", "b"), mine.Columns(z), []mine.WarningCode{mine.WarnConstant}, "column b of x"},
		{"discrete", mine.Columns(x), mine.Columns(z, coin), []mine.WarningCode{mine.WarnDiscrete}, "column 1 of z"},
		{"deterministic", mine.Columns(x), mine.Columns(z, cube), []mine.WarningCode{mine.WarnDeterministic}, "column 0 of x and column 1 of z"},
	} {
		r := estimate(t, c.x, c.z, cfg)
		for _, code := range c.want {
			i := slices.IndexFunc(r.Warnings, func(w mine.Warning) bool { return w.Code == code })
			if i < 0 {
				t.Errorf("%s: warnings %v, want %q", c.name, r.Warnings, code)
			} else if !strings.Contains(r.Warnings[i].Message, c.text) {
				t.Errorf("%s: warning %q does not name %q", c.name, r.Warnings[i].Message, c.text)
			}
		}
		if c.want == nil && len(r.Warnings) > 0 {
			t.Errorf("%s: warnings %v", c.name, r.Warnings)
		}
	}

	// Identical variables have infinite information: whatever number comes
	// out, it must not stand there without a word.
	r := estimate(t, mine.Columns(x), mine.Columns(x), cfg)
	if !slices.ContainsFunc(r.Warnings, func(w mine.Warning) bool { return w.Code == mine.WarnDeterministic }) {
		t.Errorf("identical variables: warnings %v", r.Warnings)
	}
}

func TestErrors(t *testing.T) {
	const rows = 500
	_, x, z := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.5}, rows, 1)
	with := func(v []float64, i int, value float64) []float64 {
		out := slices.Clone(v)
		out[i] = value
		return out
	}
	good := quick(rows)
	good.Steps = 50
	change := func(f func(*mine.Config)) mine.Config {
		cfg := good
		cfg.Candidates = slices.Clone(good.Candidates)
		f(&cfg)
		return cfg
	}
	vx, vz := mine.Columns(x), mine.Columns(z)
	for _, c := range []struct {
		name string
		x, z mine.Variable
		cfg  mine.Config
		is   error
		text string
	}{
		{"NaN", mine.Columns(x, with(x, 17, math.NaN())).Named("a", "b"), vz, good, mine.ErrNonFinite, "x row 17, column b is NaN"},
		{"Inf", vx, mine.Columns(with(z, 499, math.Inf(-1))), good, mine.ErrNonFinite, "z row 499, column 0 is -Inf"},
		{"Inf in place", mine.InPlace([]float32{1, float32(math.Inf(1))}, 1), mine.Columns([]float64{1, 2}), good, mine.ErrTooFewSamples, "2 rows"},
		{"unequal rows", mine.Columns(x[:400]), vz, good, nil, "x has 400 rows and z has 500"},
		{"unequal columns", mine.Columns(x, x[:3]), vz, good, nil, "column 1 has 3 rows"},
		{"no columns", mine.Columns[float32](), vz, good, nil, "no columns"},
		{"ragged", mine.RowMajor(x, 3), vz, good, nil, "500 values do not make rows of 3"},
		{"names", vx.Named("a", "b"), vz, good, nil, "2 names for 1 columns"},
		{"nil matrix", mine.Matrix(nil), vz, good, nil, "nil matrix"},
		{"nil tensor", vx, mine.Tensor(nil), good, nil, "nil tensor"},
		{"integer tensor", mine.Tensor(tensor.New(tensor.WithShape(2), tensor.WithBacking([]int{1, 2}))), vz, good, nil, "float32 or float64"},
		{"cube", mine.Tensor(tensor.New(tensor.WithShape(2, 2, 2), tensor.Of(tensor.Float32))), vz, good, nil, "want [n] or [n, d]"},
		{"zero value", mine.Variable{}, vz, good, nil, "rows"},
		{"few rows", mine.Columns(x[:40]), mine.Columns(z[:40]), good, mine.ErrTooFewSamples, "40 rows leave"},
		{"large batch", vx, vz, change(func(c *mine.Config) { c.Batch = 400 }), mine.ErrTooFewSamples, "batch is 400"},
		{"constant side", mine.Columns(make([]float64, rows)), vz, good, nil, "every column of x is constant"},
		{"divergence", vx, vz, change(func(c *mine.Config) { c.LearningRate = 1e20 }), mine.ErrDiverged, "learning rate"},
		{"no candidates", vx, vz, change(func(c *mine.Config) { c.Candidates = nil }), nil, "candidates"},
		{"bad activation", vx, vz, change(func(c *mine.Config) { c.Candidates[0].Activation = 9 }), nil, "candidates"},
		{"bad objective", vx, vz, change(func(c *mine.Config) { c.Candidates[0].Objective = 9 }), nil, "candidates"},
		{"bad preprocessing", vx, vz, change(func(c *mine.Config) { c.Candidates[0].Preprocess = 9 }), nil, "candidates"},
		{"race steps", vx, vz, change(func(c *mine.Config) {
			c.Candidates = append(c.Candidates, mine.Candidate{})
			c.RaceSteps = 0
		}), nil, "race_steps"},
		{"no layers", vx, vz, change(func(c *mine.Config) { c.Hidden = nil }), nil, "hidden"},
		{"many layers", vx, vz, change(func(c *mine.Config) { c.Hidden = []int{1, 1, 1, 1, 1} }), nil, "hidden"},
		{"empty layer", vx, vz, change(func(c *mine.Config) { c.Hidden = []int{8, 0} }), nil, "hidden"},
		{"batch of one", vx, vz, change(func(c *mine.Config) { c.Batch = 1 }), nil, "batch"},
		{"steps", vx, vz, change(func(c *mine.Config) { c.Steps = 0 }), nil, "steps"},
		{"rate", vx, vz, change(func(c *mine.Config) { c.LearningRate = math.NaN() }), nil, "learning_rate"},
		{"infinite rate", vx, vz, change(func(c *mine.Config) { c.LearningRate = math.Inf(1) }), nil, "learning_rate"},
		{"decay", vx, vz, change(func(c *mine.Config) { c.WeightDecay = -1 }), nil, "weight_decay"},
		{"ema", vx, vz, change(func(c *mine.Config) { c.EMARate = 0 }), nil, "ema_rate"},
		{"every", vx, vz, change(func(c *mine.Config) { c.EvaluateEvery = 0 }), nil, "evaluate_every"},
		{"patience", vx, vz, change(func(c *mine.Config) { c.Patience = 0 }), nil, "patience"},
		{"validation", vx, vz, change(func(c *mine.Config) { c.ValidationFraction = 1 }), nil, "validation_fraction"},
		{"test", vx, vz, change(func(c *mine.Config) { c.TestFraction = 0 }), nil, "test_fraction"},
		{"no training rows", vx, vz, change(func(c *mine.Config) { c.ValidationFraction, c.TestFraction = 0.5, 0.5 }), nil, "test_fraction"},
		{"pairs", vx, vz, change(func(c *mine.Config) { c.TestPairs = 0 }), nil, "test_pairs"},
		{"confidence", vx, vz, change(func(c *mine.Config) { c.Confidence = 1 }), nil, "confidence"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := mine.Estimate(t.Context(), c.x, c.z, c.cfg)
			if err == nil {
				t.Fatal("no error")
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("error %q is not %q", err, c.is)
			}
			if !strings.Contains(err.Error(), c.text) || !strings.HasPrefix(err.Error(), "mine: ") || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q, want one line that begins with \"mine: \" and contains %q", err, c.text)
			}
		})
	}
}

// TestSmallestShapes runs the smallest data and networks that are allowed.
func TestSmallestShapes(t *testing.T) {
	_, x, z := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.5}, 100, 1)
	cfg := mine.DefaultConfig(100)
	cfg.Hidden, cfg.Batch, cfg.Steps = []int{1}, 2, 3
	r := estimate(t, mine.Columns(x), mine.Columns(z), cfg)
	if math.IsNaN(r.Estimate) || math.IsInf(r.Estimate, 0) {
		t.Errorf("estimate %v", r.Estimate)
	}
}

// TestResultJSON checks that a result survives JSON.
func TestResultJSON(t *testing.T) {
	_, x, z := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.5}, 500, 1)
	cfg := quick(500)
	cfg.Steps = 20
	r := estimate(t, mine.Columns(x), mine.Columns(z), cfg)
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back mine.Result
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if again, _ := json.Marshal(back); string(again) != string(text) {
		t.Errorf("read back as %s, written as %s", again, text)
	}
}

// TestBackendStaysOpen checks that a given backend is not closed.
func TestBackendStaysOpen(t *testing.T) {
	b, err := cpu.Open(cpu.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	_, x, z := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.5}, 500, 1)
	cfg := quick(500)
	cfg.Steps = 20
	first := estimate(t, mine.Columns(x), mine.Columns(z), cfg, mine.WithBackend(b))
	second := estimate(t, mine.Columns(x), mine.Columns(z), cfg, mine.WithBackend(b))
	if first.Estimate != second.Estimate {
		t.Errorf("%v, then %v on the same backend", first.Estimate, second.Estimate)
	}
}
