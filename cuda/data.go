//go:build cuda

package cuda

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"gomine/cuda/internal/driver"
	"gomine/mine/backend"
)

// data is rows in the device's memory, or in the host's.
type data struct {
	device       *device
	hostX, hostZ backend.Matrix // as given
	resident     bool
	x, z         driver.Pointer // [rows, padded(cols)]
	memory       *driver.Memory
	carrier      carrier
	closed       atomic.Bool
}

// padded rounds columns up to four floats, the distance between rows on the
// device.
func padded(cols int) int { return (cols + 3) / 4 * 4 }

func (d *device) Load(x, z backend.Matrix) (backend.Data, error) {
	fail := func(err error) (backend.Data, error) { return nil, fmt.Errorf("cuda: load: %w", err) }
	if d.closed.Load() {
		return fail(backend.ErrClosed)
	}
	if err := backend.CheckPaired(x, z); err != nil {
		return fail(err)
	}
	own := &data{device: d, hostX: x, hostZ: z}
	err := d.gpu.Do(func() error {
		if err := d.resident.place(own); err != nil || !own.resident {
			return err
		}
		if err := own.upload(); err != nil {
			return errors.Join(err, d.resident.leave(own))
		}
		return nil
	})
	if err != nil {
		return fail(err)
	}
	return own, nil
}

// resident is what data on the device take, of all parts together.
type resident struct {
	mu    sync.Mutex
	limit int64 // 0 for one that depends on what is free
	bytes int64
}

// place makes room for data on the device if there is some; they stay where they are if not. Parts
// leave half of what is free, or holds their data, to their training.
func (r *resident) place(d *data) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	gpu := d.device.gpu
	free, err := gpu.Free()
	if err != nil {
		return err
	}
	limit := r.limit - r.bytes
	switch {
	case r.limit > 0:
	case d.device.part:
		limit = (free - r.bytes) / 2 // (free+r.bytes)/2 for all
	default:
		limit = free / 10 * 9
	}
	need := d.bytes()
	if need > min(limit, free) || d.largest() > mostFloats {
		return nil
	}
	d.memory = gpu.NewMemory()
	if err := d.open(); err != nil {
		if d.device.part && errors.Is(err, backend.ErrOutOfMemory) {
			err = nil // another one was quicker
		}
		return errors.Join(err, d.memory.Free())
	}
	d.resident = true
	r.bytes += need
	return nil
}

// leave frees the memory of data.
func (r *resident) leave(d *data) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bytes -= d.bytes()
	return d.memory.Free()
}

// mostFloats is the most of a side on the device: products find gathered rows by 32 bits, in vectors of
// four floats (FeedAcross in kernels/feed.cuh).
const mostFloats = 1 << 34

// largest is the floats of the larger side.
func (d *data) largest() int64 {
	return int64(d.hostX.Rows) * int64(padded(max(d.hostX.Cols, d.hostZ.Cols)))
}

// bytes is what the rows take on the device.
func (d *data) bytes() int64 {
	return 4 * int64(d.hostX.Rows) * int64(padded(d.hostX.Cols)+padded(d.hostZ.Cols))
}

func (d *data) open() (err error) {
	rows := 4 * int64(d.hostX.Rows)
	if d.x, err = d.memory.Alloc("data x", rows*int64(padded(d.hostX.Cols))); err != nil {
		return err
	}
	d.z, err = d.memory.Alloc("data z", rows*int64(padded(d.hostZ.Cols)))
	return err
}

func (d *data) upload() error {
	s := d.device.gpu.Stream()
	return errors.Join(d.carrier.up(s, d.x, d.hostX), d.carrier.up(s, d.z, d.hostZ))
}

func (d *data) Replace(x, z backend.Matrix) error {
	fail := func(err error) error { return fmt.Errorf("cuda: replace: %w", err) }
	if d.closed.Load() || d.device.closed.Load() {
		return fail(backend.ErrClosed)
	}
	if err := backend.CheckReplacement(d, x, z); err != nil {
		return fail(err)
	}
	// Into the same memory, whose addresses the graphs of trainers hold.
	err := d.device.gpu.Do(func() error {
		d.hostX, d.hostZ = x, z
		if !d.resident {
			return nil
		}
		return d.upload()
	})
	if err != nil {
		return fail(err)
	}
	return nil
}

func (d *data) Rows() int          { return d.hostX.Rows }
func (d *data) Dims() (dx, dz int) { return d.hostX.Cols, d.hostZ.Cols }

func (d *data) Close() error {
	if d.closed.Swap(true) || !d.resident {
		return nil
	}
	if err := d.device.gpu.Release(func() error { return d.device.resident.leave(d) }); err != nil {
		return fmt.Errorf("cuda: close data: %w", err)
	}
	return nil
}
