//go:build cuda

// Package check ends a program that was built for CUDA where there is none, with
// one line on standard error. Packages are initialised in the order of their
// import paths as soon as what they import is, so it comes before
// gorgonia.org/cu, which would end the program with less to go by. It must not
// import anything that gorgonia.org/cu does not.
package check

// #cgo LDFLAGS: -lcuda
// #cgo CFLAGS: -I/usr/local/cuda/include
// #include <cuda.h>
import "C"

import (
	"fmt"
	"os"
)

// oldest is the version of CUDA that the PTX of package kernels needs: that of
// driver R525.
const oldest = 12000

// connections is the variable of the environment for how many queues of work reach a device side by
// side, up to 32, which the driver reads when it starts: by its own choice of 8, streams of
// different parts of a backend would wait for each other.
const connections = "CUDA_DEVICE_MAX_CONNECTIONS"

func init() {
	if os.Getenv(connections) == "" {
		_ = os.Setenv(connections, "32")
	}
	if reason := missing(); reason != "" {
		fmt.Fprintf(os.Stderr, "gomine: this program was built with -tags cuda, but %s; use a build without the tag\n", reason)
		os.Exit(1)
	}
}

// missing says what stands in the way of a device, or nothing.
func missing() string {
	if r := C.cuInit(0); r != C.CUDA_SUCCESS {
		if r == C.CUDA_ERROR_NO_DEVICE {
			return "there is no NVIDIA GPU"
		}
		return fmt.Sprintf("the NVIDIA driver does not start (error %d)", int(r))
	}
	var version, devices C.int
	if C.cuDriverGetVersion(&version) == C.CUDA_SUCCESS && version < oldest {
		return fmt.Sprintf("the NVIDIA driver is for CUDA %d.%d, and 12.0 is the oldest that will do (driver R525)", version/1000, version%1000/10)
	}
	if C.cuDeviceGetCount(&devices) != C.CUDA_SUCCESS || devices == 0 {
		return "there is no NVIDIA GPU"
	}
	return ""
}
