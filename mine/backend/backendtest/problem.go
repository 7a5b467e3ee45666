package backendtest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"gomine/mine/backend"
	"gomine/mine/objective"
	"gomine/mine/sampling"
)

// A shape is what a kernel's tiling may stumble over.
type shape struct {
	dx, dz int
	hidden []int
	batch  int
}

func (s shape) String() string {
	widths := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(s.hidden)), "-"), "[]")
	return fmt.Sprintf("dx=%d,dz=%d,h=%s,batch=%d", s.dx, s.dz, widths, s.batch)
}

// shapes straddle the powers of two that vectors, warps and tiles come in, at
// every depth.
var shapes = []shape{
	{1, 1, []int{1}, 2},
	{1, 2, []int{7}, 3},
	{2, 1, []int{8, 1}, 31},
	{3, 2, []int{15, 16}, 32},
	{17, 3, []int{17}, 33},
	{3, 17, []int{31, 33}, 64},
	{20, 20, []int{63, 64}, 65},
	{33, 1, []int{65}, 255},
	{1, 33, []int{128}, 256},
	{20, 17, []int{129, 7}, 257},
	{2, 20, []int{16, 17, 15}, 33},
	{33, 20, []int{33, 31, 1}, 31},
	{17, 33, []int{64, 65, 63}, 65},
	{17, 17, []int{1, 1, 1, 1}, 32},
	{2, 2, []int{8, 7, 16, 15}, 64},
	{20, 3, []int{65, 63, 33, 31}, 257},
	{3, 3, []int{128, 129, 17, 8}, 65},
	{1, 2, []int{8}, 1023},
	{3, 2, []int{9, 5}, 1025},
	{5, 4, []int{257}, 33},
	{4, 5, []int{6, 258}, 70},
	{129, 65, []int{31}, 17},
	{1, 1025, []int{3}, 5},
}

// small is a shape without a size that is a multiple of anything, cheap
// enough for rules that need many runs.
var small = shape{3, 2, []int{9, 7}, 19}

// A problem is data, a spec and a state to start from.
type problem struct {
	spec  backend.Spec
	x, z  backend.Matrix
	train backend.Rows
	state backend.State
}

// newProblem returns a problem of dependent x and z whose training range is
// neither the whole data nor a multiple of the batch. Weights are scaled so
// that the scores are of order 1; no parameter and no bias is zero.
func newProblem(s shape, f backend.Activation, o objective.Kind, seed uint64) *problem {
	rng := rand.New(rand.NewPCG(seed, 1))
	p := &problem{
		spec: backend.Spec{
			Network:   backend.Network{DX: s.dx, DZ: s.dz, Hidden: s.hidden, Activation: f},
			Objective: o.Default(),
			Batch:     s.batch,
			Marginals: 1,
			ClipNorm:  math.Inf(1),
			Adam:      backend.Adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8},
			Seed:      seed*0x9E3779B97F4A7C15 + 1,
		},
		train: backend.Rows{Lo: 3, Hi: 3 + s.batch + s.batch/2 + 1},
	}
	rows := p.train.Hi + 4
	p.x, p.z = backend.NewMatrix(rows, s.dx), backend.NewMatrix(rows, s.dz)
	for i := range rows {
		for j := range s.dx {
			p.x.Row(i)[j] = float32(rng.NormFloat64())
		}
		for j := range s.dz {
			p.z.Row(i)[j] = 0.6*p.x.Row(i)[j%s.dx] + float32(0.8*rng.NormFloat64())
		}
	}
	if o == objective.MINE {
		p.spec.Objective = objective.MINE.With(0.1)
	}
	n := p.spec.Network.NumParams()
	p.state = backend.State{Params: make([]float32, n), M: make([]float32, n), V: make([]float32, n)}
	for k, l := range newOracle(p.spec.Network, make([]float64, n), Float32).layers {
		gain := 1.0
		if k > 0 && f == backend.ReLU {
			gain = math.Sqrt2 // He initialisation: half of the inputs are zero
		}
		for i := range l.rows * l.cols {
			p.state.Params[l.weights+i] = float32(gain * rng.NormFloat64() / math.Sqrt(float64(l.rows)))
		}
		for i := range l.cols {
			p.state.Params[l.bias+i] = float32(0.3 * rng.NormFloat64())
		}
	}
	return p
}

