package mine

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"gomine/mine/backend"
	"gomine/mine/stack"
)

// An ensemble is the critics of all folds: in each fold one a candidate, and the
// reference. What the critics of a fold say together is a sum with weights >= 0 that
// the other folds decide, by the bound on their test rows; where there is one fold, its
// validation rows. So no test row is scored by weights that were fitted to its own scores.
type ensemble struct {
	folds   []fold
	members [][]*member  // [fold][candidate]; nil where there is none
	refs    []*reference // [fold]; nil where there is none
	weights [][]float64  // [fold][candidate and reference]
}

// newEnsemble decides the weights.
func newEnsemble(folds []fold, members [][]*member, refs []*reference) *ensemble {
	e := &ensemble{folds: folds, members: members, refs: refs}
	for f := range folds {
		var others []stack.Fold
		for g := range folds {
			if g != f {
				others = append(others, e.present(g, f, e.scores(g, false)))
			}
		}
		if len(folds) == 1 {
			others = []stack.Fold{e.scores(0, true)}
		}
		e.weights = append(e.weights, stack.Weights(others))
	}
	return e
}

// scores returns the scores of the critics of a fold, of its validation or test rows.
func (e *ensemble) scores(f int, validation bool) stack.Fold {
	all := make(stack.Fold, len(e.members[f])+1)
	pick := func(v, t pairScores) stack.Scores {
		if validation {
			t = v
		}
		return stack.Scores{Joint: t.joint, Marginal: t.marginal}
	}
	for c, m := range e.members[f] {
		if m.usable() {
			all[c] = pick(m.validation, m.test)
		}
	}
	if r := e.refs[f]; r != nil {
		all[len(all)-1] = pick(r.validation, r.test)
	}
	return all
}

// present leaves out of fold g's scores the critics that fold f does not have, so that
// those that it has are weighted as they are used.
func (e *ensemble) present(g, f int, scores stack.Fold) stack.Fold {
	for c, m := range e.members[f] {
		if !m.usable() {
			scores[c] = stack.Scores{}
		}
	}
	if e.refs[f] == nil {
		scores[len(scores)-1] = stack.Scores{}
	}
	return scores
}

// combined returns what the critics of a fold say together by some weights.
func (e *ensemble) combined(f int, weights []float64, validation bool) pairScores {
	s := e.scores(f, validation).Combine(weights)
	n := e.folds[f].counts.Test
	if validation {
		n = e.folds[f].counts.Validation
	}
	p := pairScores{joint: s.Joint, marginal: s.Marginal, seed: e.seed(f, validation)}
	if p.joint == nil { // there is no critic
		p.joint, p.marginal = make([]float32, n), make([]float32, n)
	}
	return p
}

func (e *ensemble) seed(f int, validation bool) uint64 {
	pick := func(v, t pairScores) uint64 {
		if validation {
			return v.seed
		}
		return t.seed
	}
	for _, m := range e.members[f] {
		if m.usable() {
			return pick(m.validation, m.test)
		}
	}
	if r := e.refs[f]; r != nil {
		return pick(r.validation, r.test)
	}
	return 0
}

// judged returns what the critics of a fold say together of its test rows, cut off where
// these show too little, and the log-mean-exp of the marginal scores of its validation rows.
func (e *ensemble) judged(f int, weights []float64) (p pairScores, logU float64) {
	p, logU = e.combined(f, weights, false), logMeanExp(e.combined(f, weights, true).marginal)
	p.cut(logU)
	return p, logU
}

// reach is the score up to which marginal pairs of a fold have to be seen.
func (e *ensemble) reach(f int) float64 {
	ev := e.combined(f, e.weights[f], false).evaluation()
	return ev.Joint - ev.LogU + deviations*math.Sqrt(ev.VarT)
}

