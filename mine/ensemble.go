package mine

import (
	"math"
	"slices"
	"sync"

	"gonum.org/v1/gonum/floats"

	"gomine/mine/objective"
	"gomine/mine/stack"
)

// An ensemble is the critics of all folds: in each fold those of the candidates, each the mean of its networks, and the
// reference. What the critics of a fold say together is a sum with weights >= 0 that
// the other folds decide, by the bound on their test rows; where there is one fold, its
// validation rows. So no test row is scored by weights that were fitted to its own scores.
type ensemble struct {
	cfg     Config
	folds   []fold
	members [][]*member  // [fold][slot]; nil where there is none
	refs    []*reference // [fold]; nil where there is none
	weights [][]float64  // [fold][candidate, and behind them the reference]
	test    []stack.Fold // [fold]: scores of the test rows
}

// A choice of networks is which of those of a candidate are heard.
type networks int

const (
	// allNetworks are those that there are, where there are several folds. Where there is one, its validation rows decide the weights, and
	// those that were trained on these have no say.
	allNetworks networks = iota
	// unswapped are those that were not trained on the validation rows.
	unswapped
)

// newEnsemble decides the weights.
func newEnsemble(cfg Config, folds []fold, members [][]*member, refs []*reference) *ensemble {
	e := &ensemble{cfg: cfg, folds: folds, members: members, refs: refs, weights: make([][]float64, len(folds)), test: make([]stack.Fold, len(folds))}
	e.eachFold(func(f int) { e.test[f] = e.scores(f, testRows, allNetworks) })
	e.eachFold(func(f int) { e.weights[f] = e.weigh(f, allNetworks) })
	return e
}

// weigh returns the weights of a fold.
func (e *ensemble) weigh(f int, which networks) []float64 {
	var others []stack.Fold
	for g := range e.folds {
		if g != f {
			others = append(others, e.present(g, f, which))
		}
	}
	if len(e.folds) == 1 {
		others = []stack.Fold{e.scores(f, validationRows, which)}
	}
	return stack.Weights(others, e.folds[f].worth)
}

// eachFold calls use for every fold, side by side.
func (e *ensemble) eachFold(use func(f int)) {
	var wg sync.WaitGroup
	for f := range e.folds {
		wg.Go(func() { use(f) })
	}
	wg.Wait()
}

// heard returns the networks of a candidate that are, on a fold. Those that have found nothing where another one plainly has
// something to say, as of functions that turn often, are not: their share of the mean would be silence.
func (e *ensemble) heard(f, c int, which networks) []*member {
	var all []*member
	found := false
	for _, s := range e.cfg.slotsOf(c, len(e.members[f])) {
		if m := e.members[f][s]; m.usable() && !(m.swapped && (which == unswapped || len(e.folds) == 1)) {
			all = append(all, m)
			found = found || m.best.validation > foundPlainly*m.best.stdErr
		}
	}
	if !found {
		return all
	}
	return slices.DeleteFunc(all, func(m *member) bool { return m.best.validation <= 0 })
}

// trained reports whether any network is heard.
func (e *ensemble) trained() bool {
	for f := range e.folds {
		for c := range e.cfg.Candidates {
			if len(e.heard(f, c, allNetworks)) > 0 {
				return true
			}
		}
	}
	return false
}

// scores returns the scores of the critics of a fold, of one part of its rows.
func (e *ensemble) scores(f int, p part, which networks) stack.Fold {
	if p == testRows && which == allNetworks && e.test[f] != nil {
		return e.test[f]
	}
	all := make(stack.Fold, len(e.cfg.Candidates)+1)
	for c := range e.cfg.Candidates {
		all[c] = mean(e.heard(f, c, which), p)
	}
	if r := e.refs[f]; r != nil {
		all[len(all)-1] = r.scores[p].Scores
	}
	return all
}

// mean returns the mean scores of networks, nil of none.
func mean(networks []*member, p part) stack.Scores {
	if len(networks) == 1 {
		return networks[0].scores[p].Scores
	}
	var all stack.Fold
	var weights []float64
	for _, m := range networks {
		all = append(all, m.scores[p].Scores)
		weights = append(weights, 1/float64(len(networks)))
	}
	return all.Combine(weights)
}

