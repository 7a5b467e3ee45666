package mine_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"

	"gomine/cpu"
	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/preprocess"
	"gomine/mine/simulate"
)

// folded is quick on several folds, with a candidate more and the reference.
func folded(rows, folds int) mine.Config {
	cfg := quick(rows)
	cfg.Folds, cfg.Reference, cfg.Survivors, cfg.RaceSteps = folds, true, 2, 100
	cfg.Candidates = append(cfg.Candidates, mine.DefaultConfig(rows).Candidates[4])
	cfg.Steps, cfg.LearningRate = 300, 3e-3
	return cfg
}

// TestHistogram: all test rows and all their marginal pairs are counted, and the joint scores
// are the higher ones; what the counts say of the bound is that of the middles of the bins.
func TestHistogram(t *testing.T) {
	const rows = 900
	_, x, z := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.99}, rows, 1)
	r := estimate(t, column.Slices(x), column.Slices(z), folded(rows, 3))
	h := r.Scores
	width := (h.High - h.Low) / float64(len(h.Joint))
	var n, pairs int
	var mean, power float64
	for i := range h.Joint {
		middle := h.Low + (float64(i)+0.5)*width
		n, pairs = n+h.Joint[i], pairs+h.Marginal[i]
		mean += middle * float64(h.Joint[i])
		power += math.Exp(middle) * float64(h.Marginal[i])
	}
	if n != rows || pairs%rows != 0 || pairs == 0 {
		t.Errorf("%d rows and %d pairs are counted, want %d and a multiple", n, pairs, rows)
	}
	// A score is at most half a bin off; the three folds have an exponential mean each.
	if got := mean/float64(n) - math.Log(power/float64(pairs)); math.Abs(got-r.Estimate) > width/2+0.05 {
		t.Errorf("the counts say %v nats in bins of %v, the estimate is %v", got, width, r.Estimate)
	}
	// Without those that are cut off, the first bin is like the second, for the density of scores has no
	// spike there: 800 of each would differ by 40, the deviation of a difference of independent counts.
	if rest := h.Marginal[0] - h.MarginalCut; h.MarginalCut < h.Marginal[1] || math.Abs(float64(rest-h.Marginal[1])) > 200 || h.JointCut > h.Joint[0] {
		t.Errorf("%d marginal pairs and %d joint ones are cut off, of %d and %d in the first bin; the second has %d", h.MarginalCut, h.JointCut, h.Marginal[0], h.Joint[0], h.Marginal[1])
	}
	for _, c := range r.Critics {
		if len(c.Curves) != len(c.Steps) || !c.Reference && c.Curves[2][len(c.Curves[2])-1].Step != c.Steps[2] {
			t.Errorf("%d curves of %d folds, %v", len(c.Curves), len(c.Steps), c.Curves)
		}
	}
}

// TestCrossfit: all rows are tested on, the estimate is the mean over the folds, and the
// number of threads changes no bit. Allowed is what TestKnownInformation allows.
func TestCrossfit(t *testing.T) {
	const rows = 1501
	task, x, z := draw(t, "gaussian", simulate.Params{Dim: 2, Rho: 0.8}, rows, 1)
	run := func(threads int) mine.Result {
		r := estimate(t, column.RowMajor(x, 2), column.RowMajor(z, 2), folded(rows, 3), mine.WithThreads(threads))
		r.Timing, r.Device = mine.Timing{}, ""
		return r
	}
	r := run(1)
	if three := run(3); !reflect.DeepEqual(r, three) {
		t.Errorf("1 thread gives %+v, 3 threads give %+v", r, three)
	}
	tested, mean, variance, squares, weight := 0, 0.0, 0.0, 0.0, 0.0
	for _, f := range r.Folds {
		tested += f.Rows
		share := float64(f.Rows) / rows
		mean += share * f.Estimate
		variance += share * share * f.StdErr * f.StdErr
		squares += share * share
		weight += share * floats.Sum(f.Weights)
		if len(f.Weights) != 3 {
			t.Errorf("weights %v, want those of two candidates and the reference", f.Weights)
		}
	}
	if len(r.Folds) != 3 || tested != rows {
		t.Errorf("%d folds with %d rows, want 3 with %d", len(r.Folds), tested, rows)
	}
	// What critics know of single rows makes folds go together, the more the more they weigh. Folds do not differ by much.
	share := float64(r.Rows.Train) / float64(r.Rows.Train+r.Rows.Validation)
	common := (1 - squares) * share * share * weight * (r.Training - r.Estimate) / float64(r.Rows.Train)
	if math.Abs(r.Estimate-mean) > 1e-12 || math.Abs((r.StdErr*r.StdErr-variance)/common-1) > 0.05 {
		t.Errorf("estimate %v ± %v, want the mean over the folds, %v ± %v", r.Estimate, r.StdErr, mean, math.Sqrt(variance))
	}
	if low, high := 0.9*task.Truth-4*r.StdErr, task.Truth+4*r.StdErr; !(low <= r.Estimate && r.Estimate <= high) {
		t.Errorf("estimate %v ± %v, want %v to %v", r.Estimate, r.StdErr, low, high)
	}
	last := r.Critics[len(r.Critics)-1]
	if !last.Reference || !(last.Weight > 0.1) {
		t.Errorf("critics %+v: the last one should be that of a normal law, and weigh something for one", r.Critics)
	}
	if len(r.Race) != 2 || len(r.Critics) > 3 || len(r.Critics[0].Steps) != 3 {
		t.Errorf("race %+v, critics %+v", r.Race, r.Critics)
	}
}

