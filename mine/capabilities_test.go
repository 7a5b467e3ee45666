package mine_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"gomine/cpu"
	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/objective"
	"gomine/mine/simulate"
)

// limited is a backend that offers less than it could.
type limited struct {
	backend.Backend
	offers backend.Capabilities
}

func (l limited) Name() string                       { return "limited" }
func (l limited) Capabilities() backend.Capabilities { return l.offers }

// TestCapabilities: what a backend does not offer is refused before anything is
// trained, by one line that names both.
func TestCapabilities(t *testing.T) {
	const rows = 300
	_, x, z := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.5}, rows, 1)
	b, err := cpu.Open(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, c := range []struct {
		what   string
		offers func(*backend.Capabilities)
		wants  func(*mine.Config)
	}{
		{"objective smile", func(c *backend.Capabilities) { c.Objectives = []objective.Kind{objective.JS} },
			func(c *mine.Config) { c.Candidates[0].Objective = objective.SMILE.Default() }},
		{"activation elu", func(c *backend.Capabilities) { c.Activations = []backend.Activation{backend.ReLU, backend.Softplus} },
			func(c *mine.Config) { c.Candidates[0].Activation = backend.ELU }},
		{"4 marginal pairs", func(c *backend.Capabilities) { c.Marginals = 2 }, func(c *mine.Config) { c.Marginals = 4 }},
		{"gradient clipping", func(c *backend.Capabilities) { c.Clipping = false }, func(c *mine.Config) { c.ClipNorm = 1 }},
	} {
		cfg := quick(rows)
		cfg.Candidates = slices.Clone(cfg.Candidates)
		cfg.Candidates[0].Objective = objective.JS.Default()
		cfg.Steps = 10
		l := limited{b, backend.All()}
		c.offers(&l.offers)
		if _, err := mine.Estimate(t.Context(), column.Slices(x), column.Slices(z), cfg, mine.WithBackend(l)); err != nil {
			t.Errorf("%s: what is not asked for is missed: %v", c.what, err)
		}
		c.wants(&cfg)
		_, err := mine.Estimate(t.Context(), column.Slices(x), column.Slices(z), cfg, mine.WithBackend(l))
		if !errors.Is(err, backend.ErrUnavailable) || !strings.Contains(err.Error(), "backend limited") || !strings.Contains(err.Error(), c.what) {
			t.Errorf("%v, want ErrUnavailable that names backend limited and %s", err, c.what)
		}
		if _, err := mine.Estimate(t.Context(), column.Slices(x), column.Slices(z), cfg, mine.WithBackend(b)); err != nil {
			t.Errorf("%s on a backend that offers it: %v", c.what, err)
		}
	}
}

// TestPairingsAndModels: an evaluation and a model are asked for like everything else.
func TestPairingsAndModels(t *testing.T) {
	_, x, z := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.5}, 300, 1)
	b, err := cpu.Open(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	l := limited{b, backend.All()}
	l.offers.Pairings, l.offers.Models = []backend.PairingKind{backend.Permutations}, false
	_, estimate := mine.NewEstimator(t.Context(), column.Slices(x), column.Slices(z), quick(300), mine.WithBackend(l))
	_, critic := mine.NewCritic(mine.DefaultCriticConfig(1, 1, 32), mine.WithBackend(l))
	_, model := mine.NewModel(l, backend.ModelSpec{MLP: backend.MLP{Inputs: 1, Outputs: 1}, Rows: 1}, 1)
	for _, c := range []struct {
		err  error
		what string
	}{{estimate, "evaluation by cycles"}, {critic, "evaluation by cycles"}, {model, "models"}} {
		if !errors.Is(c.err, backend.ErrUnavailable) || !strings.Contains(c.err.Error(), "backend limited") || !strings.Contains(c.err.Error(), c.what) {
			t.Errorf("%v, want ErrUnavailable that names backend limited and %s", c.err, c.what)
		}
	}
}
