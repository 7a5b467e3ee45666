package backendtest

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync/atomic"

	"gomine/mine/backend"
	"gomine/mine/objective"
	"gomine/mine/sampling"
)

// plain is a backend of nested loops with the arithmetic of F. It shares no
// code with the oracle. Its faults are the ones that the suite must find.
type plain[F float32 | float64] struct {
	fault  string
	closed atomic.Bool
	calls  atomic.Uint64

	limited bool // offers little
}

func (b *plain[F]) has(fault string) bool { return b.fault == fault }

func (b *plain[F]) Name() string { return "plain" }

func (b *plain[F]) Device() string {
	if b.has("no device") {
		return ""
	}
	return "nested loops"
}

func (b *plain[F]) Close() error {
	if b.closed.Swap(true) && b.has("second Close of the backend fails") {
		return backend.ErrClosed
	}
	return nil
}

type plainData[F float32 | float64] struct {
	x, z   backend.Matrix
	closed atomic.Bool
	b      *plain[F]
}

func (d *plainData[F]) Rows() int          { return d.x.Rows }
func (d *plainData[F]) Dims() (dx, dz int) { return d.x.Cols, d.z.Cols }

func (d *plainData[F]) Close() error {
	d.closed.Store(true)
	return nil
}

func (d *plainData[F]) Replace(x, z backend.Matrix) error {
	switch {
	case d.b.has("closed data replaced"):
	case d.closed.Load(), d.b.closed.Load():
		return fmt.Errorf("plain: replace: %w", backend.ErrClosed)
	}
	if d.b.has("Replace writes before it checks") {
		d.x = x
	}
	for k, m := range []backend.Matrix{x, z} {
		if err := m.Validate(); err != nil {
			return fmt.Errorf("plain: replace: %w", err)
		}
		if old := []backend.Matrix{d.x, d.z}[k]; m.Rows != old.Rows && !d.b.has("other rows replace") ||
			m.Cols != old.Cols && !d.b.has("other columns replace") {
			return fmt.Errorf("plain: replace %d x %d by %d x %d: %w", old.Rows, old.Cols, m.Rows, m.Cols, backend.ErrShape)
		}
	}
	switch {
	case d.b.has("Replace does nothing"):
	case d.b.has("Replace leaves z"):
		d.x = x
	case d.b.has("Replace copies into the old arrays"):
		for i := range x.Rows {
			copy(d.x.Row(i), x.Row(i))
			copy(d.z.Row(i), z.Row(i))
		}
	case d.b.has("Replace keeps the old stride"):
		x.Stride, z.Stride = d.x.Stride, d.z.Stride
		d.x, d.z = x, z
	default:
		d.x, d.z = x, z
	}
	return nil
}

func (b *plain[F]) Load(x, z backend.Matrix) (backend.Data, error) {
	if b.closed.Load() && !b.has("closed backend loads") {
		return nil, fmt.Errorf("plain: load: %w", backend.ErrClosed)
	}
	for _, m := range []backend.Matrix{x, z} {
		if err := m.Validate(); err != nil {
			return nil, fmt.Errorf("plain: load: %w", err)
		}
	}
	if x.Rows != z.Rows && !b.has("rows of x and z not compared") {
		return nil, fmt.Errorf("plain: %d rows of x, %d of z: %w", x.Rows, z.Rows, backend.ErrShape)
	}
	if b.has("stride ignored") {
		x.Stride, z.Stride = x.Cols, z.Cols
	}
	if b.has("data modified") {
		x.Data[0]++
	}
	return &plainData[F]{x: x, z: z, b: b}, nil
}

