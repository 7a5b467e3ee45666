package gan

import (
	"context"
	"math"
	"testing"

	"gomine/bench/internal/digits"
	"gomine/bench/paper/internal/nets"
	"gomine/cpu"
	"gomine/mine/backend"
)

// TestLaws draws rows of each law: all modes are covered and evenly. Within
// three standard deviations of a centre lie 1 - exp(-9/2) = 98.9% of a Gaussian
// in the plane, and of a curve 99.7%, or more where it bends; of 5000 rows, four
// standard errors are 0.6% and 0.3%. The divergence of the histogram of n even
// rows on m modes is chi-square of m - 1 over 2n: twice its mean is five
// deviations or more away for m >= 25 and a little less than five for others.
func TestLaws(t *testing.T) {
	const n = 5000
	for _, c := range []struct {
		name   string
		law    ganLaw
		modes  int
		lo, hi float64
	}{
		{"grid", gridLaw(20), 25, 0.983, 0.995},
		{"spiral", spiralLaw(10), 50, 0.994, 1},
	} {
		x := backend.NewMatrix(n, c.law.columns)
		c.law.draw(x, 1, 2)
		got, err := c.law.score(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		if got.Modes != c.modes || got.Of != c.modes || got.Near < c.lo || got.Near > c.hi || got.KL > float64(c.modes-1)/n {
			t.Errorf("%s: %+v of its own rows, want all of %d modes, %v to %v near", c.name, got, c.modes, c.lo, c.hi)
		}
	}
}

// TestGridScore puts rows on both sides of three standard deviations.
func TestGridScore(t *testing.T) {
	x := backend.Matrix{Rows: 5, Cols: 2, Stride: 2, Data: []float32{
		-4, -4.299, // of mode 0
		4, 4.301, // of none
		0.2, -0.2, // of the middle one, 0.283 away
		1, 1, // between four
		60, -60, // far out
	}}
	got, err := gridLaw(1).score(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	if got.Modes != 2 || got.Near != 0.4 || math.Abs(got.KL-math.Log(25.0/2)) > 1e-12 {
		t.Errorf("%+v, want 2 modes, 0.4 near", got)
	}
}

// TestClassifier reads stacks of digits that it was not trained on: guessing
// is right for one mode of a thousand.
func TestClassifier(t *testing.T) {
	b, err := cpu.Open(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	train, test := digits.Render(2000, 1, digitSize), digits.Render(500, 2, digitSize)
	c, err := newClassifier(t.Context(), b, train, test, 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.model.Close()
	if c.err == 0 || c.err > 0.2 {
		t.Errorf("%.1f%% of new digits taken for others, want more than none and at most 20%%", 100*c.err)
	}
	law := stackedLaw(test, c, 1)
	x := backend.NewMatrix(1500, law.columns)
	law.draw(x, 3, 4)
	got, err := law.score(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	// 1500 rows leave a mode out with probability exp(-1.5): 777 of 1000.
	if got.Modes < 650 || got.Modes > 850 || got.Near != 1 {
		t.Errorf("%+v of 1500 stacks, want about 777 modes", got)
	}
}

// TestTrainGAN repeats a short run bit for bit, and sees the information raise
// the bound, here about a single Gaussian, where one way ends as well as another.
func TestTrainGAN(t *testing.T) {
	b, err := cpu.Open(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	law := ganLaw{
		columns: 2,
		draw:    func(x backend.Matrix, seed, step uint64) { nets.Normals(x, seed, nets.StreamReal, step) },
		score:   func(context.Context, backend.Matrix) (nets.Coverage, error) { return nets.Coverage{}, nil },
	}
	cfg := ganConfig{Noise: 2, Code: 1, Generator: []int{32}, Discriminator: []int{32}, Critic: []int{32},
		Batch: 128, Steps: 600, Rate: 1e-3, Beta1: 0.5, CriticRate: 2e-3, Weight: 1, Points: 2, Score: 1000}
	train := func(weight float64) ganPoint {
		cfg.Weight = weight
		r, err := trainGAN(t.Context(), b, law, cfg, 1)
		if err != nil {
			t.Fatal(err)
		}
		return r.last()
	}
	with := train(1)
	if again := train(1); again != with {
		t.Errorf("%+v, and once more %+v", with, again)
	}
	if without := train(0); with.Bound < without.Bound+0.5 {
		t.Errorf("bound %.2f nats with information, %.2f without, want at least 0.5 more", with.Bound, without.Bound)
	}
}
