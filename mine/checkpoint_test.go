package mine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gomine/cpu"
	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/objective"
	"gomine/mine/simulate"
)

// observed is a backend on one thread that calls before ahead of the steps between two validations,
// with the steps that all trainers have been asked for by then. An error of that ends them
// half-way. Its methods have to be called from one goroutine.
type observed struct {
	backend.Backend
	before func(asked int) error
	asked  int
}

func (o *observed) NewTrainer(spec backend.Spec, data backend.Data, train backend.Rows) (backend.Trainer, error) {
	t, err := o.Backend.NewTrainer(spec, data, train)
	return &observedTrainer{t, o}, err
}

type observedTrainer struct {
	backend.Trainer
	of *observed
}

func (t *observedTrainer) Train(ctx context.Context, rates, values []float64) (int, error) {
	ended := t.of.before(t.of.asked)
	if ended != nil {
		rates = rates[:len(rates)/2]
	}
	t.of.asked += len(rates)
	n, err := t.Trainer.Train(ctx, rates, values[:len(rates)])
	return n, errors.Join(err, ended)
}

// observe runs an estimate on an observed backend.
func observe(t *testing.T, ctx context.Context, x, z column.Source, cfg mine.Config, before func(asked int) error, opts ...mine.Option) (r mine.Result, asked int, err error) {
	t.Helper()
	inner, err := cpu.Open(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	o := &observed{Backend: inner, before: before}
	r, err = mine.Estimate(ctx, x, z, cfg, append(opts, mine.WithBackend(o))...)
	return r, o.asked, err
}

// without are all bits of a result that no thread and no time has a part in.
func without(t *testing.T, r mine.Result) string {
	t.Helper()
	r.Timing, r.Device = mine.Timing{}, ""
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// differ shows where two results do.
func differ(t *testing.T, what, got, want string) {
	t.Helper()
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Errorf("%s: line %d of the result is %s, want %s", what, i, a[i], b[i])
			return
		}
	}
	if len(a) != len(b) {
		t.Errorf("%s: the result has %d lines, want %d", what, len(a), len(b))
	}
}

// copyFolder copies the files of a folder, if it is there.
func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	if _, err := os.Stat(from); err != nil {
		return
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// resumable are the data and settings of an estimate with all that is to be gone on from: a race,
// several folds, MINE's moving average, critics that end early, and, with a share of the rows
// in one fold, a race on all rows of it.
func resumable(t *testing.T) (x, z column.Source, cfg mine.Config) {
	t.Helper()
	const rows = 300
	_, a, b := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.9}, rows, 1)
	cfg = folded(rows, 2)
	cfg.Candidates = mine.DefaultConfig(rows).Candidates[:4]
	cfg.Candidates[1].Objective = objective.MINE.Default()
	cfg.Hidden, cfg.Batch, cfg.EvaluateEvery, cfg.RaceSteps, cfg.Patience, cfg.Survivors = []int{16}, 32, 40, 100, 3, 3
	cfg.TestPairs, cfg.LearningRate = 1000, 1e-2 // at which they overfit, and end early
	return column.Slices(a), column.Slices(b), cfg
}

