package nets

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
		value := LogSigmoid(logits, grad, s)
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
			up := LogSigmoid(logits, other, s)
			logits.Data[i] = l - h
			down := LogSigmoid(logits, other, s)
			logits.Data[i] = l
			if difference := (up - down) / (2 * h); math.Abs(float64(grad.Data[i])-difference) > 2e-7 {
				t.Errorf("s = %v, logit %v: derivative %v, central difference %v", s, l, grad.Data[i], difference)
			}
		}
	}
	// Far out it is linear on one side and flat on the other, and finite.
	if v := LogSigmoid(columnOf(-1e4), columnOf(0), 1); v != -1e4 {
		t.Errorf("log sigma(-10000) = %v", v)
	}
	if v := LogSigmoid(columnOf(1e4), grad, 1); v != 0 || grad.Data[0] != 0 {
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
		factor := AddClipped(g, columnOf(c.h...), c.weight)
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
		want      Coverage
	}{
		{[]int{0, 1, 2, 3}, 4, 1, Coverage{4, 4, 1, 0}},
		{[]int{0, 0, 3, 3}, 4, 2, Coverage{2, 4, 1, half}},
		{[]int{0, 3, -1, -1}, 4, 2, Coverage{0, 4, 0.5, half}},
		{[]int{-1, -1}, 4, 1, Coverage{0, 4, 0, math.Log(4)}},
		{nil, 4, 1, Coverage{0, 4, 0, math.Log(4)}},
	} {
		got := Cover(c.mode, c.of, c.least)
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
	Normals(m, 1, StreamInput, 5)
	Normals(again, 1, StreamInput, 5)
	Normals(later, 1, StreamInput, 6)
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
			s := Seed(seed, index)
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
	err := EachRun(t.Context(), flags, len(done), func(_ context.Context, b backend.Backend, run int) error {
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
	err = EachRun(t.Context(), flags, 20, func(_ context.Context, _ backend.Backend, run int) error {
		if run == 4 {
			return want
		}
		return nil
	})
	if !errors.Is(err, want) {
		t.Errorf("a run that fails: %v, want its error", err)
	}
}

// TestLogLikelihood compares the value with its definition and the derivatives
// with central differences: their error is h^2/6 times a third derivative below
// 1/8 over the rows, 2e-6 with h = 1/64, and the rounding of derivatives of size
// 1/n to float32 adds 1e-8.
func TestLogLikelihood(t *testing.T) {
	const n, classes, h = 6, 10, 1.0 / 64
	logits := backend.NewMatrix(n, classes)
	Normals(logits, 1, StreamInput, 0)
	for i := range logits.Data {
		logits.Data[i] *= 3
	}
	labels := []uint8{0, 3, 9, 9, 5, 1}
	grad, other := backend.NewMatrix(n, classes), backend.NewMatrix(n, classes)
	value := LogLikelihood(logits, labels, grad)
	var want float64
	for i := range n {
		var sum float64
		for _, v := range logits.Row(i) {
			sum += math.Exp(float64(v))
		}
		want += math.Log(math.Exp(float64(logits.Row(i)[labels[i]]))/sum) / n
	}
	if math.Abs(value-want) > 1e-6 {
		t.Errorf("value %v, want %v", value, want)
	}
	for i, v := range logits.Data {
		logits.Data[i] = v + h
		up := LogLikelihood(logits, labels, other)
		logits.Data[i] = v - h
		down := LogLikelihood(logits, labels, other)
		logits.Data[i] = v
		if difference := (up - down) / (2 * h); math.Abs(float64(grad.Data[i])-difference) > 3e-6 {
			t.Errorf("logit %d: derivative %v, central difference %v", i, grad.Data[i], difference)
		}
	}
	// Logits of any size give a finite value.
	wide := backend.NewMatrix(1, classes)
	wide.Data[4] = 1e4
	if v := LogLikelihood(wide, []uint8{4}, Head(grad, 1)); v != 0 {
		t.Errorf("value %v of a certain and right answer", v)
	}
	if v := LogLikelihood(wide, []uint8{3}, Head(grad, 1)); v != -1e4 {
		t.Errorf("value %v of a certain and wrong answer, want -10000", v)
	}
}

// TestGrid finds every centre again, from where rows of its mode lie, and the
// mode at the edge from beyond it, as far out as numbers go.
func TestGrid(t *testing.T) {
	g := Grid{Side: 5, Spacing: 2, SD: 0.1}
	for mode := range g.Modes() {
		x, y := g.Centre(mode)
		if got, dx, dy := g.Nearest(x+0.75, y-0.5); got != mode || dx != 0.75 || dy != -0.5 {
			t.Errorf("(%v, %v) is %v, %v from mode %d, want 0.75, -0.5 from %d", x+0.75, y-0.5, dx, dy, got, mode)
		}
		if got := g.Pick((float64(mode) + 0.5) / float64(g.Modes())); got != mode {
			t.Errorf("Pick returns %d, want %d", got, mode)
		}
	}
	if x, y := g.Centre(12); x != 0 || y != 0 {
		t.Errorf("the middle is (%v, %v)", x, y)
	}
	if mode, dx, dy := g.Nearest(math.Inf(1), -1e30); mode != 4 || !math.IsInf(dx, 1) || dy > -1e29 {
		t.Errorf("far out: %v, %v from mode %d, want mode 4", dx, dy, mode)
	}
	if mode := g.Pick(1); mode != 24 {
		t.Errorf("the last number below 1 may round up: mode %d, want 24", mode)
	}
}

func TestCosine(t *testing.T) {
	for _, c := range [][2]float64{{0, 1}, {1.0 / 3, 0.75}, {0.5, 0.5}, {1, 0}} {
		if got := Cosine(c[0]); math.Abs(got-c[1]) > 1e-15 {
			t.Errorf("Cosine(%v) = %v, want %v", c[0], got, c[1])
		}
	}
}
