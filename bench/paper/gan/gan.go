// Package gan repeats the MINE paper's third experiment (section 5.1): does
// information between output and code keep a generator from losing modes?
package gan

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"gomine/bench/paper/internal/nets"
	"gomine/mine"
	"gomine/mine/backend"
)

// A ganConfig is everything that the training of a generative adversarial
// network depends on, beside its law and its seed.
type ganConfig struct {
	Noise         int     `json:"noise"` // columns of the generator's input that the information leaves out
	Code          int     `json:"code"`  // and those that it is about
	Generator     []int   `json:"generator"`
	Discriminator []int   `json:"discriminator"`
	Critic        []int   `json:"critic"` // hidden layers, of ReLU but in the critic, of ELU
	Batch         int     `json:"batch"`
	Steps         int     `json:"steps"`
	Rate          float64 `json:"rate"`  // of generator and discriminator
	Beta1         float64 `json:"beta1"` // of their Adam
	CriticRate    float64 `json:"critic_rate"`
	Weight        float64 `json:"weight"` // of the information in what the generator ascends
	Points        int     `json:"points"` // times that a run is looked at
	Score         int     `json:"score"`  // rows it is judged by
}

// A ganLaw is what a generator is to learn.
type ganLaw struct {
	columns int
	unit    bool // whether the columns lie in [0, 1]: the generator ends in a sigmoid
	draw    func(x backend.Matrix, seed, step uint64)
	score   func(ctx context.Context, x backend.Matrix) (nets.Coverage, error)
}

// ganModel is a generator G with its discriminator D and a critic of the
// information I(G([noise, code]); code) between what it makes and its code:
//
//	D ascends  E log sigma(D(x)) + E log sigma(-D(G))
//	G ascends  E log sigma(D(G)) + weight I(G; code), the latter's gradient clipped.
//
// With weight 0 the critic only watches.
type ganModel struct {
	cfg  ganConfig
	law  ganLaw
	seed uint64

	generator, discriminator backend.Model
	critic                   *mine.Critic

	input, code        backend.Matrix // code is a view of the last columns of input
	real, fake, g, h   backend.Matrix
	logits, dLogits    backend.Matrix
	scoreIn, scoreCode backend.Matrix
	scored             backend.Matrix
}

func newGAN(b backend.Backend, law ganLaw, cfg ganConfig, seed uint64) (*ganModel, error) {
	m := &ganModel{cfg: cfg, law: law, seed: seed}
	adam := nets.AdversarialAdam(cfg.Beta1)
	generator := backend.MLP{Inputs: cfg.Noise + cfg.Code, Hidden: cfg.Generator, Outputs: law.columns, Activation: backend.ReLU}
	discriminator := backend.MLP{Inputs: law.columns, Hidden: cfg.Discriminator, Outputs: 1, Activation: backend.ReLU}
	var err error
	if m.generator, err = mine.NewModel(b, backend.ModelSpec{MLP: generator, Adam: adam, Rows: max(cfg.Batch, cfg.Score)}, nets.Seed(seed, 0)); err != nil {
		return nil, err
	}
	if m.discriminator, err = mine.NewModel(b, backend.ModelSpec{MLP: discriminator, Adam: adam, Rows: cfg.Batch}, nets.Seed(seed, 1)); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	critic := mine.DefaultCriticConfig(law.columns, cfg.Code, cfg.Batch)
	critic.Hidden, critic.Seed = cfg.Critic, nets.Seed(seed, 2)
	if m.critic, err = mine.NewCritic(critic, mine.WithBackend(b)); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	m.input, m.code = inputs(cfg, cfg.Batch)
	m.scoreIn, m.scoreCode = inputs(cfg, cfg.Score)
	m.real, m.fake = backend.NewMatrix(cfg.Batch, law.columns), backend.NewMatrix(cfg.Batch, law.columns)
	m.g, m.h = backend.NewMatrix(cfg.Batch, law.columns), backend.NewMatrix(cfg.Batch, law.columns)
	m.logits, m.dLogits = backend.NewMatrix(cfg.Batch, 1), backend.NewMatrix(cfg.Batch, 1)
	m.scored = backend.NewMatrix(cfg.Score, law.columns)
	return m, nil
}

// inputs returns room for the generator's input and its last columns, the code.
func inputs(cfg ganConfig, rows int) (input, code backend.Matrix) {
	input = backend.NewMatrix(rows, cfg.Noise+cfg.Code)
	code = input
	code.Cols, code.Data = cfg.Code, input.Data[cfg.Noise:]
	return input, code
}

// Close releases the networks.
func (m *ganModel) Close() error {
	var errs []error
	for _, network := range []backend.Model{m.generator, m.discriminator} {
		if network != nil {
			errs = append(errs, network.Close())
		}
	}
	if m.critic != nil {
		errs = append(errs, m.critic.Close())
	}
	return errors.Join(errs...)
}

