package throughput

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"gomine/cpu"
	"gomine/mine/backend"
)

// newRun returns a run of the case on the CPU that ends with the benchmark.
func newRun(tb testing.TB, threads int, c Case, rows int) *Run {
	tb.Helper()
	device, err := cpu.Open(cpu.Options{Threads: threads})
	if err != nil {
		tb.Fatal(err)
	}
	r, err := NewRun(device, c, rows)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := r.Close(); err != nil {
			tb.Error(err)
		}
		if err := device.Close(); err != nil {
			tb.Error(err)
		}
	})
	return r
}

// standardThreads is the number that the comparisons with others are made on.
func standardThreads() int { return min(2, runtime.GOMAXPROCS(0)) }

// scaling varies one quantity at a time around the medium shape.
func scaling() []Case {
	base := Case{D: 40, H: 128, L: 2, Batch: 512}
	var cases []Case
	vary := func(set func(c *Case, v int), values ...int) {
		for _, v := range values {
			c := base
			set(&c, v)
			cases = append(cases, c)
		}
	}
	vary(func(c *Case, v int) { c.Batch = v }, 64, 128, 256, 1024, 2048, 4096, 8192)
	vary(func(c *Case, v int) { c.D = v }, 2, 10, 160, 640, 2560)
	vary(func(c *Case, v int) { c.H = v }, 32, 64, 256, 512, 1024)
	vary(func(c *Case, v int) { c.L = v }, 1, 3, 4)
	for i := range cases {
		cases[i].Activation = backend.ReLU
	}
	return cases
}

func BenchmarkTrainStep(b *testing.B) {
	for _, c := range append(Standard(), scaling()...) {
		benchmarkTrainStep(b, standardThreads(), c)
	}
	for threads := 1; threads <= runtime.GOMAXPROCS(0); threads *= 2 {
		if threads == standardThreads() {
			continue
		}
		for _, c := range Standard() {
			benchmarkTrainStep(b, threads, c)
		}
	}
}

// benchmarkTrainStep counts a step as an operation, though a call trains for
// several: an estimate does the same.
func benchmarkTrainStep(b *testing.B, threads int, c Case) {
	b.Run(fmt.Sprintf("backend=cpu/threads=%d/%v", threads, c), func(b *testing.B) {
		r := newRun(b, threads, c, c.Rows())
		n := c.StepsPerCall()
		train := func() {
			if _, err := r.Steps(context.Background(), n); err != nil {
				b.Fatal(err)
			}
		}
		train() // allocates what packed matrices need
		for b.Loop() {
			train()
		}
		perSecond := float64(n) * float64(b.N) / b.Elapsed().Seconds()
		b.ReportMetric(1e9/perSecond, "ns/op")
		b.ReportMetric(perSecond, "steps/s")
		b.ReportMetric(perSecond*float64(c.Batch), "samples/s")
		b.ReportMetric(perSecond*c.Operations().Total()/1e9, "GFLOP/s")
	})
}

// BenchmarkEvaluate scores all joint pairs and some cycles of marginal pairs
// of held-out rows; a sample is one pair.
func BenchmarkEvaluate(b *testing.B) {
	const rows, cycles = 20_000, 8
	ctx := context.Background()
	for _, c := range Standard() {
		b.Run(fmt.Sprintf("backend=cpu/threads=%d/%v/rows=%d/cycles=%d/f=%v", standardThreads(), c.layers(), rows, cycles, c.Activation), func(b *testing.B) {
			r := newRun(b, standardThreads(), c, rows)
			for b.Loop() {
				if _, err := r.Trainer.Evaluate(ctx, r.Data, backend.Rows{Lo: 0, Hi: rows}, backend.Pairing{Count: cycles, Seed: 1}, nil); err != nil {
					b.Fatal(err)
				}
			}
			const pairs = rows * (cycles + 1)
			reportPairs(b, pairs, c.scoring(rows, pairs))
		})
	}
}

