package sampling_test

import (
	"fmt"

	"gomine/mine/sampling"
)

// Every row meets another one, never itself.
func ExampleCycle() {
	c := sampling.NewCycle(5, 1, sampling.StreamEvaluate, 0)
	met := map[uint64]bool{}
	for i := range uint64(5) {
		if c.Next(i) == i {
			fmt.Println("row", i, "meets itself")
		}
		met[c.Next(i)] = true
	}
	fmt.Println(len(met), "different rows are met")
	// Output: 5 different rows are met
}
