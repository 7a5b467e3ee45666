package mine

import (
	"context"
	"math"

	"gonum.org/v1/gonum/stat"

	"gomine/mine/backend"
	"gomine/mine/objective"
	"gomine/mine/sampling"
	"gomine/mine/stack"
)

// pairScores are a critic's scores of n rows: Joint [n] of each row with itself, Marginal
// [cycles n] of each row's x with the z of its successor on one random cycle after the
// other, as backend.Pairing has them.
type pairScores struct {
	stack.Scores
	seed uint64 // of the cycles
}

func newPairScores(n, cycles int, seed uint64) pairScores {
	return pairScores{stack.Scores{Joint: make([]float32, n), Marginal: make([]float32, n*cycles)}, seed}
}

// A part of the rows of a fold.
type part int

const (
	trainRows part = iota
	validationRows
	testRows
)

// seedOf is what the cycles of a part follow from, by the seed of the estimate.
func seedOf(p part, seed uint64) uint64 {
	if p == validationRows {
		return seed + 1
	}
	return seed
}

// partScores are a critic's scores of all parts, of training rows those that rowsOf
// says.
type partScores [testRows + 1]pairScores

// finite reports whether all scores are.
func (s *partScores) finite() bool {
	return s[trainRows].finite() && s[validationRows].finite() && s[testRows].finite()
}

// mostTrainRows is how many training rows are scored, the last ones of those in memory that all networks are trained on, at most.
const mostTrainRows = 100_000

// known is the first of the rows in memory that are looked through for codes: of as many training rows as are scored at most, and those behind them.
func (c foldCounts) known() int { return max(0, c.held()-mostTrainRows) }

// rowsOf returns the range [lo, lo+n) of a part's rows that are scored.
func (c foldCounts) rowsOf(p part) (lo, n int) {
	switch p {
	case trainRows:
		n = min(c.held()-c.front, mostTrainRows) // all networks have learnt from these
		return c.held() - n, n
	case validationRows:
		return c.held(), c.Validation
	}
	return c.held() + c.Validation, c.Test
}

// A pairScorer is what scores pairs of rows: a backend.Scorer, or a critic in closed
// form.
type pairScorer interface {
	Scores(ctx context.Context, data backend.Data, xs, zs []int, dst []float32) error
}

// scorePairs scores rows [lo, lo+n) of data on some cycles.
func scorePairs(ctx context.Context, s pairScorer, data backend.Data, lo, n, cycles int, seed uint64) (pairScores, error) {
	p := newPairScores(n, cycles, seed)
	xs, zs := make([]int, n), make([]int, n)
	for i := range xs {
		xs[i] = lo + i
	}
	if err := s.Scores(ctx, data, xs, xs, p.Joint); err != nil {
		return p, err
	}
	for k := range cycles {
		cycle := p.cycle(k)
		for i := range zs {
			zs[i] = lo + int(cycle.Next(uint64(i)))
		}
		if err := s.Scores(ctx, data, xs, zs, p.Marginal[k*n:(k+1)*n]); err != nil {
			return p, err
		}
	}
	return p, nil
}

// finite reports whether all scores are.
func (p pairScores) finite() bool {
	for _, all := range [][]float32{p.Joint, p.Marginal} {
		for _, t := range all {
			if !finite(float64(t)) {
				return false
			}
		}
	}
	return true
}

func (p pairScores) cycle(k int) sampling.Cycle {
	return sampling.NewCycle(uint64(len(p.Joint)), p.seed, sampling.StreamEvaluate, uint64(k))
}

// cutMargin is how far below ln M the scores are cut off: where M marginal pairs show at
// least e^2 = 7 of a level that is as frequent among joint ones as can be.
const cutMargin = 2

// cut cuts the scores off at logU + ln M - cutMargin and at logU - ln M, with logU the
// log-mean-exp of the marginal scores of other rows. A critic that is cut off is a critic,
// with a bound like any other; but without the upper limit, its bound would come out too
// high where information is: among pairs of the score t joint ones are e^t times as
// frequent, so what lies above ln M among the joint pairs is not seen among M marginal ones,
// and missing in their mean. The lower limit adds 1/M to their mean at most, and one wrong
// row cannot take away more than (ln M)/n. M is the number of pairs of the rows that the
// critic is judged by.
func (p pairScores) cut(logU float64, pairs int) {
	least, most := limits(logU, pairs)
	for _, all := range [][]float32{p.Joint, p.Marginal} {
		for i, t := range all {
			all[i] = max(min(t, most), least)
		}
	}
}

// limits are the scores at which cut cuts off.
func limits(logU float64, pairs int) (least, most float32) {
	m := math.Log(float64(pairs))
	return float32(logU - m), float32(logU + m - cutMargin)
}

// bound is the mean of the joint scores less the log-mean-exp of the marginal ones.
func (p pairScores) bound() float64 {
	var joint float64
	for _, t := range p.Joint {
		joint += float64(t) / float64(len(p.Joint))
	}
	return joint - objective.LogMeanExp(p.Marginal)
}

// jointErr is the standard error of the mean of the joint scores.
func (p pairScores) jointErr() float64 {
	joint := make([]float64, len(p.Joint))
	for i, t := range p.Joint {
		joint[i] = float64(t)
	}
	return stat.StdErr(stat.PopStdDev(joint, nil), float64(len(joint)))
}

// evaluation returns the averages of the scores, as a backend returns them.
func (p pairScores) evaluation() backend.Evaluation {
	e, _ := p.influence()
	return e
}

// influence returns the averages of the scores and the influence value of every row on
// the bound, see backend.Evaluation.
func (p pairScores) influence() (backend.Evaluation, []float64) {
	n := len(p.Joint)
	e := backend.Evaluation{Rows: n, Pairs: int64(len(p.Marginal)), LogU: objective.LogMeanExp(p.Marginal), MaxT: math.Inf(-1), Finite: p.finite()}
	for _, all := range [][]float32{p.Joint, p.Marginal} {
		for _, t := range all {
			e.MaxT = math.Max(e.MaxT, float64(t))
		}
	}
	for _, t := range p.Joint {
		e.Joint += float64(t) / float64(n)
	}
	// w of each row is the mean of g over the pairs that it gives its x to, and over
	// those that it gives its z to.
	w := make([]float64, n)
	cycles := len(p.Marginal) / n
	for k := range cycles {
		cycle := p.cycle(k)
		var mean float64
		for i, t := range p.Marginal[k*n:][:n] {
			g := math.Exp(float64(t) - e.LogU)
			w[i] += g / float64(cycles)
			w[cycle.Next(uint64(i))] += g / float64(cycles)
			e.VarG += g * g / float64(len(p.Marginal))
			mean += float64(t) / float64(n)
		}
		e.Marginal = append(e.Marginal, mean)
	}
	e.VarG--
	js := objective.JS.Default()
	influence := make([]float64, n)
	for i, t := range p.Joint {
		dt, dw := float64(t)-e.Joint, w[i]-2
		influence[i] = dt - dw
		e.VarT += dt * dt / float64(n)
		e.VarW += dw * dw / float64(n)
		e.CovTW += dt * dw / float64(n)
		e.JS += js.Term(float64(t), false).Value / float64(n)
	}
	for _, t := range p.Marginal {
		e.JS -= js.Term(float64(t), true).Value / float64(len(p.Marginal))
	}
	return e, influence
}
