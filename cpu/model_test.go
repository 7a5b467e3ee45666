package cpu

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"gomine/mine/backend"
	"gomine/mine/sampling"
)

// startModel returns a model with parameters that are not zero, rows for it and
// their dV/doutputs.
func startModel(t testing.TB, b backend.Backend, mlp backend.MLP, rows int) (m backend.Model, x, dy backend.Matrix) {
	t.Helper()
	m, err := b.NewModel(backend.ModelSpec{
		MLP:  mlp,
		Adam: backend.Adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.01},
		Rows: rows,
	})
	if err != nil {
		t.Fatal(err)
	}
	n := mlp.NumParams()
	s := backend.State{Params: make([]float32, n), M: make([]float32, n), V: make([]float32, n)}
	x, dy = backend.NewMatrix(rows, mlp.Inputs), backend.NewMatrix(rows, mlp.Outputs)
	for k, a := range [][]float32{s.Params, x.Data, dy.Data} {
		for i := range a {
			a[i] = 0.2 * float32(sampling.Normal(uint64(k), 100, 0, uint64(i)))
		}
	}
	if err := m.SetState(s); err != nil {
		t.Fatal(err)
	}
	return m, x, dy
}

// TestModelThreads checks that the number of threads changes no bit of anything,
// also when there are more threads than rows.
func TestModelThreads(t *testing.T) {
	defer func(old int) { modelFLOP = old }(modelFLOP)
	modelFLOP = 1 // workers for the smallest models, too
	run := func(threads int, mlp backend.MLP, rows int) (said []float32, state backend.State) {
		b := open(t, threads)
		defer b.Close()
		m, x, dy := startModel(t, b, mlp, rows)
		y, dx, gx := backend.NewMatrix(rows, mlp.Outputs), backend.NewMatrix(rows, mlp.Inputs), backend.NewMatrix(rows, mlp.Inputs)
		grad := make([]float32, mlp.NumParams())
		ctx := context.Background()
		for range 3 {
			for i, call := range []func() error{
				func() error { return m.Forward(ctx, x, y) },
				func() error { return m.Backward(ctx, dy, dx) },
				func() error { return m.InputGradients(ctx, y, gx) },
				func() error { return m.Backward(ctx, y, backend.Matrix{}) },
				func() error { return m.Gradient(grad) },
				func() error { return m.Update(1e-2, 0.5) },
			} {
				if err := call(); err != nil {
					t.Fatalf("call %d: %v", i, err)
				}
			}
			said = slices.Concat(said, y.Data, dx.Data, gx.Data, grad)
		}
		state, err := m.State()
		if err != nil {
			t.Fatal(err)
		}
		return said, state
	}
	for _, mlp := range []backend.MLP{
		{Inputs: 3, Outputs: 2},
		{Inputs: 5, Hidden: []int{17}, Outputs: 1, Activation: backend.Softplus},
		{Inputs: 20, Hidden: []int{64, 129, 31}, Outputs: 33, Activation: backend.ELU},
		{Inputs: 1, Hidden: []int{1, 1, 1, 1}, Outputs: 1, Activation: backend.ReLU},
	} {
		for _, rows := range []int{1, 2, 100, 700} {
			wantSaid, want := run(1, mlp, rows)
			for _, threads := range []int{2, 3, 7} {
				said, state := run(threads, mlp, rows)
				name := fmt.Sprintf("%v rows %d: %d threads", mlp, rows, threads)
				if !slices.Equal(said, wantSaid) {
					t.Errorf("%s: outputs or derivatives differ from those of one thread", name)
				}
				if !slices.Equal(state.Params, want.Params) || !slices.Equal(state.M, want.M) || !slices.Equal(state.V, want.V) {
					t.Errorf("%s: state differs from that of one thread", name)
				}
			}
		}
	}
}

// TestModelAllocates checks that what a pass and an update allocate does not
// grow with the rows.
func TestModelAllocates(t *testing.T) {
	b := open(t, 2)
	defer b.Close()
	mlp := backend.MLP{Inputs: 9, Hidden: []int{33, 16}, Outputs: 4, Activation: backend.Softplus}
	allocs := func(rows int) float64 {
		m, x, dy := startModel(t, b, mlp, rows)
		y, dx := backend.NewMatrix(rows, mlp.Outputs), backend.NewMatrix(rows, mlp.Inputs)
		ctx := context.Background()
		return testing.AllocsPerRun(5, func() {
			for i, err := range []error{m.Forward(ctx, x, y), m.Backward(ctx, dy, dx), m.InputGradients(ctx, dy, dx), m.Update(1e-3, 1)} {
				if err != nil {
					t.Fatalf("call %d: %v", i, err)
				}
			}
		})
	}
	if one, many := allocs(1), allocs(5000); many > one {
		t.Errorf("%v allocations with 5000 rows, %v with one", many, one)
	}
}
