package mine

import (
	"math"
	"slices"
	"sync"

	"gonum.org/v1/gonum/floats"

	"gomine/mine/objective"
	"gomine/mine/stack"
)

// An ensemble is the critics of all folds: in each fold the networks of the candidates, and the
// reference. What the critics of a fold say together is a sum with weights >= 0 that
// the other folds decide, by the bound on their test rows; where there is one fold, its
// validation rows. So no test row is scored by weights that were fitted to its own scores.
type ensemble struct {
	cfg     Config
	folds   []fold
	members [][]*member  // [fold][slot]; nil where there is none
	refs    []*reference // [fold]; nil where there is none
	weights [][]float64  // [fold][slot, and behind them the reference]
}

// newEnsemble decides the weights.
func newEnsemble(cfg Config, folds []fold, members [][]*member, refs []*reference) *ensemble {
	e := &ensemble{cfg: cfg, folds: folds, members: members, refs: refs, weights: make([][]float64, len(folds))}
	e.eachFold(func(f int) {
		var others []stack.Fold
		for g := range folds {
			if g != f {
				others = append(others, e.present(g, f, e.scores(g, testRows)))
			}
		}
		if len(folds) == 1 {
			validation := e.scores(0, validationRows)
			for s, m := range members[0] {
				if m.usable() && m.swapped {
					validation[s] = stack.Scores{}
				}
			}
			others = []stack.Fold{validation}
		}
		e.weights[f] = stack.Weights(others, folds[f].worth)
	})
	return e
}

// eachFold calls use for every fold, side by side.
func (e *ensemble) eachFold(use func(f int)) {
	var wg sync.WaitGroup
	for f := range e.folds {
		wg.Go(func() { use(f) })
	}
	wg.Wait()
}

// scores returns the scores of the critics of a fold, of one part of its rows.
func (e *ensemble) scores(f int, p part) stack.Fold {
	all := make(stack.Fold, len(e.members[f])+1)
	for s, m := range e.members[f] {
		if m.usable() {
			all[s] = m.scores[p].Scores
		}
	}
	if r := e.refs[f]; r != nil {
		all[len(all)-1] = r.scores[p].Scores
	}
	return all
}

// present leaves out of fold g's scores the critics that fold f does not have, so that
// those that it has are weighted as they are used.
func (e *ensemble) present(g, f int, scores stack.Fold) stack.Fold {
	for s, m := range e.members[f] {
		if !m.usable() {
			scores[s] = stack.Scores{}
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
	s, seed := e.scores(f, p).Combine(weights), seedOf(p, e.cfg.Seed)
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

// unswapped returns the weights of a fold with those of networks that were trained on the validation rows given to those
// of the same candidate that were not.
func (e *ensemble) unswapped(f int) []float64 {
	weights := slices.Clone(e.weights[f])
	for c := range e.cfg.Candidates {
		for _, s := range e.slots(c) {
			if m := e.members[f][s]; m.usable() && m.swapped {
				weights[c] += weights[s]
				weights[s] = 0
			}
		}
	}
	return weights
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
// that were not trained on these and do not say the same of all pairs.
func (e *ensemble) best() [][]float64 {
	all := make([][]float64, len(e.folds))
	for f := range all {
		all[f] = make([]float64, len(e.weights[f]))
		best, most := -1, 0.0
		for c, s := range e.scores(f, validationRows) {
			if s.Joint == nil || slices.Min(s.Marginal) == slices.Max(s.Marginal) || c < len(e.members[f]) && e.members[f][c].swapped {
				continue
			}
			if bound := (pairScores{Scores: s}).bound(); best < 0 || bound > most {
				best, most = c, bound
			}
		}
		if best >= 0 {
			all[f][best] = 1
		}
	}
	return all
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

// slots are those of the networks of a candidate, or, behind the last one, that of the reference.
func (e *ensemble) slots(c int) []int {
	slots := len(e.members[0])
	if c == len(e.cfg.Candidates) {
		return []int{slots}
	}
	var all []int
	for s := c; s < slots; s += len(e.cfg.Candidates) {
		all = append(all, s)
	}
	return all
}

// alone is the bound of a candidate, the mean of its networks, or of the reference behind the last one, on the folds that
// have it, and how many these are. Where there is none, so is the bound.
func (e *ensemble) alone(c int) (b Bound, folds int, err error) {
	tested := e.tested(func(f int) []float64 {
		scores, w, there := e.scores(f, testRows), make([]float64, len(e.weights[f])), 0
		for _, s := range e.slots(c) {
			if scores[s].Joint != nil {
				w[s] = 1
				there++
			}
		}
		if there == 0 {
			return nil
		}
		floats.Scale(1/float64(there), w)
		return w
	})
	if len(tested) > 0 {
		b, err = poolBounds(tested, e.cfg.Confidence)
	}
	return b, len(tested), err
}

// lead returns the network that weighs most, of the first fold that has one.
func (e *ensemble) lead() *member {
	var lead *member
	var most float64
	for s := range e.members[0] {
		for f := range e.folds {
			if m := e.members[f][s]; m.usable() {
				if w := e.mean(s); lead == nil || w > most {
					lead, most = m, w
				}
				break
			}
		}
	}
	return lead
}

// mean is the mean weight of a slot over the folds.
func (e *ensemble) mean(slot int) float64 {
	var sum float64
	for _, w := range e.weights {
		sum += w[slot]
	}
	return sum / float64(len(e.weights))
}

// critics reports on the candidates that were trained and on the reference, each as it is alone.
func (e *ensemble) critics() ([]CriticResult, error) {
	var all []CriticResult
	for c := range len(e.cfg.Candidates) + 1 {
		r := CriticResult{Reference: c == len(e.cfg.Candidates)}
		there := false
		for _, s := range e.slots(c) {
			r.Weight += e.mean(s)
			for f := range e.folds {
				if r.Reference {
					there = there || e.refs[f] != nil
				} else if m := e.members[f][s]; m != nil {
					there = true
					r.add(m)
				}
			}
		}
		if !there {
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

// add adds the training of a network.
func (r *CriticResult) add(m *member) {
	r.Candidate = m.candidate
	r.Steps = append(r.Steps, m.step)
	r.Curves = append(r.Curves, append([]Point{}, m.curve...)) // none is null as JSON
	if m.failed != nil {
		r.Failed++
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
		r := FoldResult{Rows: t.Rows, Estimate: b.Estimate, StdErr: b.StdErr}
		for c := range len(e.cfg.Candidates) + 1 {
			var weight float64
			for _, s := range e.slots(c) {
				weight += e.weights[f][s]
			}
			r.Weights = append(r.Weights, weight)
		}
		all = append(all, r)
	}
	return all, nil
}
