package main

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"testing"

	"gomine/bench/internal/experiment"
	"gomine/mine"
	"gomine/mine/backend"
)

func columnOf(v ...float32) backend.Matrix {
	return backend.Matrix{Rows: len(v), Cols: 1, Stride: 1, Data: v}
}

// TestLogSigmoid compares the value with its definition and the derivatives
// with central differences, whose error is h^2/6 times a third derivative of at
// most 1/8, and eps/h: 1e-7 with h = 1/512 in float64.
func TestLogSigmoid(t *testing.T) {
	logits := columnOf(-3, -0.5, 0, 0.25, 4)
	grad := backend.NewMatrix(5, 1)
	for _, s := range []float64{1, -1} {
		value := logSigmoid(logits, grad, s)
		var want float64
		for _, l := range logits.Data {
			want += math.Log(1/(1+math.Exp(-s*float64(l)))) / 5
		}
		if math.Abs(value-want) > 1e-12 {
			t.Errorf("s = %v: value %v, want %v", s, value, want)
		}
		const h = 1.0 / 512
		other := backend.NewMatrix(5, 1)
		for i, l := range logits.Data {
			logits.Data[i] = l + h
			up := logSigmoid(logits, other, s)
			logits.Data[i] = l - h
			down := logSigmoid(logits, other, s)
			logits.Data[i] = l
			if difference := (up - down) / (2 * h); math.Abs(float64(grad.Data[i])-difference) > 2e-7 {
				t.Errorf("s = %v, logit %v: derivative %v, central difference %v", s, l, grad.Data[i], difference)
			}
		}
	}
	// Far out it is linear on one side and flat on the other, and finite.
	if v := logSigmoid(columnOf(-1e4), columnOf(0), 1); v != -1e4 {
		t.Errorf("log sigma(-10000) = %v", v)
	}
	if v := logSigmoid(columnOf(1e4), grad, 1); v != 0 || grad.Data[0] != 0 {
		t.Errorf("log sigma(10000) = %v with derivative %v", v, grad.Data[0])
	}
}

func TestAddClipped(t *testing.T) {
	for _, c := range []struct {
		name   string
		g, h   []float32
		weight float64
		want   []float32
		factor float64
	}{
		{"shorter, as it is", []float32{3, 4}, []float32{0, 2}, 2, []float32{3, 8}, 1},
		{"longer, cut to 5", []float32{3, 4}, []float32{30, 40}, 1, []float32{6, 8}, 0.1},
		{"weighted first", []float32{3, 4}, []float32{0, 20}, 0.5, []float32{3, 9}, 0.5},
		{"descended", []float32{3, 4}, []float32{0, 20}, -0.5, []float32{3, -1}, 0.5},
		{"nothing to add", []float32{3, 4}, []float32{0, 0}, 1, []float32{3, 4}, 1},
		{"nothing to hold it against", []float32{0, 0}, []float32{1, 1}, 1, []float32{0, 0}, 0},
	} {
		g := columnOf(c.g...)
		factor := addClipped(g, columnOf(c.h...), c.weight)
		if math.Abs(factor-c.factor) > 1e-12 {
			t.Errorf("%s: factor %v, want %v", c.name, factor, c.factor)
		}
		for i, v := range g.Data {
			if math.Abs(float64(v-c.want[i])) > 1e-5 { // a few ulp of values up to 9
				t.Errorf("%s: %v, want %v", c.name, g.Data, c.want)
			}
		}
	}
}

func TestCover(t *testing.T) {
	half := math.Log(4) - math.Log(2)
	for _, c := range []struct {
		mode      []int
		of, least int
		want      coverage
	}{
		{[]int{0, 1, 2, 3}, 4, 1, coverage{4, 4, 1, 0}},
		{[]int{0, 0, 3, 3}, 4, 2, coverage{2, 4, 1, half}},
		{[]int{0, 3, -1, -1}, 4, 2, coverage{0, 4, 0.5, half}},
		{[]int{-1, -1}, 4, 1, coverage{0, 4, 0, math.Log(4)}},
		{nil, 4, 1, coverage{0, 4, 0, math.Log(4)}},
	} {
		got := cover(c.mode, c.of, c.least)
		if math.Abs(got.KL-c.want.KL) > 1e-12 {
			t.Errorf("%v: divergence %v, want %v", c.mode, got.KL, c.want.KL)
		}
		got.KL = c.want.KL
		if got != c.want {
			t.Errorf("%v: %+v, want %+v", c.mode, got, c.want)
		}
	}
}

// TestNormals looks at the moments of 6000 values: a mean of 5/sqrt(n) and a
// variance off by 5 sqrt(2/n) come once in a million draws each.
func TestNormals(t *testing.T) {
	const n = 6000
	m, again, later := backend.NewMatrix(n/3, 3), backend.NewMatrix(n/3, 3), backend.NewMatrix(n/3, 3)
	normals(m, 1, streamInput, 5)
	normals(again, 1, streamInput, 5)
	normals(later, 1, streamInput, 6)
	var mean, square float64
	for i, v := range m.Data {
		mean += float64(v) / n
		square += float64(v) * float64(v) / n
		if again.Data[i] != v || later.Data[i] == v {
			t.Fatalf("value %d: %v, again %v, in the next step %v", i, v, again.Data[i], later.Data[i])
		}
	}
	if math.Abs(mean) > 5/math.Sqrt(n) || math.Abs(square-1) > 5*math.Sqrt(2.0/n) {
		t.Errorf("mean %v, mean square %v of standard normal values", mean, square)
	}
}

func TestNetworkSeeds(t *testing.T) {
	seen := map[uint64]bool{}
	for seed := range uint64(50) {
		for index := range uint64(4) {
			s := networkSeed(seed, index)
			if seen[s] {
				t.Fatalf("seed %d, network %d: %d is another's", seed, index, s)
			}
			seen[s] = true
		}
	}
}

func TestEachRun(t *testing.T) {
	flags := &experiment.Flags{Threads: 3, Backend: mine.BackendCPU}
	var done [20]atomic.Int32
	err := eachRun(t.Context(), flags, len(done), func(_ context.Context, b backend.Backend, run int) error {
		done[run].Add(1)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for run := range done {
		if n := done[run].Load(); n != 1 {
			t.Errorf("run %d was done %d times", run, n)
		}
	}
	want := errors.New("no")
	err = eachRun(t.Context(), flags, 20, func(_ context.Context, _ backend.Backend, run int) error {
		if run == 4 {
			return want
		}
		return nil
	})
	if !errors.Is(err, want) {
		t.Errorf("a run that fails: %v, want its error", err)
	}
}
