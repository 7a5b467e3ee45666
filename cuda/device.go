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
		gpu: gpu, precision: opt.Precision, folder: opt.Kernels, compiling: opt.Compiling, patience: patience,
		share: mostParts(), resident: &resident{limit: opt.MemoryLimit},
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
	return d.load(d.precision.needs)
}

// device is the backend, or a part of it.
type device struct {
	gpu       *driver.Device
	precision Precision
	part      bool      // whether others share the device
	share     int       // how many parts it may become
	resident  *resident // data of all parts
	folder    string    // of kernels; "" for the embedded PTX
	compiling func()    // nil once called
	compiled  bool      // whether there was PTX among the kernels
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
