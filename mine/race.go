package mine

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"gomine/mine/backend"
	"gomine/mine/preprocess"
)

// A race compares candidates in rounds of Config.RaceSteps: the better half of each
// goes on to the next, until one is left.
type race struct {
	cfg     Config
	backend backend.Backend
	pairs   *preprocess.Pairs
	split   RowCounts // of the pairs
	report  func(Progress)
}

// An outcome is how a race ended.
type outcome struct {
	winner   Candidate
	entries  []RaceEntry
	complete bool // the race had all training and validation rows
	progress
	state backend.State // of the winner, after progress.step steps
}

// entrant is a candidate in a race.
type entrant struct {
	*session
	failed error
}

// run holds the race. If ctx is cancelled or the backend fails, it returns who leads so
// far together with the error; if no candidate can be trained, no outcome.
func (r *race) run(ctx context.Context) (won *outcome, err error) {
	methods := map[preprocess.Method]backend.Data{}
	for _, c := range r.cfg.Candidates {
		methods[c.Preprocess] = nil
	}
	dx, dz := r.pairs.Columns()
	values := dx + dz // codes become more inputs than columns
	fitted := map[preprocess.Method]preprocess.Maps{}
	for method := range methods {
		maps, err := r.pairs.Fit(r.split.Train, method)
		if err != nil {
			return nil, err
		}
		fitted[method] = maps
		values = max(values, maps.X.Inputs()+maps.Z.Inputs())
	}
	counts := r.split.forRace(len(methods), values, r.cfg.Batch)
	defer func() {
		for _, data := range methods {
			if data != nil {
				err = errors.Join(err, data.Close())
			}
		}
	}()
	for method, maps := range fitted {
		x, z, err := r.pairs.Apply(maps, false, counts.ranges(r.split)...)
		if err != nil {
			return nil, err
		}
		if methods[method], err = r.backend.Load(x, z); err != nil {
			return nil, err
		}
	}
	var all []*entrant
	defer func() {
		for _, e := range all {
			err = errors.Join(err, e.close())
		}
	}()
	for _, c := range r.cfg.Candidates {
		s, err := newSession(r.backend, r.cfg, c, methods[c.Preprocess], counts)
		if err != nil {
			return nil, err
		}
		all = append(all, &entrant{session: s})
	}

	leader, err := r.rounds(ctx, slices.Clone(all))
	won = &outcome{
		winner: leader.candidate, progress: leader.progress, entries: entries(all),
		complete: counts.Train == r.split.Train && counts.Validation == r.split.Validation,
	}
	if leader.failed != nil {
		return nil, err
	}
	if backendFailed(err) {
		// The state is out of reach. The parameters of the best critic are not.
		best := leader.best
		won.state = backend.State{Step: uint64(best.step), Params: best.params,
			M: make([]float32, len(best.params)), V: make([]float32, len(best.params))}
		return won, err
	}
	var stateErr error
	won.state, stateErr = leader.trainer.State()
	return won, errors.Join(err, stateErr)
}

// rounds trains the field until one is left, or an error ends it, and returns the
// leader.
func (r *race) rounds(ctx context.Context, field []*entrant) (*entrant, error) {
	total, done := raceLength(len(field), r.cfg), 0
	var err error
	for round := 1; len(field) > 1 && err == nil; round++ {
		for _, e := range field {
			base := done - e.step
			err = e.advance(ctx, min(round*r.cfg.RaceSteps, r.cfg.Steps), patient, func(train float64) {
				r.report(Progress{Phase: PhaseRace, Step: base + e.step, Steps: total,
					Candidate: e.candidate, Train: train, Validation: e.validation()})
			})
			done = base + e.step
			if errors.Is(err, ErrDiverged) {
				e.failed, err = err, nil
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
	return field[0], err
}

// patient is a patience that never ends.
const patient = int(^uint(0) >> 1)

// entries reports on all candidates, the best first.
func entries(all []*entrant) []RaceEntry {
	all = slices.Clone(all)
	rank(all)
	var entries []RaceEntry
	for _, e := range all {
		entry := RaceEntry{Candidate: e.candidate, Steps: e.step, Validation: e.validation(), StdErr: e.best.stdErr}
		if e.failed != nil {
			entry.Error = e.failed.Error()
		}
		entries = append(entries, entry)
	}
	return entries
}

// rank sorts by the validation bound less its standard error, failed candidates
// last. The deduction keeps a critic from winning on the strength of a few
// rows: in heavy tails one may lead by luck and fall behind on the test rows.
func rank(field []*entrant) {
	slices.SortStableFunc(field, func(a, b *entrant) int {
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
