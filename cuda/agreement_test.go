//go:build cuda

package cuda

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gomine/cpu"
	"gomine/mine/backend"
)

// A case is data and a spec to train on it.
type testCase struct {
	x, z  backend.Matrix
	spec  backend.Spec
	train backend.Rows
	state backend.State
}

// newCase draws correlated normal data in matrices with strides of their own,
// and a state at step 0.
func newCase(rows, dx, dz, batch int, objective backend.Objective, activation backend.Activation, hidden ...int) testCase {
	src := rand.New(rand.NewPCG(uint64(rows), uint64(dx*1000+dz)))
	matrix := func(cols int) backend.Matrix {
		m := backend.Matrix{Rows: rows, Cols: cols, Stride: cols + 3, Data: make([]float32, rows*(cols+3))}
		for i := range m.Data {
			m.Data[i] = float32(src.NormFloat64())
		}
		return m
	}
	c := testCase{x: matrix(dx), z: matrix(dz), train: backend.Rows{Lo: 7, Hi: rows - 5}}
	for i := range rows {
		for j := range min(dx, dz) {
			c.z.Row(i)[j] = 0.8*c.x.Row(i)[j] + 0.6*c.z.Row(i)[j]
		}
	}
	c.spec = backend.Spec{
		Network:   backend.Network{DX: dx, DZ: dz, Hidden: hidden, Activation: activation},
		Objective: objective, EMARate: 0.01, Batch: batch, Seed: 5 << 40,
		Adam: backend.Adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.01},
	}
	n := c.spec.Network.NumParams()
	c.state = backend.State{Params: make([]float32, n), M: make([]float32, n), V: make([]float32, n)}
	for _, b := range c.spec.Network.Blocks() {
		sd := 1 / math.Sqrt(float64(b.Rows))
		for i := range b.Len() {
			c.state.Params[b.Offset+i] = float32(sd * src.NormFloat64())
		}
	}
	return c
}

// trainer returns a trainer at the case's state.
func (c testCase) trainer(t *testing.T, b backend.Backend) (backend.Trainer, backend.Data) {
	t.Helper()
	data, err := b.Load(c.x, c.z)
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := b.NewTrainer(c.spec, data, c.train)
	if err != nil {
		t.Fatal(err)
	}
	if err := trainer.SetState(c.state); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, close := range []func() error{trainer.Close, data.Close, b.Close} {
			if err := close(); err != nil {
				t.Error(err)
			}
		}
	})
	return trainer, data
}

// run trains n steps at a constant rate and returns the values and the state.
func run(t *testing.T, trainer backend.Trainer, rate float64, n int) ([]float64, backend.State) {
	t.Helper()
	rates, values := slices.Repeat([]float64{rate}, n), make([]float64, n)
	if done, err := trainer.Train(t.Context(), rates, values); err != nil || done != n {
		t.Fatalf("Train: %d of %d steps, %v", done, n, err)
	}
	state, err := trainer.State()
	if err != nil {
		t.Fatal(err)
	}
	return values, state
}