func (b *plain[F]) NewTrainer(spec backend.Spec, data backend.Data, train backend.Rows) (backend.Trainer, error) {
	d, ok := data.(*plainData[F])
	if !ok || d.b != b {
		return nil, fmt.Errorf("plain: data of another backend: %w", backend.ErrShape)
	}
	if b.closed.Load() || d.closed.Load() {
		return nil, fmt.Errorf("plain: %w", backend.ErrClosed)
	}
	if !b.has("training range not checked") {
		if err := train.Validate(d.Rows()); err != nil {
			return nil, fmt.Errorf("plain: training range: %w", err)
		}
	}
	if !b.has("spec not validated") {
		if err := spec.Validate(train.Len()); err != nil {
			return nil, fmt.Errorf("plain: %w", err)
		}
	}
	if !b.has("capabilities not checked") && !b.has("capabilities that change") {
		if err := b.Capabilities().CheckSpec(b.Name(), spec, train); err != nil {
			return nil, fmt.Errorf("plain: %w", err)
		}
	}
	if dx, dz := d.Dims(); dx != spec.Network.DX || dz != spec.Network.DZ {
		return nil, fmt.Errorf("plain: data of %d and %d columns: %w", dx, dz, backend.ErrShape)
	}
	if !b.has("spec aliased") {
		spec.Network.Hidden = append([]int(nil), spec.Network.Hidden...)
	}
	n := spec.Network.NumParams()
	t := &plainTrainer[F]{b: b, spec: spec, data: d, train: train}
	t.state = backend.State{Params: make([]float32, n), M: make([]float32, n), V: make([]float32, n)}
	if b.has("not initially zero") {
		t.state.Params[0] = 1
	}
	return t, nil
}

// NewScorer returns a trainer that was never meant to train.
func (b *plain[F]) NewScorer(net backend.Network, params []float32) (backend.Scorer, error) {
	if b.closed.Load() {
		return nil, fmt.Errorf("plain: %w", backend.ErrClosed)
	}
	if err := net.CheckParams(params); err != nil && !b.has("parameters of a scorer not checked") {
		return nil, fmt.Errorf("plain: %w", err)
	}
	t := &plainTrainer[F]{b: b, spec: backend.Spec{Network: net}, state: backend.State{Params: params}}
	if !b.has("parameters of a scorer aliased") {
		t.state.Params = append([]float32(nil), params...)
	}
	if b.has("scorer without its last parameter") {
		t.state.Params[len(t.state.Params)-1] = 0
	}
	return t, nil
}

func (b *plain[F]) Capabilities() backend.Capabilities {
	c := backend.All()
	switch {
	case b.limited, b.has("capabilities not checked"):
		return backend.Capabilities{
			Objectives: []objective.Kind{objective.DV, objective.JS}, Activations: []backend.Activation{backend.ReLU},
			Pairings: []backend.PairingKind{backend.Cycles}, Marginals: 1,
		}
	case b.has("capabilities that change") && b.calls.Add(1)%2 == 0:
		c.Marginals--
	case b.has("capabilities without ReLU"):
		c.Activations = c.Activations[:2]
	}
	return c
}

type plainTrainer[F float32 | float64] struct {
	b      *plain[F]
	spec   backend.Spec
	data   *plainData[F]
	train  backend.Rows
	state  backend.State
	closed bool
	ran    uint64 // steps of this trainer, for faults
}

func (t *plainTrainer[F]) has(fault string) bool { return t.b.fault == fault }

func (t *plainTrainer[F]) ready(ctx context.Context, data backend.Data) (*plainData[F], error) {
	d, ok := data.(*plainData[F])
	switch {
	case !ok && t.has("foreign data not checked"):
		d = t.data
	case !ok:
		return nil, fmt.Errorf("plain: data of another backend: %w", backend.ErrShape)
	case t.closed && !t.has("closed trainer works"),
		t.b.closed.Load() && !t.has("closed backend works"),
		d.closed.Load() && !t.has("closed data works"):
		return nil, fmt.Errorf("plain: %w", backend.ErrClosed)
	}
	if dx, dz := d.Dims(); (dx != t.spec.Network.DX || dz != t.spec.Network.DZ) && !t.has("columns of other data not checked") {
		return nil, fmt.Errorf("plain: data of %d and %d columns: %w", dx, dz, backend.ErrShape)
	}
	if ctx.Err() != nil && !t.has("cancellation ignored") {
		return nil, fmt.Errorf("plain: %w", ctx.Err())
	}
	return d, nil
}

func (t *plainTrainer[F]) Close() error {
	if t.closed && t.has("second Close of the trainer fails") {
		return backend.ErrClosed
	}
	t.closed = true
	return nil
}

func (t *plainTrainer[F]) State() (backend.State, error) {
	if t.closed && !t.has("closed trainer works") {
		return backend.State{}, fmt.Errorf("plain: %w", backend.ErrClosed)
	}
	if t.has("State aliased") {
		return t.state, nil
	}
	return t.state.Clone(), nil
}

