package mine

import (
	"context"
	"errors"
	"math"
	"runtime"

	"gomine/mine/column"
	"gomine/mine/neighbours"
)

const (
	// nearestColumns is the most columns of both sides together in which nearest neighbours
	// are near enough to be heard.
	nearestColumns = 8
	// nearestRows is the most rows that they are looked for among: the standard error is some
	// .015 nats by then, and the time 0.1 to 0.5 s of one processor.
	nearestRows = 10_000

	// nearestDeviations, nearestGain and nearestShare are how much more nearest neighbours have to
	// find than the critics before it is worth a word: in standard errors of the
	// difference, in nats, and of what they find.
	nearestDeviations = 3
	nearestGain       = 0.05
	nearestShare      = 0.1
)

// A nearest is the second opinion of nearest neighbours: the rows that they are looked for
// among, and what they say.
type nearest struct {
	x, z    column.Source
	options neighbours.Options
	result  *neighbours.Result
}

// newNearest takes the first rows in split order, which is random. It is nil where it is not asked for,
// of many columns, and where rows are kept together, for their nearest neighbours are each other.
func (e *Estimator) newNearest() (*nearest, error) {
	if dx, dz := e.pairs.Columns(); !e.cfg.Neighbours || dx+dz > nearestColumns || e.arranged.Kind != SplitRandom {
		return nil, nil
	}
	n := &nearest{options: neighbours.Options{Neighbours: neighbours.Usual, Seed: e.cfg.Seed}}
	var err error
	n.x, n.z, err = e.pairs.First(nearestRows)
	return n, err
}

// ask looks for the neighbours, on as many threads as are its share beside other work. Where
// ctx ends it, there is no opinion.
func (n *nearest) ask(ctx context.Context, threads, workers int) error {
	if n == nil {
		return nil
	}
	if threads < 1 {
		threads = runtime.GOMAXPROCS(0)
	}
	n.options.Threads = max(1, threads/workers)
	r, err := neighbours.Estimate(ctx, n.x, n.z, n.options)
	switch {
	case err == nil:
		n.result = &r
	case !errors.Is(err, ctx.Err()):
		return err
	}
	return nil
}

// said is the opinion; nil where there is none.
func (n *nearest) said() *neighbours.Result {
	if n == nil {
		return nil
	}
	return n.result
}

// missed reports whether nearest neighbours find so much more than the critics that it is no chance.
// The errors of both count as independent, though they are of the same rows.
func (r *Result) missed() bool {
	if r.Neighbours == nil {
		return false
	}
	gap := r.Neighbours.Estimate - r.Estimate
	return gap > nearestDeviations*math.Hypot(r.Neighbours.StdErr, r.StdErr) && gap > max(nearestGain, nearestShare*r.Neighbours.Estimate)
}
