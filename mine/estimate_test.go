package mine_test

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"gomine/cpu"
	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/objective"
	"gomine/mine/preprocess"
	"gomine/mine/simulate"
)

// quick is a configuration for tests: one candidate, one fold, few steps.
func quick(rows int) mine.Config {
	cfg := mine.SingleConfig(rows, mine.Candidate{Activation: backend.Softplus, Preprocess: preprocess.Rank, Objective: objective.DV.Default()})
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

func estimate(t testing.TB, x, z column.Source, cfg mine.Config, opts ...mine.Option) mine.Result {
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
		for _, kind := range objective.Kinds() {
			t.Run(c.family+"/"+kind.String(), func(t *testing.T) {
				task, x, z := draw(t, c.family, c.params, c.rows, 1)
				cfg := quick(c.rows)
				cfg.Candidates[0] = mine.Candidate{Activation: backend.ReLU, Preprocess: preprocess.Standardize, Objective: kind.Default()}
				cfg.LearningRate = 3e-3
				r := estimate(t, column.RowMajor(x, task.DX), column.RowMajor(z, task.DZ), cfg)
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
	plain := estimate(t, column.RowMajor(x, task.DX), column.RowMajor(z, task.DZ), quick(4000))
	for i, v := range x {
		x[i] = math.Exp(3 * v)
	}
	for i, v := range z {
		z[i] = v*v*v - 7
	}
	mapped := estimate(t, column.RowMajor(x, task.DX), column.RowMajor(z, task.DZ), quick(4000))
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
	want := estimate(t, column.RowMajor(x, task.DX), column.RowMajor(z, task.DZ), cfg)

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
	for name, v := range map[string][2]column.Source{
		"float32":        {column.RowMajor(single(x), 3), column.RowMajor(single(z), 3)},
		"columns":        {column.Slices(columns(x)...), column.Slices(columns(z)...)},
		"matrix":         {column.Matrix(mat.NewDense(rows, 3, x)), column.Matrix(transposed(z).T())},
		"joined":         {column.Join(column.Slices(columns(x)[0]), column.Slices(columns(x)[1:]...)), column.RowMajor(z, 3)},
		"in place":       {column.InPlace(single(x), 3), column.InPlace(single(z), 3)},
		"x in place":     {column.InPlace(single(x), 3), column.RowMajor(z, 3)},
		"named in place": {column.Named(column.InPlace(single(x), 3), "a", "b", "c"), column.RowMajor(z, 3)},
	} {
		got := estimate(t, v[0], v[1], cfg)
		if got.Estimate != want.Estimate || got.StdErr != want.StdErr {
			t.Errorf("%s: %v ± %v, want %v ± %v", name, got.Estimate, got.StdErr, want.Estimate, want.StdErr)
		}
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
		return estimate(t, column.RowMajor(x, task.DX), column.RowMajor(z, task.DZ), cfg, mine.WithThreads(threads))
	}
	one, three, other := run(1, 1), run(3, 1), run(1, 2)
	if one.Bound != three.Bound || !slices.Equal(one.Curve, three.Curve) {
		t.Errorf("1 thread gives %+v, 3 threads give %+v", one.Bound, three.Bound)
	}
	if one.Estimate == other.Estimate {
		t.Errorf("seeds 1 and 2 both give %v", one.Estimate)
	}
}

// TestSmallestShapes runs the smallest data and networks that are allowed.
func TestSmallestShapes(t *testing.T) {
	_, x, z := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.5}, 100, 1)
	cfg := mine.DefaultConfig(100)
	cfg.Hidden, cfg.Batch, cfg.Steps = []int{1}, 2, 3
	r := estimate(t, column.Slices(x), column.Slices(z), cfg)
	if math.IsNaN(r.Estimate) || math.IsInf(r.Estimate, 0) {
		t.Errorf("estimate %v", r.Estimate)
	}
}

// TestResultJSON checks that a result survives JSON.
func TestResultJSON(t *testing.T) {
	_, x, z := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.5}, 500, 1)
	cfg := quick(500)
	cfg.Steps = 20
	r := estimate(t, column.Slices(x), column.Slices(z), cfg)
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
	first := estimate(t, column.Slices(x), column.Slices(z), cfg, mine.WithBackend(b))
	second := estimate(t, column.Slices(x), column.Slices(z), cfg, mine.WithBackend(b))
	if first.Estimate != second.Estimate {
		t.Errorf("%v, then %v on the same backend", first.Estimate, second.Estimate)
	}
}

// TestHeavyTailsOfFewRows: of Cauchy's law, a joint pair of few validation rows may have a score so far above all others that the bound
// is tens of nats, which no pairs of so many rows can show: scores are cut off e^2 times below what all n (n-1) pairs can.
func TestHeavyTailsOfFewRows(t *testing.T) {
	const rows = 300
	task, x, z := draw(t, "student", simulate.Params{DimX: 2, DimZ: 2, Nu: 1}, rows, 1005)
	cfg := mine.DefaultConfig(rows)
	cfg.Candidates = []mine.Candidate{{Activation: backend.Softplus, Preprocess: preprocess.Standardize, Objective: objective.DV.Default()}}
	cfg.Reference, cfg.Neighbours = false, false
	for cfg.Seed = 10; cfg.Seed < 13; cfg.Seed++ {
		r := estimate(t, column.RowMajor(x, task.DX), column.RowMajor(z, task.DZ), cfg)
		n := float64(r.Rows.Validation)
		for f, curve := range r.Critics[0].Curves {
			for _, p := range curve {
				if most := math.Log(n*(n-1)) - 2; p.Validation > most+1e-3 { // of float32
					t.Errorf("seed %d, fold %d, step %d: %g nats of %g validation rows, want at most %g", cfg.Seed, f, p.Step, p.Validation, n, most)
				}
			}
		}
	}
}
