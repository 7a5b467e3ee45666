package bottleneck

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gomine/bench/internal/digits"
	"gomine/bench/paper/internal/nets"
	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/sampling"
)

// A recipe is what tells one classifier of the bottleneck experiment from
// another.
type recipe struct {
	Name     string  `json:"name"`
	Dropout  float64 `json:"dropout"`          // share of the hidden units that a training step leaves out
	Gaussian bool    `json:"gaussian_code"`    // the code is drawn about its mean, with a spread of its own
	Least    float64 `json:"least_spread"`     // which is at least this; 0 for any
	KL       float64 `json:"variational_beta"` // weight of the code's divergence from N(0, I)
	MINE     float64 `json:"mine_beta"`        // weight of the information of picture and code
}

// sizes are those of the networks, and how they are trained.
type sizes struct {
	Hidden      int     `json:"hidden"` // units of each of the encoder's two layers
	Code        int     `json:"code"`
	Critic      int     `json:"critic"` // units of each of the statistics network's two layers
	Batch       int     `json:"batch"`
	Epochs      int     `json:"epochs"`
	Rate        float64 `json:"rate"`         // Adam's; a cosine brings it to zero
	CriticRate  float64 `json:"critic_rate"`  // of the statistics network, in units of Rate
	CriticSteps int     `json:"critic_steps"` // of the statistics network, for each of the classifier
	Noise       float64 `json:"noise"`        // standard deviation of what the critic's inputs get added
}

// A codeClassifier takes pictures to a code by an encoder of two hidden layers of
// ReLU, and the code to the logits of ten digits by a linear map:
//
//	h1 = relu(x W1 + b1) m1,  h2 = relu(h1 W2 + b2) m2,  (mu, l) = h2 W3 + b3
//	z = mu + exp(l) eps,  logits = z W4 + b4
//
// with eps standard normal, or z = mu. Each matrix is a backend.Model, so that
// the masks m of dropout, whose entries are 0 or 1/(1-rate), come between.
type codeClassifier struct {
	recipe recipe
	size   sizes

	maps          [3]backend.Model // W1, W2, W3
	decoder       backend.Model
	critic        *mine.Critic // nil without information
	floor         float32      // of l
	random        *rand.Rand   // noise and masks; a pure function of every draw would take longer than the network
	h, dh         [2]backend.Matrix
	mask          [2]backend.Matrix // empty without dropout
	out, dout     backend.Matrix    // mu and, if the code is Gaussian, l
	eps, z, dz    backend.Matrix
	logits, dl    backend.Matrix
	info          backend.Matrix // dI/dz
	noisyX, noisy backend.Matrix // what the critic sees
}

func newCodeClassifier(b backend.Backend, r recipe, size sizes, inputs int, seed uint64) (*codeClassifier, error) {
	c := &codeClassifier{recipe: r, size: size, floor: float32(math.Log(r.Least)), random: rand.New(rand.NewPCG(seed, 0x1b))}
	outputs := size.Code
	if r.Gaussian {
		outputs *= 2
	}
	model := func(in, out int, index uint64) (backend.Model, error) {
		spec := backend.ModelSpec{MLP: backend.MLP{Inputs: in, Outputs: out}, Adam: nets.Adam, Rows: size.Batch}
		return mine.NewModel(b, spec, nets.Seed(seed, index))
	}
	widths := []int{inputs, size.Hidden, size.Hidden, outputs}
	var err error
	for k := range c.maps {
		if c.maps[k], err = model(widths[k], widths[k+1], uint64(k)); err != nil {
			return nil, errors.Join(err, c.close())
		}
	}
	if c.decoder, err = model(size.Code, digits.Classes, 3); err != nil {
		return nil, errors.Join(err, c.close())
	}
	if r.MINE > 0 {
		cfg := mine.DefaultCriticConfig(inputs, size.Code, size.Batch)
		cfg.Hidden, cfg.Seed = []int{size.Critic, size.Critic}, nets.Seed(seed, 4)
		if c.critic, err = mine.NewCritic(cfg, mine.WithBackend(b)); err != nil {
			return nil, errors.Join(err, c.close())
		}
	}
	rows := size.Batch
	for k := range c.h {
		c.h[k], c.dh[k] = backend.NewMatrix(rows, size.Hidden), backend.NewMatrix(rows, size.Hidden)
		if r.Dropout > 0 {
			c.mask[k] = backend.NewMatrix(rows, size.Hidden)
		}
	}
	c.out, c.dout = backend.NewMatrix(rows, outputs), backend.NewMatrix(rows, outputs)
	for _, m := range []*backend.Matrix{&c.eps, &c.z, &c.dz, &c.info, &c.noisy} {
		*m = backend.NewMatrix(rows, size.Code)
	}
	c.logits, c.dl = backend.NewMatrix(rows, digits.Classes), backend.NewMatrix(rows, digits.Classes)
	c.noisyX = backend.NewMatrix(rows, inputs)
	return c, nil
}

