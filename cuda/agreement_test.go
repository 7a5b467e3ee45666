//go:build cuda

package cuda

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gomine/cpu"
	"gomine/mine/backend"
	"gomine/mine/objective"
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
func newCase(rows, dx, dz, batch int, kind objective.Kind, activation backend.Activation, hidden ...int) testCase {
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
		Objective: kind.Default(), Batch: batch, Marginals: 1, ClipNorm: math.Inf(1), Seed: 5 << 40,
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
		c := newCase(1000, 2, 1, batch, objective.DV, backend.ReLU, 4)
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
		for _, kind := range objective.Kinds() {
			for _, p := range []path{pathFused, pathTiled} {
				name := fmt.Sprintf("%d+%d/%v/batch=%d/%v/path=%d", size.dx, size.dz, size.hidden, size.batch, kind, p)
				t.Run(name, func(t *testing.T) {
					c := newCase(300, size.dx, size.dz, size.batch, kind, backend.Softplus, size.hidden...)
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

// TestPairsAgree trains with several marginal pairs a row, rows by an index, clipped
// gradients, and rows in the host's memory, in all combinations. Allowed is what
// TestParametersAgree allows after 10 steps.
func TestPairsAgree(t *testing.T) {
	for _, marginals := range []int{1, 4} {
		for _, byIndex := range []bool{false, true} {
			for _, clip := range []float64{math.Inf(1), 0.05} {
				for _, limit := range []int64{0, 1} {
					name := fmt.Sprintf("K=%d/index=%v/clip=%v/limit=%d", marginals, byIndex, clip, limit)
					t.Run(name, func(t *testing.T) {
						c := newCase(90, 5, 3, 33, objective.NCE, backend.Softplus, 17, 9)
						c.spec.Marginals, c.spec.ClipNorm = marginals, clip
						if byIndex {
							for _, row := range rand.New(rand.NewPCG(1, 2)).Perm(90) {
								c.train.Index = append(c.train.Index, int32(row))
							}
						}
						c.state.Step = 1000
						for i := range c.state.V {
							c.state.V[i] = 1
						}
						b, err := Open(Options{Precision: FP32, MemoryLimit: limit})
						if err != nil {
							t.Fatal(err)
						}
						ours, _ := c.trainer(t, b)
						theirs, _ := c.trainer(t, openCPU(t))
						_, got := run(t, ours, 0.1, 10)
						_, want := run(t, theirs, 0.1, 10)
						way := func(s backend.State) []float32 {
							w := slices.Clone(s.Params)
							for i := range w {
								w[i] -= c.state.Params[i]
							}
							return w
						}
						if d := apart(way(got), way(want)); !(d <= 1e-3) {
							t.Errorf("the parameters are apart by %.1e of their way", d)
						}
					})
				}
			}
		}
	}
}

// TestEvaluationAgrees: the same critic's estimate differs by rounding only,
// which the standard error exceeds by orders of magnitude.
func TestEvaluationAgrees(t *testing.T) {
	c := newCase(700, 5, 3, 50, objective.DV, backend.ELU, 33, 20)
	ours, data := c.trainer(t, openPath(pathAuto, Auto)(t))
	theirs, theirData := c.trainer(t, openCPU(t))
	rows := backend.Rows{Lo: 100, Hi: 655}
	got, err := ours.Evaluate(t.Context(), data, rows, backend.Pairing{Count: 5, Seed: 9}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want, err := theirs.Evaluate(t.Context(), theirData, rows, backend.Pairing{Count: 5, Seed: 9}, nil)
	if err != nil {
		t.Fatal(err)
	}
	stdErr := want.StdErr()
	if apart := math.Abs((got.Joint - got.LogU) - (want.Joint - want.LogU)); !(apart < 1e-3*stdErr) {
		t.Errorf("estimates are apart by %g, standard error %g", apart, stdErr)
	}
	if ratio := got.StdErr() / stdErr; !(math.Abs(ratio-1) < 1e-3) {
		t.Errorf("standard errors %g and %g", got.StdErr(), stdErr)
	}
}

// apart returns |a - b| / |b|.
func apart(a, b []float32) float64 {
	var difference, norm float64
	for i, v := range b {
		difference += math.Pow(float64(a[i])-float64(v), 2)
		norm += math.Pow(float64(v), 2)
	}
	return math.Sqrt(difference / norm)
}

// TestObjectiveGradientsAgree allows the 1e-5 of TestParametersAgree.
func TestObjectiveGradientsAgree(t *testing.T) {
	for _, size := range agreementSizes {
		for _, p := range []path{pathFused, pathTiled} {
			c := newCase(300, size.dx, size.dz, size.batch, objective.MINE, backend.Softplus, size.hidden...)
			c.state.Step, c.state.LogEMA = 7, 0.3
			n := size.batch
			gradients := func(b backend.Backend) (value float64, gx, gz backend.Matrix) {
				trainer, _ := c.trainer(t, b)
				gx, gz = backend.NewMatrix(n, size.dx), backend.NewMatrix(n, size.dz)
				value, err := trainer.ObjectiveGradients(t.Context(), gx, gz)
				if err != nil {
					t.Fatal(err)
				}
				return value, gx, gz
			}
			value, gx, gz := gradients(openPath(p, FP32)(t))
			want, wantX, wantZ := gradients(openCPU(t))
			if !(math.Abs(value-want) <= 1e-5) {
				t.Errorf("%+v, path %d: value %v, the CPU's %v", size, p, value, want)
			}
			if x, z := apart(gx.Data, wantX.Data), apart(gz.Data, wantZ.Data); !(x <= 1e-5 && z <= 1e-5) {
				t.Errorf("%+v, path %d: dV/dx and dV/dz are apart by %.1e and %.1e", size, p, x, z)
			}
		}
	}
}

// A modelCase is a perceptron with rows of two passes, the second one shorter.
type modelCase struct {
	spec  backend.ModelSpec
	state backend.State
	x, dy [2]backend.Matrix
}

// newModelCase draws rows in matrices with strides of their own, and a state at
// step 1000 with second moments of 1, see TestParametersAgree.
func newModelCase(rows, inputs, outputs int, activation backend.Activation, hidden ...int) modelCase {
	src := rand.New(rand.NewPCG(uint64(rows), uint64(inputs*1000+outputs)))
	c := modelCase{spec: backend.ModelSpec{
		MLP:  backend.MLP{Inputs: inputs, Hidden: hidden, Outputs: outputs, Activation: activation},
		Adam: backend.Adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.01},
		Rows: rows,
	}}
	for i, n := range []int{rows, (rows + 4) / 5} {
		for m, cols := range map[*backend.Matrix]int{&c.x[i]: inputs, &c.dy[i]: outputs} {
			*m = backend.Matrix{Rows: n, Cols: cols, Stride: cols + 3, Data: make([]float32, n*(cols+3))}
		}
		for _, m := range []backend.Matrix{c.x[i], c.dy[i]} {
			for j := range m.Data {
				m.Data[j] = float32(src.NormFloat64())
			}
		}
	}
	n := c.spec.MLP.NumParams()
	c.state = backend.State{Step: 1000, Params: make([]float32, n), M: make([]float32, n), V: slices.Repeat([]float32{1}, n)}
	for _, b := range c.spec.MLP.Blocks() {
		sd := 1 / math.Sqrt(float64(b.Rows))
		for i := range b.Len() {
			c.state.Params[b.Offset+i] = float32(sd * src.NormFloat64())
		}
	}
	return c
}

// step takes both passes forward and back and updates by half of the gradient.
// It returns all that they computed.
func (c modelCase) step(ctx context.Context, m backend.Model) (all []any, err error) {
	for i, x := range c.x {
		y, dx := backend.NewMatrix(x.Rows, c.spec.MLP.Outputs), backend.NewMatrix(x.Rows, c.spec.MLP.Inputs)
		if err := m.Forward(ctx, x, y); err != nil {
			return nil, err
		}
		if err := m.Backward(ctx, c.dy[i], dx); err != nil {
			return nil, err
		}
		all = append(all, y.Data, dx.Data)
	}
	grad := make([]float32, c.spec.MLP.NumParams())
	if err := m.Gradient(grad); err != nil {
		return nil, err
	}
	return append(all, grad), m.Update(0.1, 0.5)
}

// TestModelAgrees takes the same steps on both backends, of so many rows that
// their gradient has several parts. Allowed are 1e-5 for what each step computes,
// as in TestParametersAgree, and 1e-4 for the way of the parameters: rounding
// these, of size 1, costs 1e-7 of a way of some 1e-2.
func TestModelAgrees(t *testing.T) {
	for _, size := range []struct {
		rows, inputs, outputs int
		hidden                []int
	}{
		{1, 1, 1, nil},
		{600, 6, 5, nil},
		{33, 5, 3, []int{17, 9}},
		{1100, 3, 130, []int{129}},
		{130, 2, 1, []int{8, 5, 31, 4}},
	} {
		for _, activation := range backend.Activations() {
			c := newModelCase(size.rows, size.inputs, size.outputs, activation, size.hidden...)
			steps := func(b backend.Backend) (all []any, state backend.State) {
				defer b.Close()
				all, err := everythingOfModel(t.Context(), b, c)
				if err != nil {
					t.Fatal(err)
				}
				last := len(all) - 1
				return all[:last], all[last].(backend.State)
			}
			got, state := steps(openPath(pathAuto, FP32)(t))
			want, wantState := steps(openCPU(t))
			for i := range want {
				if d := apart(got[i].([]float32), want[i].([]float32)); !(d <= 1e-5) {
					t.Errorf("%+v, %v: result %d is apart by %.1e", size, activation, i, d)
				}
			}
			way := func(s backend.State) []float32 {
				w := slices.Clone(s.Params)
				for i := range w {
					w[i] -= c.state.Params[i]
				}
				return w
			}
			if d := apart(way(state), way(wantState)); !(d <= 1e-4) || state.Step != wantState.Step {
				t.Errorf("%+v, %v: after %d steps the parameters are apart by %.1e of their way, want %d steps", size, activation, state.Step, d, wantState.Step)
			}
		}
	}
}

// TestUpdateByNothing: with scale 0 a gradient that is not finite does no harm.
func TestUpdateByNothing(t *testing.T) {
	c := newModelCase(5, 3, 2, backend.Softplus, 4)
	b := openPath(pathAuto, FP32)(t)
	defer b.Close()
	m, err := b.NewModel(c.spec)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := m.SetState(c.state); err != nil {
		t.Fatal(err)
	}
	y, dx := backend.NewMatrix(5, 2), backend.NewMatrix(5, 3)
	c.dy[0].Row(2)[1] = float32(math.NaN())
	for _, err := range []error{
		m.Forward(t.Context(), c.x[0], y), m.Backward(t.Context(), c.dy[0], dx), m.Update(0.1, 0), // with a gradient
		m.Update(0.1, 1), // without one
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	state, err := m.State()
	if err != nil {
		t.Fatal(err)
	}
	// Decay by 1 - rate 0.01 twice, with the rounding of two products.
	for _, b := range c.spec.MLP.Blocks() {
		for i := range b.Len() {
			want := float64(c.state.Params[b.Offset+i])
			if b.Kind == backend.Weights {
				want *= 0.999 * 0.999
			}
			if d := math.Abs(float64(state.Params[b.Offset+i]) - want); !(d <= 4*math.Abs(want)/(1<<24)) {
				t.Errorf("%s[%d] is %v, want %v", b.Name(), i, state.Params[b.Offset+i], want)
			}
		}
	}
}

// TestStretches: all rows in order, none twice.
func TestStretches(t *testing.T) {
	for _, c := range []struct {
		rows, most int
		want       []int
	}{{1, 4, []int{0, 1}}, {4, 4, []int{0, 4}}, {9, 4, []int{0, 4, 4, 4, 8, 1}}} {
		var got []int
		err := stretches(c.rows, c.most, func(lo, n int) error {
			got = append(got, lo, n)
			return nil
		})
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%d rows, %d at most: %v, %v, want %v", c.rows, c.most, got, err, c.want)
		}
	}
}
