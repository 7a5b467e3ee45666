package mine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"gomine/cpu"
	"gomine/mine/backend"
	"gomine/mine/gaussian"
	"gomine/mine/preprocess"
)

// A fitter trains candidates on folds: independent jobs, as many side by side as
// there are backends. What a job gives does not depend on the others.
type fitter struct {
	cfg         Config
	pairs       *preprocess.Pairs
	ordered     preprocess.Ordered // all rows, where the pairs are some of them
	folds       []fold
	least       int // marginal pairs to score of the rows that decide and of the test rows, at least
	backends    []backend.Backend
	phase       Phase
	checkpoints checkpoints
	alone       bool // whether one of several folds counts, whose validation rows decide the weights
	outspoken   bool // see WithoutSilence
	undisturbed bool // whether a job has the backends for itself
	report      func(Progress)

	mu     sync.Mutex
	fits   map[int]*fits // by fold
	inputs map[inputsKey]*inputs
	done   int // steps of all jobs
	total  int
}

// A member is a critic that was trained on a fold, with its scores of the rows that
// it was not trained on.
type member struct {
	candidate Candidate
	swapped   bool // whether it was trained on the validation rows and stopped by others, see foldCounts.learntBy
	network   backend.Network
	maps      preprocess.Maps
	progress
	stop   StopReason
	params []float32
	state  backend.State // to go on from
	scores partScores
	normal bool  // whether these are of the normalised critic
	failed error // why there are no scores
}

// usable reports whether there is a critic with scores, of the rows that decide at least.
func (m *member) usable() bool {
	return m != nil && m.failed == nil && m.scores[validationRows].Joint != nil
}

// tested reports whether the rows that no critic has seen are scored too.
func (m *member) tested() bool { return m.scores[testRows].Joint != nil }

// A reference is the critic in closed form of a fold, with its scores likewise.
type reference struct {
	*gaussian.Critic
	method preprocess.Method
	maps   preprocess.Maps
	scores partScores
	normal bool // whether these are of the normalised critic
}

// advanced counts steps for the report p; planned changes how many there will be.
func (t *fitter) advanced(steps, planned int, p Progress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done += steps
	t.total += planned
	p.Phase, p.Step, p.Steps = t.phase, t.done, t.total
	t.report(p)
}

// each calls job for the numbers below n, in order, on all backends side by side. The
// first error ends what has not begun; diverged training is no error. A job that finds no memory
// beside others is done again when they are done, alone.
func (t *fitter) each(parent context.Context, n int, job func(ctx context.Context, b backend.Backend, i int) error) error {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	next := make(chan int)
	var wg sync.WaitGroup
	errs := make([]error, len(t.backends))
	alone := make([][]int, len(t.backends))
	var failed atomic.Bool
	for w, b := range t.backends {
		wg.Go(func() {
			for i := range next {
				if ctx.Err() != nil {
					continue
				}
				err := job(ctx, b, i)
				if t.again(err) {
					alone[w] = append(alone[w], i)
					continue
				}
				if ctx.Err() != nil && errors.Is(err, context.Canceled) && !errors.Is(err, ErrCheckpoint) {
					continue // it ended because another one failed, or the caller said so
				}
				if backendFailed(err) && failed.Swap(true) {
					continue // a device that one of them has lost is lost for all
				}
				if err != nil {
					errs[w] = errors.Join(errs[w], err)
					cancel()
				}
			}
		})
	}
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wg.Wait()
	t.undisturbed = true
	defer func() { t.undisturbed = false }()
	for _, i := range slices.Concat(alone...) {
		if ctx.Err() != nil {
			break
		}
		if err := job(ctx, t.backends[0], i); err != nil {
			errs = append(errs, err)
			cancel()
		}
	}
	if err := parent.Err(); err != nil {
		errs = append(errs, fmt.Errorf("mine: training: %w", err))
	}
	return errors.Join(errs...)
}

// again says of the error of a job whether it is done again when others no longer take memory.
func (t *fitter) again(err error) bool {
	return errors.Is(err, backend.ErrOutOfMemory) && len(t.backends) > 1 && !t.undisturbed
}

