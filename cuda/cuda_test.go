//go:build cuda

package cuda

import (
	"strings"
	"sync"
	"testing"

	"gomine/cuda/internal/driver"
	"gomine/mine/backend"
	"gomine/mine/backend/backendtest"
)

// openPath returns how to open the device with one way to compute a step.
func openPath(p path, precision Precision) func(testing.TB) backend.Backend {
	return func(t testing.TB) backend.Backend {
		t.Helper()
		d, err := opened(precision)
		if err != nil {
			t.Fatal(err)
		}
		d.path = p
		return d
	}
}

// wholes are the cards that stay open until the end of the tests, which take parts of them: to open
// one takes a second.
var wholes = struct {
	sync.Mutex
	of map[Precision]*device
}{of: map[Precision]*device{}}

// opened returns a device: the emulator anew, part of a card that is open.
func opened(precision Precision) (*device, error) {
	wholes.Lock()
	defer wholes.Unlock()
	whole := wholes.of[precision]
	if whole == nil {
		d, err := open(Options{Precision: precision})
		if err != nil || strings.Contains(d.Device(), "emulator") {
			return d, err
		}
		whole, wholes.of[precision] = d, d
	}
	parts, err := whole.Divide(1)
	if err != nil {
		return nil, err
	}
	return parts[0].(*device), nil
}

// onStream calls f on the device's thread, with its stream and memory that is freed after it.
func (d *device) onStream(f func(s *driver.Stream, memory *driver.Memory) error) error {
	return d.gpu.Do(func() error {
		memory := d.gpu.NewMemory()
		defer memory.Free()
		return f(d.gpu.Stream(), memory)
	})
}

func TestConformanceTiled(t *testing.T) { backendtest.Run(t, openPath(pathTiled, FP32)) }
func TestConformanceFused(t *testing.T) { backendtest.Run(t, openPath(pathFused, FP32)) }

// unitTF32x3 is the unit roundoff of the error-compensated products: of the four
// products of halves the one of the two rests, below 2^-22 of the whole, is left
// out, and each rest loses half a unit of its last bit, 2^-22 again.
const unitTF32x3 = 1.0 / (1 << 21)

func TestConformanceTF32x3Tiled(t *testing.T) {
	backendtest.RunArithmetic(t, openPath(pathTiled, TF32x3), unitTF32x3)
}

func TestConformanceTF32x3Fused(t *testing.T) {
	backendtest.RunArithmetic(t, openPath(pathFused, TF32x3), unitTF32x3)
}

// unitTF32 is that of TF32's 11 bits of significand.
const unitTF32 = 1.0 / (1 << 11)

func TestConformanceTF32Tiled(t *testing.T) {
	backendtest.RunArithmetic(t, openPath(pathTiled, TF32), unitTF32)
}

func TestConformanceTF32Fused(t *testing.T) {
	backendtest.RunArithmetic(t, openPath(pathFused, TF32), unitTF32)
}

// unitBF16 is that of BF16's 8 bits of significand. The fused step is that of TF32.
const unitBF16 = 1.0 / (1 << 8)

func TestConformanceBF16(t *testing.T) {
	backendtest.RunArithmetic(t, openPath(pathTiled, BF16), unitBF16)
}

// TestGradientAccuracy holds the precisions to what the README says of them.
func TestGradientAccuracy(t *testing.T) {
	for _, c := range []struct {
		precision Precision
		allowed   float64
	}{{FP32, 1e-5}, {TF32x3, 1e-5}, {TF32, 2e-3}, {BF16, 16e-3}} {
		for _, p := range []path{pathTiled, pathFused} {
			t.Run(string(c.precision), func(t *testing.T) { backendtest.RunAccuracy(t, openPath(p, c.precision), c.allowed) })
		}
	}
}
