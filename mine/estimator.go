package mine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gomine/cpu"
	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/preprocess"
)

// An Estimator takes an estimate through its stages, for callers who want to stop
// between them: Fit holds the race and trains on all folds, Result reports the bound on
// the rows that were not trained on, and Fitted is the critic, to be put to use on
// other rows. It is not safe for concurrent use.
type Estimator struct {
	cfg     Config
	wiring  wiring
	backend backend.Backend
	own     bool // whether the backend is the estimator's to close
	// What training runs on, for reports: the backend may be another one by then.
	name, device string
	parts        map[int][]backend.Backend // what it was divided into, by the number of critics
	checkpoints  checkpoints

	pairs      *preprocess.Pairs
	ordered    preprocess.Ordered // all rows, where the pairs are some of them
	arranged   arrangement
	folds      []fold
	asked      int    // for how many rows a batch was, where it has fewer; else 0
	determined string // which columns determine each other, if any do
	discrete   discrete
	nearest    *nearest // nil where it is not made

	begun, closed bool
	survivors     []int      // numbers of the candidates that were trained on all folds
	networks      int        // of each of them on a fold
	patience      int        // of their training
	ensemble      *ensemble  // of the folds that have critics; nil before Fit
	stop          StopReason // where training did not end by itself
	race          []RaceEntry
	timing        Timing
	trained       int // steps that Timing.Train was spent on
}

// NewEstimator checks and splits the data. The sources must stay unchanged until Fit
// returns.
func NewEstimator(ctx context.Context, x, z column.Source, cfg Config, opts ...Option) (*Estimator, error) {
	start := time.Now()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.Candidates, cfg.Hidden = slices.Clone(cfg.Candidates), slices.Clone(cfg.Hidden)
	e := &Estimator{cfg: cfg, wiring: wiring{called: [2]string{"x", "z"}}}
	for _, o := range opts {
		o(&e.wiring)
	}
	if err := column.Check(x); err != nil {
		return nil, argumentError("x", err)
	}
	if err := column.Check(z); err != nil {
		return nil, argumentError("z", err)
	}
	if _, err := newFolds(independent(x.Rows()), cfg); err != nil {
		return nil, err // before anything takes time
	}
	e.prepared(0)
	about, err := newManifest(x, z, e.wiring)
	if err != nil {
		return nil, err
	}
	if err := e.split(ctx, x, z); err != nil {
		return nil, err
	}
	if e.determined, err = e.pairs.Determined(e.used()); err != nil {
		return nil, err
	}
	if err := e.count(); err != nil {
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
	if e.checkpoints, err = e.wiring.keep(about, e.cfg, e.backend); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	e.timing.Prepare = time.Since(start)
	return e, nil
}

// Split says how the rows are split, and why, before anything is trained.
func (e *Estimator) Split() Split { return e.arranged.Split }

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
		if err := offers.CheckSpec(e.backend.Name(), spec, e.folds[0].counts.train()); err != nil {
			return fmt.Errorf("mine: %w", err)
		}
	}
	if err := offers.CheckEvaluation(e.backend.Name(), e.folds[0].counts.test(), backend.Pairing{Kind: backend.Cycles}); err != nil {
		return fmt.Errorf("mine: %w", err)
	}
	return nil
}

// Close releases what the estimate ran on, unless it was given, and the folder of its checkpoints.
func (e *Estimator) Close() error {
	if e.closed {
		return nil
	}
	e.closed = true
	var errs []error
	for _, parts := range e.parts {
		for _, p := range parts {
			errs = append(errs, p.Close())
		}
	}
	if e.own {
		errs = append(errs, e.backend.Close())
	}
	if folder := e.checkpoints.folder; folder != nil {
		errs = append(errs, checkpointError(folder.Close()))
	}
	return errors.Join(errs...)
}

