package backendtest

import (
	"math"

	"gomine/mine/backend"
)

// A plainPass holds the activations and derivatives of one pair by layer.
type plainPass[F float32 | float64] struct {
	x, z  []F
	h, dh [][]F
	score F
}

func (t *plainTrainer[F]) block(k int) (backend.Block, []F) {
	b := t.spec.Network.Blocks()[k]
	w := make([]F, b.Len())
	for i := range w {
		w[i] = F(t.state.Params[b.Offset+i])
	}
	return b, w
}

// A plainNet is the parameters of a step, by block.
type plainNet[F float32 | float64] struct {
	blocks []backend.Block
	params [][]F
}

func (t *plainTrainer[F]) net() plainNet[F] {
	n := plainNet[F]{blocks: t.spec.Network.Blocks()}
	for k := range n.blocks {
		_, w := t.block(k)
		n.params = append(n.params, w)
	}
	return n
}

func (b *plain[F]) product(v, w F) F {
	if b.has("products of bfloat16") {
		return roundBFloat16(v) * roundBFloat16(w)
	}
	return v * w
}

func roundBFloat16[F float32 | float64](v F) F {
	return F(math.Float32frombits((math.Float32bits(float32(v)) + 0x8000) &^ 0xFFFF))
}

func (b *plain[F]) activate(f backend.Activation, a F) (h, slope F) {
	v := float64(a)
	switch f {
	case backend.Softplus:
		if b.has("softplus by a naive logarithm") {
			return F(math.Log(float64(F(1 + math.Exp(v))))), F(1 / (1 + math.Exp(-v)))
		}
		h, slope = F(math.Log1p(math.Exp(-math.Abs(v)))), F(1/(1+math.Exp(-v)))
		if a > 0 {
			h += a
		}
	case backend.ELU:
		if a > 0 {
			return a, 1
		}
		h = F(math.Expm1(v))
		if slope = h + 1; b.has("slope of ELU") {
			slope = h
		}
	case backend.ReLU:
		if a > 0 || a != a {
			return a, 1
		}
		if b.has("leaky ReLU") {
			slope = 0.01
		}
	}
	return h, slope
}

func (t *plainTrainer[F]) forward(n plainNet[F], x, z []float32) plainPass[F] {
	var p plainPass[F]
	for _, v := range x {
		p.x = append(p.x, F(v))
	}
	for _, v := range z {
		p.z = append(p.z, F(v))
	}
	width := n.blocks[0].Cols
	a := make([]F, width)
	for c := range a {
		var px, pz F
		for r, v := range p.x {
			px += t.b.product(v, n.params[0][r*width+c])
		}
		for r, v := range p.z {
			pz += t.b.product(v, n.params[1][r*width+c])
		}
		a[c] = px + pz + n.params[2][c]
	}
	for k := 2; ; k += 2 {
		h, dh := make([]F, len(a)), make([]F, len(a))
		for c := range a {
			h[c], dh[c] = t.b.activate(t.spec.Network.Activation, a[c])
		}
		p.h, p.dh = append(p.h, h), append(p.dh, dh)
		w, bias := n.params[k+1], n.params[k+2]
		a = make([]F, len(bias))
		for c := range a {
			for r, v := range h {
				a[c] += t.b.product(v, w[r*len(bias)+c])
			}
			a[c] += bias[c]
		}
		if k+2 == len(n.params)-1 {
			p.score = a[0]
			return p
		}
	}
}

// backward adds weight*dT/dparameters to grad and returns weight*dT/dx, dz.
func (t *plainTrainer[F]) backward(n plainNet[F], p plainPass[F], weight F, grad [][]F) (gx, gz []F) {
	delta := []F{weight}
	for k := len(p.h) - 1; k >= 0; k-- {
		w, bias := 2*k+3, 2*k+4
		down := make([]F, len(p.h[k]))
		for r, h := range p.h[k] {
			for c, d := range delta {
				grad[w][r*len(delta)+c] += t.b.product(h, d)
				down[r] += t.b.product(n.params[w][r*len(delta)+c], d)
			}
			down[r] *= p.dh[k][r]
		}
		for c, d := range delta {
			grad[bias][c] += d
		}
		delta = down
	}
	for c, d := range delta {
		if !t.has("no gradient of the first bias") {
			grad[2][c] += d
		}
	}
	down := func(in []F, block int) []F {
		g := make([]F, len(in))
		for r, v := range in {
			for c, d := range delta {
				grad[block][r*len(delta)+c] += t.b.product(v, d)
				g[r] += t.b.product(n.params[block][r*len(delta)+c], d)
			}
		}
		return g
	}
	return down(p.x, 0), down(p.z, 1)
}

func plainLogMeanExp[F float32 | float64](naive bool, scores []F) float64 {
	shift := math.Inf(-1)
	for _, s := range scores {
		shift = max(shift, float64(s))
	}
	if naive {
		shift = 0
	}
	sum := 0.0
	for _, s := range scores {
		sum += float64(F(math.Exp(float64(s) - shift)))
	}
	return shift + math.Log(sum/float64(len(scores)))
}
