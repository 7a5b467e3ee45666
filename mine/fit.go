package mine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"gomine/mine/backend"
	"gomine/mine/sampling"
)

// hopeless is the mean training value, in nats above that of a constant critic,
// below which a run that never rose above zero on the validation rows has
// diverged: an overfitted critic does well on the rows it is trained on, an idle
// one stays near zero.
const hopeless = -1

// A run is one candidate in training.
type run struct {
	cfg       Config
	candidate Candidate
	trainer   backend.Trainer
	data      backend.Data
	counts    RowCounts

	start      backend.State // of the constant critic that training began with
	from, span int           // steps over which the cosine of the learning rate runs

	step   int
	curve  []Point
	best   checkpoint
	stale  int  // validations since the best
	loaded bool // the trainer holds the best parameters, not the latest
	latest backend.State
	failed error
}

// A checkpoint is a critic with its bound on the validation rows.
type checkpoint struct {
	step       int
	validation float64
	stdErr     float64
	logU       float64 // log-mean-exp of the marginal validation scores
	state      backend.State
}

func (e *Estimator) newRun(c Candidate, data backend.Data, counts RowCounts) (*run, error) {
	dx, dz := data.Dims()
	spec := backend.Spec{
		Network:   backend.Network{DX: dx, DZ: dz, Hidden: e.cfg.Hidden, Activation: c.Activation},
		Objective: c.Objective,
		EMARate:   e.cfg.EMARate,
		Batch:     e.cfg.Batch,
		Adam:      defaultAdam,
		Seed:      e.cfg.Seed,
	}
	spec.Adam.WeightDecay = e.cfg.WeightDecay
	t, err := e.backend.NewTrainer(spec, data, counts.train())
	if err != nil {
		return nil, err
	}
	start := InitialState(spec.Network, c.Objective, e.cfg.Seed)
	r := &run{cfg: e.cfg, candidate: c, trainer: t, data: data, counts: counts, start: start, span: e.cfg.Steps,
		best: checkpoint{validation: math.Inf(-1)}}
	return r, t.SetState(start)
}

// InitialState returns the state that every training begins with: it draws the
// hidden weights from N(0, 1/inputs) and sets the rest to zero, so that the bound is
// 0 before the first step.
//
// The variance is half of what keeps the activations of ReLU networks constant
// (He et al. 2015): a critic that starts smoother overfits less, one that
// starts too smooth learns late what is not smooth. For softplus, ranks and the
// JS objective, 1/inputs and 1/(3 inputs) give 2.84 and 2.85 of 2.877 nats on
// 20-d Gaussians, but 1.49 and 1.28 of 1.709 on uniform noise.
func InitialState(n backend.Network, objective backend.Objective, seed uint64) backend.State {
	count := n.NumParams()
	s := backend.State{Params: make([]float32, count), M: make([]float32, count), V: make([]float32, count)}
	for _, b := range n.Blocks() {
		if b.Name[0] != 'W' {
			continue // a bias, or the output's weights
		}
		inputs := b.Rows
		if b.Name == "Wx" || b.Name == "Wz" {
			inputs = n.DX + n.DZ
		}
		drawWeights(s.Params, b, 1/math.Sqrt(float64(inputs)), seed)
	}
	if objective == backend.NWJ {
		s.Params[count-1] = 1 // the constant critic at which this bound is 0
	}
	return s
}

// drawWeights draws a block of parameters from N(0, sd^2).
func drawWeights(params []float32, b backend.Block, sd float64, seed uint64) {
	for i := b.Offset; i < b.Offset+b.Len(); i++ {
		params[i] = float32(sd * sampling.Normal(seed, sampling.StreamInit, 0, uint64(i)))
	}
}

// rate is the learning rate of a step: a cosine from the peak to zero.
func (r *run) rate(step int) float64 {
	progress := float64(step-r.from) / float64(r.span)
	return r.cfg.LearningRate * (1 + math.Cos(math.Pi*progress)) / 2
}

// advance trains up to step target, validating every Config.EvaluateEvery
// steps and at the end, until patience validations in a row bring no new best.
func (r *run) advance(ctx context.Context, target, patience int, report func(train float64)) error {
	if err := r.useLatest(); err != nil {
		return err
	}
	most := max(0, min(r.cfg.EvaluateEvery, target-r.step))
	values, rates := make([]float64, most), make([]float64, most)
	r.stale = 0
	for r.step < target && r.stale < patience {
		n := min(r.cfg.EvaluateEvery-r.step%r.cfg.EvaluateEvery, target-r.step)
		for i := range n {
			rates[i] = r.rate(r.step + i)
		}
		done, err := r.trainer.Train(ctx, rates[:n], values[:n])
		r.step += done
		if err != nil {
			return fmt.Errorf("mine: training: %w", err)
		}
		var mean float64
		for i, v := range values[:n] {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return r.diverged(r.step - n + i + 1)
			}
			mean += (v - r.idle()) / float64(n)
		}
		if err := r.validate(ctx, mean); err != nil {
			return err
		}
		report(mean)
	}
	if last := len(r.curve) - 1; last >= 0 && r.best.validation <= 0 && r.curve[last].Train < hopeless {
		return r.diverged(r.step)
	}
	return nil
}

// validate evaluates the critic on the validation rows and keeps it if it is
// the best so far.
func (r *run) validate(ctx context.Context, train float64) error {
	cycles := cyclesFor(validationPairs, r.counts.Validation)
	ev, err := r.trainer.Evaluate(ctx, r.data, r.counts.validation(), cycles, r.cfg.Seed+1)
	if err != nil {
		return fmt.Errorf("mine: validating: %w", err)
	}
	bound := ev.Joint - ev.LogU
	if !ev.Finite {
		return r.diverged(r.step)
	}
	r.curve = append(r.curve, Point{Step: r.step, Train: train, Validation: bound})
	if bound <= r.best.validation {
		r.stale++
		return nil
	}
	r.stale = 0
	state, err := r.trainer.State()
	r.best = checkpoint{r.step, bound, stdErr(ev), ev.LogU, state}
	return err
}