func (t *plainTrainer[F]) SetState(s backend.State) error {
	if t.closed && !t.has("closed trainer works") {
		return fmt.Errorf("plain: %w", backend.ErrClosed)
	}
	if t.has("SetState writes before it checks") {
		t.state.Step = s.Step
	}
	if err := s.Validate(t.spec.Network); err != nil {
		return fmt.Errorf("plain: set state: %w", err)
	}
	old := t.state
	if t.state = s.Clone(); t.has("SetState aliased") {
		t.state = s
	}
	switch {
	case t.has("SetState keeps M"):
		t.state.M = old.M
	case t.has("SetState keeps V"):
		t.state.V = old.V
	case t.has("SetState keeps Step"):
		t.state.Step = old.Step
	case t.has("SetState keeps LogEMA"):
		t.state.LogEMA = old.LogEMA
	}
	return nil
}

func (t *plainTrainer[F]) Batch(step uint64) (rows, next []int, err error) {
	if t.closed && !t.has("closed trainer works") {
		return nil, nil, fmt.Errorf("plain: %w", backend.ErrClosed)
	}
	rows, next = t.batch(step)
	return rows, next, nil
}

func (t *plainTrainer[F]) batch(step uint64) (rows, next []int) {
	seed := t.spec.Seed
	switch {
	case t.has("step counter of 32 bits"):
		step = uint64(uint32(step))
	case t.has("seed ignored"):
		seed = 0
	case t.has("the same order in every epoch"):
		step %= uint64(max(1, t.train.Len()/t.spec.Batch))
	}
	b := sampling.NewBatches(t.train.Len(), t.spec.Batch, seed)
	order := make([]int32, t.spec.Batch)
	b.Rows(step, 0, order)
	cycle := b.Marginal(step)
	shuffle := sampling.NewPermutation(uint64(t.spec.Batch), seed, sampling.StreamMarginal, step)
	for i, r := range order {
		rows = append(rows, int(r))
		j := cycle.Next(uint64(i))
		switch {
		case t.has("marginal pairs by a shuffle with fixed points"):
			j = shuffle.At(uint64(i))
		case t.has("cycle reversed"):
			j = cycle.Prev(uint64(i))
		case t.has("marginal pairs by a shift"):
			j = uint64(i+1) % uint64(t.spec.Batch)
		}
		next = append(next, int(j))
	}
	if t.has("rows drawn with replacement") {
		rng := rand.New(rand.NewPCG(seed, step))
		for i := range rows {
			rows[i] = rng.IntN(t.train.Len())
		}
	}
	return rows, next
}

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
	kind, alpha := t.spec.Objective.Kind, t.spec.Objective.Param
	logEMA = t.state.LogEMA
	denominator := lme
	if kind == objective.MINE {
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
	}
	value, a, b := t.weights(joint, scores, lme, denominator, alpha)
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

