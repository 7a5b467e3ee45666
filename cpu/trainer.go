package cpu

import (
	"fmt"

	"gomine/cpu/internal/f32"
	"gomine/mine/backend"
	"gomine/mine/objective"
	"gomine/mine/sampling"
)

// trainer runs steps on one critic.
//
// The batch is kept in the order of its marginal cycle: position p holds the
// entry that the cycle visits p-th, so that the joint pair at p is (x_p, z_p)
// and its marginal pairs (x_p, z_p+1), (x_p, z_p+2) and so on, and none needs a
// permutation. Every worker takes whole blocks of positions from the draw to the
// scores and, once all scores are known, back to the gradients. What a gradient
// sums over the batch is summed by blocks and, for matrices, by chunks of blocks,
// which the number of workers does not change.
type trainer struct {
	scorer
	spec  backend.Spec
	data  *data
	train backend.Rows
	pace  *pace

	batches sampling.Batches
	step    uint64
	logEMA  float64
	m, v    *params

	blocks  []block
	chunks  []chunk
	grad    *params
	sums    matrix    // [blocks, vectors], gradients of the vectors by block
	biases  []float64 // that of the output bias by block
	squares squares   // of grad, for its norm

	rows    []int32 // of the data, by position and those behind each block
	x, z    matrix  // these rows, but x by position alone
	px, pz  matrix  // dV/d(projections)
	layers  layers
	scores  batchScores
	scratch []scratch // per worker
}

// scratch is what a worker needs for a moment, small enough to stay in its cache.
type scratch struct {
	scores []float32 // as many as marginal pairs in the batch
	first  matrix    // projections of a block, then dV/d(inputs of layer 1)
}

func (d *device) NewTrainer(spec backend.Spec, given backend.Data, train backend.Rows) (backend.Trainer, error) {
	own, err := d.use(given)
	if err == nil {
		err = backend.CheckTraining(spec, own, train)
	}
	if err != nil {
		return nil, fmt.Errorf("cpu: new trainer: %w", err)
	}
	t := &trainer{
		scorer:  newScorer(d, spec.Network),
		spec:    spec,
		data:    own,
		train:   train,
		batches: sampling.NewBatches(train.Len(), spec.Batch, spec.Seed),
	}
	t.spec.Network = t.net
	t.allocate()
	return t, nil
}

// allocate makes the arrays of a step.
func (t *trainer) allocate() {
	net, n, k := t.net, t.spec.Batch, t.spec.Marginals
	t.m, t.v, t.grad = newParams(net), newParams(net), newParams(net)
	t.blocks = newBlocks(n, k)
	t.chunks = newChunks(t.blocks, net)
	t.sums = newMatrix(len(t.blocks), t.grad.vectorFloats())
	t.biases = make([]float64, len(t.blocks))
	if t.spec.Clips() {
		t.squares = newSquares(t.grad)
	}
	all := n + k*len(t.blocks)
	t.rows = make([]int32, all)
	t.x, t.z = newMatrix(n, net.DX), newMatrix(all, net.DZ)
	t.px, t.pz = newMatrix(n, net.Hidden[0]), newMatrix(all, net.Hidden[0])
	t.layers = newLayers((1+k)*n, net.Hidden, true)
	t.scores = newBatchScores(t.spec.Objective, n, k)

	most := 0 // rows of a block's projections, and of its layers
	for _, b := range t.blocks {
		_, rows := b.layer()
		most = max(most, 2*b.len()+k, rows)
	}
	t.pace = newPace(len(t.device.pool.workers), stepFLOP(net, n, k))
	for range t.pace.most() {
		t.scratch = append(t.scratch, scratch{f32.Aligned(n * k), newMatrix(most, net.Hidden[0])})
	}
}

// begin checks that the trainer can be used on its data and takes the workers.
func (t *trainer) begin(op string) error {
	if t.data.closed.Load() {
		return fmt.Errorf("cpu: %s: %w", op, backend.ErrClosed)
	}
	return t.scorer.begin(op)
}

// average returns the moving average of the steps done.
func (t *trainer) average() objective.Average {
	return objective.Average{Log: t.logEMA, Started: t.step > 0}
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
	n := t.net.NumParams()
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
	if err := s.Validate(t.net); err != nil {
		return fmt.Errorf("cpu: set state: %w", err)
	}
	t.step, t.logEMA = s.Step, s.LogEMA
	t.load(s.Params)
	t.m.load(s.M)
	t.v.load(s.V)
	return nil
}
