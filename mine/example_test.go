package mine_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"gomine/cpu"
	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/simulate"
)

// quickly returns settings for examples: no race, two folds, few steps.
func quickly(rows int) mine.Config {
	cfg := mine.DefaultConfig(rows)
	cfg.Candidates = cfg.Candidates[:1]
	cfg.Folds, cfg.Steps = 2, 300
	return cfg
}

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

	result, err := mine.Estimate(context.Background(), column.Matrix(x), column.Matrix(z), quickly(rows))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("I(X;Z) is about %.1f nats; the truth is %.2f\n", result.Estimate, -math.Log(1-rho*rho)/2)
	// Output: I(X;Z) is about 0.8 nats; the truth is 0.83
}

// The trained critic, put to use on rows that it was not trained on.
func ExampleFit() {
	law, err := simulate.New("gaussian", simulate.Params{Dim: 1, Rho: 0.9}, "", "")
	if err != nil {
		log.Fatal(err)
	}
	x, z := law.Sample(5000, 1)
	ctx := context.Background()
	critic, _, err := mine.Fit(ctx, column.RowMajor(x, 1), column.RowMajor(z, 1), quickly(5000))
	if err != nil {
		log.Fatal(err)
	}
	defer critic.Close()

	likely, unlikely := column.Slices([]float64{1.5, 1.5}), column.Slices([]float64{1.4, -1.4})
	scores, err := critic.Scores(ctx, likely, unlikely)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("x = 1.5 with z = 1.4 is likelier than by chance: %v\n", scores[0] > 0)
	fmt.Printf("x = 1.5 with z = -1.4 is likelier than by chance: %v\n", scores[1] > 0)
	// Output:
	// x = 1.5 with z = 1.4 is likelier than by chance: true
	// x = 1.5 with z = -1.4 is likelier than by chance: false
}

// The stages of an estimate, one by one, with the critic put to use on other rows.
func ExampleEstimator() {
	law, err := simulate.New("gaussian", simulate.Params{Dim: 2, Rho: 0.8}, "", "")
	if err != nil {
		log.Fatal(err)
	}
	x, z := law.Sample(4000, 1)
	ctx := context.Background()
	e, err := mine.NewEstimator(ctx, column.RowMajor(x, 2), column.RowMajor(z, 2), quickly(4000))
	if err != nil {
		log.Fatal(err)
	}
	defer e.Close()
	if err := e.Fit(ctx); err != nil {
		log.Fatal(err)
	}
	critic, err := e.Fitted()
	if err != nil {
		log.Fatal(err)
	}
	defer critic.Close()
	r, err := e.Result(ctx)
	if err != nil {
		log.Fatal(err)
	}
	freshX, freshZ := law.Sample(4000, 2)
	fresh, err := critic.Evaluate(ctx, column.RowMajor(freshX, 2), column.RowMajor(freshZ, 2))
	if err != nil {
		log.Fatal(err)
	}
	apart := math.Abs(fresh.Estimate - r.Estimate)
	fmt.Printf("as good on rows that were not there: %v\n", apart < 3*(fresh.StdErr+r.StdErr))
	// Output: as good on rows that were not there: true
}

// The defaults depend on the number of rows; every field can be changed.
func ExampleDefaultConfig() {
	for _, rows := range []int{2_000, 1_000_000} {
		cfg := mine.DefaultConfig(rows)
		cfg.Steps *= 2
		fmt.Printf("%d rows: batches of %d, %d steps, %d folds\n", rows, cfg.Batch, cfg.Steps, cfg.Folds)
	}
	// Output:
	// 2000 rows: batches of 512, 4000 steps, 5 folds
	// 1000000 rows: batches of 512, 10000 steps, 1 folds
}

// A mistake in the settings names the field.
func ExampleConfig_Validate() {
	cfg := mine.DefaultConfig(10_000)
	cfg.Batch = 1
	err := cfg.Validate()
	var about *mine.FieldError
	if errors.As(err, &about) {
		fmt.Println("change", about.Field, "to", about.Want)
	}
	// Output: change batch to at least 2
}

