package backendtest

import (
	"math"

	"gomine/mine/backend"
)

// An oracle is a perceptron in float64: the definition of package backend
// spelled out one row and one loop at a time. A critic is one of a single output
// that has x and z as one input vector.
type oracle struct {
	layers     []layer // the last one has no activation
	activation backend.Activation
	params     []float64
	unit       float64 // unit roundoff of the arithmetic to be judged
}

// A layer is a matrix [rows, cols] at params[weights:] and its bias at
// params[bias:].
type layer struct{ rows, cols, weights, bias int }

func newOracle(n backend.Network, params []float64, unit float64) *oracle {
	return newPerceptron(backend.MLP{Inputs: n.DX + n.DZ, Hidden: n.Hidden, Outputs: 1, Activation: n.Activation}, params, unit)
}

func newPerceptron(n backend.MLP, params []float64, unit float64) *oracle {
	o := &oracle{activation: n.Activation, params: params, unit: unit}
	offset, rows := 0, n.Inputs
	for _, cols := range append(append([]int(nil), n.Hidden...), n.Outputs) {
		o.layers = append(o.layers, layer{rows, cols, offset, offset + rows*cols})
		offset += rows*cols + cols
		rows = cols
	}
	return o
}

// A pass is the forward pass of one row, which for a critic is a pair.
//
// Beside the values it follows the size of their rounding errors to first
// order, roundings taken as independent: a sum of terms t has the error
// unit*sum|t| of its own and the errors e of its factors h in quadrature,
//
//	e_a^2 = sum (W e_h)^2 + (unit sum|t|)^2,  e_h = |f'(a)| e_a + unit |h|.
type pass struct {
	inputs [][]float64 // inputs[k] enters layer k
	pre    [][]float64 // pre[k] leaves it, before the activation
	errs   []float64   // e of the outputs, the last of pre
	preErr float64     // largest e of a hidden pre-activation
	clear  float64     // smallest |a|/e of a hidden pre-activation
}

func (p pass) outputs() []float64 { return p.pre[len(p.pre)-1] }

// score is T of a critic.
func (p pass) score() float64 { return p.outputs()[0] }

func (p pass) scoreErr() float64 { return p.errs[0] }

func (o *oracle) forward(input []float64) pass {
	p := pass{clear: math.Inf(1)}
	h, errH := input, make([]float64, len(input))
	for k, l := range o.layers {
		a := make([]float64, l.cols)
		size := make([]float64, l.cols)
		variance := make([]float64, l.cols)
		for c := range a {
			a[c] = o.params[l.bias+c]
			size[c] = math.Abs(a[c])
		}
		for r, v := range h {
			row := o.params[l.weights+r*l.cols:][:l.cols]
			for c, w := range row {
				term := v * w
				a[c] += term
				size[c] += math.Abs(term)
				variance[c] += w * w * errH[r] * errH[r]
			}
		}
		p.inputs = append(p.inputs, h)
		p.pre = append(p.pre, a)
		if k == len(o.layers)-1 {
			p.errs = make([]float64, l.cols)
			for c := range a {
				p.errs[c] = math.Hypot(math.Sqrt(variance[c]), o.unit*size[c])
			}
			break
		}
		h, errH = make([]float64, l.cols), make([]float64, l.cols)
		for c := range a {
			e := math.Hypot(math.Sqrt(variance[c]), o.unit*size[c])
			p.preErr = max(p.preErr, e)
			p.clear = min(p.clear, math.Abs(a[c])/e)
			h[c] = activate(o.activation, a[c])
			errH[c] = slope(o.activation, a[c])*e + o.unit*math.Abs(h[c])
		}
	}
	return p
}

