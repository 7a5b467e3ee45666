//go:build cuda

package driver

// What gorgonia.org/cu does not wrap.

// #cgo LDFLAGS: -lcuda
// #cgo CFLAGS: -I/usr/local/cuda/include
// #include <cuda.h>
import "C"

import (
	"fmt"
	"unsafe"

	"gorgonia.org/cu"

	"gomine/mine/backend"
)

// code turns a result into an error: gorgonia.org/cu's own where this package tells
// such errors apart.
func code(r C.CUresult) error {
	if r == C.CUDA_SUCCESS {
		return nil
	}
	if err := error(as(cu.Success, int(r))); fatal[err] || err == cu.OutOfMemory {
		return err
	}
	var text *C.char
	if C.cuGetErrorString(r, &text) != C.CUDA_SUCCESS {
		return fmt.Errorf("error %d of the driver", int(r))
	}
	return fmt.Errorf("%s (error %d of the driver)", C.GoString(text), int(r))
}

// as gives a number the type of the first argument, which gorgonia.org/cu does not export.
func as[T ~int](_ T, number int) T { return T(number) }

// The handles of gorgonia.org/cu are structs of one C pointer each.
func stream(s cu.Stream) C.CUstream { return *(*C.CUstream)(unsafe.Pointer(&s)) }

// A Graph is captured work that can be launched again and again.
type Graph struct{ executable C.CUgraphExec }

func beginCapture(s cu.Stream) error {
	return code(C.cuStreamBeginCapture(stream(s), C.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL))
}

func endCapture(s cu.Stream) (*Graph, error) {
	var graph C.CUgraph
	if err := code(C.cuStreamEndCapture(stream(s), &graph)); err != nil {
		return nil, err
	}
	defer C.cuGraphDestroy(graph)
	var g Graph
	if err := code(C.cuGraphInstantiateWithFlags(&g.executable, graph, 0)); err != nil {
		return nil, err
	}
	return &g, nil
}

// Launch queues the graph.
func (g *Graph) Launch(s *Stream) error {
	return wrap("launch graph", code(C.cuGraphLaunch(g.executable, stream(s.stream))))
}

// Close frees the graph.
func (g *Graph) Close() error { return wrap("close graph", code(C.cuGraphExecDestroy(g.executable))) }

// Pinned is memory of the host that the device copies from by itself.
type Pinned struct {
	p     unsafe.Pointer
	bytes int64
}

// NewPinned allocates.
func NewPinned(bytes int64) (*Pinned, error) {
	p := &Pinned{bytes: bytes}
	err := code(C.cuMemHostAlloc(&p.p, C.size_t(bytes), 0))
	if err == cu.OutOfMemory {
		return nil, fmt.Errorf("%d bytes of pinned host memory: %w; smaller batches need less", bytes, backend.ErrOutOfMemory)
	}
	if err != nil {
		return nil, wrap("pinned memory", err)
	}
	return p, nil
}

// Floats returns the memory as a slice, until Close.
func (p *Pinned) Floats() []float32 { return unsafe.Slice((*float32)(p.p), p.bytes/4) }

// Close frees the memory.
func (p *Pinned) Close() error { return wrap("free pinned memory", code(C.cuMemFreeHost(p.p))) }
