package cpu

import (
	"context"
	"fmt"
	"math"

	"gomine/cpu/internal/f32"
	"gomine/mine/backend"
	"gomine/mine/sampling"
)

// trainer runs steps on one critic. Entry i of a batch is the pair of row i;
// marginal pair p joins the x of entry order[p] with the z of entry order[p+1].
type trainer struct {
	critic
	device *device
	spec   backend.Spec
	data   *data
	train  backend.Rows
	closed bool

	objective objective
	batches   sampling.Batches
	step      uint64
	logEMA    float64
	grad      *params
	m, v      *params

	rows, order, place []int32 // place is the inverse of order
	x, z               matrix  // rows of the batch
	px, pz             matrix  // their projections; later dV/dpx, dV/dpz
	joint, marginal    layers
	a, b               []float32
	scratch            [][]float32 // per worker, of the batch's size
}

func (d *device) NewTrainer(spec backend.Spec, given backend.Data, train backend.Rows) (backend.Trainer, error) {
	fail := func(err error) (backend.Trainer, error) { return nil, fmt.Errorf("cpu: new trainer: %w", err) }
	if d.closed.Load() {
		return fail(backend.ErrClosed)
	}
	if err := spec.Network.Validate(); err != nil {
		return fail(err)
	}
	own, err := d.use(given, spec.Network)
	if err != nil {
		return fail(err)
	}
	if err := train.Validate(own.Rows()); err != nil {
		return fail(err)
	}
	if err := spec.Validate(train.Len()); err != nil {
		return fail(err)
	}
	net, n := spec.Network, spec.Batch
	net.Hidden = append([]int(nil), net.Hidden...)
	spec.Network = net
	t := &trainer{
		critic:    newCritic(net),
		device:    d,
		spec:      spec,
		data:      own,
		train:     train,
		objective: objective{spec.Objective, spec.EMARate},
		batches:   sampling.NewBatches(train.Len(), n, spec.Seed),
		grad:      newParams(net),
		m:         newParams(net),
		v:         newParams(net),
		rows:      make([]int32, n),
		order:     make([]int32, n),
		place:     make([]int32, n),
		x:         newMatrix(n, net.DX),
		z:         newMatrix(n, net.DZ),
		px:        newMatrix(n, net.Hidden[0]),
		pz:        newMatrix(n, net.Hidden[0]),
		joint:     newLayers(n, net.Hidden, true),
		marginal:  newLayers(n, net.Hidden, true),
		a:         f32.Aligned(n),
		b:         f32.Aligned(n),
	}
	for range d.pool.workers {
		t.scratch = append(t.scratch, f32.Aligned(n))
	}
	return t, nil
}

// begin checks that the trainer can be used and takes the workers.
func (t *trainer) begin(op string) error {
	t.device.pool.mu.Lock()
	if t.closed || t.device.closed.Load() || t.data.closed.Load() {
		t.device.pool.mu.Unlock()
		return fmt.Errorf("cpu: %s: %w", op, backend.ErrClosed)
	}
	return nil
}

func (t *trainer) end() { t.device.pool.mu.Unlock() }

func (t *trainer) Train(ctx context.Context, rates, values []float64) (int, error) {
	if len(values) != len(rates) {
		return 0, fmt.Errorf("cpu: train: %d values for %d rates: %w", len(values), len(rates), backend.ErrShape)
	}
	if err := t.begin("train"); err != nil {
		return 0, err
	}
	defer t.end()
	var rate float64
	var value float64
	var logEMA float64
	region := func(w *worker) {
		ema := t.gradient(w, &value)
		w.wait() // the update writes the weights that the backward pass read
		t.update(w, rate)
		if w.id == 0 {
			logEMA = ema
		}
	}
	for i := range rates {
		// A step of the smallest network takes tens of microseconds, checking a
		// context some tens of nanoseconds.
		if err := ctx.Err(); err != nil {
			return i, fmt.Errorf("cpu: train: stopped after %d of %d steps: %w", i, len(rates), err)
		}
		rate = rates[i]
		t.device.pool.run(region)
		values[i] = value
		t.logEMA = logEMA
		t.step++
	}
	return len(rates), nil
}

