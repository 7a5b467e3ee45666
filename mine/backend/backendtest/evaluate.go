package backendtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gomine/mine/backend"
	"gomine/mine/objective"
	"gomine/mine/sampling"
)

var evaluateRules = []rule{
	{
		name:  "evaluate",
		text:  "Evaluate fills every field of Evaluation, and the influence values, from all joint pairs and the marginal ones of the pairing",
		cases: evaluateCases,
	},
	{
		name:  "evaluate extreme scores",
		text:  "the fields of Evaluation are finite whenever the scores are, even where e^T is not",
		cases: evaluateExtremeCases,
	},
	{
		name:  "not finite",
		text:  "Finite is false if any score was NaN or infinite, and true otherwise",
		cases: notFiniteCases,
	},
}

// cycles are pairings as most evaluations have them.
func cycles(count int) backend.Pairing {
	return backend.Pairing{Kind: backend.Cycles, Count: count, Seed: 0xFEEDFACECAFE}
}

func permutations(count int) backend.Pairing {
	return backend.Pairing{Kind: backend.Permutations, Count: count, Seed: 0xFEEDFACECAFE}
}

func evaluateCases() []testCase {
	var cases []testCase
	add := func(name string, p func() *problem, other int, pairing backend.Pairing, rows backend.Rows) {
		name = fmt.Sprintf("%s/rows=%d-%d/%v=%d", name, rows.Lo, rows.Hi, pairing.Kind, pairing.Count)
		cases = append(cases, testCase{name, func(s subject) error {
			return p().checkEvaluation(s, other, rows, pairing)
		}})
	}
	for i, sh := range shapes {
		f := backend.Activations()[i%3]
		add(fmt.Sprintf("%v/%v", sh, f), func() *problem {
			return newProblem(sh, f, objective.DV, 1)
		}, 0, cycles(1+i%5), backend.Rows{Lo: 1, Hi: sh.batch + 2})
	}
	sm := func() *problem { return newProblem(small, backend.Softplus, objective.DV, 2) }
	for count := 1; count <= 5; count++ {
		add("small", sm, 0, cycles(count), backend.Rows{Lo: 2, Hi: 27})
		add("small", sm, 0, permutations(count), backend.Rows{Lo: 2, Hi: 27})
	}
	add("two rows", sm, 0, cycles(3), backend.Rows{Lo: 4, Hi: 6})
	add("two rows", sm, 0, permutations(5), backend.Rows{Lo: 4, Hi: 6})
	for i, n := range []int{3, 31, 32, 33, 255, 256, 257, 1023, 1024, 1025, 4099} {
		pairing := cycles(2)
		if i%2 == 1 {
			pairing = permutations(2)
		}
		add("other data", sm, n+5, pairing, backend.Rows{Lo: 3, Hi: n + 3})
	}
	for _, pairing := range []backend.Pairing{cycles(2), permutations(2)} {
		add("index", sm, 0, pairing, shuffledIndex(2, 25, 31))
		add("index with repeats", sm, 0, pairing, backend.Rows{Lo: 1, Hi: 8, Index: []int32{0, 5, 5, 2, 9, 5, 2, 0}})
		add("index of other data", sm, 300, pairing, shuffledIndex(7, 290, 300))
	}
	return cases
}

// shuffledIndex is the range [lo, hi) of an index of n rows in another order.
func shuffledIndex(lo, hi, n int) backend.Rows {
	r := backend.Rows{Lo: lo, Hi: hi}
	for _, row := range rand.New(rand.NewPCG(uint64(n), 6)).Perm(n) {
		r.Index = append(r.Index, int32(row))
	}
	return r
}

// checkEvaluation evaluates rows of the problem's own data, or of other data
// of a number of rows, from the middle of a training run.
func (p *problem) checkEvaluation(s subject, other int, rows backend.Rows, pairing backend.Pairing) error {
	p.warm(4)
	t, err := p.start(s)
	if err != nil {
		return err
	}
	defer t.close()
	data, on := t.data, p
	if other > 0 {
		on = p.withRows(other)
		if data, err = s.Load(on.x, on.z); err != nil {
			return err
		}
		defer data.Close()
	}
	influence := make([]float64, rows.Len())
	got, err := t.Evaluate(context.Background(), data, rows, pairing, influence)
	if err != nil {
		return err
	}
	without, err := t.Evaluate(context.Background(), data, rows, pairing, nil)
	if err != nil {
		return err
	}
	return errors.Join(
		sameEvaluation(without, got),
		on.compareEvaluation(got, influence, rows, pairing, s.unit))
}