// withoutKinks returns newProblem, changed by change if that is not nil, with
// the first seed from which the batch of a step keeps clear of the kink of
// ReLU: there the float32 slope may be 1 where the float64 one is 0, without
// anything being wrong. Where arithmetic is so coarse that no batch does, it is the
// seed from which one comes nearest to that.
func withoutKinks(s shape, f backend.Activation, o objective.Kind, step uint64, unit float64, change func(*problem)) *problem {
	var best *problem
	clearest := -1.0
	for seed := uint64(1); seed <= maxSeeds; seed++ {
		p := newProblem(s, f, o, seed)
		if change != nil {
			change(p)
		}
		if f != backend.ReLU {
			return p
		}
		distance := p.clearance(step, unit, clearest)
		if distance > sigmas {
			return p
		}
		if distance > clearest {
			best, clearest = p, distance
		}
	}
	return best
}

// clearance is truth.clear of a step, the smallest distance of its pairs to a kink, or
// something not above least as soon as it is known not to be.
func (p *problem) clearance(step uint64, unit, least float64) float64 {
	o := newOracle(p.spec.Network, widen(p.state.Params), unit)
	rows, next := p.batch(step)
	clear := math.Inf(1)
	for i := range rows {
		j := i
		for k := 0; k <= p.spec.Marginals && clear > least; k++ {
			clear = min(clear, o.forward(p.pair(rows[i], rows[j])).clear)
			j = next[j]
		}
	}
	return clear
}

// maxSeeds ends the search of withoutKinks.
const maxSeeds = 32

// warm gives the state moments as they are in the midst of a training run.
func (p *problem) warm(step uint64) {
	rng := rand.New(rand.NewPCG(step, 2))
	p.state.Step = step
	if p.spec.Objective.Kind == objective.MINE {
		p.state.LogEMA = 0.7
	}
	for i := range p.state.Params {
		p.state.M[i] = float32(0.01 * rng.NormFloat64())
		p.state.V[i] = float32(1e-4 * rng.ExpFloat64())
	}
}

// A session is a trainer and its data.
type session struct {
	backend.Trainer
	data backend.Data
}

// start returns a trainer of the problem in its state.
func (p *problem) start(s subject) (*session, error) {
	data, err := s.Load(p.x, p.z)
	if err != nil {
		return nil, fmt.Errorf("Load: %w", err)
	}
	t, err := p.trainer(s, data)
	if err != nil {
		data.Close()
		return nil, err
	}
	return &session{t, data}, nil
}

// trainer returns a trainer of the problem on data that is already loaded.
func (p *problem) trainer(s subject, data backend.Data) (backend.Trainer, error) {
	t, err := p.newTrainer(s, data)
	if err != nil {
		return nil, err
	}
	if err := t.SetState(p.state); err != nil {
		t.Close()
		return nil, fmt.Errorf("SetState: %w", err)
	}
	return t, nil
}

// newTrainer returns a trainer as the backend makes it.
func (p *problem) newTrainer(s subject, data backend.Data) (backend.Trainer, error) {
	if err := s.Capabilities().CheckSpec(s.Name(), p.spec, p.train); err != nil {
		return nil, undeclared{err}
	}
	t, err := s.NewTrainer(p.spec, data, p.train)
	if err != nil {
		return nil, fmt.Errorf("NewTrainer: %w", err)
	}
	return t, nil
}

func (s *session) close() {
	s.Trainer.Close()
	s.data.Close()
}

// batch returns the rows of data that a step uses, and the cycle of its
// marginal pairs, from the reference in package sampling.
func (p *problem) batch(step uint64) (rows, next []int) {
	b := sampling.NewBatches(p.train.Len(), p.spec.Batch, p.spec.Seed)
	order := make([]int32, p.spec.Batch)
	b.Rows(step, 0, order)
	cycle := b.Marginal(step)
	for i, r := range order {
		rows = append(rows, p.train.At(int(r)))
		next = append(next, int(cycle.Next(uint64(i))))
	}
	return rows, next
}

// pair is the critic's input for x row i and z row j.
func (p *problem) pair(i, j int) []float64 {
	return append(widen(p.x.Row(i)), widen(p.z.Row(j))...)
}

