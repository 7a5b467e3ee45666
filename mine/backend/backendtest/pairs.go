package backendtest

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gomine/mine/backend"
	"gomine/mine/objective"
)

// marginalRules are about more marginal pairs a row than one.
var marginalRules = []rule{
	{
		name: "marginal pairs",
		text: "every entry of a batch is in K marginal pairs with its x, the z of which come from the K entries " +
			"that follow it on the cycle, and the objective is that of all of them",
		cases: marginalCases,
	},
}

// pairRules are about what else a step is made of: parameters of objectives, rows by
// an index, clipped gradients.
var pairRules = []rule{
	{
		name:  "parameters",
		text:  "the parameter of an objective enters V and its gradient as package objective says",
		cases: parameterCases,
	},
	{
		name:  "index",
		text:  "rows by an index are bitwise as the same rows by a range, in data that hold them in that order",
		cases: indexCases,
	},
	{
		name: "clipping",
		text: "the gradient of all parameters together, if it is longer than ClipNorm, goes into Adam shortened " +
			"to that; Gradient and ObjectiveGradients return it as it is",
		cases: clipCases,
	},
}

// marginalShapes have an odd batch, one below a vector, and one of several blocks.
var marginalShapes = []shape{small, {2, 1, []int{8, 1}, 6}, {20, 17, []int{129, 7}, 65}}

func marginalCases() []testCase {
	var cases []testCase
	for i, sh := range marginalShapes {
		counts := []int{2, 3, 4, 8, sh.batch - 1}
		for k, count := range counts {
			if count >= sh.batch || count > backend.MaxMarginals {
				continue
			}
			for _, o := range objective.Kinds() {
				f := backend.Activations()[(i+k+int(o))%3]
				name := fmt.Sprintf("%v/%v/%v/K=%d", sh, f, o, count)
				cases = append(cases, testCase{name, func(s subject) error {
					p := withoutKinks(sh, f, o, 1, s.unit, func(p *problem) { p.spec.Marginals = count })
					p.warm(1)
					return errors.Join(p.checkGradient(s), p.checkObjectiveGradients(s, false), p.checkSteps(s, []float64{1e-2}))
				}})
			}
		}
	}
	return append(cases, testCase{"trajectory", func(s subject) error {
		p := newProblem(small, backend.Softplus, objective.MINE, 7)
		p.spec.Marginals = 5
		p.spec.Adam.Epsilon = 1e-3
		return p.checkTrajectory(s, varyingRates(20))
	}})
}

func parameterCases() []testCase {
	var cases []testCase
	for _, o := range []objective.Objective{
		objective.SMILE.With(0.25), objective.SMILE.With(1), objective.SMILE.With(math.Inf(1)),
		objective.NCE.With(0.25), objective.NCE.With(2), objective.NCE.With(64),
		objective.MINE.With(0.001), objective.MINE.With(1),
	} {
		for _, count := range []int{1, 3} {
			cases = append(cases, testCase{fmt.Sprintf("%v/K=%d", o, count), func(s subject) error {
				p := newProblem(small, backend.Softplus, o.Kind, 3)
				p.spec.Objective, p.spec.Marginals = o, count
				spread(p, 6) // scores on both sides of every clip
				p.warm(2)
				return errors.Join(p.checkGradient(s), p.checkObjectiveGradients(s, false))
			}})
		}
	}
	return cases
}

func indexCases() []testCase {
	return eachKind("", func(s subject, f backend.Activation, o objective.Kind) error {
		for _, sh := range []shape{small, {5, 4, []int{65, 33}, 130}} {
			p := newProblem(sh, f, o, 8)
			n := p.train.Len()
			byIndex := shuffledIndex(2, 2+n, p.x.Rows)
			byIndex.Index[3] = byIndex.Index[7] // a row named twice
			q := *p
			q.x, q.z = gather(p.x, byIndex), gather(p.z, byIndex)
			p.train, q.train = byIndex, backend.Rows{Lo: 0, Hi: n}
			got, err1 := p.trainAndEvaluate(s)
			want, err2 := q.trainAndEvaluate(s)
			if err := errors.Join(err1, err2); err != nil {
				return err
			}
			if err := got.same(want); err != nil {
				return fmt.Errorf("%v: %w", sh, err)
			}
		}
		return nil
	})
}

// gather returns the rows of m that r names.
func gather(m backend.Matrix, r backend.Rows) backend.Matrix {
	out := backend.NewMatrix(r.Len(), m.Cols)
	for i := range r.Len() {
		copy(out.Row(i), m.Row(r.At(i)))
	}
	return out
}

// trainAndEvaluate is everything that depends on the training rows.
func (p *problem) trainAndEvaluate(s subject) (outcome, error) {
	t, err := p.start(s)
	if err != nil {
		return outcome{}, err
	}
	defer t.close()
	var o outcome
	if o.values, o.state, err = trainOn(t, 3); err != nil {
		return o, err
	}
	influence := make([]float64, p.train.Len())
	e, err := t.Evaluate(context.Background(), t.data, p.train, cycles(2), influence)
	if err != nil {
		return o, err
	}
	o.values = append(append(o.values, e.Joint, e.LogU, e.JS, e.VarT, e.VarW, e.CovTW, e.VarG, e.MaxT), influence...)
	o.arrays = make([]float32, len(p.state.Params))
	value, err := t.Gradient(context.Background(), o.arrays)
	o.values = append(o.values, value)
	return o, err
}

func clipCases() []testCase {
	var cases []testCase
	for i, o := range objective.Kinds() {
		f := backend.Activations()[i%3]
		for _, share := range []float64{1e-3, 0.5, 0.999, 1.001, 1e3} {
			name := fmt.Sprintf("%v/%v/norm=%v", f, o, share)
			cases = append(cases, testCase{name, func(s subject) error {
				p := withoutKinks(small, f, o, 1, s.unit, func(p *problem) { p.spec.Marginals = 1 + i%2 })
				p.warm(1)
				p.spec.ClipNorm = share * norm(p.truth(widen(p.state.Params), 1, p.state.LogEMA, s.unit).grad)
				return errors.Join(p.checkGradient(s), p.checkSteps(s, []float64{1e-3, 0.05}))
			}})
		}
	}
	for _, sh := range []shape{{20, 17, []int{129, 7}, 65}, {3, 2, []int{200, 130}, 40}} {
		cases = append(cases, testCase{sh.String(), func(s subject) error {
			p := newProblem(sh, backend.Softplus, objective.DV, 2)
			p.spec.ClipNorm = 0.05
			p.spec.Adam.WeightDecay = 0.1
			return p.checkSteps(s, []float64{1e-2, 1e-2})
		}})
	}
	return append(cases, testCase{"trajectory", func(s subject) error {
		p := newProblem(small, backend.ELU, objective.NWJ, 7)
		p.spec.ClipNorm = 0.1
		p.spec.Adam.Epsilon = 1e-3
		return p.checkTrajectory(s, varyingRates(20))
	}}, testCase{"not a number", func(s subject) error {
		p := newProblem(small, backend.Softplus, objective.DV, 8)
		p.spec.ClipNorm = 1
		p.state.Params[0] = float32(math.NaN())
		_, state, err := p.trainFor(s, 1)
		if err == nil && !math.IsNaN(float64(state.M[0])) {
			err = fmt.Errorf("moment %v of a gradient that is not a number", state.M[0])
		}
		return err
	}})
}

// clipFactor is what a gradient is multiplied by.
func (p *problem) clipFactor(grad []float64) float64 { return min(1, p.spec.ClipNorm/norm(grad)) }
