package cpu

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"gomine/mine/backend"
	"gomine/mine/backend/backendtest"
	"gomine/mine/sampling"
)

func open(t testing.TB, threads int) backend.Backend {
	t.Helper()
	b, err := Open(Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestConformance(t *testing.T) {
	for _, threads := range []int{1, 3} {
		t.Run(fmt.Sprintf("threads=%d", threads), func(t *testing.T) {
			backendtest.Run(t, func(t testing.TB) backend.Backend { return open(t, threads) })
		})
	}
}

// problem is a training run on n random rows.
func problem(n int, net backend.Network, obj backend.Objective, batch int) (backend.Spec, backend.Matrix, backend.Matrix, backend.State) {
	spec := backend.Spec{
		Network: net, Objective: obj, EMARate: 0.1, Batch: batch, Seed: 5,
		Adam: backend.Adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.01},
	}
	x, z := backend.NewMatrix(n, net.DX), backend.NewMatrix(n, net.DZ)
	for i := range x.Data {
		x.Data[i] = float32(sampling.Normal(1, 100, 0, uint64(i)))
	}
	for i := range z.Data {
		z.Data[i] = x.Data[i%len(x.Data)] + float32(sampling.Normal(2, 100, 0, uint64(i)))
	}
	count := net.NumParams()
	s := backend.State{Params: make([]float32, count), M: make([]float32, count), V: make([]float32, count)}
	for i := range s.Params {
		s.Params[i] = 0.2 * float32(sampling.Normal(3, 100, 0, uint64(i)))
	}
	return spec, x, z, s
}

// TestThreads checks that the number of threads changes no bit of anything,
// also when there are more threads than rows of the batch.
func TestThreads(t *testing.T) {
	old := workerFLOP
	defer func() { workerFLOP = old }()
	workerFLOP.least, workerFLOP.enough = 1, 1 // workers for the smallest networks, too
	const rows = 700
	type answer struct {
		values []float64
		state  backend.State
		eval   backend.Evaluation
		scores []float32
		gx     []float32
		value  float64   // of ObjectiveGradients
		rows   []float32 // dV/dx and dV/dz of the batch
	}
	run := func(threads int, net backend.Network, obj backend.Objective, batch int) answer {
		b := open(t, threads)
		defer b.Close()
		spec, x, z, start := problem(rows, net, obj, batch)
		data, err := b.Load(x, z)
		if err != nil {
			t.Fatal(err)
		}
		tr, err := b.NewTrainer(spec, data, backend.Rows{Lo: 3, Hi: 600})
		if err != nil {
			t.Fatal(err)
		}
		a := answer{values: make([]float64, 20), scores: make([]float32, rows)}
		rates := slices.Repeat([]float64{1e-3}, 20)
		index := make([]int, rows)
		for i := range index {
			index[i] = i
		}
		gx, gz := backend.NewMatrix(rows, net.DX), backend.NewMatrix(rows, net.DZ)
		ox, oz := backend.NewMatrix(batch, net.DX), backend.NewMatrix(batch, net.DZ)
		ctx := context.Background()
		steps := []func() error{
			func() error { return tr.SetState(start) },
			func() error { _, err := tr.Train(ctx, rates, a.values); return err },
			func() (err error) { a.state, err = tr.State(); return },
			func() (err error) { a.eval, err = tr.Evaluate(ctx, data, backend.Rows{Lo: 0, Hi: rows}, 3, 9); return },
			func() error { return tr.Scores(ctx, data, index, index, a.scores) },
			func() error { return tr.InputGradients(ctx, data, index, index, a.scores, gx, gz) },
			func() (err error) { a.value, err = tr.ObjectiveGradients(ctx, ox, oz); return },
		}
		for i, step := range steps {
			if err := step(); err != nil {
				t.Fatalf("step %d: %v", i, err)
			}
		}
		a.gx, a.rows = gx.Data, slices.Concat(ox.Data, oz.Data)
		return a
	}
	for _, net := range []backend.Network{
		{DX: 3, DZ: 2, Hidden: []int{17}, Activation: backend.Softplus},
		{DX: 20, DZ: 33, Hidden: []int{64, 129, 31}, Activation: backend.ELU},
		{DX: 1, DZ: 1, Hidden: []int{1, 1, 1, 1}, Activation: backend.ReLU},
	} {
		for _, obj := range backend.Objectives() {
			for _, batch := range []int{2, 100, 300} {
				want := run(1, net, obj, batch)
				for _, threads := range []int{2, 3, 7} {
					got := run(threads, net, obj, batch)
					name := fmt.Sprintf("%v %v batch %d: %d threads", net, obj, batch, threads)
					if !slices.Equal(got.values, want.values) {
						t.Errorf("%s: values differ from those of one thread", name)
					}
					if !slices.Equal(got.state.Params, want.state.Params) || !slices.Equal(got.state.V, want.state.V) {
						t.Errorf("%s: state differs from that of one thread", name)
					}
					if got.eval != want.eval {
						t.Errorf("%s: evaluation %+v, one thread %+v", name, got.eval, want.eval)
					}
					if !slices.Equal(got.scores, want.scores) || !slices.Equal(got.gx, want.gx) {
						t.Errorf("%s: scores or input gradients differ from those of one thread", name)
					}
					if got.value != want.value || !slices.Equal(got.rows, want.rows) {
						t.Errorf("%s: objective gradients differ from those of one thread", name)
					}
				}
			}
		}
	}
}

// TestProjectionCache checks that an evaluation gives bitwise the same with
// and without keeping the projections of all rows.
func TestProjectionCache(t *testing.T) {
	b := open(t, 2)
	defer b.Close()
	net := backend.Network{DX: 5, DZ: 4, Hidden: []int{33, 16}, Activation: backend.Softplus}
	spec, x, z, start := problem(1000, net, backend.DV, 64)
	data, err := b.Load(x, z)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := b.NewTrainer(spec, data, backend.Rows{Lo: 0, Hi: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.SetState(start); err != nil {
		t.Fatal(err)
	}
	evaluate := func(limit int) backend.Evaluation {
		defer func(old int) { projectedBytes = old }(projectedBytes)
		projectedBytes = limit
		ev, err := tr.Evaluate(context.Background(), data, backend.Rows{Lo: 10, Hi: 990}, 4, 3)
		if err != nil {
			t.Fatal(err)
		}
		return ev
	}
	if with, without := evaluate(1<<30), evaluate(0); with != without {
		t.Errorf("evaluation with cached projections %+v, without %+v", with, without)
	}
}

// TestTrainAllocates checks that steps allocate nothing.
func TestTrainAllocates(t *testing.T) {
	b := open(t, 2)
	defer b.Close()
	net := backend.Network{DX: 5, DZ: 4, Hidden: []int{33, 16}, Activation: backend.Softplus}
	for _, obj := range backend.Objectives() {
		spec, x, z, start := problem(1000, net, obj, 64)
		data, err := b.Load(x, z)
		if err != nil {
			t.Fatal(err)
		}
		tr, err := b.NewTrainer(spec, data, backend.Rows{Lo: 0, Hi: 1000})
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.SetState(start); err != nil {
			t.Fatal(err)
		}
		allocs := func(steps int) float64 {
			rates, values := slices.Repeat([]float64{1e-3}, steps), make([]float64, steps)
			return testing.AllocsPerRun(5, func() {
				if _, err := tr.Train(context.Background(), rates, values); err != nil {
					t.Fatal(err)
				}
			})
		}
		// A call may allocate its closure; forty more steps may not add to it.
		if one, many := allocs(1), allocs(41); many > one {
			t.Errorf("%v: %v allocations in a call of 41 steps, %v in a call of one", obj, many, one)
		}
	}
}

// TestGradientAccuracy: rounding costs no more than the CUDA backend's FP32.
func TestGradientAccuracy(t *testing.T) {
	backendtest.RunAccuracy(t, func(t testing.TB) backend.Backend { return open(t, 2) }, 1e-5)
}
