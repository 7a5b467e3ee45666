package cpu

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"gomine/cpu/internal/f32"
	"gomine/mine/backend"
	"gomine/mine/sampling"
)

// trainer runs steps on one critic.
//
// The batch is kept in the order of its marginal cycle: position p holds the
// entry that the cycle visits p-th, so that the joint pair at p is (x_p, z_p)
// and the marginal pair (x_p, z_p+1), and neither needs a permutation. Every
// worker takes whole blocks of positions from the draw to the scores and,
// once all scores are known, back to the gradients. What a gradient sums over
// the batch is summed by blocks and, for matrices, by chunks of blocks, which
// the number of workers does not change.
type trainer struct {
	critic
	device *device
	spec   backend.Spec
	data   *data
	train  backend.Rows
	closed bool
	pace   *pace

	objective objective
	batches   sampling.Batches
	step      uint64
	logEMA    float64
	m, v      *params

	blocks []block
	chunks []chunk
	grad   *params
	sums   matrix    // [blocks, vectors], gradients of the vectors by block
	biases []float64 // that of the output bias by block

	rows            []int32 // of the data, a block of n positions has n+1
	x, z            matrix  // those rows; z as rows
	px, pz          matrix  // dV/d(projections)
	layers          layers  // of each block the joint pairs, then the marginal ones
	joint, marginal []float32
	a, b            []float32
	scratch         []scratch // per worker
}

// scratch is what a worker needs for a moment, small enough to stay in its cache.
type scratch struct {
	scores []float32 // of the batch's size
	first  matrix    // projections of a block, then dV/d(inputs of layer 1)
}

// block is positions [lo, hi) of the batch, the id-th range of such.
type block struct{ id, lo, hi int }

func (b block) len() int { return b.hi - b.lo }

// first returns the block's first row in arrays with one more row per block
// than positions, since a block's last marginal pair takes its z from the
// position behind it.
func (b block) first() int { return b.lo + b.id }

// chunk is a number of consecutive blocks and the gradients of the matrices
// over these.
type chunk struct {
	blocks []block
	grad   *params
}

const (
	// blockRows is the number of positions in a block at most: the rows of a
	// layer, twice as many, then stay in the second-level cache from one
	// product to the next, also when they are 512 wide.
	blockRows = 64

	// chunkFloats is how many floats the gradients of all chunks may take, more
	// than two chunks at least: what adding them up may cost.
	chunkFloats = 1 << 17
)

// newBlocks cuts n positions into blocks as equal as possible.
func newBlocks(n int) []block {
	blocks := make([]block, (n+blockRows-1)/blockRows)
	for i := range blocks {
		blocks[i] = block{i, i * n / len(blocks), (i + 1) * n / len(blocks)}
	}
	return blocks
}

// newChunks distributes the blocks over a power of two of chunks.
func newChunks(blocks []block, net backend.Network) []chunk {
	n := 1
	for 2*n <= len(blocks) && (n == 1 || 2*n*net.NumParams() <= chunkFloats) {
		n *= 2
	}
	chunks := make([]chunk, n)
	for i := range chunks {
		chunks[i] = chunk{blocks[i*len(blocks)/n : (i+1)*len(blocks)/n], newParams(net)}
	}
	return chunks
}