// bound is that of the critics of all folds by weights: the mean over the test rows,
// each scored by its own fold's critics.
func (e *ensemble) bound(weights func(f int) []float64, confidence float64) (Bound, error) {
	var evaluations []backend.Evaluation
	var logUs []float64
	for f := range e.folds {
		p, logU := e.judged(f, weights(f))
		evaluations = append(evaluations, p.evaluation())
		logUs = append(logUs, logU)
	}
	return poolBounds(evaluations, logUs, confidence)
}

// stacked is the bound of the critics together, alone that of a candidate, or of the
// reference behind the last one.
func (e *ensemble) stacked(confidence float64) (Bound, error) {
	return e.bound(func(f int) []float64 { return e.weights[f] }, confidence)
}

func (e *ensemble) alone(c int, confidence float64) (Bound, error) {
	return e.bound(func(f int) []float64 {
		w := make([]float64, len(e.weights[f]))
		w[c] = 1
		return w
	}, confidence)
}

// poolBounds is the mean of bounds on different rows, weighted by their rows. Their
// errors are independent where the critics are given.
func poolBounds(evaluations []backend.Evaluation, logUs []float64, confidence float64) (Bound, error) {
	var all Bound
	var rows, most int
	for _, ev := range evaluations {
		rows += ev.Rows
		most = max(most, ev.Rows)
	}
	var variance float64
	for i, ev := range evaluations {
		b, err := NewBound(ev, logUs[i], confidence)
		if err != nil {
			return Bound{}, err
		}
		share := float64(ev.Rows) / float64(rows)
		all.Estimate += share * b.Estimate
		all.NWJ += share * b.NWJ
		variance += share * share * ev.Variance()
	}
	all.StdErr = math.Sqrt(variance)
	two := distuv.UnitNormal.Quantile((1 + confidence) / 2)
	all.Low, all.High = all.Estimate-two*all.StdErr, all.Estimate+two*all.StdErr
	all.LowerBound = min(all.Estimate-distuv.UnitNormal.Quantile(confidence)*all.StdErr, math.Log(float64(most)))
	return all, nil
}

// lead returns the critic of the candidate that weighs most, of the first fold that has
// one.
func (e *ensemble) lead() *member {
	var lead *member
	var most float64
	for c := range e.members[0] {
		for f := range e.folds {
			if m := e.members[f][c]; m.usable() {
				if w := e.mean(c); lead == nil || w > most {
					lead, most = m, w
				}
				break
			}
		}
	}
	return lead
}

// mean is the mean weight of a critic over the folds.
func (e *ensemble) mean(c int) float64 {
	var sum float64
	for _, w := range e.weights {
		sum += w[c]
	}
	return sum / float64(len(e.weights))
}

// critics reports on the critics that were trained, each as it is alone.
func (e *ensemble) critics(cfg Config) ([]CriticResult, error) {
	var all []CriticResult
	for c := range len(e.members[0]) + 1 {
		r := CriticResult{Weight: e.mean(c), Reference: c == len(e.members[0])}
		there := false
		for f := range e.folds {
			if r.Reference {
				there = there || e.refs[f] != nil
				continue
			}
			if m := e.members[f][c]; m != nil {
				there = true
				r.Candidate = m.candidate
				r.Steps = append(r.Steps, m.step)
				if m.failed != nil {
					r.Failed++
				}
			}
		}
		if !there {
			continue
		}
		b, err := e.alone(c, cfg.Confidence)
		if err != nil {
			return nil, err
		}
		r.Estimate, r.StdErr = b.Estimate, b.StdErr
		all = append(all, r)
	}
	return all, nil
}

// each reports on the folds.
func (e *ensemble) each(confidence float64) ([]FoldResult, error) {
	var all []FoldResult
	for f, fold := range e.folds {
		p, logU := e.judged(f, e.weights[f])
		b, err := NewBound(p.evaluation(), logU, confidence)
		if err != nil {
			return nil, err
		}
		all = append(all, FoldResult{Rows: fold.counts.Test, Estimate: b.Estimate, StdErr: b.StdErr, Weights: e.weights[f]})
	}
	return all, nil
}
