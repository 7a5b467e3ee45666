package backendtest

import (
	"context"
	"fmt"
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

func (d *plainData[F]) Rows() int { return d.x.Rows }

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
