package backendtest

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gomine/mine/backend"
	"gomine/mine/objective"
)

var gradientRules = []rule{
	{
		name:  "gradient",
		text:  "Gradient returns V on the batch of the next step and stores dV/dparameters in grad",
		cases: gradientCases,
	},
	{
		name: "moving average",
		text: "log ema is LME(M) at step 0, whatever the state says, and later " +
			"logaddexp(log(1-alpha) + log ema, log(alpha) + LME(M)), before it is used",
		cases: movingAverageCases,
	},
	{
		name:  "extreme scores",
		text:  "V and its gradient are finite wherever their definition is, even where e^T is not",
		cases: extremeCases,
	},
	{
		name:  "bounds",
		text:  "for the same critic and batch NWJ is at most DV, since exp(u - 1) >= u, and MINE is DV",
		cases: boundCases,
	},
	{
		name:  "gradient is pure",
		text:  "Gradient does not change the state",
		cases: pureCases,
	},
	{
		name:  "initial state",
		text:  "a new trainer is at step 0 with all parameters zero",
		cases: initialCases,
	},
}

// eachKind makes a case of check for every activation and objective.
func eachKind(prefix string, check func(s subject, f backend.Activation, o objective.Kind) error) []testCase {
	var cases []testCase
	for _, f := range backend.Activations() {
		for _, o := range objective.Kinds() {
			cases = append(cases, testCase{fmt.Sprintf("%s%v/%v", prefix, f, o), func(s subject) error {
				return check(s, f, o)
			}})
		}
	}
	return cases
}

func gradientCases() []testCase {
	var cases []testCase
	for _, step := range []uint64{1, 7, 1<<32 + 3, 1<<33 + 3} {
		cases = append(cases, testCase{fmt.Sprintf("step=%d", step), func(s subject) error {
			p := newProblem(small, backend.ELU, objective.JS, 2)
			p.warm(step)
			return p.checkGradient(s)
		}})
	}
	cases = append(cases, testCase{"whole training range", func(s subject) error {
		p := newProblem(small, backend.Softplus, objective.DV, 3)
		p.train = backend.Rows{Lo: 0, Hi: p.x.Rows}
		p.spec.Batch = p.x.Rows
		return p.checkGradient(s)
	}})
	for _, sh := range shapes {
		cases = append(cases, eachKind(sh.String()+"/", func(s subject, f backend.Activation, o objective.Kind) error {
			return withoutKinks(sh, f, o, 0, s.unit, nil).checkGradient(s)
		})...)
	}
	return cases
}

// checkGradient compares the value and every block of the gradient in the
// problem's state with the oracle.
func (p *problem) checkGradient(s subject) error {
	want := p.truth(widen(p.state.Params), p.state.Step, p.state.LogEMA, s.unit)
	value, grad, err := p.gradient(s)
	if err != nil {
		return err
	}
	return errors.Join(
		near("V", value, want.value, sigmas*(want.valueErr+s.unit)),
		nearBlocks("gradient", p.spec.Network, widen(grad), want.grad, want.gradTol(s.unit)),
	)
}

// gradient returns what Gradient makes of the problem.
func (p *problem) gradient(s subject) (value float64, grad []float32, err error) {
	t, err := p.start(s)
	if err != nil {
		return 0, nil, err
	}
	defer t.close()
	g := newGuarded(len(p.state.Params))
	value, err = t.Gradient(context.Background(), g.inner())
	return value, g.inner(), errors.Join(err, g.intact("Gradient"))
}

func movingAverageCases() []testCase {
	var cases []testCase
	for _, alpha := range []float64{0.001, 0.1, 0.5, 1} {
		for _, step := range []uint64{0, 1, 12} {
			for _, logEMA := range []float64{-3, 0, 2.5} {
				name := fmt.Sprintf("alpha=%v,step=%d,ema=%v", alpha, step, logEMA)
				cases = append(cases, testCase{name, func(s subject) error {
					p := newProblem(small, backend.Softplus, objective.MINE, 4)
					p.warm(step)
					p.spec.Objective, p.state.LogEMA = objective.MINE.With(alpha), logEMA
					return p.checkGradient(s)
				}})
			}
		}
	}
	return cases
}

