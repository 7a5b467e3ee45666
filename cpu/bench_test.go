package cpu

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"gomine/mine/backend"
	"gomine/mine/objective"
)

// BenchmarkStep measures training steps of three sizes, from one that lasts as
// long as a few barriers to one that is all matrix products.
func BenchmarkStep(b *testing.B) {
	for _, threads := range []int{1, 2} {
		for _, shape := range []struct{ d, h, layers, batch int }{
			{2, 64, 2, 256},
			{40, 128, 2, 512},
			{256, 512, 2, 4096},
		} {
			for _, act := range []backend.Activation{backend.ReLU, backend.Softplus} {
				name := fmt.Sprintf("threads=%d/d=%d/h=%d/l=%d/batch=%d/act=%v",
					threads, shape.d, shape.h, shape.layers, shape.batch, act)
				b.Run(name, func(b *testing.B) {
					net := backend.Network{DX: shape.d / 2, DZ: shape.d / 2, Activation: act,
						Hidden: slices.Repeat([]int{shape.h}, shape.layers)}
					device := open(b, threads)
					defer device.Close()
					spec, x, z, start := problem(1<<16, net, objective.DV.Default(), shape.batch)
					for i := range start.Params {
						start.Params[i] *= 0.1
					}
					data, err := device.Load(x, z)
					if err != nil {
						b.Fatal(err)
					}
					t, err := device.NewTrainer(spec, data, backend.Rows{Lo: 0, Hi: x.Rows})
					if err != nil {
						b.Fatal(err)
					}
					if err := t.SetState(start); err != nil {
						b.Fatal(err)
					}
					rates, values := []float64{1e-4}, []float64{0}
					if n := 1 << 24 / (shape.batch * shape.h); n > 1 {
						rates, values = slices.Repeat(rates, n), make([]float64, n)
					}
					steps := 0
					for b.Loop() {
						if _, err := t.Train(context.Background(), rates, values); err != nil {
							b.Fatal(err)
						}
						steps += len(rates)
					}
					b.ReportMetric(float64(steps)/b.Elapsed().Seconds(), "steps/s")
				})
			}
		}
	}
}
