package mine_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gomine/mine"
	"gomine/mine/column"
)

// series is a first-order autoregressive series of unit variance.
func series(n int, phi float64, seed uint64) []float64 {
	r := rand.New(rand.NewPCG(seed, 9))
	v := make([]float64, n)
	for i := range v {
		v[i] = r.NormFloat64()
		if i > 0 {
			v[i] = phi*v[i-1] + math.Sqrt(1-phi*phi)*v[i]
		}
	}
	return v
}

// TestSeries: two independent series, which a random split makes depend on each other. The
// seed is one of 20 of which one may fail.
func TestSeries(t *testing.T) {
	const n = 6000
	x, z := column.Slices(series(n, 0.97, 1)), column.Slices(series(n, 0.97, 2))
	cfg := folded(n, 3)
	cfg.Steps = 1000
	r := estimate(t, x, z, cfg)
	if r.Split.Kind != mine.SplitBlocks || r.LowerBound > 0 || !warned(r, mine.WarnSerial) || r.Rows.LeftOut == 0 {
		t.Errorf("at least %v, split %+v, rows %+v, warnings %v", r.LowerBound, r.Split, r.Rows, r.Warnings)
	}
	cfg.Split = mine.SplitRandom
	if r = estimate(t, x, z, cfg); !(r.LowerBound > 0) || r.Split.Kind != mine.SplitRandom || !warned(r, mine.WarnSerial) {
		t.Errorf("as independent rows: at least %v, which was to be too much and to be warned of: %v", r.LowerBound, r.Warnings)
	}
}

// TestWalks: nothing is said of random walks.
func TestWalks(t *testing.T) {
	const n = 2000
	r := estimate(t, column.Slices(series(n, 0.9999, 3)), column.Slices(series(n, 0.9999, 4)), folded(n, 3))
	if !r.Split.Unresolved || r.LowerBound > 0 || r.Low > 0 || !warned(r, mine.WarnUnresolved) {
		t.Errorf("%+v, split %+v, warnings %v", r.Bound, r.Split, r.Warnings)
	}
}

// TestShortWalks: two short walks are cut in 16 blocks, which two folds are too many or too few for: another number is taken. Where that was
// not found but asked for, it is an error.
func TestShortWalks(t *testing.T) {
	const n = 200
	x, z := column.Slices(series(n, 0.99, 3)), column.Slices(series(n, 0.99, 4))
	cfg := folded(n, 2)
	cfg.Batch = 16
	if r := estimate(t, x, z, cfg); !r.Split.Unresolved || r.LowerBound > 0 || r.Config.Folds == cfg.Folds {
		t.Errorf("%+v, split %+v, %d folds", r.Bound, r.Split, r.Config.Folds)
	}
	cfg.Split, cfg.Block = mine.SplitBlocks, 20
	if _, err := mine.Estimate(t.Context(), x, z, cfg); !errors.Is(err, mine.ErrTooFewSamples) {
		t.Errorf("blocks that were asked for: %v", err)
	}
}

// TestRepeatedRows: rows that are there ten times say what they say once, within two
// standard errors of the difference, if the two estimates had nothing in common.
func TestRepeatedRows(t *testing.T) {
	const n = 1000
	x, z := series(n, 0, 5), series(n, 0, 6)
	for i := range z {
		z[i] = 0.8*x[i] + 0.6*z[i]
	}
	cfg := folded(n, 3)
	once := estimate(t, column.Slices(x), column.Slices(z), cfg)
	many := estimate(t, column.Slices(slices.Repeat(x, 10)), column.Slices(slices.Repeat(z, 10)), cfg)
	if many.Split.Kind != mine.SplitRepeats || many.Split.EffectiveRows != n || !warned(many, mine.WarnRepeats) {
		t.Errorf("split %+v, warnings %v", many.Split, many.Warnings)
	}
	if d := math.Abs(many.Estimate - once.Estimate); d > 2*math.Hypot(many.StdErr, once.StdErr) {
		t.Errorf("once %v ± %v, ten times %v ± %v", once.Estimate, once.StdErr, many.Estimate, many.StdErr)
	}
	if ratio := many.StdErr / once.StdErr; ratio < 0.7 || ratio > 1.4 {
		t.Errorf("standard errors %v and %v of the same different rows", many.StdErr, once.StdErr)
	}
}

