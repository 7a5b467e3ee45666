package mine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"gomine/cpu"
	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/preprocess"
)

// An Estimator takes an estimate through its stages, for callers who want to stop
// between them: Fit holds the race and trains its winner, Train goes on with it,
// Result reports its bound on the test rows, and Fitted is the critic itself, to be
// put to use on other rows. It is not safe for concurrent use.
type Estimator struct {
	cfg     Config
	wiring  wiring
	backend backend.Backend
	own     bool // whether the backend is the estimator's to close
	// What training runs on, for reports: the backend may be another one by then.
	name, device string

	pairs      *preprocess.Pairs
	counts     RowCounts
	determined string // which columns determine each other, if any do

	begun   bool // Fit was called
	closed  bool
	maps    preprocess.Maps
	x, z    backend.Matrix // what data holds
	data    backend.Data
	session *session // of the winner; nil before Fit
	fitted  *Fitted  // what its training has led to; nil before the first validation

	race    []RaceEntry
	stop    StopReason
	timing  Timing
	trained int // steps that Timing.Train was spent on
}

// NewEstimator checks and splits the data. The sources must stay unchanged until Fit
// returns.
func NewEstimator(ctx context.Context, x, z column.Source, cfg Config, opts ...Option) (*Estimator, error) {
	start := time.Now()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.Candidates, cfg.Hidden = slices.Clone(cfg.Candidates), slices.Clone(cfg.Hidden)
	e := &Estimator{cfg: cfg}
	for _, o := range opts {
		o(&e.wiring)
	}
	if err := column.Check(x); err != nil {
		return nil, argumentError("x", err)
	}
	if err := column.Check(z); err != nil {
		return nil, argumentError("z", err)
	}
	var err error
	if e.counts, err = split(x.Rows(), cfg); err != nil {
		return nil, err
	}
	e.wiring.report(Progress{Phase: PhasePrepare})
	if e.pairs, err = preprocess.NewPairs(x, z, cfg.Seed); err != nil {
		return nil, err
	}
	if e.determined, err = e.pairs.Determined(e.counts.Train); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("mine: preparing: %w", err)
	}
	if e.backend = e.wiring.backend; e.backend == nil {
		if e.backend, err = cpu.Open(cpu.Options{Threads: e.wiring.threads}); err != nil {
			return nil, err
		}
		e.own = true
	}
	e.name, e.device = e.backend.Name(), e.backend.Device()
	if err := e.checkCapabilities(); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	e.timing.Prepare = time.Since(start)
	return e, nil
}

// argumentError says which argument a mistake is in.
func argumentError(name string, err error) error {
	if errors.Is(err, column.ErrEmpty) {
		return fmt.Errorf("mine: %s is empty: %w", name, ErrTooFewSamples)
	}
	return fmt.Errorf("%w (argument %s)", err, name)
}

// checkCapabilities asks the backend for what the candidates need.
func (e *Estimator) checkCapabilities() error {
	offers := e.backend.Capabilities()
	for _, c := range e.cfg.Candidates {
		spec := backend.Spec{
			Network:   backend.Network{Activation: c.Activation},
			Objective: c.Objective,
			Marginals: e.cfg.Marginals,
			ClipNorm:  float64(e.cfg.ClipNorm),
		}
		if err := offers.CheckSpec(e.backend.Name(), spec, e.counts.train()); err != nil {
			return fmt.Errorf("mine: %w", err)
		}
	}
	if err := offers.CheckEvaluation(e.backend.Name(), e.counts.test(), backend.Pairing{Kind: backend.Cycles}); err != nil {
		return fmt.Errorf("mine: %w", err)
	}
	return nil
}

// Close releases the critic and, unless it was given, the backend.
func (e *Estimator) Close() error {
	if e.closed {
		return nil
	}
	e.closed = true
	var errs []error
	if e.fitted != nil {
		errs = append(errs, e.fitted.Close())
	}
	if e.session != nil {
		errs = append(errs, e.session.close())
	}
	if e.data != nil {
		errs = append(errs, e.data.Close())
	}
	if e.own {
		errs = append(errs, e.backend.Close())
	}
	return errors.Join(errs...)
}

// Fit holds the race, if there are several candidates, and trains the winner.
//
// When ctx is cancelled, it returns an error that wraps ctx.Err(), and when the
// backend fails, as when a device is lost, its error; if a critic has been validated
// by then, Result reports it.
func (e *Estimator) Fit(ctx context.Context) error {
	if e.closed {
		return fmt.Errorf("mine: fit: %w", backend.ErrClosed)
	}
	if e.begun {
		return errors.New("mine: Fit was called before; Train goes on")
	}
	e.begun = true
	won := &outcome{winner: e.cfg.Candidates[0]}
	var raceErr error
	if len(e.cfg.Candidates) > 1 {
		began := time.Now()
		r := race{cfg: e.cfg, backend: e.backend, pairs: e.pairs, split: e.counts, report: e.wiring.report}
		won, raceErr = r.run(ctx)
		e.timing.Race = time.Since(began)
		if won == nil {
			return raceErr
		}
		e.race = won.entries
		if raceErr != nil && !won.validated() {
			return raceErr
		}
	}
	began := time.Now()
	if backendFailed(raceErr) {
		if err := e.rescue(); err != nil {
			return errors.Join(raceErr, err)
		}
	}
	if err := e.open(won, raceErr != nil); err != nil {
		return errors.Join(raceErr, err)
	}
	e.timing.Prepare += time.Since(began)
	if raceErr != nil {
		e.stop = stopped(raceErr)
		return errors.Join(raceErr, e.settle())
	}
	return e.Train(ctx, e.cfg.Steps-e.session.step)
}

