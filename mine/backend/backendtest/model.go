package backendtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"gomine/mine/backend"
)

// modelRules are those that the rounding of products can break.
var modelRules = []rule{
	{
		name:  "model forward",
		text:  "Forward stores the outputs of x in y, and changes nothing else",
		cases: modelForwardCases,
	},
	{
		name: "model gradient",
		text: "Backward adds dV/dparameters of the rows of the last Forward to the gradient and stores dV/dx in dx, " +
			"unless dx is the zero Matrix",
		cases: func() []testCase {
			cases := append(eachModel(func(p *modelProblem, s subject) error { return p.checkBackward(s, false) }),
				testCase{"saturated", func(s subject) error { return saturated().checkBackward(s, false) }})
			for _, sh := range []modelShape{smallModel, {33, nil, 7, 64}} {
				cases = append(cases, testCase{fmt.Sprintf("%v/without dx", sh), func(s subject) error {
					return newModelProblem(sh, backend.Softplus, 2).checkBackward(s, true)
				}})
			}
			return cases
		},
	},
	{
		name: "model input gradients",
		text: "InputGradients stores what Backward stores in dx, and does not change the gradient",
		cases: func() []testCase {
			// Activations met every shape in "model gradient".
			var cases []testCase
			for i, sh := range modelShapes {
				f := backend.Activations()[i%3]
				cases = append(cases, testCase{fmt.Sprintf("%v/%v", sh, f), func(s subject) error {
					return newModelProblem(sh, f, 1).checkInputGradients(s)
				}})
			}
			return cases
		},
	},
	{
		name: "model passes",
		text: "gradients of several passes back add up, however many rows each had; " +
			"one Forward serves any number of passes back; Gradient changes nothing",
		cases: func() []testCase {
			return eachOf(passShapes, (*modelProblem).checkPasses)
		},
	},
	{
		name: "model update",
		text: "Update makes the step of type Adam along scale times the gradient, which is zero without a Backward, " +
			"and forgets it; weight decay applies to the matrices",
		cases: modelUpdateCases,
	},
}

// A modelShape is what a kernel's tiling may stumble over.
type modelShape struct {
	inputs  int
	hidden  []int
	outputs int
	rows    int
}

func (s modelShape) String() string {
	widths := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(s.hidden)), "-"), "[]")
	return fmt.Sprintf("in=%d,h=%s,out=%d,rows=%d", s.inputs, widths, s.outputs, s.rows)
}

// modelShapes straddle the powers of two that vectors, warps and tiles come in,
// at every depth.
var modelShapes = []modelShape{
	{1, nil, 1, 1},
	{5, nil, 3, 2},
	{33, nil, 65, 31},
	{129, nil, 1, 257},
	{1, []int{1}, 1, 1},
	{2, []int{7}, 9, 15},
	{9, []int{8}, 1, 16},
	{17, []int{31}, 33, 32},
	{127, []int{5}, 127, 256},
	{4, []int{257}, 4, 33},
	{257, []int{3}, 1, 17},
	{1, []int{9}, 257, 5},
	{3, []int{15, 16}, 2, 17},
	{31, []int{33, 17}, 7, 33},
	{65, []int{63, 65}, 31, 65},
	{3, []int{128, 129}, 17, 255},
	{2, []int{9, 5}, 3, 1025},
	{8, []int{16, 17, 15}, 3, 63},
	{64, []int{64, 32, 128}, 16, 64},
	{2, []int{8, 7, 16, 15}, 5, 127},
	{20, []int{65, 33, 31, 63}, 20, 129},
	{16, []int{1, 1, 1, 1}, 2, 128},
}

// smallModel has no size that is a multiple of anything.
var smallModel = modelShape{3, []int{9, 7}, 5, 19}

// passShapes are for rules that need many passes.
var passShapes = []modelShape{
	smallModel, {3, nil, 2, 7}, {17, []int{33}, 9, 65}, {9, []int{15, 17, 31, 8}, 3, 33}, {5, []int{64, 65}, 33, 257},
}