// TestWithGroups: 60 persons of 50 rows each, who differ by more than their rows do. What a
// person is on one side says nothing about the other, but a critic that has seen it knows.
func TestWithGroups(t *testing.T) {
	const persons, each = 60, 50
	r := rand.New(rand.NewPCG(7, 8))
	var x, z []float64
	var ids []int
	for p := range persons {
		a, b := r.NormFloat64(), r.NormFloat64()
		for range each {
			x, z, ids = append(x, a+0.1*r.NormFloat64()), append(z, b+0.1*r.NormFloat64()), append(ids, 1000-p)
		}
	}
	// Nothing tells from the order that they belong together.
	r.Shuffle(len(x), func(i, j int) {
		x[i], x[j], z[i], z[j], ids[i], ids[j] = x[j], x[i], z[j], z[i], ids[j], ids[i]
	})
	cfg := folded(len(x), 3)
	cfg.Steps = 1000
	random := estimate(t, column.Slices(x), column.Slices(z), cfg)
	kept := estimate(t, column.Slices(x), column.Slices(z), cfg, mine.WithGroups(ids))
	if !(random.LowerBound > 0.1) || kept.LowerBound > 0 || kept.Split.Kind != mine.SplitGroups || kept.Split.Units != persons {
		t.Errorf("at least %v without groups, %v with them, split %+v", random.LowerBound, kept.LowerBound, kept.Split)
	}
}

// TestCopiedGroups: a file that was appended to itself, with new numbers of the people, says nothing new. The sides are
// independent, so that one seed of 20 may fail.
func TestCopiedGroups(t *testing.T) {
	const n, each = 400, 5
	r := rand.New(rand.NewPCG(11, 4))
	x, z, ids := series(n, 0, 21), series(n, 0, 22), make([]int, n)
	for i := range ids {
		ids[i] = i / each
	}
	x, z = append(x, x...), append(z, z...)
	for _, id := range ids[:n:n] {
		ids = append(ids, id+n)
	}
	r.Shuffle(len(x), func(i, j int) {
		x[i], x[j], z[i], z[j], ids[i], ids[j] = x[j], x[i], z[j], z[i], ids[j], ids[i]
	})
	cfg := folded(len(x), 4)
	cfg.Steps = 1000
	kept := estimate(t, column.Slices(x), column.Slices(z), cfg, mine.WithGroups(ids))
	cfg.Split = mine.SplitRandom
	torn := estimate(t, column.Slices(x), column.Slices(z), cfg, mine.WithGroups(ids))
	if kept.LowerBound > 0 || kept.Split.Units != n/each || kept.Split.EffectiveRows != n || !warned(kept, mine.WarnRepeats) {
		t.Errorf("at least %v, split %+v, warnings %v", kept.LowerBound, kept.Split, kept.Warnings)
	}
	if !(torn.Estimate > kept.Estimate) || torn.Split.Units != 2*n/each || warned(torn, mine.WarnRepeats) {
		t.Errorf("taken for independent: %v, kept together: %v; split %+v, warnings %v", torn.Estimate, kept.Estimate, torn.Split, torn.Warnings)
	}
}

// TestWithBlocks: the weights of critics are drawn towards 0 by a prior that n independent rows
// outweigh. Rows that are independent, but in 50 groups, are worth 50 where nothing is known, and the
// weight of the normal law's critic, whose scores have a variance of about rho^2 = .04, is below
// .04/(.04 + 4/50) = 1/3 in two folds' halves; of 2,000 rows it is 1/(1 + .1) or so. It deviates by
// 1/sqrt(n rho^2) = .16.
func TestWithBlocks(t *testing.T) {
	const n, rho = 2000, 0.2
	r := rand.New(rand.NewPCG(9, 1))
	x, z, ids := make([]float64, n), make([]float64, n), make([]int, n)
	for i := range x {
		x[i] = r.NormFloat64()
		z[i], ids[i] = rho*x[i]+math.Sqrt(1-rho*rho)*r.NormFloat64(), i/40
	}
	cfg := folded(n, 2)
	cfg.Reference, cfg.Steps, cfg.LearningRate = true, 1, 1e-9 // a network that says nothing
	weight := func(r mine.Result) float64 { return r.Critics[len(r.Critics)-1].Weight }
	groups := estimate(t, column.Slices(x), column.Slices(z), cfg, mine.WithGroups(ids))
	blocks := estimate(t, column.Slices(x), column.Slices(z), cfg, mine.WithBlocks(ids, 1))
	half := estimate(t, column.Slices(x), column.Slices(z), cfg, mine.WithBlocks(ids, 0.5))
	if weight(groups) > 0.5 || weight(blocks) < 0.6 || weight(blocks) > 1.4 || !(weight(half) < weight(blocks)) {
		t.Errorf("the critic weighs %.2f in groups, %.2f in blocks and %.2f in those of rows worth half", weight(groups), weight(blocks), weight(half))
	}
	if blocks.Split.EffectiveRows != n || half.Split.EffectiveRows != n/2 || blocks.Split.Units != 50 {
		t.Errorf("splits %+v and %+v, want %d and %d effective rows", blocks.Split, half.Split, n, n/2)
	}
}