// TestResume kills an estimate ahead of all steps between two validations, by going on from what is in
// the folder then. It ends in the bits of one that was not killed, of more threads, and trains
// no step again that lies before the last validation.
func TestResume(t *testing.T) {
	x, z, cfg := resumable(t)
	for _, folds := range []int{1, 2} {
		cfg.Folds = folds
		r := estimate(t, x, z, cfg, mine.WithThreads(1))
		want := without(t, r)
		if len(r.Critics) < 3 || len(r.Race) != 4 || r.Stop != mine.StopPatience || folds == 1 && r.BestStep == r.Steps {
			t.Fatalf("%d critics, %d in the race, stop %q after %d steps, best after %d: want several, and an end after the best",
				len(r.Critics), len(r.Race), r.Stop, r.Steps, r.BestStep)
		}
		for _, entry := range r.Race { // without them, no bits of theirs would be compared
			if len(entry.Curve) == 0 {
				t.Fatalf("no validations of %v in the race", entry.Candidate)
			}
		}
		dir, moments := filepath.Join(t.TempDir(), "dir"), t.TempDir()
		var killed []int // steps asked for by then
		again, all, err := observe(t, t.Context(), x, z, cfg, func(asked int) error {
			copyFolder(t, dir, filepath.Join(moments, fmt.Sprint(len(killed))))
			killed = append(killed, asked)
			return nil
		}, mine.WithCheckpoints(dir, 0))
		if err != nil {
			t.Fatal(err)
		}
		differ(t, "with checkpoints", without(t, again), want)
		killed = append(killed, all)
		last := filepath.Join(moments, fmt.Sprint(len(killed)-1))
		copyFolder(t, dir, last)
		if err := os.Remove(filepath.Join(last, "result.checkpoint")); err != nil {
			t.Error(err)
		}
		for k, done := range killed {
			at := filepath.Join(moments, fmt.Sprint(k))
			options, threads := mine.WithCheckpoints(at, time.Hour), 2
			if k%2 == 0 {
				got, asked, err := observe(t, t.Context(), x, z, cfg, func(int) error { return nil }, options)
				if err != nil || asked != all-done {
					t.Errorf("killed after %d of %d steps: %d more were trained, error %v", done, all, asked, err)
				}
				differ(t, fmt.Sprintf("killed after %d steps", done), without(t, got), want)
				continue
			}
			got := estimate(t, x, z, cfg, options, mine.WithThreads(threads))
			differ(t, fmt.Sprintf("killed after %d steps, on %d threads", done, threads), without(t, got), want)
		}
	}
}

// TestRepeat: an estimate that has ended is repeated without the backend, to the bit; one that gives the
// critic as well needs it, and so does one whose result was removed.
func TestRepeat(t *testing.T) {
	x, z, cfg := resumable(t)
	dir := filepath.Join(t.TempDir(), "dir")
	inner, err := cpu.Open(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	m := &mortal{Backend: inner, steps: 1_000_000, tests: true}
	opts := []mine.Option{mine.WithBackend(m), mine.WithCheckpoints(dir, 0)}
	want := without(t, estimate(t, x, z, cfg, opts...))
	m.lost = errLost
	again := estimate(t, x, z, cfg, opts...)
	differ(t, "repeated", without(t, again), want)
	if s := again.Timing; s.Prepare <= 0 || s.Train != 0 || s.StepsPerSecond != 0 {
		t.Errorf("timing %+v, want that of preparing alone", s)
	}
	if f, _, err := mine.Fit(t.Context(), x, z, cfg, opts...); f != nil || !errors.Is(err, errLost) {
		t.Errorf("critic %v, error %v, want none and %v", f, err, errLost)
	}
	if err := os.Remove(filepath.Join(dir, "result.checkpoint")); err != nil {
		t.Fatal(err)
	}
	if _, err := mine.Estimate(t.Context(), x, z, cfg, opts...); !errors.Is(err, errLost) {
		t.Errorf("error %v without a result, want %v", err, errLost)
	}
	m.lost = nil
	differ(t, "scored again", without(t, estimate(t, x, z, cfg, opts...)), want)
}

// TestRepeatLowered: the configuration that a result has repeats it from its folder, also where the
// batch and the folds that were asked for were too many, which the repetition did not ask for.
func TestRepeatLowered(t *testing.T) {
	_, a, b := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.9}, 300, 1)
	x, z, cfg := column.Slices(a), column.Slices(b), quick(300)
	cfg.Steps, cfg.Batch, cfg.Folds = 40, 400, 5
	groups := make([]int, len(a))
	for i := range groups {
		groups[i] = i / 25
	}
	opts := []mine.Option{mine.WithGroups(groups), mine.WithCheckpoints(filepath.Join(t.TempDir(), "dir"), 0)}
	want := estimate(t, x, z, cfg, opts...)
	if c := want.Config; c.Batch >= cfg.Batch || c.Folds >= cfg.Folds || !warned(want, mine.WarnBatch) {
		t.Fatalf("%d folds, batches of %d, warnings %v, want fewer than were asked for, and a warning", c.Folds, c.Batch, want.Warnings)
	}
	differ(t, "repeated", without(t, estimate(t, x, z, cfg, opts...)), without(t, want))
	again := estimate(t, x, z, want.Config, opts...)
	if warned(again, mine.WarnBatch) {
		t.Errorf("warnings %v, want none of the batch, which is the one asked for", again.Warnings)
	}
	again.Warnings = want.Warnings
	differ(t, "by its configuration", without(t, again), without(t, want))
}

