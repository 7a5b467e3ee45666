//go:build cuda

package driver

// #include <cuda.h>
//
// // upload and download copy, and wait for the copy and for what was queued before.
// static CUresult upload(CUdeviceptr to, const void *from, size_t bytes, CUstream stream) {
// 	CUresult r = cuMemcpyHtoDAsync(to, from, bytes, stream);
// 	return r == CUDA_SUCCESS ? cuStreamSynchronize(stream) : r;
// }
// static CUresult download(void *to, CUdeviceptr from, size_t bytes, CUstream stream) {
// 	CUresult r = cuMemcpyDtoHAsync(to, from, bytes, stream);
// 	return r == CUDA_SUCCESS ? cuStreamSynchronize(stream) : r;
// }
import "C"

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"gorgonia.org/cu"

	"gomine/mine/backend"
)

// Pointer is an address in the device's memory; 0 is none.
type Pointer uint64

// Float returns the address of element i of an array of 4-byte elements.
func (p Pointer) Float(i int) Pointer { return p + Pointer(4*i) }

// Double returns the address of element i of an array of 8-byte elements.
func (p Pointer) Double(i int) Pointer { return p + Pointer(8*i) }

// Memory is a number of arrays that are freed together.
type Memory struct {
	device *Device
	all    []block
}

// block is an array, or one that was.
type block struct {
	at    cu.DevicePtr
	bytes int64
}

// NewMemory returns memory without arrays.
func (d *Device) NewMemory() *Memory { return &Memory{device: d} }

// Stream returns the queue of the device that has the memory.
func (m *Memory) Stream() *Stream { return m.device.stream }

// Alloc returns an array of zeros, at a multiple of 256 bytes.
func (m *Memory) Alloc(what string, bytes int64) (Pointer, error) {
	bytes = max(bytes, 16)
	p, err := m.device.spare.take(what, bytes)
	if err != nil {
		return 0, err
	}
	m.all = append(m.all, block{p, bytes})
	s := m.Stream()
	if err := cu.MemsetD8Async(p, 0, bytes, s.stream); err != nil {
		return 0, wrap(what, err)
	}
	return Pointer(p), s.Synchronize() // other streams may come to use it
}

// Free frees everything when the device's queue is done with it; the memory can be used again.
func (m *Memory) Free() error {
	if len(m.all) == 0 {
		return nil
	}
	if !m.device.closed { // which has waited
		if err := m.Stream().Synchronize(); err != nil {
			return err
		}
	}
	err := m.device.spare.give(m.all)
	m.all = nil
	return err
}

// spare is the memory of arrays that were freed, for others of the same size: the driver has
// everything on the device come to an end before it frees anything.
type spare struct {
	mu     sync.Mutex
	blocks map[int64][]cu.DevicePtr // by their bytes
	bytes  int64
	most   int64 // bytes that are kept
}

// spareShare is the part of the device's memory that is kept: one of so many.
const spareShare = 8

// take returns an array, with anything in it.
func (s *spare) take(what string, bytes int64) (cu.DevicePtr, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if same := s.blocks[bytes]; len(same) > 0 {
		last := len(same) - 1
		s.blocks[bytes] = same[:last]
		s.bytes -= bytes
		return same[last], nil
	}
	free, _, err := cu.MemInfo()
	if err == nil && bytes > free && s.bytes > 0 {
		if err := s.dropAll(); err != nil {
			return 0, err
		}
		free, _, err = cu.MemInfo()
	}
	if err != nil {
		return 0, wrap("memory info", err)
	}
	p, err := cu.DevicePtr(0), error(cu.OutOfMemory)
	if bytes <= free {
		p, err = cu.MemAlloc(bytes)
	}
	if err == cu.OutOfMemory && s.bytes > 0 { // what is free may lie in pieces
		if err := s.dropAll(); err != nil {
			return 0, err
		}
		p, err = cu.MemAlloc(bytes)
	}
	if err == cu.OutOfMemory {
		return 0, fmt.Errorf("%s needs %d bytes, %d are free: %w; smaller batches and layers need less, and data can stay in the host's memory",
			what, bytes, free, backend.ErrOutOfMemory)
	}
	return p, wrap(what, err)
}

// give keeps blocks, or frees those for which there is no room.
func (s *spare) give(all []block) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blocks == nil {
		s.blocks = map[int64][]cu.DevicePtr{}
	}
	var errs error
	for _, b := range all {
		if s.bytes+b.bytes > s.most {
			errs = errors.Join(errs, wrap("free", cu.MemFree(b.at)))
			continue
		}
		s.blocks[b.bytes] = append(s.blocks[b.bytes], b.at)
		s.bytes += b.bytes
	}
	return errs
}

// drop frees what is kept.
func (s *spare) drop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropAll()
}

func (s *spare) dropAll() error {
	var errs error
	for _, same := range s.blocks {
		for _, p := range same {
			errs = errors.Join(errs, wrap("free", cu.MemFree(p)))
		}
	}
	s.blocks, s.bytes = nil, 0
	return errs
}

// Free returns how many bytes of the device's memory are unused.
func (d *Device) Free() (int64, error) {
	free, _, err := d.MemoryInfo()
	return free, err
}

// MemoryInfo returns how many bytes of the device's memory are unused, and how many
// there are.
func (d *Device) MemoryInfo() (free, total int64, err error) {
	d.spare.mu.Lock()
	defer d.spare.mu.Unlock()
	free, total, err = cu.MemInfo()
	return free + d.spare.bytes, total, wrap("memory info", err)
}

// Upload copies a slice to the device, behind what is queued in the stream, and waits.
func Upload[T any](s *Stream, to Pointer, from []T) error {
	if len(from) == 0 {
		return nil
	}
	return s.upload(to, unsafe.Pointer(unsafe.SliceData(from)), size(from))
}

// Download copies from the device to a slice, behind what is queued in the stream, and waits.
func Download[T any](s *Stream, to []T, from Pointer) error {
	if len(to) == 0 {
		return nil
	}
	return s.download(unsafe.Pointer(unsafe.SliceData(to)), from, size(to))
}

func (s *Stream) upload(to Pointer, from unsafe.Pointer, bytes int64) error {
	return wrap("upload", code(C.upload(C.CUdeviceptr(to), from, C.size_t(bytes), stream(s.stream))))
}

func (s *Stream) download(to unsafe.Pointer, from Pointer, bytes int64) error {
	return wrap("download", code(C.download(to, C.CUdeviceptr(from), C.size_t(bytes), stream(s.stream))))
}

func size[T any](s []T) int64 { return int64(len(s)) * int64(unsafe.Sizeof(s[0])) }
