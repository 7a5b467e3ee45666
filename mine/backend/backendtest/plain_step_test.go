package backendtest

import (
	"context"
	"fmt"
	"math"

	"gomine/mine/backend"
	"gomine/mine/objective"
)

// gradient returns V, dV/dparameters and the next log ema.
func (t *plainTrainer[F]) gradient() (value float64, flat []float32, logEMA float64) {
	value, flat, logEMA, _, _ = t.derivatives()
	return value, flat, logEMA
}

// derivatives is gradient with dV/dx and dV/dz of the batch's rows.
func (t *plainTrainer[F]) derivatives() (value float64, flat []float32, logEMA float64, gx, gz [][]F) {
	n := t.net()
	grad := make([][]F, len(n.params))
	for k := range grad {
		grad[k] = make([]F, len(n.params[k]))
	}
	rows, next := t.batch(t.state.Step)
	train := t.train
	switch {
	case t.has("start of the training range ignored"):
		train.Lo = 0
	case t.has("index of the training rows ignored"):
		train.Index = nil
	}
	size, count := len(rows), t.spec.Marginals
	joint := make([]plainPass[F], size)
	var marginal []plainPass[F]
	var scores []F
	var partner []int
	x, z := t.data.x, t.data.z
	gx, gz = make([][]F, size), make([][]F, size)
	for i, r := range rows {
		gx[i], gz[i] = make([]F, x.Cols), make([]F, z.Cols)
		joint[i] = t.forward(n, x.Row(train.At(r)), z.Row(train.At(r)))
		j := i
		for k := range count {
			switch j = next[j]; {
			case t.has("batch reported is not the one used"):
				j = (i + 1 + k) % size
			case t.has("the next entry again for every marginal pair"):
				j = next[i]
			case t.has("every second entry for marginal pairs") && k > 0:
				j = next[j]
			}
			q := t.forward(n, x.Row(train.At(r)), z.Row(train.At(rows[j])))
			marginal, scores, partner = append(marginal, q), append(scores, q.score), append(partner, j)
		}
	}

	lme := plainLogMeanExp(t.has("log-mean-exp by a naive sum"), scores)
	logEMA, denominator := t.average(lme)
	value, a, b := t.weights(joint, scores, lme, denominator, t.spec.Objective.Param)
	for i := range size {
		dx, dz := t.backward(n, joint[i], F(a[i]), grad)
		for c := range dx {
			gx[i][c] += dx[c]
		}
		for c := range dz {
			gz[i][c] += dz[c]
		}
		for k := i * count; k < (i+1)*count; k++ {
			mx, mz := t.backward(n, marginal[k], -F(b[k]), grad)
			for c := range mx {
				if !t.has("dV/dx without marginal pairs") {
					gx[i][c] += mx[c]
				}
			}
			for c := range mz {
				if t.has("dV/dz of the pair's own row") {
					gz[i][c] += mz[c]
				} else {
					gz[partner[k]][c] += mz[c]
				}
			}
		}
	}
	for k, b := range n.blocks {
		if b.Name() == "b2" && t.has("no gradient of the second bias") {
			clear(grad[k])
		}
		for _, g := range grad[k] {
			flat = append(flat, float32(g))
		}
	}
	return value, flat, logEMA, gx, gz
}

// average returns log ema of a step whose log-mean-exp is lme, and what the weights of
// marginal scores are divided by, as a logarithm.
func (t *plainTrainer[F]) average(lme float64) (logEMA, denominator float64) {
	alpha := t.spec.Objective.Param
	logEMA, denominator = t.state.LogEMA, lme
	if t.spec.Objective.Kind != objective.MINE {
		return logEMA, denominator
	}
	old := logEMA
	if logEMA = lme; t.state.Step > 0 || t.has("moving average not started at the first value") {
		a, b := math.Log(1-alpha)+old, math.Log(alpha)+lme
		switch {
		case t.has("moving average of the wrong rate"):
			a, b = math.Log(alpha)+old, math.Log(1-alpha)+lme
		case t.has("moving average of logarithms"):
			a, b = (1-alpha)*old+alpha*lme, math.Inf(-1)
		}
		if logEMA = max(a, b) + math.Log1p(math.Exp(-math.Abs(a-b))); t.has("moving average by naive exponentials") {
			logEMA = math.Log(math.Exp(a) + math.Exp(b))
		}
		if denominator = logEMA; t.has("moving average used before its update") {
			denominator = old
		}
	}
	return logEMA, denominator
}