func (c *codeClassifier) close() error {
	var errs []error
	for _, m := range append(c.maps[:], c.decoder) {
		if m != nil {
			errs = append(errs, m.Close())
		}
	}
	if c.critic != nil {
		errs = append(errs, c.critic.Close())
	}
	return errors.Join(errs...)
}

// encode stores the encoder's outputs for at most a batch of pictures in c.out.
// Training draws masks.
func (c *codeClassifier) encode(ctx context.Context, x backend.Matrix, training bool) error {
	in := x
	for k := range c.h {
		h := nets.Head(c.h[k], x.Rows)
		if err := c.maps[k].Forward(ctx, in, h); err != nil {
			return err
		}
		for i, v := range h.Data[:x.Rows*h.Cols] {
			h.Data[i] = max(v, 0)
		}
		if training && c.recipe.Dropout > 0 {
			drawMask(c.random, c.mask[k].Data, c.recipe.Dropout)
			multiply(h.Data, c.mask[k].Data)
		}
		in = h
	}
	return c.maps[2].Forward(ctx, in, nets.Head(c.out, x.Rows))
}

// drawMask draws a factor for every unit: 0 with probability rate, otherwise
// 1/(1-rate), so that its mean is 1 and nothing is left to scale afterwards.
func drawMask(r *rand.Rand, mask []float32, rate float64) {
	keep := float32(1 / (1 - rate))
	for i := range mask {
		mask[i] = keep
		if r.Float64() < rate {
			mask[i] = 0
		}
	}
}

func multiply(dst, by []float32) {
	for i, v := range by {
		dst[i] *= v
	}
}

// sample stores codes of the first rows of c.out in c.z: z = mu + exp(l) eps
// with new eps if the code is Gaussian, after l is brought up to its floor,
// otherwise mu.
func (c *codeClassifier) sample(rows int) {
	for i := range rows {
		mu, z := c.out.Row(i)[:c.size.Code], c.z.Row(i)
		copy(z, mu)
		if !c.recipe.Gaussian {
			continue
		}
		l, eps := c.out.Row(i)[c.size.Code:], c.eps.Row(i)
		for j := range z {
			eps[j] = float32(c.random.NormFloat64())
			l[j] = max(l[j], c.floor)
			z[j] += exp32(l[j]) * eps[j]
		}
	}
}

func exp32(v float32) float32 { return float32(math.Exp(float64(v))) }

// codeGradients stores in dout the derivatives with respect to mu and l, given
// those with respect to z = mu + exp(l) eps in dz, less the weighted derivatives
// of the divergence of N(mu, exp(2l)) from N(0, I), a mean over the rows:
//
//	KL = sum (mu^2 + exp(2l) - 1)/2 - l
//
// It returns KL in nats.
func codeGradients(out, eps, dz, dout backend.Matrix, weight float64) (kl float64) {
	rows, k := dz.Rows, dz.Cols
	w := float32(weight / float64(rows))
	for i := range rows {
		o, d, e, g := out.Row(i), dout.Row(i), eps.Row(i), dz.Row(i)
		for j := range k {
			mu, l, sd := o[j], o[k+j], exp32(o[k+j])
			kl += float64((mu*mu+sd*sd-1)/2-l) / float64(rows)
			d[j] = g[j] - w*mu
			d[k+j] = g[j]*sd*e[j] - w*(sd*sd-1)
		}
	}
	return kl
}

