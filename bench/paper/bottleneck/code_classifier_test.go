package bottleneck

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gomine/bench/internal/digits"
	"gomine/bench/paper/internal/nets"
	"gomine/cpu"
	"gomine/mine/backend"
)

// filled returns a matrix of normal numbers.
func filled(r *rand.Rand, rows, cols int, scale float64) backend.Matrix {
	m := backend.NewMatrix(rows, cols)
	for i := range m.Data {
		m.Data[i] = float32(scale * r.NormFloat64())
	}
	return m
}

// TestErrorsOf counts by hand; a tie and a score that is no number are errors.
func TestErrorsOf(t *testing.T) {
	scores := backend.NewMatrix(5, digits.Classes)
	labels := []uint8{2, 2, 0, 7, 9}
	scores.Row(0)[2] = 1                        // right
	scores.Row(1)[3] = 1                        // wrong
	scores.Row(2)[0], scores.Row(2)[9] = 5, 5   // tie
	scores.Row(3)[7] = float32(math.NaN())      // no number
	scores.Row(4)[9], scores.Row(4)[0] = -1, -2 // wrong: eight zeros are larger
	if got := errorsOf(scores, labels); got != 4 {
		t.Errorf("%d errors, want 4", got)
	}
}

// TestCodeGradients compares the derivatives of V = sum of w z, less the
// weighted divergence, with respect to mu and l, for fixed eps, with central
// differences in float64, whose error is h^2/6 times a third derivative of
// some 20 at most: 2e-6 with h = 1/1024. Rounding to float32 adds 1e-6.
func TestCodeGradients(t *testing.T) {
	const rows, k, weight, h = 3, 4, 0.7, 1.0 / 1024
	r := rand.New(rand.NewPCG(2, 2))
	out, eps, dz := filled(r, rows, 2*k, 0.6), filled(r, rows, k, 1), filled(r, rows, k, 1)
	dout := backend.NewMatrix(rows, 2*k)
	kl := codeGradients(out, eps, dz, dout, weight)
	value := func() (v, kl float64) {
		for i := range rows {
			for j := range k {
				mu, l := float64(out.Row(i)[j]), float64(out.Row(i)[k+j])
				v += float64(dz.Row(i)[j]) * (mu + math.Exp(l)*float64(eps.Row(i)[j]))
				kl += ((mu*mu+math.Exp(2*l)-1)/2 - l) / rows
			}
		}
		return v - weight*kl, kl
	}
	if _, want := value(); math.Abs(kl-want) > 1e-5 {
		t.Errorf("divergence %v, want %v", kl, want)
	}
	for i, v := range out.Data {
		out.Data[i] = v + h
		up, _ := value()
		out.Data[i] = v - h
		down, _ := value()
		out.Data[i] = v
		if difference := (up - down) / (2 * h); math.Abs(float64(dout.Data[i])-difference) > 1e-5 {
			t.Errorf("output %d: derivative %v, central difference %v", i, dout.Data[i], difference)
		}
	}
}

// TestKeepFloor: at the floor only what goes up is left; mu is not touched.
func TestKeepFloor(t *testing.T) {
	out := backend.Matrix{Rows: 1, Cols: 6, Stride: 6, Data: []float32{-9, -9, -9, 0, 0, 0.5}}
	dout := backend.Matrix{Rows: 1, Cols: 6, Stride: 6, Data: []float32{-1, 2, -3, -4, 5, -6}}
	keepFloor(out, dout, 0)
	if want := []float32{-1, 2, -3, 0, 5, -6}; !slices.Equal(dout.Data, want) {
		t.Errorf("%v, want %v", dout.Data, want)
	}
	keepFloor(out, dout, float32(math.Log(0))) // none
	if want := []float32{-1, 2, -3, 0, 5, -6}; !slices.Equal(dout.Data, want) {
		t.Errorf("%v without a floor, want %v", dout.Data, want)
	}
}

// TestDrawMask looks at the mean of the masks, 1, and at how many units stay:
// both within five standard deviations, left once in two million draws.
func TestDrawMask(t *testing.T) {
	const n = 40_000
	for _, rate := range []float64{0.2, 0.5} {
		mask := make([]float32, n)
		drawMask(rand.New(rand.NewPCG(3, 3)), mask, rate)
		var sum float64
		for _, v := range mask {
			if v != 0 && v != float32(1/(1-rate)) {
				t.Fatalf("rate %v: a factor of %v", rate, v)
			}
			sum += float64(v) / n
		}
		if sd := math.Sqrt(rate / (1 - rate) / n); math.Abs(sum-1) > 5*sd {
			t.Errorf("rate %v: mean factor %v, want 1 ± %.1g", rate, sum, 5*sd)
		}
	}
}

