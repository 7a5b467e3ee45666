// Package cpu is the backend for ordinary processors: float32, no cgo, on
// kernels in Go assembly on arm64 and where the processor has AVX2, and on gonum
// elsewhere.
//
// A run of training steps is one parallel region over persistent workers. In
// each step a worker takes its own blocks of the batch to the scores, back to
// the gradients, and its own rows of every parameter matrix through the update;
// the workers wait for one another in between, three times. Every sum has a
// fixed order that no partition of the work changes, so the result does not
// depend on the number of threads.
package cpu

import (
	"fmt"
	"math"
	"runtime"
	"sync/atomic"

	"gomine/cpu/internal/f32"
	"gomine/mine/backend"
)

// Options configures Open. The zero value is valid.
type Options struct {
	// Threads is the number of workers; 0 means one per available processor.
	Threads int
}

// maxThreads bounds the workers, each of which has buffers of its own.
const maxThreads = 1024

// Open returns a backend that runs on the host's processors.
func Open(opt Options) (backend.Backend, error) {
	n := opt.Threads
	if n < 0 || n > maxThreads {
		return nil, fmt.Errorf("cpu: %d threads, want 0 to %d: %w", n, maxThreads, backend.ErrShape)
	}
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	return &device{pool: newPool(n)}, nil
}

type device struct {
	pool   *pool
	closed atomic.Bool
}

func (d *device) Name() string { return "cpu" }

func (d *device) Device() string {
	return fmt.Sprintf("%d threads, %s kernels", len(d.pool.workers), f32.Implementation())
}

func (d *device) Close() error {
	if !d.closed.Swap(true) {
		d.pool.close()
	}
	return nil
}

func (d *device) Load(x, z backend.Matrix) (backend.Data, error) {
	if d.closed.Load() {
		return nil, fmt.Errorf("cpu: load: %w", backend.ErrClosed)
	}
	if err := checkRows(x, z); err != nil {
		return nil, fmt.Errorf("cpu: load: %w", err)
	}
	return &data{device: d, x: x, z: z}, nil
}

// checkRows reports whether x and z are rows that belong together.
func checkRows(x, z backend.Matrix) error {
	for _, m := range []backend.Matrix{x, z} {
		if err := m.Validate(); err != nil {
			return err
		}
	}
	if x.Rows != z.Rows || x.Rows < 1 {
		return fmt.Errorf("x has %d rows, z has %d: %w", x.Rows, z.Rows, backend.ErrShape)
	}
	if x.Rows > math.MaxInt32 {
		return fmt.Errorf("%d rows, at most 2^31-1: %w", x.Rows, backend.ErrShape)
	}
	return nil
}

// data refers to the caller's arrays.
type data struct {
	device *device
	x, z   backend.Matrix
	closed atomic.Bool
}

func (d *data) Rows() int          { return d.x.Rows }
func (d *data) Dims() (dx, dz int) { return d.x.Cols, d.z.Cols }

func (d *data) Replace(x, z backend.Matrix) error {
	if d.closed.Load() || d.device.closed.Load() {
		return fmt.Errorf("cpu: replace: %w", backend.ErrClosed)
	}
	if err := checkRows(x, z); err != nil {
		return fmt.Errorf("cpu: replace: %w", err)
	}
	if x.Rows != d.x.Rows || x.Cols != d.x.Cols || z.Cols != d.z.Cols {
		return fmt.Errorf("cpu: replace: rows [%d, %d] and [%d, %d] by [%d, %d] and [%d, %d]: %w", d.x.Rows, d.x.Cols, d.z.Rows, d.z.Cols,
			x.Rows, x.Cols, z.Rows, z.Cols, backend.ErrShape)
	}
	d.x, d.z = x, z
	return nil
}

func (d *data) Close() error {
	d.closed.Store(true)
	return nil
}

// use returns the data behind the interface if a network of this backend can
// read it.
func (d *device) use(given backend.Data, n backend.Network) (*data, error) {
	own, ok := given.(*data)
	switch {
	case d.closed.Load():
		return nil, backend.ErrClosed
	case !ok || own.device != d:
		return nil, fmt.Errorf("data of another backend: %w", backend.ErrShape)
	case own.closed.Load():
		return nil, fmt.Errorf("data: %w", backend.ErrClosed)
	case own.x.Cols != n.DX || own.z.Cols != n.DZ:
		return nil, fmt.Errorf("data of %d and %d columns for a network of %d and %d: %w",
			own.x.Cols, own.z.Cols, n.DX, n.DZ, backend.ErrShape)
	}
	return own, nil
}