func (t *trainer) Gradient(ctx context.Context, grad []float32) (float64, error) {
	if want := t.spec.Network.NumParams(); len(grad) != want {
		return 0, fmt.Errorf("cpu: gradient of %d values, network has %d parameters: %w", len(grad), want, backend.ErrShape)
	}
	if err := t.begin("gradient"); err != nil {
		return 0, err
	}
	defer t.end()
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("cpu: gradient: %w", err)
	}
	var value float64
	t.device.pool.run(func(w *worker) { t.gradient(w, &value) })
	t.grad.store(grad)
	return value, nil
}

// gradient computes the batch of step t.step, its value and dV/dparameters.
// Every worker calls it; it returns log ema after the step.
func (t *trainer) gradient(w *worker, value *float64) float64 {
	n := t.spec.Batch
	lo, hi := w.share(n)

	t.gather(w, lo, hi)
	w.wait()

	for i := lo; i < hi; i++ {
		t.act.sum(t.joint.h[0].row(i), t.px.row(i), t.pz.row(i))
		from, to := t.pair(i)
		t.act.sum(t.marginal.h[0].row(i), t.px.row(from), t.pz.row(to))
	}
	t.forward(w, &t.joint, lo, hi)
	t.forward(w, &t.marginal, lo, hi)
	w.wait()

	scratch := t.scratch[w.id]
	logEMA := t.objective.weights(t.joint.score, t.marginal.score, t.a, t.b, lo, hi, t.logEMA, t.step == 0, scratch)
	if w.id == 0 {
		*value = t.objective.value(t.joint.score, t.marginal.score, scratch)
	}
	t.backward(w, &t.joint, t.a, lo, hi)
	t.backward(w, &t.marginal, t.b, lo, hi)
	w.wait()

	// Row i of x is in joint pair i and in the marginal pair at place[i], row
	// i of z in joint pair i and in the marginal pair before that.
	for i := lo; i < hi; i++ {
		p := int(t.place[i])
		f32.Add(t.px.row(i), t.joint.d[0].row(i), t.marginal.d[0].row(p))
		f32.Add(t.pz.row(i), t.joint.d[0].row(i), t.marginal.d[0].row((p+n-1)%n))
	}
	w.wait()

	t.outer(w)
	return logEMA
}

// pair returns the entries that marginal pair p takes x and z from.
func (t *trainer) pair(p int) (x, z int) {
	next := p + 1
	if next == len(t.order) {
		next = 0
	}
	return int(t.order[p]), int(t.order[next])
}

// gather draws this worker's part of the batch and projects its rows.
func (t *trainer) gather(w *worker, lo, hi int) {
	t.batches.Rows(t.step, lo, t.rows[lo:hi])
	for i := lo; i < hi; i++ {
		row := t.train.Lo + int(t.rows[i])
		copy(t.x.row(i), t.data.x.Row(row))
		copy(t.z.row(i), t.data.z.Row(row))
	}
	cycle := t.batches.Marginal(t.step)
	for p := lo; p < hi; p++ {
		entry := int32(cycle.Visit(uint64(p)))
		t.order[p] = entry
		t.place[entry] = int32(p)
	}
	if lo < hi {
		project(w, hi-lo, t.x.from(lo), t.x.stride, &t.p.wx, t.net.DX, t.p.b[0].data, t.px.from(lo))
		project(w, hi-lo, t.z.from(lo), t.z.stride, &t.p.wz, t.net.DZ, nil, t.pz.from(lo))
	}
}