// Fit holds the race, if there are several candidates, and trains those that are left
// on every fold.
//
// When ctx is cancelled, it returns an error that wraps ctx.Err(), and when the backend
// fails, as when a device is lost, its error; if a critic has been validated by then,
// Result reports on the folds that have one and have come about as far as the furthest.
func (e *Estimator) Fit(ctx context.Context) error {
	if e.closed {
		return fmt.Errorf("mine: fit: %w", backend.ErrClosed)
	}
	if e.begun {
		return errors.New("mine: Fit was called before")
	}
	e.begun = true
	e.survivors, e.networks, e.patience = []int{0}, e.cfg.Networks, e.cfg.Patience
	var r *race
	if len(e.cfg.Candidates) > 1 {
		began := time.Now()
		var err error
		if r, err = e.hold(ctx); err == nil {
			err = e.choose(ctx, r)
		}
		e.timing.Race = time.Since(began)
		if r == nil {
			return err
		}
		e.race = r.entries()
		if err != nil {
			return errors.Join(err, e.settleRace(ctx, err, r))
		}
	}
	began := time.Now()
	err := e.train(ctx, r)
	e.timing.Train = time.Since(began)
	return err
}

// hold holds the race on the first fold where both sides vary, on part of its rows where
// all would take too much memory.
func (e *Estimator) hold(ctx context.Context) (*race, error) {
	var methods map[preprocess.Method]bool
	dx, dz := e.pairs.Columns()
	values := dx + dz // codes become more inputs than columns
	r := &race{}
	err := varying(len(e.folds), func(f int) (err error) {
		r.fold, r.fitter = f, e.fitter(PhaseRace, len(e.cfg.Candidates), e.folds[f])
		var wide int
		methods, wide, err = r.fitter.methods()
		values = max(values, wide)
		return err
	})
	if err != nil {
		return nil, err
	}
	all := e.folds[r.fold]
	counts := all.counts.forRace(len(methods), values, e.cfg.Batch)
	r.decided = counts.Validation > all.counts.Validation/2
	if r.complete = counts == all.counts; !r.complete {
		whole := r.fitter
		r.fitter = e.fitter(PhaseRace, len(e.cfg.Candidates), all.limit(counts))
		r.fitter.adopt(whole, 0)
	}
	return r, r.run(ctx)
}

// fitter returns that of a phase with so many critics on folds.
func (e *Estimator) fitter(phase Phase, critics int, folds ...fold) *fitter {
	return &fitter{cfg: e.cfg, pairs: e.pairs, ordered: e.ordered, folds: folds, backends: e.workers(critics), phase: phase, checkpoints: e.checkpoints, report: e.wiring.report, outspoken: e.wiring.outspoken,
		fits: map[int]*fits{}, inputs: map[inputsKey]*inputs{}}
}

// train trains the survivors on all folds, from where the race has brought them if it had
// all rows of a fold. r is nil without a race.
func (e *Estimator) train(ctx context.Context, r *race) error {
	t := e.fitter(PhaseTrain, len(e.folds)*len(e.survivors)*e.networks, e.folds...)
	members, refs := make([][]*member, len(e.folds)), make([]*reference, len(e.folds))
	for f := range members {
		members[f] = make([]*member, e.networks*len(e.cfg.Candidates))
	}
	method, last := e.referenceMethod()
	needed := e.cfg.methodsOf(e.survivors, method)
	if r != nil {
		t.adopt(r.fitter, r.fold)
	}
	narrowed, err := e.narrow(t, needed)
	if err != nil {
		return err
	}
	resumes := r != nil && r.complete && !narrowed
	if resumes {
		t.share(r.fitter, r.fold, needed)
	}
	t.total = e.networks * len(e.survivors) * len(e.folds) * e.cfg.Steps
	if resumes {
		for _, c := range e.survivors { // until it has gone on, it stands for itself
			members[r.fold][c] = r.members[c]
			t.total -= r.members[c].step
		}
	}
	jobs := e.jobs()
	left := map[round]int{}
	for _, j := range jobs {
		left[j.round]++
	}
	err = t.each(ctx, 1+len(jobs), func(ctx context.Context, b backend.Backend, i int) (err error) {
		if i == 0 {
			return e.nearest.ask(ctx, e.wiring.threads, len(t.backends))
		}
		j := jobs[i-1]
		f, s := j.fold, j.slot
		if s != referenceSlot {
			var m *member
			m, err = t.train(ctx, b, f, s, members[f][s], e.cfg.Steps, e.patience, last)
			if m != nil && !t.again(err) {
				members[f][s] = m
			}
		} else if e.cfg.Reference {
			refs[f], err = t.refer(ctx, f, method, last)
		}
		t.mu.Lock()
		left[j.round]--
		done := left[j.round] <= 0 // less where jobs are done again
		t.mu.Unlock()
		if done {
			t.close(f, j.network < e.networks-1)
		}
		return err
	})
	e.trained = t.done
	if err != nil {
		if resumes {
			err = errors.Join(err, t.complete(ctx, err, r.fold, members[r.fold]))
		}
		err = errors.Join(err, e.complete(ctx, t, members, refs, method, last))
	}
	err = errors.Join(err, e.settle(err, e.folds, members, refs))
	switch {
	case err != nil && e.ensemble == nil && r != nil:
		return errors.Join(err, e.settleRace(ctx, err, r))
	case err != nil:
		return err
	case e.ensemble == nil:
		return members[0][e.survivors[0]].failed
	}
	again := e.fitter(PhaseScore, len(e.folds), e.folds...)
	again.fits, again.inputs = t.fits, t.inputs
	deeper, err := again.deepen(ctx, members, refs, e.ensemble.reach())
	if deeper || err != nil {
		err = errors.Join(err, e.settle(err, e.folds, members, refs))
	}
	return err
}

