package mine_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/objective"
	"gomine/mine/preprocess"
	"gomine/mine/simulate"
)

// fit trains a critic that is closed when the test ends.
func fit(t testing.TB, x, z column.Source, cfg mine.Config) *mine.Fitted {
	t.Helper()
	critic, _, err := mine.Fit(t.Context(), x, z, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { critic.Close() })
	return critic
}

// TestWithoutSilence: of independent rows, of which no critic has a weight, there is one that tells pairs apart, and the result is
// the same.
func TestWithoutSilence(t *testing.T) {
	const rows = 300
	for seed := range uint64(20) {
		task, x, z := draw(t, "independent", simulate.Params{DimX: 2, DimZ: 2}, rows, seed)
		vx, vz := column.RowMajor(x, task.DX), column.RowMajor(z, task.DZ)
		cfg := quick(rows)
		cfg.Batch, cfg.Steps, cfg.EvaluateEvery, cfg.Folds, cfg.Reference = 64, 100, 50, 2, true
		silent, want, err := mine.Fit(t.Context(), vx, vz, cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { silent.Close() })
		if len(silent.Parts) > 0 {
			continue
		}
		critic, got, err := mine.Fit(t.Context(), vx, vz, cfg, mine.WithoutSilence())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { critic.Close() })
		scores, err := critic.Scores(t.Context(), vx, vz)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Min(scores) == slices.Max(scores) || got.Bound != want.Bound {
			t.Errorf("scores from %g to %g; %+v, want %+v", slices.Min(scores), slices.Max(scores), got.Bound, want.Bound)
		}
		return
	}
	t.Error("critics of all sets say something")
}

// TestAnyOrder calls every method of a trained critic and of its estimator in every
// order: each must say the same whatever was asked before. A hopeless run, on
// independent data, is among the cases: there the constant critic stands in for the
// trained one, once and for all.
func TestAnyOrder(t *testing.T) {
	for _, c := range []struct {
		name     string
		rho      float64
		constant bool
	}{{"dependent", 0.8, false}, {"hopeless", 0, true}} {
		t.Run(c.name, func(t *testing.T) {
			const rows = 500
			family, params := "gaussian", simulate.Params{Dim: 4, Rho: c.rho}
			if c.rho == 0 {
				family, params = "independent", simulate.Params{DimX: 4, DimZ: 4}
			}
			task, x, z := draw(t, family, params, rows, 1)
			vx, vz := column.RowMajor(x, task.DX), column.RowMajor(z, task.DZ)
			cfg := quick(rows)
			cfg.Batch, cfg.LearningRate = 64, 0.02
			cfg.Steps, cfg.EvaluateEvery = 800, 800 // long after it has overfitted
			cfg.Candidates[0].Objective, cfg.ValidationFraction = objective.JS.Default(), 0.4
			ctx := t.Context()
			calls := []func(e *mine.Estimator, f *mine.Fitted) (any, error){
				func(e *mine.Estimator, _ *mine.Fitted) (any, error) {
					r, err := e.Result(ctx)
					return r.Bound, err
				},
				func(_ *mine.Estimator, f *mine.Fitted) (any, error) {
					s, err := f.Scores(ctx, vx, vz)
					return fmt.Sprint(s), err
				},
				func(_ *mine.Estimator, f *mine.Fitted) (any, error) { return f.Evaluate(ctx, vx, vz) },
				func(_ *mine.Estimator, f *mine.Fitted) (any, error) {
					gx, gz, err := f.Gradients(ctx, vx, vz)
					return fmt.Sprint(gx, gz), err
				},
			}
			var want []any
			for _, order := range permutations(len(calls)) {
				e, err := mine.NewEstimator(ctx, vx, vz, cfg)
				if err != nil {
					t.Fatal(err)
				}
				defer e.Close()
				if err := e.Fit(ctx); err != nil {
					t.Fatal(err)
				}
				f, err := e.Fitted()
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				if s, err := f.Scores(ctx, vx, vz); err != nil || (slices.Min(s) == slices.Max(s)) != c.constant {
					t.Fatalf("scores %v to %v, constant critic %v, error %v", slices.Min(s), slices.Max(s), c.constant, err)
				}
				got := make([]any, len(calls))
				for _, k := range order {
					if got[k], err = calls[k](e, f); err != nil {
						t.Fatal(err)
					}
				}
				if want == nil {
					want = got
				}
				for k := range got {
					if got[k] != want[k] {
						t.Errorf("in the order %v method %d says %.100v, want %.100v", order, k, got[k], want[k])
					}
				}
			}
		})
	}
}

// permutations returns all orders of n things.
func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, p := range permutations(n - 1) {
		for at := range n {
			all = append(all, slices.Insert(slices.Clone(p), at, n-1))
		}
	}
	return all
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
	critic := fit(t, column.RowMajor(x, 1), column.RowMajor(z, 1), cfg)
	bound := func(first, rows int) mine.Bound {
		x, z := make([]float64, rows), make([]float64, rows)
		if err := task.Fill(first, 2, x, z); err != nil {
			t.Fatal(err)
		}
		b, err := critic.Evaluate(t.Context(), column.RowMajor(x, 1), column.RowMajor(z, 1))
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

// TestFold: the critic is the mean of those of the folds, and each of them has its bound.
func TestFold(t *testing.T) {
	const rows = 900
	_, x, z := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.8}, rows, 1)
	vx, vz := column.Slices(x), column.Slices(z)
	critic := fit(t, vx, vz, folded(rows, 3))
	all, err := critic.Scores(t.Context(), vx, vz)
	if err != nil {
		t.Fatal(err)
	}
	mean := make([]float64, rows)
	for f := range 3 {
		one := critic.Fold(f)
		scores, err := one.Scores(t.Context(), vx, vz)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range scores {
			mean[i] += s / 3
		}
		b, err := one.Evaluate(t.Context(), vx, vz)
		if err != nil || !(b.Estimate > 0.4) { // of .51
			t.Errorf("fold %d: bound %v, error %v", f, b.Estimate, err)
		}
	}
	for i := range all {
		if !(math.Abs(all[i]-mean[i]) < 1e-6) { // weights in float64, scores in float32 of size 5
			t.Fatalf("row %d: score %v, mean over the folds %v", i, all[i], mean[i])
		}
	}
}

