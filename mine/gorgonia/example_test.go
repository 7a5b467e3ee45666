package gorgonia_test

import (
	"fmt"
	"log"

	"gorgonia.org/tensor"

	"gomine/mine/gorgonia"
)

func ExampleSource() {
	t := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float64{1, 2, 3, 4, 5, 6}))
	s, err := gorgonia.Source(t)
	if err != nil {
		log.Fatal(err)
	}
	row := make([]float64, 3)
	if err := s.Read(row, 1, 2, 0, 3); err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Rows(), "rows; the second is", row)
	// Output: 2 rows; the second is [4 5 6]
}