// sameEvaluation reports a difference, bit by bit.
func sameEvaluation(got, want backend.Evaluation) error {
	list := func(e backend.Evaluation) []float64 {
		return append([]float64{float64(e.Rows), float64(e.Pairs), e.Joint, e.LogU, e.JS, e.VarT, e.VarW, e.CovTW, e.VarG, e.MaxT}, e.Marginal...)
	}
	if got.Finite != want.Finite {
		return fmt.Errorf("Finite is %v, want %v", got.Finite, want.Finite)
	}
	return sameValues("evaluation", list(got), list(want))
}

// withRows returns the problem with n rows of fresh data.
func (p *problem) withRows(n int) *problem {
	rng := rand.New(rand.NewPCG(uint64(n), 5))
	q := *p
	q.x, q.z = backend.NewMatrix(n, p.x.Cols), backend.NewMatrix(n, p.z.Cols)
	for _, m := range []backend.Matrix{q.x, q.z} {
		for i := range m.Data {
			m.Data[i] = float32(rng.NormFloat64())
		}
	}
	return &q
}

// compareEvaluation compares every field with the oracle. With e the largest
// error of a score, means and maxima of scores are off by e at most; u_i, v_i
// and g_ij by a factor of exp(2e), so w_i too and, w having the mean 2, the vector
// w - mean w by expm1(2e) sqrt(VarW + 4) in root mean square, and no more than
// w_i <= 2n itself. A variance is the square of such a norm, a covariance a product
// of two, and VarG + 1 the mean of the g_ij squared.
func (p *problem) compareEvaluation(got backend.Evaluation, influence []float64, rows backend.Rows, pairing backend.Pairing, unit float64) error {
	want, wantInfluence, scoreErr := p.evaluation(rows, pairing, unit)
	if got.Rows != want.Rows || got.Pairs != want.Pairs || got.Finite != want.Finite || len(got.Marginal) != pairing.Count {
		return fmt.Errorf("%d rows, %d pairs, finite %v, %d pairings; want %d, %d, %v, %d",
			got.Rows, got.Pairs, got.Finite, len(got.Marginal), want.Rows, want.Pairs, want.Finite, pairing.Count)
	}
	e := sigmas * scoreErr
	sdT, sdW := math.Sqrt(want.VarT), math.Sqrt(want.VarW)
	dT, dW := e, min(math.Expm1(2*e)*math.Sqrt(want.VarW+4), 2*float64(want.Rows))
	errs := []error{
		near("Joint", got.Joint, want.Joint, e),
		near("LogU", got.LogU, want.LogU, e),
		near("JS", got.JS, want.JS, 2*e),
		near("VarT", got.VarT, want.VarT, dT*(2*sdT+dT)),
		near("VarW", got.VarW, want.VarW, dW*(2*sdW+dW)),
		near("CovTW", got.CovTW, want.CovTW, sdT*dW+dT*sdW+dT*dW),
		near("VarG", got.VarG, want.VarG, min(math.Expm1(4*e)*(want.VarG+1), float64(want.Pairs))),
		near("MaxT", got.MaxT, want.MaxT, e),
	}
	for k, m := range got.Marginal {
		errs = append(errs, near(fmt.Sprintf("Marginal[%d]", k), m, want.Marginal[k], e))
	}
	for i, v := range influence {
		// w_i = 2 + dt - influence, and dt is off by e of the score and of the mean.
		w := 2 + wantInfluence.dt[i] - wantInfluence.all[i]
		tol := 2*e + 2*float64(want.Rows)
		if grown := math.Expm1(2 * e); !math.IsInf(grown, 1) {
			tol = min(tol, 2*e+grown*w)
		}
		errs = append(errs, near(fmt.Sprintf("influence of row %d", i), v, wantInfluence.all[i], tol))
	}
	return errors.Join(errs...)
}

// influences are the influence values of an evaluation, and the part T_ii - mean of
// each.
type influences struct{ all, dt []float64 }

