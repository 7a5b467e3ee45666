package mine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/mat"

	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/gaussian"
	"gomine/mine/preprocess"
)

// testCycles is the smallest number of marginal pairs a test row, so that the standard
// error is known to a few percent (see backend.Evaluation).
const testCycles = 10

// Fitted is the critic of an estimate: the mean over the folds of what the critics of
// each say together,
//
//	T = 1/K sum_f sum_c w_fc T_fc
//
// It does not change: the same rows give the same answers, whatever was asked before.
// It is not safe for concurrent use.
type Fitted struct {
	Parts []Part
	// LogU is the mean over the folds of the log-mean-exp of the marginal scores of
	// their validation rows, in nats: a score less LogU estimates log p(x,z)/p(x)p(z).
	LogU float64

	cfg     Config
	logUs   []float64 // of each fold
	pairs   []int     // of each fold, see FittedState
	backend backend.Backend
	own     bool // whether the backend is to be closed
}

// A Part of a Fitted is critics of one fold that see the rows through the same maps.
type Part struct {
	Fold    int
	Maps    preprocess.Maps
	Critics []WeightedCritic
}

// A WeightedCritic is a network with its parameters, in the order of Network.Blocks,
// or a critic in closed form.
type WeightedCritic struct {
	Weight    float64 // in the sum of all parts
	Candidate Candidate
	Network   backend.Network
	Params    []float32
	Step      int              // after how many steps of training
	Reference *gaussian.Critic // nil for a network
	// Normalised says that one side is a column of codes, and the critic is the classifier's
	// that T makes: T(x,c) - log sum_c' p(c') exp T(x,c'), by the shares of the training rows.
	Normalised bool

	scorer backend.Scorer
}

// newFitted gathers the critics that weigh anything.
func newFitted(b backend.Backend, cfg Config, e *ensemble, weights [][]float64) (*Fitted, error) {
	state := FittedState{Config: cfg}
	k := float64(len(e.folds))
	for f := range e.folds {
		state.LogU = append(state.LogU, e.logU(f, weights[f]))
		state.Pairs = append(state.Pairs, len(e.combined(f, weights[f], testRows).Marginal))
		parts := map[preprocess.Method]*Part{}
		for c, w := range weights[f][:len(e.cfg.Candidates)] {
			heard := e.heard(f, c, allNetworks)
			for _, m := range heard {
				if w == 0 {
					continue
				}
				method := m.candidate.Preprocess
				if parts[method] == nil {
					parts[method] = &Part{Fold: f, Maps: m.maps}
				}
				parts[method].Critics = append(parts[method].Critics, WeightedCritic{
					Weight: w / float64(len(heard)) / k, Candidate: m.candidate, Network: m.network, Params: m.params, Step: m.best.step, Normalised: m.normal,
				})
			}
		}
		for _, method := range preprocess.Methods() {
			if p := parts[method]; p != nil {
				state.Parts = append(state.Parts, *p)
			}
		}
		if r, w := e.refs[f], weights[f][len(weights[f])-1]; r != nil && w > 0 {
			state.Parts = append(state.Parts, Part{f, r.maps, []WeightedCritic{{Weight: w / k, Reference: r.Critic, Normalised: r.normal}}})
		}
	}
	return open(b, state)
}

// Fold returns the critic of one fold alone, by its number in Result.Folds, which is what
// the bound of that fold is of. It lasts as long as f and need not be closed.
func (f *Fitted) Fold(number int) *Fitted {
	one := &Fitted{LogU: f.logUs[number], cfg: f.cfg, logUs: f.logUs[number : number+1], pairs: f.pairs[number : number+1], backend: f.backend}
	for _, p := range f.Parts {
		if p.Fold != number {
			continue
		}
		p.Fold, p.Critics = 0, slices.Clone(p.Critics)
		for i := range p.Critics {
			p.Critics[i].Weight *= float64(len(f.logUs))
		}
		one.Parts = append(one.Parts, p)
	}
	return one
}

// Close releases the critic. It may be called twice.
func (f *Fitted) Close() error {
	var err error
	for _, p := range f.Parts {
		for _, c := range p.Critics {
			if c.scorer != nil {
				err = errors.Join(err, c.scorer.Close())
			}
		}
	}
	if f.own {
		err = errors.Join(err, f.backend.Close())
	}
	return err
}

// each calls do for every critic, with its rows of x and z as inputs.
func (f *Fitted) each(x, z column.Source, do func(p Part, c WeightedCritic, s scorer, data backend.Data) error) error {
	for _, p := range f.Parts {
		mx, mz, err := p.Maps.Apply(x, z)
		if err != nil {
			return err
		}
		var codes *codeSide
		if slices.ContainsFunc(p.Critics, func(c WeightedCritic) bool { return c.Normalised }) {
			mx, mz, codes = withCodes(p.Maps, mx, mz)
		}
		data, err := f.backend.Load(mx, mz)
		if err != nil {
			return err
		}
		for _, c := range p.Critics {
			var s scorer = c.scorer
			if c.Reference != nil {
				s = newVariates(c.Reference, p.Maps, mx, mz, 0, mx.Rows)
			}
			if c.Normalised {
				s = normalise(s, codes, mx.Rows)
			}
			if err := do(p, c, s, data); err != nil {
				return errors.Join(err, data.Close())
			}
		}
		if err := data.Close(); err != nil {
			return err
		}
	}
	return nil
}

