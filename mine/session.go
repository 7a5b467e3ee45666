package mine

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gomine/mine/backend"
)

const (
	// hopeless is the mean training value, in nats above that of a constant critic,
	// below which a run that never rose above zero on the validation rows has
	// diverged: an overfitted critic does well on the rows it is trained on, an idle
	// one stays near zero.
	hopeless = -1

	// validationPairs is the number of marginal pairs of a validation, at
	// least: enough to rank snapshots, which share the rows and the pairs.
	validationPairs = 50_000

	// worth is the gain of a validation bound, in its standard errors, that is worth
	// waiting for. On the same rows and pairs, a twentieth would still be seen.
	worth = 0.1

	// trivial is how many standard errors below zero the best validation bound
	// must lie for the constant critic, whose bound is zero, to be the better one.
	trivial = 3
)

// A session is one candidate in training.
type session struct {
	cfg       Config
	candidate Candidate
	backend   backend.Backend
	network   backend.Network
	trainer   backend.Trainer
	data      backend.Data
	counts    foldCounts
	stop      backend.Rows // to validate on
	swapped   bool         // whether these are not the validation rows, see foldCounts.learntBy
	seed      uint64       // of weights, batches and validations
	supply    *supply      // of the rows to train on; nil where they are all there

	start backend.State // of the constant critic that training began with
	progress
}

// progress is how far a session has come.
type progress struct {
	step  int
	curve []Point
	best  snapshot
	stale int     // validations since one that was worth waiting for
	mark  float64 // its bound
}

// A snapshot is a critic with its bound on the validation rows.
type snapshot struct {
	step       int
	validation float64
	stdErr     float64
	params     []float32
}

// seedOfNetwork is the seed of one of several networks of a candidate, that of the estimate for the first one.
func seedOfNetwork(seed uint64, network int) uint64 {
	const golden = 0x9e3779b97f4a7c15 // 2^64 over the golden ratio: no two are near each other
	return seed + uint64(network)*golden
}

// newSession returns a session at step 0, of one of the networks of a candidate. The rows of data are split as counts says.
func newSession(b backend.Backend, cfg Config, c Candidate, network int, data backend.Data, counts foldCounts) (*session, error) {
	train, stop, swapped := counts.learntBy(network)
	seed := seedOfNetwork(cfg.Seed, network)
	dx, dz := data.Dims()
	spec := backend.Spec{
		Network:   backend.Network{DX: dx, DZ: dz, Hidden: cfg.Hidden, Activation: c.Activation},
		Objective: c.Objective,
		Batch:     cfg.Batch,
		Marginals: cfg.Marginals,
		ClipNorm:  float64(cfg.ClipNorm),
		Adam:      defaultAdam,
		Seed:      seed,
	}
	spec.Adam.WeightDecay = cfg.WeightDecay
	t, err := b.NewTrainer(spec, data, train)
	if err != nil {
		return nil, err
	}
	s := &session{
		cfg: cfg, candidate: c, backend: b, network: spec.Network, trainer: t, data: data, counts: counts, stop: stop, swapped: swapped, seed: seed,
		start:    InitialState(spec.Network, c.Objective.Kind, seed),
		progress: progress{best: snapshot{validation: math.Inf(-1)}},
	}
	if err := t.SetState(s.start); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return s, nil
}

// resume goes on from where another session of the same network on the same rows
// stood.
func (s *session) resume(from progress, state backend.State) error {
	s.progress = from
	return s.trainer.SetState(state)
}

func (s *session) close() error { return s.trainer.Close() }

// rate is the learning rate of a step: a cosine from the peak to zero.
func (s *session) rate(step int) float64 {
	done := float64(step) / float64(s.cfg.Steps)
	return s.cfg.LearningRate * (1 + math.Cos(math.Pi*done)) / 2
}

// advance trains up to step target, validating every Config.EvaluateEvery
// steps and at the end, until patience validations in a row bring no gain that is
// worth it. After each, it calls validated with the mean training value since the last one; an
// error of that ends it.
func (s *session) advance(ctx context.Context, target, patience int, validated func(train float64) error) error {
	most := max(0, min(s.cfg.EvaluateEvery, target-s.step))
	values, rates := make([]float64, most), make([]float64, most)
	for s.step < target && s.stale < patience {
		n := min(s.cfg.EvaluateEvery-s.step%s.cfg.EvaluateEvery, target-s.step)
		for i := range n {
			rates[i] = s.rate(s.step + i)
		}
		done, err := s.train(ctx, rates[:n], values[:n])
		s.step += done
		if err != nil {
			return fmt.Errorf("mine: training: %w", err)
		}
		var mean float64
		for i, v := range values[:n] {
			if !finite(v) {
				return s.diverged(s.step - n + i + 1)
			}
			mean += (v - s.candidate.Objective.Idle()) / float64(n)
		}
		if err := s.validate(ctx, mean); err != nil {
			return err
		}
		if err := validated(mean); err != nil {
			return err
		}
	}
	if last := len(s.curve) - 1; last >= 0 && s.best.validation <= 0 && s.curve[last].Train < hopeless {
		return s.diverged(s.step)
	}
	return nil
}

