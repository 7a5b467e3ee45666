package cpu_test

import (
	"context"
	"fmt"
	"log"
	"math"
	"math/rand/v2"

	"gomine/cpu"
	"gomine/mine/backend"
	"gomine/mine/objective"
)

// Training by the contract itself, without package mine: whoever has a loop of their
// own uses it like this.
func ExampleOpen() {
	const rows = 1000
	r := rand.New(rand.NewPCG(1, 2))
	x, z := backend.NewMatrix(rows, 1), backend.NewMatrix(rows, 1)
	for i := range rows {
		x.Data[i] = float32(r.NormFloat64())
		z.Data[i] = 0.9*x.Data[i] + float32(0.4359*r.NormFloat64())
	}
	b, err := cpu.Open(cpu.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	data, err := b.Load(x, z)
	if err != nil {
		log.Fatal(err)
	}
	defer data.Close()
	spec := backend.Spec{
		Network:   backend.Network{DX: 1, DZ: 1, Hidden: []int{16}, Activation: backend.ELU},
		Objective: objective.JS.Default(), Batch: 100, Marginals: 2, ClipNorm: math.Inf(1),
		Adam: backend.Adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8},
	}
	train, test := backend.Rows{Lo: 0, Hi: 700}, backend.Rows{Lo: 700, Hi: rows}
	trainer, err := b.NewTrainer(spec, data, train)
	if err != nil {
		log.Fatal(err)
	}
	defer trainer.Close()
	state, err := trainer.State()
	if err != nil {
		log.Fatal(err)
	}
	for i := range state.Params {
		state.Params[i] = float32(r.NormFloat64() / 2)
	}
	if err := trainer.SetState(state); err != nil {
		log.Fatal(err)
	}
	rates, values := make([]float64, 2000), make([]float64, 2000)
	for i := range rates {
		rates[i] = 5e-3
	}
	ctx := context.Background()
	if _, err := trainer.Train(ctx, rates, values); err != nil {
		log.Fatal(err)
	}
	e, err := trainer.Evaluate(ctx, data, test, backend.Pairing{Count: 20, Seed: 1}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("within three standard errors of 0.83 nats: %v\n", math.Abs(e.Joint-e.LogU-0.83) < 3*e.StdErr())
	// Output: within three standard errors of 0.83 nats: true
}
