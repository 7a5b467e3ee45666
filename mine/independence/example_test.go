package independence_test

import (
	"context"
	"fmt"
	"math/rand/v2"

	"gomine/mine/column"
	"gomine/mine/independence"
)

func ExampleTest() {
	const rows = 400
	r := rand.New(rand.NewPCG(1, 2))
	x, z := make([]float64, rows), make([]float64, rows)
	for i := range x {
		x[i] = r.NormFloat64()
		z[i] = x[i]*x[i] + r.NormFloat64() // uncorrelated, but not independent
	}
	cfg := independence.DefaultConfig(rows)
	cfg.Estimate.Candidates = cfg.Estimate.Candidates[:1] // to be fast
	result, err := independence.Test(context.Background(), independence.Data{X: column.Slices(x), Z: column.Slices(z)}, cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("dependent at a level of 1%:", result.PValue < 0.01)
	// Output: dependent at a level of 1%: true
}