// train takes the network of a slot to step target on a fold, from its checkpoint or from where an
// earlier member of the same fold stood if there is one, and scores the rows of the fold.
// Where ctx ends it early, it returns the best critic so far together with the error.
func (t *fitter) train(ctx context.Context, b backend.Backend, f, slot int, from *member, target, patience int, last bool) (*member, error) {
	c, network := t.cfg.inSlot(slot)
	in, err := t.open(f, c.Preprocess, last)
	if errors.Is(err, preprocess.ErrConstant) && len(t.folds) > 1 {
		return &member{candidate: c, failed: err}, nil
	}
	if err != nil {
		return nil, err
	}
	supply, data, err := t.load(b, in, t.folds[f].counts)
	if err != nil {
		return nil, err
	}
	defer data.Close()
	s, err := newSession(b, t.cfg, c, network, data, t.folds[f].counts)
	if err != nil {
		return nil, err
	}
	defer s.close()
	s.supply = supply
	if from != nil {
		if err := s.resume(from.progress, from.state); err != nil {
			return nil, err
		}
	}
	began := s.step
	kept := t.checkpoints.of(t.phase, f, slot)
	if err := kept.restore(s); err != nil {
		return nil, err
	}
	t.advanced(0, began-s.step, Progress{Fold: f, Candidate: c, Network: network, Validation: s.validation()})
	began = s.step
	trainErr := s.advance(ctx, target, patience, func(train float64) error {
		t.advanced(s.step-began, 0, Progress{Fold: f, Candidate: c, Network: network, Train: train, Validation: s.validation()})
		began = s.step
		return kept.validated(s)
	})
	t.advanced(s.step-began, s.step-target, Progress{Fold: f, Candidate: c, Network: network, Validation: s.validation()})
	keptErr := kept.keep()
	m := &member{candidate: c, network: s.network, maps: in.maps, progress: s.progress, stop: StopSchedule, swapped: s.swapped}
	switch {
	case errors.Is(trainErr, ErrDiverged):
		m.failed = trainErr
		return m, keptErr
	case trainErr != nil:
		m.stop = stopped(trainErr)
	case s.step < target:
		m.stop = StopPatience
	}
	trainErr = errors.Join(trainErr, keptErr)
	if !s.validated() {
		return m, trainErr
	}
	chosen := s.choice(t.outspoken)
	m.best.validation, m.params = chosen.validation, chosen.params
	if trainErr == nil {
		m.state, trainErr = s.trainer.State()
	}
	// What has been trained is scored even where the end was asked for, and on the CPU
	// where the backend has failed: rows and parameters are in the host's memory.
	ctx = context.WithoutCancel(ctx)
	if !backendFailed(trainErr) {
		err := t.scoreTrained(ctx, b, s, in, m)
		if err == nil {
			return m, trainErr
		}
		trainErr = err
	}
	return m, errors.Join(trainErr, t.rescue(ctx, in, m, s.counts))
}

// score stores the scores of a member's critic.
func (t *fitter) score(ctx context.Context, b backend.Backend, data backend.Data, in *inputs, m *member, c foldCounts) error {
	scorer, err := b.NewScorer(m.network, m.params)
	if err != nil {
		return err
	}
	defer scorer.Close()
	if m.scores, m.normal, err = t.scores(ctx, scorer, data, in, c); err != nil {
		return err
	}
	if !m.scores.finite() {
		m.failed = &DivergedError{Step: m.step, Steps: t.cfg.Steps, Candidate: m.candidate, LearningRate: t.cfg.LearningRate}
	}
	return nil
}

// scoreTrained is score after training, on the first chunk where there are several.
func (t *fitter) scoreTrained(ctx context.Context, b backend.Backend, s *session, in *inputs, m *member) error {
	if s.supply != nil {
		return t.scoreOn(ctx, b, in, m, s.counts)
	}
	return t.score(ctx, b, s.data, in, m, s.counts)
}

// scoreOn is score on a backend that does not have the rows yet.
func (t *fitter) scoreOn(ctx context.Context, b backend.Backend, in *inputs, m *member, c foldCounts) error {
	data, err := b.Load(in.x, in.z)
	if err != nil {
		return err
	}
	return errors.Join(t.score(ctx, b, data, in, m, c), data.Close())
}

// complete scores all rows for critics of fold f that a race has left, which it judges by those that decide alone. Where why says
// that the backend has failed, or it fails now, that is done on the CPU. A critic that cannot be scored has failed.
func (t *fitter) complete(ctx context.Context, why error, f int, members []*member) error {
	t.phase = PhaseScore
	return t.each(context.WithoutCancel(ctx), len(members), func(ctx context.Context, b backend.Backend, i int) error {
		if !members[i].usable() || members[i].tested() {
			return nil
		}
		m := *members[i]
		in, err := t.open(f, m.candidate.Preprocess, false)
		if err == nil {
			if err = why; !backendFailed(why) {
				err = t.scoreOn(ctx, b, in, &m, t.folds[f].counts)
			}
			if backendFailed(err) {
				err = t.rescue(ctx, in, &m, t.folds[f].counts)
			}
		}
		if err != nil {
			m.failed = fmt.Errorf("mine: scores after a race: %w", err)
		}
		members[i] = &m
		return nil
	})
}