// backward takes delta = dV/doutputs back: it adds dV/dparameters to grad and
// the absolute values of the terms of these sums to terms, and returns
// dV/dinput and the sums of absolute values of its terms. With a nil grad only
// the input's derivative is computed.
func (o *oracle) backward(p pass, delta []float64, grad, terms []float64) (dInput, dTerms []float64) {
	for k := len(o.layers) - 1; k >= 0; k-- {
		l := o.layers[k]
		if k < len(o.layers)-1 {
			for c := range delta {
				s := slope(o.activation, p.pre[k][c])
				delta[c] *= s
			}
		}
		if grad != nil {
			for c, d := range delta {
				grad[l.bias+c] += d
				terms[l.bias+c] += math.Abs(d)
			}
			for r, h := range p.inputs[k] {
				at := l.weights + r*l.cols
				for c, d := range delta {
					grad[at+c] += h * d
					terms[at+c] += math.Abs(h * d)
				}
			}
		}
		dInput, dTerms = make([]float64, l.rows), make([]float64, l.rows)
		for r := range dInput {
			for c, w := range o.params[l.weights+r*l.cols:][:l.cols] {
				dInput[r] += w * delta[c]
				dTerms[r] += math.Abs(w * delta[c])
			}
		}
		delta = append([]float64(nil), dInput...)
	}
	return dInput, dTerms
}

func activate(f backend.Activation, a float64) float64 {
	switch {
	case f == backend.Softplus:
		return softplus(a)
	case a > 0:
		return a
	case f == backend.ELU:
		return math.Expm1(a)
	}
	return 0
}

// slope is the derivative of activate; that of ReLU at 0 is 0.
func slope(f backend.Activation, a float64) float64 {
	switch {
	case f == backend.Softplus:
		return sigmoid(a)
	case a > 0:
		return 1
	case f == backend.ELU:
		return math.Exp(a)
	}
	return 0
}

func softplus(a float64) float64 { return max(a, 0) + math.Log1p(math.Exp(-math.Abs(a))) }

func sigmoid(a float64) float64 { return 1 / (1 + math.Exp(-a)) }

// logMeanExp returns log mean exp(t).
func logMeanExp(t []float64) float64 {
	largest := math.Inf(-1)
	for _, v := range t {
		largest = max(largest, v)
	}
	sum := 0.0
	for _, v := range t {
		sum += math.Exp(v - largest)
	}
	return largest + math.Log(sum/float64(len(t)))
}

func mean(t []float64) float64 {
	sum := 0.0
	for _, v := range t {
		sum += v
	}
	return sum / float64(len(t))
}

// covariance is over len(t), about the means.
func covariance(s, t []float64) float64 {
	ms, mt := mean(s), mean(t)
	sum := 0.0
	for i := range s {
		sum += (s[i] - ms) * (t[i] - mt)
	}
	return sum / float64(len(s))
}

// adam is one update of parameters p with moments m and v along gradient g:
// step number s = 1, 2, .. at a learning rate. decays says which parameters
// the weight decay applies to.
func adam(c backend.Adam, s uint64, rate float64, decays []bool, g, p, m, v []float64) {
	correct1 := -math.Expm1(float64(s) * math.Log(c.Beta1))
	correct2 := -math.Expm1(float64(s) * math.Log(c.Beta2))
	for i := range p {
		m[i] = c.Beta1*m[i] + (1-c.Beta1)*g[i]
		v[i] = c.Beta2*v[i] + (1-c.Beta2)*g[i]*g[i]
		if decays[i] {
			p[i] *= 1 - rate*c.WeightDecay
		}
		p[i] += rate * (m[i] / correct1) / (math.Sqrt(v[i]/correct2) + c.Epsilon)
	}
}

// A layout is a backend.Network or a backend.MLP.
type layout interface {
	Blocks() []backend.Block
	NumParams() int
}

// decaysOf reports for every parameter whether it belongs to a matrix, whose every
// row has as many parameters as there are outputs, or to w.
func decaysOf(n layout) []bool {
	decays := make([]bool, n.NumParams())
	for _, b := range n.Blocks() {
		for i := range b.Len() {
			decays[b.Offset+i] = b.Name()[0] != 'b' && b.Name() != "c"
		}
	}
	return decays
}
