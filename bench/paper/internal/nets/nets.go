// Package nets has what the experiments that train networks against each other
// share: random inputs, losses with their derivatives, the modes that a sample
// covers, and runs side by side.
package nets

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"

	"gomine/bench/internal/experiment"
	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/sampling"
)

// Program is how the command of the experiments is started.
const Program = "go run ./bench/paper"

// Adam holds the constants that Kingma and Ba (2015) propose.
var Adam = backend.Adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}

// AdversarialAdam returns those constants with the first decay rate that
// adversarial networks take: 0.5 by Radford et al. (2016).
func AdversarialAdam(beta1 float64) backend.Adam {
	adam := Adam
	adam.Beta1 = beta1
	return adam
}

// The streams of the adversarial experiments. Their numbers are part of every
// result and differ from those of package sampling and of package digits.
const (
	StreamReal  sampling.Stream = 0x4701 // the rows of the law that is to be learnt
	StreamInput sampling.Stream = 0x4702 // noise and code of the generator
	streamSeeds sampling.Stream = 0x4703 // the seeds of the networks of one run
)

// StepScore is the first of the streams' steps whose rows judge a generator:
// above all those that train it, two batches a step.
const StepScore = 1 << 40

// Normals fills dst with standard normal values: those of a seed, a stream and
// a step, row by row.
func Normals(dst backend.Matrix, seed uint64, stream sampling.Stream, step uint64) {
	for i := range dst.Rows {
		row := dst.Row(i)
		for j := range row {
			row[j] = float32(sampling.Normal(seed, stream, step, uint64(i*dst.Cols+j)))
		}
	}
}

// Seed returns a seed for network number index of the run of a seed.
// Two runs have no network in common, as they would with seed + index.
func Seed(seed, index uint64) uint64 {
	return uint64(sampling.Uniform(seed, streamSeeds, 0, index) * (1 << 52))
}

// Cosine returns the factor of a learning rate that falls from 1 to 0 along half
// a cosine, after a share of the training from 0 to 1.
func Cosine(progress float64) float64 { return (1 + math.Cos(math.Pi*progress)) / 2 }

// RowsOf returns rows lo, lo+1, ... of a matrix without padding.
func RowsOf(m backend.Matrix, lo, rows int) backend.Matrix {
	return backend.Matrix{Rows: rows, Cols: m.Cols, Stride: m.Stride, Data: m.Data[lo*m.Stride : (lo+rows)*m.Stride]}
}

// Head returns the first rows of a matrix.
func Head(m backend.Matrix, rows int) backend.Matrix {
	m.Rows = rows
	return m
}

// EachRun calls f for run 0, 1, ... n-1, each with a backend of its own and one
// thread: networks this small gain nothing from a second one, while runs do not
// wait for each other. As many runs as the flags name threads go at a time. The
// first error ends it.
func EachRun(ctx context.Context, flags *experiment.Flags, n int, f func(ctx context.Context, b backend.Backend, run int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, flags.Processors()) {
		wg.Go(func() {
			b, err := mine.OpenBackend(flags.Backend, mine.BackendOptions{Threads: 1})
			if err != nil {
				cancel(err)
				return
			}
			for run := int(next.Add(1)) - 1; run < n && err == nil && ctx.Err() == nil; run = int(next.Add(1)) - 1 {
				err = f(ctx, b, run)
			}
			if err = errors.Join(err, b.Close()); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