// A truth is what a step is, by the oracle.
type truth struct {
	value    float64
	valueErr float64     // its rounding error: see pass
	logEMA   float64     // after the step
	grad     []float64   // dV/dparameters
	terms    []float64   // sums of the absolute values of the gradient's terms
	rows     [][]float64 // dV/d(x, z) of the batch's rows
	rowTerms [][]float64 // sums of the absolute values of its terms
	rowClear []float64   // smallest distance to a kink of the pairs of a row, in errors
	parts    float64     // norm of the gradient's part from joint pairs, plus that from marginal ones
	err      float64     // largest error of a score or pre-activation of the batch
	clear    float64     // smallest distance to a kink, in errors
}

func (p *problem) truth(params []float64, step uint64, logEMA, unit float64) truth {
	o := newOracle(p.spec.Network, params, unit)
	rows, next := p.batch(step)
	size, k := len(rows), p.spec.Marginals
	joint := make([]pass, size)
	marginal := make([][]pass, size) // those that give the x of an entry
	after := make([][]int, size)     // and the entries that give their z
	scoreJ := make([]float64, size)
	var scoreM []float64
	t := truth{grad: make([]float64, len(params)), terms: make([]float64, len(params)), clear: math.Inf(1)}
	scoreErr := 0.0
	see := func(q pass) pass {
		scoreErr = max(scoreErr, q.scoreErr())
		t.err = max(t.err, q.scoreErr(), q.preErr)
		t.clear = min(t.clear, q.clear)
		return q
	}
	for i := range rows {
		joint[i] = see(o.forward(p.pair(rows[i], rows[i])))
		scoreJ[i] = joint[i].score()
		j := i
		for range k {
			j = next[j]
			q := see(o.forward(p.pair(rows[i], rows[j])))
			marginal[i], after[i] = append(marginal[i], q), append(after[i], j)
			scoreM = append(scoreM, q.score())
		}
	}
	a, b := make([]float64, size), make([]float64, len(scoreM))
	t.value = p.spec.Objective.Value(scoreJ, scoreM)
	t.logEMA = p.spec.Objective.Weights(scoreJ, scoreM, a, b, objective.Average{Log: logEMA, Started: step > 0}).Log
	if !p.spec.Objective.Kind.Averages() {
		t.logEMA = logEMA
	}
	t.valueErr = p.valueErr(scoreM, scoreErr, unit)
	fromMarginal := make([]float64, len(params))
	t.rows, t.rowTerms = make([][]float64, size), make([][]float64, size)
	dx := p.spec.Network.DX
	t.rowClear = make([]float64, size)
	for i := range rows {
		t.rowClear[i] = joint[i].clear
		t.rows[i], t.rowTerms[i] = o.backward(joint[i], []float64{a[i]}, t.grad, t.terms)
	}
	for i := range rows {
		for m, q := range marginal[i] {
			j := after[i][m]
			t.rowClear[i], t.rowClear[j] = min(t.rowClear[i], q.clear), min(t.rowClear[j], q.clear)
			d, terms := o.backward(q, []float64{-b[i*k+m]}, fromMarginal, t.terms)
			for c := range d {
				at := i
				if c >= dx {
					at = j
				}
				t.rows[at][c] += d[c]
				t.rowTerms[at][c] += terms[c]
			}
		}
	}
	t.parts = norm(t.grad) + norm(fromMarginal)
	for i, g := range fromMarginal {
		t.grad[i] += g
	}
	return t
}

// valueErr is the rounding error of V when scores are off by scoreErr: V is
// 1-Lipschitz in J and in M, except NWJ, where M counts exp(M - 1) times, and NCE,
// where it counts as often as its parameter says.
func (p *problem) valueErr(marginal []float64, scoreErr, unit float64) float64 {
	switch o := p.spec.Objective; o.Kind {
	case objective.NWJ:
		return scoreErr + math.Exp(logMeanExp(marginal)-1)*(math.Expm1(scoreErr)+unit)
	case objective.NCE:
		return (1 + o.Param) * (scoreErr + unit)
	}
	return 2 * scoreErr
}

func widen(s []float32) []float64 {
	w := make([]float64, len(s))
	for i, v := range s {
		w[i] = float64(v)
	}
	return w
}