func extremeCases() []testCase {
	var cases []testCase
	for _, kind := range extremes {
		for _, o := range []objective.Kind{objective.DV, objective.MINE, objective.JS} {
			for _, f := range backend.Activations() {
				name := fmt.Sprintf("%s/%v/%v", kind.name, f, o)
				cases = append(cases, testCase{name, func(s subject) error {
					return withoutKinks(small, f, o, 0, s.unit, func(p *problem) { kind.apply(p, 1e4) }).checkGradient(s)
				}})
			}
		}
		for _, logEMA := range []float64{-1e4, 0, 1e4} {
			name := fmt.Sprintf("%s/ema=%v", kind.name, logEMA)
			cases = append(cases, testCase{name, func(s subject) error {
				p := newProblem(small, backend.Softplus, objective.MINE, 1)
				kind.apply(p, 1e4)
				p.warm(5)
				p.state.LogEMA = logEMA
				return p.checkGradient(s)
			}})
		}
	}
	// exp(M - 1) is finite up to M = 89 in float32 and M = 710 in float64.
	for _, magnitude := range []float64{20, 80, 600, 1e4} {
		name := fmt.Sprintf("spread/nwj/magnitude=%v", magnitude)
		cases = append(cases, testCase{name, func(s subject) error {
			p := newProblem(small, backend.Softplus, objective.NWJ, 1)
			spread(p, magnitude)
			if magnitude < 89 {
				return p.checkGradient(s)
			}
			return p.checkOverflow(s)
		}})
	}
	return append(cases, testCase{"low/nwj", func(s subject) error {
		p := newProblem(small, backend.Softplus, objective.NWJ, 1)
		low(p, 1e4)
		return p.checkGradient(s)
	}})
}

// checkOverflow accepts for V = -sum of exponentials that overflow float32
// their value in float64 or -Inf, and nothing but -Inf where float64 overflows
// as well.
func (p *problem) checkOverflow(s subject) error {
	want := p.truth(widen(p.state.Params), p.state.Step, p.state.LogEMA, s.unit)
	value, _, err := p.gradient(s)
	if err != nil || math.IsInf(value, -1) {
		return err
	}
	return near("V", value, want.value, sigmas*want.valueErr)
}

func boundCases() []testCase {
	var cases []testCase
	for _, scale := range []float32{0, 0.1, 1, 5} {
		for _, shift := range []float32{-3, 0, 1, 20} {
			name := fmt.Sprintf("scale=%v,shift=%v", scale, shift)
			cases = append(cases, testCase{name, func(s subject) error {
				p := newProblem(small, backend.Softplus, objective.DV, 9)
				w, c := p.output()
				for i := range w {
					w[i] *= scale
				}
				*c += shift
				var v [objective.JS]float64
				var slack float64
				for o := range v {
					p.spec.Objective = objective.Kind(o).Default()
					var err error
					if v[o], _, err = p.gradient(s); err != nil {
						return err
					}
					slack += sigmas * (p.truth(widen(p.state.Params), 0, 0, s.unit).valueErr + s.unit)
				}
				if !(v[objective.NWJ] <= v[objective.DV]+slack) {
					return fmt.Errorf("NWJ %v exceeds DV %v", v[objective.NWJ], v[objective.DV])
				}
				return near("MINE", v[objective.MINE], v[objective.DV], slack)
			}})
		}
	}
	return cases
}

func pureCases() []testCase {
	return eachKind("", func(s subject, f backend.Activation, o objective.Kind) error {
		p := newProblem(small, f, o, 5)
		p.warm(6)
		t, err := p.start(s)
		if err != nil {
			return err
		}
		defer t.close()
		var first, second [2]any
		for i, result := range []*[2]any{&first, &second} {
			grad := make([]float32, len(p.state.Params))
			value, err := t.Gradient(context.Background(), grad)
			if err != nil {
				return fmt.Errorf("call %d: %w", i+1, err)
			}
			*result = [2]any{value, fmt.Sprint(grad)}
		}
		if first != second {
			return errors.New("the second of two calls differs from the first")
		}
		after, err := t.State()
		if err != nil {
			return err
		}
		return sameState(after, p.state)
	})
}

// initialCases needs no oracle: with T = 0 everywhere V is 0, but -1/e for NWJ and
// -2 log 2 for JS and NCE, and its gradient is that of c alone, sum a - sum b.
func initialCases() []testCase {
	value := map[objective.Kind]float64{objective.NWJ: -1 / math.E, objective.JS: -2 * math.Ln2, objective.NCE: -2 * math.Ln2}
	slope := map[objective.Kind]float64{objective.NWJ: 1 - 1/math.E}
	return eachKind("", func(s subject, f backend.Activation, o objective.Kind) error {
		p := newProblem(small, f, o, 6)
		data, err := s.Load(p.x, p.z)
		if err != nil {
			return err
		}
		defer data.Close()
		t, err := p.newTrainer(s, data)
		if err != nil {
			return err
		}
		defer t.Close()
		state, err := t.State()
		if err != nil {
			return err
		}
		n := len(p.state.Params)
		zero := backend.State{Params: make([]float32, n), M: make([]float32, n), V: make([]float32, n)}
		if err := sameState(state, zero); err != nil {
			return err
		}
		grad := make([]float32, n)
		got, err := t.Gradient(context.Background(), grad)
		if err != nil {
			return err
		}
		// w has the gradient sum (a - b) h, all of whose h are equal.
		want := make([]float64, n)
		want[n-1] = slope[o]
		w, _ := p.output()
		for i := range w {
			want[n-1-len(w)+i] = slope[o] * activate(f, 0)
		}
		return errors.Join(
			near("V", got, value[o], ulps*s.unit),
			nearNorm("gradient", widen(grad), want, ulps*s.unit*math.Sqrt(float64(len(w)+1))),
		)
	})
}