// TestResumeAfterInterrupts: an estimate that is interrupted half-way between validations, over and
// over, comes to the same bits.
func TestResumeAfterInterrupts(t *testing.T) {
	x, z, cfg := resumable(t)
	want := without(t, estimate(t, x, z, cfg))
	dir := filepath.Join(t.TempDir(), "dir")
	for runs := 1; ; runs++ {
		ctx, cancel := context.WithCancel(t.Context())
		r, asked, err := observe(t, ctx, x, z, cfg, func(asked int) error {
			if asked < 150 {
				return nil
			}
			cancel()
			return context.Canceled
		}, mine.WithCheckpoints(dir, time.Hour))
		cancel()
		if err == nil {
			differ(t, fmt.Sprintf("after %d runs", runs), without(t, r), want)
			if runs < 5 {
				t.Errorf("%d runs, want several interruptions", runs)
			}
			return
		}
		if !errors.Is(err, context.Canceled) || asked < 150 {
			t.Fatalf("run %d: error %v after %d steps", runs, err, asked)
		}
	}
}

// TestResumeDiverged: a critic that diverged does so again.
func TestResumeDiverged(t *testing.T) {
	x, z, cfg := resumable(t)
	cfg.LearningRate = 1e20
	dir := filepath.Join(t.TempDir(), "dir")
	var texts []string
	for range 2 {
		_, err := mine.Estimate(t.Context(), x, z, cfg, mine.WithCheckpoints(dir, 0))
		if !errors.Is(err, mine.ErrDiverged) {
			t.Fatalf("error %v, want ErrDiverged", err)
		}
		texts = append(texts, err.Error())
	}
	if texts[0] != texts[1] {
		t.Errorf("%s, and then %s", texts[0], texts[1])
	}
}

// TestCheckpointsFail: where a checkpoint cannot be written, training ends with what there is; once it can, it goes on to the same bits.
func TestCheckpointsFail(t *testing.T) {
	x, z, cfg := resumable(t)
	want := without(t, estimate(t, x, z, cfg))
	dir := filepath.Join(t.TempDir(), "dir")
	away := dir + ".away"
	r, _, err := observe(t, t.Context(), x, z, cfg, func(asked int) error {
		if asked < 700 {
			return nil
		}
		return os.Rename(dir, away)
	}, mine.WithCheckpoints(dir, 0))
	if !errors.Is(err, mine.ErrCheckpoint) || !strings.Contains(err.Error(), dir) || r.Stop != mine.StopCheckpoint || r.Steps == 0 {
		t.Errorf("stop %q after %d steps, error %v, want one that names the folder", r.Stop, r.Steps, err)
	}
	if name := regexp.MustCompile(`\S+\.checkpoint`).FindString(err.Error()); name == "" || strings.Count(err.Error(), name) != 1 {
		t.Errorf("error %v, want one that names each file once", err)
	}
	differ(t, "gone on", without(t, estimate(t, x, z, cfg, mine.WithCheckpoints(away, 0))), want)
}

