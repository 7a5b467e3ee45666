//go:build cuda

package cuda

import (
	"testing"

	"gomine/mine/backend"
	"gomine/mine/backend/backendtest"
)

// openPath returns how to open the device with one way to compute a step.
func openPath(p path, precision Precision) func(testing.TB) backend.Backend {
	return func(t testing.TB) backend.Backend {
		t.Helper()
		d, err := open(Options{Precision: precision})
		if err != nil {
			t.Fatal(err)
		}
		d.path = p
		return d
	}
}

func TestConformanceTiled(t *testing.T) { backendtest.Run(t, openPath(pathTiled, FP32)) }
func TestConformanceFused(t *testing.T) { backendtest.Run(t, openPath(pathFused, FP32)) }
