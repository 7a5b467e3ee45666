package mine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/mat"

	"gomine/cpu"
	"gomine/mine/backend"
)

const (
	// minTestRows is the smallest number of validation or test rows: with
	// fewer the bound is noise and its ceiling ln n below 3 nats.
	minTestRows = 20

	// testCycles is the smallest number of marginal pairs a test row, so that
	// the standard error errs by a few percent at most (see Bound).
	testCycles = 10

	// hastyPairs is the number of marginal pairs of the evaluation after a
	// cancelled training, for which somebody waits.
	hastyPairs = 50_000

	// validationPairs is the number of marginal pairs of a validation, at
	// least: enough to rank checkpoints, which share the rows and the pairs.
	validationPairs = 50_000

	// raceBytes is the memory that the race's preprocessed copies of the rows
	// may take; a larger race sees part of the rows only.
	raceBytes = 64 << 20
)

// An Estimator is a critic together with the data it is trained on: Fit runs
// the race and the training, Result evaluates the test rows, and the trained
// critic scores, evaluates and differentiates other rows. It is not safe for
// concurrent use.
type Estimator struct {
	cfg        Config
	wiring     wiring
	backend    backend.Backend
	ownBackend bool

	x, z       *source
	counts     RowCounts
	determined string // which columns determine each other, if any do

	fitted  bool // Fit was called
	closed  bool
	run     *run // of the winner; nil before Fit
	data    backend.Data
	maps    maps
	trained int // steps that Timing.Train was spent on
	res     Result
}

// NewEstimator checks and splits the data. The variables must stay unchanged
// until Fit returns.
func NewEstimator(ctx context.Context, x, z Variable, cfg Config, opts ...Option) (*Estimator, error) {
	start := time.Now()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.Candidates, cfg.Hidden = slices.Clone(cfg.Candidates), slices.Clone(cfg.Hidden)
	e := &Estimator{cfg: cfg}
	for _, o := range opts {
		o(&e.wiring)
	}
	counts, err := split(x.rows, cfg)
	if err != nil && x.err == nil && z.err == nil {
		return nil, err
	}
	e.counts = counts
	e.wiring.report(Progress{Phase: PhasePrepare})
	if e.x, e.z, err = newSources(x, z, cfg.Seed); err != nil {
		return nil, err
	}
	e.determined = determinedColumns(e.x, e.z, counts.Train)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("mine: preparing: %w", err)
	}
	if e.backend = e.wiring.backend; e.backend == nil {
		if e.backend, err = cpu.Open(cpu.Options{Threads: e.wiring.threads}); err != nil {
			return nil, err
		}
		e.ownBackend = true
	}
	e.res.Timing.Prepare = time.Since(start)
	return e, nil
}

// split returns how many rows go where.
func split(rows int, cfg Config) (RowCounts, error) {
	c := RowCounts{
		Total:      rows,
		Validation: int(math.Round(cfg.ValidationFraction * float64(rows))),
		Test:       int(math.Round(cfg.TestFraction * float64(rows))),
	}
	c.Train = rows - c.Validation - c.Test
	if c.Validation < minTestRows || c.Test < minTestRows {
		return c, fmt.Errorf("mine: %d rows leave %d for validation and %d for the test, want at least %d of each: %w",
			rows, c.Validation, c.Test, minTestRows, ErrTooFewSamples)
	}
	if c.Train < cfg.Batch {
		return c, fmt.Errorf("mine: config batch is %d, but there are %d training rows of %d; use a smaller batch: %w",
			cfg.Batch, max(c.Train, 0), rows, ErrTooFewSamples)
	}
	return c, nil
}

func (c RowCounts) train() backend.Rows { return backend.Rows{Lo: 0, Hi: c.Train} }
func (c RowCounts) validation() backend.Rows {
	return backend.Rows{Lo: c.Train, Hi: c.Train + c.Validation}
}
func (c RowCounts) test() backend.Rows { return backend.Rows{Lo: c.Train + c.Validation, Hi: c.Total} }

