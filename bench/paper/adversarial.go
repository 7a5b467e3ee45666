package main

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

// The streams of the adversarial experiments. Their numbers are part of every
// result and differ from those of package sampling and of package digits.
const (
	streamReal  sampling.Stream = 0x4701 // the rows of the law that is to be learnt
	streamInput sampling.Stream = 0x4702 // noise and code of the generator
	streamSeeds sampling.Stream = 0x4703 // the seeds of the networks of one run
)

// stepScore is the first of the streams' steps whose rows judge a generator:
// above all those that train it, two batches a step.
const stepScore = 1 << 40

// normals fills dst with standard normal values: those of a seed, a stream and
// a step, row by row.
func normals(dst backend.Matrix, seed uint64, stream sampling.Stream, step uint64) {
	for i := range dst.Rows {
		row := dst.Row(i)
		for j := range row {
			row[j] = float32(sampling.Normal(seed, stream, step, uint64(i*dst.Cols+j)))
		}
	}
}

// networkSeed returns a seed for network number index of the run of a seed.
// Two runs have no network in common, as they would with seed + index.
func networkSeed(seed, index uint64) uint64 {
	return uint64(sampling.Uniform(seed, streamSeeds, 0, index) * (1 << 52))
}

// logSigmoid returns V = mean log sigma(s l) of the logits l [n, 1] of a
// discriminator, for s = 1 or -1, and stores dV/dl = s sigma(-s l)/n in grad.
//
// A discriminator ascends it with s = 1 on the rows of the law and with s = -1
// on those of the generator, whose own loss, the one that does not saturate
// (Goodfellow et al. 2014, section 3), is -V with s = 1 on the latter.
func logSigmoid(logits, grad backend.Matrix, s float64) float64 {
	var value float64
	n := float64(logits.Rows)
	for i := range logits.Rows {
		l := s * float64(logits.Row(i)[0])
		value -= softplus(-l) / n
		grad.Row(i)[0] = float32(s / (1 + math.Exp(l)) / n)
	}
	return value
}

// softplus returns log(1 + e^t) without overflow.
func softplus(t float64) float64 { return max(t, 0) + math.Log1p(math.Exp(-math.Abs(t))) }

// addClipped adds to g, the derivatives of an adversarial objective at the rows
// of a batch, those of the information, h, times a weight and then scaled down,
// where it is longer, to the length of g:
//
//	g <- g + min(1, |g| / |weight h|) weight h,
//
// with Euclidean lengths over all entries. That is the adaptive clipping of the
// paper (appendix; there of the gradients of the parameters, here of those of
// the outputs, before they are taken back to the parameters together). It
// returns the factor min(1, ...), which is 1 where weight h is zero.
func addClipped(g, h backend.Matrix, weight float64) float64 {
	most, length := norm(g), math.Abs(weight)*norm(h)
	factor := 1.0
	if length > most {
		factor = most / length
	}
	scale := float32(weight * factor)
	for i := range g.Rows {
		dst := g.Row(i)
		for j, v := range h.Row(i) {
			dst[j] += scale * v
		}
	}
	return factor
}

// norm returns the Euclidean length of all entries together.
func norm(m backend.Matrix) float64 {
	var sum float64
	for i := range m.Rows {
		for _, v := range m.Row(i) {
			sum += float64(v) * float64(v)
		}
	}
	return math.Sqrt(sum)
}

// coverage says how a sample spreads over the modes of a law.
type coverage struct {
	Modes int     `json:"modes"` // that count as covered
	Of    int     `json:"of"`
	Near  float64 `json:"near"` // share of the rows that belong to any mode
	// KL is the divergence, in nats, of the histogram of the rows that belong to
	// a mode from the even one: log Of less its entropy, log Of if there are none.
	KL float64 `json:"kl"`
}

// cover counts modes: mode[i] is that of row i, negative for none; a mode is
// covered from least rows on.
func cover(mode []int, of, least int) coverage {
	counts := make([]int, of)
	near := 0
	for _, m := range mode {
		if m >= 0 {
			counts[m]++
			near++
		}
	}
	c := coverage{Of: of, KL: math.Log(float64(of))}
	if len(mode) > 0 {
		c.Near = float64(near) / float64(len(mode))
	}
	for _, k := range counts {
		if k >= least {
			c.Modes++
		}
		if k > 0 {
			p := float64(k) / float64(near)
			c.KL += p * math.Log(p)
		}
	}
	return c
}

// eachRun calls f for run 0, 1, ... n-1, each with a backend of its own and one
// thread: networks this small gain nothing from a second one, while runs do not
// wait for each other. As many runs as the flags name threads go at a time. The
// first error ends it.
func eachRun(ctx context.Context, flags *experiment.Flags, n int, f func(ctx context.Context, b backend.Backend, run int) error) error {
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
