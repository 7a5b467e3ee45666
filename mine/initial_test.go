package mine_test

import (
	"fmt"
	"math"
	"testing"

	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/objective"
)

// spread checks the variance of initial weights: with n of them it is off by more than 5 sqrt(2/n) once in
// two million draws.
func spread(t *testing.T, name string, weights []float32, want float64) {
	t.Helper()
	var variance float64
	for _, w := range weights {
		variance += float64(w) * float64(w) / float64(len(weights))
	}
	if math.Abs(variance-want) > 5*math.Sqrt(2/float64(len(weights)))*want {
		t.Errorf("%s: variance %.4g, want %.4g", name, variance, want)
	}
}

// TestInitialState looks at the spread of a critic's initial weights.
func TestInitialState(t *testing.T) {
	for _, test := range []struct {
		activation backend.Activation
		layers     int
	}{
		{backend.ReLU, 3}, {backend.ELU, 3}, {backend.Softplus, 1}, {backend.Softplus, 4},
	} {
		t.Run(fmt.Sprintf("%v/%d", test.activation, test.layers), func(t *testing.T) {
			net := backend.Network{DX: 30, DZ: 20, Activation: test.activation}
			for range test.layers {
				net.Hidden = append(net.Hidden, 100)
			}
			s := mine.InitialState(net, objective.DV, 1)
			for _, b := range net.Blocks() {
				var want float64
				switch b.Kind {
				case backend.WeightsX, backend.WeightsZ:
					want = 1.0 / 50
				case backend.Weights:
					want = 1.0 / 100
				}
				spread(t, b.Name(), s.Params[b.Offset:][:b.Len()], want)
			}
		})
	}
}