// weights returns V and the weights of the joint and of the marginal scores.
func (t *plainTrainer[F]) weights(joint []plainPass[F], scores []F, lme, denominator, param float64) (value float64, a, b []float64) {
	size, all := float64(len(joint)), float64(len(scores))
	if t.has("marginal weights over the batch alone") {
		all = size
	}
	sp := func(v float64) float64 { return max(v, 0) + math.Log1p(math.Exp(-math.Abs(v))) }
	sigmoid := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	kind := t.spec.Objective.Kind
	a, b = make([]float64, len(joint)), make([]float64, len(scores))
	for i := range joint {
		s := float64(joint[i].score)
		switch kind {
		case objective.JS:
			a[i] = sigmoid(-s)
			value -= sp(-s) / size
		case objective.NCE:
			a[i] = sigmoid(math.Log(param) - s)
			value -= sp(math.Log(param)-s) / size
		case objective.SMILE:
			a[i] = sigmoid(-s)
			value += s / size
		default:
			a[i] = 1
			value += s / size
		}
		a[i] /= size
	}
	clipped := make([]float64, len(scores))
	for i, score := range scores {
		v := float64(score)
		clipped[i] = max(-param, min(v, param))
		switch kind {
		case objective.DV, objective.MINE:
			b[i] = math.Exp(v - denominator)
		case objective.NWJ:
			if b[i] = math.Exp(v - 1); t.has("logarithm in NWJ") {
				b[i] = math.Exp(v - lme)
			}
			value -= b[i] / float64(len(scores))
		case objective.JS:
			b[i] = sigmoid(v)
			value -= sp(v) / float64(len(scores))
		case objective.NCE:
			b[i] = param * sigmoid(v-math.Log(param))
			value -= param * sp(v-math.Log(param)) / float64(len(scores))
			if t.has("NCE without its weight") {
				b[i] = sigmoid(v)
			}
		case objective.SMILE:
			b[i] = sigmoid(v)
		}
		if b[i] /= all; t.has("sign of b") {
			b[i] = -b[i]
		}
	}
	switch {
	case kind == objective.DV, kind == objective.MINE, kind == objective.SMILE && t.has("SMILE without its clip"):
		value -= lme
	case kind == objective.SMILE:
		value -= plainLogMeanExp(false, clipped)
	}
	return value, a, b
}

func (t *plainTrainer[F]) Gradient(ctx context.Context, grad []float32) (float64, error) {
	if _, err := t.ready(ctx, t.data); err != nil {
		return 0, err
	}
	if len(grad) != t.spec.Network.NumParams() {
		return 0, fmt.Errorf("plain: gradient of %d values: %w", len(grad), backend.ErrShape)
	}
	value, g, logEMA := t.gradient()
	copy(grad, g)
	if t.has("Gradient writes beyond its array") {
		grad[:len(grad)+1][len(grad)] = 0
	}
	switch {
	case t.has("Gradient advances the step"):
		t.state.Step++
	case t.has("Gradient updates the moving average"):
		t.state.LogEMA = logEMA
	}
	return value, nil
}

func (t *plainTrainer[F]) ObjectiveGradients(ctx context.Context, gx, gz backend.Matrix) (float64, error) {
	if _, err := t.ready(ctx, t.data); err != nil {
		return 0, err
	}
	if t.has("ObjectiveGradients writes before it checks") && len(gx.Data) > 0 {
		gx.Data[0] = 0
	}
	for k, g := range []backend.Matrix{gx, gz} {
		if err := g.Validate(); err != nil && !t.has("output matrices not validated") {
			return 0, fmt.Errorf("plain: objective gradients: %w", err)
		}
		if want := []int{t.spec.Network.DX, t.spec.Network.DZ}[k]; g.Rows != t.spec.Batch || g.Cols != want {
			return 0, fmt.Errorf("plain: objective gradients of %d x %d: %w", g.Rows, g.Cols, backend.ErrShape)
		}
	}
	old := t.state.LogEMA
	if t.has("MINE's weights without its moving average") {
		t.state.LogEMA = math.Inf(-1)
	}
	value, _, logEMA, dx, dz := t.derivatives()
	t.state.LogEMA = old
	for i := range dx {
		at := i
		if t.has("rows of the derivatives reversed") {
			at = len(dx) - 1 - i
		}
		for c, v := range dx[i] {
			if t.has("derivatives summed and not averaged") {
				v *= F(len(dx))
			}
			gx.Row(at)[c] = float32(v)
		}
		for c, v := range dz[i] {
			gz.Row(at)[c] = float32(v)
		}
		if t.has("padding overwritten") && i+1 < len(dx) {
			gz.Data[i*gz.Stride+gz.Cols] = 0
		}
	}
	switch {
	case t.has("ObjectiveGradients updates the moving average"):
		t.state.LogEMA = logEMA
	case t.has("ObjectiveGradients advances the step"):
		t.state.Step++
	}
	return value, nil
}

