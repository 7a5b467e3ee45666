// Package throughput measures how fast a backend trains and evaluates
// critics. It holds what the measurements share: the shapes, their operation
// counts, and a training run on data of realistic size.
//
//	go test -bench . ./bench/throughput
//	go run ./bench/throughput/profile
//	go run ./bench/peers
//
// # Operations
//
// Only the matrix products are counted, the output being a layer of width 1;
// element-wise work is not. Joint and marginal pairs share the projections of
// the first layer, forwards and backwards, so a step on B rows of D columns
// with hidden layers H_1 .. H_L and H_(L+1) = 1 does
//
//	FLOP = 2 B (2 D H_1 + 6 sum over k = 1 .. L of H_k H_(k+1)):
//
// the first layer is multiplied once forwards and once for its gradient, the
// others three times (forwards, back to their inputs, and for their gradient)
// for each of the two kinds of pairs.
package throughput

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"gomine/mine/backend"
	"gomine/mine/objective"
)

// A Case is the shape of a training step.
type Case struct {
	D          int                `json:"d"` // columns of x and z together, at least 2
	H          int                `json:"h"` // width of every hidden layer
	L          int                `json:"l"` // number of hidden layers
	Batch      int                `json:"batch"`
	Activation backend.Activation `json:"f"`
}

// Standard returns the shapes that every comparison is made on: small, medium
// and large, each with ReLU and with the default activation.
func Standard() []Case {
	var cases []Case
	for _, c := range []Case{
		{D: 2, H: 64, L: 2, Batch: 256},
		{D: 40, H: 128, L: 2, Batch: 512},
		{D: 256, H: 512, L: 2, Batch: 4096},
	} {
		for _, f := range []backend.Activation{backend.ReLU, backend.Softplus} {
			c.Activation = f
			cases = append(cases, c)
		}
	}
	return cases
}

// String returns the case as it stands in the name of a benchmark, such as
// "d=40/h=128/l=2/batch=512/f=relu".
func (c Case) String() string {
	return fmt.Sprintf("%v/batch=%d/f=%v", c.layers(), c.Batch, c.Activation)
}

func (c Case) layers() string { return fmt.Sprintf("d=%d/h=%d/l=%d", c.D, c.H, c.L) }

// ParseCase is the inverse of String.
func ParseCase(text string) (Case, error) {
	var c Case
	numbers := map[string]*int{"d": &c.D, "h": &c.H, "l": &c.L, "batch": &c.Batch}
	seen := map[string]bool{}
	for field := range strings.SplitSeq(text, "/") {
		key, value, _ := strings.Cut(field, "=")
		if seen[key] {
			return c, fmt.Errorf("throughput: case %q has %s twice", text, key)
		}
		seen[key] = true
		var err error
		switch number := numbers[key]; {
		case number != nil:
			*number, err = strconv.Atoi(value)
		case key == "f":
			err = c.Activation.UnmarshalText([]byte(value))
		default:
			err = fmt.Errorf("unknown field %q", field)
		}
		if err != nil {
			return c, fmt.Errorf("throughput: case %q, want the form %v: %w", text, Standard()[0], err)
		}
	}
	if len(seen) != len(numbers)+1 {
		return c, fmt.Errorf("throughput: case %q is incomplete, want the form %v", text, Standard()[0])
	}
	if c.D < 2 || c.L < 1 || c.Batch < 2 {
		return c, fmt.Errorf("throughput: case %q, want d >= 2, l >= 1 and batch >= 2", text)
	}
	if err := c.network().Validate(); err != nil {
		return c, fmt.Errorf("throughput: case %q: %w", text, err)
	}
	return c, nil
}

func (c Case) network() backend.Network {
	hidden := make([]int, c.L)
	for i := range hidden {
		hidden[i] = c.H
	}
	return backend.Network{DX: c.D / 2, DZ: c.D - c.D/2, Hidden: hidden, Activation: c.Activation}
}

// Operations counts the floating-point operations of a training step by the
// product that does them.
type Operations struct {
	Projection float64 // x Wx + z Wz
	Forward    float64 // hidden layers, joint and marginal
	Backward   float64 // back to the inputs of the hidden layers
	Weights    float64 // gradients of Wx, Wz and the hidden layers
	Output     float64 // the layer of width 1, in all three directions
}

