package mine

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gomine/cpu"
	"gomine/cuda"
	"gomine/mine/backend"
)

// BackendAuto, BackendCPU and BackendCUDA are the names that OpenBackend knows.
const (
	BackendAuto = "auto" // CUDA where the program was built for it, else the CPU
	BackendCPU  = "cpu"
	BackendCUDA = "cuda"
)

// Backends lists the names that OpenBackend knows, the default first.
func Backends() []string { return []string{BackendAuto, BackendCPU, BackendCUDA} }

// BackendOptions says how to open a backend. The zero value is valid.
type BackendOptions struct {
	Threads   int    // of the CPU backend; 0 means all processors
	Device    int    // number of the CUDA device
	Precision string // of CUDA's matrix products: "auto" or "", "fp32", "3xtf32", "tf32", "bf16"
	// MemoryLimit is how many bytes of the CUDA device's memory data may take; 0 means
	// nine tenths of what is free, or half for several critics side by side. Data that do not fit stay in the host's memory.
	MemoryLimit int64
	// Compiling, if not nil, is called before the CUDA driver compiles the kernels,
	// which can take a minute where its cache is empty.
	Compiling func()
}

// OpenBackend opens a backend by its name, to be given to WithBackend and closed
// by the caller. Only a program that was built with the tag cuda has that backend;
// elsewhere, asking for it is an error that wraps backend.ErrUnavailable.
func OpenBackend(name string, opt BackendOptions) (backend.Backend, error) {
	if !slices.Contains(Backends(), name) {
		return nil, fmt.Errorf("mine: backend %q, want one of %s", name, strings.Join(Backends(), ", "))
	}
	if name != BackendCPU {
		precision := opt.Precision
		if precision == "auto" {
			precision = ""
		}
		b, err := cuda.Open(cuda.Options{
			Device: opt.Device, Precision: cuda.Precision(precision), MemoryLimit: opt.MemoryLimit, Compiling: opt.Compiling,
		})
		if name == BackendCUDA || !errors.Is(err, backend.ErrUnavailable) {
			return b, err
		}
	}
	return cpu.Open(cpu.Options{Threads: opt.Threads})
}
