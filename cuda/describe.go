package cuda

import "time"

// A Description says what an open device is, and how its kernels got there.
type Description struct {
	Name        string
	Arch        int // compute capability, as in 90
	Driver      int // newest version of CUDA that the driver is for, as in 12040
	Total, Free int64
	Precision   Precision
	Kernels     string        // where the kernels are from
	Loading     time.Duration // how long it took to load them
}
