package backendtest

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gomine/mine/backend"
	"gomine/mine/objective"
	"gomine/mine/sampling"
)

// surrogate is the function whose gradient a step follows, in naive formulas:
// V, and for MINE mean J - mean e^M / ema with ema held fixed.
func (p *problem) surrogate(params []float64, step uint64, ema float64) float64 {
	o := newOracle(p.spec.Network, params, Float32)
	rows, next := p.batch(step)
	size := float64(len(rows))
	var j, expM, js float64
	for i, r := range rows {
		joint := o.forward(p.pair(r, r)).score()
		j += joint / size
		js -= math.Log(1+math.Exp(-joint)) / size
		at := i
		for range p.spec.Marginals {
			at = next[at]
			marginal := o.forward(p.pair(r, rows[at])).score()
			expM += math.Exp(marginal) / size / float64(p.spec.Marginals)
			js -= math.Log(1+math.Exp(marginal)) / size / float64(p.spec.Marginals)
		}
	}
	switch p.spec.Objective.Kind {
	case objective.DV:
		return j - math.Log(expM)
	case objective.MINE:
		return j - expM/ema
	case objective.NWJ:
		return j - expM/math.E
	}
	return js
}

// TestOracleGradient checks backward and objective by central differences. At
// a distance h these are off by h^2 f^(3)/6, about 1e-10 for h = 1e-5, and by
// eps64/h, 2e-11; both relative to derivatives and values of order 1.
func TestOracleGradient(t *testing.T) {
	const (
		h   = 1e-5
		tol = 2e-8
	)
	for _, f := range backend.Activations() {
		for _, o := range objective.Kinds() {
			for _, step := range []uint64{0, 4} {
				t.Run(fmt.Sprintf("%v/%v/step=%d", f, o, step), func(t *testing.T) {
					p := newProblem(shape{3, 2, []int{5, 4, 3}, 7}, f, o, 1)
					p.spec.Marginals = 1 + int(step)/2 // 1 and 3
					params := widen(p.state.Params)
					got := p.truth(params, step, 0.4, Float32)
					if f == backend.ReLU && got.clear*Float32 < h {
						t.Fatalf("a pre-activation is within %.2g of the kink: choose another seed", h)
					}
					ema := math.Exp(got.logEMA)
					for i := range params {
						q := slices.Clone(params)
						q[i] += h
						up := p.surrogate(q, step, ema)
						q[i] -= 2 * h
						want := (up - p.surrogate(q, step, ema)) / (2 * h)
						if err := near(fmt.Sprintf("derivative by parameter %d", i), got.grad[i], want, tol); err != nil {
							t.Error(err)
						}
					}
					switch o {
					case objective.MINE: // checked as DV
					case objective.SMILE:
						if err := near("V", got.value, p.clipped(params, step), 1e-14); err != nil {
							t.Error(err)
						}
					default:
						if err := near("V", got.value, p.surrogate(params, step, 0), 1e-14); err != nil {
							t.Error(err)
						}
					}
				})
			}
		}
	}
}

// clipped is the value of SMILE, in naive formulas.
func (p *problem) clipped(params []float64, step uint64) float64 {
	o := newOracle(p.spec.Network, params, Float32)
	rows, next := p.batch(step)
	var j, expM float64
	for i, r := range rows {
		j += o.forward(p.pair(r, r)).score() / float64(len(rows))
		at := i
		for range p.spec.Marginals {
			at = next[at]
			score := o.forward(p.pair(r, rows[at])).score()
			expM += math.Exp(math.Min(math.Max(score, -p.spec.Objective.Param), p.spec.Objective.Param))
		}
	}
	return j - math.Log(expM/float64(len(rows)*p.spec.Marginals))
}

// TestOracleInputGradient checks the derivatives by the inputs in the same
// way.
func TestOracleInputGradient(t *testing.T) {
	const (
		h      = 1e-5
		tol    = 1e-8
		weight = -1.5
	)
	for _, f := range backend.Activations() {
		p := newProblem(shape{3, 2, []int{5, 4}, 7}, f, objective.DV, 2)
		o := newOracle(p.spec.Network, widen(p.state.Params), Float32)
		for row := range 5 {
			in := p.pair(row, row+1)
			got, terms := o.backward(o.forward(in), []float64{weight}, nil, nil)
			for i := range in {
				q := slices.Clone(in)
				q[i] += h
				up := o.forward(q).score()
				q[i] -= 2 * h
				want := weight * (up - o.forward(q).score()) / (2 * h)
				if err := near(fmt.Sprintf("%v: row %d: derivative by input %d", f, row, i), got[i], want, tol); err != nil {
					t.Error(err)
				}
				if terms[i] < math.Abs(got[i]) {
					t.Errorf("%v: row %d: terms of input %d sum to %v, below their sum %v", f, row, i, terms[i], got[i])
				}
			}
		}
	}
}