// present returns the scores of fold g's test rows without the critics that fold f does not have, so that
// those that it has are weighted as they are used.
func (e *ensemble) present(g, f int, which networks) stack.Fold {
	scores := slices.Clone(e.scores(g, testRows, which))
	for c := range e.cfg.Candidates {
		if len(e.heard(f, c, which)) == 0 {
			scores[c] = stack.Scores{}
		}
	}
	if e.refs[f] == nil {
		scores[len(scores)-1] = stack.Scores{}
	}
	return scores
}

// combined returns what the critics of a fold say together by some weights, of one part of
// its rows.
func (e *ensemble) combined(f int, weights []float64, p part) pairScores {
	return e.combinedOf(f, weights, p, allNetworks)
}

// combinedOf is combined of some of the networks.
func (e *ensemble) combinedOf(f int, weights []float64, p part, which networks) pairScores {
	s, seed := e.scores(f, p, which).Combine(weights), seedOf(p, e.cfg.Seed)
	if s.Joint == nil { // there is no critic
		_, n := e.folds[f].counts.rowsOf(p)
		return newPairScores(n, 1, seed)
	}
	return pairScores{s, seed}
}

// logU is the log-mean-exp of what they say together of the marginal validation pairs.
func (e *ensemble) logU(f int, weights []float64) float64 {
	return objective.LogMeanExp(e.combined(f, weights, validationRows).Marginal)
}

// validation is the bound on the validation rows of a fold, of networks that were not trained on these, weighted
// among themselves.
func (e *ensemble) validation(f int) float64 {
	weights := e.weights[f]
	if e.cfg.Networks > 1 {
		weights = e.weigh(f, unswapped)
	}
	v := e.combinedOf(f, weights, validationRows, unswapped)
	v.cut(objective.LogMeanExp(v.Marginal), len(v.Marginal))
	return v.bound()
}

// silent reports whether no critic of any fold weighs anything.
func (e *ensemble) silent() bool {
	for _, weights := range e.weights {
		if slices.ContainsFunc(weights, func(w float64) bool { return w > 0 }) {
			return false
		}
	}
	return true
}

// best returns weights by which the critic of each fold with the highest bound on its validation rows speaks alone, of those
// that do not say the same of all pairs. Networks that were trained on these rows count where there are no others.
func (e *ensemble) best() [][]float64 {
	all := make([][]float64, len(e.folds))
	for f := range all {
		all[f] = make([]float64, len(e.weights[f]))
		best := loudest(e.scores(f, validationRows, unswapped))
		if best < 0 {
			best = loudest(e.scores(f, validationRows, allNetworks))
		}
		if best >= 0 {
			all[f][best] = 1
		}
	}
	return all
}

// loudest returns the critic with the highest bound of those that do not say the same of all pairs, -1 if there is none.
func loudest(critics stack.Fold) int {
	best, most := -1, 0.0
	for c, s := range critics {
		if s.Joint == nil || slices.Min(s.Marginal) == slices.Max(s.Marginal) {
			continue
		}
		if bound := (pairScores{Scores: s}).bound(); best < 0 || bound > most {
			best, most = c, bound
		}
	}
	return best
}

// reach is the score up to which marginal pairs have to be seen, in the fold where that is
// the highest; at least 0.
func (e *ensemble) reach() float64 {
	reach := make([]float64, len(e.folds))
	e.eachFold(func(f int) {
		ev := e.combined(f, e.weights[f], testRows).evaluation()
		reach[f] = ev.Joint - ev.LogU + deviations*math.Sqrt(ev.VarT)
	})
	return max(0, slices.Max(reach))
}

