package mine

import (
	"context"
	"errors"

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
	moments, err := gaussian.NewMoments(x, z, min(c.held(), referenceRows))
	if err != nil {
		return nil, err
	}
	var best *gaussian.Critic
	var most, shrinkage float64
	var structure gaussian.Structure
	for _, st := range structuresFor(x.Cols*z.Cols, moments.Rows()) {
		critic, err := moments.Critic(st)
		if errors.Is(err, gaussian.ErrNotConverged) {
			continue
		}
		if err != nil {
			return nil, err
		}
		tried := newVariates(critic, in.maps, in.x, in.z, c.held(), c.held()+c.Validation)
		for _, s := range shrinkages {
			tried.Critic = critic.Shrunk(s)
			p, err := scorePairs(ctx, tried, nil, c.held(), c.Validation, cyclesFor(validationPairs/4, c.Validation), seedOf(validationRows, t.cfg.Seed))
			if err != nil {
				return nil, err
			}
			if b := p.bound(); p.finite() && b > most {
				most, structure, shrinkage, best = b, st, s, tried.Critic
			}
		}
	}
	if best == nil {
		return nil, nil
	}
	// The validation rows do not decide the weights if there are other folds.
	if rows := min(c.held()+c.Validation, referenceRows); len(t.folds) > 1 && rows > c.held() {
		if moments, err = gaussian.NewMoments(x, z, rows); err != nil {
			return nil, err
		}
		critic, err := moments.Critic(structure)
		if err == nil {
			best = critic.Shrunk(shrinkage)
		}
	}
	r := &reference{Critic: best, method: method, maps: in.maps}
	if r.scores, r.normal, err = t.scores(ctx, r.variates(in, c), nil, in, c); err != nil {
		return nil, err
	}
	if !r.scores.finite() {
		return nil, nil
	}
	return r, nil
}

// variates are those of the rows of a fold that are scored.
func (r *reference) variates(in *inputs, c RowCounts) variates {
	lo, _ := c.rowsOf(trainRows)
	return newVariates(r.Critic, r.maps, in.x, in.z, lo, in.x.Rows)
}

// variates scores pairs of rows from lo on, whose canonical variates it has.
type variates struct {
	*gaussian.Critic
	lo   int
	p, q *mat.Dense
}

// newVariates takes rows [lo, hi) to their variates, from the inputs x and z that maps make
// of them, of which the radii do not count.
func newVariates(c *gaussian.Critic, maps preprocess.Maps, x, z backend.Matrix, lo, hi int) variates {
	return variates{c, lo, c.X.Variates(maps.X.WithoutRadius(x), lo, hi), c.Z.Variates(maps.Z.WithoutRadius(z), lo, hi)}
}

func (v variates) Scores(ctx context.Context, _ backend.Data, xs, zs []int, dst []float32) error {
	for i := range dst {
		dst[i] = float32(v.Score(v.p.RawRowView(xs[i]-v.lo), v.q.RawRowView(zs[i]-v.lo)))
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
		v.Gradient(v.p.RawRowView(xs[i]-v.lo), v.q.RawRowView(zs[i]-v.lo), gp.RawRowView(i), gq.RawRowView(i))
	}
	for _, side := range []struct {
		to backend.Matrix
		of *mat.Dense
		w  *mat.Dense
	}{{gx, gp, v.X.W}, {gz, gq, v.Z.W}} {
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
