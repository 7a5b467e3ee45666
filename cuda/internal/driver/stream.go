//go:build cuda

package driver

// #include <cuda.h>
// #include <stdint.h>
//
// enum { most_args = 32 };
//
// // launch launches f with blocks of so many threads and n <= most_args arguments of 8 bytes
// // each, which the driver copies before it returns.
// static CUresult launch(CUfunction f, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned shared, CUstream stream,
// 		const uint64_t *args, int n) {
// 	void *at[most_args];
// 	for (int i = 0; i < n; i++) at[i] = (void *)&args[i];
// 	return cuLaunchKernel(f, x, y, z, threads, 1, 1, shared, stream, at, NULL);
// }
import "C"

import (
	"errors"
	"fmt"
	"math"
	"unsafe"

	"gorgonia.org/cu"

	"gomine/mine/backend"
)

// Dim is the number of blocks of a grid in each direction; a direction of 0 or
// less makes the launch do nothing.
type Dim struct{ X, Y, Z int }

// Arg is an argument of a kernel as it lies in memory: all are passed as 8
// bytes, of which the kernel reads the first ones.
type Arg uint64

// Constructors of arguments.
func Address(p Pointer) Arg { return Arg(p) }
func Int(v int) Arg         { return Arg(uint32(int32(v))) }
func Uint64(v uint64) Arg   { return Arg(v) }
func Float32(v float32) Arg { return Arg(math.Float32bits(v)) }
func Float64(v float64) Arg { return Arg(math.Float64bits(v)) }

// A Stream is a queue of work on a device.
type Stream struct {
	device    *Device
	stream    cu.Stream
	capturing bool
	args      [C.most_args]Arg // of the launch under way
}

// NewStream returns an empty queue.
func (d *Device) NewStream() (*Stream, error) {
	s, err := cu.MakeStream(cu.NonBlocking)
	if err != nil {
		return nil, wrap("stream", err)
	}
	return &Stream{device: d, stream: s}, nil
}

// Close waits for the queue and frees it.
func (s *Stream) Close() error {
	return errors.Join(wrap("close stream", s.stream.Synchronize()), wrap("close stream", s.stream.Destroy()))
}

// Launch queues a kernel with that many threads a block and bytes of dynamic
// shared memory.
func (s *Stream) Launch(kernel string, grid Dim, threads, shared int, args ...Arg) error {
	if grid.X < 1 || grid.Y < 1 || grid.Z < 1 {
		return nil
	}
	d := s.device
	f, ok := d.functions[kernel]
	if !ok {
		return fmt.Errorf("kernel %s: not for %s, sm_%d: %w", kernel, d.Name, d.Arch, backend.ErrUnavailable)
	}
	if shared > f.dynamic {
		return fmt.Errorf("kernel %s: %d bytes of dynamic shared memory, %d at most: %w", kernel, shared, f.dynamic, backend.ErrUnavailable)
	}
	n := copy(s.args[:], args)
	if n < len(args) {
		return fmt.Errorf("kernel %s: %d arguments, %d at most", kernel, len(args), n)
	}
	r := C.launch(f.handle, C.uint(grid.X), C.uint(grid.Y), C.uint(grid.Z), C.uint(threads), C.uint(shared), stream(s.stream),
		(*C.uint64_t)(unsafe.Pointer(&s.args[0])), C.int(n))
	if r != C.CUDA_SUCCESS {
		return wrap("launch kernel "+kernel, code(r))
	}
	if d.synchronous && !s.capturing {
		return wrap("kernel "+kernel, s.stream.Synchronize())
	}
	return nil
}

// Synchronize waits for all work in the queue.
func (s *Stream) Synchronize() error { return wrap("synchronize", s.stream.Synchronize()) }

// WaitFor holds what is queued from now on until the event, where it is now, has come;
// not at all if it was never recorded.
func (s *Stream) WaitFor(e *Event) error { return wrap("wait for event", s.stream.Wait(e.event, 0)) }

// Fill queues the setting of n 4-byte elements.
func (s *Stream) Fill(p Pointer, value uint32, n int) error {
	if n == 0 {
		return nil
	}
	return wrap("fill", cu.MemsetD32Async(cu.DevicePtr(p), uint(value), int64(n), s.stream))
}

// CopyIn queues a copy of n floats of pinned memory, from number first on, to the
// device.
func (s *Stream) CopyIn(to Pointer, from *Pinned, first, n int) error {
	return wrap("copy to the device", cu.MemcpyHtoDAsync(cu.DevicePtr(to), unsafe.Add(from.p, 4*first), 4*int64(n), s.stream))
}

// Capture returns as a graph the work that f queues, which is not done yet.
func (s *Stream) Capture(f func() error) (*Graph, error) {
	if err := beginCapture(s.stream); err != nil {
		return nil, wrap("capture", err)
	}
	s.capturing = true
	err := f()
	s.capturing = false
	g, endErr := endCapture(s.stream)
	if err == nil {
		return g, wrap("capture", endErr)
	}
	if g != nil {
		err = errors.Join(err, g.Close())
	}
	return nil, err
}

// Synchronous says whether every launch is waited for.
func (d *Device) Synchronous() bool { return d.synchronous }

// An Event is a place in the work of a stream.
type Event struct{ event cu.Event }

// NewEvent returns an event that is nowhere yet.
func NewEvent() (*Event, error) {
	e, err := cu.MakeEvent(cu.DisableTiming)
	if err != nil {
		return nil, wrap("event", err)
	}
	return &Event{e}, nil
}

// Record puts the event behind all work queued so far.
func (e *Event) Record(s *Stream) error { return wrap("record event", e.event.Record(s.stream)) }

// Wait returns when the work before the event is done; at once if it was never
// recorded.
func (e *Event) Wait() error { return wrap("wait for event", e.event.Synchronize()) }

// Close frees the event.
func (e *Event) Close() error { return wrap("close event", cu.DestroyEvent(&e.event)) }
