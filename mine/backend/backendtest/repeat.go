package backendtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"gomine/mine/backend"
	"gomine/mine/objective"
)

var repeatRules = []rule{
	{
		name:  "repeat",
		text:  "the same calls give bitwise the same answers",
		cases: repeatCases,
	},
	{
		name: "seed",
		text: "a seed decides the batches",
		cases: func() []testCase {
			return []testCase{{"another seed", checkSeed}}
		},
	},
	{
		name:  "chunks",
		text:  "how the steps are cut into calls of Train changes nothing, bit by bit",
		cases: func() []testCase { return eachKind("", checkChunks) },
	},
	{
		name:  "resume",
		text:  "training on from a restored state is bitwise the same as never having stopped",
		cases: func() []testCase { return eachKind("", checkResume) },
	},
	{
		name:  "interleave",
		text:  "only Train and SetState change the state",
		cases: func() []testCase { return eachKind("", checkInterleave) },
	},
	{
		name: "sharing",
		text: "trainers that share data do not disturb each other, and a Backend is safe for concurrent use",
		cases: func() []testCase {
			return []testCase{{"in turn", checkSharing}, {"concurrently", checkConcurrent}}
		},
	},
}

// repeatShape is large enough for a backend to spread a step over threads.
var repeatShape = shape{20, 17, []int{65, 33}, 257}

// trainFor returns the values and the state after training from the problem's
// state in calls of the given lengths.
func (p *problem) trainFor(s subject, chunks ...int) (values []float64, state backend.State, err error) {
	t, err := p.start(s)
	if err != nil {
		return nil, state, err
	}
	defer t.close()
	return trainOn(t, chunks...)
}

// trainOn trains with the rates that varyingRates gives to these steps in one
// run.
func trainOn(t backend.Trainer, chunks ...int) (values []float64, state backend.State, err error) {
	total := 0
	for _, k := range chunks {
		total += k
	}
	rates := varyingRates(total)
	values = make([]float64, total)
	done := 0
	for _, k := range chunks {
		n, err := t.Train(context.Background(), rates[done:done+k], values[done:done+k])
		if n != k || err != nil {
			return nil, state, fmt.Errorf("Train of %d steps = %d, %v", k, n, err)
		}
		done += k
	}
	state, err = t.State()
	return values, state, err
}

func repeatCases() []testCase {
	var cases []testCase
	for i, o := range objective.Kinds() {
		f := backend.Activations()[i%3]
		cases = append(cases, testCase{fmt.Sprintf("%v/%v", f, o), func(s subject) error {
			return newProblem(repeatShape, f, o, 1).checkRepeat(s)
		}})
	}
	return cases
}

// checkRepeat runs everything twice on the same backend.
func (p *problem) checkRepeat(s subject) error {
	first, err1 := p.on(s, p.state)
	second, err2 := p.on(s, p.state)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	return second.same(first)
}

// An outcome is what every method of a trainer returns, one after the other.
type outcome struct {
	state  backend.State // after training
	values []float64
	arrays []float32
}

// everything trains, evaluates and differentiates.
func (p *problem) everything(t *session) (outcome, error) {
	var o outcome
	var err error
	if o.values, o.state, err = trainOn(t, 3); err != nil {
		return o, err
	}
	e, err := t.Evaluate(context.Background(), t.data, p.train, backend.Pairing{Count: 2, Seed: 3}, nil)
	if err != nil {
		return o, err
	}
	o.values = append(o.values, e.Joint, e.LogU, e.JS, e.VarT, e.VarW, e.CovTW, e.VarG, e.MaxT)
	o.values = append(o.values, e.Marginal...)

	grad := make([]float32, len(p.state.Params))
	value, err := t.Gradient(context.Background(), grad)
	if err != nil {
		return o, err
	}
	o.values = append(o.values, value)

	gx, gz := backend.NewMatrix(p.spec.Batch, p.x.Cols), backend.NewMatrix(p.spec.Batch, p.z.Cols)
	if value, err = t.ObjectiveGradients(context.Background(), gx, gz); err != nil {
		return o, err
	}
	o.values = append(o.values, value)
	o.arrays = slices.Concat(grad, gx.Data, gz.Data)

	xs, zs := randomPairs(p.x.Rows, 100)
	scores := make([]float32, len(xs))
	if err := t.Scores(context.Background(), t.data, xs, zs, scores); err != nil {
		return o, err
	}
	gx, gz = backend.NewMatrix(100, p.x.Cols), backend.NewMatrix(100, p.z.Cols)
	err = t.InputGradients(context.Background(), t.data, xs, zs, scores, gx, gz)
	o.arrays = slices.Concat(o.arrays, scores, gx.Data, gz.Data)
	return o, err
}

