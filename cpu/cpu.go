// Package cpu is the backend for ordinary processors: float32, no cgo, on
// kernels in Go assembly on arm64 and where the processor has AVX2, and on gonum
// elsewhere.
//
// A run of training steps is one parallel region over persistent workers. In
// each step a worker takes its own blocks of the batch to the scores, back to
// the gradients, and its own rows of every parameter matrix through the update;
// the workers wait for one another in between, three times, and once more where
// the gradient is clipped. Every sum has a fixed order that no partition of the
// work changes, so the result does not depend on the number of threads.
package cpu

import (
	"fmt"
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

func (d *device) Capabilities() backend.Capabilities { return backend.All() }

// Divide returns backends of as many threads together as this one has, and of one at least each.
func (d *device) Divide(most int) ([]backend.Backend, error) {
	if d.closed.Load() {
		return nil, fmt.Errorf("cpu: divide: %w", backend.ErrClosed)
	}
	threads := len(d.pool.workers)
	parts := make([]backend.Backend, max(1, min(most, threads)))
	for i := range parts {
		parts[i] = &device{pool: newPool((threads + i) / len(parts))}
	}
	return parts, nil
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
	if err := backend.CheckPaired(x, z); err != nil {
		return nil, fmt.Errorf("cpu: load: %w", err)
	}
	return &data{device: d, x: x, z: z}, nil
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
	if err := backend.CheckReplacement(d, x, z); err != nil {
		return fmt.Errorf("cpu: replace: %w", err)
	}
	d.x, d.z = x, z
	return nil
}

func (d *data) Close() error {
	d.closed.Store(true)
	return nil
}

// use returns the data behind the interface if it is open and the device's own.
func (d *device) use(given backend.Data) (*data, error) {
	own, ok := given.(*data)
	switch {
	case d.closed.Load():
		return nil, backend.ErrClosed
	case !ok || own.device != d:
		return nil, fmt.Errorf("data of another backend: %w", backend.ErrShape)
	case own.closed.Load():
		return nil, fmt.Errorf("data: %w", backend.ErrClosed)
	}
	return own, nil
}

// selection is backend.Rows of data as the kernels read them: entries of it are
// counted from 0.
type selection struct {
	x, z  backend.Matrix // from the first row of a range on, else all rows
	index []int32        // row of every entry, nil for a range
}

func (d *data) choose(rows backend.Rows) selection {
	if rows.Index != nil {
		return selection{d.x, d.z, rows.Index[rows.Lo:rows.Hi]}
	}
	return selection{from(d.x, rows.Lo), from(d.z, rows.Lo), nil}
}

// from returns the rows of m from lo on.
func from(m backend.Matrix, lo int) backend.Matrix {
	m.Rows -= lo
	m.Data = m.Data[lo*m.Stride:]
	return m
}

// at returns the rows of x and z that entries are: the entries themselves, or
// numbers in dst, which may be entries.
func (s *selection) at(dst, entries []int32) []int32 {
	if s.index == nil {
		return entries
	}
	dst = dst[:len(entries)]
	for i, e := range entries {
		dst[i] = s.index[e]
	}
	return dst
}
