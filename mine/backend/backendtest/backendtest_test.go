package backendtest

import (
	"testing"

	"gomine/mine/backend"
)

func TestRunAcceptsFloat64(t *testing.T) {
	Run(t, func(testing.TB) backend.Backend { return &plain[float64]{} })
}

func TestRunAcceptsFloat32(t *testing.T) {
	Run(t, func(testing.TB) backend.Backend { return &plain[float32]{} })
}

// TestUnit has a backend whose products are those of bfloat16 operands: wrong
// in float32 (see faults), right at its own unit roundoff.
func TestUnit(t *testing.T) {
	open := func(testing.TB) backend.Backend {
		return &plain[float32]{fault: "products of bfloat16"}
	}
	for _, part := range [][]rule{scoreRules, trainRules, evaluateRules} {
		runRules(t, part, open, 1.0/256)
	}
}