// outer computes the gradients of the parameters: this worker's rows of every
// matrix, its columns of every vector.
func (t *trainer) outer(w *worker) {
	n := t.spec.Batch
	g := t.grad
	// weights stores rows [lo, hi) of in^T d in dst.
	weights := func(dst *matrix, rows int, in, d *matrix, accumulate bool) {
		if lo, hi := w.share(rows); lo < hi {
			w.gemm.Gemm(true, false, hi-lo, dst.cols, n, in.data[lo:], in.stride, d.data, d.stride,
				nil, accumulate, dst.from(lo), dst.stride)
		}
	}
	weights(&g.wx, t.net.DX, &t.x, &t.px, false)
	weights(&g.wz, t.net.DZ, &t.z, &t.pz, false)
	for k := 1; k < len(g.w); k++ {
		weights(&g.w[k], t.net.Hidden[k-1], &t.joint.h[k-1], &t.joint.d[k], false)
		weights(&g.w[k], t.net.Hidden[k-1], &t.marginal.h[k-1], &t.marginal.d[k], true)
	}
	for k := range g.b {
		lo, hi := w.share(g.b[k].cols)
		dst := g.b[k].data[lo:hi]
		clear(dst)
		for i := range n {
			f32.Add(dst, dst, t.joint.d[k].row(i)[lo:hi])
			f32.Add(dst, dst, t.marginal.d[k].row(i)[lo:hi])
		}
	}
	last := len(g.b) - 1
	lo, hi := w.share(g.out.cols)
	dst := g.out.data[lo:hi]
	clear(dst)
	for i := range n {
		f32.Axpy(dst, t.a[i], t.joint.h[last].row(i)[lo:hi])
		f32.Axpy(dst, t.b[i], t.marginal.h[last].row(i)[lo:hi])
	}
	if w.id == 0 {
		var sum float64
		for i := range n {
			sum += float64(t.a[i]) + float64(t.b[i])
		}
		g.bias.data[0] = float32(sum)
	}
}

// update applies Adam to this worker's part of every array, padding included:
// its gradient is zero and so it stays zero.
func (t *trainer) update(w *worker, rate float64) {
	a := t.spec.Adam
	s := float64(t.step + 1)
	bias1 := 1 - math.Pow(a.Beta1, s)
	root2 := math.Sqrt(1 - math.Pow(a.Beta2, s))
	step := f32.AdamStep{
		Beta1:         float32(a.Beta1),
		OneMinusBeta1: float32(1 - a.Beta1),
		Beta2:         float32(a.Beta2),
		OneMinusBeta2: float32(1 - a.Beta2),
		Step:          float32(-rate * root2 / bias1), // ascent
		Eps:           float32(a.Epsilon * root2),
	}
	for i := range t.p.ordered {
		p, g, m, v := &t.p.ordered[i], &t.grad.ordered[i], &t.m.ordered[i], &t.v.ordered[i]
		step.Decay = 1
		if t.p.decays[i] {
			step.Decay = float32(1 - rate*a.WeightDecay)
		}
		const lane = 8 // whole vectors, so that no part has a tail
		lo, hi := w.share(len(p.data) / lane)
		lo, hi = lo*lane, hi*lane
		f32.Adam(p.data[lo:hi], g.data[lo:hi], m.data[lo:hi], v.data[lo:hi], &step)
	}
}

func (t *trainer) Batch(step uint64) (rows, next []int, err error) {
	if t.closed {
		return nil, nil, fmt.Errorf("cpu: batch: %w", backend.ErrClosed)
	}
	n := t.spec.Batch
	drawn := make([]int32, n)
	t.batches.Rows(step, 0, drawn)
	cycle := t.batches.Marginal(step)
	rows, next = make([]int, n), make([]int, n)
	for i := range n {
		rows[i] = int(drawn[i])
		next[cycle.Visit(uint64(i))] = int(cycle.Visit(uint64((i + 1) % n)))
	}
	return rows, next, nil
}

func (t *trainer) State() (backend.State, error) {
	if t.closed {
		return backend.State{}, fmt.Errorf("cpu: state: %w", backend.ErrClosed)
	}
	n := t.spec.Network.NumParams()
	s := backend.State{Step: t.step, LogEMA: t.logEMA,
		Params: make([]float32, n), M: make([]float32, n), V: make([]float32, n)}
	t.p.store(s.Params)
	t.m.store(s.M)
	t.v.store(s.V)
	return s, nil
}

func (t *trainer) SetState(s backend.State) error {
	if t.closed {
		return fmt.Errorf("cpu: set state: %w", backend.ErrClosed)
	}
	if err := s.Validate(t.spec.Network); err != nil {
		return fmt.Errorf("cpu: set state: %w", err)
	}
	t.step, t.logEMA = s.Step, s.LogEMA
	t.p.load(s.Params)
	t.m.load(s.M)
	t.v.load(s.V)
	return nil
}

func (t *trainer) Close() error {
	t.closed = true
	return nil
}