// generate draws the inputs of a step and stores what the generator makes of
// them in x.
func (m *ganModel) generate(ctx context.Context, step uint64, input, x backend.Matrix) error {
	nets.Normals(input, m.seed, nets.StreamInput, step)
	if err := m.generator.Forward(ctx, input, x); err != nil {
		return err
	}
	if m.law.unit {
		for i, v := range x.Data {
			x.Data[i] = float32(1 / (1 + math.Exp(-float64(v))))
		}
	}
	return nil
}

// step trains every network once: discriminator and critic on one batch, the
// generator on another.
func (m *ganModel) step(ctx context.Context, step uint64) error {
	m.law.draw(m.real, m.seed, step)
	if err := m.generate(ctx, 2*step, m.input, m.fake); err != nil {
		return err
	}
	for _, side := range []struct {
		x    backend.Matrix
		sign float64
	}{{m.real, 1}, {m.fake, -1}} {
		if err := m.discriminator.Forward(ctx, side.x, m.logits); err != nil {
			return err
		}
		nets.LogSigmoid(m.logits, m.dLogits, side.sign)
		if err := m.discriminator.Backward(ctx, m.dLogits, backend.Matrix{}); err != nil {
			return err
		}
	}
	if err := m.discriminator.Update(m.cfg.Rate, 1); err != nil {
		return err
	}
	if _, err := m.critic.Train(ctx, m.fake, m.code, m.cfg.CriticRate); err != nil {
		return err
	}

	if err := m.generate(ctx, 2*step+1, m.input, m.fake); err != nil {
		return err
	}
	if err := m.discriminator.Forward(ctx, m.fake, m.logits); err != nil {
		return err
	}
	nets.LogSigmoid(m.logits, m.dLogits, 1)
	if err := m.discriminator.InputGradients(ctx, m.dLogits, m.g); err != nil {
		return err
	}
	if m.cfg.Weight != 0 {
		if _, err := m.critic.Gradients(ctx, m.fake, m.code, m.h, backend.Matrix{}); err != nil {
			return err
		}
		nets.AddClipped(m.g, m.h, m.cfg.Weight)
	}
	if m.law.unit {
		for i, v := range m.fake.Data {
			m.g.Data[i] *= v * (1 - v)
		}
	}
	if err := m.generator.Backward(ctx, m.g, backend.Matrix{}); err != nil {
		return err
	}
	return m.generator.Update(m.cfg.Rate, 1)
}

// A ganPoint is a look at a run.
type ganPoint struct {
	Step int `json:"step"`
	nets.Coverage
	Bound  float64 `json:"bound"`   // on the information of output and code, in nats
	StdErr float64 `json:"std_err"` // of Bound
}

// look judges the generator by rows that none of the networks has seen.
func (m *ganModel) look(ctx context.Context, step int) (ganPoint, error) {
	p := ganPoint{Step: step}
	if err := m.generate(ctx, nets.StepScore, m.scoreIn, m.scored); err != nil {
		return p, err
	}
	var err error
	if p.Coverage, err = m.law.score(ctx, m.scored); err != nil {
		return p, err
	}
	p.Bound, p.StdErr, err = m.critic.Evaluate(ctx, m.scored, m.scoreCode)
	return p, err
}

// A ganRun is a run of one seed, with or without information.
type ganRun struct {
	Seed    uint64     `json:"seed"`
	Weight  float64    `json:"weight"`
	Points  []ganPoint `json:"points"`
	Seconds float64    `json:"seconds"`

	sample backend.Matrix // the rows that judged it at the end
}

// finished reports whether a run came to its end.
func (r ganRun) finished(cfg ganConfig) bool { return len(r.Points) == cfg.Points }

// last returns the end of a run.
func (r ganRun) last() ganPoint { return r.Points[len(r.Points)-1] }

// trainGAN trains the networks of one run, and looks at them cfg.Points times.
func trainGAN(ctx context.Context, b backend.Backend, law ganLaw, cfg ganConfig, seed uint64) (ganRun, error) {
	start := time.Now()
	run := ganRun{Seed: seed, Weight: cfg.Weight}
	m, err := newGAN(b, law, cfg, seed)
	if err != nil {
		return run, err
	}
	defer m.Close()
	for point := 1; point <= cfg.Points; point++ {
		for step := cfg.Steps * (point - 1) / cfg.Points; step < cfg.Steps*point/cfg.Points; step++ {
			if err := m.step(ctx, uint64(step)); err != nil {
				return run, fmt.Errorf("seed %d, step %d: %w", seed, step, err)
			}
		}
		p, err := m.look(ctx, cfg.Steps*point/cfg.Points)
		if err != nil {
			return run, err
		}
		run.Points = append(run.Points, p)
	}
	run.sample, run.Seconds = m.scored, time.Since(start).Seconds()
	return run, nil
}
