package backendtest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gomine/mine/backend"
	"gomine/mine/objective"
)

var scorerRules = []rule{
	{
		name:  "scorer",
		text:  "a scorer says bitwise what a trainer in a state of these parameters says",
		cases: func() []testCase { return eachKind("", checkScorer) },
	},
	{
		name:  "scorer's errors",
		text:  "NewScorer refuses parameters that are not the network's; after Close all methods return ErrClosed",
		cases: func() []testCase { return []testCase{{"parameters", checkScorerParams}, {"closed", checkScorerClosed}} },
	},
	{
		name: "capabilities",
		text: "Capabilities does not change, and what it does not offer is refused by an error that wraps " +
			"ErrUnavailable and names the backend",
		cases: func() []testCase { return []testCase{{"all", checkCapabilities}} },
	},
}

// checkScorer compares scores, evaluations and derivatives, and changes the
// parameters that the scorer was made from in between.
func checkScorer(s subject, f backend.Activation, o objective.Kind) error {
	p := newProblem(shape{5, 4, []int{65, 33}, 40}, f, o, 4)
	t, err := p.start(s)
	if err != nil {
		return err
	}
	defer t.close()
	params := slices.Clone(p.state.Params)
	scorer, err := s.NewScorer(p.spec.Network, params)
	if err != nil {
		return err
	}
	defer scorer.Close()
	for i := range params {
		params[i] = guard
	}
	got, err1 := p.scored(scorer, t.data)
	want, err2 := p.scored(t.Trainer, t.data)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if err := got.same(want); err != nil {
		return err
	}
	// It keeps its parameters while the trainer trains.
	if _, _, err := trainOn(t, 2); err != nil {
		return err
	}
	again, err := p.scored(scorer, t.data)
	if err != nil {
		return err
	}
	return again.same(got)
}

// scored is what a scorer says of the problem's data.
func (p *problem) scored(scorer backend.Scorer, data backend.Data) (outcome, error) {
	var o outcome
	influence := make([]float64, p.train.Len())
	for _, pairing := range []backend.Pairing{cycles(2), permutations(3)} {
		e, err := scorer.Evaluate(context.Background(), data, p.train, pairing, influence)
		if err != nil {
			return o, err
		}
		o.values = append(append(o.values, e.Joint, e.LogU, e.JS, e.VarT, e.VarW, e.CovTW, e.VarG, e.MaxT), influence...)
	}
	xs, zs := randomPairs(p.x.Rows, 50)
	scores := make([]float32, len(xs))
	gx, gz := backend.NewMatrix(len(xs), p.x.Cols), backend.NewMatrix(len(xs), p.z.Cols)
	err := errors.Join(
		scorer.Scores(context.Background(), data, xs, zs, scores),
		scorer.InputGradients(context.Background(), data, xs, zs, scores, gx, gz))
	o.arrays = slices.Concat(scores, gx.Data, gz.Data)
	return o, err
}

func checkScorerParams(s subject) error {
	p := newProblem(small, backend.Softplus, objective.DV, 1)
	var errs []error
	for _, more := range []int{-1, 1, -len(p.state.Params)} {
		scorer, err := s.NewScorer(p.spec.Network, make([]float32, len(p.state.Params)+more))
		if err == nil {
			scorer.Close()
		}
		errs = append(errs, wantError(fmt.Sprintf("NewScorer of %+d parameters", more), err, backend.ErrShape))
	}
	net := p.spec.Network
	net.Hidden = nil
	_, err := s.NewScorer(net, p.state.Params)
	return errors.Join(append(errs, wantError("NewScorer without a layer", err, backend.ErrShape))...)
}

func checkScorerClosed(s subject) error {
	p := newProblem(small, backend.Softplus, objective.DV, 1)
	data, err := s.Load(p.x, p.z)
	if err != nil {
		return err
	}
	defer data.Close()
	scorer, err := s.NewScorer(p.spec.Network, p.state.Params)
	if err != nil {
		return err
	}
	for range 2 {
		if err := scorer.Close(); err != nil {
			return err
		}
	}
	one, out := []int{1}, make([]float32, 1)
	_, err1 := scorer.Evaluate(context.Background(), data, p.train, cycles(1), nil)
	err2 := scorer.Scores(context.Background(), data, one, one, out)
	err3 := scorer.InputGradients(context.Background(), data, one, one, out, backend.NewMatrix(1, p.x.Cols), backend.NewMatrix(1, p.z.Cols))
	return errors.Join(
		wantError("Evaluate", err1, backend.ErrClosed),
		wantError("Scores", err2, backend.ErrClosed),
		wantError("InputGradients", err3, backend.ErrClosed))
}

func checkCapabilities(s subject) error {
	c := s.Capabilities()
	for range 3 {
		if got := fmt.Sprint(s.Capabilities()); got != fmt.Sprint(c) {
			return fmt.Errorf("capabilities %v, then %v", c, got)
		}
	}
	var errs []error
	refused := func(what string, change func(p *problem)) {
		p := newProblem(small, c.Activations[0], c.Objectives[0], 1)
		change(p)
		data, err := s.Load(p.x, p.z)
		if err != nil {
			errs = append(errs, err)
			return
		}
		defer data.Close()
		t, err := s.NewTrainer(p.spec, data, p.train)
		if err == nil {
			t.Close()
		}
		errs = append(errs, wantError(what, err, backend.ErrUnavailable))
	}
	for _, o := range objective.Kinds() {
		if !slices.Contains(c.Objectives, o) {
			refused(o.String(), func(p *problem) { p.spec.Objective = o.Default() })
		}
	}
	for _, f := range backend.Activations() {
		if !slices.Contains(c.Activations, f) {
			refused(f.String(), func(p *problem) { p.spec.Network.Activation = f })
		}
	}
	if c.Marginals < small.batch-1 {
		refused("marginal pairs", func(p *problem) { p.spec.Marginals = c.Marginals + 1 })
	}
	if !c.Clipping {
		refused("clipping", func(p *problem) { p.spec.ClipNorm = 1 })
	}
	if !c.Index {
		refused("index", func(p *problem) { p.train = shuffledIndex(0, p.train.Len(), p.x.Rows) })
	}
	return errors.Join(errs...)
}
