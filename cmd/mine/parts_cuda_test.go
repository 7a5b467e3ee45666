//go:build cuda

package main

import (
	"reflect"
	"testing"

	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/sampling"
)

// TestPartsOfCUDA: an estimate whose critics are trained side by side on a device is that of one critic after the
// other, and a plan says how many there are.
func TestPartsOfCUDA(t *testing.T) {
	const rows = 300
	x, z := make([]float64, rows), make([]float64, rows)
	for i := range x {
		x[i] = sampling.Normal(1, sampling.StreamInit, 0, uint64(i))
		z[i] = x[i] + sampling.Normal(1, sampling.StreamInit, 1, uint64(i))
	}
	cfg := mine.DefaultConfig(rows)
	cfg.Folds, cfg.Hidden, cfg.Batch, cfg.RaceSteps, cfg.Steps, cfg.EvaluateEvery = 2, []int{8}, 32, 10, 20, 10
	b, err := mine.OpenBackend(mine.BackendCUDA, mine.BackendOptions{Precision: "fp32"})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	critics := cfg.Folds * min(cfg.Survivors, len(cfg.Candidates))
	parts, err := b.(backend.Divider).Divide(critics)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	var results []mine.Result
	for i, on := range []backend.Backend{b, struct{ backend.Backend }{b}} { // the second one cannot be divided
		e, err := mine.NewEstimator(t.Context(), column.Slices(x), column.Slices(z), cfg, mine.WithBackend(on))
		if err != nil {
			t.Fatal(err)
		}
		plan, err := e.Plan()
		if err != nil {
			t.Fatal(err)
		}
		if want := []int{len(parts), 1}[i]; plan.Parallel != want {
			t.Errorf("%d critics side by side are planned, want %d", plan.Parallel, want)
		}
		if err := e.Fit(t.Context()); err != nil {
			t.Fatal(err)
		}
		r, err := e.Result(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r.Timing = mine.Timing{}
		results = append(results, r)
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	if !reflect.DeepEqual(results[0], results[1]) {
		t.Errorf("side by side\n%+v\none after the other\n%+v", results[0], results[1])
	}
}
