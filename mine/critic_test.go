package mine_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gomine/cpu"
	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/objective"
)

// pairs draws rows of x, normal, and z = a x + b noise.
func pairs(r *rand.Rand, rows, dim int, a, b float64) (x, z backend.Matrix) {
	x, z = backend.NewMatrix(rows, dim), backend.NewMatrix(rows, dim)
	for i := range x.Data {
		v := r.NormFloat64()
		x.Data[i], z.Data[i] = float32(v), float32(a*v+b*r.NormFloat64())
	}
	return x, z
}

func newCritic(t testing.TB, cfg mine.CriticConfig) *mine.Critic {
	t.Helper()
	c, err := mine.NewCritic(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestCriticFollows trains one critic on two laws, one after the other: the
// estimate from new rows must come near each truth, 0.830 and then 0.144 nats.
// Below, the critic may lose a tenth; beside that four standard errors either
// way, where a right critic fails once in 30,000 draws.
func TestCriticFollows(t *testing.T) {
	const batch = 256
	cfg := mine.DefaultCriticConfig(1, 1, batch)
	cfg.Hidden = []int{32, 32}
	c := newCritic(t, cfg)
	r := rand.New(rand.NewPCG(1, 1))
	for _, rho := range []float64{0.9, 0.5} {
		noise := math.Sqrt(1 - rho*rho)
		for range 1500 {
			x, z := pairs(r, batch, 1, rho, noise)
			if _, err := c.Train(t.Context(), x, z, 1e-3); err != nil {
				t.Fatal(err)
			}
		}
		x, z := pairs(r, 20_000, 1, rho, noise)
		estimate, se, err := c.Evaluate(t.Context(), x, z)
		if err != nil {
			t.Fatal(err)
		}
		truth := -math.Log(1-rho*rho) / 2
		if estimate < 0.9*truth-4*se || estimate > truth+4*se || se > 0.03 {
			t.Errorf("rho %v: %.3f +- %.3f nats, the truth is %.3f", rho, estimate, se, truth)
		}
	}
}

// TestCriticGradients compares the derivatives, row by row, with central
// differences of the value: softplus has a bounded third derivative, so with
// steps of 1/16 these are right to some h^2/6 = 7e-4 of the largest, and the
// rounding of a value in float32 adds 2e-7/h of a size of 1/batch.
func TestCriticGradients(t *testing.T) {
	const batch, dim = 12, 2
	for _, kind := range objective.Kinds() {
		cfg := mine.DefaultCriticConfig(dim, dim, batch)
		cfg.Hidden, cfg.Activation, cfg.Objective = []int{16}, backend.Softplus, kind.Default()
		switch kind {
		case objective.MINE:
			cfg.Objective = objective.MINE.With(1) // whose gradient is that of its value
		case objective.SMILE:
			continue // its gradient is that of JS
		}
		c := newCritic(t, cfg)
		r := rand.New(rand.NewPCG(2, 2))
		for range 400 {
			x, z := pairs(r, batch, dim, 0.8, 0.6)
			if _, err := c.Train(t.Context(), x, z, 1e-2); err != nil {
				t.Fatal(err)
			}
		}
		x, z := pairs(r, batch, dim, 0.8, 0.6)
		gx, gz := backend.NewMatrix(batch, dim), backend.NewMatrix(batch, dim)
		value, err := c.Gradients(t.Context(), x, z, gx, gz)
		if err != nil {
			t.Fatal(err)
		}
		at := func() float64 {
			v, err := c.Gradients(t.Context(), x, z, backend.Matrix{}, backend.Matrix{})
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		if again := at(); again != value {
			t.Errorf("%v: value %v, then %v", kind, value, again)
		}
		const h = 1.0 / 16
		var largest, worst float64
		for _, side := range []struct{ of, grad backend.Matrix }{{x, gx}, {z, gz}} {
			for i, v := range side.of.Data {
				side.of.Data[i] = v + h
				up := at()
				side.of.Data[i] = v - h
				down := at()
				side.of.Data[i] = v
				g := float64(side.grad.Data[i])
				largest = max(largest, math.Abs(g))
				worst = max(worst, math.Abs(g-(up-down)/(2*h)))
			}
		}
		if largest < 1e-2 || worst > 5e-3*largest {
			t.Errorf("%v: derivatives up to %.4g differ from central differences by %.2g", kind, largest, worst)
		}
	}
}

// TestModelMaximisesInformation learns a projection z of (x, nuisance) by the
// gradient of I(x; z + noise): it must turn from a direction that is half
// nuisance to one that is nearly all x, where the information is largest.
func TestModelMaximisesInformation(t *testing.T) {
	const batch, floor = 256, 0.5
	b, err := cpu.Open(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	spec := backend.ModelSpec{MLP: backend.MLP{Inputs: 2, Outputs: 1}, Adam: backend.Adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}, Rows: batch}
	m, err := mine.NewModel(b, spec, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	cfg := mine.DefaultCriticConfig(1, 1, batch)
	cfg.Hidden = []int{32}
	c, err := mine.NewCritic(cfg, mine.WithBackend(b))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	r := rand.New(rand.NewPCG(4, 4))
	ctx := t.Context()
	angle := func() float64 {
		s, err := m.State()
		if err != nil {
			t.Fatal(err)
		}
		return math.Abs(math.Atan2(float64(s.Params[1]), float64(s.Params[0])))
	}
	start := math.Min(angle(), math.Pi-angle())
	u, x, z, g := backend.NewMatrix(batch, 2), backend.NewMatrix(batch, 1), backend.NewMatrix(batch, 1), backend.NewMatrix(batch, 1)
	draw := func() {
		for i := range batch {
			x.Data[i] = float32(r.NormFloat64())
			u.Row(i)[0], u.Row(i)[1] = x.Data[i], float32(r.NormFloat64())
		}
		if err := m.Forward(ctx, u, z); err != nil {
			t.Fatal(err)
		}
		for i := range z.Data {
			z.Data[i] += floor * float32(r.NormFloat64())
		}
	}
	for range 600 {
		for range 2 {
			draw()
			if _, err := c.Train(ctx, x, z, 2e-3); err != nil {
				t.Fatal(err)
			}
		}
		draw()
		_, err := c.Gradients(ctx, x, z, backend.Matrix{}, g)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(m.Backward(ctx, g, backend.Matrix{}), m.Update(1e-2, 1)); err != nil {
			t.Fatal(err)
		}
	}
	end := math.Min(angle(), math.Pi-angle())
	if start < 0.5 || end > 0.2 {
		t.Errorf("the nuisance's share turned from %.2f to %.2f rad, want at least 0.5 and then at most 0.2", start, end)
	}
}

// TestNewModel looks at the spread of a model's initial weights.
func TestNewModel(t *testing.T) {
	b, err := cpu.Open(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for f, factor := range map[backend.Activation]float64{backend.ReLU: 2, backend.ELU: 1} {
		spec := backend.ModelSpec{MLP: backend.MLP{Inputs: 50, Hidden: []int{200}, Outputs: 100, Activation: f}, Adam: backend.Adam{Epsilon: 1e-8}, Rows: 1}
		m, err := mine.NewModel(b, spec, 1)
		if err != nil {
			t.Fatal(err)
		}
		s, err := m.State()
		if err := errors.Join(err, m.Close()); err != nil {
			t.Fatal(err)
		}
		for _, p := range spec.MLP.Blocks() {
			want := map[string]float64{"W1": factor / 50, "W2": 1.0 / 200}[p.Name()]
			spread(t, fmt.Sprintf("%v, %s", f, p.Name()), s.Params[p.Offset:][:p.Len()], want)
		}
	}
}

func TestCriticRefuses(t *testing.T) {
	good := mine.DefaultCriticConfig(2, 1, 8)
	for name, change := range map[string]func(*mine.CriticConfig){
		"no columns":  func(c *mine.CriticConfig) { c.DX = 0 },
		"small batch": func(c *mine.CriticConfig) { c.Batch = 1 },
		"no layers":   func(c *mine.CriticConfig) { c.Hidden = nil },
		"no Adam":     func(c *mine.CriticConfig) { c.Adam = backend.Adam{} },
	} {
		cfg := good
		change(&cfg)
		if _, err := mine.NewCritic(cfg); !errors.Is(err, backend.ErrShape) {
			t.Errorf("%s: %v, want ErrShape", name, err)
		}
	}

	c := newCritic(t, good)
	x, z := pairs(rand.New(rand.NewPCG(1, 1)), 8, 2, 1, 1)
	if _, err := c.Train(t.Context(), x, z, 1e-3); !errors.Is(err, backend.ErrShape) {
		t.Errorf("z of two columns instead of one: %v, want ErrShape", err)
	}
	z = backend.NewMatrix(8, 1)
	if _, err := c.Gradients(t.Context(), x, z, backend.NewMatrix(8, 1), backend.Matrix{}); !errors.Is(err, backend.ErrShape) {
		t.Errorf("gx of one column instead of two: %v, want ErrShape", err)
	}
	x.Data[3] = float32(math.NaN())
	if _, err := c.Train(t.Context(), x, z, 1e-3); !errors.Is(err, mine.ErrDiverged) {
		t.Errorf("NaN: %v, want ErrDiverged", err)
	}
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Error(err)
	}
	if _, err := c.Train(t.Context(), x, z, 1e-3); !errors.Is(err, backend.ErrClosed) {
		t.Errorf("after Close: %v, want ErrClosed", err)
	}
}
