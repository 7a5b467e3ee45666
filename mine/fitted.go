package mine

import (
	"context"
	"errors"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/preprocess"
)

const (
	// testCycles is the smallest number of marginal pairs a test row, so that
	// the standard error is known to a few percent (see backend.Evaluation).
	testCycles = 10

	// hastyPairs is the number of marginal pairs of the evaluation after a
	// cancelled training, for which somebody waits.
	hastyPairs = 50_000
)

// Fitted is a trained critic: a network with its parameters, the maps that take
// columns to its inputs, and the normaliser of its scores. It does not change: the
// same rows give the same answers, whatever was asked before. It is not safe for
// concurrent use.
type Fitted struct {
	Candidate Candidate
	Network   backend.Network
	Params    []float32 // in the order of Network.Blocks
	Maps      preprocess.Maps
	// LogU is the log-mean-exp of the marginal scores of the validation rows, in
	// nats: a score less LogU estimates log p(x,z)/p(x)p(z).
	LogU float64
	// Validation is the bound on the validation rows, in nats; 0 for the constant
	// critic, which stands in where no other was better.
	Validation float64
	Step       int // after how many steps of training

	cfg     Config
	backend backend.Backend
	scorer  backend.Scorer
	own     bool // whether the backend is to be closed
}

func newFitted(b backend.Backend, cfg Config, c Candidate, net backend.Network, maps preprocess.Maps, chosen checkpoint) (*Fitted, error) {
	f := &Fitted{
		Candidate: c, Network: net, Params: chosen.params, Maps: maps, LogU: chosen.logU,
		Validation: chosen.validation, Step: chosen.step, cfg: cfg, backend: b,
	}
	var err error
	f.scorer, err = b.NewScorer(net, f.Params)
	return f, err
}

// Close releases the critic. It may be called twice.
func (f *Fitted) Close() error {
	err := f.scorer.Close()
	if f.own {
		err = errors.Join(err, f.backend.Close())
	}
	return err
}

// Evaluate returns the bound of the critic on paired rows, which for an honest bound
// it must not have seen in training. Config.TestPairs marginal pairs are drawn from
// them, or as many as there are.
func (f *Fitted) Evaluate(ctx context.Context, x, z column.Source) (Bound, error) {
	data, err := f.load(x, z)
	if err != nil {
		return Bound{}, err
	}
	defer data.Close()
	if data.Rows() < 2 {
		return Bound{}, fmt.Errorf("mine: %d rows to evaluate, want at least 2: %w", data.Rows(), ErrTooFewSamples)
	}
	return f.evaluate(ctx, data, backend.Rows{Lo: 0, Hi: data.Rows()}, f.cfg.TestPairs)
}

// evaluate returns the bound on rows of data that are inputs of the network already.
func (f *Fitted) evaluate(ctx context.Context, data backend.Data, rows backend.Rows, pairs int) (Bound, error) {
	pairing := backend.Pairing{Kind: backend.Cycles, Count: cyclesFor(pairs, rows.Len()), Seed: f.cfg.Seed}
	ev, err := f.scorer.Evaluate(ctx, data, rows, pairing, nil)
	if err != nil {
		return Bound{}, err
	}
	return NewBound(ev, f.LogU, f.cfg.Confidence)
}

// Scores returns, for every pair of rows, the critic's estimate of the pointwise
// mutual information log p(x,z)/p(x)p(z), in nats: the score minus LogU.
func (f *Fitted) Scores(ctx context.Context, x, z column.Source) ([]float64, error) {
	data, err := f.load(x, z)
	if err != nil {
		return nil, err
	}
	defer data.Close()
	n := data.Rows()
	rows := identity(n)
	scores := make([]float32, n)
	if err := f.scorer.Scores(ctx, data, rows, rows, scores); err != nil {
		return nil, err
	}
	out := make([]float64, n)
	for i, t := range scores {
		out[i] = float64(t) - f.LogU
	}
	return out, nil
}

// Gradients returns the derivative of every pair's score with respect to its
// raw inputs, [n, dx] and [n, dz], in nats per unit of the column. It is zero
// for constant columns, for codes, and outside the range of the training rows.
func (f *Fitted) Gradients(ctx context.Context, x, z column.Source) (gx, gz *mat.Dense, err error) {
	data, err := f.load(x, z)
	if err != nil {
		return nil, nil, err
	}
	defer data.Close()
	n := data.Rows()
	rows, weights := identity(n), make([]float32, n)
	for i := range weights {
		weights[i] = 1
	}
	ix, iz := backend.NewMatrix(n, f.Network.DX), backend.NewMatrix(n, f.Network.DZ)
	if err := f.scorer.InputGradients(ctx, data, rows, rows, weights, ix, iz); err != nil {
		return nil, nil, err
	}
	if gx, err = f.Maps.X.Chain(x, ix); err != nil {
		return nil, nil, err
	}
	gz, err = f.Maps.Z.Chain(z, iz)
	return gx, gz, err
}

// load takes rows to the inputs of the network, on its backend.
func (f *Fitted) load(x, z column.Source) (backend.Data, error) {
	mx, mz, err := f.Maps.Apply(x, z)
	if err != nil {
		return nil, err
	}
	return f.backend.Load(mx, mz)
}

func identity(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}
