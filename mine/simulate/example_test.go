package simulate_test

import (
	"fmt"
	"log"

	"gomine/mine/simulate"
)

func ExampleNew() {
	law, err := simulate.New("gaussian", simulate.Params{Dim: 3, Info: 2}, "", "cubic")
	if err != nil {
		log.Fatal(err)
	}
	x, z := law.Sample(1000, 1)
	fmt.Printf("%d and %d values, I(X;Z) = %.3f nats\n", len(x), len(z), law.Truth)
	// Output: 3000 and 3000 values, I(X;Z) = 2.000 nats
}
