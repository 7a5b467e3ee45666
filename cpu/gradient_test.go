package cpu

import (
	"context"
	"fmt"
	"math"
	"testing"

	"gomine/mine/backend"
	"gomine/mine/objective"
)

// exactBatch is a batch in float64, to be differentiated by differences.
type exactBatch struct {
	net       backend.Network
	objective objective.Objective
	params    []float64
	x, z      [][]float64 // by entry
	next      []int
	marginals int
}

// at returns a block of parameters as a function of row and column.
func (e *exactBatch) at(b backend.Block) func(i, j int) float64 {
	return func(i, j int) float64 { return e.params[b.Offset+i*b.Cols+j] }
}

// critic returns the score of a pair.
func (e *exactBatch) critic(x, z []float64) float64 {
	var h []float64
	blocks := e.net.Blocks()
	add := func(out, in []float64, b backend.Block) {
		w := e.at(b)
		for j := range out {
			for i, v := range in {
				out[j] += v * w(i, j)
			}
		}
	}
	for len(blocks) > 0 {
		out := make([]float64, blocks[0].Cols)
		for ; blocks[0].Kind != backend.Bias && blocks[0].Kind != backend.OutputBias; blocks = blocks[1:] {
			switch blocks[0].Kind {
			case backend.WeightsX:
				add(out, x, blocks[0])
			case backend.WeightsZ:
				add(out, z, blocks[0])
			default:
				add(out, h, blocks[0])
			}
		}
		add(out, []float64{1}, blocks[0])
		if blocks[0].Kind == backend.OutputBias {
			return out[0]
		}
		for j, v := range out {
			out[j] = softplus(v)
		}
		h, blocks = out, blocks[1:]
	}
	panic("a network without a score")
}

// value returns V of the batch.
func (e *exactBatch) value() float64 {
	var joint, marginal []float64
	for i := range e.x {
		joint = append(joint, e.critic(e.x[i], e.z[i]))
		j := i
		for range e.marginals {
			j = e.next[j]
			marginal = append(marginal, e.critic(e.x[i], e.z[j]))
		}
	}
	return e.objective.Value(joint, marginal)
}

// derivative returns dV/dv of something that the value depends on. The error of a
// central difference is some h^2 by its truncation and 2^-53/h by rounding.
func (e *exactBatch) derivative(v *float64) float64 {
	const h = 1e-5
	old := *v
	*v = old + h
	above := e.value()
	*v = old - h
	below := e.value()
	*v = old
	return (above - below) / (2 * h)
}

// TestGradientByDifferences checks the gradients with respect to the parameters
// and to the rows of a batch against central differences of its value in float64.
// It is that of MINE in its first step, in which the average is of that step
// alone; that of SMILE is the one of the value of JS.
func TestGradientByDifferences(t *testing.T) {
	everyWorker(t)
	net := backend.Network{DX: 2, DZ: 3, Hidden: []int{5, 4}, Activation: backend.Softplus}
	for _, obj := range []objective.Objective{
		objective.DV.Default(), objective.MINE.Default(), objective.NWJ.Default(), objective.JS.Default(),
		objective.SMILE.With(0.5), objective.NCE.With(3),
	} {
		for _, c := range []struct{ batch, marginals int }{{2, 1}, {7, 1}, {7, 3}, {7, 6}, {37, 5}, {23, 22}} {
			name := fmt.Sprintf("%v, batch of %d, %d marginal pairs a row", obj, c.batch, c.marginals)
			checkGradient(t, name, net, obj, c.batch, c.marginals)
		}
	}
}

func checkGradient(t *testing.T, name string, net backend.Network, obj objective.Objective, batch, marginals int) {
	t.Helper()
	b := open(t, 2)
	defer b.Close()
	spec, x, z, state := problem(100, net, obj, batch)
	spec.Marginals = marginals
	_, tr := start(t, b, spec, x, z, state, backend.Rows{Lo: 0, Hi: x.Rows})
	ctx := context.Background()
	grad := make([]float32, net.NumParams())
	gx, gz := backend.NewMatrix(batch, net.DX), backend.NewMatrix(batch, net.DZ)
	value, err := tr.Gradient(ctx, grad)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.ObjectiveGradients(ctx, gx, gz); err != nil {
		t.Fatal(err)
	}
	rows, next, err := tr.Batch(0)
	if err != nil {
		t.Fatal(err)
	}

	exact := exactBatch{net: net, objective: obj, params: exactly(state.Params), next: next, marginals: marginals}
	for _, row := range rows {
		exact.x, exact.z = append(exact.x, exactly(x.Row(row))), append(exact.z, exactly(z.Row(row)))
	}
	if want := exact.value(); math.Abs(value-want) > gradientError {
		t.Errorf("%s: value %v, want %v", name, value, want)
	}
	if obj.Kind == objective.SMILE {
		exact.objective = objective.JS.Default()
	}
	for _, b := range net.Blocks() {
		checkDerivatives(t, name+": "+b.Name(), &exact, grad[b.Offset:][:b.Len()], exact.params[b.Offset:])
	}
	for i := range rows {
		checkDerivatives(t, fmt.Sprintf("%s: x of entry %d", name, i), &exact, gx.Row(i), exact.x[i])
		checkDerivatives(t, fmt.Sprintf("%s: z of entry %d", name, i), &exact, gz.Row(i), exact.z[i])
	}
}

// gradientError is what a derivative may be off by. The weights of the scores add
// up to 2 and a score changes by at most 3 with anything it depends on, which
// some ten operations compute to 2^-24 each: 4e-6 if all err alike.
const gradientError = 4e-6

func checkDerivatives(t *testing.T, what string, e *exactBatch, got []float32, of []float64) {
	t.Helper()
	for i, g := range got {
		want := e.derivative(&of[i])
		if !(math.Abs(float64(g)-want) < gradientError) {
			t.Errorf("%s: derivative %d is %v, want %v", what, i, g, want)
			return
		}
	}
}

func exactly(v []float32) []float64 {
	e := make([]float64, len(v))
	for i, x := range v {
		e[i] = float64(x)
	}
	return e
}
