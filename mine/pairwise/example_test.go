package pairwise_test

import (
	"context"
	"fmt"
	"math/rand/v2"

	"gomine/mine/column"
	"gomine/mine/pairwise"
)

func ExampleScreen() {
	const rows = 2000
	r := rand.New(rand.NewPCG(1, 2))
	a, b, c, d := make([]float64, rows), make([]float64, rows), make([]float64, rows), make([]float64, rows)
	for i := range rows {
		a[i] = r.NormFloat64()
		b[i] = a[i] + r.NormFloat64()
		c[i] = a[i]*a[i] + r.NormFloat64() // uncorrelated with a
		d[i] = r.NormFloat64()
	}
	vars := pairwise.Columns(column.Named(column.Slices(a, b, c, d), "a", "b", "c", "d"))
	s, err := pairwise.Screen(context.Background(), vars, pairwise.DefaultConfig(rows), pairwise.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, k := range s.Chosen(pairwise.DefaultConfig(rows)) {
		p := s.Pairs[k]
		fmt.Printf("%s and %s: %.1f nats\n", vars[p.A].Name, vars[p.B].Name, p.Information)
	}
	// Output:
	// a and c: 0.4 nats
	// a and b: 0.4 nats
	// b and c: 0.1 nats
}

func ExampleEstimatePairs() {
	const rows = 400
	r := rand.New(rand.NewPCG(1, 2))
	age, height, weight, reach := make([]float64, rows), make([]float64, rows), make([]float64, rows), make([]float64, rows)
	for i := range rows {
		age[i], height[i], weight[i] = r.NormFloat64(), r.NormFloat64(), r.NormFloat64()
		reach[i] = height[i] + 0.5*r.NormFloat64()
	}
	vars := []pairwise.Variable{{Name: "age", Data: column.Slices(age)}, {Name: "body", Data: column.Slices(height, weight)}, {Name: "reach", Data: column.Slices(reach)}}
	cfg := pairwise.DefaultConfig(rows).Estimate
	cfg.Candidates = cfg.Candidates[:1] // to be fast
	work := pairwise.Work{Variables: vars, Pairs: []pairwise.Pair{{A: 0, B: 2}, {A: 1, B: 2}}, Threads: 1}
	work.Done = func(k int, e pairwise.Estimate) error {
		p := work.Pairs[k]
		fmt.Printf("%s and %s: more than nothing, %v\n", vars[p.A].Name, vars[p.B].Name, e.LowerBound > 0)
		return nil
	}
	if err := pairwise.EstimatePairs(context.Background(), work, cfg); err != nil {
		fmt.Println(err)
	}
	// Output:
	// age and reach: more than nothing, false
	// body and reach: more than nothing, true
}
