package mine_test

import (
	"context"
	"fmt"
	"log"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"gomine/mine"
	"gomine/mine/column"
)

// Two columns on either side, of which the first ones are correlated.
func ExampleEstimate() {
	const rows, rho = 5000, 0.9
	r := rand.New(rand.NewPCG(1, 2))
	x, z := mat.NewDense(rows, 2, nil), mat.NewDense(rows, 2, nil)
	for i := range rows {
		a := r.NormFloat64()
		x.SetRow(i, []float64{a, r.NormFloat64()})
		z.SetRow(i, []float64{rho*a + math.Sqrt(1-rho*rho)*r.NormFloat64(), r.NormFloat64()})
	}

	cfg := mine.DefaultConfig(rows)
	cfg.Candidates = cfg.Candidates[:1] // no race: quicker
	cfg.Steps = 1000
	result, err := mine.Estimate(context.Background(), column.Matrix(x), column.Matrix(z), cfg)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("I(X;Z) is about %.1f nats; the truth is %.2f\n", result.Estimate, -math.Log(1-rho*rho)/2)
	// Output: I(X;Z) is about 0.8 nats; the truth is 0.83
}
