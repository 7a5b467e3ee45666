package backendtest

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gomine/mine/backend"
)

func modelForwardCases() []testCase {
	cases := eachModel((*modelProblem).checkForward)
	for _, rows := range []int{1, 2, 31, 32, 33, 64, 100} {
		cases = append(cases, testCase{fmt.Sprintf("%d rows of 100", rows), func(s subject) error {
			p := newModelProblem(smallModel, backend.ELU, 2)
			p.spec.Rows = 100
			p.x, _ = p.batch(rows, 1)
			return p.checkForward(s)
		}})
	}
	return append(cases, testCase{"saturated", func(s subject) error { return saturated().checkForward(s) }})
}

func (p *modelProblem) checkForward(s subject) error {
	p.warm(3)
	m, err := p.start(s)
	if err != nil {
		return err
	}
	defer m.Close()
	y, err := p.forward(m, p.x)
	if err != nil {
		return err
	}
	want := p.truth()
	want.add(p, p.x, backend.Matrix{}, s.unit)
	if err := want.checkOutputs(y); err != nil {
		return err
	}
	state, err1 := m.State()
	grad, err2 := modelGradient(p, m)
	return errors.Join(err1, err2, sameState(state, p.state), sameBits("gradient", grad, make([]float32, len(grad))))
}

// checkBackward goes forward and back once, with or without dV/dx.
func (p *modelProblem) checkBackward(s subject, withoutInputs bool) error {
	m, err := p.start(s)
	if err != nil {
		return err
	}
	defer m.Close()
	want := p.truth()
	want.add(p, p.x, p.dy, s.unit)
	if _, err := p.forward(m, p.x); err != nil {
		return err
	}
	if withoutInputs {
		if err := m.Backward(context.Background(), p.dy, backend.Matrix{}); err != nil {
			return err
		}
		return want.checkGradient(p, m, s.unit)
	}
	dx, err := p.back(p.dy, m.Backward)
	if err != nil {
		return err
	}
	state, err := m.State()
	return errors.Join(err, sameState(state, p.state), want.checkInputs(dx, s.unit), want.checkGradient(p, m, s.unit))
}

