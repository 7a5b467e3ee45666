package backendtest

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"gomine/mine/backend"
	"gomine/mine/objective"
)

var scoreRules = []rule{
	{
		name:  "scores",
		text:  "Scores stores T(x row xs[i], z row zs[i]) of data in dst[i]",
		cases: scoreCases,
	},
	{
		name: "input gradients",
		text: "InputGradients stores weights[i] * dT/dx and weights[i] * dT/dz " +
			"of the pair (x row xs[i], z row zs[i]) in row i of gx and gz",
		cases: inputGradientCases,
	},
}

func scoreCases() []testCase {
	var cases []testCase
	for _, sh := range shapes {
		for _, f := range backend.Activations() {
			cases = append(cases, testCase{fmt.Sprintf("%v/%v", sh, f), func(s subject) error {
				p := newProblem(sh, f, objective.DV, 1)
				xs, zs := randomPairs(p.x.Rows, sh.batch+1)
				return p.checkScores(s, xs, zs)
			}})
		}
	}
	for _, n := range []int{0, 1, 2, 1023, 1024, 1025, 5000} {
		cases = append(cases, testCase{fmt.Sprintf("pairs=%d", n), func(s subject) error {
			p := newProblem(small, backend.ELU, objective.DV, 2)
			xs, zs := randomPairs(p.x.Rows, n)
			return p.checkScores(s, xs, zs)
		}})
	}
	for _, kind := range extremes {
		for _, f := range backend.Activations() {
			cases = append(cases, testCase{fmt.Sprintf("extreme=%s/%v", kind.name, f), func(s subject) error {
				p := newProblem(small, f, objective.DV, 3)
				kind.apply(p, 1e4)
				xs, zs := randomPairs(p.x.Rows, 100)
				return p.checkScores(s, xs, zs)
			}})
		}
	}
	return append(cases, testCase{"zero parameters", func(s subject) error {
		p := newProblem(small, backend.Softplus, objective.DV, 4)
		clear(p.state.Params)
		xs, zs := randomPairs(p.x.Rows, 10)
		return p.checkScores(s, xs, zs)
	}})
}

// randomPairs draws n pairs out of rows, so that with n large some occur twice.
func randomPairs(rows, n int) (xs, zs []int) {
	rng := rand.New(rand.NewPCG(uint64(n), 3))
	for range n {
		xs = append(xs, rng.IntN(rows))
		zs = append(zs, rng.IntN(rows))
	}
	return xs, zs
}

func (p *problem) checkScores(s subject, xs, zs []int) error {
	t, err := p.start(s)
	if err != nil {
		return err
	}
	defer t.close()
	dst := newGuarded(len(xs))
	if err := t.Scores(context.Background(), t.data, xs, zs, dst.inner()); err != nil {
		return err
	}
	if err := dst.intact("Scores"); err != nil {
		return err
	}
	o := newOracle(p.spec.Network, widen(p.state.Params), s.unit)
	for i, got := range dst.inner() {
		want := o.forward(p.pair(xs[i], zs[i]))
		what := fmt.Sprintf("T(x %d, z %d)", xs[i], zs[i])
		if err := near(what, float64(got), want.score(), sigmas*want.scoreErr()); err != nil {
			return err
		}
	}
	return nil
}

// An extreme changes the parameters of a problem so that its scores reach a
// magnitude.
type extreme struct {
	name  string
	apply func(p *problem, magnitude float64)
}

var extremes = []extreme{{"spread", spread}, {"high", high}, {"low", low}, {"hidden", hidden}}

// spread puts the scores on both sides of zero.
func spread(p *problem, magnitude float64) {
	lo, hi := p.scoreRange()
	scale := 2 * magnitude / (hi - lo)
	w, c := p.output()
	for i := range w {
		w[i] *= float32(scale)
	}
	*c = float32(scale * (float64(*c) - (hi+lo)/2))
}

// high moves all scores far above zero, with differences of order 1.
func high(p *problem, magnitude float64) {
	_, c := p.output()
	*c += float32(magnitude)
}