// tested is what the critics of each fold say together, by some weights, of its own test
// rows, cut off where these show too little, and of its training rows, cut off there too. Folds without weights are left out.
func (e *ensemble) tested(weights func(f int) []float64) []tested {
	all := make([]*tested, len(e.folds))
	e.eachFold(func(f int) {
		w := weights(f)
		if w == nil {
			return
		}
		p, logU := e.combined(f, w, testRows), e.logU(f, w)
		p.cut(logU, len(p.Marginal))
		ev, influence := p.influence()
		learnt, c := e.combined(f, w, trainRows), e.folds[f].counts
		learnt.cut(logU, len(p.Marginal))
		all[f] = &tested{
			Evaluation: ev, logU: logU, influence: influence, clusters: e.folds[f].clusters,
			weight: floats.Sum(w), trained: learnt.bound(), learnt: c.Train, others: c.Train + c.Validation,
		}
	})
	var there []tested
	for _, t := range all {
		if t != nil {
			there = append(there, *t)
		}
	}
	return there
}

// stacked is what the critics say by their weights.
func (e *ensemble) stacked() []tested {
	return e.tested(func(f int) []float64 { return e.weights[f] })
}

// alone is the bound of a candidate, or of the reference behind the last one, on the folds that
// have it, and how many these are. Where there is none, so is the bound.
func (e *ensemble) alone(c int) (b Bound, folds int, err error) {
	tested := e.tested(func(f int) []float64 {
		if e.test[f][c].Joint == nil {
			return nil
		}
		w := make([]float64, len(e.weights[f]))
		w[c] = 1
		return w
	})
	if len(tested) > 0 {
		b, err = poolBounds(tested, e.cfg.Confidence)
	}
	return b, len(tested), err
}

// lead returns a network of the candidate that weighs most, the first one of the first fold that has one.
func (e *ensemble) lead() *member {
	var lead *member
	var most float64
	for c := range e.cfg.Candidates {
		for f := range e.folds {
			if heard := e.heard(f, c, allNetworks); len(heard) > 0 {
				if w := e.weight(c); lead == nil || w > most {
					lead, most = heard[0], w
				}
				break
			}
		}
	}
	return lead
}

// weight is the mean weight of a candidate over the folds, or of the reference behind the last one.
func (e *ensemble) weight(c int) float64 {
	var sum float64
	for _, w := range e.weights {
		sum += w[c]
	}
	return sum / float64(len(e.weights))
}

// critics reports on the candidates that were trained and on the reference, each as it is alone.
func (e *ensemble) critics() ([]CriticResult, error) {
	var all []CriticResult
	for c := range len(e.cfg.Candidates) + 1 {
		r := CriticResult{Weight: e.weight(c)}
		if c < len(e.cfg.Candidates) {
			r.Candidate = e.cfg.Candidates[c]
			for _, s := range e.cfg.slotsOf(c, len(e.members[0])) {
				r.add(e.members, s)
			}
		} else {
			r.Reference = slices.ContainsFunc(e.refs, func(ref *reference) bool { return ref != nil })
		}
		if !r.Reference && r.Steps == nil {
			continue
		}
		b, folds, err := e.alone(c)
		if err != nil {
			return nil, err
		}
		r.Estimate, r.StdErr, r.Folds = b.Estimate, b.StdErr, folds
		all = append(all, r)
	}
	return all, nil
}

// add adds the training of a network on each fold, if any has it.
func (r *CriticResult) add(members [][]*member, slot int) {
	if !slices.ContainsFunc(members, func(fold []*member) bool { return fold[slot] != nil }) {
		return
	}
	for _, fold := range members {
		m := fold[slot]
		if m == nil {
			m = &member{}
		}
		r.Steps = append(r.Steps, m.step)
		r.Curves = append(r.Curves, append([]Point{}, m.curve...)) // none is null as JSON
		if m.failed != nil {
			r.Failed++
		}
	}
}

// foldResults reports on the folds, by what was said of their test rows.
func (e *ensemble) foldResults(tested []tested) ([]FoldResult, error) {
	var all []FoldResult
	for f, t := range tested {
		b, err := t.bound(e.cfg.Confidence)
		if err != nil {
			return nil, err
		}
		all = append(all, FoldResult{Rows: t.Rows, Estimate: b.Estimate, StdErr: b.StdErr, Weights: e.weights[f]})
	}
	return all, nil
}