// evaluation is Evaluate by the oracle, and the largest error of a score.
func (p *problem) evaluation(rows backend.Rows, pairing backend.Pairing, unit float64) (e backend.Evaluation, in influences, scoreErr float64) {
	o := newOracle(p.spec.Network, widen(p.state.Params), unit)
	n := rows.Len()
	e = backend.Evaluation{Rows: n, Pairs: int64(n) * int64(pairing.Count), MaxT: math.Inf(-1), Finite: true}
	score := func(i, j int) float64 {
		q := o.forward(p.pair(rows.At(i), rows.At(j)))
		scoreErr = max(scoreErr, q.scoreErr())
		e.MaxT = max(e.MaxT, q.score())
		e.Finite = e.Finite && finite(q.score())
		return q.score()
	}
	joint := make([]float64, n)
	var marginal []float64
	givesX, givesZ := make([][]float64, n), make([][]float64, n) // scores by the row that gives x, z
	for i := range joint {
		joint[i] = score(i, i)
		e.JS -= softplus(-joint[i]) / float64(n)
	}
	for k := range pairing.Count {
		partner := partners(n, pairing, k)
		for i, j := range partner {
			t := score(i, j)
			marginal = append(marginal, t)
			givesX[i] = append(givesX[i], t)
			givesZ[j] = append(givesZ[j], t)
			e.JS -= softplus(t) / float64(e.Pairs)
		}
		e.Marginal = append(e.Marginal, mean(marginal[k*n:]))
	}
	e.Joint = mean(joint)
	e.LogU = logMeanExp(marginal)
	w, g := make([]float64, n), make([]float64, len(marginal))
	for i := range w {
		w[i] = math.Exp(logMeanExp(givesX[i])-e.LogU) + math.Exp(logMeanExp(givesZ[i])-e.LogU)
		in.dt = append(in.dt, joint[i]-e.Joint)
		in.all = append(in.all, in.dt[i]-(w[i]-2))
	}
	for i, t := range marginal {
		g[i] = math.Exp(t - e.LogU)
	}
	e.VarT = covariance(joint, joint)
	e.VarW = covariance(w, w)
	e.CovTW = covariance(joint, w)
	e.VarG = covariance(g, g)
	return e, in, scoreErr
}

// partners returns, for every entry, the one that gives its z in pairing number k.
func partners(n int, p backend.Pairing, k int) []int {
	cycle := sampling.NewCycle(uint64(n), p.Seed, sampling.StreamEvaluate, uint64(k))
	permutation := sampling.NewPermutation(uint64(n), p.Seed, sampling.StreamEvaluate, uint64(k))
	all := make([]int, n)
	for i := range all {
		if p.Kind == backend.Cycles {
			all[i] = int(cycle.Next(uint64(i)))
		} else {
			all[i] = int(permutation.Inverse(uint64(i)))
		}
	}
	return all
}

func evaluateExtremeCases() []testCase {
	var cases []testCase
	for _, kind := range extremes {
		for _, magnitude := range []float64{80, 700, 1e4} {
			for _, f := range backend.Activations() {
				name := fmt.Sprintf("%s/magnitude=%v/%v", kind.name, magnitude, f)
				cases = append(cases, testCase{name, func(s subject) error {
					p := newProblem(small, f, objective.DV, 3)
					kind.apply(p, magnitude)
					return p.checkEvaluation(s, 0, backend.Rows{Lo: 0, Hi: p.x.Rows}, cycles(3))
				}})
			}
		}
	}
	return cases
}

// notFiniteCases uses the critic T = relu(x + z) on rows of which a single
// pair overflows.
func notFiniteCases() []testCase {
	const big = 2e38 // twice it is infinite in float32
	check := func(name string, want bool, param float32, x, z []float32) testCase {
		return testCase{name, func(s subject) error {
			n := len(x)
			p := newProblem(shape{1, 1, []int{1}, 2}, backend.ReLU, objective.DV, 1)
			p.x = backend.Matrix{Rows: n, Cols: 1, Stride: 1, Data: x}
			p.z = backend.Matrix{Rows: n, Cols: 1, Stride: 1, Data: z}
			p.train = backend.Rows{Lo: 0, Hi: n}
			copy(p.state.Params, []float32{1, 1, 0, param, 0}) // Wx, Wz, b1, w, c
			t, err := p.start(s)
			if err != nil {
				return err
			}
			defer t.close()
			// The single cycle of two rows pairs each with the other.
			e, err := t.Evaluate(context.Background(), t.data, p.train, backend.Pairing{Count: 1, Seed: 1}, nil)
			if err != nil {
				return err
			}
			if e.Finite != want {
				return fmt.Errorf("Finite = %v, want %v", e.Finite, want)
			}
			return nil
		}}
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	return []testCase{
		check("finite", true, 1, []float32{1, 2}, []float32{3, 4}),
		check("large", true, 1, []float32{big, 0}, []float32{0, big / 2}),
		check("parameter is not a number", false, nan, []float32{1, 2}, []float32{3, 4}),
		check("parameter is infinite", false, inf, []float32{1, 2}, []float32{3, 4}),
		check("joint score overflows", false, 1, []float32{big, 0}, []float32{big, 0}),
		check("marginal score overflows", false, 1, []float32{big, 0}, []float32{0, big}),
	}
}