// TestOracleModel checks the derivatives of sum dy y of a model, by the
// parameters and by the inputs, at every depth and in the same way.
func TestOracleModel(t *testing.T) {
	const (
		h   = 1e-5
		tol = 1e-7 // sums of up to 5 outputs over 3 rows
	)
	for depth := range backend.MaxHidden + 1 {
		for _, f := range backend.Activations() {
			p := newModelProblem(modelShape{3, []int{5, 4, 3, 6}[:depth], 5, 3}, f, 2)
			got := p.truth()
			got.add(p, p.x, p.dy, Float32)
			v := func(params []float64, x [][]float64) float64 {
				o := newPerceptron(p.spec.MLP, params, Float32)
				sum := 0.0
				for i := range x {
					for c, y := range o.forward(x[i]).outputs() {
						sum += float64(p.dy.Row(i)[c]) * y
					}
				}
				return sum
			}
			var x [][]float64
			for i := range p.x.Rows {
				x = append(x, widen(p.x.Row(i)))
			}
			params := widen(p.state.Params)
			derivative := func(at *float64) float64 {
				old := *at
				*at = old + h
				up := v(params, x)
				*at = old - h
				down := v(params, x)
				*at = old
				return (up - down) / (2 * h)
			}
			for i := range params {
				if err := near(fmt.Sprintf("%v/%d: derivative by parameter %d", f, depth, i), got.grad[i], derivative(&params[i]), tol); err != nil {
					t.Error(err)
				}
			}
			for i := range x {
				for c := range x[i] {
					if err := near(fmt.Sprintf("%v/%d: derivative by x[%d, %d]", f, depth, i, c), got.dx[i][c], derivative(&x[i][c]), tol); err != nil {
						t.Error(err)
					}
				}
			}
		}
	}
}

// TestOracleObjectiveGradients checks dV/dx and dV/dz of a batch's rows in the
// same way. The batch lies in one epoch, so that no row is in it twice.
func TestOracleObjectiveGradients(t *testing.T) {
	const (
		step = 11              // batches of 7 out of 11 rows
		h    = 1.0 / (1 << 10) // exact in the float32 of the rows
		tol  = 1e-5            // h^2 f^(3)/6, and 2^-24/h that x rounds by
	)
	for _, f := range []backend.Activation{backend.Softplus, backend.ELU} {
		for _, o := range objective.Kinds() {
			p := newProblem(shape{3, 2, []int{5, 4}, 7}, f, o, 1)
			p.spec.Marginals = 4
			params := widen(p.state.Params)
			got := p.truth(params, step, 0.4, Float32)
			rows, _ := p.batch(step)
			for i, r := range rows {
				for c := range got.rows[i] {
					at := &p.x.Row(r)[c%3]
					if c >= 3 {
						at = &p.z.Row(r)[c-3]
					}
					old := *at
					*at = old + h
					hi := float64(*at)
					up := p.surrogate(params, step, math.Exp(got.logEMA))
					*at = old - h
					lo := float64(*at)
					down := p.surrogate(params, step, math.Exp(got.logEMA))
					*at = old
					if err := near(fmt.Sprintf("%v/%v: derivative by entry %d of row %d", f, o, c, i), got.rows[i][c], (up-down)/(hi-lo), tol); err != nil {
						t.Error(err)
					}
				}
			}
		}
	}
}

// TestOracleAdam follows a parameter of each kind through two steps by hand.
func TestOracleAdam(t *testing.T) {
	c := backend.Adam{Beta1: 0.5, Beta2: 0.75, Epsilon: 0.5, WeightDecay: 0.2}
	p, m, v := []float64{10, 10}, []float64{0, 0}, []float64{0, 0}
	decays := []bool{true, false}
	// m = 1, v = 1; m/(1 - 1/2) = 2, v/(1 - 3/4) = 4: the update is
	// 2/(2 + 0.5) = 0.8.
	adam(c, 1, 0.5, decays, []float64{2, 2}, p, m, v)
	want := []float64{10*0.9 + 0.4, 10.4}
	if err := nearNorm("parameters after one step", p, want, 1e-14); err != nil {
		t.Error(err)
	}
	// m = 1/2 - 1/2 = 0.
	adam(c, 2, 0.5, decays, []float64{-1, -1}, p, m, v)
	want = []float64{(10*0.9 + 0.4) * 0.9, 10.4}
	if err := nearNorm("parameters after two steps", p, want, 1e-14); err != nil {
		t.Error(err)
	}
	if err := nearNorm("second moments", v, []float64{1, 1}, 1e-15); err != nil {
		t.Error(err)
	}
}