// A modelProblem is a model to start from, and a batch: rows and dV/doutputs.
type modelProblem struct {
	spec  backend.ModelSpec
	state backend.State
	x, dy backend.Matrix
}

// newModelProblem returns a problem with outputs of order 1 and as many rows as
// the shape says; its model may have room for more.
func newModelProblem(sh modelShape, f backend.Activation, seed uint64) *modelProblem {
	p := &modelProblem{spec: backend.ModelSpec{
		MLP:  backend.MLP{Inputs: sh.inputs, Hidden: sh.hidden, Outputs: sh.outputs, Activation: f},
		Adam: backend.Adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8},
		Rows: sh.rows + sh.rows%3*sh.rows/2,
	}}
	rng := rand.New(rand.NewPCG(seed, 6))
	n := p.spec.MLP.NumParams()
	p.state = backend.State{Params: make([]float32, n), M: make([]float32, n), V: make([]float32, n)}
	for k, l := range newPerceptron(p.spec.MLP, make([]float64, n), Float32).layers {
		gain := 1.0
		if k > 0 && f == backend.ReLU {
			gain = math.Sqrt2
		}
		for i := range l.rows * l.cols {
			p.state.Params[l.weights+i] = float32(gain * rng.NormFloat64() / math.Sqrt(float64(l.rows)))
		}
		for i := range l.cols {
			p.state.Params[l.bias+i] = float32(0.3 * rng.NormFloat64())
		}
	}
	p.x, p.dy = p.batch(sh.rows, seed)
	return p
}

// batch draws rows and their dV/doutputs, with no padding for an even number of
// rows and NaN as padding for an odd one.
func (p *modelProblem) batch(rows int, seed uint64) (x, dy backend.Matrix) {
	rng := rand.New(rand.NewPCG(seed, uint64(rows)))
	x, dy = backend.NewMatrix(rows, p.spec.MLP.Inputs), backend.NewMatrix(rows, p.spec.MLP.Outputs)
	for _, m := range []backend.Matrix{x, dy} {
		for i := range m.Data {
			m.Data[i] = float32(rng.NormFloat64())
		}
	}
	return pad(x, rows%2*5), pad(dy, rows%2*2)
}

// warm gives the state moments as they are in the midst of a training run.
func (p *modelProblem) warm(step uint64) {
	rng := rand.New(rand.NewPCG(step, 7))
	p.state.Step = step
	for i := range p.state.Params {
		p.state.M[i] = float32(0.01 * rng.NormFloat64())
		p.state.V[i] = float32(1e-4 * rng.ExpFloat64())
	}
}

// saturated has pre-activations whose exponential overflows float32, on either
// side.
func saturated() *modelProblem {
	p := newModelProblem(smallModel, backend.Softplus, 3)
	first := p.spec.MLP.Blocks()[:2]
	for i := range first[1].Offset + first[1].Len() {
		p.state.Params[i] *= 200
	}
	return p
}

// start returns a model in the problem's state.
func (p *modelProblem) start(s subject) (backend.Model, error) {
	m, err := s.NewModel(p.spec)
	if err != nil {
		return nil, fmt.Errorf("NewModel: %w", err)
	}
	if err := m.SetState(p.state); err != nil {
		m.Close()
		return nil, fmt.Errorf("SetState: %w", err)
	}
	return m, nil
}

// eachModel makes a case of check for every shape and activation.
func eachModel(check func(p *modelProblem, s subject) error) []testCase {
	return eachOf(modelShapes, check)
}

func eachOf(shapes []modelShape, check func(p *modelProblem, s subject) error) []testCase {
	var cases []testCase
	for _, sh := range shapes {
		for _, f := range backend.Activations() {
			if len(sh.hidden) == 0 && f > 0 {
				continue // it is not used
			}
			cases = append(cases, testCase{fmt.Sprintf("%v/%v", sh, f), func(s subject) error {
				return check(newModelProblem(sh, f, 1), s)
			}})
		}
	}
	return cases
}

// A modelTruth is what passes forward and back are, by the oracle.
type modelTruth struct {
	rows        []pass      // of the last pass
	dx, dxTerms [][]float64 // of the last pass
	grad, terms []float64   // of all of them
	err         float64     // largest error of a pre-activation
}

