package transfer_test

import (
	"context"
	"fmt"
	"math/rand/v2"

	"gomine/mine/column"
	"gomine/mine/transfer"
)

func ExampleEstimate() {
	const rows = 1000
	r := rand.New(rand.NewPCG(1, 2))
	x, z := make([]float64, rows), make([]float64, rows)
	for t := range x {
		x[t], z[t] = r.NormFloat64(), r.NormFloat64()
		if t > 0 {
			z[t] += 0.5*z[t-1] + x[t-1] // x drives z
		}
	}
	cfg := transfer.DefaultConfig(rows)
	cfg.Lagged, cfg.Estimate.Candidates = false, cfg.Estimate.Candidates[:1] // to be fast
	result, err := transfer.Estimate(context.Background(), transfer.Data{X: column.Slices(x), Z: column.Slices(z)}, cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("x tells about the future of z:", result.XToZ.Low > 0)
	// Output: x tells about the future of z: true
}