// train runs the next steps, as backend.Trainer has it, each on its chunk of the training rows.
func (s *session) train(ctx context.Context, rates, values []float64) (done int, err error) {
	if s.supply == nil {
		return s.trainer.Train(ctx, rates, values)
	}
	for done < len(rates) {
		left, err := s.supply.bring(s.step + done)
		if err != nil {
			return done, err
		}
		end := min(len(rates), done+left)
		n, err := s.trainer.Train(ctx, rates[done:end], values[done:end])
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// validate evaluates the critic on the validation rows and keeps it if it is
// the best so far.
func (s *session) validate(ctx context.Context, train float64) error {
	n := s.stop.Len()
	pairing := backend.Pairing{Kind: backend.Cycles, Count: cyclesFor(validationPairs, n), Seed: seedOf(validationRows, s.seed)}
	ev, err := s.trainer.Evaluate(ctx, s.data, s.stop, pairing, nil)
	if err != nil {
		return fmt.Errorf("mine: validating: %w", err)
	}
	if !ev.Finite {
		return s.diverged(s.step)
	}
	if _, most := limits(ev.LogU, min(mostPairs, n*(n-1))); ev.MaxT > float64(most) {
		if ev, err = s.cut(ctx, pairing, most); err != nil {
			return fmt.Errorf("mine: validating: %w", err)
		}
	}
	bound := ev.Joint - ev.LogU
	s.curve = append(s.curve, Point{Step: s.step, Train: train, Validation: bound})
	if bound > s.mark+worth*ev.StdErr() || len(s.curve) == 1 {
		s.mark, s.stale = bound, 0
	} else {
		s.stale++
	}
	if bound <= s.best.validation {
		return nil
	}
	state, err := s.trainer.State()
	s.best = snapshot{s.step, bound, ev.StdErr(), state.Params}
	return err
}

// cut evaluates the critic with no joint score above most, where scores are cut off in tests (see pairScores.cut) of as many pairs as the
// validation rows have: where tails are heavy, the score of a single joint pair may be so far above all others that the bound is above
// the logarithm of the rows. What is too low, and the marginal scores, stay as they are: a critic gone astray shows by them.
func (s *session) cut(ctx context.Context, pairing backend.Pairing, most float32) (backend.Evaluation, error) {
	state, err := s.trainer.State()
	if err != nil {
		return backend.Evaluation{}, err
	}
	scorer, err := s.backend.NewScorer(s.network, state.Params)
	if err != nil {
		return backend.Evaluation{}, err
	}
	p, err := scorePairs(ctx, scorer, s.data, s.stop.Lo, s.stop.Len(), pairing.Count, pairing.Seed)
	if err := errors.Join(err, scorer.Close()); err != nil {
		return backend.Evaluation{}, err
	}
	for i, t := range p.Joint {
		p.Joint[i] = min(t, most)
	}
	return p.evaluation(), nil
}

func (s *session) diverged(step int) error {
	return &DivergedError{Step: step, Steps: s.cfg.Steps, Candidate: s.candidate, LearningRate: s.cfg.LearningRate}
}

// validated reports whether there is a critic to put to use.
func (p *progress) validated() bool { return p.best.step > 0 }

// validation returns the best validation bound so far, 0 before the first.
func (p *progress) validation() float64 {
	if !p.validated() {
		return 0
	}
	return p.best.validation
}

// choice returns the critic to put to use: the best one, or, unless it has to say something, the constant one if the
// best is clearly worse than that.
func (s *session) choice(outspoken bool) snapshot {
	best := s.best
	if outspoken || best.validation >= -trivial*best.stdErr {
		return best
	}
	return snapshot{step: best.step, params: s.start.Params}
}

// cyclesFor returns how many marginal cycles over n rows make enough pairs, but
// no more than there are pairs.
func cyclesFor(pairs, n int) int { return max(1, min(1+(pairs-1)/n, n-1)) }