// checkInputGradients has no gradient yet, and then one.
func (p *modelProblem) checkInputGradients(s subject) error {
	m, err := p.start(s)
	if err != nil {
		return err
	}
	defer m.Close()
	want := p.truth()
	want.add(p, p.x, p.dy, s.unit)
	if _, err := p.forward(m, p.x); err != nil {
		return err
	}
	for i := range 2 {
		before, err := modelGradient(p, m)
		if err != nil {
			return err
		}
		dx, err := p.back(p.dy, m.InputGradients)
		if err != nil {
			return err
		}
		after, err := modelGradient(p, m)
		if err := errors.Join(err, want.checkInputs(dx, s.unit), sameBits("gradient", after, before)); err != nil {
			return err
		}
		if i == 0 {
			if _, err := p.back(p.dy, m.Backward); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkPasses goes back twice from many rows and, InputGradients in between,
// once from few. The sum has entries of both.
func (p *modelProblem) checkPasses(s subject) error {
	m, err := p.start(s)
	if err != nil {
		return err
	}
	defer m.Close()
	want := p.truth()
	for i, rows := range []int{p.x.Rows, (p.x.Rows + 2) / 3, 1, p.x.Rows} {
		x, dy := p.batch(rows, uint64(10+i))
		if _, err := p.forward(m, x); err != nil {
			return err
		}
		for range 2 {
			want.add(p, x, dy, s.unit)
			dx, err := p.back(dy, m.Backward)
			if err != nil {
				return err
			}
			if err := errors.Join(want.checkInputs(dx, s.unit), want.checkGradient(p, m, s.unit)); err != nil {
				return fmt.Errorf("pass %d of %d rows: %w", i, rows, err)
			}
			// Other outputs may have rows at a kink, too.
			_, other := p.batch(rows, uint64(20+i))
			if _, err := p.back(other, m.InputGradients); err != nil {
				return err
			}
			for k := range dy.Rows {
				for c := range dy.Row(k) {
					dy.Row(k)[c] *= -0.6
				}
			}
		}
	}
	return nil
}

func modelUpdateCases() []testCase {
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
		for _, step := range []uint64{0, 7, 1<<32 + 3} {
			cases = append(cases, testCase{fmt.Sprintf("%s/step=%d", c.name, step), func(s subject) error {
				p := newModelProblem(smallModel, backend.ELU, 4)
				p.spec.Adam = c.adam
				if step > 0 {
					p.warm(step)
				}
				return p.checkUpdates(s, []update{{1e-3, 1, 1}, {0, 1, 1}, {0.1, -1, 2}, {0.03, 0.2, 1}, {0.02, 3, 0}, {0.01, 1, 0}, {0.01, 5, 1}})
			}})
		}
	}
	for i, sh := range modelShapes {
		f := backend.Activations()[i%3]
		cases = append(cases, testCase{fmt.Sprintf("%v/%v", sh, f), func(s subject) error {
			p := newModelProblem(sh, f, 5)
			p.spec.Adam.WeightDecay = 0.1
			p.warm(2)
			return p.checkUpdates(s, []update{{0.03, 0.5, 1}, {0.01, 1, 0}})
		}})
	}
	return append(cases,
		testCase{"a gradient that is not finite", checkForgetNaN},
	)
}

// An update is a call of Update after a number of passes back.
type update struct {
	rate, scale float64
	passes      int
}

// checkUpdates compares each update with the definition in float64, from the
// state and the gradient that the backend itself was in, so that no error is
// inherited. The next pass must use the new parameters.
func (p *modelProblem) checkUpdates(s subject, updates []update) error {
	m, err := p.start(s)
	if err != nil {
		return err
	}
	defer m.Close()
	c := p.spec.Adam
	for _, u := range updates {
		y, err := p.forward(m, p.x)
		if err != nil {
			return err
		}
		outputs := p.truth()
		outputs.add(p, p.x, backend.Matrix{}, s.unit)
		if err := outputs.checkOutputs(y); err != nil {
			return fmt.Errorf("before step %d: %w", p.state.Step, err)
		}
		for range u.passes {
			if _, err := p.back(p.dy, m.Backward); err != nil {
				return err
			}
		}
		grad, err := modelGradient(p, m)
		if err != nil {
			return err
		}
		if err := m.Update(u.rate, u.scale); err != nil {
			return err
		}
		before := p.state
		after, err := m.State()
		if err != nil {
			return err
		}
		if after.Step != before.Step+1 {
			return fmt.Errorf("state at step %d, want %d", after.Step, before.Step+1)
		}
		n := len(grad)
		wantM, sizeM := make([]float64, n), make([]float64, n)
		for i, g := range grad {
			if u.passes == 0 && g != 0 {
				return fmt.Errorf("gradient of parameter %d is %v without a Backward since the last Update", i, g)
			}
			old, new := c.Beta1*float64(before.M[i]), (1-c.Beta1)*u.scale*float64(g)
			wantM[i] = old + new
			sizeM[i] = math.Abs(old) + math.Abs(new)
		}
		err = errors.Join(
			sameValues("LogEMA", []float64{after.LogEMA}, []float64{0}),
			nearBlocks("first moment", p.spec.MLP, widen(after.M), wantM, func(lo, hi int) float64 {
				return ulps * Float32 * norm(sizeM[lo:hi])
			}),
			checkAdam(c, decaysOf(p.spec.MLP), before, after, u.rate))
		if err != nil {
			return fmt.Errorf("step %d at rate %v, scale %v, %d passes back: %w", before.Step, u.rate, u.scale, u.passes, err)
		}
		p.state = after
	}
	return nil
}

// checkForgetNaN has a gradient that is not a number, which SetState forgets.
func checkForgetNaN(s subject) error {
	p := newModelProblem(smallModel, backend.Softplus, 6)
	m, err := p.start(s)
	if err != nil {
		return err
	}
	defer m.Close()
	if _, err := p.forward(m, p.x); err != nil {
		return err
	}
	_, dy := p.batch(p.x.Rows, 1)
	for i := range dy.Data {
		dy.Data[i] = float32(math.NaN())
	}
	if _, err := p.back(dy, m.Backward); err != nil {
		return err
	}
	if err := errors.Join(m.SetState(p.state), m.Update(0.1, 1)); err != nil {
		return err
	}
	after, err := m.State()
	if err != nil {
		return err
	}
	// Without moments and decay a zero gradient changes nothing.
	want := p.state.Clone()
	want.Step++
	return sameState(after, want)
}
