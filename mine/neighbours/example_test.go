package neighbours_test

import (
	"context"
	"fmt"
	"math"

	"gomine/mine/column"
	"gomine/mine/neighbours"
	"gomine/mine/simulate"
)

func ExampleEstimate() {
	law, err := simulate.New("gaussian", simulate.Params{Dim: 1, Rho: 0.9}, "", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	x, z := law.Sample(5000, 1)
	r, err := neighbours.Estimate(context.Background(), column.RowMajor(x, 1), column.RowMajor(z, 1), neighbours.Options{Neighbours: neighbours.Usual})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("within two standard errors of the truth:", math.Abs(r.Estimate-law.Truth) < 2*r.StdErr)
	// Output: within two standard errors of the truth: true
}