// rescue is score on the CPU, with a job's share of the threads: other jobs are rescued
// beside it.
func (t *fitter) rescue(ctx context.Context, in *inputs, m *member, c foldCounts) error {
	b, err := cpu.Open(cpu.Options{Threads: max(1, runtime.GOMAXPROCS(0)/len(t.backends))})
	if err != nil {
		return err
	}
	return errors.Join(t.scoreOn(ctx, b, in, m, c), b.Close())
}

// backendFailed reports whether an error that ended training is the backend's: it is
// no cancellation, no divergence, which is a matter of the settings, and no checkpoint that
// cannot be kept.
func backendFailed(err error) bool {
	return err != nil && !errors.Is(err, ErrDiverged) && !errors.Is(err, ErrCheckpoint) &&
		!errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// stopped is why training ended that ended in an error.
func stopped(err error) StopReason {
	switch {
	case backendFailed(err):
		return StopFailed
	case errors.Is(err, ErrCheckpoint):
		return StopCheckpoint
	}
	return StopInterrupted
}

// scores scores the rows of a fold, by the normalised critic of s where one side is codes.
func (t *fitter) scores(ctx context.Context, s scorer, data backend.Data, in *inputs, c foldCounts) (all partScores, normal bool, err error) {
	codes := codesOf(in.maps, in.x, in.z, c.known())
	s = normalise(s, codes, in.x.Rows)
	pairs := max(t.cfg.TestPairs/t.cfg.Folds, testCycles*c.Test, t.least)
	for p := range all {
		if t.phase == PhaseRace && part(p) != validationRows { // see complete
			continue
		}
		lo, n := c.rowsOf(part(p))
		wanted := pairs
		if part(p) == validationRows {
			wanted = validationPairs
			if t.cfg.Folds == 1 { // they decide the weights
				wanted = max(wanted, t.least)
			}
		}
		if all[p], err = scorePairs(ctx, s, data, lo, n, cyclesFor(wanted, n), seedOf(part(p), t.cfg.Seed)); err != nil {
			return all, false, err
		}
	}
	return all, codes != nil, nil
}

const (
	// deviations is how many standard deviations of the joint scores above the bound
	// marginal pairs have to be seen, so that little of a critic is cut off, see
	// pairScores.cut.
	deviations = 2.5
	// mostPairs is the most that are scored of a fold for that reason.
	mostPairs = 1_000_000
)

// deepen scores the critics of all folds on more pairs, where reach, the score up to which
// marginal pairs have to be seen, says that there are too few. It reports whether it did;
// after an error the scores are as they were, for all critics of a fold need the same pairs.
func (t *fitter) deepen(ctx context.Context, members [][]*member, refs []*reference, reach float64) (bool, error) {
	t.least = int(min(math.Exp(min(reach, 100)), mostPairs))
	if t.least <= max(t.cfg.TestPairs/t.cfg.Folds, testCycles*t.folds[0].counts.Test) {
		return false, nil
	}
	jobs := 0
	for f := range t.folds {
		for _, m := range members[f] {
			if m.usable() {
				jobs++
			}
		}
	}
	t.advanced(0, jobs, Progress{})
	deeper, deeperRefs := make([][]*member, len(t.folds)), make([]*reference, len(t.folds))
	err := t.each(ctx, len(t.folds), func(ctx context.Context, b backend.Backend, f int) (err error) {
		defer t.close(f, false)
		deeper[f] = slices.Clone(members[f])
		for c, m := range members[f] {
			if m.usable() {
				again := *m
				deeper[f][c] = &again
				in, err := t.open(f, m.candidate.Preprocess, false)
				if err != nil {
					return err
				}
				if err := t.scoreOn(ctx, b, in, &again, t.folds[f].counts); err != nil {
					return err
				}
				t.advanced(1, 0, Progress{Fold: f, Candidate: m.candidate})
			}
		}
		if r := refs[f]; r != nil {
			again := *r
			deeperRefs[f] = &again
			in, err := t.open(f, r.method, false)
			if err != nil {
				return err
			}
			again.scores, again.normal, err = t.scores(ctx, r.variates(in, t.folds[f].counts), nil, in, t.folds[f].counts)
			return err
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	copy(members, deeper)
	copy(refs, deeperRefs)
	return true, nil
}
