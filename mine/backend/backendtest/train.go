package backendtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gomine/mine/backend"
	"gomine/mine/objective"
)

var trainRules = []rule{
	{
		name: "step",
		text: "Train makes the step of type Adam along the gradient of the objective, " +
			"and values[i] is the objective before the update",
		cases: stepCases,
	},
	{
		name:  "trajectory",
		text:  "k steps are k times one step",
		cases: trajectoryCases,
	},
	{
		name:  "values",
		text:  "a value that is not finite is stored as it is and is not an error",
		cases: valueCases,
	},
}

func stepCases() []testCase {
	optimisers := []struct {
		name string
		adam backend.Adam
	}{
		{"usual", backend.Adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}},
		{"decay", backend.Adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.1}},
		{"large epsilon", backend.Adam{Beta1: 0.5, Beta2: 0.9, Epsilon: 0.1, WeightDecay: 0.5}},
		{"no moments", backend.Adam{Beta1: 0, Beta2: 0, Epsilon: 1e-3}},
	}
	var cases []testCase
	for _, c := range optimisers {
		for _, step := range []uint64{0, 1, 1000, 1 << 33} {
			name := fmt.Sprintf("%s/step=%d/", c.name, step)
			cases = append(cases, eachKind(name, func(s subject, f backend.Activation, o objective.Kind) error {
				p := withoutKinks(small, f, o, step, s.unit, nil)
				p.spec.Adam = c.adam
				if step > 0 {
					p.warm(step)
				}
				return p.checkSteps(s, []float64{1e-3, 0, 0.1, 0.03})
			})...)
		}
	}
	for i, sh := range shapes {
		o := objective.Kinds()[i%len(objective.Kinds())]
		f := backend.Activations()[i%3]
		cases = append(cases, testCase{fmt.Sprintf("%v/%v/%v", sh, f, o), func(s subject) error {
			p := withoutKinks(sh, f, o, 0, s.unit, nil)
			p.spec.Adam.WeightDecay = 0.1
			return p.checkSteps(s, []float64{1e-3})
		}})
	}
	return cases
}

// checkSteps trains step by step and compares each with the oracle started
// from the state the backend itself was in, so that no error is inherited.
func (p *problem) checkSteps(s subject, rates []float64) error {
	t, err := p.start(s)
	if err != nil {
		return err
	}
	defer t.close()
	before := p.state.Clone()
	for _, rate := range rates {
		value := []float64{math.NaN()}
		n, err := t.Train(context.Background(), []float64{rate}, value)
		if n != 1 || err != nil {
			return fmt.Errorf("Train of one step = %d, %v", n, err)
		}
		after, err := t.State()
		if err != nil {
			return err
		}
		if err := p.checkStep(s, before, after, rate, value[0]); err != nil {
			return fmt.Errorf("step %d at rate %v: %w", before.Step, rate, err)
		}
		before = after
	}
	return nil
}

// checkStep checks m against the oracle's gradient, v against the gradient
// that m reveals, and the parameters against m and v. So the rounding error of
// the gradient enters once, and all else is exact to a few roundings.
func (p *problem) checkStep(s subject, before, after backend.State, rate, value float64) error {
	if after.Step != before.Step+1 {
		return fmt.Errorf("state at step %d, want %d", after.Step, before.Step+1)
	}
	c := p.spec.Adam
	want := p.truth(widen(before.Params), before.Step, before.LogEMA, s.unit)
	errs := []error{near("V", value, want.value, sigmas*(want.valueErr+s.unit))}
	if p.spec.Objective.Kind == objective.MINE {
		errs = append(errs, near("LogEMA", after.LogEMA, want.logEMA, sigmas*(want.valueErr+s.unit)))
	}

	n := len(before.Params)
	// A norm is off by what its blocks are off together, at most.
	gradTol, factor := want.gradTol(s.unit), p.clipFactor(want.grad)
	off := 0.0
	for _, b := range p.spec.Network.Blocks() {
		off = math.Hypot(off, gradTol(b.Offset, b.Offset+b.Len()))
	}
	length := norm(want.grad)
	for i := range want.grad {
		want.grad[i] *= factor
	}
	if factor < 1 {
		off /= length
	} else if off /= p.spec.ClipNorm; off > 1-length/p.spec.ClipNorm {
		off *= 2 // near the limit either side may be the one that clips
	} else {
		off = 0
	}
	wantM, sizeM := make([]float64, n), make([]float64, n)
	for i, m := range before.M {
		wantM[i] = c.Beta1*float64(m) + (1-c.Beta1)*want.grad[i]
		sizeM[i] = c.Beta1*math.Abs(float64(m)) + (1-c.Beta1)*math.Abs(want.grad[i])
	}
	// Near a kink of ReLU the float32 slope may rightly differ: see
	// withoutKinks, which spares the first step.
	if p.spec.Network.Activation != backend.ReLU || want.clear > sigmas {
		errs = append(errs, nearBlocks("first moment", p.spec.Network, widen(after.M), wantM, func(lo, hi int) float64 {
			return (1-c.Beta1)*(factor*gradTol(lo, hi)+off*norm(want.grad[lo:hi])) + ulps*Float32*norm(sizeM[lo:hi])
		}))
	}

	return errors.Join(append(errs, checkAdam(c, decaysOf(p.spec.Network), before, after, rate))...)
}

