package mine_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/objective"
	"gomine/mine/simulate"
)

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
	vx, vz := column.Slices(x), column.Slices(z)
	for _, c := range []struct {
		name string
		x, z column.Source
		cfg  mine.Config
		is   error
		text string
	}{
		{"NaN", column.Named(column.Slices(x, with(x, 17, math.NaN())), "a", "b"), vz, good, mine.ErrNonFinite, "x row 17, column b is NaN"},
		{"Inf", vx, column.Slices(with(z, 499, math.Inf(-1))), good, mine.ErrNonFinite, "z row 499, column 0 is -Inf"},
		{"Inf in place", column.InPlace([]float32{1, float32(math.Inf(1))}, 1), column.Slices([]float64{1, 2}), good, mine.ErrTooFewSamples, "2 rows"},
		{"unequal rows", column.Slices(x[:400]), vz, good, nil, "x has 400 rows and z has 500"},
		{"unequal columns", column.Slices(x, x[:3]), vz, good, nil, "column 1 has 3 rows"},
		{"no columns", column.Slices[float32](), vz, good, nil, "no columns"},
		{"ragged", column.RowMajor(x, 3), vz, good, nil, "500 values do not make rows of 3"},
		{"names", column.Named(vx, "a", "b"), vz, good, nil, "2 names for 1 columns"},
		{"nil matrix", column.Matrix(nil), vz, good, nil, "nil matrix"},
		{"nil source", nil, vz, good, mine.ErrTooFewSamples, "x is empty"},
		{"few rows", column.Slices(x[:40]), column.Slices(z[:40]), good, mine.ErrTooFewSamples, "40 rows leave"},
		{"constant side", column.Slices(make([]float64, rows)), vz, good, nil, "every column of x is constant"},
		{"divergence", vx, vz, change(func(c *mine.Config) { c.LearningRate = 1e20 }), mine.ErrDiverged, "learning rate"},
		{"no candidates", vx, vz, change(func(c *mine.Config) { c.Candidates = nil }), nil, "candidates"},
		{"bad activation", vx, vz, change(func(c *mine.Config) { c.Candidates[0].Activation = 9 }), nil, "candidates"},
		{"bad objective", vx, vz, change(func(c *mine.Config) { c.Candidates[0].Objective.Kind = 9 }), nil, "candidates"},
		{"bad preprocessing", vx, vz, change(func(c *mine.Config) { c.Candidates[0].Preprocess = 9 }), nil, "candidates"},
		{"race steps", vx, vz, change(func(c *mine.Config) {
			c.Candidates = append(c.Candidates, mine.Candidate{})
			c.RaceSteps = 0
		}), nil, "race_steps"},
		{"side that float64 keeps no digits of", &column.Compact{Values: backend.Matrix{Rows: rows, Cols: 1, Stride: 1, Data: make([]float32, rows)}, Cols: []column.Column{{Name: "far", Merged: 0.9}}},
			vz, good, nil, "values of far differ by less than 2^-48 of their size"},
		{"no layers", vx, vz, change(func(c *mine.Config) { c.Hidden = nil }), nil, "hidden"},
		{"many layers", vx, vz, change(func(c *mine.Config) { c.Hidden = []int{1, 1, 1, 1, 1} }), nil, "hidden"},
		{"empty layer", vx, vz, change(func(c *mine.Config) { c.Hidden = []int{8, 0} }), nil, "hidden"},
		{"batch of one", vx, vz, change(func(c *mine.Config) { c.Batch = 1 }), nil, "batch"},
		{"steps", vx, vz, change(func(c *mine.Config) { c.Steps = 0 }), nil, "steps"},
		{"rate", vx, vz, change(func(c *mine.Config) { c.LearningRate = math.NaN() }), nil, "learning_rate"},
		{"infinite rate", vx, vz, change(func(c *mine.Config) { c.LearningRate = math.Inf(1) }), nil, "learning_rate"},
		{"decay", vx, vz, change(func(c *mine.Config) { c.WeightDecay = -1 }), nil, "weight_decay"},
		{"ema", vx, vz, change(func(c *mine.Config) { c.Candidates[0].Objective = objective.MINE.With(0) }), nil, "rate of objective mine is 0"},
		{"no marginals", vx, vz, change(func(c *mine.Config) { c.Marginals = 0 }), nil, "marginals is 0, want 1 to 64"},
		{"many marginals", vx, vz, change(func(c *mine.Config) { c.Batch, c.Marginals = 8, 8 }), nil, "marginals is 8, want 1 to 7"},
		{"clip", vx, vz, change(func(c *mine.Config) { c.ClipNorm = 0 }), nil, "clip_norm is 0"},
		{"clip below 0", vx, vz, change(func(c *mine.Config) { c.ClipNorm = -1 }), nil, "clip_norm is -1"},
		{"clip not a number", vx, vz, change(func(c *mine.Config) { c.ClipNorm = mine.Limit(math.NaN()) }), nil, "clip_norm is NaN"},
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
			pkg, _, _ := strings.Cut(err.Error(), ": ")
			if !strings.Contains(err.Error(), c.text) || !slices.Contains([]string{"mine", "column", "preprocess"}, pkg) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q, want one line that begins with a package and contains %q", err, c.text)
			}
		})
	}
}

// warned reports whether a result has a warning of a kind.
func warned(r mine.Result, code mine.WarningCode) bool {
	return slices.ContainsFunc(r.Warnings, func(w mine.Warning) bool { return w.Code == code })
}

func TestWarnings(t *testing.T) {
	const rows = 4000
	_, x, z := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.5}, rows, 1)
	values := func(f func(i int) float64) []float64 {
		out := make([]float64, rows)
		for i := range out {
			out[i] = f(i)
		}
		return out
	}
	same := values(func(int) float64 { return 3 })
	coin := values(func(i int) float64 { return float64(i % 2) })
	cube := values(func(i int) float64 { return -x[i] * x[i] * x[i] })
	cfg := quick(rows)
	cfg.Steps = 200
	for _, c := range []struct {
		name string
		x, z column.Source
		want []mine.WarningCode
		text string
	}{
		{"none", column.Slices(x), column.Slices(z), nil, ""},
		{"constant", column.Named(column.Slices(x, same), "a", "b"), column.Slices(z), []mine.WarningCode{mine.WarnConstant}, "column b of x"},
		{"ties", column.Slices(x), column.Slices(z, coin), nil, ""},
		{"deterministic", column.Slices(x), column.Slices(z, cube), []mine.WarningCode{mine.WarnDeterministic}, "column 0 of x and column 1 of z"},
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
	r := estimate(t, column.Slices(x), column.Slices(x), cfg)
	if !warned(r, mine.WarnDeterministic) {
		t.Errorf("identical variables: warnings %v", r.Warnings)
	}
}
