//go:build cuda

// Package driver is the part of CUDA's driver interface that the backend needs,
// on gorgonia.org/cu: a device with its kernels, memory, streams and graphs.
//
// A context belongs to the operating system's thread that uses it, so a Device
// has one goroutine, locked to its thread, on which everything runs that is given
// to Do. All other functions of this package must be called from there.
package driver

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unsafe"

	"gorgonia.org/cu"

	_ "gomine/cuda/check" // says what is wrong before gorgonia.org/cu ends the process
	"gomine/mine/backend"
)

// A Device is an open CUDA device.
type Device struct {
	Name            string
	Arch            int // compute capability, as in 90
	Multiprocessors int
	Shared          int // bytes of shared memory a block may have

	context     cu.CUContext
	functions   map[string]function
	synchronous bool
	work        chan func()
	ended       chan struct{} // closed when nothing more is done
	closed      bool
	lost        bool
}

// sharedOptIn is CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, which
// gorgonia.org/cu does not name.
const sharedOptIn cu.DeviceAttribute = 97

// Open opens a device, without kernels. If synchronous, every launch is waited for, so
// that an error names the kernel that made it.
func Open(ordinal int, synchronous bool) (*Device, error) {
	d := &Device{
		functions:   map[string]function{},
		synchronous: synchronous,
		work:        make(chan func()),
		ended:       make(chan struct{}),
	}
	go func() {
		defer close(d.ended)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		for !d.closed {
			(<-d.work)()
		}
	}()
	if err := d.Do(func() error { return d.open(ordinal) }); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Device) open(ordinal int) error {
	n, err := cu.NumDevices()
	if err != nil {
		return wrap("count devices", err)
	}
	if ordinal < 0 || ordinal >= n {
		return fmt.Errorf("device %d of %d: %w", ordinal, n, backend.ErrUnavailable)
	}
	device, err := cu.GetDevice(ordinal)
	if err != nil {
		return wrap("device", err)
	}
	if d.Name, err = device.Name(); err != nil {
		return wrap("device name", err)
	}
	d.Name = strings.TrimRight(d.Name, "\x00")
	var major, minor int
	for _, a := range []struct {
		of    cu.DeviceAttribute
		value *int
	}{{cu.ComputeCapabilityMajor, &major}, {cu.ComputeCapabilityMinor, &minor},
		{cu.MultiprocessorCount, &d.Multiprocessors}, {sharedOptIn, &d.Shared}} {
		if *a.value, err = device.Attribute(a.of); err != nil {
			return wrap("device attribute", err)
		}
	}
	d.Arch = 10*major + minor
	d.context, err = device.MakeContext(cu.SchedAuto)
	return wrap("context", err)
}

// Do runs f on the device's thread. After Close it returns backend.ErrClosed.
func (d *Device) Do(f func() error) (err error) {
	done := make(chan struct{})
	work := func() {
		defer close(done)
		err = f()
		if errors.As(err, new(lostError)) {
			d.lost = true
		}
	}
	select {
	case d.work <- work:
		<-done
		return err
	case <-d.ended:
		return backend.ErrClosed
	}
}

// lostError is an error after which a context is of no use.
type lostError struct{ error }

func (e lostError) Error() string { return "device lost: " + e.error.Error() }
func (e lostError) Unwrap() error { return e.error }

// Release runs f, which frees things, on the device's thread. After Close, or
// where the device is lost, there is nothing to free any more.
func (d *Device) Release(f func() error) error {
	err := d.Do(func() error {
		if d.lost {
			return nil
		}
		return f()
	})
	if errors.Is(err, backend.ErrClosed) {
		return nil
	}
	return err
}

// Close ends the context and frees all that is in it. It may be called twice.
func (d *Device) Close() error {
	err := d.Do(func() error {
		d.closed = true
		if d.context == (cu.CUContext{}) {
			return nil
		}
		if err := d.context.Destroy(); !d.lost {
			return wrap("close", err)
		}
		return nil
	})
	if errors.Is(err, backend.ErrClosed) {
		return nil
	}
	return err
}

