// Package bidirectional repeats the MINE paper's fourth experiment (section 5.2):
// does information make bidirectional adversarial inference reconstruct?
package bidirectional

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"

	"gomine/bench/paper/internal/nets"
	"gomine/mine"
	"gomine/mine/backend"
)

// inferenceSizes are those of the networks, and how they are trained.
type inferenceSizes struct {
	Hidden int     `json:"hidden"` // units of each of two layers of all networks
	Batch  int     `json:"batch"`
	Steps  int     `json:"steps"`
	Rate   float64 `json:"rate"`   // Adam's; a cosine brings it to zero
	Weight float64 `json:"weight"` // of the information
	Side   string  `json:"side"`   // encoder, generator or both: whose information is maximised
	Blur   float64 `json:"blur"`   // standard deviation of the noise on the codes that the critic sees
}

// inference is an encoder F, a generator G and a discriminator D of pairs
// (Donahue et al. 2017, Dumoulin et al. 2017): D tells (x, F(x)) from
// (G(z), z), z standard normal; F and G ascend what D descends. Where D is
// deceived entirely, G inverts F; where it is not, the paper (section 5.2) bounds the
// expected reconstruction error, -log p(x|z), by
//
//	KL(law of (x, F(x)) || law of (G(z), z)) - I(x; F(x)) + H(F(x)),
//
// and so it has the information of the second term ascended too. Here F ascends
// weight I(x; F(x) + noise) and G weight I(G(z); z + noise), as a critic each
// estimates them: the two laws are to become one.
type inference struct {
	size                              inferenceSizes
	pictures                          bool // the generator's rows pass through tanh
	grain                             float64
	encoder, generator, discriminator backend.Model
	encoded                           *mine.Critic // of x and F(x); nil without its information
	generated                         *mine.Critic // of G(z) and z
	random                            *rand.Rand

	pairs, dpairs      backend.Matrix // [2B, DX+DZ]: rows of the encoder, then of the generator
	logits, dl         backend.Matrix // [2B, 1]
	z, dz              backend.Matrix // of the encoder
	prior              backend.Matrix
	made, dmade        backend.Matrix // of the generator
	grains             backend.Matrix // noise on the rows
	noisy, dcode, drow backend.Matrix // codes as a critic sees them; derivatives of the information
}

func newInference(b backend.Backend, s subject, size inferenceSizes, seed uint64) (*inference, error) {
	f := &inference{size: size, pictures: s.side > 0, grain: s.grain, random: rand.New(rand.NewPCG(seed, 0xb1))}
	adam := nets.AdversarialAdam(0.5)
	var err error
	for i, m := range []struct {
		model       *backend.Model
		in, out, at int
	}{{&f.encoder, s.DX, s.DZ, 1}, {&f.generator, s.DZ, s.DX, 1}, {&f.discriminator, s.DX + s.DZ, 1, 2}} {
		spec := backend.ModelSpec{MLP: backend.MLP{Inputs: m.in, Hidden: []int{size.Hidden, size.Hidden}, Outputs: m.out, Activation: backend.ELU},
			Adam: adam, Rows: m.at * size.Batch}
		if *m.model, err = mine.NewModel(b, spec, nets.Seed(seed, uint64(i))); err != nil {
			return nil, errors.Join(err, f.close())
		}
	}
	for i, c := range []struct {
		critic **mine.Critic
		use    bool
	}{{&f.encoded, size.Side != "generator"}, {&f.generated, size.Side != "encoder"}} {
		if size.Weight == 0 || !c.use {
			continue
		}
		cfg := mine.DefaultCriticConfig(s.DX, s.DZ, size.Batch)
		cfg.Hidden, cfg.Seed = []int{size.Hidden, size.Hidden}, nets.Seed(seed, uint64(3+i))
		if *c.critic, err = mine.NewCritic(cfg, mine.WithBackend(b)); err != nil {
			return nil, errors.Join(err, f.close())
		}
	}
	n := size.Batch
	f.pairs, f.dpairs = backend.NewMatrix(2*n, s.DX+s.DZ), backend.NewMatrix(2*n, s.DX+s.DZ)
	f.logits, f.dl = backend.NewMatrix(2*n, 1), backend.NewMatrix(2*n, 1)
	for _, m := range []*backend.Matrix{&f.z, &f.dz, &f.prior, &f.noisy, &f.dcode} {
		*m = backend.NewMatrix(n, s.DZ)
	}
	f.grains = backend.NewMatrix(2*n, s.DX)
	f.made, f.dmade, f.drow = backend.NewMatrix(n, s.DX), backend.NewMatrix(n, s.DX), backend.NewMatrix(n, s.DX)
	return f, nil
}

