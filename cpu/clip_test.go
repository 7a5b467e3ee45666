package cpu

import (
	"context"
	"math"
	"slices"
	"testing"

	"gomine/mine/backend"
	"gomine/mine/objective"
)

func TestClipFactor(t *testing.T) {
	for _, c := range []struct {
		norm, most float64
		want       float32
	}{
		{0, 1, 1}, {1, 1, 1}, {4, 1, 0.25}, {4, 100, 1}, {1e300, 1, 0},
		{math.NaN(), 1, 1}, {math.Inf(1), 1, 1},
	} {
		if got := clipFactor(c.norm, c.most); got != c.want {
			t.Errorf("a gradient of norm %v for at most %v is multiplied by %v, want %v", c.norm, c.most, got, c.want)
		}
	}
}

// TestNorm compares the norm of a gradient with the one of the gradient as it is
// told, of networks whose rows and vectors have all kinds of tails. Both are
// float64 sums of the same squares, in two orders.
func TestNorm(t *testing.T) {
	for _, net := range threadNetworks {
		b := open(t, 2)
		spec, x, z, state := problem(200, net, objective.DV.Default(), 100)
		spec.ClipNorm = 1
		_, tr := start(t, b, spec, x, z, state, backend.Rows{Lo: 0, Hi: 200})
		grad := make([]float32, net.NumParams())
		if _, err := tr.Gradient(context.Background(), grad); err != nil {
			t.Fatal(err)
		}
		var sum float64
		for _, g := range grad {
			sum += float64(g) * float64(g)
		}
		if _, err := tr.Train(context.Background(), []float64{1e-3}, make([]float64, 1)); err != nil {
			t.Fatal(err)
		}
		squares := tr.(*trainer).squares
		if got, want := squares.norm(), math.Sqrt(sum); !(math.Abs(got-want) <= 1e-13*want) {
			t.Errorf("%v: norm %v, want %v", net, got, want)
		}
		b.Close()
	}
}

// TestClipOfShortGradients checks that a bound that no gradient reaches changes
// no bit, and that one that all exceed does.
func TestClipOfShortGradients(t *testing.T) {
	net := threadNetworks[0]
	train := func(clip float64) []float32 {
		b := open(t, 2)
		defer b.Close()
		spec, x, z, state := problem(200, net, objective.DV.Default(), 100)
		spec.ClipNorm = clip
		_, tr := start(t, b, spec, x, z, state, backend.Rows{Lo: 0, Hi: 200})
		const steps = 10
		if _, err := tr.Train(context.Background(), slices.Repeat([]float64{1e-3}, steps), make([]float64, steps)); err != nil {
			t.Fatal(err)
		}
		s, err := tr.State()
		if err != nil {
			t.Fatal(err)
		}
		return s.M
	}
	free := train(math.Inf(1))
	if !slices.Equal(train(1e6), free) {
		t.Error("a bound that no gradient reaches changes the training")
	}
	if slices.Equal(train(1e-3), free) {
		t.Error("a bound that every gradient exceeds changes nothing")
	}
}