// TestChannelBounds compares the bounds with what is known for z = x + s eps
// with x standard normal: log(1 + 1/s^2)/2 nats a column. From 1000 rows the
// mean over the rows has a standard error of at most 0.03 at two columns.
func TestChannelBounds(t *testing.T) {
	const n, k, s = 1000, 2, 0.5
	r := rand.New(rand.NewPCG(4, 4))
	out, z := backend.NewMatrix(n, 2*k), backend.NewMatrix(n, k)
	for i := range n {
		for j := range k {
			out.Row(i)[j], out.Row(i)[k+j] = float32(r.NormFloat64()), float32(math.Log(s))
			z.Row(i)[j] = out.Row(i)[j] + float32(s*r.NormFloat64())
		}
	}
	truth := k * math.Log(1+1/(s*s)) / 2
	low, high := channelBounds(out, z)
	if low > high || math.Abs(low-truth) > 0.12 || math.Abs(high-truth) > 0.12 {
		t.Errorf("%.3f to %.3f nats, the truth is %.3f", low, high, truth)
	}
	// A code that gives the picture away: the lower bound is log n, no more.
	for i := range out.Data {
		if i%(2*k) >= k {
			out.Data[i] = -20
		}
	}
	for i := range n {
		copy(z.Row(i), out.Row(i)[:k])
	}
	if low, high = channelBounds(out, z); math.Abs(low-math.Log(n)) > 1e-3 || high < 100 {
		t.Errorf("%.3f to %.3g nats of a code without noise, want log 1000 = 6.908 and far more", low, high)
	}
}

// TestClassifiersLearn trains every kind on few pictures. With 300 steps even
// the slowest makes less than a quarter of errors on these, where chance
// makes nine tenths; the gradient of a layer that is wrong or lost shows.
func TestClassifiersLearn(t *testing.T) {
	b, err := cpu.Open(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	size := sizes{Hidden: 48, Code: 12, Critic: 24, Batch: 50, Epochs: 20, Rate: 3e-3, CriticRate: 1, CriticSteps: 1, Noise: 0.3}
	set := digits.Render(750, 1, 14)
	for _, r := range []recipe{
		{Name: "plain"}, {Name: "dropout", Dropout: 0.2}, {Name: "variational", Gaussian: true, KL: 1e-3}, {Name: "MINE", Gaussian: true, Least: 1, MINE: 1e-2},
	} {
		var curves [2]trained
		for i := range curves {
			if curves[i], err = classify(t.Context(), b, r, size, set, set, 5, false); err != nil {
				t.Fatal(err)
			}
		}
		first, last := curves[0].Curve[0], curves[0].last()
		if first.Error < 0.7 || last.Error > 0.25 {
			t.Errorf("%s: errors %.3f at first, %.3f in the end", r.Name, first.Error, last.Error)
		}
		if again := curves[1].last(); again.Error != last.Error || again.Likelihood != last.Likelihood {
			t.Errorf("%s: a second run with the same seed differs", r.Name)
		}
	}
}

// TestEncoderGradient compares the derivative of the log-likelihood with
// respect to single weights of every map, through masks, with
// central differences. A hidden unit that turns on or off in between
// would spoil one, so the step is small: with h = 1/512 the rounding of the logits in float32, 1e-7 each,
// adds 1e-4.
func TestEncoderGradient(t *testing.T) {
	b, err := cpu.Open(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	const inputs, h = 9, 1.0 / 512
	size := sizes{Hidden: 8, Code: 3, Batch: 16}
	c, err := newCodeClassifier(b, recipe{Dropout: 0.25}, size, inputs, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	r := rand.New(rand.NewPCG(6, 6))
	x, labels := filled(r, size.Batch, inputs, 1), make([]uint8, size.Batch)
	for i := range labels {
		labels[i] = uint8(r.IntN(digits.Classes))
	}
	if err := c.gradients(t.Context(), x, labels); err != nil {
		t.Fatal(err)
	}
	// The masks stay as they were drawn.
	masks := [2]backend.Matrix{c.mask[0], c.mask[1]}
	value := func() float64 {
		in := x
		for k := range c.h {
			if err := c.maps[k].Forward(t.Context(), in, c.h[k]); err != nil {
				t.Fatal(err)
			}
			for i, v := range c.h[k].Data {
				c.h[k].Data[i] = max(v, 0) * masks[k].Data[i]
			}
			in = c.h[k]
		}
		if err := c.maps[2].Forward(t.Context(), in, c.z); err != nil {
			t.Fatal(err)
		}
		if err := c.decoder.Forward(t.Context(), c.z, c.logits); err != nil {
			t.Fatal(err)
		}
		return nets.LogLikelihood(c.logits, labels, c.dl)
	}
	for k, m := range c.maps {
		s, err := m.State()
		if err != nil {
			t.Fatal(err)
		}
		grad := make([]float32, len(s.Params))
		if err := m.Gradient(grad); err != nil {
			t.Fatal(err)
		}
		set := func(i int, v float32) {
			s.Params[i] = v
			if err := m.SetState(s); err != nil {
				t.Fatal(err)
			}
		}
		for _, i := range []int{0, 5, len(grad) / 2, len(grad) - 1} {
			was := s.Params[i]
			set(i, was+h)
			up := value()
			set(i, was-h)
			down := value()
			set(i, was)
			if difference := (up - down) / (2 * h); math.Abs(float64(grad[i])-difference) > 1e-3 {
				t.Errorf("map %d, parameter %d: derivative %v, central difference %v", k+1, i, grad[i], difference)
			}
		}
	}
}