// One backend for several estimates.
func ExampleOpenBackend() {
	b, err := mine.OpenBackend(mine.BackendCPU, mine.BackendOptions{Threads: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	law, err := simulate.New("independent", simulate.Params{DimX: 1, DimZ: 1}, "", "")
	if err != nil {
		log.Fatal(err)
	}
	for seed := range uint64(2) {
		x, z := law.Sample(2000, seed)
		r, err := mine.Estimate(context.Background(), column.RowMajor(x, 1), column.RowMajor(z, 1), quickly(2000), mine.WithBackend(b))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %.1f nats\n", r.Backend, math.Abs(r.Estimate))
	}
	// Output:
	// cpu: 0.0 nats
	// cpu: 0.0 nats
}

// A critic that follows a law which changes: it trains on batches as they come.
func ExampleCritic() {
	const batch = 256
	c, err := mine.NewCritic(mine.DefaultCriticConfig(1, 1, batch))
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	r := rand.New(rand.NewPCG(1, 1))
	draw := func(rows int) (x, z backend.Matrix) {
		x, z = backend.NewMatrix(rows, 1), backend.NewMatrix(rows, 1)
		for i := range rows {
			x.Data[i] = float32(r.NormFloat64())
			z.Data[i] = 0.9*x.Data[i] + float32(0.4359*r.NormFloat64())
		}
		return x, z
	}
	ctx := context.Background()
	for range 500 {
		x, z := draw(batch)
		if _, err := c.Train(ctx, x, z, 2e-3); err != nil {
			log.Fatal(err)
		}
	}
	x, z := draw(20_000) // new rows, for an honest number
	estimate, _, err := c.Evaluate(ctx, x, z)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("about %.1f nats; the truth is 0.83\n", estimate)
	// Output: about 0.8 nats; the truth is 0.83
}

// A linear map that learns which of its two inputs tells about x.
func ExampleNewModel() {
	const batch = 256
	ctx := context.Background()
	b, err := cpu.Open(cpu.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	spec := backend.ModelSpec{MLP: backend.MLP{Inputs: 2, Outputs: 1}, Adam: backend.Adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}, Rows: batch}
	encoder, err := mine.NewModel(b, spec, 3)
	if err != nil {
		log.Fatal(err)
	}
	defer encoder.Close()
	cfg := mine.DefaultCriticConfig(1, 1, batch)
	cfg.Hidden = []int{32}
	critic, err := mine.NewCritic(cfg, mine.WithBackend(b))
	if err != nil {
		log.Fatal(err)
	}
	defer critic.Close()

	r := rand.New(rand.NewPCG(4, 4))
	inputs, x, z, gz := backend.NewMatrix(batch, 2), backend.NewMatrix(batch, 1), backend.NewMatrix(batch, 1), backend.NewMatrix(batch, 1)
	encode := func() {
		for i := range batch {
			x.Data[i] = float32(r.NormFloat64())
			inputs.Row(i)[0], inputs.Row(i)[1] = x.Data[i], float32(r.NormFloat64()) // x, and a nuisance
		}
		if err := encoder.Forward(ctx, inputs, z); err != nil {
			log.Fatal(err)
		}
		for i := range z.Data {
			z.Data[i] += 0.5 * float32(r.NormFloat64())
		}
	}
	for range 600 {
		for range 2 { // the critic first
			encode()
			if _, err := critic.Train(ctx, x, z, 2e-3); err != nil {
				log.Fatal(err)
			}
		}
		encode()
		if _, err := critic.Gradients(ctx, x, z, backend.Matrix{}, gz); err != nil {
			log.Fatal(err)
		}
		if err := errors.Join(encoder.Backward(ctx, gz, backend.Matrix{}), encoder.Update(1e-2, 1)); err != nil {
			log.Fatal(err)
		}
	}
	s, err := encoder.State()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("it listens to x more than to the nuisance:", math.Abs(float64(s.Params[0])) > 4*math.Abs(float64(s.Params[1])))
	// Output: it listens to x more than to the nuisance: true
}