// Fitted returns the critic that training has led to, which has to be closed before the
// Estimator is.
func (e *Estimator) Fitted() (*Fitted, error) {
	switch {
	case e.closed:
		return nil, fmt.Errorf("mine: estimator: %w", backend.ErrClosed)
	case e.ensemble == nil:
		return nil, errNoCritic
	}
	weights := e.ensemble.weights
	if e.wiring.outspoken && e.ensemble.silent() {
		weights = e.ensemble.best()
	}
	return newFitted(e.backend, e.cfg, e.ensemble, weights)
}

var errNoCritic = errors.New("mine: there is no critic before Fit, or training ended before the first validation")

// Result reports the bound on the rows that each fold's critics have not seen.
func (e *Estimator) Result(context.Context) (Result, error) {
	if e.ensemble == nil {
		return Result{}, errNoCritic
	}
	began := time.Now()
	tested := e.ensemble.stacked()
	b, err := poolBounds(tested, e.cfg.Confidence)
	if err != nil {
		return Result{}, err
	}
	r := Result{
		Bound: e.arranged.limit(b), Race: e.race, Rows: e.ensemble.folds[0].counts.RowCounts, Split: e.arranged.Split,
		Config: e.cfg, Backend: e.name, Device: e.device, Timing: e.timing,
	}
	r.Training, r.Neighbours = trained(tested), e.nearest.said()
	r.Likely = r.likely()
	if r.Critics, err = e.ensemble.critics(); err != nil {
		return Result{}, err
	}
	if r.Folds, err = e.ensemble.foldResults(tested); err != nil {
		return Result{}, err
	}
	r.Scores = e.ensemble.histogram()
	lead := e.ensemble.lead()
	r.Winner, r.Curve, r.BestStep, r.Steps, r.Stop = lead.candidate, lead.curve, lead.best.step, lead.step, lead.stop
	if e.stop != "" {
		r.Stop = e.stop
	}
	r.Plugin, r.EntropyX, r.EntropyZ = e.discrete.plugin, e.discrete.hx, e.discrete.hz
	r.Normalised = e.discrete.normalised(r.Estimate)
	r.X, r.Z = lead.maps.X.Summary(), lead.maps.Z.Summary()
	r.Timing.Evaluate = time.Since(began)
	if seconds := r.Timing.Train.Seconds(); seconds > 0 {
		r.Timing.StepsPerSecond = float64(e.trained) / seconds
	}
	r.Warnings = slices.Concat(e.batchWarning(), warnings(&r, e.wiring.called, e.determined, lead.progress.validation()), e.discrete.warnings(), e.arranged.warnings(e.ensemble.folds, tested))
	return r, nil
}
