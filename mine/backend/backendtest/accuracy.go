package backendtest

import (
	"fmt"
	"math"
	"testing"

	"gomine/mine/backend"
	"gomine/mine/objective"
)

// RunAccuracy reports as an error every gradient whose distance from its
// definition in float64 is more than allowed, relative to the norms of its two
// parts, that from joint and that from marginal pairs, which an untrained critic
// has nearly cancel. DV and NWJ stand for all objectives, whose weights differ but
// not what is done with them. ReLU is left out: near its kink rounding decides between two
// slopes, and no backend is wrong. It logs the largest distance.
func RunAccuracy(t *testing.T, open func(t testing.TB) backend.Backend, allowed float64) {
	t.Helper()
	b := open(t)
	defer closeBackend(t, b)
	accuracy(t, b, shapes, allowed)
}

// RunAccuracyOn is RunAccuracy on critics with these hidden layers, of rows with 5 and 3
// columns in batches of that size.
func RunAccuracyOn(t *testing.T, open func(t testing.TB) backend.Backend, allowed float64, batch int, hidden ...[]int) {
	t.Helper()
	b := open(t)
	defer closeBackend(t, b)
	var on []shape
	for _, h := range hidden {
		on = append(on, shape{5, 3, h, batch})
	}
	accuracy(t, b, on, allowed)
}

func accuracy(t *testing.T, b backend.Backend, on []shape, allowed float64) {
	t.Helper()
	worst, at := 0.0, ""
	for _, sh := range on {
		for _, f := range []backend.Activation{backend.Softplus, backend.ELU} {
			for _, o := range []objective.Kind{objective.DV, objective.NWJ} {
				p := newProblem(sh, f, o, 1)
				want := p.truth(widen(p.state.Params), p.state.Step, p.state.LogEMA, Float32)
				_, grad, err := p.gradient(subject{b, Float32})
				if err != nil {
					t.Errorf("%v/%v/%v: %v", sh, f, o, err)
					continue
				}
				apart := make([]float64, len(grad))
				for i, g := range grad {
					apart[i] = float64(g) - want.grad[i]
				}
				relative := norm(apart) / want.parts
				if !(relative <= allowed) {
					t.Errorf("%v/%v/%v: gradient is apart from its definition by %.1e of its parts, allowed %.0e", sh, f, o, relative, allowed)
				}
				if relative > worst || math.IsNaN(relative) {
					worst, at = relative, fmt.Sprintf("%v/%v/%v", sh, f, o)
				}
			}
		}
	}
	t.Logf("largest distance %.1e of the parts, at %s", worst, at)
}