// TestEvaluateStaysCutOff: on rows of which there are more than tested the critics, what they
// say is cut off where they were tested, by 20 marginal pairs say. The oracle scores all pairs
// by itself, of which Evaluate draws 199 for each row with repetition: that moves the
// exponential mean by 1%.
func TestEvaluateStaysCutOff(t *testing.T) {
	const rows, fresh, pairs = 120, 200, 20
	params := simulate.Params{Dim: 1, Rho: 0.999}
	_, x, z := draw(t, "gaussian", params, rows, 1)
	cfg := folded(rows, 2)
	cfg.Batch, cfg.TestPairs = 32, fresh*fresh
	critic := fit(t, column.Slices(x), column.Slices(z), cfg)
	state := critic.State()
	for _, m := range state.Pairs {
		if m != rows/2*(rows/2-1) {
			t.Fatalf("critics were tested by %v marginal pairs, want all of %d rows", state.Pairs, rows/2)
		}
	}
	state.Pairs = []int{pairs, pairs}
	critic, err := mine.Restore(state)
	if err != nil {
		t.Fatal(err)
	}
	defer critic.Close()
	_, x, z = draw(t, "gaussian", params, fresh, 2)
	vx, vz := column.Slices(x), column.Slices(z)
	var xs, zs []int
	for i := range fresh * fresh {
		xs, zs = append(xs, i/fresh), append(zs, i%fresh)
	}
	sum := make([]float64, len(xs))
	for f := range state.Pairs {
		one := critic.Fold(f)
		scores, err := one.PairScores(t.Context(), vx, vz, xs, zs)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range scores {
			sum[i] += (one.LogU + max(min(s, math.Log(pairs)-2), -math.Log(pairs))) / 2
		}
	}
	var joint, exp float64
	for i, s := range sum {
		if xs[i] == zs[i] {
			joint += s / fresh
		} else {
			exp += math.Exp(s) / (fresh * (fresh - 1))
		}
	}
	b, err := critic.Evaluate(t.Context(), vx, vz)
	if want := joint - math.Log(exp); err != nil || !(math.Abs(b.Estimate-want) < 0.04) { // it is 2.31, and 3.06 where no more than all pairs of fresh rows cut it off
		t.Errorf("bound %v, error %v, want %v", b.Estimate, err, want)
	}
}

// TestScores checks pointwise scores and their gradients against the density
// of a Gaussian pair and against differences of the scores.
func TestScores(t *testing.T) {
	const rho = 0.8
	task, x, z := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: rho}, 20_000, 4)
	cfg := quick(20_000)
	cfg.Candidates[0].Preprocess = preprocess.Standardize // smooth, so that differences are derivatives
	critic := fit(t, column.RowMajor(x, 1), column.RowMajor(z, 1), cfg)
	_, x, z = draw(t, task.Name, simulate.Params{Dim: 1, Rho: rho}, 500, 5)
	scores := func(x, z []float64) []float64 {
		s, err := critic.Scores(t.Context(), column.RowMajor(x, 1), column.RowMajor(z, 1))
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

	if _, _, err := critic.Gradients(t.Context(), column.RowMajor([]float64{}, 1), column.RowMajor([]float64{}, 1)); err == nil {
		t.Error("gradients of no rows")
	}
	gx, gz, err := critic.Gradients(t.Context(), column.RowMajor(x, 1), column.RowMajor(z, 1))
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

// TestPairScores: rows with themselves have the scores of Scores, other pairs those of sources
// that put these rows beside each other, and rows that are not there are an error.
func TestPairScores(t *testing.T) {
	const rows = 400
	_, xs, zs := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.8}, rows, 1)
	x, z := column.Slices(xs), column.Slices(zs)
	cfg := quick(rows)
	cfg.Steps, cfg.Reference, cfg.Batch = 50, true, 32
	f, _, err := mine.Fit(t.Context(), x, z, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	at, with := []int{0, 7, 7, 399}, []int{3, 3, 7, 0}
	got, err := f.PairScores(t.Context(), x, z, at, with)
	if err != nil {
		t.Fatal(err)
	}
	want, err := f.Scores(t.Context(), column.Pick(x, at), column.Pick(z, with))
	if err != nil {
		t.Fatal(err)
	}
	for k := range want {
		if math.Abs(got[k]-want[k]) > 1e-5 { // of float32 scores of size 1, summed in another order
			t.Errorf("rows %d and %d: %v, want %v", at[k], with[k], got[k], want[k])
		}
	}
	for _, wrong := range [][2][]int{{{0, 1}, {0}}, {{0}, {rows}}, {{-1}, {0}}} {
		if _, err := f.PairScores(t.Context(), x, z, wrong[0], wrong[1]); !errors.Is(err, backend.ErrShape) {
			t.Errorf("rows %v with %v: %v", wrong[0], wrong[1], err)
		}
	}
}