// TestStackedFitted: the critic of all folds together says on new rows what it said on
// those that it was tested on, and its derivatives are those of its scores.
func TestStackedFitted(t *testing.T) {
	const rows, h = 3000, 1. / 64
	task, x, z := draw(t, "gaussian", simulate.Params{Dim: 2, Rho: 0.8}, rows, 1)
	cfg := folded(rows, 3)
	for i := range cfg.Candidates {
		cfg.Candidates[i].Preprocess = mine.DefaultConfig(rows).Candidates[4].Preprocess // smooth, so that differences are derivatives
		cfg.Candidates[i].Activation = backend.Softplus
	}
	critic, r, err := mine.Fit(t.Context(), column.RowMajor(x, 2), column.RowMajor(z, 2), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer critic.Close()
	x, z = task.Sample(2000, 2)
	b, err := critic.Evaluate(t.Context(), column.RowMajor(x, 2), column.RowMajor(z, 2))
	if err != nil {
		t.Fatal(err)
	}
	if apart := math.Abs(b.Estimate - r.Estimate); !(apart < 4*math.Hypot(b.StdErr, r.StdErr)) {
		t.Errorf("%v ± %v on new rows, %v ± %v on the old ones", b.Estimate, b.StdErr, r.Estimate, r.StdErr)
	}
	scores := func(x []float64) []float64 {
		s, err := critic.Scores(t.Context(), column.RowMajor(x, 2), column.RowMajor(z, 2))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	gx, _, err := critic.Gradients(t.Context(), column.RowMajor(x, 2), column.RowMajor(z, 2))
	if err != nil {
		t.Fatal(err)
	}
	up, down := slices.Clone(x), slices.Clone(x)
	for i := 0; i < len(x); i += 2 {
		up[i] += h
		down[i] -= h
	}
	high, low := scores(up), scores(down)
	for i := range high {
		if r := math.Hypot(x[2*i], x[2*i+1]); r < 0.1 || r > 2.5 {
			continue // the radius is bent at the middle, and ends at the farthest row
		}
		// Rounding of float32 scores of size 10, 10 2^-24/h, and curvature.
		if want := (high[i] - low[i]) / (2 * h); math.Abs(gx.At(i, 0)-want) > 0.03*(1+math.Abs(want)) {
			t.Errorf("pair %d: d/dx is %v, difference %v", i, gx.At(i, 0), want)
		}
	}
}

// nth is a backend whose trainer number bad never learns anything but NaN.
type nth struct {
	backend.Backend
	made, bad int
}

func (n *nth) NewTrainer(spec backend.Spec, data backend.Data, train backend.Rows) (backend.Trainer, error) {
	n.made++
	t, err := n.Backend.NewTrainer(spec, data, train)
	if n.made == n.bad {
		return nanTrainer{t}, err
	}
	return t, err
}

type nanTrainer struct{ backend.Trainer }

func (t nanTrainer) Train(ctx context.Context, rates, values []float64) (int, error) {
	n, err := t.Trainer.Train(ctx, rates, values)
	for i := range values {
		values[i] = math.NaN()
	}
	return n, err
}

// TestDivergedInAFold: a critic that diverges in one fold has no say there, and the
// others go on.
func TestDivergedInAFold(t *testing.T) {
	const rows = 1500
	task, x, z := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.8}, rows, 1)
	inner, err := cpu.Open(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	cfg := folded(rows, 3)
	cfg.Candidates = cfg.Candidates[:1]
	r := estimate(t, column.Slices(x), column.Slices(z), cfg, mine.WithBackend(&nth{Backend: inner, bad: 2}))
	if r.Critics[0].Failed != 1 || r.Folds[1].Weights[0] != 0 || r.Folds[0].Weights[0] == 0 {
		t.Errorf("critics %+v, folds %+v: want one that failed in the second fold", r.Critics, r.Folds)
	}
	if !warned(r, mine.WarnDiverged) {
		t.Errorf("warnings %v do not tell of it", r.Warnings)
	}
	if !(math.Abs(r.Estimate-task.Truth) < 0.1*task.Truth+4*r.StdErr) {
		t.Errorf("estimate %v ± %v, truth %v", r.Estimate, r.StdErr, task.Truth)
	}
	// Alone it is worth what it is worth where it is: 0 in the second fold would take a third off.
	if c := r.Critics[0]; c.Folds != 2 || !(math.Abs(c.Estimate-task.Truth) < 0.1*task.Truth+4*c.StdErr) {
		t.Errorf("alone %v ± %v in %d folds, want %v in 2", c.Estimate, c.StdErr, c.Folds, task.Truth)
	}
	cfg.Reference = false
	r = estimate(t, column.Slices(x), column.Slices(z), cfg, mine.WithBackend(&nth{Backend: inner, bad: 2}))
	if len(r.Folds) != 2 {
		t.Errorf("folds %+v, want the two that have a critic", r.Folds)
	}
}

// TestConstantInAFold: a column that varies in no training row of one fold.
func TestConstantInAFold(t *testing.T) {
	const rows = 1500
	_, x, z := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.8}, rows, 1)
	spike := make([]float64, rows)
	spike[1] = 1 // a test row of the first fold, where the race would be
	cfg := folded(rows, 3)
	r := estimate(t, column.Slices(spike), column.Slices(z), cfg)
	if math.Abs(r.Estimate) > 0.01 || math.IsNaN(r.StdErr) {
		t.Errorf("estimate %v ± %v of a spike, want 0", r.Estimate, r.StdErr)
	}
	// The row is a test row of one fold, and may be a validation row of another.
	if len(r.Folds) < 1 || len(r.Folds) > 2 || !warned(r, mine.WarnFolds) || warned(r, mine.WarnDiverged) {
		t.Errorf("%d folds, warnings %v, want one or two, and to hear of the others", len(r.Folds), r.Warnings)
	}
	cfg.Candidates = cfg.Candidates[:1]
	// A column that is constant somewhere is left out there, and the others count.
	r = estimate(t, column.Slices(x, spike), column.Slices(z), cfg)
	if !(r.Estimate > 0.4) {
		t.Errorf("estimate %v beside a spike, want that of the other column, .51", r.Estimate)
	}
}