// idle is the value of the objective at its best constant critic.
func (r *run) idle() float64 {
	if r.candidate.Objective == backend.JS {
		return -2 * ln2
	}
	return 0
}

func (r *run) diverged(step int) error {
	return fmt.Errorf("mine: %w at step %d of %d (%v): lower the learning rate, now %g",
		ErrDiverged, step, r.cfg.Steps, r.candidate, r.cfg.LearningRate)
}

// adopt takes over where another run of the same candidate on the same rows
// stands.
func (r *run) adopt(from *run) error {
	if err := from.useLatest(); err != nil {
		return err
	}
	state, err := from.trainer.State()
	if err != nil {
		return err
	}
	r.step, r.curve, r.best = from.step, from.curve, from.best
	return r.trainer.SetState(state)
}

// useBest puts the best parameters into the trainer, useLatest the latest.
func (r *run) useBest() error {
	if r.loaded {
		return nil
	}
	var err error
	if r.latest, err = r.trainer.State(); err != nil {
		return err
	}
	r.loaded = true
	return r.trainer.SetState(r.best.state)
}

func (r *run) useLatest() error {
	if !r.loaded {
		return nil
	}
	r.loaded = false
	return r.trainer.SetState(r.latest)
}

func (r *run) close() error { return r.trainer.Close() }

// validation returns the best validation bound so far, 0 before the first.
func (r *run) validation() float64 {
	if r.best.step == 0 {
		return 0
	}
	return r.best.validation
}

// trivial is how many standard errors below zero the best validation bound
// must lie for the constant critic, whose bound is zero, to be reported instead.
const trivial = 3

// giveUp makes the constant critic the best one if the others are clearly worse
// than it.
func (r *run) giveUp() {
	if r.best.validation < -trivial*r.best.stdErr {
		r.best = checkpoint{step: r.best.step, state: r.start, logU: float64(r.start.Params[len(r.start.Params)-1])}
	}
}

// cyclesFor returns how many marginal cycles over n rows make enough pairs, but
// no more than there are pairs.
func cyclesFor(pairs, n int) int { return max(1, min(1+(pairs-1)/n, n-1)) }

// race trains the candidates in rounds of Config.RaceSteps, keeps the better
// half after each, and returns the last one left: the leader so far together
// with the error if ctx is cancelled, nil if no candidate can be trained.
func (e *Estimator) race(ctx context.Context) (*run, error) {
	variants := map[Preprocessing]bool{}
	for _, c := range e.cfg.Candidates {
		variants[c.Preprocess] = true
	}
	counts := e.raceCounts(len(variants))
	data := map[Preprocessing]backend.Data{}
	defer func() {
		for _, d := range data {
			d.Close()
		}
	}()
	for p := range variants {
		m, err := e.fitMaps(p)
		if err != nil {
			return nil, err
		}
		if data[p], err = e.load(m, counts, false); err != nil {
			return nil, err
		}
	}
	var all []*run
	for _, c := range e.cfg.Candidates {
		r, err := e.newRun(c, data[c.Preprocess], counts)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}

	field := slices.Clone(all)
	total, done := raceLength(len(all), e.cfg), 0
	var err error
	for round := 1; len(field) > 1 && err == nil; round++ {
		for _, r := range field {
			base := done - r.step
			err = r.advance(ctx, min(round*e.cfg.RaceSteps, e.cfg.Steps), math.MaxInt, func(train float64) {
				e.wiring.report(Progress{Phase: PhaseRace, Step: base + r.step, Steps: total,
					Candidate: r.candidate, Train: train, Validation: r.validation()})
			})
			done = base + r.step
			if errors.Is(err, ErrDiverged) {
				r.failed, err = err, nil
			}
			if err != nil {
				break
			}
		}
		rank(field)
		if err == nil {
			field = field[:(len(field)+1)/2]
			err = field[0].failed
			for len(field) > 1 && field[len(field)-1].failed != nil {
				field = field[:len(field)-1]
			}
		}
	}
	leader := field[0]
	rank(all)
	for _, r := range all {
		entry := RaceEntry{Candidate: r.candidate, Steps: r.step, Validation: r.validation(), StdErr: r.best.stdErr}
		if r.failed != nil {
			entry.Error = r.failed.Error()
		}
		e.res.Race = append(e.res.Race, entry)
		if r != leader {
			err = errors.Join(err, r.close())
		}
	}
	if leader.failed != nil {
		return nil, err
	}
	return leader, err
}

// rank sorts by the validation bound less its standard error, failed runs
// last. The deduction keeps a critic from winning on the strength of a few
// rows: in heavy tails one may lead by luck and fall behind on the test rows.
func rank(field []*run) {
	slices.SortStableFunc(field, func(a, b *run) int {
		switch {
		case a.failed != nil && b.failed == nil:
			return 1
		case a.failed == nil && b.failed != nil:
			return -1
		}
		return cmp.Compare(b.best.validation-b.best.stdErr, a.best.validation-a.best.stdErr)
	})
}

// raceLength returns the number of steps that a race takes if none fails.
func raceLength(candidates int, cfg Config) int {
	total, last := 0, 0
	for round := 1; candidates > 1; round++ {
		target := min(round*cfg.RaceSteps, cfg.Steps)
		total += candidates * (target - last)
		last = target
		candidates = (candidates + 1) / 2
	}
	return total
}