// open begins the winner's session on all rows. It goes on from where the winner
// stood: unless the race had part of the rows only, since then its critic knows too
// few, and its bound is not comparable with those to come; but there is no other
// critic if the race was interrupted.
func (e *Estimator) open(won *outcome, interrupted bool) error {
	var err error
	if e.maps, err = e.pairs.Fit(e.counts.Train, won.winner.Preprocess); err != nil {
		return err
	}
	if e.x, e.z, err = e.pairs.Apply(e.maps, true, e.counts.ranges(e.counts)...); err != nil {
		return err
	}
	if e.data, err = e.backend.Load(e.x, e.z); err != nil {
		return err
	}
	if e.session, err = newSession(e.backend, e.cfg, won.winner, e.data, e.counts); err != nil {
		return err
	}
	if won.entries != nil && (won.complete || interrupted) {
		return e.session.resume(won.progress, won.state)
	}
	return nil
}

// Train trains the critic of Fit for more steps, at most: it stops early when
// Config.Patience validations bring no new best. After Config.Steps the
// learning rate starts again from its peak and falls to zero over the steps of
// each call. It closes the Fitted of before.
func (e *Estimator) Train(ctx context.Context, steps int) error {
	if err := e.ready(); err != nil {
		return err
	}
	s := e.session
	if steps < 0 || steps > math.MaxInt-s.step {
		return fmt.Errorf("mine: cannot train for %d more steps", steps)
	}
	began, from := time.Now(), s.step
	s.restart(steps)
	target := from + steps
	err := s.advance(ctx, target, e.cfg.Patience, func(train float64) {
		e.wiring.report(Progress{Phase: PhaseTrain, Step: s.step, Steps: target,
			Candidate: s.candidate, Train: train, Validation: s.validation()})
	})
	e.timing.Train += time.Since(began)
	e.trained += s.step - from
	switch {
	case err != nil:
		e.stop = stopped(err)
	case s.step < target:
		e.stop = StopPatience
	default:
		e.stop = StopSchedule
	}
	if backendFailed(err) && s.validated() {
		if rescueErr := e.rescue(); rescueErr != nil {
			return errors.Join(err, rescueErr)
		}
	}
	return errors.Join(err, e.settle())
}

// backendFailed reports whether an error that ended training is the backend's: it is
// no cancellation, and no divergence, which is a matter of the settings.
func backendFailed(err error) bool {
	return err != nil && !errors.Is(err, ErrDiverged) &&
		!errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// stopped is why training ended that ended in an error.
func stopped(err error) StopReason {
	if backendFailed(err) {
		return StopFailed
	}
	return StopInterrupted
}

// rescue goes on with the CPU backend where the backend has failed: the rows and the
// parameters of the best critic are in the host's memory, so it can still be put to
// use. The session stays on the backend that has failed, and can be closed only.
func (e *Estimator) rescue() error {
	b, err := cpu.Open(cpu.Options{Threads: e.wiring.threads})
	if err != nil {
		return err
	}
	// Little works on a device that is lost, and its first error says why.
	if e.data != nil {
		_ = e.data.Close()
	}
	if e.own {
		_ = e.backend.Close()
	}
	e.backend, e.own = b, true
	if e.data != nil {
		e.data, err = b.Load(e.x, e.z)
	}
	return err
}

// settle decides, once training has ended, which critic it has led to.
func (e *Estimator) settle() error {
	if !e.session.validated() {
		return nil
	}
	fitted, err := newFitted(e.backend, e.cfg, e.session.candidate, e.session.network, e.maps, e.session.choice())
	if err != nil {
		return err
	}
	if e.fitted != nil {
		err = e.fitted.Close()
	}
	e.fitted = fitted
	return err
}

// ready reports whether there is a session to go on with.
func (e *Estimator) ready() error {
	switch {
	case e.closed:
		return fmt.Errorf("mine: estimator: %w", backend.ErrClosed)
	case e.session == nil:
		return errors.New("mine: there is no critic before Fit")
	}
	return nil
}

// Fitted returns the critic that training has led to: the best one on the validation
// rows, or the constant one if that is clearly better. It can be used until the next
// call of Train or Close.
func (e *Estimator) Fitted() (*Fitted, error) {
	if err := e.ready(); err != nil {
		return nil, err
	}
	if e.fitted == nil {
		return nil, errors.New("mine: training ended before the first validation: there is no critic yet")
	}
	return e.fitted, nil
}

// Result evaluates the critic of Fitted on the test rows.
func (e *Estimator) Result(ctx context.Context) (Result, error) {
	return e.result(ctx, max(e.cfg.TestPairs, testCycles*e.counts.Test))
}

func (e *Estimator) result(ctx context.Context, pairs int) (Result, error) {
	f, err := e.Fitted()
	if err != nil {
		return Result{}, err
	}
	began := time.Now()
	s := e.session
	e.wiring.report(Progress{Phase: PhaseEvaluate, Candidate: s.candidate, Validation: s.validation()})
	b, err := f.evaluate(ctx, e.data, e.counts.test(), pairs)
	if err != nil {
		return Result{}, err
	}
	r := Result{
		Bound: b, Winner: f.Candidate, Race: e.race,
		Curve: s.curve, BestStep: f.Step, Steps: s.step, Stop: e.stop,
		Rows: e.counts, X: f.Maps.X.Summary(), Z: f.Maps.Z.Summary(),
		Config: e.cfg, Backend: e.name, Device: e.device, Timing: e.timing,
	}
	r.Timing.Evaluate = time.Since(began)
	if seconds := r.Timing.Train.Seconds(); seconds > 0 {
		r.Timing.StepsPerSecond = float64(e.trained) / seconds
	}
	r.Warnings = warnings(&r, e.determined, f.Validation)
	return r, nil
}
