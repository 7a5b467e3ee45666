package main

import (
	"context"
	"fmt"
	"math"

	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/objective"
	"gomine/mine/simulate"
)

// part is the number of training steps whose rows are drawn and loaded at a time,
// so that a run on fresh rows needs little memory.
const part = 500

// A supply hands out rows of a law, none of them twice. The law may be replaced by
// another one of the same columns in between.
type supply struct {
	law  *simulate.Task
	seed uint64
	next int // the first row that was not handed out yet
}

// draw hands out rows as they are, without preprocessing: x is [rows, dx] and z
// is [rows, dz].
func (s *supply) draw(rows int) (x, z backend.Matrix, err error) {
	const piece = 4096 // rows that are held in float64 as well
	x, z = backend.NewMatrix(rows, s.law.DX), backend.NewMatrix(rows, s.law.DZ)
	xs, zs := make([]float64, piece*x.Cols), make([]float64, piece*z.Cols)
	for lo := 0; lo < rows; lo += piece {
		n := min(piece, rows-lo)
		if err := s.law.Fill(s.next, s.seed, xs[:n*x.Cols], zs[:n*z.Cols]); err != nil {
			return x, z, err
		}
		s.next += n
		narrow(x.Data[lo*x.Cols:], xs[:n*x.Cols])
		narrow(z.Data[lo*z.Cols:], zs[:n*z.Cols])
	}
	return x, z, nil
}

func narrow(dst []float32, src []float64) {
	for i, v := range src {
		dst[i] = float32(v)
	}
}

// A critic is one in training on fresh rows: every row is in one batch only.
type critic struct {
	backend backend.Backend
	rows    *supply
	spec    backend.Spec
	state   backend.State
}

// newCritic returns an untrained critic with the library's initial weights.
func newCritic(b backend.Backend, law *simulate.Task, hidden []int, activation backend.Activation, kind objective.Kind, batch int, seed uint64) *critic {
	network := backend.Network{DX: law.DX, DZ: law.DZ, Hidden: hidden, Activation: activation}
	return &critic{
		backend: b,
		rows:    &supply{law: law, seed: seed},
		spec: backend.Spec{
			Network: network, Objective: kind.Default(), Batch: batch, Marginals: 1, ClipNorm: math.Inf(1), Seed: seed,
			Adam: backend.Adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8},
		},
		state: mine.InitialState(network, kind, seed),
	}
}

// train makes steps steps of one learning rate and calls each, unless it is nil,
// after every so many of them.
//
// A trainer visits all rows of its data in the epoch that its step number says, in
// an order of the epoch. So as many steps as the data have batches, from a multiple
// of that number on, take each row once; that is why steps come in whole parts.
func (c *critic) train(ctx context.Context, steps int, rate float64, every int, each func(backend.Trainer) error) error {
	n := min(part, steps)
	if steps%n != 0 || n%every != 0 || c.state.Step%uint64(n) != 0 {
		return fmt.Errorf("%d steps from step %d on, in parts of %d and of %d: choose numbers that divide each other", steps, c.state.Step, n, every)
	}
	rates, values := make([]float64, every), make([]float64, every)
	for i := range rates {
		rates[i] = rate
	}
	for range steps / n {
		err := c.on(n*c.spec.Batch, func(t backend.Trainer, _ backend.Data) error {
			for range n / every {
				if _, err := t.Train(ctx, rates, values); err != nil {
					return err
				}
				if each == nil {
					continue
				}
				if err := each(t); err != nil {
					return err
				}
			}
			var err error
			c.state, err = t.State()
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// on calls f with a trainer at the critic's state and with fresh rows.
func (c *critic) on(rows int, f func(backend.Trainer, backend.Data) error) error {
	x, z, err := c.rows.draw(rows)
	if err != nil {
		return err
	}
	data, err := c.backend.Load(x, z)
	if err != nil {
		return err
	}
	defer data.Close()
	t, err := c.backend.NewTrainer(c.spec, data, backend.Rows{Hi: rows})
	if err != nil {
		return err
	}
	defer t.Close()
	if err := t.SetState(c.state); err != nil {
		return err
	}
	return f(t, data)
}

// evaluate returns the averages over fresh rows and about as many marginal pairs
// as asked for.
func (c *critic) evaluate(ctx context.Context, rows, pairs int) (ev backend.Evaluation, err error) {
	err = c.on(rows, func(t backend.Trainer, data backend.Data) error {
		pairing := backend.Pairing{Kind: backend.Cycles, Count: min(max(1, pairs/rows), rows-1), Seed: c.spec.Seed}
		ev, err = t.Evaluate(ctx, data, backend.Rows{Hi: rows}, pairing, nil)
		return err
	})
	return ev, err
}

// crossScores returns the scores of n rows of data from lo on, and those of all
// n(n-1) pairs of different rows among them.
func crossScores(ctx context.Context, t backend.Trainer, data backend.Data, lo, n int) (joint, marginal []float64, err error) {
	var xs, zs []int
	for i := range n {
		xs, zs = append(xs, lo+i), append(zs, lo+i)
	}
	for i := range n {
		for j := range n {
			if i != j {
				xs, zs = append(xs, lo+i), append(zs, lo+j)
			}
		}
	}
	scores := make([]float32, len(xs))
	if err := t.Scores(ctx, data, xs, zs, scores); err != nil {
		return nil, nil, err
	}
	wide := make([]float64, len(scores))
	for i, t := range scores {
		wide[i] = float64(t)
	}
	return wide[:n], wide[n:], nil
}