// keepFloor makes dout, derivatives with respect to (mu, l) = out, those of an
// l that nothing takes below the floor: what would is dropped, what takes it
// up again stays.
//
// Without a floor the classifier shrinks the noise within a few steps to where
// the critic cannot see it, which is smooth: the information then is as good as
// infinite while the critic's bound of it falls.
func keepFloor(out, dout backend.Matrix, floor float32) {
	k := out.Cols / 2
	for i := range out.Rows {
		l, d := out.Row(i)[k:], dout.Row(i)[k:]
		for j := range l {
			if l[j] <= floor {
				d[j] = max(d[j], 0)
			}
		}
	}
}

// errorsOf counts the rows whose largest score is not that of the label. A row
// with a score that is not a number is an error.
func errorsOf(scores backend.Matrix, labels []uint8) (count int) {
	for i := range scores.Rows {
		row := scores.Row(i)
		label := int(labels[i])
		for j, v := range row {
			if j != label && !(v < row[label]) {
				count++
				break
			}
		}
	}
	return count
}

// step trains on a batch: the classifier ascends
//
//	mean log p(label | z) - KL weight KL - MINE weight I(x; z)
//
// and then the critic takes steps of its own towards I, each with noise of its
// own. So a batch is new to the critic when the classifier uses its gradient.
func (c *codeClassifier) step(ctx context.Context, x backend.Matrix, labels []uint8, rate float64) error {
	if err := c.gradients(ctx, x, labels); err != nil {
		return err
	}
	for _, m := range append(c.maps[:], c.decoder) {
		if err := m.Update(rate, 1); err != nil {
			return err
		}
	}
	if c.critic == nil {
		return nil
	}
	for k := range c.size.CriticSteps {
		if k > 0 {
			c.sample(x.Rows)
			c.addNoise(x)
		}
		if _, err := c.critic.Train(ctx, c.noisyX, c.noisy, rate*c.size.CriticRate); err != nil {
			return err
		}
	}
	return nil
}

// gradients adds those of the objective on a batch to what the next update of
// every map takes.
func (c *codeClassifier) gradients(ctx context.Context, x backend.Matrix, labels []uint8) error {
	if err := c.encode(ctx, x, true); err != nil {
		return err
	}
	c.sample(x.Rows)
	if err := c.decoder.Forward(ctx, c.z, c.logits); err != nil {
		return err
	}
	nets.LogLikelihood(c.logits, labels, c.dl)
	if err := c.decoder.Backward(ctx, c.dl, c.dz); err != nil {
		return err
	}
	if c.critic != nil {
		c.addNoise(x)
		if _, err := c.critic.Gradients(ctx, c.noisyX, c.noisy, backend.Matrix{}, c.info); err != nil {
			return err
		}
		nets.AddClipped(c.dz, c.info, -c.recipe.MINE)
	}
	dout := c.dz
	if c.recipe.Gaussian {
		codeGradients(c.out, c.eps, c.dz, c.dout, c.recipe.KL)
		keepFloor(c.out, c.dout, c.floor)
		dout = c.dout
	}
	for k := 2; k >= 0; k-- {
		var below backend.Matrix
		if k > 0 {
			below = c.dh[k-1]
		}
		if err := c.maps[k].Backward(ctx, dout, below); err != nil {
			return err
		}
		if k > 0 {
			c.throughUnits(k - 1)
		}
		dout = below
	}
	return nil
}

// throughUnits takes c.dh[k], derivatives with respect to the masked outputs of
// hidden layer k, to those with respect to the inputs of its ReLU.
func (c *codeClassifier) throughUnits(k int) {
	d := c.dh[k].Data
	for i, v := range c.h[k].Data {
		if v <= 0 { // also where the mask is 0, and rightly
			d[i] = 0
		}
	}
	if c.recipe.Dropout > 0 {
		multiply(d, c.mask[k].Data)
	}
}

