package backendtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gomine/mine/backend"
	"gomine/mine/sampling"
)

var evaluateRules = []rule{
	{
		name:  "evaluate",
		text:  "Evaluate fills every field of Evaluation from all joint pairs and cycles marginal pairings of the rows",
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

func evaluateCases() []testCase {
	var cases []testCase
	add := func(name string, p func() *problem, other, cycles int, rows backend.Rows) {
		name = fmt.Sprintf("%s/rows=%d-%d/cycles=%d", name, rows.Lo, rows.Hi, cycles)
		cases = append(cases, testCase{name, func(s subject) error {
			return p().checkEvaluation(s, other, rows, cycles)
		}})
	}
	for i, sh := range shapes {
		f := backend.Activations()[i%3]
		add(fmt.Sprintf("%v/%v", sh, f), func() *problem {
			return newProblem(sh, f, backend.DV, 1)
		}, 0, 1+i%5, backend.Rows{Lo: 1, Hi: sh.batch + 2})
	}
	sm := func() *problem { return newProblem(small, backend.Softplus, backend.DV, 2) }
	for cycles := 1; cycles <= 5; cycles++ {
		add("small", sm, 0, cycles, backend.Rows{Lo: 2, Hi: 27})
	}
	add("two rows", sm, 0, 3, backend.Rows{Lo: 4, Hi: 6})
	for _, n := range []int{3, 31, 32, 33, 255, 256, 257, 1023, 1024, 1025, 4099} {
		add("other data", sm, n+5, 2, backend.Rows{Lo: 3, Hi: n + 3})
	}
	return cases
}

// checkEvaluation evaluates rows of the problem's own data, or of other data
// of a number of rows, from the middle of a training run.
func (p *problem) checkEvaluation(s subject, other int, rows backend.Rows, cycles int) error {
	const seed = 0xFEEDFACECAFE
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
	got, err := t.Evaluate(context.Background(), data, rows, cycles, seed)
	if err != nil {
		return err
	}
	return on.compareEvaluation(got, rows, cycles, seed, s.unit)
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
// and U by a factor of exp(e), so w_i by a factor of exp(2e) and, w having the
// mean 2, the vector w - mean w by expm1(2e) sqrt(VarW + 4) in root mean
// square, and no more than w_i <= 2n itself. A variance is the square of such a
// norm, a covariance a product of two.
func (p *problem) compareEvaluation(got backend.Evaluation, rows backend.Rows, cycles int, seed uint64, unit float64) error {
	want, scoreErr := p.evaluation(rows, cycles, seed, unit)
	if got.Rows != want.Rows || got.Pairs != want.Pairs || got.Finite != want.Finite {
		return fmt.Errorf("%d rows, %d pairs, finite %v; want %d, %d, %v",
			got.Rows, got.Pairs, got.Finite, want.Rows, want.Pairs, want.Finite)
	}
	e := sigmas * scoreErr
	sdT, sdW := math.Sqrt(want.VarT), math.Sqrt(want.VarW)
	dT, dW := e, min(math.Expm1(2*e)*math.Sqrt(want.VarW+4), 2*float64(want.Rows))
	return errors.Join(
		near("Joint", got.Joint, want.Joint, e),
		near("LogU", got.LogU, want.LogU, e),
		near("JS", got.JS, want.JS, 2*e),
		near("VarT", got.VarT, want.VarT, dT*(2*sdT+dT)),
		near("VarW", got.VarW, want.VarW, dW*(2*sdW+dW)),
		near("CovTW", got.CovTW, want.CovTW, sdT*dW+dT*sdW+dT*dW),
		near("MaxT", got.MaxT, want.MaxT, e),
	)
}

// evaluation is Evaluate by the oracle, and the largest error of a score.
func (p *problem) evaluation(rows backend.Rows, cycles int, seed uint64, unit float64) (e backend.Evaluation, scoreErr float64) {
	o := newOracle(p.spec.Network, widen(p.state.Params), unit)
	n := rows.Len()
	e = backend.Evaluation{Rows: n, Pairs: int64(n) * int64(cycles), MaxT: math.Inf(-1), Finite: true}
	score := func(i, j int) float64 {
		q := o.forward(p.pair(rows.Lo+i, rows.Lo+j))
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
	for m := range cycles {
		cycle := sampling.NewCycle(uint64(n), seed, sampling.StreamEvaluate, uint64(m))
		for i := range n {
			j := int(cycle.Next(uint64(i)))
			t := score(i, j)
			marginal = append(marginal, t)
			givesX[i] = append(givesX[i], t)
			givesZ[j] = append(givesZ[j], t)
			e.JS -= softplus(t) / float64(n*cycles)
		}
	}
	e.Joint = mean(joint)
	e.LogU = logMeanExp(marginal)
	w := make([]float64, n)
	for i := range w {
		w[i] = math.Exp(logMeanExp(givesX[i])-e.LogU) + math.Exp(logMeanExp(givesZ[i])-e.LogU)
	}
	e.VarT = covariance(joint, joint)
	e.VarW = covariance(w, w)
	e.CovTW = covariance(joint, w)
	return e, scoreErr
}

func evaluateExtremeCases() []testCase {
	var cases []testCase
	for _, kind := range extremes {
		for _, magnitude := range []float64{80, 700, 1e4} {
			for _, f := range backend.Activations() {
				name := fmt.Sprintf("%s/magnitude=%v/%v", kind.name, magnitude, f)
				cases = append(cases, testCase{name, func(s subject) error {
					p := newProblem(small, f, backend.DV, 3)
					kind.apply(p, magnitude)
					return p.checkEvaluation(s, 0, backend.Rows{Lo: 0, Hi: p.x.Rows}, 3)
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
			p := newProblem(shape{1, 1, []int{1}, 2}, backend.ReLU, backend.DV, 1)
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
			e, err := t.Evaluate(context.Background(), t.data, p.train, 1, 1)
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
