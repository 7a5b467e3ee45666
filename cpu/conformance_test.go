package cpu

import (
	"fmt"
	"testing"

	"gomine/mine/backend"
	"gomine/mine/backend/backendtest"
)

func TestConformance(t *testing.T) {
	for _, threads := range []int{1, 3} {
		t.Run(fmt.Sprintf("threads=%d", threads), func(t *testing.T) {
			backendtest.Run(t, func(t testing.TB) backend.Backend { return open(t, threads) })
		})
	}
}

// TestGradientAccuracy: rounding costs no more than the CUDA backend's FP32.
func TestGradientAccuracy(t *testing.T) {
	backendtest.RunAccuracy(t, func(t testing.TB) backend.Backend { return open(t, 2) }, 1e-5)
}