func (t *plainTrainer[F]) Train(ctx context.Context, rates, values []float64) (int, error) {
	if _, err := t.ready(ctx, t.data); err != nil {
		return 0, err
	}
	if len(rates) != len(values) && !(t.has("long values accepted") && len(values) > len(rates)) {
		return 0, fmt.Errorf("plain: %d rates, %d values: %w", len(rates), len(values), backend.ErrShape)
	}
	for i, rate := range rates {
		if ctx.Err() != nil && !t.has("cancellation ignored") {
			switch {
			case t.has("steps done miscounted on cancellation"):
				return i + 1, fmt.Errorf("plain: %w", ctx.Err())
			case t.has("state lost on cancellation"):
				t.state.M[0] = 0
			case t.has("cancellation is no error"):
				return i, nil
			}
			return i, fmt.Errorf("plain: step %d: %w", t.state.Step, ctx.Err())
		}
		if t.has("one rate for all steps") {
			rate = rates[0]
		}
		t.step(rate, &values[i], i)
		if math.IsNaN(values[i]) && t.has("NaN ends training") {
			return i + 1, fmt.Errorf("plain: not finite")
		}
	}
	if t.has("rates modified") {
		clear(rates)
	}
	return len(rates), nil
}

func (t *plainTrainer[F]) step(rate float64, value *float64, inCall int) {
	var grad []float32
	*value, grad, t.state.LogEMA = t.gradient()
	t.clip(grad)
	c := t.spec.Adam
	t.ran++
	t.state.Step++
	s := float64(t.state.Step)
	switch {
	case t.has("bias correction one step late"):
		s--
	case t.has("bias correction counts from the call"):
		s = float64(inCall + 1)
	case t.has("bias correction counts from the trainer"):
		s = float64(t.ran)
	case t.has("bias correction counts from the backend"):
		s = float64(t.b.calls.Add(1))
	case t.has("step counter of 32 bits"):
		s = float64(uint32(t.state.Step))
	}
	t.b.adam(c, s, rate, t.spec.Network.Blocks(), grad, &t.state)
	if t.has("value after the update") {
		t.state.Step--
		*value, _, _ = t.gradient()
		t.state.Step++
	}
	if t.has("not deterministic") && t.b.calls.Add(1)%5 == 0 {
		t.state.M[0] = math.Nextafter32(t.state.M[0], 1)
	}
}

// clip shortens a gradient to the norm that the spec allows.
func (t *plainTrainer[F]) clip(grad []float32) {
	shorten := func(g []float32) {
		square := 0.0
		for _, v := range g {
			square += float64(v) * float64(v)
		}
		length := math.Sqrt(square)
		if t.has("clip by the square of the norm") {
			length = square
		}
		if factor := t.spec.ClipNorm / length; factor < 1 {
			for i := range g {
				g[i] = float32(factor * float64(g[i]))
			}
		}
	}
	switch {
	case !t.spec.Clips() || t.has("gradients not clipped"):
	case t.has("gradients clipped block by block"):
		for _, b := range t.spec.Network.Blocks() {
			shorten(grad[b.Offset:][:b.Len()])
		}
	default:
		shorten(grad)
	}
}

// adam is update number s of a state along grad.
func (b *plain[F]) adam(c backend.Adam, s, rate float64, blocks []backend.Block, grad []float32, state *backend.State) {
	correct1, correct2 := 1-math.Pow(c.Beta1, s), 1-math.Pow(c.Beta2, s)
	if b.has("no bias correction") {
		correct1, correct2 = 1, 1
	}
	for _, block := range blocks {
		decay := 1 - F(rate*c.WeightDecay)
		isBias := block.Name()[0] == 'b' || block.Name() == "c"
		if isBias && !b.has("decay of biases") || b.has("no decay") || b.has("decay only of matrices with many columns") && block.Cols == 1 {
			decay = 1
		}
		for i := block.Offset; i < block.Offset+block.Len(); i++ {
			g := F(grad[i])
			p := F(state.Params[i])
			if b.has("decay through the gradient") && !isBias {
				g -= F(c.WeightDecay) * p
				decay = 1
			}
			m := F(c.Beta1)*F(state.M[i]) + F(1-c.Beta1)*g
			v := F(c.Beta2)*F(state.V[i]) + F(1-c.Beta2)*g*g
			if b.has("moments of the wrong rate") {
				v = F(c.Beta1)*F(state.V[i]) + F(1-c.Beta1)*g*g
			}
			denominator := F(math.Sqrt(float64(v/F(correct2)))) + F(c.Epsilon)
			if b.has("epsilon under the root") {
				denominator = F(math.Sqrt(float64(v/F(correct2)) + c.Epsilon))
			}
			update := F(rate) * (m / F(correct1)) / denominator
			switch {
			case b.has("descent"):
				p -= update
			case b.has("decay after the update"):
				p = (p + update) * decay
			default:
				p = p*decay + update
			}
			state.Params[i], state.M[i], state.V[i] = float32(p), float32(m), float32(v)
		}
	}
}