func (p *modelProblem) truth() *modelTruth {
	n := len(p.state.Params)
	return &modelTruth{grad: make([]float64, n), terms: make([]float64, n)}
}

// add takes a pass forward and, unless dy is zero, back. For ReLU it first
// clears the rows of dy with a pre-activation too near to the kink to know its
// slope: what these give to a gradient is zero on either side.
func (t *modelTruth) add(p *modelProblem, x, dy backend.Matrix, unit float64) {
	o := newPerceptron(p.spec.MLP, widen(p.state.Params), unit)
	t.rows, t.dx, t.dxTerms = nil, nil, nil
	for i := range x.Rows {
		row := o.forward(widen(x.Row(i)))
		t.rows = append(t.rows, row)
		t.err = max(t.err, row.preErr)
		if dy.IsZero() {
			continue
		}
		if p.spec.MLP.Activation == backend.ReLU && row.clear < sigmas {
			clear(dy.Row(i))
		}
		dx, terms := o.backward(row, widen(dy.Row(i)), t.grad, t.terms)
		t.dx, t.dxTerms = append(t.dx, dx), append(t.dxTerms, terms)
	}
}

func (t *modelTruth) checkOutputs(y padded) error {
	for i, row := range t.rows {
		for c, want := range row.outputs() {
			if err := near(fmt.Sprintf("y[%d, %d]", i, c), float64(y.Row(i)[c]), want, sigmas*row.errs[c]); err != nil {
				return err
			}
		}
	}
	return y.intact("y")
}

// checkInputs compares dV/dx row by row, as of a critic: see checkInputGradients.
func (t *modelTruth) checkInputs(dx padded, unit float64) error {
	for i, want := range t.dx {
		tol := blockTol*unit*norm(want) + gradSigmas*(t.rows[i].preErr+unit)*norm(t.dxTerms[i])
		if err := nearNorm(fmt.Sprintf("dV/dx of row %d", i), widen(dx.Row(i)), want, tol); err != nil {
			return err
		}
	}
	return dx.intact("dx")
}

// checkGradient compares dV/dparameters block by block, as of a critic: see
// truth.gradTol.
func (t *modelTruth) checkGradient(p *modelProblem, m backend.Model, unit float64) error {
	grad, err := modelGradient(p, m)
	if err != nil {
		return err
	}
	return nearBlocks("gradient", p.spec.MLP, widen(grad), t.grad,
		truth{grad: t.grad, terms: t.terms, err: t.err}.gradTol(unit))
}

func modelGradient(p *modelProblem, m backend.Model) ([]float32, error) {
	g := newGuarded(len(p.state.Params))
	err := m.Gradient(g.inner())
	return g.inner(), errors.Join(err, g.intact("Gradient"))
}

// used passes a copy of m to f, wants it unmodified and overwrites it, since a
// model may not go on using its arguments.
func used(what string, m backend.Matrix, f func(m backend.Matrix) error) error {
	own := m
	own.Data = append([]float32(nil), m.Data...)
	if err := f(own); err != nil {
		return err
	}
	err := sameBits(what, own.Data, m.Data)
	for i := range own.Data {
		own.Data[i] = guard
	}
	return err
}

// forward returns the outputs of x, guarded.
func (p *modelProblem) forward(m backend.Model, x backend.Matrix) (padded, error) {
	n := p.spec.MLP.Outputs
	y := newPadded(x.Rows, n, n+x.Rows%2*3)
	return y, used("x", x, func(x backend.Matrix) error { return m.Forward(context.Background(), x, y.Matrix) })
}

// back calls Backward or InputGradients and returns dV/dx, guarded.
func (p *modelProblem) back(dy backend.Matrix, call func(ctx context.Context, dy, dx backend.Matrix) error) (padded, error) {
	n := p.spec.MLP.Inputs
	dx := newPadded(dy.Rows, n, n+dy.Rows%2*3)
	return dx, used("dy", dy, func(dy backend.Matrix) error { return call(context.Background(), dy, dx.Matrix) })
}