// BenchmarkScores scores given pairs, whose rows are all projected anew.
func BenchmarkScores(b *testing.B) {
	const pairs = 20_000
	ctx := context.Background()
	xs, zs, dst := make([]int, pairs), make([]int, pairs), make([]float32, pairs)
	for i := range pairs {
		xs[i], zs[i] = i, (i+1)%pairs
	}
	for _, c := range Standard() {
		b.Run(fmt.Sprintf("backend=cpu/threads=%d/%v/pairs=%d/f=%v", standardThreads(), c.layers(), pairs, c.Activation), func(b *testing.B) {
			r := newRun(b, standardThreads(), c, pairs)
			for b.Loop() {
				if err := r.Trainer.Scores(ctx, r.Data, xs, zs, dst); err != nil {
					b.Fatal(err)
				}
			}
			reportPairs(b, pairs, c.scoring(pairs, pairs))
		})
	}
}

func reportPairs(b *testing.B, pairs int, operations float64) {
	perSecond := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(perSecond*float64(pairs), "samples/s")
	b.ReportMetric(perSecond*operations/1e9, "GFLOP/s")
}

func TestParseCase(t *testing.T) {
	for _, c := range append(Standard(), scaling()...) {
		if got, err := ParseCase(c.String()); err != nil || got != c {
			t.Errorf("ParseCase(%q) = %+v, %v, want %+v", c, got, err, c)
		}
	}
	for _, text := range []string{
		"", "d=40", "d=40/h=128/l=2/batch=512", "d=40/h=128/l=2/batch=512/f=tanh", "d=x/h=128/l=2/batch=512/f=relu",
		"d=40/d=40/l=2/batch=512/f=relu", "d=1/h=128/l=2/batch=512/f=relu", "d=40/h=0/l=2/batch=512/f=relu",
		"d=40/h=128/l=9/batch=512/f=relu", "d=40/h=128/l=-1/batch=512/f=relu", "d=40/h=128/l=2/rows=512/f=relu",
		"d=40/h=128/l=2/batch=1/f=relu",
	} {
		if c, err := ParseCase(text); err == nil {
			t.Errorf("ParseCase(%q) = %+v, want an error", text, c)
		}
	}
}

// TestOperations counts the products of a step one by one.
func TestOperations(t *testing.T) {
	c := Case{D: 3, H: 5, L: 3, Batch: 7}
	product := func(m, n, k int) float64 { return 2 * float64(m*n*k) }
	var want float64
	for _, columns := range []int{1, 2} { // x and z
		want += product(7, 5, columns) // projection
		want += product(columns, 5, 7) // its gradient
	}
	for range 2 { // joint and marginal
		for _, width := range []int{5, 5, 1} {
			want += product(7, width, 5) // forwards
			want += product(7, 5, width) // backwards
			want += product(5, width, 7) // gradient
		}
	}
	if got := c.Operations().Total(); got != want {
		t.Errorf("a step of %v has %v operations, want %v", c, got, want)
	}
}

// TestSteps checks that the benchmark measures training: after 300 steps the
// small critic has found part of the information there is, 0.14 nats.
func TestSteps(t *testing.T) {
	r := newRun(t, 1, Standard()[0], 10_000)
	first, err := r.Steps(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	last, err := r.Steps(context.Background(), 300)
	if err != nil {
		t.Fatal(err)
	}
	// The standard deviation of a batch's value is about 0.05.
	if last < first+0.02 || last > 0.4 {
		t.Errorf("objective is %.3f in the first step, %.3f in the last, want it to grow to about 0.14", first, last)
	}
}

// TestKernels checks that the benchmarks that are called by name exist.
func TestKernels(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a test binary and runs all benchmarks of products once")
	}
	ctx := t.Context()
	k, err := BuildKernels(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if v, err := k.Measure(ctx, "BenchmarkNothing", 1); err == nil {
		t.Errorf("a benchmark that does not exist reports %v", v)
	}
	if peak, err := k.Peak(ctx); err != nil {
		t.Skip(err)
	} else if peak <= 0 {
		t.Errorf("peak is %v", peak)
	}
	for _, p := range Products() {
		if v, err := k.Product(ctx, p, 1); err != nil || v <= 0 {
			t.Errorf("%v: %v operations per second, error %v", p, v, err)
		}
	}
	for _, op := range MemoryKernels() {
		if v, err := k.Bandwidth(ctx, op, 1); err != nil || v <= 0 {
			t.Errorf("%s: %v bytes per second, error %v", op, v, err)
		}
	}
}