// checkAdam checks v against the gradient that m reveals, and the parameters
// against m and v.
func checkAdam(c backend.Adam, decays []bool, before, after backend.State, rate float64) error {
	step := float64(after.Step)
	correct1 := 1 - math.Pow(c.Beta1, step)
	correct2 := 1 - math.Pow(c.Beta2, step)
	for i := range decays {
		m, v := float64(after.M[i]), float64(after.V[i])
		g := (m - c.Beta1*float64(before.M[i])) / (1 - c.Beta1)
		errG := 4 * Float32 * (math.Abs(m) + c.Beta1*math.Abs(float64(before.M[i]))) / (1 - c.Beta1)
		wantV := c.Beta2*float64(before.V[i]) + (1-c.Beta2)*g*g
		tolV := (1-c.Beta2)*errG*(2*math.Abs(g)+errG) + ulps*Float32*wantV + math.SmallestNonzeroFloat32
		decay := 0.0
		if decays[i] {
			decay = rate * c.WeightDecay
		}
		old := float64(before.Params[i])
		update := rate * (m / correct1) / (math.Sqrt(v/correct2) + c.Epsilon)
		tolP := 4*Float32*math.Abs(old) + ulps*Float32*math.Abs(update)
		err := errors.Join(
			near("second moment", v, wantV, tolV),
			near("new parameter", float64(after.Params[i]), old*(1-decay)+update, tolP))
		if rate == 0 && after.Params[i] != before.Params[i] {
			err = errors.New("changed at a rate of zero")
		}
		if err != nil {
			return fmt.Errorf("parameter %d: %w", i, err)
		}
	}
	return nil
}

func trajectoryCases() []testCase {
	var cases []testCase
	for _, f := range []backend.Activation{backend.Softplus, backend.ELU} {
		for _, o := range objective.Kinds() {
			for _, steps := range []int{1, 10, 100} {
				name := fmt.Sprintf("%v/%v/steps=%d", f, o, steps)
				cases = append(cases, testCase{name, func(s subject) error {
					p := newProblem(small, f, o, 7)
					p.spec.Adam.WeightDecay = 0.1
					// A gradient entry below Epsilon is not normalised to the
					// full rate, so the step is a smooth function of the
					// gradient; DV's by c, which is zero but for rounding, is
					// one.
					p.spec.Adam.Epsilon = 1e-3
					return p.checkTrajectory(s, varyingRates(steps))
				}})
			}
		}
	}
	return cases
}

// varyingRates has no two equal neighbours, and a zero.
func varyingRates(steps int) []float64 {
	rates := make([]float64, steps)
	for i := range rates {
		rates[i] = 0.004 * float64(i*7%5) / 4
		if i == 0 {
			rates[i] = 0.01
		}
	}
	return rates
}

