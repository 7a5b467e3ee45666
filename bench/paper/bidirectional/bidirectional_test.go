package bidirectional

import (
	"math"
	"testing"

	"gomine/bench/paper/internal/nets"
	"gomine/cpu"
	"gomine/mine/backend"
)

// TestMixture looks at the law: its directions are orthonormal, its rows belong
// to modes but for one in 8000 (four standard deviations, in two directions),
// and every mode is met: of 4000 rows each has 160 ± 12.
func TestMixture(t *testing.T) {
	const n = 4000
	s := mixture(n, n, 1)
	a := embedding(1)
	for i := range a {
		for j := range a {
			var dot, want float64
			for k := range a[i] {
				dot += a[i][k] * a[j][k]
			}
			if i == j {
				want = 1
			}
			if math.Abs(dot-want) > 1e-12 {
				t.Errorf("product of directions %d and %d: %v", i, j, dot)
			}
		}
	}
	for _, x := range []backend.Matrix{s.train, s.test} {
		c := nets.Cover(s.modes(x), grid.Modes(), 100)
		if c.Modes != grid.Modes() || c.Near < 0.998 {
			t.Errorf("%d modes with 100 rows, %.4f of all rows near one", c.Modes, c.Near)
		}
	}
	if s.train.Data[0] == s.test.Data[0] {
		t.Error("test rows are training rows")
	}
	far := backend.NewMatrix(3, gridWide)
	for j := range gridWide {
		far.Row(0)[j] = float32(3 * a[0][j])             // beyond the grid
		far.Row(1)[j] = float32(0.5 * a[1][j])           // between two modes
		far.Row(2)[j] = float32(2*a[0][j] - 1.1*a[1][j]) // near one
	}
	if m := s.modes(far); m[0] != -1 || m[1] != -1 || m[2] != grid.Side+4 {
		t.Errorf("modes %v, want -1, -1, %d", m, grid.Side+4)
	}
}

func TestRelativeError(t *testing.T) {
	a := backend.Matrix{Rows: 2, Cols: 2, Stride: 2, Data: []float32{1, 0, 3, 4}}
	b := backend.Matrix{Rows: 2, Cols: 2, Stride: 2, Data: []float32{2, 0, 3, 2}}
	// The means are 2 and 2: squares 1 + 4 + 1 + 4; errors 1 and 4.
	if got := relativeError(a, b); math.Abs(got-0.5) > 1e-12 {
		t.Errorf("%v, want 5/10", got)
	}
	if got := relativeError(a, a); got != 0 {
		t.Errorf("%v of a copy", got)
	}
}

// TestFrechet: from 20,000 rows N(m, s^2) the distance m^2 + (s-1)^2 comes out
// within some 5 (2 m s + s) / sqrt(20,000) = 0.1.
func TestFrechet(t *testing.T) {
	z := backend.NewMatrix(20_000, 3)
	nets.Normals(z, 1, nets.StreamInput, 0)
	if got, err := frechet(z); err != nil || got > 1e-3 {
		t.Errorf("%v, %v of the prior itself", got, err)
	}
	for i, v := range z.Data {
		z.Data[i] = 2*v + 0.5
	}
	if got, err := frechet(z); err != nil || math.Abs(got-1.25) > 0.1 {
		t.Errorf("%v, %v of N(0.5, 4), want 1.25", got, err)
	}
	for i := range z.Data { // no spread at all
		z.Data[i] = 0
	}
	if got, err := frechet(z); err != nil || math.Abs(got-1) > 1e-6 {
		t.Errorf("%v, %v of a single point, want 1", got, err)
	}
}

// TestInferenceGradients compares the gradients of encoder, generator and
// discriminator with central differences of what each ascends, through tanh and
// the pairs. ELU's derivative has a kink, so the differences, with h = 1/256,
// are off by some h times 1e-1; rounding in float32 adds 1e-7/h = 3e-5.
func TestInferenceGradients(t *testing.T) {
	b, err := cpu.Open(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	const n, h = 12, 1.0 / 256
	s := subject{DX: 5, DZ: 2, side: 1}
	f, err := newInference(b, s, inferenceSizes{Hidden: 7, Batch: n}, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	x := backend.NewMatrix(n, s.DX)
	nets.Normals(x, 2, nets.StreamReal, 0)
	nets.Normals(f.prior, 2, nets.StreamInput, 0)
	gradients := func(m backend.Model) []float32 {
		state, err := m.State()
		if err != nil {
			t.Fatal(err)
		}
		grad := make([]float32, len(state.Params))
		if err := m.Gradient(grad); err != nil {
			t.Fatal(err)
		}
		return grad
	}
	if err := f.gradients(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	models := []backend.Model{f.encoder, f.generator, f.discriminator}
	var grads [3][]float32
	for i, m := range models {
		grads[i] = gradients(m)
	}
	dl := backend.NewMatrix(n, 1)
	// With a turn of 1 what D ascends, with -1 what F and G do.
	value := func(turn float64) float64 {
		if err := f.gradients(t.Context(), x); err != nil {
			t.Fatal(err)
		}
		return nets.LogSigmoid(nets.RowsOf(f.logits, 0, n), dl, turn) + nets.LogSigmoid(nets.RowsOf(f.logits, n, n), dl, -turn)
	}
	for k, m := range models {
		turn := -1.0
		if k == 2 {
			turn = 1
		}
		state, err := m.State()
		if err != nil {
			t.Fatal(err)
		}
		at := func(i int, v float32) float64 {
			state.Params[i] = v
			if err := m.SetState(state); err != nil {
				t.Fatal(err)
			}
			return value(turn)
		}
		var largest float64
		for _, g := range grads[k] {
			largest = max(largest, math.Abs(float64(g)))
		}
		for i, p := range state.Params {
			difference := (at(i, p+h) - at(i, p-h)) / (2 * h)
			at(i, p)
			if math.Abs(float64(grads[k][i])-difference) > 1e-3 {
				t.Errorf("network %d, parameter %d: derivative %v, central difference %v", k, i, grads[k][i], difference)
			}
		}
		if largest < 0.02 {
			t.Errorf("network %d: the largest derivative is %v, too small to be told from none", k, largest)
		}
	}
}

// TestInferRepeats runs both methods for a few steps: the same seed gives the
// same result, and the information changes it.
func TestInferRepeats(t *testing.T) {
	b, err := cpu.Open(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	s := mixture(500, 200, 1)
	size := inferenceSizes{Hidden: 16, Batch: 32, Steps: 40, Rate: 1e-3, Weight: 1, Side: "both", Blur: 0.1}
	var ends [3]inferred
	for i, weight := range []float64{1, 1, 0} {
		size.Weight = weight
		run, err := infer(t.Context(), b, s, size, 3)
		if err != nil {
			t.Fatal(err)
		}
		ends[i] = run.last()
	}
	if ends[0].Reconstruction != ends[1].Reconstruction || ends[0].Frechet != ends[1].Frechet {
		t.Error("a second run with the same seed differs")
	}
	if ends[0].Reconstruction == ends[2].Reconstruction {
		t.Error("the information changes nothing")
	}
}
