package cpu

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gomine/cpu/internal/f32"
	"gomine/mine/backend"
	"gomine/mine/sampling"
)

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
	first, average := t.step, t.average()
	done, until := 0, 0
	more := true
	region := func(w *worker) {
		avg := average
		for i := done; more; i++ {
			step := first + uint64(i)
			avg = t.gradient(w, step, avg, &values[i])
			t.update(w, step, rates[i])
			if w.id == 0 {
				done, t.logEMA = i+1, avg.Log
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
		until, more = from+min(steps, len(rates)-from), true
		t.device.pool.run(workers, region)
		t.step = first + uint64(done)
		average = t.average()
		t.pace.done(done-from, time.Since(start))
	}
	if done < len(rates) {
		return done, fmt.Errorf("cpu: train: stopped after %d of %d steps: %w", done, len(rates), ctx.Err())
	}
	return done, nil
}

func (t *trainer) Gradient(ctx context.Context, grad []float32) (float64, error) {
	if want := t.net.NumParams(); len(grad) != want {
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
		t.gradient(w, t.step, t.average(), &value)
		t.parts(w, t.sumRows, t.sumElements)
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
		t.gradient(w, t.step, t.average(), &value)
		lo, hi := w.share(len(t.blocks))
		for _, b := range t.blocks[lo:hi] {
			t.takeOver(b)
			t.inputs(w, &cycle, b, gx, gz)
		}
	})
	return value, nil
}

// takeOver adds to the derivatives of a block's z what is left of them in other
// blocks: pairs of up to as many positions before it as a position has marginal
// pairs take their z from this block. Those positions may be all of the batch but
// one, the end of the block itself among them.
func (t *trainer) takeOver(b block) {
	from := b
	for apart := 0; apart < b.over; apart += from.len() {
		from = t.blocks[(from.id+len(t.blocks)-1)%len(t.blocks)]
		n := min(b.over-apart, b.len())
		own := t.pz.block(b.first(), n)
		f32.Add(own, own, t.pz.block(from.behind()+apart, n))
	}
}

// inputs takes the derivatives of a block's projections to its rows.
func (t *trainer) inputs(w *worker, cycle *sampling.Cycle, b block, gx, gz backend.Matrix) {
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
