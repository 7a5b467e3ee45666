//go:build cuda

package cuda

import (
	"context"
	"errors"
	"fmt"

	"gomine/cuda/internal/driver"
	"gomine/mine/backend"
)

func (t *trainer) Gradient(ctx context.Context, grad []float32) (float64, error) {
	if want := t.net.NumParams(); len(grad) != want {
		return 0, fmt.Errorf("cuda: gradient of %d values, network has %d parameters: %w", len(grad), want, backend.ErrShape)
	}
	value := make([]float64, 1)
	err := t.doOnData("gradient", func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		src, err := t.source(t.step, 1)
		if err != nil {
			return err
		}
		device := make([]float32, t.layout.size)
		err = errors.Join(t.setClock(), t.draw(src, 1), t.stepper.step(t, src, 0, t.grad), driver.Download(t.stream, device, t.grad), driver.Download(t.stream, value, t.values))
		t.layout.gather(device, grad)
		return err
	})
	return value[0], err
}

// rowwise is what ObjectiveGradients works in, allocated when first needed and
// kept.
type rowwise struct {
	memory *driver.Memory
	pass   *pass          // the stepper's, if it has one
	gx, gz driver.Pointer // dV/drows, by position
}

func (t *trainer) openRowwise() (*rowwise, error) {
	if t.rowwise != nil {
		return t.rowwise, nil
	}
	r := &rowwise{memory: t.device.gpu.NewMemory()}
	err := func() (err error) {
		if s, ok := t.stepper.(*tiled); ok {
			r.pass = &s.pass
		} else {
			r.pass = newPass(t)
			if err := r.pass.open(t, r.memory); err != nil {
				return err
			}
		}
		rows := 4 * int64(t.spec.Batch)
		if r.gx, err = r.memory.Alloc("dV/dx", rows*int64(padded(t.net.DX))); err != nil {
			return err
		}
		r.gz, err = r.memory.Alloc("dV/dz", rows*int64(padded(t.net.DZ)))
		return err
	}()
	if err != nil {
		return nil, errors.Join(err, r.close())
	}
	t.rowwise = r
	return r, nil
}

func (r *rowwise) close() error { return r.memory.Free() }

func (t *trainer) ObjectiveGradients(ctx context.Context, gx, gz backend.Matrix) (float64, error) {
	value := make([]float64, 1)
	err := t.doOnData("objective gradients", func() error {
		n := t.spec.Batch
		if err := errors.Join(gx.CheckShape("gx", n, t.net.DX), gz.CheckShape("gz", n, t.net.DZ)); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		r, err := t.openRowwise()
		if err != nil {
			return err
		}
		src, err := t.source(t.step, 1)
		if err != nil {
			return err
		}
		if err := errors.Join(t.setClock(), t.draw(src, 1), r.pass.run(t, src, 0, 0)); err != nil {
			return err
		}
		entries := make([]int32, n)
		return errors.Join(driver.Download(t.stream, value, t.values), driver.Download(t.stream, entries, t.entries),
			t.inputs(r.gx, r.pass.layers.px, weightsX, gx, entries), t.inputs(r.gz, r.pass.layers.pz, weightsZ, gz, entries))
	})
	return value[0], err
}
