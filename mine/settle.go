package mine

import (
	"context"
	"errors"
	"slices"

	"gomine/cpu"
	"gomine/mine/backend"
	"gomine/mine/preprocess"
)

// asFar is the share of the steps of the fold that has come furthest from which on a fold counts
// beside it, where training ended early. Of critics that are slow to learn, two folds of 300 and 225
// steps come some 2% short of two of 300; of 300 and 100 steps, all of the bound may be lost. More than a
// share of 3/4 would leave one fold alone where all are trained side by side, and one has the steps of
// the race ahead.
const asFar = 0.75

// come is how many steps of training are in what a network says: those up to the last
// validation, or all of the schedule if training ended by itself.
func (m *member) come(schedule int) int {
	switch {
	case m == nil:
	case m.failed != nil || m.stop == StopPatience || m.step >= schedule:
		return schedule
	case m.usable():
		return m.curve[len(m.curve)-1].Step
	}
	return 0
}

// furthest is how far that network of a candidate has come on a fold that has come furthest. One that has failed counts where there is no other.
func (e *Estimator) furthest(members []*member, candidate int) int {
	usable, failed := 0, 0
	for _, s := range e.cfg.slotsOf(candidate, len(members)) {
		steps := members[s].come(e.cfg.Steps)
		if members[s].usable() {
			usable = max(usable, steps)
		} else {
			failed = max(failed, steps)
		}
	}
	if usable > 0 {
		return usable
	}
	return failed
}

// farEnough returns the networks of a fold but for those that have not come about as far as another one of their candidate.
func (e *Estimator) farEnough(members []*member) []*member {
	all := slices.Clone(members)
	for c := range e.cfg.Candidates {
		least := asFar * float64(e.furthest(members, c))
		for _, s := range e.cfg.slotsOf(c, len(all)) {
			if all[s].usable() && float64(all[s].come(e.cfg.Steps)) < least {
				all[s] = nil
			}
		}
	}
	return all
}

// counting reports which folds count where training ended early: those that have come about as
// far as the one with critics that has come furthest, each candidate by one of its networks. A critic that has hardly begun says next to
// nothing of its own fold, and the weights that are best for it are far off for those that have
// learnt.
func (e *Estimator) counting(members [][]*member) []bool {
	steps, most := make([]int, len(members)), 1
	for f := range members {
		for c := range e.cfg.Candidates {
			steps[f] += e.furthest(members[f], c)
		}
		if slices.ContainsFunc(members[f], (*member).usable) {
			most = max(most, steps[f])
		}
	}
	counts := make([]bool, len(members))
	for f := range counts {
		counts[f] = float64(steps[f]) >= asFar*float64(most)
	}
	return counts
}

// complete makes the references that are missing of the folds that count, after training ended
// early, whatever has ended it: they take little time, and without them what a normal law
// explains would be lost. Where one was looked for and there is none, it is looked for once more. Where
// one fold counts alone, its reference is made anew: the validation rows now decide the weights, and it
// was fitted to them.
func (e *Estimator) complete(ctx context.Context, t *fitter, members [][]*member, refs []*reference, method preprocess.Method, last bool) error {
	if !e.cfg.Reference {
		return nil
	}
	counts, n := e.counting(members), 0
	for _, c := range counts {
		if c {
			n++
		}
	}
	t.alone = n == 1 && len(t.folds) > 1
	return t.each(context.WithoutCancel(ctx), len(refs), func(ctx context.Context, _ backend.Backend, f int) (err error) {
		if counts[f] && (refs[f] == nil || t.alone) {
			refs[f], err = t.refer(ctx, f, method, last)
		}
		return err
	})
}

// referenceMethod is how the reference sees the columns, beside the survivors. last says that all
// rows are preprocessed by that alone, once, so that the memory of the pairs may be overwritten.
func (e *Estimator) referenceMethod() (method preprocess.Method, last bool) {
	first := e.cfg.Candidates[e.survivors[0]].Preprocess
	method = forReference(first)
	last = len(e.folds) == 1 && method == first
	for _, c := range e.survivors {
		if other := e.cfg.Candidates[c].Preprocess; other != method {
			method, last = preprocess.Rank, false
		}
	}
	return method, last
}

// forReference is how the reference sees the columns beside a critic that sees them by method: alike, or by
// their ranks if it cannot use all of the inputs.
func forReference(method preprocess.Method) preprocess.Method {
	if method == preprocess.Fourier || method == preprocess.Codes {
		return preprocess.Rank
	}
	return method
}

// settleRace is settle where training ended before a fold had a critic. The reference sees the
// columns as a critic of the race does, whose inputs are there, or by their ranks.
func (e *Estimator) settleRace(ctx context.Context, why error, r *race) error {
	err := r.fitter.complete(ctx, why, 0, r.members)
	refs := []*reference{nil}
	for _, m := range r.members {
		if !e.cfg.Reference || !m.usable() {
			continue
		}
		var refErr error
		refs[0], refErr = r.fitter.refer(context.WithoutCancel(ctx), 0, forReference(m.candidate.Preprocess), false)
		err = errors.Join(err, refErr)
		break
	}
	return errors.Join(err, e.settle(why, r.fitter.folds, [][]*member{r.members}, refs))
}

// settle makes the ensemble of the folds that have a critic and, where training ended in an error,
// count. Where the backend has failed, the critics are put to use on the CPU.
func (e *Estimator) settle(why error, folds []fold, members [][]*member, refs []*reference) error {
	usable := ensemble{cfg: e.cfg}
	counts := e.counting(members)
	for f := range folds {
		if why != nil && !counts[f] {
			continue
		}
		if slices.ContainsFunc(members[f], (*member).usable) || refs[f] != nil {
			there := members[f]
			if why != nil {
				there = e.farEnough(there)
			}
			usable.folds = append(usable.folds, folds[f])
			usable.members = append(usable.members, there)
			usable.refs = append(usable.refs, refs[f])
		}
	}
	if usable.trained() {
		e.ensemble = newEnsemble(e.cfg, usable.folds, usable.members, usable.refs)
	}
	if why == nil {
		return nil
	}
	e.stop = stopped(why)
	if e.stop != StopFailed {
		return nil
	}
	b, err := cpu.Open(cpu.Options{Threads: e.wiring.threads})
	if err != nil {
		return err
	}
	if e.own {
		_ = e.backend.Close() // little works on a device that is lost
	}
	e.backend, e.own = b, true
	return nil
}
