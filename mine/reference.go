package mine

import (
	"context"
	"errors"
	"slices"

	"gonum.org/v1/gonum/mat"

	"gomine/mine/backend"
	"gomine/mine/gaussian"
	"gomine/mine/preprocess"
)

const (
	// referenceMost is the most inputs of both sides together that the reference is made
	// for: its covariances take rows inputs^2 operations.
	referenceMost = 512
	// referenceRows is the most rows that it is fitted to: a correlation is known to .002
	// by then.
	referenceRows = 200_000
)

// shrinkages are the factors of the sample correlations that the validation rows
// choose among.
var shrinkages = []float64{0, 0.25, 0.5, 0.7, 0.8, 0.9, 0.95, 1}

// structures are what the validation rows choose among where there are many columns.
var structures = []gaussian.Structure{
	{}, {Least: 2}, {Least: 3}, {Least: 4},
	{Apart: 0.5}, {Apart: 0.5, Least: 2}, {Apart: 0.5, Least: 3}, {Apart: 0.5, Least: 4},
	{Apart: 1}, {Apart: 1, Least: 2}, {Apart: 1, Least: 3}, {Apart: 1, Least: 4},
	{Apart: 0.5, Rank: 1}, {Apart: 0.5, Rank: 2}, {Apart: 1, Rank: 1}, {Apart: 1, Rank: 2},
}

// structuresFor are those that can matter: fitted to n rows, the critic of a number of
// correlations falls short of the best one by half of them over n, in nats.
func structuresFor(correlations, n int) []gaussian.Structure {
	if float64(correlations) < 0.005*2*float64(n) {
		return structures[:1]
	}
	return structures
}

// refer fits the reference of a fold to all rows that neither test nor weight it, its
// correlations shrunk as is best for the validation rows when it is fitted to the
// training rows. There is none where one side does not vary, of very many columns, and
// where the correlations cannot be decomposed.
func (t *fitter) refer(ctx context.Context, f int, method preprocess.Method, last bool) (*reference, error) {
	in, err := t.open(f, method, last)
	if errors.Is(err, preprocess.ErrConstant) && len(t.folds) > 1 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if in.maps.X.Inputs()+in.maps.Z.Inputs() > referenceMost {
		return nil, nil
	}
	c := t.folds[f].counts
	x, z := in.maps.X.WithoutRadius(in.x), in.maps.Z.WithoutRadius(in.z)
	trials, rows, err := t.trials(x, z, c.RowCounts)
	if err != nil {
		return nil, err
	}
	st, shrinkage, err := suppose(ctx, trials, x.Cols*z.Cols, seedOf(validationRows, t.cfg.Seed))
	if err != nil || shrinkage == 0 {
		return nil, err
	}
	moments := trials[0].moments
	if rows != moments.Rows() {
		if moments, err = gaussian.NewMoments(x, z, rows); err != nil {
			return nil, err
		}
	}
	critic, err := moments.Critic(st)
	if errors.Is(err, gaussian.ErrNotConverged) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := &reference{Critic: critic.Shrunk(shrinkage), method: method, maps: in.maps}
	if r.scores, r.normal, err = t.scores(ctx, r.variates(in, c), nil, in, c); err != nil {
		return nil, err
	}
	if !r.scores.finite() {
		return nil, nil
	}
	return r, nil
}

// A trial is what a critic of the normal law is fitted to, and n rows of x and z from lo on that
// it is judged by.
type trial struct {
	moments *gaussian.Moments
	x, z    backend.Matrix
	lo, n   int
}

// trialPairs are the rows of x and z of pairs: the n joint ones, and behind them marginal ones.
type trialPairs struct{ xs, zs []int }

// pairs returns those that scorePairs scores.
func (tr trial) pairs(cycles int, seed uint64) (p trialPairs) {
	s := newPairScores(tr.n, cycles, seed)
	for i := range tr.n {
		p.xs, p.zs = append(p.xs, tr.lo+i), append(p.zs, tr.lo+i)
	}
	for k := range cycles {
		cycle := s.cycle(k)
		for i := range tr.n {
			p.xs, p.zs = append(p.xs, tr.lo+i), append(p.zs, tr.lo+int(cycle.Next(uint64(i))))
		}
	}
	return p
}

const (
	// fewToJudge is the number of validation rows below which critics of the normal law are judged
	// by all rows that may be, a part at a time.
	fewToJudge = 1000
	// trialsOfFew is how many parts they are cut in. For more than trialsMost inputs of both sides, whose
	// decompositions take inputs^3 operations, or trialsRows rows, of which each part needs a copy, it
	// is not done.
	trialsOfFew = 5
	trialsMost  = 256
	trialsRows  = 20_000
)

// trials returns those of a fold, of inputs x and z without radius, and the number of rows that
// the reference is fitted to in the end. The validation rows do not decide the weights if there are
// other folds that count.
func (t *fitter) trials(x, z backend.Matrix, c RowCounts) ([]trial, int, error) {
	rows := c.held()
	if len(t.folds) > 1 && !t.alone {
		rows += c.Validation
	}
	if c.Validation < fewToJudge && rows >= trialsOfFew && rows <= trialsRows && x.Cols+z.Cols <= trialsMost {
		var all []trial
		for k := range trialsOfFew {
			lo, hi := k*rows/trialsOfFew, (k+1)*rows/trialsOfFew
			tr := trial{x: behind(x, lo, hi, rows), z: behind(z, lo, hi, rows), lo: rows - (hi - lo), n: hi - lo}
			var err error
			if tr.moments, err = gaussian.NewMoments(tr.x, tr.z, tr.lo); err != nil {
				return nil, 0, err
			}
			all = append(all, tr)
		}
		return all, rows, nil
	}
	m, err := gaussian.NewMoments(x, z, min(c.held(), referenceRows))
	return []trial{{m, x, z, c.held(), c.Validation}}, min(rows, referenceRows), err
}