func (t *plainTrainer[F]) Evaluate(ctx context.Context, data backend.Data, rows backend.Rows, pairing backend.Pairing, influence []float64) (backend.Evaluation, error) {
	d, err := t.ready(ctx, data)
	if err != nil {
		return backend.Evaluation{}, err
	}
	if err := rows.Validate(d.Rows()); err != nil {
		return backend.Evaluation{}, fmt.Errorf("plain: evaluate: %w", err)
	}
	if err := pairing.Validate(rows.Len()); err != nil && !(rows.Len() == 1 && t.has("evaluation of one row accepted")) {
		return backend.Evaluation{}, fmt.Errorf("plain: evaluate: %w", err)
	}
	if influence != nil && len(influence) != rows.Len() && !t.has("length of the influence values not checked") {
		return backend.Evaluation{}, fmt.Errorf("plain: %d influence values: %w", len(influence), backend.ErrShape)
	}
	if t.has("Evaluate evaluates the training data") {
		d = t.data
	}
	net := t.net()
	n := rows.Len()
	switch {
	case t.has("start of the evaluated range ignored"):
		rows.Lo, rows.Hi = 0, n
	case t.has("index of the evaluated rows ignored"):
		rows.Index = nil
	}
	e := backend.Evaluation{Rows: n, Pairs: int64(n) * int64(pairing.Count), MaxT: math.Inf(-1), Finite: true}
	if t.has("largest score starts at zero") {
		e.MaxT = 0
	}
	if t.has("pairs do not count the cycles") {
		e.Pairs = int64(n)
	}
	sp := func(v float64) float64 { return max(v, 0) + math.Log1p(math.Exp(-math.Abs(v))) }
	look := func(i, j int, skip string) F {
		s := t.forward(net, d.x.Row(rows.At(i)), d.z.Row(rows.At(j))).score
		if !t.has("largest score only of the " + skip) {
			e.MaxT = max(e.MaxT, float64(s))
		}
		if v := float64(float32(s)); (math.IsNaN(v) || math.IsInf(v, 0)) && !t.has("finite only looks at the "+skip) {
			e.Finite = false
		}
		return s
	}
	joint := make([]F, n)
	var all []F
	u, v := make([][]F, n), make([][]F, n)
	for i := range n {
		joint[i] = look(i, i, "marginal pairs")
		e.Joint += float64(joint[i]) / float64(n)
		e.JS -= sp(-float64(joint[i])) / float64(n)
	}
	for m := range pairing.Count {
		kth := m
		switch {
		case t.has("one cycle for all pairings"):
			kth = 0
		case t.has("seed of the evaluation ignored"):
			pairing.Seed = 0
		}
		cycle := sampling.NewCycle(uint64(n), pairing.Seed, sampling.StreamEvaluate, uint64(kth))
		permutation := sampling.NewPermutation(uint64(n), pairing.Seed, sampling.StreamEvaluate, uint64(kth))
		e.Marginal = append(e.Marginal, 0)
		for i := range n {
			j := int(cycle.Next(uint64(i)))
			switch {
			case pairing.Kind == backend.Permutations && t.has("permutations the other way round"):
				j = int(permutation.At(uint64(i)))
			case pairing.Kind == backend.Permutations && !t.has("cycles for permutations"):
				j = int(permutation.Inverse(uint64(i)))
			case t.has("cycles of an evaluation reversed"):
				j = int(cycle.Prev(uint64(i)))
			}
			s := look(i, j, "joint pairs")
			if at := m; !t.has("scores of all pairings in the first") || at == 0 {
				e.Marginal[at] += float64(s) / float64(n)
			} else {
				e.Marginal[0] += float64(s) / float64(n)
			}
			all = append(all, s)
			u[i], v[j] = append(u[i], s), append(v[j], s)
			if !t.has("JS without marginal pairs") {
				e.JS -= sp(float64(s)) / float64(e.Pairs)
			}
		}
	}
	naive := t.has("log-mean-exp by a naive sum")
	e.LogU = plainLogMeanExp(naive, all)
	w := make([]float64, n)
	meanW := 0.0
	for i := range w {
		w[i] = math.Exp(plainLogMeanExp(naive, u[i])-e.LogU) + math.Exp(plainLogMeanExp(naive, v[i])-e.LogU)
		switch {
		case t.has("w without v"):
			w[i] = 2 * math.Exp(plainLogMeanExp(naive, u[i])-e.LogU)
		case t.has("w with v of the successor"):
			w[i] = math.Exp(plainLogMeanExp(naive, u[i])-e.LogU) + math.Exp(plainLogMeanExp(naive, v[(i+1)%n])-e.LogU)
		case t.has("w of logarithms"):
			w[i] = plainLogMeanExp(naive, u[i]) + plainLogMeanExp(naive, v[i]) - 2*e.LogU
		}
		meanW += w[i] / float64(n)
	}
	over := float64(n)
	if t.has("variance over n-1") {
		over--
	}
	for _, s := range all {
		g := math.Exp(float64(s) - e.LogU)
		e.VarG += (g - 1) * (g - 1) / float64(len(all))
	}
	switch {
	case t.has("variance of g without its mean"):
		e.VarG++
	case t.has("no variance of g"):
		e.VarG = 0
	}
	for i := range influence {
		if influence[i] = float64(joint[i]) - e.Joint - (w[i] - 2); t.has("influence without the mean of w") {
			influence[i] -= 2
		}
	}
	for i := range w {
		dt := float64(joint[i]) - e.Joint
		e.VarT += dt * dt / over
		e.VarW += (w[i] - meanW) * (w[i] - meanW) / over
		e.CovTW += dt * (w[i] - meanW) / over
	}
	if t.has("variance by the difference of squares in float32") {
		var squares, sum float32
		for _, s := range joint {
			sum += float32(s)
			squares += float32(s) * float32(s)
		}
		e.VarT = float64(squares/float32(n) - sum/float32(n)*sum/float32(n))
	}
	if t.has("Evaluate overwrites a moment") {
		t.state.M[0] = 0
	}
	return e, nil
}

