//go:build cuda

package cuda

import (
	"gomine/cuda/internal/driver"
	"gomine/cuda/internal/kernel"
)

// fused computes the steps of a small network by two kernels.
type fused struct {
	rows, width int // positions of a block and widest layer, of the kernel
	blocks      int
	shared      int // bytes
	partials    driver.Pointer
	stats       driver.Pointer
	hidden      [4]int
	launch      fusedKernel
}

type fusedKernel = func(s *driver.Stream, grid driver.Dim, shared int, a kernel.FusedArgs) error

// fusedKernels lists what there is, the better choice first. Those of BF16 are those of TF32, which
// are more exact, and would gain nothing by less: see kernels/README.md.
var fusedKernels = []struct {
	rows, width int
	of          map[Precision]fusedKernel
}{
	{16, 64, map[Precision]fusedKernel{FP32: kernel.FusedR16W64F32, TF32: kernel.FusedR16W64TF32, BF16: kernel.FusedR16W64TF32, TF32x3: kernel.FusedR16W64TF32x3}},
	{32, 128, map[Precision]fusedKernel{FP32: kernel.FusedR32W128F32, TF32: kernel.FusedR32W128TF32, BF16: kernel.FusedR32W128TF32, TF32x3: kernel.FusedR32W128TF32x3}},
	{16, 128, map[Precision]fusedKernel{FP32: kernel.FusedR16W128F32, TF32: kernel.FusedR16W128TF32, BF16: kernel.FusedR16W128TF32, TF32x3: kernel.FusedR16W128TF32x3}},
}

const (
	// fusedStatic is more than the static shared memory of these kernels.
	fusedStatic = 1 << 10
	// fusedBlocks and fusedBytes bound what fused_adam must read.
	fusedBlocks = 1024
	fusedBytes  = 64 << 20
	// wideBatch is from where on blocks of 32 positions occupy a large device.
	wideBatch = 2048
)

// fusedFloats is fused_floats of fused.cuh.
func fusedFloats(rows, width, layers int) int { return (layers + 3) * 2 * rows * (width + 4) }

// newFused returns the fused path if the network is small enough for it, every row has
// one marginal pair, and there are kernels of the precision.
func newFused(t *trainer) (*fused, bool) {
	if t.spec.Marginals > 1 {
		return nil, false
	}
	f := &fused{}
	widest := 0
	for k, h := range t.net.Hidden {
		f.hidden[k] = h
		widest = max(widest, h)
	}
	for number, k := range fusedKernels {
		f.rows, f.width, f.launch = k.rows, k.width, k.of[t.device.precision]
		f.shared = 4 * fusedFloats(k.rows, k.width, len(t.net.Hidden))
		f.blocks = (t.spec.Batch + k.rows - 1) / k.rows
		switch {
		case f.launch == nil:
		case t.device.entry != nil && *t.device.entry != number:
		case widest > k.width || f.shared+fusedStatic > t.device.gpu.Shared:
		case k.rows == 32 && t.spec.Batch < wideBatch && t.device.path == pathAuto:
		case f.blocks > fusedBlocks || f.blocks*2*t.layout.size*4 > fusedBytes:
		default:
			return f, true
		}
	}
	return nil, false
}

func (f *fused) open(t *trainer) (err error) {
	if f.partials, err = t.memory.Alloc("gradients of blocks", int64(f.blocks)*2*4*int64(t.layout.size)); err != nil {
		return err
	}
	f.stats, err = t.memory.Alloc("scores of blocks", int64(f.blocks)*4*8)
	return err
}

func (f *fused) step(t *trainer, src source, i int, grad driver.Pointer) error {
	n, h, o := t.spec.Batch, f.hidden, t.spec.Objective
	err := f.launch(t.stream, driver.Dim{X: f.blocks, Y: 1, Z: 1}, f.shared, kernel.FusedArgs{
		Partials: f.partials, Stats: f.stats, Params: t.params, X: src.x, Z: src.z, Rows: t.rowsOf(i), Batch: n, Dx: t.net.DX, Dz: t.net.DZ,
		H1: h[0], H2: h[1], H3: h[2], H4: h[3], Kind: int(o.Kind), Param: o.Param, Activation: int(t.net.Activation),
	})
	if err != nil {
		return err
	}
	a := adamOf(t.spec.Adam)
	return kernel.FusedAdam(t.stream, blocks(t.layout.size, 32), 4*f.blocks, kernel.FusedAdamArgs{
		Params: t.params, M: t.m, V: t.v, Grad: grad, Partials: f.partials, Stats: f.stats, Values: t.values, Ema: t.ema,
		Control: t.control, Clock: t.clock, I: i, Blocks: f.blocks, Batch: n, Kind: int(o.Kind), Param: o.Param,
		Dx: t.net.DX, Dz: t.net.DZ, H1: h[0], H2: h[1], H3: h[2], H4: h[3],
		Beta1: a.beta1, Gain1: a.gain1, Beta2: a.beta2, Gain2: a.gain2, Epsilon: a.epsilon,
	})
}
