package ranking_test

import (
	"context"
	"fmt"
	"math/rand/v2"

	"gomine/mine/column"
	"gomine/mine/ranking"
)

func Example() {
	const rows = 600
	r := rand.New(rand.NewPCG(1, 2))
	size, copied, colour, price := make([]float64, rows), make([]float64, rows), make([]float64, rows), make([]float64, rows)
	for i := range rows {
		size[i], colour[i] = r.NormFloat64(), r.NormFloat64()
		copied[i] = size[i] + 0.1*r.NormFloat64()
		price[i] = size[i] + 0.5*colour[i] + 0.2*r.NormFloat64()
	}
	data := ranking.Data{X: column.Named(column.Slices(copied, colour, size), "copied", "colour", "size"), Target: column.Slices(price)}
	cfg := ranking.DefaultConfig(rows)
	cfg.Forward = 2
	cfg.Estimate.Candidates = cfg.Estimate.Candidates[:1] // to be fast
	rank, err := ranking.New(data, cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	var columns []ranking.Column
	for k := range data.X.Columns() {
		c, err := rank.Column(context.Background(), k)
		if err != nil {
			fmt.Println(err)
			return
		}
		columns = append(columns, c)
	}
	columns = ranking.Order(columns, cfg.FDRMethod)
	for _, c := range columns {
		fmt.Println(c.Rank, c.Name, c.QValue <= 0.01)
	}
	steps, err := rank.Forward(context.Background(), columns, ranking.Selection{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range steps {
		fmt.Println("then", s.Name)
	}
	// Output:
	// 1 size true
	// 2 copied true
	// 3 colour true
	// then size
	// then colour
}
