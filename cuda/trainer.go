//go:build cuda

package cuda

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"gomine/cuda/internal/driver"
	"gomine/cuda/internal/kernel"
	"gomine/mine/backend"
)

// path is the way a step is computed.
type path uint8

const (
	pathAuto  path = iota
	pathFused      // two kernels
	pathTiled      // a chain of matrix products
)

// trainer is one critic in training.
type trainer struct {
	scorer
	spec  backend.Spec
	data  *data
	train backend.Rows
	index driver.Pointer // of the training rows; 0 for a range

	step   uint64
	logEMA float64

	grad    driver.Pointer // of Gradient, and of steps that clip it
	stepper stepper
	clip    *clip // nil if gradients are not clipped

	clock         driver.Pointer // step and place in the rings, of a graph's first step
	control       driver.Pointer // ring of Adam's constants
	values, ema   driver.Pointer // rings
	rows, entries driver.Pointer // by position: of the batches of a graph, of its first one
	graphs        map[graphKey]*driver.Graph
	pace          pace
	feed          *feed    // of data in the host's memory
	rowwise       *rowwise // of ObjectiveGradients
}

// A stepper queues the kernels of a step: number i of a graph, whose rows are drawn,
// from src. If grad is not 0 it stores the gradient there in place of an update.
type stepper interface {
	step(t *trainer, src source, i int, grad driver.Pointer) error
}

// source is where a step takes its rows from.
type source struct {
	x, z     driver.Pointer
	index    driver.Pointer // of the training rows; 0 for a range
	first    int            // the first of them
	streamed bool           // the rows of step i, in the order of positions, start at i*batch
}

type graphKey struct {
	steps int
	x     driver.Pointer // of the source
}

// ring is the most steps between two looks at the host's memory.
const ring = 1024

// patience is about how long the work may take that is queued at a time, and so a
// Train whose context has ended.
const patience = 100 * time.Millisecond

// pace is how many steps are queued at a time: as many as take the patience, by the time
// that those before took, in whole graphs.
type pace struct{ steps int }

// newPace knows nothing yet.
func newPace() pace { return pace{graphSteps[0]} }

// learn takes note that some steps took so long.
func (p *pace) learn(steps int, took, patience time.Duration) {
	fit := int(min(ring, int64(steps)*int64(patience)/max(1, int64(took))))
	for _, size := range graphSteps {
		if fit >= size {
			p.steps = fit / size * size
			return
		}
	}
	p.steps = 1
}

// graphSteps are the sizes of graphs, largest first.
var graphSteps = []int{32, 8, 1}

func (d *device) NewTrainer(spec backend.Spec, given backend.Data, train backend.Rows) (backend.Trainer, error) {
	fail := func(err error) (backend.Trainer, error) { return nil, fmt.Errorf("cuda: new trainer: %w", err) }
	if d.closed.Load() {
		return fail(backend.ErrClosed)
	}
	own, err := d.use(given)
	if err != nil {
		return fail(err)
	}
	if err := backend.CheckTraining(spec, own, train); err != nil {
		return fail(err)
	}
	t := &trainer{scorer: newScorer(d, spec.Network), spec: spec, data: own, train: train, graphs: map[graphKey]*driver.Graph{}, pace: newPace()}
	t.spec.Network = t.net
	if err := d.gpu.Do(t.open); err != nil {
		return fail(err)
	}
	return t, nil
}

// open allocates; after an error nothing stays allocated.
func (t *trainer) open() (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, t.release())
		}
	}()
	if err := t.scorer.open(); err != nil {
		return err
	}
	params, batch := 4*int64(t.layout.size), 4*int64(t.spec.Batch)
	for _, a := range []struct {
		what  string
		to    *driver.Pointer
		bytes int64
	}{
		{"first moments", &t.m, params}, {"second moments", &t.v, params}, {"gradient", &t.grad, params},
		{"clock", &t.clock, 16}, {"rates", &t.control, 16 * ring}, {"values", &t.values, 8 * ring}, {"moving averages", &t.ema, 8 * (ring + 1)},
		{"rows", &t.rows, batch * int64(graphSteps[0])}, {"entries", &t.entries, batch},
	} {
		if *a.to, err = t.memory.Alloc(a.what, a.bytes); err != nil {
			return err
		}
	}
	if t.stepper, err = t.newStepper(); err != nil {
		return err
	}
	if t.spec.Clips() {
		if t.clip, err = newClip(t); err != nil {
			return err
		}
	}
	if t.index, err = uploadIndex(t.memory, t.train); err != nil {
		return err
	}
	if !t.data.resident {
		t.feed, err = newFeed(t)
	}
	return err
}

