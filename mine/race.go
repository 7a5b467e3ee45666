package mine

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"gomine/mine/backend"
	"gomine/mine/preprocess"
)

// leastWeight is the share of a candidate in the scores of all together below which
// it is not worth training.
const leastWeight = 0.05

// One candidate is enough beside the normal law's critic where that finds something, more than foundPlainly
// of its standard errors, and the race adds less than littleToAdd of them, and than littleNats. Of the 48 laws
// of 10,000 rows that settings are chosen on, 13 are so: all that are normal but for monotone maps and rotations,
// and no others; the next ones, copulas and channels that are nearly normal, add .2 standard errors and more.
const (
	foundPlainly = 3
	littleToAdd  = 0.15
	littleNats   = 0.01
	// briefPatience is Config.Patience there, at most.
	briefPatience = 4
)

// A race trains all candidates on one fold for Config.RaceSteps steps. Those that
// matter for what they say together, by the bound on the validation rows, go on.
type race struct {
	fitter   *fitter // of the fold, or of part of its rows
	fold     int
	complete bool // whether its rows are all of the fold's
	decided  bool // whether its validation rows are most of them
	// members by candidate, nil where the race ended before it or another one is the same.
	members []*member
}

// distinct returns the numbers of the candidates but for those whose inputs, activation and
// objective are an earlier one's, since the columns leave no choice.
func (t *fitter) distinct() ([]int, error) {
	var kept []int
	maps := make([]preprocess.Maps, len(t.cfg.Candidates))
	for i, c := range t.cfg.Candidates {
		in, err := t.fit(0, c.Preprocess)
		if err != nil {
			return nil, err
		}
		maps[i] = in.maps
		if !slices.ContainsFunc(kept, func(k int) bool {
			other := t.cfg.Candidates[k]
			return other.Activation == c.Activation && other.Objective == c.Objective && maps[k].Same(maps[i])
		}) {
			kept = append(kept, i)
		}
	}
	return kept, nil
}

// methods returns those of the candidates that run, and how many inputs a row becomes by them, at
// most.
func (t *fitter) methods() (all map[preprocess.Method]bool, widest int, err error) {
	kept, err := t.distinct()
	if err != nil {
		return nil, 0, err
	}
	all = map[preprocess.Method]bool{}
	for _, c := range kept {
		method := t.cfg.Candidates[c].Preprocess
		in, err := t.fit(0, method)
		if err != nil {
			return nil, 0, err
		}
		all[method] = true
		widest = max(widest, in.maps.X.Inputs()+in.maps.Z.Inputs())
	}
	return all, widest, nil
}

// run holds the race. If ctx is cancelled, the members that there are were scored.
func (r *race) run(ctx context.Context) error {
	r.members = make([]*member, len(r.fitter.cfg.Candidates))
	runners, err := r.fitter.distinct()
	if err != nil {
		return err
	}
	target := min(r.fitter.cfg.RaceSteps, r.fitter.cfg.Steps)
	r.fitter.total = target * len(runners)
	err = r.fitter.each(ctx, len(runners), func(ctx context.Context, b backend.Backend, i int) error {
		m, err := r.fitter.train(ctx, b, 0, runners[i], nil, target, patient, false)
		r.members[runners[i]] = m
		return err
	})
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(r.members, (*member).usable) {
		return r.ranked()[0].failed
	}
	return nil
}

// patient is a patience that never ends.
const patient = int(^uint(0) >> 1)

// survivors returns the numbers of the candidates that go on, at most Config.Survivors:
// those that weigh most, and the one with the best bound in any case.
func (r *race) survivors() []int {
	weights := newEnsemble(r.fitter.cfg, r.fitter.folds, [][]*member{r.members}, []*reference{nil}).weights[0]
	best := slices.Index(r.members, r.ranked()[0])
	order := []int{best}
	for c := range r.members {
		if c != best && weights[c] >= leastWeight {
			order = append(order, c)
		}
	}
	slices.SortStableFunc(order[1:], func(a, b int) int { return cmp.Compare(weights[b], weights[a]) })
	order = order[:min(len(order), r.fitter.cfg.Survivors)]
	slices.Sort(order)
	return order
}

// choose chooses the survivors of the race, or the best of them alone, one network with little patience, if that is enough. All go on where
// as many may as there are candidates, where the race had few of the rows that decide, and where nothing is found yet:
// each may then be the one that will.
func (e *Estimator) choose(ctx context.Context, r *race) error {
	e.survivors = r.survivors()
	if one := len(e.survivors) == 1 && e.networks == 1; one || !e.cfg.Reference || !r.decided || e.cfg.Survivors >= len(e.cfg.Candidates) {
		return nil
	}
	method, _ := e.referenceMethod()
	ref, err := r.fitter.refer(ctx, 0, method, false)
	if err != nil {
		return fmt.Errorf("mine: training: %w", err)
	}
	if ref == nil {
		return nil
	}
	together := newEnsemble(e.cfg, r.fitter.folds, [][]*member{r.members}, []*reference{ref})
	alone := make([]float64, len(together.weights[0]))
	alone[len(alone)-1] = 1
	ev, _ := together.combined(0, alone, validationRows).influence()
	found, stdErr := ev.Joint-ev.LogU, ev.StdErr()
	gain := together.combined(0, together.weights[0], validationRows).bound() - found
	if !(found > foundPlainly*stdErr && gain < min(littleToAdd*stdErr, littleNats)) {
		return nil
	}
	for _, m := range r.ranked() {
		c := slices.Index(r.members, m)
		if slices.Contains(e.survivors, c) && forReference(m.candidate.Preprocess) == method {
			e.survivors, e.networks, e.patience = []int{c}, 1, min(e.patience, briefPatience)
			return nil
		}
	}
	return nil
}

// ranked sorts the members by the validation bound less its standard error, failed
// ones last. The deduction keeps a critic from leading on the strength of a few rows:
// in heavy tails one may lead by luck and fall behind on the test rows.
func (r *race) ranked() []*member {
	all := slices.DeleteFunc(slices.Clone(r.members), func(m *member) bool { return m == nil })
	slices.SortStableFunc(all, func(a, b *member) int {
		switch {
		case a.failed != nil && b.failed == nil:
			return 1
		case a.failed == nil && b.failed != nil:
			return -1
		}
		return cmp.Compare(b.best.validation-b.best.stdErr, a.best.validation-a.best.stdErr)
	})
	return all
}

// entries reports on all candidates, the best first.
func (r *race) entries() []RaceEntry {
	var entries []RaceEntry
	for _, m := range r.ranked() {
		entry := RaceEntry{Candidate: m.candidate, Steps: m.step, Validation: m.progress.validation(), StdErr: m.best.stdErr, Curve: m.curve}
		if m.failed != nil {
			entry.Error = m.failed.Error()
		}
		entries = append(entries, entry)
	}
	return entries
}