// stepFLOP returns the floating-point operations of the products of a step.
func stepFLOP(n backend.Network, batch int) int {
	flop := 4 * batch * (n.DX + n.DZ) * n.Hidden[0]
	for k := 1; k < len(n.Hidden); k++ {
		flop += 12 * batch * n.Hidden[k-1] * n.Hidden[k]
	}
	return flop
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
	blocks := newBlocks(n)
	chunks := newChunks(blocks, net)
	t := &trainer{
		critic:    newCritic(net),
		device:    d,
		spec:      spec,
		data:      own,
		train:     train,
		pace:      newPace(len(d.pool.workers), stepFLOP(net, n)),
		objective: objective{spec.Objective, spec.EMARate},
		batches:   sampling.NewBatches(train.Len(), n, spec.Seed),
		m:         newParams(net),
		v:         newParams(net),
		blocks:    blocks,
		chunks:    chunks,
		grad:      newParams(net),
		sums:      newMatrix(len(blocks), chunks[0].grad.vectorFloats()),
		biases:    make([]float64, len(blocks)),
		rows:      make([]int32, n+len(blocks)),
		x:         newMatrix(n, net.DX),
		z:         newMatrix(n+len(blocks), net.DZ),
		px:        newMatrix(n, net.Hidden[0]),
		pz:        newMatrix(n+len(blocks), net.Hidden[0]),
		layers:    newLayers(2*n, net.Hidden, true),
		joint:     f32.Aligned(n),
		marginal:  f32.Aligned(n),
		a:         f32.Aligned(n),
		b:         f32.Aligned(n),
	}
	for range t.pace.most() {
		t.scratch = append(t.scratch, scratch{f32.Aligned(n), newMatrix(2*blockRows+1, net.Hidden[0])})
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
	if len(rates) == 0 {
		return 0, nil
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("cpu: train: stopped before the first of %d steps: %w", len(rates), err)
	}
	first, ema := t.step, t.logEMA
	done, until := 0, 0
	more := true
	region := func(w *worker) {
		ema := ema
		for i := done; more; i++ {
			step := first + uint64(i)
			ema = t.gradient(w, step, ema, &values[i])
			t.update(w, step, rates[i])
			if w.id == 0 {
				done, t.logEMA = i+1, ema
				// A step of the smallest network takes tens of microseconds,
				// checking a context some tens of nanoseconds.
				more = done < until && ctx.Err() == nil
			}
			w.wait()
		}
	}
	for done < len(rates) && ctx.Err() == nil {
		workers, steps := t.pace.next()
		from, start := done, time.Now()
		until, more, ema = from+min(steps, len(rates)-from), true, t.logEMA
		t.device.pool.run(workers, region)
		t.pace.done(done-from, time.Since(start))
	}
	t.step = first + uint64(done)
	if done < len(rates) {
		return done, fmt.Errorf("cpu: train: stopped after %d of %d steps: %w", done, len(rates), ctx.Err())
	}
	return done, nil
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
	workers, _ := t.pace.next()
	t.device.pool.run(workers, func(w *worker) {
		t.gradient(w, t.step, t.logEMA, &value)
		t.reduce(w, func(i, lo, hi int) {}, func(i, lo, hi int) {})
	})
	t.grad.store(grad)
	return value, nil
}

func (t *trainer) ObjectiveGradients(ctx context.Context, gx, gz backend.Matrix) (float64, error) {
	if err := t.begin("objective gradients"); err != nil {
		return 0, err
	}
	defer t.end()
	if err := errors.Join(gx.CheckShape("gx", t.spec.Batch, t.net.DX), gz.CheckShape("gz", t.spec.Batch, t.net.DZ)); err != nil {
		return 0, fmt.Errorf("cpu: objective gradients: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("cpu: objective gradients: %w", err)
	}
	var value float64
	cycle := t.batches.Marginal(t.step)
	workers, _ := t.pace.next()
	t.device.pool.run(workers, func(w *worker) {
		t.gradient(w, t.step, t.logEMA, &value)
		lo, hi := w.share(len(t.blocks))
		for _, b := range t.blocks[lo:hi] {
			t.inputs(w, &cycle, b, gx, gz)
		}
	})
	return value, nil
}

// inputs takes the derivatives of a block's projections, as gradient leaves
// them, to its rows.
func (t *trainer) inputs(w *worker, cycle *sampling.Cycle, b block, gx, gz backend.Matrix) {
	// The marginal pair behind the block before takes its z from this one's
	// first position.
	before := t.blocks[(b.id+len(t.blocks)-1)%len(t.blocks)]
	first := t.pz.row(b.first())
	f32.Add(first, first, t.pz.row(before.first()+before.len()))

	n := b.len()
	back := func(weights, d, dst *matrix, from int, g backend.Matrix) {
		// The rows drawn are not needed any more.
		w.gemm.Gemm(false, true, n, g.Cols, d.cols, d.from(from), d.stride, weights.data, weights.stride,
			nil, false, dst.from(from), dst.stride)
		for i := range n {
			copy(g.Row(int(cycle.Visit(uint64(b.lo+i)))), dst.row(from+i))
		}
	}
	back(&t.p.wx, &t.px, &t.x, b.lo, gx)
	back(&t.p.wz, &t.pz, &t.z, b.first(), gz)
}

// gradient computes the batch of a step, its value and, by blocks and chunks,
// dV/dparameters. Every worker calls it; it returns log ema after the step.
func (t *trainer) gradient(w *worker, step uint64, ema float64, value *float64) float64 {
	// Chunks that can be dealt out evenly stay with one worker, which knows all
	// that their gradients need.
	whole := len(t.chunks)%w.pool.active == 0
	blocks := t.own(w, whole)
	order := t.batches.Marginal(step)
	for _, b := range blocks {
		t.draw(step, &order, b)
		t.scores(w, b)
	}
	w.wait()

	lo, hi := 0, 0
	if len(blocks) > 0 {
		lo, hi = blocks[0].lo, blocks[len(blocks)-1].hi
	}
	scratch := t.scratch[w.id].scores
	lme, ema := t.objective.weights(t.joint, t.marginal, t.a, t.b, lo, hi, ema, step == 0, scratch)
	if w.id == 0 {
		*value = t.objective.value(t.joint, t.marginal, lme, scratch)
	}
	if whole {
		lo, hi := w.share(len(t.chunks))
		for _, c := range t.chunks[lo:hi] {
			for i, b := range slices.Backward(c.blocks) {
				t.backward(w, b)
				t.outer(w, c.grad, b, i < len(c.blocks)-1, func(rows int) (lo, hi int) { return 0, rows })
			}
		}
	} else {
		for _, b := range slices.Backward(blocks) {
			t.backward(w, b)
		}
		w.wait()
		for _, c := range t.chunks {
			for i, b := range slices.Backward(c.blocks) {
				t.outer(w, c.grad, b, i < len(c.blocks)-1, w.share)
			}
		}
	}
	w.wait()
	return ema
}

// own returns this worker's blocks: those of its chunks or its share of all.
func (t *trainer) own(w *worker, whole bool) []block {
	if !whole {
		lo, hi := w.share(len(t.blocks))
		return t.blocks[lo:hi]
	}
	lo, hi := w.share(len(t.chunks))
	last := t.chunks[hi-1].blocks
	return t.blocks[t.chunks[lo].blocks[0].id : last[len(last)-1].id+1]
}

// draw gathers the rows of a block.
func (t *trainer) draw(step uint64, cycle *sampling.Cycle, b block) {
	n := b.len()
	rows := t.rows[b.first():][:n+1]
	for i := range rows {
		rows[i] = int32(b.lo + i)
	}
	if b.hi == t.spec.Batch {
		rows[n] = 0
	}
	f32.PermuteInverse(rows, cycle.Order())
	t.entries(step, rows)
	x, z := &t.data.x, &t.data.z
	f32.GatherRows(t.x.from(b.lo), t.x.stride, x.Data[t.train.Lo*x.Stride:], x.Stride, x.Cols, rows[:n])
	f32.GatherRows(t.z.from(b.first()), t.z.stride, z.Data[t.train.Lo*z.Stride:], z.Stride, z.Cols, rows)
}

// entries replaces entries of the batch of a step by their rows. Few batches
// lie in two epochs.
func (t *trainer) entries(step uint64, rows []int32) {
	epoch, next, offset := t.batches.Epoch(step)
	n := epoch.N()
	if offset+uint64(t.spec.Batch) <= n {
		for i := range rows {
			rows[i] += int32(offset)
		}
		f32.PermuteAt(rows, &epoch)
		return
	}
	for i, entry := range rows {
		if at := offset + uint64(entry); at < n {
			rows[i] = int32(epoch.At(at))
		} else {
			rows[i] = int32(next.At(at - n))
		}
	}
}

// scores computes the scores of a block.
func (t *trainer) scores(w *worker, b block) {
	n := b.len()
	h, p := &t.layers.h[0], &t.scratch[w.id].first
	t.projectX(w, n, t.x.from(b.lo), t.x.stride, p.from(0))
	t.projectZ(w, n+1, t.z.from(b.first()), t.z.stride, p.from(n))
	t.act.sum(h.block(2*b.lo, n), p.block(0, n), p.block(n, n))
	t.act.sum(h.block(2*b.lo+n, n), p.block(0, n), p.block(n+1, n))
	t.forward(w, &t.layers, 2*b.lo, 2*n)
	t.score(t.joint[b.lo:b.hi], &t.layers, 2*b.lo)
	t.score(t.marginal[b.lo:b.hi], &t.layers, 2*b.lo+n)
}

// backward takes the weights of a block's scores back to its projections. It
// leaves what the block adds to the gradients of the vectors in its sums.
func (t *trainer) backward(w *worker, b block) {
	n := b.len()
	l, last := &t.layers, len(t.layers.d)-1
	sums := t.sums.row(b.id)
	clear(sums)
	of := func(k int) []float32 { return sums[t.p.vectors[k].at:][:t.p.vectors[k].cols] }

	t.top(l, 2*b.lo, t.a[b.lo:b.hi], of(last+1), of(last))
	t.top(l, 2*b.lo+n, t.b[b.lo:b.hi], of(last+1), of(last))
	first := t.critic.backward(w, l, 2*b.lo, 2*n, t.scratch[w.id].first.data)
	for k := 1; k < last; k++ {
		f32.ColumnSums(of(k), 2*n, l.d[k].from(2*b.lo), l.d[k].stride)
	}
	var bias float64
	for i := b.lo; i < b.hi; i++ {
		bias += float64(t.a[i]) + float64(t.b[i])
	}
	t.biases[b.id] = bias

	// Position p takes part in the joint pair p, its x in the marginal pair p
	// and its z in the one before.
	joint, marginal := first[:n*t.px.stride], first[n*t.px.stride:]
	f32.FoldPairs(t.px.from(b.lo), t.pz.from(b.first()), of(0), n, joint, marginal, t.px.stride)
}

// outer stores a block's part of the gradients of the matrices in g, or adds
// it; share says which rows of a matrix.
func (t *trainer) outer(w *worker, g *params, b block, accumulate bool, share func(rows int) (lo, hi int)) {
	// product adds rows [lo, hi) of in^T d over n rows.
	product := func(dst *matrix, n int, in *matrix, d *matrix, from int) {
		if lo, hi := share(dst.rows()); lo < hi {
			w.gemm.Gemm(true, false, hi-lo, dst.cols, n, in.from(from)[lo:], in.stride, d.from(from), d.stride,
				nil, accumulate, dst.from(lo), dst.stride)
		}
	}
	product(&g.wx, b.len(), &t.x, &t.px, b.lo)
	product(&g.wz, b.len()+1, &t.z, &t.pz, b.first())
	for k := 1; k < len(g.w); k++ {
		product(&g.w[k], 2*b.len(), &t.layers.h[k-1], &t.layers.d[k], 2*b.lo)
	}
}

// reduce adds up this worker's part of the gradient and hands it on: of
// weights i the rows [lo, hi), of vector i the elements [lo, hi).
func (t *trainer) reduce(w *worker, rows func(i, lo, hi int), elements func(i, lo, hi int)) {
	for i := range t.grad.weights {
		g := &t.grad.weights[i]
		// In memory that no other worker writes: the processors pass a line to
		// and fro for longer than it takes to add it up.
		w.units(g.rows(), func(lo, hi int) {
			sum, part := g.block(lo, hi-lo), t.chunks[0].grad.weights[i].block(lo, hi-lo)
			for _, c := range t.chunks[1:] {
				f32.Add(sum, part, c.grad.weights[i].block(lo, hi-lo))
				part = sum
			}
			if len(t.chunks) == 1 {
				copy(sum, part)
			}
			rows(i, lo, hi)
		})
	}
	for i, v := range t.grad.vectors {
		lo, hi := w.lanes(v.stride)
		if lo == hi {
			continue
		}
		f32.ColumnSums(v.data[lo:hi], len(t.blocks), t.sums.data[v.at+lo:], t.sums.stride)
		if i == len(t.grad.vectors)-1 && lo == 0 {
			var sum float64
			for _, b := range t.biases {
				sum += b
			}
			v.data[0] = float32(sum)
		}
		elements(i, lo, hi)
	}
}

// units calls f with this worker's part of n rows of weights, a unit that may be
// packed at a time, so that it is still in the cache when it is used again.
func (w *worker) units(n int, f func(lo, hi int)) {
	const unit = f32.PackUnit
	first, last := w.share((n + unit - 1) / unit)
	for u := first; u < last; u++ {
		f(u*unit, min((u+1)*unit, n))
	}
}

// lanes returns this worker's part of a row of stride floats: whole vectors, so
// that no part has a tail.
func (w *worker) lanes(stride int) (lo, hi int) {
	const lane = 8
	lo, hi = w.share(stride / lane)
	return lo * lane, hi * lane
}

// adamSteps returns the constants of a step, without and with weight decay.
func adamSteps(a backend.Adam, step uint64, rate float64) (plain, decaying f32.AdamStep) {
	s := float64(step + 1)
	bias1 := 1 - math.Pow(a.Beta1, s)
	root2 := math.Sqrt(1 - math.Pow(a.Beta2, s))
	plain = f32.AdamStep{
		Beta1:         float32(a.Beta1),
		OneMinusBeta1: float32(1 - a.Beta1),
		Beta2:         float32(a.Beta2),
		OneMinusBeta2: float32(1 - a.Beta2),
		Step:          float32(-rate * root2 / bias1), // ascent
		Eps:           float32(a.Epsilon * root2),
		Decay:         1,
	}
	decaying = plain
	decaying.Decay = float32(1 - rate*a.WeightDecay)
	return plain, decaying
}

// update applies Adam to this worker's part of every array, the fill of rows
// included: its gradient is zero and so it stays zero.
func (t *trainer) update(w *worker, step uint64, rate float64) {
	plain, decaying := adamSteps(t.spec.Adam, step, rate)
	t.reduce(w, func(i, lo, hi int) {
		n := hi - lo
		f32.Adam(t.p.weights[i].block(lo, n), t.grad.weights[i].block(lo, n), t.m.weights[i].block(lo, n), t.v.weights[i].block(lo, n), &decaying)
		t.pack(i, lo, hi)
	}, func(i, lo, hi int) {
		s := &plain
		if t.p.vectors[i].decays {
			s = &decaying
		}
		f32.Adam(t.p.vectors[i].data[lo:hi], t.grad.vectors[i].data[lo:hi], t.m.vectors[i].data[lo:hi], t.v.vectors[i].data[lo:hi], s)
	})
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
	t.packAll()
	t.m.load(s.M)
	t.v.load(s.V)
	return nil
}

func (t *trainer) Close() error {
	t.closed = true
	return nil
}