// Operations returns the counts for one step.
func (c Case) Operations() Operations {
	b, d, h := float64(c.Batch), float64(c.D), float64(c.H)
	hidden := float64(c.L-1) * h * h
	return Operations{
		Projection: 2 * b * d * h,
		Forward:    4 * b * hidden,
		Backward:   4 * b * hidden,
		Weights:    2*b*d*h + 4*b*hidden,
		Output:     12 * b * h,
	}
}

// Total returns the operations of a step, see the package comment.
func (o Operations) Total() float64 {
	return o.Projection + o.Forward + o.Backward + o.Weights + o.Output
}

// scoring returns the operations of scoring pairs out of projected rows.
func (c Case) scoring(projected, pairs int) float64 {
	d, h := float64(c.D), float64(c.H)
	return 2*float64(projected)*d*h + 2*float64(pairs)*(float64(c.L-1)*h*h+h)
}

// StepsPerCall returns how many steps of the case make some tens of
// milliseconds on one core: enough for the cost of a call not to show, few
// enough to end a window of a second in time.
func (c Case) StepsPerCall() int {
	const operations = 2e9
	return int(min(max(operations/c.Operations().Total(), 1), 500))
}

// maxFloats bounds the data of a run to 256 MiB.
const maxFloats = 64 << 20

// Rows returns the number of rows of data to measure the case on: 100,000, or
// as many as fit in 256 MiB, but no fewer than a batch.
func (c Case) Rows() int { return max(min(100_000, maxFloats/c.D), c.Batch) }

// A Run is a critic in training on correlated normal data.
type Run struct {
	Case    Case
	Data    backend.Data
	Trainer backend.Trainer

	rates, values []float64
}

// NewRun returns a run of the case on that many rows, ready for its first
// step. Close it.
func NewRun(b backend.Backend, c Case, rows int) (*Run, error) {
	const correlation = 0.5
	src := rand.New(rand.NewPCG(1, 2))
	net := c.network()
	x, z := backend.NewMatrix(rows, net.DX), backend.NewMatrix(rows, net.DZ)
	for i := range x.Data {
		x.Data[i] = float32(src.NormFloat64())
	}
	rest := math.Sqrt(1 - correlation*correlation)
	for i := range rows {
		for j := range net.DZ {
			z.Row(i)[j] = float32(correlation*float64(x.Row(i)[j%net.DX]) + rest*src.NormFloat64())
		}
	}
	data, err := b.Load(x, z)
	if err != nil {
		return nil, fmt.Errorf("throughput: %v: %w", c, err)
	}
	trainer, err := b.NewTrainer(backend.Spec{
		Network:   net,
		Objective: objective.DV.Default(),
		Batch:     c.Batch,
		Marginals: 1,
		ClipNorm:  math.Inf(1),
		Adam:      backend.Adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8},
		Seed:      1,
	}, data, backend.Rows{Lo: 0, Hi: rows})
	if err != nil {
		data.Close()
		return nil, fmt.Errorf("throughput: %v: %w", c, err)
	}
	r := &Run{Case: c, Data: data, Trainer: trainer}
	if err := trainer.SetState(initialState(net, src)); err != nil {
		r.Close()
		return nil, fmt.Errorf("throughput: %v: %w", c, err)
	}
	return r, nil
}

// initialState draws weights of variance 1/inputs; the biases are zero.
func initialState(net backend.Network, src *rand.Rand) backend.State {
	n := net.NumParams()
	s := backend.State{Params: make([]float32, n), M: make([]float32, n), V: make([]float32, n)}
	for _, block := range net.Blocks() {
		inputs := block.Rows
		switch block.Kind {
		case backend.WeightsX, backend.WeightsZ:
			inputs = net.DX + net.DZ
		case backend.Bias, backend.OutputBias:
			continue
		}
		sd := 1 / math.Sqrt(float64(inputs))
		for i := range block.Len() {
			s.Params[block.Offset+i] = float32(sd * src.NormFloat64())
		}
	}
	return s
}

// Steps trains for n steps and returns the value of the objective in the last
// one, in nats.
func (r *Run) Steps(ctx context.Context, n int) (float64, error) {
	const rate = 1e-3
	for len(r.rates) < n {
		r.rates = append(r.rates, rate)
		r.values = append(r.values, 0)
	}
	done, err := r.Trainer.Train(ctx, r.rates[:n], r.values[:n])
	if err != nil {
		return math.NaN(), fmt.Errorf("throughput: %v: %w", r.Case, err)
	}
	return r.values[done-1], nil
}

// Close releases the trainer and its data.
func (r *Run) Close() error {
	if err := r.Trainer.Close(); err != nil {
		return err
	}
	return r.Data.Close()
}
