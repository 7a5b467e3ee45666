package preprocess_test

import (
	"fmt"
	"log"

	"gomine/mine/column"
	"gomine/mine/preprocess"
)

// Ranks see nothing of how a column is bent.
func ExampleMaps_Apply() {
	x := column.Slices([]float64{1, 10, 100, 1000})
	pairs, err := preprocess.NewPairs(x, column.Slices([]int{4, 1, 3, 2}), 1)
	if err != nil {
		log.Fatal(err)
	}
	maps, err := pairs.Fit(preprocess.Rank, preprocess.Range{Hi: 4})
	if err != nil {
		log.Fatal(err)
	}
	inputs, _, err := maps.Apply(x, column.Slices([]int{1, 2, 3, 4}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.2f\n", inputs.Data)
	// Output:
	// [-1.15 -0.32 0.32 1.15]
}
