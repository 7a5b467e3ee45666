package cpu

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"gomine/mine/backend"
	"gomine/mine/objective"
)

// answers is all that a trainer says of a problem.
type answers struct {
	Values    []float64
	State     backend.State
	Gradient  []float32
	Value     float64   // of ObjectiveGradients
	DX, DZ    []float32 // dV/dx and dV/dz of the batch
	Cycles    backend.Evaluation
	Influence []float64
	Tests     backend.Evaluation // by permutations
	Scores    []float32
	GX        []float32
}

// ask trains on training rows of a problem of 700 and asks for everything.
func ask(t *testing.T, threads int, spec backend.Spec, x, z backend.Matrix, state backend.State, train backend.Rows) answers {
	t.Helper()
	b := open(t, threads)
	defer b.Close()
	data, tr := start(t, b, spec, x, z, state, train)
	net, n, batch, steps := spec.Network, x.Rows, spec.Batch, 8
	a := answers{
		Values: make([]float64, steps), Gradient: make([]float32, net.NumParams()),
		Influence: make([]float64, train.Len()), Scores: make([]float32, n),
	}
	rates := slices.Repeat([]float64{1e-3}, steps)
	index := make([]int, n)
	for i := range index {
		index[i] = i
	}
	gx, gz := backend.NewMatrix(n, net.DX), backend.NewMatrix(n, net.DZ)
	ox, oz := backend.NewMatrix(batch, net.DX), backend.NewMatrix(batch, net.DZ)
	ctx := context.Background()
	for i, call := range []func() error{
		func() error { _, err := tr.Train(ctx, rates, a.Values); return err },
		func() (err error) { a.State, err = tr.State(); return },
		func() error { _, err := tr.Gradient(ctx, a.Gradient); return err },
		func() (err error) { a.Value, err = tr.ObjectiveGradients(ctx, ox, oz); return },
		func() (err error) {
			a.Cycles, err = tr.Evaluate(ctx, data, train, backend.Pairing{Kind: backend.Cycles, Count: 3, Seed: 9}, a.Influence)
			return
		},
		func() (err error) {
			a.Tests, err = tr.Evaluate(ctx, data, train, backend.Pairing{Kind: backend.Permutations, Count: 2, Seed: 9}, nil)
			return
		},
		func() error { return tr.Scores(ctx, data, index, index, a.Scores) },
		func() error { return tr.InputGradients(ctx, data, index, index, a.Scores, gx, gz) },
	} {
		if err := call(); err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
	}
	a.DX, a.DZ, a.GX = ox.Data, oz.Data, gx.Data
	return a
}

// checkSame reports the fields in which two answers differ.
func checkSame(t *testing.T, what string, got, want answers) {
	t.Helper()
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	for i := range g.NumField() {
		if !reflect.DeepEqual(g.Field(i).Interface(), w.Field(i).Interface()) {
			t.Errorf("%s: %s differs", what, g.Type().Field(i).Name)
		}
	}
}

// everyWorker lets the smallest networks have workers, too.
func everyWorker(t *testing.T) {
	old := workerFLOP
	t.Cleanup(func() { workerFLOP = old })
	workerFLOP.least, workerFLOP.enough = 1, 1
}

var threadNetworks = []backend.Network{
	{DX: 3, DZ: 2, Hidden: []int{17}, Activation: backend.Softplus},
	{DX: 20, DZ: 33, Hidden: []int{64, 129, 31}, Activation: backend.ELU},
	{DX: 1, DZ: 1, Hidden: []int{1, 1, 1, 1}, Activation: backend.ReLU},
}

// TestThreads checks that the number of threads changes no bit of anything.
func TestThreads(t *testing.T) {
	everyWorker(t)
	t.Run("objectives", testThreadsObjectives)
	t.Run("marginals", testThreadsMarginals)
}

// testThreadsObjectives has batches with fewer rows than there are threads, too.
func testThreadsObjectives(t *testing.T) {
	for _, net := range threadNetworks {
		for _, obj := range objectives() {
			for _, batch := range []int{2, 100, 300} {
				spec, x, z, state := problem(700, net, obj, batch)
				train := backend.Rows{Lo: 3, Hi: 600}
				want := ask(t, 1, spec, x, z, state, train)
				for _, threads := range []int{2, 3, 7} {
					name := fmt.Sprintf("%v %v batch %d, %d threads and one", net, obj, batch, threads)
					checkSame(t, name, ask(t, threads, spec, x, z, state, train), want)
				}
			}
		}
	}
}

// testThreadsMarginals has several marginal pairs a row, as many as the batch
// allows among them, with clipping and without.
func testThreadsMarginals(t *testing.T) {
	all := objectives()
	for i, net := range threadNetworks {
		for j, c := range []struct{ batch, marginals int }{
			{3, 2}, {5, 4}, {9, 8}, {33, 32}, {65, 64}, {131, 64},
			{65, 1}, {65, 2}, {65, 4}, {65, 8}, {101, 4}, {301, 8},
		} {
			spec, x, z, state := problem(700, net, all[(i+j)%len(all)], c.batch)
			spec.Marginals = c.marginals
			if (i+j/2)%2 == 0 {
				spec.ClipNorm = 0.01
			}
			train := backend.Rows{Lo: 3, Hi: 600}
			want := ask(t, 1, spec, x, z, state, train)
			for _, threads := range []int{2, 3, 5} {
				name := fmt.Sprintf("%v %v batch %d of %d pairs, clipped to %v: %d threads and one",
					net, spec.Objective, c.batch, c.marginals, spec.ClipNorm, threads)
				checkSame(t, name, ask(t, threads, spec, x, z, state, train), want)
			}
		}
	}
}

// TestIndex checks that rows by an index are bitwise those that it names, in a
// batch that lies in two epochs, too.
func TestIndex(t *testing.T) {
	net := threadNetworks[0]
	spec, x, z, state := problem(700, net, objective.NCE.Default(), 100)
	spec.Marginals = 3
	index := make([]int32, 400)
	for i := range index {
		index[i] = int32(300 * i % 700) // some of them often, others never
	}
	rows := backend.Rows{Lo: 20, Hi: 370, Index: index}
	named := func(m backend.Matrix) backend.Matrix {
		c := backend.NewMatrix(m.Rows, m.Cols)
		for i := range rows.Len() {
			copy(c.Row(i), m.Row(rows.At(i)))
		}
		return c
	}
	got := ask(t, 2, spec, x, z, state, rows)
	want := ask(t, 2, spec, named(x), named(z), state, backend.Rows{Lo: 0, Hi: rows.Len()})
	got.Scores, got.GX = want.Scores, want.GX // of the data, not of the rows
	checkSame(t, "rows by an index and copies", got, want)
}