// newStepper chooses the path.
func (t *trainer) newStepper() (stepper, error) {
	f, ok := newFused(t)
	if t.device.path != pathTiled && ok {
		return f, f.open(t)
	}
	s := newTiled(t)
	return s, s.open(t)
}

// release frees everything that open and later calls allocated.
func (t *trainer) release() error {
	var err error
	for _, g := range t.graphs {
		err = errors.Join(err, g.Close())
	}
	clear(t.graphs)
	if t.feed != nil {
		err = errors.Join(err, t.feed.close())
	}
	if t.rowwise != nil {
		err = errors.Join(err, t.rowwise.close())
	}
	return errors.Join(err, t.scorer.release())
}

func (t *trainer) Close() error {
	if t.closed {
		return nil
	}
	t.closed = true
	if err := t.device.gpu.Release(t.release); err != nil {
		return fmt.Errorf("cuda: close trainer: %w", err)
	}
	return nil
}

// doOnData is do for what needs the training rows.
func (t *trainer) doOnData(op string, f func() error) error {
	if t.data.closed.Load() {
		return fmt.Errorf("cuda: %s: %w", op, backend.ErrClosed)
	}
	return t.do(op, f)
}

func (t *trainer) Train(ctx context.Context, rates, values []float64) (int, error) {
	if len(values) != len(rates) {
		return 0, fmt.Errorf("cuda: train: %d values for %d rates: %w", len(values), len(rates), backend.ErrShape)
	}
	done := 0
	err := t.doOnData("train", func() error {
		for done < len(rates) {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("stopped after %d of %d steps: %w", done, len(rates), err)
			}
			hi := min(done+t.pace.steps, len(rates))
			began := time.Now()
			n, err := t.run(ctx, rates[done:hi], values[done:hi])
			t.pace.learn(n, time.Since(began), t.device.patience)
			done += n
			if err != nil {
				return err
			}
		}
		return nil
	})
	return done, err
}

// run trains up to ring steps and returns how many were done: fewer if the
// context ends, which is no error here.
func (t *trainer) run(ctx context.Context, rates, values []float64) (int, error) {
	control := make([]float32, 0, 4*len(rates))
	for i, rate := range rates {
		control = append(control, controlOf(t.spec.Adam, t.step+uint64(i), rate, 1)...)
	}
	if err := errors.Join(t.setClock(), driver.Upload(t.stream, t.control, control)); err != nil {
		return 0, err
	}
	done := 0
	for _, size := range graphSteps {
		if t.feed != nil && size > t.feed.steps {
			continue
		}
		for done+size <= len(rates) && ctx.Err() == nil {
			src, err := t.source(t.step+uint64(done), size)
			if err != nil {
				return 0, err
			}
			if err := t.launch(src, size); err != nil {
				return 0, err
			}
			done += size
		}
	}
	if done == 0 {
		return 0, nil
	}
	ema := make([]float64, 1)
	if err := errors.Join(driver.Download(t.stream, values[:done], t.values), driver.Download(t.stream, ema, t.ema.Double(done))); err != nil {
		return 0, err
	}
	t.step += uint64(done)
	if t.spec.Objective.Kind.Averages() {
		t.logEMA = ema[0]
	}
	return done, nil
}

// adam holds the constants of the optimiser as the kernels take them; gain is 1 -
// beta, which a float would lose digits of.
type adam struct{ beta1, gain1, beta2, gain2, epsilon float32 }

func adamOf(a backend.Adam) adam {
	return adam{float32(a.Beta1), float32(1 - a.Beta1), float32(a.Beta2), float32(1 - a.Beta2), float32(a.Epsilon)}
}

// controlOf returns what adam_step reads of a step: its rate, bias corrections
// and decay, and the factor of the gradient.
func controlOf(a backend.Adam, step uint64, rate, scale float64) []float32 {
	s := float64(step) + 1
	return []float32{float32(rate / (1 - math.Pow(a.Beta1, s))), float32(1 / (1 - math.Pow(a.Beta2, s))), float32(1 - rate*a.WeightDecay), float32(scale)}
}

