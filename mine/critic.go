package mine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gomine/cpu"
	"gomine/mine/backend"
	"gomine/mine/objective"
)

// CriticConfig holds everything that the training of a Critic depends on beside
// its batches. Start from DefaultCriticConfig; the zero value is not valid.
type CriticConfig struct {
	DX, DZ     int                 // columns of x and z
	Batch      int                 // rows of every batch
	Hidden     []int               // widths of the hidden layers
	Activation backend.Activation  // of these
	Objective  objective.Objective // what training ascends, and Gradients differentiates
	Marginals  int                 // marginal pairs per row, less than Batch
	ClipNorm   Limit               // longest gradient of the parameters, by its Euclidean norm; NoLimit for any
	Adam       backend.Adam
	Seed       uint64
}

// DefaultCriticConfig returns the settings of a critic of two hidden layers of
// 128 with the MINE objective, whose gradients are those of the bound on the
// information itself.
func DefaultCriticConfig(dx, dz, batch int) CriticConfig {
	return CriticConfig{
		DX: dx, DZ: dz, Batch: batch,
		Hidden: []int{128, 128}, Activation: backend.ELU, Objective: objective.MINE.Default(),
		Marginals: 1, ClipNorm: NoLimit, Adam: defaultAdam, Seed: 1,
	}
}

// defaultAdam holds the constants that Kingma and Ba (2015) propose.
var defaultAdam = backend.Adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}

// A Critic follows the information of two variables whose joint law changes
// because something else is trained: an encoder, a generator. Train improves
// the critic on a batch of the present law, Gradients says how the rows of a
// batch would have to move for more information, or for less.
//
// Unlike an Estimator it sees every batch as it is: without preprocessing, so
// bring the columns to a scale of about 1, and without a split into training and
// test rows. So its values are those of batches that it was trained on or
// is about to be; for a number to report, draw new rows and call Evaluate, or
// give them to Estimate. See the package documentation for how to maximise and
// minimise information. A Critic is not safe for concurrent use.
type Critic struct {
	cfg     CriticConfig
	backend backend.Backend
	own     bool // whether backend is the critic's to close

	data    backend.Data
	trainer backend.Trainer
	step    uint64
	gx, gz  backend.Matrix // derivatives in the order of the batch
	closed  bool
}

// NewCritic returns an untrained critic, whose bound is zero.
func NewCritic(cfg CriticConfig, opts ...Option) (*Critic, error) {
	if cfg.Batch < 2 || cfg.DX < 1 || cfg.DZ < 1 {
		return nil, fmt.Errorf("mine: critic of %d and %d columns on batches of %d rows, want at least 1, 1 and 2: %w",
			cfg.DX, cfg.DZ, cfg.Batch, backend.ErrShape)
	}
	var w wiring
	for _, o := range opts {
		o(&w)
	}
	cfg.Hidden = slices.Clone(cfg.Hidden)
	c := &Critic{cfg: cfg, backend: w.backend, gx: backend.NewMatrix(cfg.Batch, cfg.DX), gz: backend.NewMatrix(cfg.Batch, cfg.DZ)}
	if c.backend == nil {
		var err error
		if c.backend, err = cpu.Open(cpu.Options{Threads: w.threads}); err != nil {
			return nil, err
		}
		c.own = true
	}
	if err := c.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("mine: new critic: %w", err), c.Close())
	}
	return c, nil
}

func (c *Critic) open() error {
	net := backend.Network{DX: c.cfg.DX, DZ: c.cfg.DZ, Hidden: c.cfg.Hidden, Activation: c.cfg.Activation}
	if err := net.Validate(); err != nil {
		return err
	}
	var err error
	if c.data, err = c.backend.Load(backend.NewMatrix(c.cfg.Batch, c.cfg.DX), backend.NewMatrix(c.cfg.Batch, c.cfg.DZ)); err != nil {
		return err
	}
	spec := backend.Spec{
		Network: net, Objective: c.cfg.Objective, Batch: c.cfg.Batch, Marginals: c.cfg.Marginals,
		ClipNorm: float64(c.cfg.ClipNorm), Adam: c.cfg.Adam, Seed: c.cfg.Seed,
	}
	rows := backend.Rows{Lo: 0, Hi: c.cfg.Batch}
	offers, name := c.backend.Capabilities(), c.backend.Name()
	if err := offers.CheckSpec(name, spec, rows); err != nil {
		return err
	}
	if err := offers.CheckEvaluation(name, rows, backend.Pairing{Kind: backend.Cycles}); err != nil {
		return err
	}
	if c.trainer, err = c.backend.NewTrainer(spec, c.data, rows); err != nil {
		return err
	}
	return c.trainer.SetState(InitialState(net, c.cfg.Objective.Kind, c.cfg.Seed))
}

