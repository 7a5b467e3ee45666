package mine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"gomine/mine/backend"
	"gomine/mine/preprocess"
	"gomine/mine/sampling"
)

// Plan is what Fit would do, as far as the data tell before any training.
type Plan struct {
	Rows  RowCounts // of the first fold
	Split Split
	Folds int
	// Candidates are those that the columns leave different from each other. If they are
	// several, they race, and Survivors of them at most are trained on every fold, Config.Networks networks of each.
	Candidates []Candidate
	Survivors  int
	// X and Z are the columns as the first candidate has them.
	X, Z preprocess.Summary
	// InputsX and InputsZ are what a row becomes by the candidate that makes most of it.
	InputsX, InputsZ int
	Steps            int // of all training together, at most
	Parallel         int // critics that are trained side by side
	// Bytes is what the inputs of all critics that are in training at a time take, at most,
	// beside the data.
	Bytes    int
	Batch    int       // rows of a training step, fewer than Config.Batch where a fold has fewer to train on
	Warnings []Warning // about that
}

// Plan returns what Fit would do. It fits the maps of a fold, as Fit does again.
func (e *Estimator) Plan() (Plan, error) {
	if e.closed {
		return Plan{}, fmt.Errorf("mine: plan: %w", backend.ErrClosed)
	}
	p := Plan{Split: e.arranged.Split, Folds: len(e.folds), Rows: e.folds[0].counts.RowCounts, Parallel: len(e.workers(e.critics())), Batch: e.cfg.Batch, Warnings: e.batchWarning()}
	if err := varying(len(e.folds), func(f int) error { return e.planFold(&p, e.folds[f]) }); err != nil {
		return Plan{}, err
	}
	return p, nil
}

// planFold plans with a fold for the race.
func (e *Estimator) planFold(p *Plan, f fold) error {
	t := e.fitter(PhasePrepare, 1, f)
	kept, err := t.distinct()
	if err != nil {
		return err
	}
	methods, wide, err := t.methods()
	if err != nil {
		return err
	}
	for i, c := range kept {
		in, err := t.fit(0, e.cfg.Candidates[c].Preprocess)
		if err != nil {
			return err
		}
		if i == 0 {
			p.X, p.Z = in.maps.X.Summary(), in.maps.Z.Summary()
		}
		if x, z := in.maps.X.Inputs(), in.maps.Z.Inputs(); x+z > p.InputsX+p.InputsZ {
			p.InputsX, p.InputsZ = x, z
		}
		p.Candidates = append(p.Candidates, e.cfg.Candidates[c])
	}
	p.Survivors = min(e.cfg.Survivors, len(kept))
	p.Steps = p.Survivors * e.cfg.Networks * p.Folds * e.cfg.Steps
	if len(e.cfg.Candidates) > 1 {
		laps := min(e.cfg.RaceSteps, e.cfg.Steps)
		p.Steps += laps * len(kept)
		dx, dz := e.pairs.Columns()
		if f.counts.forRace(len(methods), max(dx+dz, wide), e.cfg.Batch) == f.counts {
			p.Steps -= laps * p.Survivors // they go on from where the race left them
		}
	}
	// Inputs are float32. So many critics of a round side by side, and references, may be of that many folds.
	jobs := p.Survivors
	if e.cfg.Networks == 1 { // of later rounds it is none
		jobs++
	}
	folds := min(p.Folds, 1+(p.Parallel+jobs-2)/jobs)
	c := f.counts
	rows := c.held() + c.Validation + c.Test
	if c.Chunk > 0 && e.cfg.Steps*e.cfg.Batch > c.Chunk {
		rows += c.Chunk + c.Validation // where the next chunk comes to
	}
	p.Bytes = 4 * (p.InputsX + p.InputsZ) * rows * min(len(methods), p.Survivors) * folds
	return nil
}

// paceRows are enough for batches to come from other rows, as in training.
const paceRows = 8192

// Pace returns how many training steps a second all critics that are trained side by side do
// together, validations not counted. It trains critics of the plan's first candidate, with the
// widest inputs, on random numbers for a while, and forgets them.
func (e *Estimator) Pace(ctx context.Context, p Plan, while time.Duration) (float64, error) {
	cfg := e.cfg
	rows := max(paceRows, cfg.Batch)
	parts := e.workers(e.critics())
	done, errs := make([]int, len(parts)), make([]error, len(parts))
	began := time.Now()
	var wg sync.WaitGroup
	for w, b := range parts {
		wg.Go(func() {
			data, err := b.Load(noise(rows, p.InputsX, cfg.Seed), noise(rows, p.InputsZ, cfg.Seed+1))
			if err != nil {
				errs[w] = err
				return
			}
			defer data.Close()
			s, err := newSession(b, cfg, p.Candidates[0], 0, data, foldCounts{RowCounts: RowCounts{Total: rows, Train: rows}})
			if err != nil {
				errs[w] = err
				return
			}
			defer s.close()
			rates, values := make([]float64, 10), make([]float64, 10) // of 0: the critic stays what it is
			for errs[w] == nil && time.Since(began) < while {
				var n int
				n, errs[w] = s.trainer.Train(ctx, rates, values)
				done[w] += n
			}
		})
	}
	wg.Wait()
	seconds := time.Since(began).Seconds()
	if err := errors.Join(errs...); err != nil {
		return 0, fmt.Errorf("mine: pace: %w", err)
	}
	total := 0
	for _, n := range done {
		total += n
	}
	return float64(total) / seconds, nil
}

// noise is a matrix of random numbers.
func noise(rows, cols int, seed uint64) backend.Matrix {
	m := backend.Matrix{Rows: rows, Cols: cols, Stride: cols, Data: make([]float32, rows*cols)}
	for i := range m.Data {
		m.Data[i] = float32(sampling.Normal(seed, sampling.StreamInit, 0, uint64(i)))
	}
	return m
}
