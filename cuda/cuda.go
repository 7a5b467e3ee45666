// Package cuda is the backend for NVIDIA GPUs: kernels of our own (package
// kernels), called by cgo. It is built with the tag cuda; without it, Open
// returns backend.ErrUnavailable.
//
// A training step of a small network, with no layer wider than 128, is two kernels: one
// takes blocks of the batch from their rows to the gradients, the other combines these and
// updates the parameters. That of a larger one is a chain of tiled matrix products. Neither
// needs the host: the rows of many steps are drawn at once and the steps captured as a graph,
// which is then launched again and again.
//
// Models, evaluations and derivatives with respect to rows are such chains too,
// whatever the size. Their rows come from the host and go back there with every
// call, which waits for them.
//
// What Open returns is a backend.Divider: its parts share the device, its context and its kernels, and each
// has a thread of the host and a stream, so that several critics are trained side by side. None
// waits for another, and what each computes is bitwise what it would alone.
//
// Sums have a fixed shape and nothing is added atomically: the same calls give
// bitwise the same results on the same kind of device.
package cuda

import (
	"fmt"
	"slices"
	"strings"
)

// Options configures Open. The zero value is valid.
type Options struct {
	Device    int // number of the device
	Precision Precision
	// Synchronous waits for every kernel, so that an error names the one that
	// made it. Slow, and no graphs. GOMINE_CUDA_SYNC=1 in the environment does the same.
	Synchronous bool
	// MemoryLimit is how many bytes of the device's memory data may take; 0
	// means nine tenths of what is free, or half for all parts together. Data that do not fit stay in the host's
	// memory, and rows are copied as they are needed.
	MemoryLimit int64
	// Kernels is a folder with NAME.cubin or NAME.ptx for each file of kernels that the
	// precision needs, as make cubins writes it, to use in place of the embedded PTX. ""
	// means what the environment's GOMINE_KERNELS says, and without that none.
	Kernels string
	// Compiling, if not nil, is called once before the driver is given PTX to compile,
	// which can take a minute where its cache is empty.
	Compiling func()
}

// Precision is how matrix products are computed; all else is FP32 and, for long
// sums, FP64.
type Precision string

const (
	// Auto is TF32x3 where there are tensor cores for it (compute capability 8.0
	// and newer), else FP32.
	Auto Precision = ""
	// FP32 multiplies on the ordinary units.
	FP32 Precision = "fp32"
	// TF32x3 splits each factor into two TF32 numbers and adds three products of
	// these on tensor cores: about the accuracy of FP32.
	TF32x3 Precision = "3xtf32"
	// TF32 rounds factors to 10 bits of mantissa: relative errors of some 1e-3.
	TF32 Precision = "tf32"
	// BF16 rounds factors to 7 bits of mantissa, for tensor cores twice as fast: relative
	// errors of some 1e-2. Training steps of small networks are those of TF32.
	BF16 Precision = "bf16"
)

// Precisions lists all but Auto.
func Precisions() []Precision { return []Precision{FP32, TF32x3, TF32, BF16} }

// Validate reports whether the precision is one of the constants.
func (p Precision) Validate() error {
	if p == Auto || slices.Contains(Precisions(), p) {
		return nil
	}
	names := []string{"auto"}
	for _, known := range Precisions() {
		names = append(names, string(known))
	}
	return fmt.Errorf("cuda: precision %q, want one of %s", string(p), strings.Join(names, ", "))
}