// Evaluate returns the bound of the critic on paired rows, which for an honest bound
// it must not have seen in training. Config.TestPairs marginal pairs are drawn from
// them, or as many as there are. The scores of each fold are cut off where so many pairs show
// too little, or already those that tested its critics in the estimate: what the estimate's
// bound is of is the critic that is cut off, and no row has shown what it says beyond.
func (f *Fitted) Evaluate(ctx context.Context, x, z column.Source) (Bound, error) {
	n := x.Rows()
	if n < 2 {
		return Bound{}, fmt.Errorf("mine: %d rows to evaluate, want at least 2: %w", n, ErrTooFewSamples)
	}
	cycles := cyclesFor(f.cfg.TestPairs, n)
	all := newPairScores(n, cycles, f.cfg.Seed)
	for k := range f.logUs {
		one := newPairScores(n, cycles, f.cfg.Seed)
		err := f.Fold(k).each(x, z, func(_ Part, c WeightedCritic, s scorer, data backend.Data) error {
			p, err := scorePairs(ctx, s, data, 0, n, cycles, f.cfg.Seed)
			if err != nil {
				return err
			}
			one.Add(p.Scores, c.Weight)
			return nil
		})
		if err != nil {
			return Bound{}, err
		}
		one.cut(f.logUs[k], min(len(one.Marginal), f.pairs[k]))
		all.Add(one.Scores, 1/float64(len(f.logUs)))
	}
	return NewBound(all.evaluation(), f.LogU, f.cfg.Confidence)
}

// Scores returns, for every pair of rows, the critic's estimate of the pointwise
// mutual information log p(x,z)/p(x)p(z), in nats: the score minus LogU.
func (f *Fitted) Scores(ctx context.Context, x, z column.Source) ([]float64, error) {
	rows := identity(x.Rows())
	return f.PairScores(ctx, x, z, rows, rows)
}

// PairScores is Scores of rows of x with other rows of z: of xs[i] with zs[i], by their numbers.
func (f *Fitted) PairScores(ctx context.Context, x, z column.Source, xs, zs []int) ([]float64, error) {
	if len(xs) != len(zs) {
		return nil, fmt.Errorf("mine: %d rows of x with %d of z: %w", len(xs), len(zs), backend.ErrShape)
	}
	for i := range xs {
		if n := x.Rows(); min(xs[i], zs[i]) < 0 || max(xs[i], zs[i]) >= n {
			return nil, fmt.Errorf("mine: pair %d is of rows %d and %d, want 0 to %d: %w", i, xs[i], zs[i], n-1, backend.ErrShape)
		}
	}
	scores, out := make([]float32, len(xs)), make([]float64, len(xs))
	for i := range out {
		out[i] = -f.LogU
	}
	err := f.each(x, z, func(_ Part, c WeightedCritic, s scorer, data backend.Data) error {
		if err := s.Scores(ctx, data, xs, zs, scores); err != nil {
			return err
		}
		for i, t := range scores {
			out[i] += c.Weight * float64(t)
		}
		return nil
	})
	return out, err
}

// Unseen counts, for every column that the critic uses, the rows of x and z with values that none of its
// folds has been fitted to, numbers outside the range and unknown labels: the critic says of them what it
// says of the ends of the range, and of rare labels. Scores and Evaluate do not refuse them; Unseen.Chance
// says whether they are more than other rows of the same law would have. Errors are those of Scores.
func (f *Fitted) Unseen(x, z column.Source) ([]preprocess.Unseen, error) {
	maps := make([]preprocess.Maps, len(f.Parts))
	for i, p := range f.Parts {
		maps[i] = p.Maps
	}
	return preprocess.CountUnseen(maps, x, z)
}

// gradientRows is how many rows are differentiated at a time: a normalised critic is for each of
// its codes.
const gradientRows = 4096

// Gradients returns the derivative of every pair's score with respect to its
// raw inputs, [n, dx] and [n, dz], in nats per unit of the column. It is zero
// for constant columns, for codes, and outside the range of the training rows.
func (f *Fitted) Gradients(ctx context.Context, x, z column.Source) (gx, gz *mat.Dense, err error) {
	for _, s := range []column.Source{x, z} {
		if err := column.Check(s); err != nil {
			return nil, nil, err
		}
	}
	all := identity(x.Rows())
	gx, gz = mat.NewDense(len(all), len(x.Columns()), nil), mat.NewDense(len(all), len(z.Columns()), nil)
	err = f.each(x, z, func(p Part, c WeightedCritic, s scorer, data backend.Data) error {
		dx, dz := data.Dims()
		for rows := range slices.Chunk(all, gradientRows) {
			weights := slices.Repeat([]float32{float32(c.Weight)}, len(rows))
			ix, iz := backend.NewMatrix(len(rows), dx), backend.NewMatrix(len(rows), dz)
			if err := s.InputGradients(ctx, data, rows, rows, weights, ix, iz); err != nil {
				return err
			}
			for _, side := range []struct {
				to     *mat.Dense
				maps   preprocess.Side
				source column.Source
				inputs backend.Matrix
			}{{gx, p.Maps.X, x, ix}, {gz, p.Maps.Z, z, iz}} {
				g, err := side.maps.Chain(column.Pick(side.source, rows), side.inputs)
				if err != nil {
					return err
				}
				_, cols := g.Dims()
				to := side.to.Slice(rows[0], rows[0]+len(rows), 0, cols).(*mat.Dense)
				to.Add(to, g)
			}
		}
		return nil
	})
	return gx, gz, err
}

func identity(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}