// TestOracleEvaluation writes the definition down with a matrix of e^T and one
// of counts.
func TestOracleEvaluation(t *testing.T) {
	const (
		cycles = 3
		seed   = 5
	)
	p := newProblem(small, backend.ELU, objective.DV, 3)
	rows := backend.Rows{Lo: 2, Hi: 13}
	n := rows.Len()
	o := newOracle(p.spec.Network, widen(p.state.Params), Float32)
	var meanT, meanTT, u, js float64
	count := make([][]float64, n)
	for i := range n {
		count[i] = make([]float64, n)
	}
	for m := range uint64(cycles) {
		cycle := sampling.NewCycle(uint64(n), seed, sampling.StreamEvaluate, m)
		for i := range n {
			count[i][cycle.Next(uint64(i))]++
		}
	}
	largest := math.Inf(-1)
	ui, vi, tii := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		tii[i] = o.forward(p.pair(rows.Lo+i, rows.Lo+i)).score()
		largest = max(largest, tii[i])
		meanT += tii[i] / float64(n)
		meanTT += tii[i] * tii[i] / float64(n)
		js -= math.Log(1+math.Exp(-tii[i])) / float64(n)
		for j := range n {
			s := o.forward(p.pair(rows.Lo+i, rows.Lo+j)).score()
			ui[i] += count[i][j] * math.Exp(s) / cycles
			vi[j] += count[i][j] * math.Exp(s) / cycles
			u += count[i][j] * math.Exp(s) / float64(n*cycles)
			js -= count[i][j] * math.Log(1+math.Exp(s)) / float64(n*cycles)
			if count[i][j] > 0 {
				largest = max(largest, s)
			}
		}
	}
	var meanW, meanWW, meanTW float64
	for i := range n {
		w := (ui[i] + vi[i]) / u
		meanW += w / float64(n)
		meanWW += w * w / float64(n)
		meanTW += tii[i] * w / float64(n)
	}
	var meanGG float64
	for i := range n {
		for j := range n {
			g := math.Exp(o.forward(p.pair(rows.Lo+i, rows.Lo+j)).score()) / u
			meanGG += count[i][j] * g * g / (cycles * float64(n))
		}
	}
	got, in, _ := p.evaluation(rows, backend.Pairing{Count: cycles, Seed: seed}, Float32)
	var meanIn, meanInIn float64
	for _, v := range in.all {
		meanIn += v / float64(n)
		meanInIn += v * v / float64(n)
	}
	// Sums of 33 terms of order 1 in float64.
	const tol = 1e-14
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"mean w", meanW, 2},
		{"Rows", float64(got.Rows), 11},
		{"Pairs", float64(got.Pairs), 33},
		{"Joint", got.Joint, meanT},
		{"LogU", got.LogU, math.Log(u)},
		{"JS", got.JS, js},
		{"VarT", got.VarT, meanTT - meanT*meanT},
		{"VarW", got.VarW, meanWW - meanW*meanW},
		{"CovTW", got.CovTW, meanTW - meanT*meanW},
		{"VarG", got.VarG, meanGG - 1},
		{"mean influence", meanIn, 0},
		{"variance of the influence", meanInIn, got.VarT + got.VarW - 2*got.CovTW},
		{"MaxT", got.MaxT, largest},
	} {
		if err := near(c.name, c.got, c.want, tol); err != nil {
			t.Error(err)
		}
	}
	if !got.Finite {
		t.Error("Finite = false")
	}
}

// TestOracleErrorEstimate compares the error estimate of a score with what
// nested loops in float32 really do: it must hold with a factor of three to
// spare within sigmas, and not be idly large.
func TestOracleErrorEstimate(t *testing.T) {
	worst := 0.0
	for _, sh := range shapes {
		for _, f := range backend.Activations() {
			p := newProblem(sh, f, objective.DV, 1)
			exact := newOracle(p.spec.Network, widen(p.state.Params), Float32)
			tr := &plainTrainer[float32]{b: &plain[float32]{}, spec: p.spec, state: p.state}
			net := tr.net()
			for i := range 30 {
				x, z := i%p.x.Rows, (i+1)%p.z.Rows
				want := exact.forward(p.pair(x, z))
				got := float64(tr.forward(net, p.x.Row(x), p.z.Row(z)).score)
				off := math.Abs(got-want.score()) / want.scoreErr()
				worst = max(worst, off)
				if !(off < sigmas/3.0) {
					t.Errorf("%v/%v: off by %.2g estimates, want below a third of %d", sh, f, off, sigmas)
				}
			}
		}
	}
	if !(worst > 0.3) {
		t.Errorf("off by at most %.2g estimates: the estimate is idle", worst)
	}
}
