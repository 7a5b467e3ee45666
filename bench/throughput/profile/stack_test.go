package main

import (
	"context"
	"math"
	"slices"
	"testing"

	"gomine/bench/throughput"
)

const traces = `File: profile
Type: cpu
Duration: 2.1s, Total samples = 1.04s (49.52%)
-----------+-------------------------------------------------------
     0.01s   gomine/cpu/internal/f32.gemm6x16
             gomine/cpu/internal/f32.rowPanels.run
             gomine/cpu/internal/f32.(*Workspace).gemm (inline)
             gomine/cpu/internal/f32.(*Workspace).Gemm
             gomine/cpu.(*critic).forward
             gomine/cpu.(*trainer).gradient
-----------+-------------------------------------------------------
     1.02s   gomine/cpu.poll
             gomine/cpu.(*barrier).wait
-----------+-------------------------------------------------------
     0.01s   runtime.futex
-----------+-------------------------------------------------------
`

func TestParseTraces(t *testing.T) {
	stacks, err := parseTraces(traces)
	if err != nil {
		t.Fatal(err)
	}
	if len(stacks) != 3 {
		t.Fatalf("%d stacks, want 3: %v", len(stacks), stacks)
	}
	if s := stacks[0]; s.seconds != 0.01 || len(s.functions) != 6 || s.functions[2] != "gomine/cpu/internal/f32.(*Workspace).gemm" {
		t.Errorf("first stack is %v", s)
	}
	if s := stacks[1]; s.seconds != 1.02 || !slices.Equal(s.functions, []string{"gomine/cpu.poll", "gomine/cpu.(*barrier).wait"}) {
		t.Errorf("second stack is %v", s)
	}
	if _, err := parseTraces("-----------+---\n  soon  main.main\n"); err == nil {
		t.Error("a stack without a time is not an error")
	}
}

func TestAttribute(t *testing.T) {
	stacks, err := parseTraces(traces)
	if err != nil {
		t.Fatal(err)
	}
	parts, samples := attribute(stacks, throughput.Operations{Forward: 5})
	if samples != 104 {
		t.Errorf("%d samples, want 104", samples)
	}
	want := map[string]float64{"hidden layers, forward": 1. / 104, "waiting for workers": 102. / 104, "other": 1. / 104}
	for _, p := range parts {
		if math.Abs(p.Share-want[p.Name]) > 1e-12 { // a handful of roundings of numbers up to 1
			t.Errorf("%s has share %v, want %v", p.Name, p.Share, want[p.Name])
		}
	}
}

// TestRules trains a little and checks that the rules still know the functions
// of the backend: they go by name.
func TestRules(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for a second")
	}
	c, err := throughput.ParseCase("d=40/h=128/l=2/batch=512/f=softplus")
	if err != nil {
		t.Fatal(err)
	}
	s, err := profile(context.Background(), c, 1, 1e9)
	if err != nil {
		t.Fatal(err)
	}
	if s.Samples < 70 {
		t.Skipf("only %d samples in a second: the machine is busy", s.Samples)
	}
	share := map[string]float64{}
	for _, p := range s.Parts {
		share[p.Name] = p.Share
	}
	// Products take two thirds of this step and the activations a fifth: that
	// 70 samples show half as much is a matter of four standard deviations.
	if v := share["hidden layers, forward"] + share["hidden layers, backward"] + share["weight gradients"]; v < 0.33 {
		t.Errorf("products take %.0f%% of the step: %v", 100*v, s.Parts)
	}
	if v := share["activation, forward"] + share["activation, backward"]; v < 0.03 {
		t.Errorf("activations take %.0f%% of the step: %v", 100*v, s.Parts)
	}
	if v := share["other"]; v > 0.3 {
		t.Errorf("%.0f%% of the step is spent on nothing in particular: %v", 100*v, s.Parts)
	}
}
