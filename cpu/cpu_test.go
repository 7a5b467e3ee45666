package cpu

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"

	"gomine/mine/backend"
	"gomine/mine/objective"
	"gomine/mine/sampling"
)

func open(t testing.TB, threads int) backend.Backend {
	t.Helper()
	b, err := Open(Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// problem is a training run on n random rows.
func problem(n int, net backend.Network, obj objective.Objective, batch int) (backend.Spec, backend.Matrix, backend.Matrix, backend.State) {
	spec := backend.Spec{
		Network: net, Objective: obj, Batch: batch, Marginals: 1, ClipNorm: math.Inf(1), Seed: 5,
		Adam: backend.Adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.01},
	}
	x, z := backend.NewMatrix(n, net.DX), backend.NewMatrix(n, net.DZ)
	for i := range x.Data {
		x.Data[i] = float32(sampling.Normal(1, 100, 0, uint64(i)))
	}
	for i := range z.Data {
		z.Data[i] = x.Data[i%len(x.Data)] + float32(sampling.Normal(2, 100, 0, uint64(i)))
	}
	count := net.NumParams()
	s := backend.State{Params: make([]float32, count), M: make([]float32, count), V: make([]float32, count)}
	for i := range s.Params {
		s.Params[i] = 0.2 * float32(sampling.Normal(3, 100, 0, uint64(i)))
	}
	return spec, x, z, s
}

// objectives returns one of every kind.
func objectives() []objective.Objective {
	var all []objective.Objective
	for _, k := range objective.Kinds() {
		all = append(all, k.Default())
	}
	return all
}

// start returns a trainer of a problem in its state.
func start(t testing.TB, b backend.Backend, spec backend.Spec, x, z backend.Matrix, s backend.State, train backend.Rows) (backend.Data, backend.Trainer) {
	t.Helper()
	data, err := b.Load(x, z)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := b.NewTrainer(spec, data, train)
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.SetState(s); err != nil {
		t.Fatal(err)
	}
	return data, tr
}

// TestProjectionCache checks that an evaluation gives bitwise the same with
// and without keeping the projections of all rows.
func TestProjectionCache(t *testing.T) {
	b := open(t, 2)
	defer b.Close()
	net := backend.Network{DX: 5, DZ: 4, Hidden: []int{33, 16}, Activation: backend.Softplus}
	spec, x, z, state := problem(1000, net, objective.DV.Default(), 64)
	data, tr := start(t, b, spec, x, z, state, backend.Rows{Lo: 0, Hi: 1000})
	index := make([]int32, 1000)
	for i := range index {
		index[i] = int32(7 * i % 1000)
	}
	for _, rows := range []backend.Rows{{Lo: 10, Hi: 990}, {Lo: 10, Hi: 990, Index: index}} {
		for _, kind := range []backend.PairingKind{backend.Cycles, backend.Permutations} {
			evaluate := func(limit int) (backend.Evaluation, []float64) {
				defer func(old int) { projectedBytes = old }(projectedBytes)
				projectedBytes = limit
				influence := make([]float64, rows.Len())
				ev, err := tr.Evaluate(context.Background(), data, rows, backend.Pairing{Kind: kind, Count: 4, Seed: 3}, influence)
				if err != nil {
					t.Fatal(err)
				}
				return ev, influence
			}
			with, influence := evaluate(1 << 30)
			without, same := evaluate(0)
			if !reflect.DeepEqual(with, without) || !slices.Equal(influence, same) {
				t.Errorf("evaluation by %v, index %v: with cached projections %+v, without %+v", kind, rows.Index != nil, with, without)
			}
		}
	}
}

// TestTrainAllocates checks that steps allocate nothing.
func TestTrainAllocates(t *testing.T) {
	b := open(t, 2)
	defer b.Close()
	net := backend.Network{DX: 5, DZ: 4, Hidden: []int{33, 16}, Activation: backend.Softplus}
	for _, obj := range objectives() {
		spec, x, z, state := problem(1000, net, obj, 64)
		spec.Marginals, spec.ClipNorm = 3, 0.1
		_, tr := start(t, b, spec, x, z, state, backend.Rows{Lo: 0, Hi: 1000})
		allocs := func(steps int) float64 {
			rates, values := slices.Repeat([]float64{1e-3}, steps), make([]float64, steps)
			return testing.AllocsPerRun(5, func() {
				if _, err := tr.Train(context.Background(), rates, values); err != nil {
					t.Fatal(err)
				}
			})
		}
		// A call may allocate its closure; forty more steps may not add to it.
		if one, many := allocs(1), allocs(41); many > one {
			t.Errorf("%v: %v allocations in a call of 41 steps, %v in a call of one", obj, many, one)
		}
	}
}

// TestDivide: the parts are no more than there is work, and have the threads of the whole.
func TestDivide(t *testing.T) {
	for _, c := range []struct{ threads, most, parts int }{{1, 8, 1}, {3, 8, 3}, {5, 2, 2}, {4, 1, 1}, {2, 0, 1}} {
		whole, err := Open(Options{Threads: c.threads})
		if err != nil {
			t.Fatal(err)
		}
		parts, err := whole.(backend.Divider).Divide(c.most)
		if err != nil {
			t.Fatal(err)
		}
		threads := 0
		for _, p := range parts {
			n := len(p.(*device).pool.workers)
			if least := c.threads / c.parts; n < least || n > least+1 {
				t.Errorf("%+v: a part has %d threads", c, n)
			}
			threads += n
			p.Close()
		}
		if len(parts) != c.parts || threads != c.threads {
			t.Errorf("%+v: %d parts with %d threads", c, len(parts), threads)
		}
		whole.Close()
		if _, err := whole.(backend.Divider).Divide(c.most); !errors.Is(err, backend.ErrClosed) {
			t.Errorf("divided when closed: %v", err)
		}
	}
}