// low moves all scores far below zero, with differences of order 1.
func low(p *problem, magnitude float64) { high(p, -magnitude) }

// hidden is spread with pre-activations whose exponential overflows float32,
// on either side.
func hidden(p *problem, magnitude float64) {
	first := p.spec.Network.Blocks()[:3]
	for i := range first[2].Offset + first[2].Len() {
		p.state.Params[i] *= 200
	}
	spread(p, magnitude)
}

// output returns w and c.
func (p *problem) output() (w []float32, c *float32) {
	blocks := p.spec.Network.Blocks()
	last := blocks[len(blocks)-2]
	return p.state.Params[last.Offset:][:last.Len()], &p.state.Params[last.Offset+last.Len()]
}

// scoreRange returns the smallest and the largest score of all pairs of rows.
func (p *problem) scoreRange() (lo, hi float64) {
	o := newOracle(p.spec.Network, widen(p.state.Params), Float32)
	lo, hi = math.Inf(1), math.Inf(-1)
	for i := range p.x.Rows {
		for j := range p.z.Rows {
			t := o.forward(p.pair(i, j)).score()
			lo, hi = min(lo, t), max(hi, t)
		}
	}
	return lo, hi
}

func inputGradientCases() []testCase {
	var cases []testCase
	for _, sh := range shapes {
		for _, f := range backend.Activations() {
			cases = append(cases, testCase{fmt.Sprintf("%v/%v", sh, f), func(s subject) error {
				p := newProblem(sh, f, objective.DV, 1)
				xs, zs := randomPairs(p.x.Rows, 33)
				return p.checkInputGradients(s, xs, zs)
			}})
		}
	}
	for _, n := range []int{0, 1, 257, 1025} {
		cases = append(cases, testCase{fmt.Sprintf("pairs=%d", n), func(s subject) error {
			p := newProblem(small, backend.Softplus, objective.DV, 2)
			xs, zs := randomPairs(p.x.Rows, n)
			return p.checkInputGradients(s, xs, zs)
		}})
	}
	return append(cases, testCase{"one pair throughout", func(s subject) error {
		p := newProblem(small, backend.ELU, objective.DV, 3)
		return p.checkInputGradients(s, []int{5, 5, 5, 5, 5}, []int{2, 2, 2, 2, 2})
	}})
}

// checkInputGradients gives the pairs weights of all signs, every fourth of
// them zero.
func (p *problem) checkInputGradients(s subject, xs, zs []int) error {
	t, err := p.start(s)
	if err != nil {
		return err
	}
	defer t.close()
	weights := make([]float32, len(xs))
	for i := range weights {
		weights[i] = float32(i%4) * (0.75 - float32(i%3))
	}
	dx, dz := p.spec.Network.DX, p.spec.Network.DZ
	gx, gz := newPadded(len(xs), dx, dx+1), newPadded(len(xs), dz, dz+3)
	if err := t.InputGradients(context.Background(), t.data, xs, zs, weights, gx.Matrix, gz.Matrix); err != nil {
		return err
	}
	if err := gx.intact("gx"); err != nil {
		return err
	}
	if err := gz.intact("gz"); err != nil {
		return err
	}
	o := newOracle(p.spec.Network, widen(p.state.Params), s.unit)
	for i := range xs {
		got := append(widen(gx.Row(i)), widen(gz.Row(i))...)
		pass := o.forward(p.pair(xs[i], zs[i]))
		if p.spec.Network.Activation == backend.ReLU && pass.clear < sigmas {
			continue // float32 may be on the other side of the kink
		}
		want, terms := o.backward(pass, []float64{float64(weights[i])}, nil, nil)
		tol := blockTol*s.unit*norm(want) + gradSigmas*(pass.preErr+s.unit)*norm(terms)
		what := fmt.Sprintf("%v * dT/d(x %d, z %d)", weights[i], xs[i], zs[i])
		if err := nearNorm(what, got, want, tol); err != nil {
			return err
		}
	}
	return nil
}
