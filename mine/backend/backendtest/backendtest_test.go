package backendtest

import (
	"slices"
	"testing"

	"gomine/mine/backend"
)

// The float64 backend is off by the rounding of its results alone: an error
// that the tolerances for float32 would let pass stays visible here, in the
// oracle as in the backend.
func TestRunAcceptsFloat64(t *testing.T) {
	if testing.Short() {
		t.Skip("half of the time of this package's tests")
	}
	Run(t, func(testing.TB) backend.Backend { return &plain[float64]{} })
}

func TestRunAcceptsFloat32(t *testing.T) {
	Run(t, func(testing.TB) backend.Backend { return &plain[float32]{} })
}

// TestRunSkipsWhatIsNotOffered: cases that need more than a backend declares are
// skipped, and it is held to all else.
func TestRunSkipsWhatIsNotOffered(t *testing.T) {
	open := func(testing.TB) backend.Backend { return &plain[float32]{limited: true} }
	runRules(t, slices.Concat(batchRules, gradientRules, marginalRules, pairRules, scorerRules), open, Float32)
}

// TestUnit has a backend whose products are those of bfloat16 operands: wrong
// in float32 (see faults), right at its own unit roundoff.
func TestUnit(t *testing.T) {
	open := func(testing.TB) backend.Backend {
		return &plain[float32]{fault: "products of bfloat16"}
	}
	for _, part := range [][]rule{scoreRules, objectiveRules, trainRules, evaluateRules, modelRules} {
		runRules(t, part, open, 1.0/256)
	}
}