// same reports the first difference, bit by bit.
func (o outcome) same(want outcome) error {
	return errors.Join(
		sameState(o.state, want.state),
		sameValues("values of Train, Evaluate, Gradient and ObjectiveGradients", o.values, want.values),
		sameBits("arrays of Gradient, ObjectiveGradients, Scores and InputGradients", o.arrays, want.arrays),
	)
}

func checkSeed(s subject) error {
	p := newProblem(small, backend.ELU, objective.JS, 1)
	values1, _, err1 := p.trainFor(s, 3)
	p.spec.Seed++
	values2, _, err2 := p.trainFor(s, 3)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	for i := range values1 {
		if values1[i] == values2[i] {
			return fmt.Errorf("step %d has the value %v under two seeds", i, values1[i])
		}
	}
	return nil
}

func checkChunks(s subject, f backend.Activation, o objective.Kind) error {
	p := newProblem(small, f, o, 2)
	p.spec.Adam.WeightDecay = 0.1
	values, state, err := p.trainFor(s, 10)
	if err != nil {
		return err
	}
	for _, chunks := range [][]int{{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, {3, 7}, {9, 1}, {0, 10, 0}} {
		v, st, err := p.trainFor(s, chunks...)
		if err != nil {
			return err
		}
		if err := errors.Join(sameState(st, state), sameValues("values", v, values)); err != nil {
			return fmt.Errorf("chunks of %v against one of 10: %w", chunks, err)
		}
	}
	return nil
}

// checkResume restores the state after 4 of 9 steps in a fresh trainer, and in
// one that has trained on.
func checkResume(s subject, f backend.Activation, o objective.Kind) error {
	p := newProblem(small, f, o, 3)
	t, err := p.start(s)
	if err != nil {
		return err
	}
	defer t.close()
	_, middle, err := trainOn(t, 4)
	if err != nil {
		return err
	}
	rates := varyingRates(5)
	finish := func(t backend.Trainer) ([]float64, backend.State, error) {
		values := make([]float64, len(rates))
		if n, err := t.Train(context.Background(), rates, values); n != len(rates) || err != nil {
			return nil, backend.State{}, fmt.Errorf("Train of %d steps = %d, %v", len(rates), n, err)
		}
		state, err := t.State()
		return values, state, err
	}
	values, end, err := finish(t)
	if err != nil {
		return err
	}

	fresh, err := s.NewTrainer(p.spec, t.data, p.train)
	if err != nil {
		return err
	}
	defer fresh.Close()
	for _, restored := range []struct {
		name    string
		trainer backend.Trainer
	}{{"a fresh trainer", fresh}, {"the trainer itself", t}} {
		if err := restored.trainer.SetState(middle); err != nil {
			return err
		}
		back, err := restored.trainer.State()
		if err != nil {
			return err
		}
		if err := sameState(back, middle); err != nil {
			return fmt.Errorf("state set on and read from %s: %w", restored.name, err)
		}
		v, st, err := finish(restored.trainer)
		if err != nil {
			return err
		}
		if err := errors.Join(sameState(st, end), sameValues("values", v, values)); err != nil {
			return fmt.Errorf("resumed on %s: %w", restored.name, err)
		}
	}
	return nil
}

func checkInterleave(s subject, f backend.Activation, o objective.Kind) error {
	p := newProblem(small, f, o, 4)
	values, state, err := p.trainFor(s, 6)
	if err != nil {
		return err
	}
	t, err := p.start(s)
	if err != nil {
		return err
	}
	defer t.close()
	other := p.withRows(200)
	data, err := s.Load(other.x, other.z)
	if err != nil {
		return err
	}
	defer data.Close()

	ctx := context.Background()
	xs, zs := randomPairs(200, 150)
	buf := make([]float32, 150)
	grad := make([]float32, len(p.state.Params))
	gx, gz := backend.NewMatrix(150, p.x.Cols), backend.NewMatrix(150, p.z.Cols)
	ox, oz := backend.NewMatrix(p.spec.Batch, p.x.Cols), backend.NewMatrix(p.spec.Batch, p.z.Cols)
	rates := varyingRates(6)
	got := make([]float64, 6)
	for i := range rates {
		if n, err := t.Train(ctx, rates[i:i+1], got[i:i+1]); n != 1 || err != nil {
			return fmt.Errorf("Train of one step = %d, %v", n, err)
		}
		_, err1 := t.Evaluate(ctx, data, backend.Rows{Lo: 1, Hi: 199}, backend.Pairing{Count: 3, Seed: 7}, nil)
		err2 := t.Scores(ctx, data, xs, zs, buf)
		_, err3 := t.Gradient(ctx, grad)
		err4 := t.InputGradients(ctx, data, xs, zs, buf, gx, gz)
		_, err5 := t.ObjectiveGradients(ctx, ox, oz)
		_, _, err6 := t.Batch(100)
		_, err7 := t.State()
		if err := errors.Join(err1, err2, err3, err4, err5, err6, err7); err != nil {
			return err
		}
	}
	end, err := t.State()
	return errors.Join(err, sameState(end, state), sameValues("values", got, values))
}

// checkSharing trains two critics of different shapes on the same data in
// turn.
func checkSharing(s subject) error {
	p := newProblem(small, backend.ELU, objective.MINE, 5)
	q := *p
	sh := small
	sh.hidden = []int{33}
	q.spec = newProblem(sh, backend.ReLU, objective.NWJ, 6).spec
	q.state = newProblem(sh, backend.ReLU, objective.NWJ, 6).state

	_, wantP, err1 := p.trainFor(s, 1, 1, 1)
	_, wantQ, err2 := q.trainFor(s, 1, 1, 1)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	data, err := s.Load(p.x, p.z)
	if err != nil {
		return err
	}
	defer data.Close()
	tp, err := p.trainer(s, data)
	if err != nil {
		return err
	}
	defer tp.Close()
	tq, err := q.trainer(s, data)
	if err != nil {
		return err
	}
	defer tq.Close()
	rates := varyingRates(3)
	value := make([]float64, 1)
	for i := range rates {
		for _, t := range []backend.Trainer{tp, tq} {
			if n, err := t.Train(context.Background(), rates[i:i+1], value); n != 1 || err != nil {
				return fmt.Errorf("Train of one step = %d, %v", n, err)
			}
		}
	}
	gotP, err1 := tp.State()
	gotQ, err2 := tq.State()
	return errors.Join(err1, err2, sameState(gotP, wantP), sameState(gotQ, wantQ))
}

// checkConcurrent trains, evaluates and loads in several goroutines at once.
func checkConcurrent(s subject) error {
	const (
		goroutines = 4
		steps      = 20
	)
	var want, got [goroutines]backend.State
	var errs [goroutines]error
	problems := make([]*problem, goroutines)
	for i := range problems {
		problems[i] = newProblem(shape{3, 2, []int{33, 17}, 65}, backend.Softplus, objective.Kinds()[i], uint64(i))
		if _, want[i], errs[i] = problems[i].trainFor(s, steps); errs[i] != nil {
			return errs[i]
		}
	}
	var wg sync.WaitGroup
	for i, p := range problems {
		wg.Go(func() { _, got[i], errs[i] = p.trainFor(s, steps) })
	}
	wg.Wait()
	for i := range problems {
		if err := errors.Join(errs[i], sameState(got[i], want[i])); err != nil {
			return fmt.Errorf("goroutine %d: %w", i, err)
		}
	}
	return nil
}
