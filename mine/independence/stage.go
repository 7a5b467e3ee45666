package independence

import (
	"context"
	"errors"
	"math"

	"gomine/mine"
	"gomine/mine/column"
)

// pairsAtOnce is how many pairs are scored at a time.
const pairsAtOnce = 1 << 18

// scoring scores pairs of test rows, of xs[i] of x with zs[i] of z.
type scoring func(xs, zs []int) ([]float64, error)

const (
	// fewRows is the number below which critics are of more than the folds asked for, so that all
	// of them together have learnt from nearly all rows: it takes little time there.
	fewRows = 1000
	// fewFolds is how many, as far as each has 20 rows to be tested on.
	fewFolds = 5
	// weightPairs is the most marginal pairs that weights of critics are decided by: the test asks for no bound.
	weightPairs = 100_000
)

// test trains critics and tests on the rows behind.
func (s stage) test(ctx context.Context, d Data, cfg Config, f int, p *plan, opts []mine.Option) (part Part, err error) {
	fitted, _, err := mine.Fit(ctx, column.Pick(d.X, s.trained), column.Pick(d.Z, s.trained), p.training(cfg.Estimate, len(s.trained)), d.options(s.trained, outspoken(opts))...)
	if fitted != nil {
		defer func() { err = errors.Join(err, fitted.Close()) }()
	}
	if err != nil {
		return part, err
	}
	part, err = p.permute(ctx, fitted, d, s.tested, f, cfg.Permutations)
	part.Trained = len(s.trained)
	return part, err
}

// outspoken has critics that would say nothing say what they can: nothing makes all pairings alike, and the p-value 1.
func outspoken(opts []mine.Option) []mine.Option {
	return append([]mine.Option{mine.WithoutSilence()}, opts...)
}

// training returns the settings of critics of some rows. The fit is not asked how the rows depend
// on each other again, nor for a second opinion.
func (p *plan) training(cfg mine.Config, rows int) mine.Config {
	cfg = p.arranged(cfg)
	cfg.Neighbours, cfg.TestPairs = false, min(cfg.TestPairs, weightPairs)
	if cfg.Folds > 1 && rows < fewRows {
		cfg.Folds = min(fewFolds, rows/leastTested)
	}
	return cfg
}

// arranged has rows be split as the plan takes them.
func (p *plan) arranged(cfg mine.Config) mine.Config {
	switch p.pairing {
	case Rows, Strata, Groups:
		cfg.Split, cfg.Block = mine.SplitRandom, mine.AutoLength
	case Rotations:
		cfg.Split = mine.SplitBlocks
	}
	return cfg
}

// permute tests on rows that the critic has not learnt from, as part f.
func (p *plan) permute(ctx context.Context, c *mine.Fitted, d Data, tested []int, f, permutations int) (Part, error) {
	x, z := column.Pick(d.X, tested), column.Pick(d.Z, tested)
	return p.compare(f, tested, permutations, func(xs, zs []int) ([]float64, error) { return c.PairScores(ctx, x, z, xs, zs) })
}

// compare compares the statistic of some rows as they are with that of their permutations.
func (p *plan) compare(f int, tested []int, asked int, score scoring) (Part, error) {
	n := len(tested)
	count, pairing := p.permutations(f, tested, asked)
	all, err := newStatistic(n, count, score)
	if err != nil {
		return Part{}, err
	}
	part := Part{Tested: n, Permutations: count, Silent: true}
	sums, err := all.of(append([]func(int) int{func(i int) int { return i }}, pairings(count, pairing)...))
	if err != nil {
		return part, err
	}
	above := 0
	for _, s := range sums[1:] {
		part.Mean += s / float64(count)
		if !(s < sums[0]) {
			above++
		}
		part.Silent = part.Silent && s == sums[0]
	}
	part.Statistic, part.PValue = sums[0], float64(1+above)/float64(1+count)
	return part, nil
}

func pairings(count int, pairing func(b int) func(int) int) []func(int) int {
	all := make([]func(int) int, count)
	for b := range all {
		all[b] = pairing(b)
	}
	return all
}

// A statistic is S of any pairing of n rows. Where that is less than scoring every pairing, it
// has the terms of all pairs.
type statistic struct {
	n     int
	score scoring
	all   []float64 // [n, n], by the rows of x and of z; nil where pairings are scored
}

// newStatistic prepares the statistic of a number of pairings.
func newStatistic(n, pairings int, score scoring) (*statistic, error) {
	s := &statistic{n: n, score: score}
	if n > pairings+1 {
		return s, nil
	}
	s.all = make([]float64, n*n)
	return s, s.each(n*n, func(k int) (x, z int) { return k / n, k % n }, func(k int, term float64) { s.all[k] = term })
}

// each passes on tanh(T/2) of some pairs, in order.
func (s *statistic) each(count int, pair func(k int) (x, z int), do func(k int, term float64)) error {
	for lo := 0; lo < count; lo += pairsAtOnce {
		size := min(pairsAtOnce, count-lo)
		xs, zs := make([]int, size), make([]int, size)
		for k := range xs {
			xs[k], zs[k] = pair(lo + k)
		}
		scores, err := s.score(xs, zs)
		if err != nil {
			return err
		}
		for k, t := range scores {
			do(lo+k, math.Tanh(t/2))
		}
	}
	return nil
}

// of returns S of some pairings. The terms are added in ascending order of the rows of x, so that
// pairings that are the same have the same sum.
func (s *statistic) of(pairings []func(i int) int) ([]float64, error) {
	sums := make([]float64, len(pairings))
	if s.all == nil {
		return sums, s.each(len(pairings)*s.n, func(k int) (x, z int) { return k % s.n, pairings[k/s.n](k % s.n) },
			func(k int, term float64) { sums[k/s.n] += term / float64(s.n) })
	}
	for b := range sums {
		for i := range s.n {
			sums[b] += s.all[i*s.n+pairings[b](i)] / float64(s.n)
		}
	}
	return sums, nil
}
