package main

import (
	"context"
	"slices"
	"testing"
	"time"

	"gomine/bench/throughput"
)

const traces = `File: profile
Type: cpu
Duration: 2.1s, Total samples = 1.04s (49.52%)
-----------+-------------------------------------------------------
     0.01s   gomine/cpu/internal/f32.gemm6x16
             gomine/cpu/internal/f32.rowPanels.run
             gomine/cpu/internal/f32.(*Workspace).gemm (inline)
             gomine/cpu/internal/f32.(*Workspace).GemmPacked
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
	parts := attribute(stacks, throughput.Operations{Forward: 5})
	want := map[string]float64{"hidden layers, forward": 0.01, "waiting for workers": 1.02, "other": 0.01}
	for _, p := range parts {
		if p.Seconds != want[p.Name] {
			t.Errorf("%s took %v s, want %v", p.Name, p.Seconds, want[p.Name])
		}
		if (p.Operations == 5) != (p.Name == "hidden layers, forward") {
			t.Errorf("%s has %v operations", p.Name, p.Operations)
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
	s, err := profile(context.Background(), c, 1, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	var running float64
	seconds := map[string]float64{}
	for _, p := range s.Parts {
		seconds[p.Name] = p.Seconds
		if p.Name != "not running" {
			running += p.Seconds
		}
	}
	if running < 0.7 {
		t.Skipf("ran for %.2f s out of %.2f: the machine is busy", running, s.Seconds)
	}
	// Products take two thirds of this step and the activations a fifth: that
	// 70 samples show half as much is a matter of four standard deviations.
	if v := seconds["hidden layers, forward"] + seconds["hidden layers, backward"] + seconds["weight gradients"]; v < 0.33*running {
		t.Errorf("products take %.2f s of %.2f: %v", v, running, s.Parts)
	}
	if v := seconds["activation, forward"] + seconds["activation, backward"]; v < 0.03*running {
		t.Errorf("activations take %.2f s of %.2f: %v", v, running, s.Parts)
	}
	if v := seconds["other"]; v > 0.3*running {
		t.Errorf("%.2f s of %.2f are spent on nothing in particular: %v", v, running, s.Parts)
	}
}