// Close releases the critic and, unless it was given, the backend.
func (e *Estimator) Close() error {
	if e.closed {
		return nil
	}
	e.closed = true
	var errs []error
	if e.run != nil {
		errs = append(errs, e.run.close())
	}
	if e.data != nil {
		errs = append(errs, e.data.Close())
	}
	if e.ownBackend {
		errs = append(errs, e.backend.Close())
	}
	return errors.Join(errs...)
}

// maps are the column maps of both sides.
type maps struct{ x, z []columnMap }

func (e *Estimator) fitMaps(p Preprocessing) (maps, error) {
	m := maps{e.x.fit(e.counts.Train, p), e.z.fit(e.counts.Train, p)}
	for _, s := range []struct {
		*source
		maps []columnMap
	}{{e.x, m.x}, {e.z, m.z}} {
		if varying(s.maps) == 0 {
			return m, fmt.Errorf("mine: every column of %s is constant on the training rows: there is nothing to learn from it", s.side)
		}
	}
	return m, nil
}

// load maps and loads the first rows of each part, as many as counts says. The
// raw data are overwritten if inPlace and if they were given for that.
func (e *Estimator) load(m maps, counts RowCounts, inPlace bool) (backend.Data, error) {
	dst := [2]backend.Matrix{}
	for i, s := range []*source{e.x, e.z} {
		cm := m.x
		if i == 1 {
			cm = m.z
		}
		if s.v.owned != nil && inPlace {
			dst[i] = *s.v.owned
			dst[i].Cols = varying(cm)
		} else {
			dst[i] = backend.NewMatrix(counts.Total, varying(cm))
		}
		s.apply(cm, 0, slice(dst[i], 0, counts.Train))
		s.apply(cm, e.counts.Train, slice(dst[i], counts.Train, counts.Train+counts.Validation))
		if counts.Test > 0 {
			s.apply(cm, e.counts.Train+e.counts.Validation, slice(dst[i], counts.Train+counts.Validation, counts.Total))
		}
	}
	return e.backend.Load(dst[0], dst[1])
}

func slice(m backend.Matrix, lo, hi int) backend.Matrix {
	m.Data = m.Data[lo*m.Stride:]
	m.Rows = hi - lo
	return m
}

// raceCounts returns the rows that the race may use, within its memory.
func (e *Estimator) raceCounts(variants int) RowCounts {
	c := e.counts
	c.Test = 0
	most := raceBytes / (variants * 4 * (e.x.v.cols + e.z.v.cols))
	if c.Train+c.Validation > most {
		c.Validation = min(c.Validation, max(minTestRows, most/4))
		c.Train = min(c.Train, max(e.cfg.Batch, most-c.Validation))
	}
	c.Total = c.Train + c.Validation
	return c
}

// Fit holds the race, if there are several candidates, and trains the winner.
//
// When ctx is cancelled, it returns an error that wraps ctx.Err(); if a critic
// has been validated by then, Result reports it.
func (e *Estimator) Fit(ctx context.Context) error {
	if e.closed {
		return fmt.Errorf("mine: fit: %w", backend.ErrClosed)
	}
	if e.fitted {
		return errors.New("mine: Fit was called before; Train goes on")
	}
	e.fitted = true
	candidate := e.cfg.Candidates[0]
	var leader *run
	var raceErr error
	if len(e.cfg.Candidates) > 1 {
		began := time.Now()
		leader, raceErr = e.race(ctx)
		e.res.Timing.Race = time.Since(began)
		if leader == nil {
			return raceErr
		}
		defer leader.close()
		candidate = leader.candidate
		if raceErr != nil && leader.best.step == 0 {
			return raceErr
		}
	}

	began := time.Now()
	var err error
	if e.maps, err = e.fitMaps(candidate.Preprocess); err != nil {
		return err
	}
	if e.data, err = e.load(e.maps, e.counts, true); err != nil {
		return err
	}
	if e.run, err = e.newRun(candidate, e.data, e.counts); err != nil {
		return err
	}
	// A race on part of the rows only chose the candidate; its critic knows too
	// few rows, and its bound is not comparable with those to come.
	if leader != nil && (leader.counts.Train == e.counts.Train && leader.counts.Validation == e.counts.Validation || raceErr != nil) {
		if err := e.run.adopt(leader); err != nil {
			return err
		}
	}
	e.res.Timing.Prepare += time.Since(began)
	if raceErr != nil {
		e.res.Stop = StopInterrupted
		return raceErr
	}
	return e.Train(ctx, e.cfg.Steps-e.run.step)
}