// TestCheckpointsOfAnother: nothing goes on from what is of another estimate.
func TestCheckpointsOfAnother(t *testing.T) {
	_, a, b := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.9}, 300, 1)
	cfg := quick(300)
	cfg.Steps, cfg.Batch = 40, 32
	x, z := column.Slices(a), column.Slices(b)
	groups := make([]int, len(a))
	for i := range groups {
		groups[i] = i / 3
	}
	changed := append([]float64(nil), b...)
	changed[299] += 1e-15
	other := cfg
	other.Steps = 41
	dir := filepath.Join(t.TempDir(), "dir")
	begun := mine.WithCheckpoints(dir, 0)
	want := estimate(t, x, z, cfg, begun)
	manifest, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		x, z     column.Source
		cfg      mine.Config
		manifest []byte
		opts     []mine.Option
		text     string
	}{
		{x, z, other, manifest, nil, "config.steps was 40 and is 41 now"},
		{x, column.Slices(changed), cfg, manifest, nil, "data was "},
		{z, x, cfg, manifest, nil, "data was "},
		{x, column.Named(z, "y"), cfg, manifest, nil, `z[0] was "0" and is "y" now`},
		{x, z, cfg, manifest, []mine.Option{mine.WithGroups(groups)}, "data was "},
		{x, z, cfg, bytes.Replace(manifest, []byte(`"version": 1`), []byte(`"version": 0`), 1), nil, "version was 0 and is 1 now"},
		{x, z, cfg, bytes.Replace(manifest, []byte(` go1.`), []byte(` go0.`), 1), nil, "program was "},
		{x, z, cfg, bytes.Replace(manifest, []byte(`"cpu"`), []byte(`"cuda"`), 1), nil, `backend was "cuda" and is "cpu" now`},
		{x, z, cfg, bytes.Replace(manifest, []byte(` kernels"`), []byte(`"`), 1), nil, "device was "},
		{x, z, cfg, manifest[:len(manifest)/2], nil, "manifest.json is damaged"},
	} {
		if err := os.WriteFile(filepath.Join(dir, "manifest.json"), c.manifest, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := mine.Estimate(t.Context(), c.x, c.z, c.cfg, append(c.opts, begun)...)
		if !errors.Is(err, mine.ErrCheckpoint) || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), dir) {
			t.Errorf("error %v, want ErrCheckpoint, %s and %s", err, c.text, dir)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), manifest, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := estimate(t, x, z, cfg, begun); got.Bound != want.Bound {
		t.Errorf("%+v, want %+v: the refusals have changed something", got.Bound, want.Bound)
	}
}

// TestCheckpointsOfOtherUnits: what stays together is data too, and where it is split.
func TestCheckpointsOfOtherUnits(t *testing.T) {
	_, a, b := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.9}, 300, 1)
	x, z := column.Slices(a), column.Slices(b)
	cfg := quick(300)
	cfg.Steps, cfg.Batch = 40, 32
	groups := make([]int, len(a))
	for i := range groups {
		groups[i] = i / 3
	}
	options := []mine.Option{mine.WithGroups(nil), mine.WithGroups(groups), mine.WithBlocks(groups, 0.5), mine.WithBlocks(groups, 0.25)}
	for seed := range uint64(2) {
		other := cfg
		other.Seed = seed
		e, err := mine.NewEstimator(t.Context(), x, z, other)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		options = append(options, mine.WithFoldsOf(e))
	}
	for i, option := range options {
		kept := mine.WithCheckpoints(filepath.Join(t.TempDir(), "dir"), 0)
		estimate(t, x, z, cfg, option, kept)
		for k, other := range options {
			_, err := mine.Estimate(t.Context(), x, z, cfg, other, kept)
			if refused := errors.Is(err, mine.ErrCheckpoint); refused != (i != k) {
				t.Errorf("option %d after option %d: %v", k, i, err)
			}
		}
	}
}