func openCPU(t *testing.T) backend.Backend {
	b, err := cpu.Open(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestBatchAgrees compares the integers of both backends, over several epochs.
func TestBatchAgrees(t *testing.T) {
	for _, batch := range []int{2, 3, 31, 64, 100, 257, 988} {
		c := newCase(1000, 2, 1, batch, backend.DV, backend.ReLU, 4)
		ours, _ := c.trainer(t, openPath(pathAuto, FP32)(t))
		theirs, _ := c.trainer(t, openCPU(t))
		for _, step := range []uint64{0, 1, 2, 9, 10, 31, 500, 1 << 33} {
			rows, next, err := ours.Batch(step)
			if err != nil {
				t.Fatal(err)
			}
			wantRows, wantNext, err := theirs.Batch(step)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(rows, wantRows) || !slices.Equal(next, wantNext) {
				t.Errorf("batch %d, step %d: the integers differ from the CPU's", batch, step)
			}
		}
	}
}

// agreementSizes are networks that are odd in every way, and one of a usual kind.
var agreementSizes = []struct {
	dx, dz, batch int
	hidden        []int
}{
	{1, 1, 2, []int{1}},
	{5, 3, 33, []int{17, 9}},
	{3, 40, 33, []int{64, 64}},
	{2, 2, 65, []int{129, 5, 31}},
}

// TestParametersAgree trains the same on both backends, from step 1000 on and with
// second moments of 1. Adam then moves a parameter in proportion to its gradient;
// early on, it moves it by the rate even where the gradient, such as that of the
// output's bias under DV, is nothing but rounding error. What is compared is the
// norm of the difference beside that of the way that the parameters went. The way
// after one step is about rate (1-beta1) |gradient|, some 1e-2 here, and rounding
// the parameters, of size 1, costs 1e-7 of that way's 1e-2 a step; the gradients
// agree to 1e-5 (the conformance suite's bound). Allowed is 1e-4 after one step
// and ten times as much after 10 and 100, for what a difference makes of itself. A
// wrong gradient of one layer would make it about 1.
func TestParametersAgree(t *testing.T) {
	for _, size := range agreementSizes {
		for _, objective := range backend.Objectives() {
			for _, p := range []path{pathFused, pathTiled} {
				name := fmt.Sprintf("%d+%d/%v/batch=%d/%v/path=%d", size.dx, size.dz, size.hidden, size.batch, objective, p)
				t.Run(name, func(t *testing.T) {
					c := newCase(300, size.dx, size.dz, size.batch, objective, backend.Softplus, size.hidden...)
					c.state.Step = 1000
					for i := range c.state.V {
						c.state.V[i] = 1
					}
					ours, _ := c.trainer(t, openPath(p, FP32)(t))
					theirs, _ := c.trainer(t, openCPU(t))
					total := 0
					for _, until := range []struct {
						steps   int
						allowed float64
					}{{1, 1e-4}, {10, 1e-3}, {100, 1e-3}} {
						values, state := run(t, ours, 0.1, until.steps-total)
						want, wantState := run(t, theirs, 0.1, until.steps-total)
						total = until.steps
						var apart, way float64
						for i, v := range state.Params {
							apart += math.Pow(float64(v-wantState.Params[i]), 2)
							way += math.Pow(float64(wantState.Params[i]-c.state.Params[i]), 2)
						}
						if relative := math.Sqrt(apart / way); !(relative <= until.allowed) {
							t.Errorf("after %d steps the parameters are apart by %.1e of their way, allowed %.0e", total, relative, until.allowed)
						}
						last := len(values) - 1
						if d := math.Abs(values[last] - want[last]); !(d <= until.allowed) {
							t.Errorf("value of step %d: %v, the CPU's %v", total, values[last], want[last])
						}
					}
				})
			}
		}
	}
}

// TestEvaluationAgrees: the same critic's estimate differs by rounding only,
// which the standard error exceeds by orders of magnitude.
func TestEvaluationAgrees(t *testing.T) {
	c := newCase(700, 5, 3, 50, backend.DV, backend.ELU, 33, 20)
	ours, data := c.trainer(t, openPath(pathAuto, Auto)(t))
	theirs, theirData := c.trainer(t, openCPU(t))
	rows := backend.Rows{Lo: 100, Hi: 655}
	got, err := ours.Evaluate(t.Context(), data, rows, 5, 9)
	if err != nil {
		t.Fatal(err)
	}
	want, err := theirs.Evaluate(t.Context(), theirData, rows, 5, 9)
	if err != nil {
		t.Fatal(err)
	}
	stdErr := math.Sqrt((want.VarT + want.VarW - 2*want.CovTW) / float64(want.Rows))
	if apart := math.Abs((got.Joint - got.LogU) - (want.Joint - want.LogU)); !(apart < 1e-3*stdErr) {
		t.Errorf("estimates are apart by %g, standard error %g", apart, stdErr)
	}
}