// setClock tells the device which step comes next.
func (t *trainer) setClock() error {
	return errors.Join(driver.Upload(t.stream, t.clock, []uint64{t.step, 0}), driver.Upload(t.stream, t.ema, []float64{t.logEMA}))
}

// source returns where the next steps find their rows.
func (t *trainer) source(step uint64, steps int) (source, error) {
	if t.data.resident {
		return source{x: t.data.x, z: t.data.z, index: t.index, first: firstRow(t.train)}, nil
	}
	return t.feed.fill(t, step, steps)
}

// launch queues some steps: as a graph, except where every kernel is waited for.
func (t *trainer) launch(src source, steps int) error {
	queue := func() error {
		if err := t.draw(src, steps); err != nil {
			return err
		}
		for i := range steps {
			if err := t.queue(src, i); err != nil {
				return err
			}
		}
		return kernel.Advance(t.stream, driver.Dim{X: 1, Y: 1, Z: 1}, 0, kernel.AdvanceArgs{Clock: t.clock, Steps: steps})
	}
	if t.device.gpu.Synchronous() {
		return queue()
	}
	key := graphKey{steps, src.x}
	g := t.graphs[key]
	if g == nil {
		var err error
		if g, err = t.stream.Capture(queue); err != nil {
			return err
		}
		t.graphs[key] = g
	}
	return g.Launch(t.stream)
}

// queue queues step i of a graph.
func (t *trainer) queue(src source, i int) error {
	if t.clip == nil {
		return t.stepper.step(t, src, i, 0)
	}
	if err := t.stepper.step(t, src, i, t.grad); err != nil {
		return err
	}
	return t.clip.update(t, i)
}

func (t *trainer) Batch(step uint64) (rows, next []int, err error) {
	n := t.spec.Batch
	rows, next = make([]int, n), make([]int, n)
	err = t.doOnData("batch", func() error {
		if err := driver.Upload(t.stream, t.clock, []uint64{step, 0}); err != nil {
			return err
		}
		if err := t.draw(source{}, 1); err != nil {
			return err
		}
		at, entries := make([]int32, n), make([]int32, n)
		if err := errors.Join(driver.Download(t.stream, at, t.rows), driver.Download(t.stream, entries, t.entries)); err != nil {
			return err
		}
		for p, e := range entries {
			rows[e] = int(at[p])
			next[e] = int(entries[(p+1)%n])
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return rows, next, nil
}

// draw queues the choice of the rows of a graph's steps.
func (t *trainer) draw(src source, steps int) error {
	streamed := 0
	if src.streamed {
		streamed = 1
	}
	grid := blocks(t.spec.Batch, 256)
	grid.Y = steps
	return kernel.Draw(t.stream, grid, 0, kernel.DrawArgs{
		Rows: t.rows, Entries: t.entries, Index: src.index, Clock: t.clock, Seed: t.spec.Seed,
		N: t.train.Len(), First: src.first, Batch: t.spec.Batch, Streamed: streamed,
	})
}

// rowsOf is where draw put the rows of step i of a graph.
func (t *trainer) rowsOf(i int) driver.Pointer { return t.rows.Float(i * t.spec.Batch) }

// blocks is a grid of as many blocks of size as n needs.
func blocks(n, size int) driver.Dim { return driver.Dim{X: (n + size - 1) / size, Y: 1, Z: 1} }

func (t *trainer) State() (backend.State, error) {
	n := t.net.NumParams()
	s := backend.State{Step: t.step, LogEMA: t.logEMA, Params: make([]float32, n), M: make([]float32, n), V: make([]float32, n)}
	err := t.do("state", func() error { return t.read(t.stream, s) })
	if err != nil {
		return backend.State{}, err
	}
	return s, nil
}

func (t *trainer) SetState(s backend.State) error {
	return t.do("set state", func() error {
		if err := s.Validate(t.net); err != nil {
			return err
		}
		if err := t.write(t.stream, s); err != nil {
			return err
		}
		t.step, t.logEMA = s.Step, s.LogEMA
		return nil
	})
}