// TestInterruptInFolds: an interruption after some folds reports on those, and not on one that is
// a third trained.
func TestInterruptInFolds(t *testing.T) {
	const rows = 3000
	_, x, z := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.9}, rows, 1)
	cfg := folded(rows, 5)
	cfg.Candidates = cfg.Candidates[:1]
	cfg.Patience = 1000
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	inner, err := cpu.Open(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	m := &mortal{Backend: inner, steps: 2*cfg.Steps + 100, tests: true}
	m.end = func() error { cancel(); return context.Canceled }
	r, err := mine.Estimate(ctx, column.Slices(x), column.Slices(z), cfg, mine.WithBackend(m))
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want context.Canceled", err)
	}
	if len(r.Folds) != 2 || r.Stop != mine.StopInterrupted || !(r.Estimate > 0.5) {
		t.Errorf("%v from %d folds, stop %q: want the two that are trained", r.Estimate, len(r.Folds), r.Stop)
	}
}

// TestInterruptAfterRace: what the race has made of a candidate stands beside a critic that
// has gone on.
func TestInterruptAfterRace(t *testing.T) {
	const rows = 1500
	_, x, z := draw(t, "uniform-noise", simulate.Params{Dim: 1, Noise: 0.5}, rows, 1) // where both weigh
	cfg := folded(rows, 3)
	cfg.TestPairs = 60_000 // 20,000 a fold, more than ten a row
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := mine.Estimate(ctx, column.Slices(x), column.Slices(z), cfg, mine.WithThreads(1), mine.WithProgress(func(p mine.Progress) {
		if p.Phase == mine.PhaseTrain {
			cancel()
		}
	}))
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want context.Canceled", err)
	}
	trained := 0
	for _, c := range r.Critics {
		if !c.Reference {
			trained++
		}
	}
	if len(r.Folds) != 1 || trained != 2 || !(r.Estimate > 0.3) {
		t.Errorf("%v from %d folds and %d critics, want one fold and both critics of the race", r.Estimate, len(r.Folds), trained)
	}
}