// Train trains the critic of Fit for more steps, at most: it stops early when
// Config.Patience validations bring no new best. After Config.Steps the
// learning rate starts again from its peak and falls to zero over the steps of
// each call.
func (e *Estimator) Train(ctx context.Context, steps int) error {
	if err := e.ready(); err != nil {
		return err
	}
	if steps < 0 || steps > math.MaxInt-e.run.step {
		return fmt.Errorf("mine: cannot train for %d more steps", steps)
	}
	began, from := time.Now(), e.run.step
	if from >= e.run.from+e.run.span {
		e.run.from, e.run.span = from, max(steps, 1)
	}
	target := from + steps
	err := e.run.advance(ctx, target, e.cfg.Patience, func(train float64) {
		e.wiring.report(Progress{Phase: PhaseTrain, Step: e.run.step, Steps: target,
			Candidate: e.run.candidate, Train: train, Validation: e.run.validation()})
	})
	e.res.Timing.Train += time.Since(began)
	e.trained += e.run.step - from
	switch {
	case err != nil:
		e.res.Stop = StopInterrupted
	case e.run.step < target:
		e.res.Stop = StopPatience
	default:
		e.res.Stop = StopSchedule
	}
	return err
}

// ready reports whether there is a run to go on with.
func (e *Estimator) ready() error {
	switch {
	case e.closed:
		return fmt.Errorf("mine: estimator: %w", backend.ErrClosed)
	case e.run == nil:
		return errors.New("mine: there is no critic before Fit")
	}
	return nil
}

// trainedCritic reports whether there is a critic to put to use.
func (e *Estimator) trainedCritic() error {
	if err := e.ready(); err != nil {
		return err
	}
	if e.run.best.step == 0 {
		return errors.New("mine: training ended before the first validation: there is no critic yet")
	}
	return nil
}

// Result evaluates the best critic so far on the test rows.
func (e *Estimator) Result(ctx context.Context) (Result, error) {
	return e.result(ctx, max(e.cfg.TestPairs, testCycles*e.counts.Test))
}

func (e *Estimator) result(ctx context.Context, pairs int) (Result, error) {
	if err := e.trainedCritic(); err != nil {
		return Result{}, err
	}
	began := time.Now()
	e.wiring.report(Progress{Phase: PhaseEvaluate, Candidate: e.run.candidate, Validation: e.run.validation()})
	e.run.giveUp()
	if err := e.run.useBest(); err != nil {
		return Result{}, err
	}
	cycles := cyclesFor(pairs, e.counts.Test)
	ev, err := e.run.trainer.Evaluate(ctx, e.data, e.counts.test(), cycles, e.cfg.Seed)
	if err != nil {
		return Result{}, err
	}
	b, err := NewBound(ev, e.run.best.logU, e.cfg.Confidence)
	if err != nil {
		return Result{}, err
	}
	r := e.res
	r.Bound = b
	r.Winner = e.run.candidate
	r.Curve = e.run.curve
	r.BestStep = e.run.best.step
	r.Steps = e.run.step
	r.Rows = e.counts
	r.X, r.Z = e.x.columns(e.maps.x), e.z.columns(e.maps.z)
	r.Config = e.cfg
	r.Backend, r.Device = e.backend.Name(), e.backend.Device()
	r.Timing.Evaluate = time.Since(began)
	if s := r.Timing.Train.Seconds(); s > 0 {
		r.Timing.StepsPerSecond = float64(e.trained) / s
	}
	r.Warnings = e.warnings(&r)
	return r, nil
}