// addNoise stores the pictures and the codes with noise in what the critic sees.
func (c *codeClassifier) addNoise(x backend.Matrix) {
	for i, v := range x.Data[:len(c.noisyX.Data)] {
		c.noisyX.Data[i] = v + float32(c.size.Noise*c.random.NormFloat64())
	}
	for i, v := range c.z.Data {
		c.noisy.Data[i] = v + float32(c.size.Noise*c.random.NormFloat64())
	}
}

// evaluate returns how many rows of a set are taken for another digit by their
// mean codes, and the mean log-likelihood of the labels in nats.
func (c *codeClassifier) evaluate(ctx context.Context, set digits.Set) (wrong int, likelihood float64, err error) {
	n := set.Pixels.Rows
	err = c.chunks(n, func(lo, rows int) error {
		if err := c.encode(ctx, nets.RowsOf(set.Pixels, lo, rows), false); err != nil {
			return err
		}
		for i := range rows {
			copy(c.z.Row(i), c.out.Row(i)[:c.size.Code])
		}
		logits := nets.Head(c.logits, rows)
		if err := c.decoder.Forward(ctx, nets.Head(c.z, rows), logits); err != nil {
			return err
		}
		wrong += errorsOf(logits, set.Labels[lo:lo+rows])
		likelihood += nets.LogLikelihood(logits, set.Labels[lo:lo+rows], nets.Head(c.dl, rows)) * float64(rows) / float64(n)
		return nil
	})
	return wrong, likelihood, err
}

// codes returns the encoder's outputs for a set, and one code each.
func (c *codeClassifier) codes(ctx context.Context, set digits.Set) (out, z backend.Matrix, err error) {
	n := set.Pixels.Rows
	out, z = backend.NewMatrix(n, c.out.Cols), backend.NewMatrix(n, c.size.Code)
	err = c.chunks(n, func(lo, rows int) error {
		if err := c.encode(ctx, nets.RowsOf(set.Pixels, lo, rows), false); err != nil {
			return err
		}
		c.sample(rows)
		copy(nets.RowsOf(out, lo, rows).Data, c.out.Data)
		copy(nets.RowsOf(z, lo, rows).Data, c.z.Data)
		return nil
	})
	return out, z, err
}

// chunks calls f for n rows, a batch at a time.
func (c *codeClassifier) chunks(n int, f func(lo, rows int) error) error {
	for lo := 0; lo < n; lo += c.size.Batch {
		if err := f(lo, min(c.size.Batch, n-lo)); err != nil {
			return err
		}
	}
	return nil
}

// train trains for the epochs of the sizes on a set, and calls observe before
// the first and after every epoch.
func (c *codeClassifier) train(ctx context.Context, set digits.Set, seed uint64, observe func(epoch int) error) error {
	n, size := set.Pixels.Rows, c.size
	batches := sampling.NewBatches(n, size.Batch, seed)
	steps := n / size.Batch
	x, labels := backend.NewMatrix(size.Batch, set.Pixels.Cols), make([]uint8, size.Batch)
	rows := make([]int32, size.Batch)
	if err := observe(0); err != nil {
		return err
	}
	for epoch := range size.Epochs {
		for s := range steps {
			at := epoch*steps + s
			batches.Rows(uint64(at), 0, rows)
			for i, row := range rows {
				copy(x.Row(i), set.Pixels.Row(int(row)))
				labels[i] = set.Labels[row]
			}
			progress := float64(at) / float64(size.Epochs*steps)
			rate := size.Rate * nets.Cosine(progress)
			if err := c.step(ctx, x, labels, rate); err != nil {
				return fmt.Errorf("epoch %d: %w", epoch+1, err)
			}
		}
		if err := observe(epoch + 1); err != nil {
			return err
		}
	}
	return nil
}
