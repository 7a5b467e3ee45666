package conditional_test

import (
	"context"
	"fmt"
	"math/rand/v2"

	"gomine/mine/column"
	"gomine/mine/conditional"
)

// X and Z depend on each other through Y alone.
func ExampleEstimate() {
	const rows = 1000
	g := rand.New(rand.NewPCG(1, 2))
	x, y, z := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	for i := range x {
		y[i] = g.NormFloat64()
		x[i] = y[i]*y[i] + 0.5*g.NormFloat64()
		z[i] = y[i]*y[i] + 0.5*g.NormFloat64()
	}
	cfg := conditional.DefaultConfig(rows)
	cfg.Estimate.Candidates, cfg.Estimate.Folds = cfg.Estimate.Candidates[:1], 2 // to be fast
	r, err := conditional.Estimate(context.Background(), conditional.Data{X: column.Slices(x), Z: column.Slices(z), Given: column.Slices(y)}, cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("way:", r.Way)
	fmt.Println("more than .05 nats:", r.Low > 0.05)
	// Output:
	// way: residual
	// more than .05 nats: false
}