// checkTrajectory compares with the oracle running free. How far rounding may
// carry a trajectory is measured on the oracle: shadows runs with the state
// rounded to float32 after each step and noise of the size of the oracle's
// error estimate on every gradient entry.
func (p *problem) checkTrajectory(s subject, rates []float64) error {
	const (
		shadows = 4
		factor  = 8 // the trajectory may be this much farther off than the worst shadow
	)
	t, err := p.start(s)
	if err != nil {
		return err
	}
	defer t.close()
	values := make([]float64, len(rates))
	n, err := t.Train(context.Background(), rates, values)
	if n != len(rates) || err != nil {
		return fmt.Errorf("Train of %d steps = %d, %v", len(rates), n, err)
	}
	state, err := t.State()
	if err != nil {
		return err
	}
	if state.Step != uint64(len(rates)) {
		return fmt.Errorf("state at step %d, want %d", state.Step, len(rates))
	}

	exactValues, exact := p.trajectory(rates, s.unit, nil)
	worstValue := make([]float64, len(rates))
	worst := map[int]float64{}
	for i := range shadows {
		shadowValues, shadow := p.trajectory(rates, s.unit, rand.New(rand.NewPCG(uint64(i), 4)))
		for k, v := range shadowValues {
			worstValue[k] = max(worstValue[k], math.Abs(v-exactValues[k]))
		}
		for _, b := range p.spec.Network.Blocks() {
			diff := make([]float64, b.Len())
			for k := range diff {
				diff[k] = shadow[b.Offset+k] - exact[b.Offset+k]
			}
			worst[b.Offset] = max(worst[b.Offset], norm(diff))
		}
	}
	first := p.truth(widen(p.state.Params), 0, 0, s.unit)
	var errs []error
	for k, v := range values {
		tol := factor*worstValue[k] + sigmas*(first.valueErr+s.unit)
		errs = append(errs, near(fmt.Sprintf("values[%d]", k), v, exactValues[k], tol))
	}
	errs = append(errs, nearBlocks("Params", p.spec.Network, widen(state.Params), exact, func(lo, hi int) float64 {
		return factor*worst[lo] + ulps*Float32*norm(exact[lo:hi])
	}))
	return errors.Join(errs...)
}

// trajectory returns the values and the last parameters of the oracle trained
// from the problem's state, exactly, or as a shadow with noise.
func (p *problem) trajectory(rates []float64, unit float64, noise *rand.Rand) (values, params []float64) {
	params = widen(p.state.Params)
	m, v := widen(p.state.M), widen(p.state.V)
	decays := decaysOf(p.spec.Network)
	step, logEMA := p.state.Step, p.state.LogEMA
	for _, rate := range rates {
		t := p.truth(params, step, logEMA, unit)
		if noise != nil {
			for i, size := range t.terms {
				t.grad[i] += (t.err + unit) * size * noise.NormFloat64()
			}
		}
		values = append(values, t.value)
		factor := p.clipFactor(t.grad)
		for i := range t.grad {
			t.grad[i] *= factor
		}
		step++
		adam(p.spec.Adam, step, rate, decays, t.grad, params, m, v)
		logEMA = t.logEMA
		if noise != nil {
			for _, s := range [][]float64{params, m, v} {
				for i := range s {
					s[i] = float64(float32(s[i]))
				}
			}
		}
	}
	return values, params
}

func valueCases() []testCase {
	return []testCase{
		{"not a number", func(s subject) error {
			p := newProblem(small, backend.Softplus, objective.DV, 8)
			p.state.Params[0] = float32(math.NaN())
			t, err := p.start(s)
			if err != nil {
				return err
			}
			defer t.close()
			values := make([]float64, 5)
			n, err := t.Train(context.Background(), varyingRates(5), values)
			if n != 5 || err != nil {
				return fmt.Errorf("Train of 5 steps = %d, %v", n, err)
			}
			for i, v := range values {
				if !math.IsNaN(v) {
					return fmt.Errorf("values[%d] = %v with a parameter that is not a number", i, v)
				}
			}
			return nil
		}},
		{"infinite", func(s subject) error {
			p := newProblem(small, backend.Softplus, objective.NWJ, 8)
			spread(p, 1e4)
			t, err := p.start(s)
			if err != nil {
				return err
			}
			defer t.close()
			values := make([]float64, 1)
			n, err := t.Train(context.Background(), []float64{0}, values)
			if n != 1 || err != nil {
				return fmt.Errorf("Train of one step = %d, %v", n, err)
			}
			if !math.IsInf(values[0], -1) {
				return fmt.Errorf("values[0] = %v where exp(M - 1) overflows, want -Inf", values[0])
			}
			return nil
		}},
		{"no steps", func(s subject) error {
			p := newProblem(small, backend.Softplus, objective.DV, 8)
			t, err := p.start(s)
			if err != nil {
				return err
			}
			defer t.close()
			if n, err := t.Train(context.Background(), nil, nil); n != 0 || err != nil {
				return fmt.Errorf("Train of no steps = %d, %v", n, err)
			}
			state, err := t.State()
			return errors.Join(err, sameState(state, p.state))
		}},
	}
}