// Free returns how many bytes of the device's memory are unused.
func (d *Device) Free() (int64, error) {
	free, _, err := d.MemoryInfo()
	return free, err
}

// MemoryInfo returns how many bytes of the device's memory are unused, and how many
// there are.
func (d *Device) MemoryInfo() (free, total int64, err error) {
	free, total, err = cu.MemInfo()
	return free, total, wrap("memory info", err)
}

// fatal lists the errors that the driver says leave a process in an inconsistent
// state.
var fatal = map[error]bool{
	cu.LaunchFailed: true, cu.IllegalAddress: true, cu.LaunchTimeout: true, cu.HardwareStackError: true, cu.IllegalInstruction: true,
	cu.MisalignedAddress: true, cu.InvalidAddressSpace: true, cu.InvalidPc: true, cu.EccUncorrectable: true, cu.Unknown: true,
	cu.Assert: true, cu.ContextIsDestroyed: true, cu.NvlinkUncorrectable: true,
}

// wrap gives an error of the driver the name of the operation.
func wrap(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case err == cu.OutOfMemory:
		return fmt.Errorf("%s: %v: %w", op, err, backend.ErrOutOfMemory)
	case fatal[err]:
		return lostError{fmt.Errorf("%s: %w", op, err)}
	}
	return fmt.Errorf("%s: %w", op, err)
}

// Pointer is an address in the device's memory; 0 is none.
type Pointer uint64

// Float returns the address of element i of an array of 4-byte elements.
func (p Pointer) Float(i int) Pointer { return p + Pointer(4*i) }

// Double returns the address of element i of an array of 8-byte elements.
func (p Pointer) Double(i int) Pointer { return p + Pointer(8*i) }

// Memory is a number of arrays that are freed together.
type Memory struct {
	device *Device
	all    []cu.DevicePtr
	bytes  int64
	limit  int64
}

// NewMemory returns memory that may take up to limit bytes; 0 means what there
// is.
func (d *Device) NewMemory(limit int64) *Memory { return &Memory{device: d, limit: limit} }

// Alloc returns an array of zeros, at a multiple of 256 bytes.
func (m *Memory) Alloc(what string, bytes int64) (Pointer, error) {
	bytes = max(bytes, 16)
	free, err := m.device.Free()
	if err != nil {
		return 0, err
	}
	if m.limit > 0 {
		free = min(free, m.limit-m.bytes)
	}
	full := func() error {
		return fmt.Errorf("%s needs %d bytes, %d are free: %w; smaller batches and layers need less, and data can stay in the host's memory",
			what, bytes, free, backend.ErrOutOfMemory)
	}
	if bytes > free {
		return 0, full()
	}
	p, err := cu.MemAlloc(bytes)
	if err == cu.OutOfMemory {
		return 0, full()
	}
	if err != nil {
		return 0, wrap(what, err)
	}
	m.all = append(m.all, p)
	m.bytes += bytes
	return Pointer(p), wrap(what, cu.MemsetD8(p, 0, bytes))
}

// Free frees everything; the memory can be used again.
func (m *Memory) Free() error {
	var all error
	for _, p := range m.all {
		all = errors.Join(all, wrap("free", cu.MemFree(p)))
	}
	m.all, m.bytes = nil, 0
	return all
}

// Upload copies a slice to the device, and waits.
func Upload[T any](to Pointer, from []T) error {
	if len(from) == 0 {
		return nil
	}
	return wrap("upload", cu.MemcpyHtoD(cu.DevicePtr(to), unsafe.Pointer(unsafe.SliceData(from)), size(from)))
}

// Download copies from the device to a slice, and waits for the work that was
// given to streams before.
func Download[T any](to []T, from Pointer) error {
	if len(to) == 0 {
		return nil
	}
	return wrap("download", cu.MemcpyDtoH(unsafe.Pointer(unsafe.SliceData(to)), cu.DevicePtr(from), size(to)))
}

func size[T any](s []T) int64 { return int64(len(s)) * int64(unsafe.Sizeof(s[0])) }
