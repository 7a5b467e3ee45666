package bottleneck

import (
	"context"
	"math"

	"gonum.org/v1/gonum/floats"

	"gomine/bench/internal/digits"
	"gomine/bench/paper/internal/nets"
	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/objective"
	"gomine/mine/preprocess"
)

// A moment is what is known of a classifier after some epochs.
type moment struct {
	Epoch      int     `json:"epoch"`
	Training   float64 `json:"training_error"` // share of training rows, dropout and noise off
	Error      float64 `json:"error"`          // share of the rows that judge
	Likelihood float64 `json:"log_likelihood"` // of these, nats
	// Bounds of I(X;Z) on the rows that judge, from the known law of the code given the
	// picture; and what the critic of the training says. All in nats.
	Low    *float64 `json:"information_low,omitempty"`
	High   *float64 `json:"information_high,omitempty"`
	Critic *float64 `json:"information_critic,omitempty"`
}

// trained is one classifier of one seed.
type trained struct {
	Recipe string   `json:"recipe"`
	Seed   uint64   `json:"seed"`
	Curve  []moment `json:"curve"`
	// Fresh estimates of I(X;Z) by mine.Estimate, untrained and trained.
	Before *fresh `json:"estimate_before,omitempty"`
	After  *fresh `json:"estimate_after,omitempty"`
}

type fresh struct {
	Estimate float64 `json:"estimate"`
	StdErr   float64 `json:"std_err"`
}

func (t trained) last() moment { return t.Curve[len(t.Curve)-1] }

// classify trains one classifier and looks at it along the way, some fifteen times.
func classify(ctx context.Context, b backend.Backend, r recipe, size sizes, train, judge digits.Set, seed uint64, estimate bool) (trained, error) {
	t := trained{Recipe: r.Name, Seed: seed}
	c, err := newCodeClassifier(b, r, size, train.Pixels.Cols, seed)
	if err != nil {
		return t, err
	}
	defer c.close()
	sample := part(train, 0, min(train.Pixels.Rows, judge.Pixels.Rows))
	every := max(1, size.Epochs/15)
	observe := func(epoch int) error {
		if epoch%every != 0 && epoch != size.Epochs {
			return nil
		}
		m, err := c.observe(ctx, epoch, sample, judge)
		if err != nil {
			return err
		}
		t.Curve = append(t.Curve, m)
		if !r.Gaussian || !estimate {
			return nil
		}
		switch epoch {
		case 0:
			t.Before, err = c.estimate(ctx, b, judge, seed)
		case size.Epochs:
			t.After, err = c.estimate(ctx, b, judge, seed)
		}
		return err
	}
	return t, c.train(ctx, train, seed, observe)
}

// observe measures a classifier.
func (c *codeClassifier) observe(ctx context.Context, epoch int, sample, judge digits.Set) (moment, error) {
	m := moment{Epoch: epoch}
	wrong, _, err := c.evaluate(ctx, sample)
	if err != nil {
		return m, err
	}
	m.Training = float64(wrong) / float64(sample.Pixels.Rows)
	if wrong, m.Likelihood, err = c.evaluate(ctx, judge); err != nil {
		return m, err
	}
	m.Error = float64(wrong) / float64(judge.Pixels.Rows)
	if !c.recipe.Gaussian {
		return m, nil
	}
	out, z, err := c.codes(ctx, judge)
	if err != nil {
		return m, err
	}
	const most = 1000 // rows in pairs: a tenth of a second
	n := min(most, z.Rows)
	low, high := channelBounds(nets.RowsOf(out, 0, n), nets.RowsOf(z, 0, n))
	m.Low, m.High = &low, &high
	if c.critic == nil {
		return m, nil
	}
	value, _, err := c.critic.Evaluate(ctx, judge.Pixels, z)
	m.Critic = &value
	return m, err
}

// channelBounds returns bounds of I(X;Z) in nats from codes z [n, k] of n
// pictures and their laws N(mu, exp(2l)), (mu, l) = out [n, 2k]. With
// l_ij = log p(z_i | x_j),
//
//	low  = mean_i l_ii - log(mean over all j of exp l_ij), at most log n
//	high = mean_i l_ii - log(mean over j != i of exp l_ij)
//
// In expectation they lie below and above (Poole et al. 2019, section 2.4).
func channelBounds(out, z backend.Matrix) (low, high float64) {
	n, k := z.Rows, z.Cols
	inverse := make([]float64, k*n) // exp(-l)
	height := make([]float64, n)    // -sum l
	for j := range n {
		for d, l := range out.Row(j)[k:] {
			inverse[j*k+d] = math.Exp(-float64(l))
			height[j] -= float64(l)
		}
	}
	scores := make([]float64, n)
	others := make([]float64, 0, n)
	for i := range n {
		row := z.Row(i)
		for j := range n {
			mu, inv := out.Row(j)[:k], inverse[j*k:][:k]
			var sum float64
			for d, v := range row {
				t := (float64(v) - float64(mu[d])) * inv[d]
				sum += t * t
			}
			scores[j] = height[j] - sum/2
		}
		others = append(append(others[:0], scores[:i]...), scores[i+1:]...)
		low += (scores[i] - floats.LogSumExp(scores) + math.Log(float64(n))) / float64(n)
		high += (scores[i] - floats.LogSumExp(others) + math.Log(float64(n-1))) / float64(n)
	}
	return low, high
}

// estimate estimates I(X;Z) afresh, from one code for every picture. The picture
// stands for itself by (mu, l), all that its code depends on, which is easier to
// learn from than pixels.
func (c *codeClassifier) estimate(ctx context.Context, b backend.Backend, set digits.Set, seed uint64) (*fresh, error) {
	out, z, err := c.codes(ctx, set)
	if err != nil {
		return nil, err
	}
	cfg := mine.SingleConfig(z.Rows, mine.Candidate{Activation: backend.Softplus, Objective: objective.JS.Default(), Preprocess: preprocess.Standardize})
	cfg.Seed = seed
	result, err := mine.Estimate(ctx, column.RowMajor(out.Data, out.Cols), column.RowMajor(z.Data, z.Cols), cfg, mine.WithBackend(b))
	return &fresh{result.Estimate, result.StdErr}, err
}
