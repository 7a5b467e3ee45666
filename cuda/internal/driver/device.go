//go:build cuda

// Package driver is the part of CUDA's driver interface that the backend needs,
// on gorgonia.org/cu: a device with its kernels, memory, streams and graphs.
//
// A context belongs to the operating system's threads that use it, so a Device
// has one goroutine, locked to its thread, on which everything runs that is given
// to Do. All other functions of this package must be called from there. A Part of a
// Device has a thread of its own and shares the rest: context, kernels and memory.
//
// Nothing here uses the stream that all others of a context wait for, number 0, so that
// parts do not wait for each other.
package driver

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"gorgonia.org/cu"

	_ "gomine/cuda/check" // says what is wrong before gorgonia.org/cu ends the process
	"gomine/mine/backend"
)

// A Device is an open CUDA device, or a part of one.
type Device struct {
	*card
	whole  *Device // whose part it is; nil of one that was opened
	stream *Stream
	work   chan func()
	ended  chan struct{} // closed when nothing more is done
	closed bool
}

// card is what a device shares with its parts.
type card struct {
	Name            string
	Arch            int // compute capability, as in 90
	Multiprocessors int
	Shared          int // bytes of shared memory a block may have

	context     cu.CUContext
	functions   map[string]function
	synchronous bool
	lost        atomic.Bool
	spare       spare

	mu     sync.Mutex
	ending bool // no more parts
	parts  map[*Device]bool
}

// sharedOptIn is CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, which
// gorgonia.org/cu does not name.
const sharedOptIn cu.DeviceAttribute = 97

// Open opens a device, without kernels. If synchronous, every launch is waited for, so
// that an error names the kernel that made it.
func Open(ordinal int, synchronous bool) (*Device, error) {
	d := newDevice(&card{functions: map[string]function{}, synchronous: synchronous, parts: map[*Device]bool{}}, nil)
	if err := d.Do(func() error { return d.open(ordinal) }); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// newDevice starts the goroutine of a device.
func newDevice(c *card, whole *Device) *Device {
	d := &Device{card: c, whole: whole, work: make(chan func()), ended: make(chan struct{})}
	go func() {
		defer close(d.ended)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		for !d.closed {
			(<-d.work)()
		}
	}()
	return d
}

// Part returns a device with a thread and a stream of its own that shares everything else. It is
// to be closed; closing the whole device closes it too.
func (d *Device) Part() (*Device, error) {
	whole := d
	if d.whole != nil {
		whole = d.whole
	}
	d.mu.Lock()
	if d.ending {
		d.mu.Unlock()
		return nil, backend.ErrClosed
	}
	p := newDevice(d.card, whole)
	d.parts[p] = true
	d.mu.Unlock()
	err := p.Do(func() (err error) {
		if err := cu.SetCurrentContext(p.context); err != nil {
			return wrap("context", err)
		}
		p.stream, err = p.NewStream()
		return err
	})
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
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
	// A thread that waits asks again and again, which is quickest, but gives way to others: there may be
	// as many parts as processors.
	if d.context, err = device.MakeContext(cu.SchedYield); err != nil {
		return wrap("context", err)
	}
	_, total, err := d.MemoryInfo()
	if err != nil {
		return err
	}
	d.spare.most = total / spareShare
	d.stream, err = d.NewStream()
	return err
}

// Stream returns the queue of the device's own work. That of different parts is done side by side.
func (d *Device) Stream() *Stream { return d.stream }

// Do runs f on the device's thread. After Close it returns backend.ErrClosed.
func (d *Device) Do(f func() error) (err error) {
	done := make(chan struct{})
	work := func() {
		defer close(done)
		err = f()
		if errors.As(err, new(lostError)) {
			d.lost.Store(true)
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

// Release runs f, which frees things, on the device's thread, or for a part that is closed on
// that of the whole. When that is closed too, or where the device is lost, there is nothing to
// free any more.
func (d *Device) Release(f func() error) error {
	err := d.Do(func() error {
		if d.lost.Load() {
			return nil
		}
		return f()
	})
	switch {
	case !errors.Is(err, backend.ErrClosed):
		return err
	case d.whole != nil:
		return d.whole.Release(f)
	}
	return nil
}

// Close ends a part, or the context with all parts and frees all that is in it. It may be
// called twice.
func (d *Device) Close() error {
	var errs error
	end := d.endPart
	if d.whole == nil {
		end = d.end
		d.mu.Lock()
		d.ending = true
		parts := slices.Collect(maps.Keys(d.parts))
		d.mu.Unlock()
		for _, p := range parts {
			errs = errors.Join(errs, p.Close())
		}
	}
	err := d.Do(func() error {
		d.closed = true
		return end()
	})
	if !errors.Is(err, backend.ErrClosed) {
		errs = errors.Join(errs, err)
	}
	return errs
}

// endPart leaves what was not freed to the whole.
func (d *Device) endPart() error {
	d.mu.Lock()
	delete(d.parts, d)
	d.mu.Unlock()
	if d.stream == nil || d.lost.Load() {
		return nil
	}
	return d.stream.Close()
}

func (d *Device) end() error {
	if d.context == (cu.CUContext{}) {
		return nil
	}
	var err error
	if !d.lost.Load() {
		err = d.spare.drop()
		if d.stream != nil {
			err = errors.Join(err, d.stream.Close())
		}
	}
	if destroyed := d.context.Destroy(); !d.lost.Load() {
		return errors.Join(err, wrap("close", destroyed))
	}
	return nil
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