func (f *inference) close() error {
	var errs []error
	for _, m := range []backend.Model{f.encoder, f.generator, f.discriminator} {
		if m != nil {
			errs = append(errs, m.Close())
		}
	}
	for _, c := range []*mine.Critic{f.encoded, f.generated} {
		if c != nil {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// step trains all networks on a batch of rows, all with the derivatives at the
// parameters before the step, and the critics after: so a batch is new to them
// when their gradients are used.
func (f *inference) step(ctx context.Context, x backend.Matrix, seed, step uint64, rate float64) error {
	nets.Normals(f.prior, seed, nets.StreamInput, step)
	if err := f.gradients(ctx, x); err != nil {
		return err
	}
	for _, m := range []backend.Model{f.encoder, f.generator, f.discriminator} {
		if err := m.Update(rate, 1); err != nil {
			return err
		}
	}
	for _, pair := range []struct {
		critic *mine.Critic
		x, z   backend.Matrix
	}{{f.encoded, x, f.z}, {f.generated, f.made, f.prior}} {
		if pair.critic == nil {
			continue
		}
		f.blur(pair.z)
		if _, err := pair.critic.Train(ctx, pair.x, f.noisy, rate); err != nil {
			return err
		}
	}
	return nil
}

// gradients adds to what the next updates take the gradients of a batch of rows
// and of the codes in f.prior.
func (f *inference) gradients(ctx context.Context, x backend.Matrix) error {
	n, dx := x.Rows, x.Cols
	if err := errors.Join(f.encoder.Forward(ctx, x, f.z), f.generate(ctx, f.prior, f.made)); err != nil {
		return err
	}
	if f.grain > 0 {
		f.noise(f.grains, f.grain)
	}
	for i := range n {
		for at, pair := range [][2][]float32{{x.Row(i), f.z.Row(i)}, {f.made.Row(i), f.prior.Row(i)}} {
			row := f.pairs.Row(at*n + i)
			copy(row, pair[0])
			copy(row[dx:], pair[1])
			for j, v := range f.grains.Row(at*n + i) {
				row[j] += v
			}
		}
	}
	if err := f.discriminator.Forward(ctx, f.pairs, f.logits); err != nil {
		return err
	}
	// The encoder and the generator want the discriminator's answers turned round.
	ours, theirs := nets.RowsOf(f.logits, 0, n), nets.RowsOf(f.logits, n, n)
	nets.LogSigmoid(ours, nets.RowsOf(f.dl, 0, n), -1)
	nets.LogSigmoid(theirs, nets.RowsOf(f.dl, n, n), 1)
	if err := f.discriminator.InputGradients(ctx, f.dl, f.dpairs); err != nil {
		return err
	}
	nets.LogSigmoid(ours, nets.RowsOf(f.dl, 0, n), 1)
	nets.LogSigmoid(theirs, nets.RowsOf(f.dl, n, n), -1)
	if err := f.discriminator.Backward(ctx, f.dl, backend.Matrix{}); err != nil {
		return err
	}
	for i := range n {
		copy(f.dz.Row(i), f.dpairs.Row(i)[dx:])
		copy(f.dmade.Row(i), f.dpairs.Row(n + i)[:dx])
	}
	if f.encoded != nil {
		f.blur(f.z)
		if _, err := f.encoded.Gradients(ctx, x, f.noisy, backend.Matrix{}, f.dcode); err != nil {
			return err
		}
		nets.AddClipped(f.dz, f.dcode, f.size.Weight)
	}
	if f.generated != nil {
		f.blur(f.prior)
		if _, err := f.generated.Gradients(ctx, f.made, f.noisy, f.drow, backend.Matrix{}); err != nil {
			return err
		}
		nets.AddClipped(f.dmade, f.drow, f.size.Weight)
	}
	if f.pictures { // through tanh
		for i, v := range f.made.Data {
			f.dmade.Data[i] *= 1 - v*v
		}
	}
	return errors.Join(f.encoder.Backward(ctx, f.dz, backend.Matrix{}), f.generator.Backward(ctx, f.dmade, backend.Matrix{}))
}

// generate stores the generator's rows for codes z in x.
func (f *inference) generate(ctx context.Context, z, x backend.Matrix) error {
	if err := f.generator.Forward(ctx, z, x); err != nil || !f.pictures {
		return err
	}
	for i, v := range x.Data[:x.Rows*x.Cols] {
		x.Data[i] = float32(math.Tanh(float64(v)))
	}
	return nil
}

// blur stores codes with noise in what a critic sees: without it the
// information of a code and a function of it would be infinite.
func (f *inference) blur(z backend.Matrix) {
	f.noise(f.noisy, f.size.Blur)
	for i, v := range z.Data {
		f.noisy.Data[i] += v
	}
}

// noise fills dst with normal values.
func (f *inference) noise(dst backend.Matrix, sd float64) {
	for i := range dst.Data {
		dst.Data[i] = float32(sd * f.random.NormFloat64())
	}
}

// apply stores in y what a map makes of any number of rows.
func (f *inference) apply(ctx context.Context, m func(ctx context.Context, x, y backend.Matrix) error, x, y backend.Matrix) error {
	for lo := 0; lo < x.Rows; lo += f.size.Batch {
		n := min(f.size.Batch, x.Rows-lo)
		if err := m(ctx, nets.RowsOf(x, lo, n), nets.RowsOf(y, lo, n)); err != nil {
			return err
		}
	}
	return nil
}