// Train takes one step of Adam with the given learning rate on the rows of x
// [Batch, DX] and z [Batch, DZ], each paired with its own row and with Marginals
// others, and returns the value of the objective on them before the step, in nats.
// A value that is not finite is an error that wraps ErrDiverged.
func (c *Critic) Train(ctx context.Context, x, z backend.Matrix, rate float64) (float64, error) {
	if err := c.data.Replace(x, z); err != nil {
		return 0, fmt.Errorf("mine: critic: %w", err)
	}
	var value [1]float64
	if _, err := c.trainer.Train(ctx, []float64{rate}, value[:]); err != nil {
		return 0, fmt.Errorf("mine: critic: %w", err)
	}
	c.step++
	return value[0], finiteValue(value[0])
}

// Gradients returns the value V of the objective on a batch, in nats, and stores
// dV/dx in gx [Batch, DX] and dV/dz in gz [Batch, DZ]; a zero Matrix leaves a
// side out. Every row counts in its own pair and in the 2 Marginals that it
// makes with others. The critic does not change.
func (c *Critic) Gradients(ctx context.Context, x, z, gx, gz backend.Matrix) (float64, error) {
	fail := func(err error) (float64, error) { return 0, fmt.Errorf("mine: critic: %w", err) }
	if !gx.IsZero() {
		if err := gx.CheckShape("gx", c.cfg.Batch, c.cfg.DX); err != nil {
			return fail(err)
		}
	}
	if !gz.IsZero() {
		if err := gz.CheckShape("gz", c.cfg.Batch, c.cfg.DZ); err != nil {
			return fail(err)
		}
	}
	if err := c.data.Replace(x, z); err != nil {
		return fail(err)
	}
	value, err := c.trainer.ObjectiveGradients(ctx, c.gx, c.gz)
	if err != nil {
		return fail(err)
	}
	rows, _, err := c.trainer.Batch(c.step)
	if err != nil {
		return fail(err)
	}
	for i, row := range rows {
		if !gx.IsZero() {
			copy(gx.Row(row), c.gx.Row(i))
		}
		if !gz.IsZero() {
			copy(gz.Row(row), c.gz.Row(i))
		}
	}
	return value, finiteValue(value)
}

func finiteValue(v float64) error {
	if !finite(v) {
		return fmt.Errorf("mine: critic: %w: the objective of a batch is %v; check that the rows are finite and about 1 in size, or lower the learning rate", ErrDiverged, v)
	}
	return nil
}

// Evaluate returns the Donsker-Varadhan bound of the critic on rows of x and z,
// any number from 2 on, and its standard error, in nats: see Bound. Each row is
// put into at least ten marginal pairs. What it certifies about the present law
// is only right for rows that the critic was not trained on.
func (c *Critic) Evaluate(ctx context.Context, x, z backend.Matrix) (estimate, stdErr float64, err error) {
	if x.Rows < 2 {
		return 0, 0, fmt.Errorf("mine: critic: %d rows to evaluate, want at least 2: %w", x.Rows, ErrTooFewSamples)
	}
	data, err := c.backend.Load(x, z)
	if err != nil {
		return 0, 0, fmt.Errorf("mine: critic: %w", err)
	}
	defer data.Close()
	ev, err := c.trainer.Evaluate(ctx, data, backend.Rows{Lo: 0, Hi: x.Rows},
		backend.Pairing{Kind: backend.Cycles, Count: min(testCycles, x.Rows-1), Seed: c.cfg.Seed}, nil)
	if err != nil {
		return 0, 0, fmt.Errorf("mine: critic: %w", err)
	}
	b, err := NewBound(ev, ev.LogU, 0.95)
	return b.Estimate, b.StdErr, err
}

// Close releases the critic and, unless it was given, the backend.
func (c *Critic) Close() error {
	if c.closed {
		return nil
	}
	c.closed = true
	var errs []error
	if c.trainer != nil {
		errs = append(errs, c.trainer.Close())
	}
	if c.data != nil {
		errs = append(errs, c.data.Close())
	}
	if c.own {
		errs = append(errs, c.backend.Close())
	}
	return errors.Join(errs...)
}