// behind returns the first rows of m, with [lo, hi) of them behind the others.
func behind(m backend.Matrix, lo, hi, rows int) backend.Matrix {
	out := backend.NewMatrix(rows, m.Cols)
	at := 0
	for _, part := range [][2]int{{0, lo}, {hi, rows}, {lo, hi}} {
		for i := part[0]; i < part[1]; i++ {
			copy(out.Row(at), m.Row(i))
			at++
		}
	}
	return out
}

// suppose returns the structure and the shrinkage whose critics have the highest bound on the rows of
// all trials together, less the standard error of its joint mean: of many that few rows judge, the
// highest is otherwise one that was lucky. The shrinkage is 0 where none is above 0.
func suppose(ctx context.Context, trials []trial, correlations int, seed uint64) (best gaussian.Structure, shrinkage float64, err error) {
	pairs := make([]trialPairs, len(trials))
	for i, tr := range trials {
		pairs[i] = tr.pairs(cyclesFor(validationPairs/4/len(trials), tr.n), seed)
	}
	var most float64
	var scores []float32
	var all pairScores
	for _, st := range structuresFor(correlations, trials[0].moments.Rows()) {
		tried := make([]variates, len(trials))
		for i, tr := range trials {
			var critic *gaussian.Critic
			if critic, err = tr.moments.Critic(st); err != nil {
				break
			}
			tried[i] = variatesOf(critic, tr.x, tr.z, tr.lo, tr.lo+tr.n)
		}
		if errors.Is(err, gaussian.ErrNotConverged) {
			continue
		}
		if err != nil {
			return best, 0, err
		}
		for _, s := range shrinkages {
			all.Joint, all.Marginal = all.Joint[:0], all.Marginal[:0]
			for i, tr := range trials {
				scores = slices.Grow(scores[:0], len(pairs[i].xs))[:len(pairs[i].xs)]
				if err := tried[i].shrunk(s).Scores(ctx, nil, pairs[i].xs, pairs[i].zs, scores); err != nil {
					return best, 0, err
				}
				all.Joint, all.Marginal = append(all.Joint, scores[:tr.n]...), append(all.Marginal, scores[tr.n:]...)
			}
			if b := all.bound() - all.jointErr(); all.finite() && b > most {
				most, best, shrinkage = b, st, s
			}
		}
	}
	return best, shrinkage, nil
}

// variates are those of the rows of a fold that are scored, or stand for a code.
func (r *reference) variates(in *inputs, c foldCounts) variates {
	return newVariates(r.Critic, r.maps, in.x, in.z, c.known(), in.x.Rows)
}

// variates scores pairs of rows from lo on, whose canonical variates it has.
type variates struct {
	critic *gaussian.Critic
	scorer gaussian.Scorer
	lo     int
	p, q   *mat.Dense
}

// newVariates takes rows [lo, hi) to their variates, from the inputs x and z that maps make
// of them, of which the radii do not count.
func newVariates(c *gaussian.Critic, maps preprocess.Maps, x, z backend.Matrix, lo, hi int) variates {
	return variatesOf(c, maps.X.WithoutRadius(x), maps.Z.WithoutRadius(z), lo, hi)
}

// variatesOf takes rows [lo, hi) of x and z to their variates.
func variatesOf(c *gaussian.Critic, x, z backend.Matrix, lo, hi int) variates {
	return variates{c, c.Scorer(), lo, c.X.Variates(x, lo, hi), c.Z.Variates(z, lo, hi)}
}

// shrunk are the same variates, scored with all correlations multiplied by s.
func (v variates) shrunk(s float64) variates {
	v.critic = v.critic.Shrunk(s)
	v.scorer = v.critic.Scorer()
	return v
}

func (v variates) Scores(ctx context.Context, _ backend.Data, xs, zs []int, dst []float32) error {
	for i := range dst {
		dst[i] = float32(v.scorer.Score(v.p.RawRowView(xs[i]-v.lo), v.q.RawRowView(zs[i]-v.lo)))
	}
	return ctx.Err()
}

// InputGradients stores the derivatives of the scores of pairs, times their weights, with
// respect to the inputs.
func (v variates) InputGradients(ctx context.Context, _ backend.Data, xs, zs []int, weights []float32, gx, gz backend.Matrix) error {
	_, r := v.p.Dims()
	n := len(xs)
	gp, gq := mat.NewDense(n, r, nil), mat.NewDense(n, r, nil)
	for i := range n {
		v.scorer.Gradient(v.p.RawRowView(xs[i]-v.lo), v.q.RawRowView(zs[i]-v.lo), gp.RawRowView(i), gq.RawRowView(i))
	}
	for _, side := range []struct {
		to backend.Matrix
		of *mat.Dense
		w  *mat.Dense
	}{{gx, gp, v.critic.X.W}, {gz, gq, v.critic.Z.W}} {
		var g mat.Dense
		g.Mul(side.of, side.w.T())
		for i := range n {
			for j := range side.w.RawMatrix().Rows { // the radius is no input
				side.to.Row(i)[j] = float32(float64(weights[i]) * g.At(i, j))
			}
		}
	}
	return ctx.Err()
}