// TestSameCandidates: values far out are ranked even where they are to be standardised, so
// that three of the eight candidates are the same as others, and do not run.
func TestSameCandidates(t *testing.T) {
	const rows = 1500
	_, x, z := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.8}, rows, 1)
	for i := range rows {
		x[i], z[i] = math.Exp(5*x[i]), math.Exp(5*z[i])
	}
	cfg := folded(rows, 2)
	cfg.Candidates = mine.DefaultConfig(rows).Candidates
	cfg.RaceSteps, cfg.Steps = 20, 40
	if r := estimate(t, column.Slices(x), column.Slices(z), cfg); len(cfg.Candidates) != 8 || len(r.Race) != 5 {
		t.Errorf("%d of %d candidates ran, want 5 of 8: %+v", len(r.Race), len(cfg.Candidates), r.Race)
	}
}

// TestCodesFitted: the critic of a side that is a column of codes says on new rows what it said
// on those that it was tested on, whichever codes the new rows have, and in whichever order
// their numbers are. Its derivatives are those of its scores.
func TestCodesFitted(t *testing.T) {
	const rows, h = 2000, 1. / 64
	draw := func(seed uint64) (x []float64, z []string) {
		r := rand.New(rand.NewPCG(seed, 2))
		for range rows {
			c := r.IntN(6)
			x = append(x, r.NormFloat64()+float64(c*c%5))
			z = append(z, fmt.Sprint("code ", c))
		}
		return x, z
	}
	cfg := folded(rows, 3)
	for i := range cfg.Candidates { // smooth, so that differences are derivatives
		cfg.Candidates[i].Preprocess, cfg.Candidates[i].Activation = preprocess.Standardize, backend.Softplus
	}
	x, z := draw(1)
	critic, r, err := mine.Fit(t.Context(), column.Slices(x), column.Codes(z), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer critic.Close()
	for _, p := range critic.Parts {
		for _, c := range p.Critics {
			if !c.Normalised {
				t.Errorf("%+v is not normalised", c.Candidate)
			}
		}
	}
	x, z = draw(2)
	z[0] = "unknown"
	b, err := critic.Evaluate(t.Context(), column.Slices(x), column.Codes(z))
	if err != nil {
		t.Fatal(err)
	}
	if apart := math.Abs(b.Estimate - r.Estimate); !(apart < 4*math.Hypot(b.StdErr, r.StdErr)) {
		t.Errorf("%v ± %v on new rows, %v ± %v on the old ones", b.Estimate, b.StdErr, r.Estimate, r.StdErr)
	}
	scores := func(x []float64, z []string) []float64 {
		s, err := critic.Scores(t.Context(), column.Slices(x), column.Codes(z))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	all := scores(x, z)
	if some := scores(x[:10], z[:10]); !slices.Equal(some, all[:10]) {
		t.Errorf("the first ten rows score %v alone, %v with the others", some, all[:10])
	}
	gx, _, err := critic.Gradients(t.Context(), column.Slices(x), column.Codes(z))
	if err != nil {
		t.Fatal(err)
	}
	up, down := slices.Clone(x), slices.Clone(x)
	for i := range x {
		up[i] += h
		down[i] -= h
	}
	high, low := scores(up, z), scores(down, z)
	for i := range x {
		// Rounding of float32 scores of size 10, 10 2^-24/h, and curvature.
		if want := (high[i] - low[i]) / (2 * h); math.Abs(gx.At(i, 0)-want) > 0.03*(1+math.Abs(want)) && x[i] < 5.5 && x[i] > -1.5 { // the range of training rows ends
			t.Errorf("pair %d: d/dx is %v, difference %v", i, gx.At(i, 0), want)
		}
	}
}

// TestProgressOfFolds: what is reported says of which fold it is. The first report of a phase and
// the last one are never held back.
func TestProgressOfFolds(t *testing.T) {
	_, x, z := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.8}, 500, 1)
	cfg := folded(500, 3)
	cfg.Candidates, cfg.Steps = cfg.Candidates[:1], 40
	var folds []int
	estimate(t, column.Slices(x), column.Slices(z), cfg, mine.WithThreads(1), mine.WithProgress(func(p mine.Progress) {
		if p.Phase == mine.PhaseTrain {
			folds = append(folds, p.Fold)
		}
	}))
	if n := len(folds); n < 2 || folds[0] != 0 || folds[n-1] != 2 || !slices.IsSorted(folds) {
		t.Errorf("reports of folds %v, want 0 to 2", folds)
	}
}