// Evaluate returns the bound of the best critic so far on other paired rows.
// Config.TestPairs marginal pairs are drawn from them, or as many as there are.
func (e *Estimator) Evaluate(ctx context.Context, x, z Variable) (Bound, error) {
	data, n, err := e.loadOther(x, z)
	if err != nil {
		return Bound{}, err
	}
	defer data.Close()
	if n < 2 {
		return Bound{}, fmt.Errorf("mine: %d rows to evaluate, want at least 2: %w", n, ErrTooFewSamples)
	}
	ev, err := e.run.trainer.Evaluate(ctx, data, backend.Rows{Lo: 0, Hi: n}, cyclesFor(e.cfg.TestPairs, n), e.cfg.Seed)
	if err != nil {
		return Bound{}, err
	}
	return NewBound(ev, e.run.best.logU, e.cfg.Confidence)
}

// Scores returns, for every pair of rows, the critic's estimate of the
// pointwise mutual information log p(x,z)/p(x)p(z), in nats: the score minus
// the log-mean-exp of the marginal scores of the validation rows.
func (e *Estimator) Scores(ctx context.Context, x, z Variable) ([]float64, error) {
	data, n, err := e.loadOther(x, z)
	if err != nil {
		return nil, err
	}
	defer data.Close()
	rows := identity(n)
	scores := make([]float32, n)
	if err := e.run.trainer.Scores(ctx, data, rows, rows, scores); err != nil {
		return nil, err
	}
	out := make([]float64, n)
	for i, t := range scores {
		out[i] = float64(t) - e.run.best.logU
	}
	return out, nil
}

// Gradients returns the derivative of every pair's score with respect to its
// raw inputs, [n, dx] and [n, dz], in nats per unit of the column. It is zero
// for constant columns and outside the range of the training rows.
func (e *Estimator) Gradients(ctx context.Context, x, z Variable) (gx, gz *mat.Dense, err error) {
	data, n, err := e.loadOther(x, z)
	if err != nil {
		return nil, nil, err
	}
	defer data.Close()
	dx, dz := data.Dims()
	rows, weights := identity(n), make([]float32, n)
	for i := range weights {
		weights[i] = 1
	}
	fx, fz := backend.NewMatrix(n, dx), backend.NewMatrix(n, dz)
	if err := e.run.trainer.InputGradients(ctx, data, rows, rows, weights, fx, fz); err != nil {
		return nil, nil, err
	}
	return chain(x, e.maps.x, fx), chain(z, e.maps.z, fz), nil
}

// chain multiplies gradients with respect to mapped columns by the slopes of
// the maps.
func chain(v Variable, maps []columnMap, g backend.Matrix) *mat.Dense {
	out := mat.NewDense(g.Rows, v.cols, nil)
	for i := range g.Rows {
		k := 0
		for j := range maps {
			if maps[j].constant {
				continue
			}
			_, slope := maps[j].eval(v.at(i, j))
			out.Set(i, j, float64(g.Row(i)[k])*slope)
			k++
		}
	}
	return out
}

// loadOther maps and loads rows that are not the estimator's own, with the
// best parameters in place.
func (e *Estimator) loadOther(x, z Variable) (backend.Data, int, error) {
	if err := e.trainedCritic(); err != nil {
		return nil, 0, err
	}
	var dst [2]backend.Matrix
	for i, s := range []struct {
		side string
		v    Variable
		own  *source
		maps []columnMap
	}{{"x", x, e.x, e.maps.x}, {"z", z, e.z, e.maps.z}} {
		if s.v.err != nil {
			return nil, 0, s.v.err
		}
		if s.v.cols != s.own.v.cols || s.v.rows != x.rows || s.v.rows < 1 {
			return nil, 0, fmt.Errorf("mine: %s is [%d, %d], want [%d, %d]: %w",
				s.side, s.v.rows, s.v.cols, max(x.rows, 1), s.own.v.cols, backend.ErrShape)
		}
		given := &source{side: s.side, v: s.v, row: func(p int) int { return p }}
		if err := given.checkFinite(); err != nil {
			return nil, 0, err
		}
		dst[i] = backend.NewMatrix(s.v.rows, varying(s.maps))
		given.apply(s.maps, 0, dst[i])
	}
	if err := e.run.useBest(); err != nil {
		return nil, 0, err
	}
	data, err := e.backend.Load(dst[0], dst[1])
	return data, x.rows, err
}

func identity(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}