// checkPairs validates the indices of pairs.
func (t *plainTrainer[F]) checkPairs(d *plainData[F], xs, zs []int) error {
	if len(xs) != len(zs) {
		return fmt.Errorf("plain: %d x, %d z: %w", len(xs), len(zs), backend.ErrShape)
	}
	for i := range xs {
		for k, r := range []int{xs[i], zs[i]} {
			if k == 1 && t.has("indices of z not checked") {
				continue
			}
			if r < 0 || r >= d.Rows() {
				return fmt.Errorf("plain: pair %d: row %d of %d: %w", i, r, d.Rows(), backend.ErrShape)
			}
		}
	}
	return nil
}

func (t *plainTrainer[F]) Scores(ctx context.Context, data backend.Data, xs, zs []int, dst []float32) error {
	d, err := t.ready(ctx, data)
	if err != nil {
		return err
	}
	if t.has("Scores writes before it checks") && len(dst) > 0 {
		dst[0] = 0
	}
	if err := t.checkPairs(d, xs, zs); err != nil {
		return err
	}
	if len(dst) != len(xs) {
		return fmt.Errorf("plain: %d pairs, %d values: %w", len(xs), len(dst), backend.ErrShape)
	}
	net := t.net()
	for i := range xs {
		x, z := xs[i], zs[i]
		if t.has("Scores swaps the indices") {
			x, z = z, x
		}
		dst[i] = float32(t.forward(net, d.x.Row(x), d.z.Row(z)).score)
	}
	if t.has("Scores rounds up to a vector") {
		for i := len(dst); i%8 != 0; i++ {
			dst[:i+1][i] = 0
		}
	}
	if t.has("indices modified") && len(xs) > 0 {
		xs[0] = 0
	}
	return nil
}

func (t *plainTrainer[F]) InputGradients(ctx context.Context, data backend.Data, xs, zs []int, weights []float32, gx, gz backend.Matrix) error {
	d, err := t.ready(ctx, data)
	if err != nil {
		return err
	}
	if err := t.checkPairs(d, xs, zs); err != nil {
		return err
	}
	if len(weights) != len(xs) {
		return fmt.Errorf("plain: %d pairs, %d weights: %w", len(xs), len(weights), backend.ErrShape)
	}
	for k, g := range []backend.Matrix{gx, gz} {
		if err := g.Validate(); err != nil && !t.has("output matrices not validated") {
			return fmt.Errorf("plain: gradient: %w", err)
		}
		if want := []int{d.x.Cols, d.z.Cols}[k]; g.Rows != len(xs) || g.Cols != want {
			return fmt.Errorf("plain: gradient of %d x %d: %w", g.Rows, g.Cols, backend.ErrShape)
		}
	}
	net := t.net()
	grad := make([][]F, len(net.params))
	for k := range grad {
		grad[k] = make([]F, len(net.params[k]))
	}
	first := map[int]int{}
	for i := range xs {
		weight := F(weights[i])
		if t.has("weights ignored") {
			weight = 1
		}
		dx, dz := t.backward(net, t.forward(net, d.x.Row(xs[i]), d.z.Row(zs[i])), weight, grad)
		at := i
		if k, seen := first[xs[i]]; seen && t.has("gradients summed over equal rows") {
			at = k
		}
		first[xs[i]] = at
		for c, v := range dx {
			if at == i {
				gx.Row(i)[c] = float32(v)
			} else {
				gx.Row(at)[c] += float32(v)
			}
		}
		for c, v := range dz {
			gz.Row(i)[c] = float32(v)
		}
		if t.has("padding overwritten") && i+1 < len(xs) {
			gx.Data[i*gx.Stride+gx.Cols] = 0
		}
	}
	return nil
}
