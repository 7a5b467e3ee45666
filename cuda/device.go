//go:build cuda

package cuda

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"gomine/cuda/internal/driver"
	"gomine/mine/backend"
)

// Open opens a device. Errors wrap backend.ErrUnavailable if it is not there, or
// cannot do what is asked of it.
func Open(opt Options) (backend.Backend, error) {
	d, err := open(opt)
	if err != nil {
		return nil, fmt.Errorf("cuda: open: %w", err)
	}
	return d, nil
}

// oldestArch is the first compute capability that the kernels run on, tensorArch the
// first with TF32 tensor cores.
const (
	oldestArch = 70
	tensorArch = 80
)

func open(opt Options) (*device, error) {
	if err := opt.Precision.Validate(); err != nil {
		return nil, err
	}
	gpu, err := driver.Open(opt.Device, opt.Synchronous || os.Getenv("GOMINE_CUDA_SYNC") == "1")
	if err != nil {
		return nil, err
	}
	d := &device{
		gpu: gpu, precision: opt.Precision, limit: opt.MemoryLimit, folder: opt.Kernels, compiling: opt.Compiling, patience: patience,
	}
	if d.folder == "" {
		d.folder = os.Getenv(kernelsVariable)
	}
	began := time.Now()
	if err := d.choose(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	d.loading = time.Since(began)
	return d, nil
}

// choose decides on the precision and loads its kernels.
func (d *device) choose() error {
	switch arch := d.gpu.Arch; {
	case arch < oldestArch:
		return fmt.Errorf("%s has compute capability %d.%d, sm_%d, the kernels need 7.0: %w", d.gpu.Name, arch/10, arch%10, arch, backend.ErrUnavailable)
	case d.precision == Auto && arch >= tensorArch:
		d.precision = TF32x3
	case d.precision == Auto:
		d.precision = FP32
	case d.precision != FP32 && arch < tensorArch:
		return fmt.Errorf("%s has compute capability %d.%d, precision %s needs 8.0: %w", d.gpu.Name, arch/10, arch%10, d.precision, backend.ErrUnavailable)
	}
	return d.load("", d.precision.ending())
}

// device is the backend.
type device struct {
	gpu       *driver.Device
	precision Precision
	limit     int64  // of the memory of data
	folder    string // of kernels; "" for the embedded PTX
	compiling func() // nil once called
	compiled  bool   // whether there was PTX among the kernels
	loading   time.Duration
	patience  time.Duration
	path      path // for tests
	entry     *int // the only one of fusedKernels to use, for tests
	closed    atomic.Bool
}

func (d *device) Name() string { return "cuda" }

func (d *device) Device() string {
	return fmt.Sprintf("%s, sm_%d, %s", d.gpu.Name, d.gpu.Arch, d.precision)
}

func (d *device) Capabilities() backend.Capabilities { return backend.All() }

func (d *device) Close() error {
	if d.closed.Swap(true) {
		return nil
	}
	return d.gpu.Close()
}

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
		free, err := d.gpu.Free()
		if err != nil {
			return err
		}
		limit := d.limit
		if limit <= 0 {
			limit = free / 10 * 9
		}
		need := 4 * int64(x.Rows) * int64(padded(x.Cols)+padded(z.Cols))
		if need > min(limit, free) {
			return nil // they stay where they are
		}
		own.memory = d.gpu.NewMemory(0)
		if err := own.open(); err != nil {
			return errors.Join(err, own.memory.Free())
		}
		own.resident = true
		return nil
	})
	if err != nil {
		return fail(err)
	}
	return own, nil
}

func (d *data) open() (err error) {
	rows := 4 * int64(d.hostX.Rows)
	if d.x, err = d.memory.Alloc("data x", rows*int64(padded(d.hostX.Cols))); err != nil {
		return err
	}
	if d.z, err = d.memory.Alloc("data z", rows*int64(padded(d.hostZ.Cols))); err != nil {
		return err
	}
	return d.upload()
}

func (d *data) upload() error {
	return errors.Join(d.carrier.up(d.x, d.hostX), d.carrier.up(d.z, d.hostZ))
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
	if err := d.device.gpu.Release(d.memory.Free); err != nil {
		return fmt.Errorf("cuda: close data: %w", err)
	}
	return nil
}

// use returns the data behind the interface if it is of this backend and open.
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
