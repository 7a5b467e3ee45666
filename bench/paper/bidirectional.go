package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"

	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"gomine/bench/internal/digits"
	"gomine/bench/internal/experiment"
	"gomine/bench/internal/figure"
	"gomine/bench/internal/report"
	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/sampling"
)

// streamEmbedding is that of the map from the plane of the mixture to the rows.
const streamEmbedding sampling.Stream = 0x4211

// A subject is a law of rows x that is to be encoded.
type subject struct {
	Name  string
	DX    int // columns of x
	DZ    int // and of the code
	train backend.Matrix
	test  backend.Matrix
	side  int // of the pictures, in pixels from -1 to 1; 0 if rows are none
	// grain is the standard deviation of noise on all rows that the discriminator
	// sees: it must not tell pictures by paper that is exactly -1.
	grain float64
	// modes tells to which mode each row belongs, negative for none; nil if
	// the law has none.
	modes func(x backend.Matrix) []int
}

const (
	grid       = 5    // the mixture has grid x grid modes
	gridStep   = 1.0  // between their centres
	gridSpread = 0.05 // standard deviation of each, and of the noise off the plane
	gridWide   = 8    // columns that the plane is laid into
)

// mixture returns the law of x = u A + 0.05 eps, where u is one of 25 points
// of a square grid in the plane, and A [2, 8] has orthonormal rows.
func mixture(rows, testRows int, seed uint64) subject {
	a := embedding(seed)
	draw := func(n int, step uint64) backend.Matrix {
		x := backend.NewMatrix(n, gridWide)
		normals(x, seed, streamReal, step)
		for i := range n {
			m := min(int(grid*grid*sampling.Uniform(seed, streamReal, step+1, uint64(i))), grid*grid-1)
			u := [2]float64{gridStep * float64(m%grid-grid/2), gridStep * float64(m/grid-grid/2)}
			row := x.Row(i)
			for j := range row {
				row[j] = float32(gridSpread*float64(row[j]) + u[0]*a[0][j] + u[1]*a[1][j])
			}
		}
		return x
	}
	return subject{
		Name: "25 Gaussians", DX: gridWide, DZ: 2,
		train: draw(rows, 0), test: draw(testRows, 2),
		modes: func(x backend.Matrix) []int {
			modes := make([]int, x.Rows)
			for i := range modes {
				modes[i] = gridMode(x.Row(i), a)
			}
			return modes
		},
	}
}

// embedding returns two orthonormal directions.
func embedding(seed uint64) (a [2][gridWide]float64) {
	for r := range a {
		for j := range a[r] {
			a[r][j] = sampling.Normal(seed, streamEmbedding, 0, uint64(r*gridWide+j))
		}
	}
	var along float64
	normalise(a[0][:])
	for j := range a[1] {
		along += a[0][j] * a[1][j]
	}
	for j := range a[1] {
		a[1][j] -= along * a[0][j]
	}
	normalise(a[1][:])
	return a
}

func normalise(v []float64) {
	var sum float64
	for _, t := range v {
		sum += t * t
	}
	for j := range v {
		v[j] /= math.Sqrt(sum)
	}
}

// gridMode returns the mode whose centre is within four standard deviations of
// a row in every direction of the plane, or -1. What lies off the plane does
// not count.
func gridMode(x []float32, a [2][gridWide]float64) int {
	mode := 0
	for axis := range a {
		var u float64
		for j, v := range x {
			u += float64(v) * a[axis][j]
		}
		k := math.Round(u / gridStep)
		if math.Abs(u-gridStep*k) > 4*gridSpread || math.Abs(k) > grid/2 {
			return -1
		}
		mode = mode*grid + int(k) + grid/2
	}
	return mode
}

// drawnDigits returns the law of drawn digits, from -1, paper, to 1, ink.
func drawnDigits(rows, testRows int, seed uint64) subject {
	const side = 14
	draw := func(n int, seed uint64) backend.Matrix {
		x := digits.Render(n, seed, side).Pixels
		for i, v := range x.Data {
			x.Data[i] = 2*v - 1
		}
		return x
	}
	return subject{Name: "digits", DX: side * side, DZ: 16, side: side, grain: 0.3, train: draw(rows, seed), test: draw(testRows, networkSeed(seed, 1<<20))}
}

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
	adam := backend.Adam{Beta1: 0.5, Beta2: 0.999, Epsilon: 1e-8} // Radford et al. 2016
	var err error
	for i, m := range []struct {
		model       *backend.Model
		in, out, at int
	}{{&f.encoder, s.DX, s.DZ, 1}, {&f.generator, s.DZ, s.DX, 1}, {&f.discriminator, s.DX + s.DZ, 1, 2}} {
		spec := backend.ModelSpec{MLP: backend.MLP{Inputs: m.in, Hidden: []int{size.Hidden, size.Hidden}, Outputs: m.out, Activation: backend.ELU},
			Adam: adam, Rows: m.at * size.Batch}
		if *m.model, err = mine.NewModel(b, spec, networkSeed(seed, uint64(i))); err != nil {
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
		cfg.Hidden, cfg.Seed = []int{size.Hidden, size.Hidden}, networkSeed(seed, uint64(3+i))
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
	normals(f.prior, seed, streamInput, step)
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
	ours, theirs := rowsOf(f.logits, 0, n), rowsOf(f.logits, n, n)
	logSigmoid(ours, rowsOf(f.dl, 0, n), -1)
	logSigmoid(theirs, rowsOf(f.dl, n, n), 1)
	if err := f.discriminator.InputGradients(ctx, f.dl, f.dpairs); err != nil {
		return err
	}
	logSigmoid(ours, rowsOf(f.dl, 0, n), 1)
	logSigmoid(theirs, rowsOf(f.dl, n, n), -1)
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
		addClipped(f.dz, f.dcode, f.size.Weight)
	}
	if f.generated != nil {
		f.blur(f.prior)
		if _, err := f.generated.Gradients(ctx, f.made, f.noisy, f.drow, backend.Matrix{}); err != nil {
			return err
		}
		addClipped(f.dmade, f.drow, f.size.Weight)
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

// An inferred is how good an inference is after some steps, on test rows.
type inferred struct {
	Step int `json:"step"`
	// Reconstruction is the mean squared distance of G(F(x)) from x, and Code that
	// of F(G(z)) from z, both in units of the variance: 1 is what the best constant
	// reaches.
	Reconstruction float64 `json:"reconstruction"`
	Code           float64 `json:"code_reconstruction"`
	// Frechet is the squared distance, by Frechet, of the normal law with the mean and the
	// covariance of the codes from the prior, per column.
	Frechet float64 `json:"code_frechet"`
	// Covered says how many modes the generator's rows reach.
	Covered *coverage `json:"covered,omitempty"`
}

// apply stores in y what a map makes of any number of rows.
func (f *inference) apply(ctx context.Context, m func(ctx context.Context, x, y backend.Matrix) error, x, y backend.Matrix) error {
	for lo := 0; lo < x.Rows; lo += f.size.Batch {
		n := min(f.size.Batch, x.Rows-lo)
		if err := m(ctx, rowsOf(x, lo, n), rowsOf(y, lo, n)); err != nil {
			return err
		}
	}
	return nil
}

// observe measures an inference.
func (f *inference) observe(ctx context.Context, s subject, seed uint64, step int) (inferred, error) {
	n := s.test.Rows
	z, back := backend.NewMatrix(n, s.DZ), backend.NewMatrix(n, s.DX)
	prior, made, again := backend.NewMatrix(n, s.DZ), backend.NewMatrix(n, s.DX), backend.NewMatrix(n, s.DZ)
	normals(prior, seed, streamInput, stepScore)
	for _, pass := range []struct {
		m    func(ctx context.Context, x, y backend.Matrix) error
		x, y backend.Matrix
	}{{f.encoder.Forward, s.test, z}, {f.generate, z, back}, {f.generate, prior, made}, {f.encoder.Forward, made, again}} {
		if err := f.apply(ctx, pass.m, pass.x, pass.y); err != nil {
			return inferred{}, err
		}
	}
	r := inferred{Step: step, Reconstruction: relativeError(s.test, back), Code: relativeError(prior, again)}
	var err error
	if r.Frechet, err = frechet(z); err != nil {
		return r, err
	}
	if s.modes != nil {
		// With a twentieth of an even share a mode is more than a stray row.
		c := cover(s.modes(made), grid*grid, max(1, n/(20*grid*grid)))
		r.Covered = &c
	}
	return r, nil
}

// relativeError returns sum |a_i - b_i|^2 / sum |a_i - mean a|^2.
func relativeError(a, b backend.Matrix) float64 {
	mean := make([]float64, a.Cols)
	for i := range a.Rows {
		for j, v := range a.Row(i) {
			mean[j] += float64(v) / float64(a.Rows)
		}
	}
	var wrong, all float64
	for i := range a.Rows {
		p, q := a.Row(i), b.Row(i)
		for j, v := range p {
			d, m := float64(v-q[j]), float64(v)-mean[j]
			wrong += d * d
			all += m * m
		}
	}
	return wrong / all
}

// frechet returns (|m|^2 + tr(S + I - 2 S^(1/2)))/k, for the mean m and the
// covariance S of rows z [n, k]: the squared distance of N(m, S) from N(0, I)
// (Dowson and Landau 1982), per column.
func frechet(z backend.Matrix) (float64, error) {
	k := z.Cols
	rows := mat.NewDense(z.Rows, k, nil)
	for i := range z.Rows {
		for j, v := range z.Row(i) {
			rows.Set(i, j, float64(v))
		}
	}
	var s mat.SymDense
	stat.CovarianceMatrix(&s, rows, nil)
	var e mat.EigenSym
	if !e.Factorize(&s, false) {
		return 0, errors.New("the covariance of the codes has no eigenvalues: they are not finite, so lower --rate")
	}
	var sum float64
	for _, v := range e.Values(nil) {
		d := math.Sqrt(max(v, 0)) - 1
		sum += d * d
	}
	for j := range k {
		m := stat.Mean(mat.Col(nil, j, rows), nil)
		sum += m * m
	}
	return sum / float64(k), nil
}

// An inferenceRun is one inference of one seed.
type inferenceRun struct {
	Law    string     `json:"law"`
	Method string     `json:"method"`
	Seed   uint64     `json:"seed"`
	Curve  []inferred `json:"curve"`

	sheet backend.Matrix // reconstructions of the first test rows
}

func (r inferenceRun) last() inferred { return r.Curve[len(r.Curve)-1] }

// sheetColumns are the digits in a row of the sheet.
const sheetColumns = 20

// infer trains one inference and looks at it twenty times.
func infer(ctx context.Context, b backend.Backend, s subject, size inferenceSizes, seed uint64) (inferenceRun, error) {
	run := inferenceRun{Law: s.Name, Seed: seed}
	f, err := newInference(b, s, size, seed)
	if err != nil {
		return run, err
	}
	defer f.close()
	batches := sampling.NewBatches(s.train.Rows, size.Batch, seed)
	x, rows := backend.NewMatrix(size.Batch, s.DX), make([]int32, size.Batch)
	every := max(1, size.Steps/20)
	for step := range size.Steps + 1 {
		if step%every == 0 || step == size.Steps {
			at, err := f.observe(ctx, s, seed, step)
			if err != nil {
				return run, fmt.Errorf("step %d: %w", step, err)
			}
			run.Curve = append(run.Curve, at)
		}
		if step == size.Steps {
			break
		}
		batches.Rows(uint64(step), 0, rows)
		for i, row := range rows {
			copy(x.Row(i), s.train.Row(int(row)))
		}
		rate := size.Rate * (1 + math.Cos(math.Pi*float64(step)/float64(size.Steps))) / 2
		if err := f.step(ctx, x, seed, uint64(step), rate); err != nil {
			return run, fmt.Errorf("step %d: %w", step, err)
		}
	}
	if s.side == 0 {
		return run, nil
	}
	first := rowsOf(s.test, 0, min(sheetColumns, s.test.Rows))
	z := backend.NewMatrix(first.Rows, s.DZ)
	run.sheet = backend.NewMatrix(first.Rows, s.DX)
	return run, errors.Join(f.apply(ctx, f.encoder.Forward, first, z), f.apply(ctx, f.generate, z, run.sheet))
}

// inferenceFlags are the flags of the experiment.
type inferenceFlags struct {
	experiment.Flags
	inferenceSizes

	seeds, rows, testRows int
}

func (o *inferenceFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	o.Register(f)
	f.IntVar(&o.seeds, "seeds", 5, "seeds of initial weights, order, noise")
	f.IntVar(&o.rows, "rows", 10_000, "rows to train on")
	f.IntVar(&o.testRows, "test-rows", 2_000, "rows to test on")
	f.IntVar(&o.Hidden, "hidden", 64, "units of each of two layers of all networks")
	f.IntVar(&o.Batch, "batch", 128, "rows per step")
	f.IntVar(&o.Steps, "steps", 4000, "steps of training")
	f.Float64Var(&o.Rate, "rate", 1e-3, "learning rate")
	f.Float64Var(&o.Weight, "weight", 1, "weight of the information")
	f.StringVar(&o.Side, "side", "both", "whose information is maximised: encoder, generator or both")
	f.Float64Var(&o.Blur, "blur", 0.1, "standard deviation of the noise on the codes that the critic sees")
}

func (o *inferenceFlags) prepare(cmd *cobra.Command) error {
	if o.Quick {
		set := cmd.Flags()
		experiment.Default(set, "hidden", &o.Hidden, 64)
		experiment.Default(set, "steps", &o.Steps, 1500)
		experiment.Default(set, "seeds", &o.seeds, 2)
		experiment.Default(set, "rows", &o.rows, 5_000)
	}
	switch {
	case o.seeds < 1 || o.Steps < 1 || o.Hidden < 1:
		return fmt.Errorf("--seeds %d, --steps %d, --hidden %d: want at least 1 each", o.seeds, o.Steps, o.Hidden)
	case o.Batch < 2 || o.rows < o.Batch || o.testRows < 100:
		return fmt.Errorf("--batch %d, --rows %d, --test-rows %d: want at least 2, a batch, and 100", o.Batch, o.rows, o.testRows)
	case o.Side != "encoder" && o.Side != "generator" && o.Side != "both":
		return fmt.Errorf("--side %q: want encoder, generator or both", o.Side)
	case !(o.Weight > 0) || !(o.Blur > 0):
		return fmt.Errorf("--weight %v and --blur %v: want both above 0", o.Weight, o.Blur)
	}
	return nil
}

const withoutInformation, withInformation = "adversarial", "adversarial + MINE"

func bidirectionalCommand() *cobra.Command {
	var opt inferenceFlags
	cmd := &cobra.Command{
		Use:   "bidirectional",
		Short: "Experiment 4: bidirectional adversarial inference that reconstructs",
		Long: "Section 5.2 of the paper: an encoder and a generator are trained against a\n" +
			"discriminator of pairs (row, code), with and without the information of row and\n" +
			"code among what they ascend. What counts is how near a row comes back from its\n" +
			"code. Rows are a mixture of 25 Gaussians laid into 8 columns, and drawn digits of\n" +
			"14 x 14 pixels. Takes about 2 minutes on two cores.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := opt.prepare(cmd); err != nil {
				return err
			}
			subjects := []subject{mixture(opt.rows, opt.testRows, opt.Seed), drawnDigits(opt.rows, opt.testRows, opt.Seed)}
			methods := []string{withoutInformation, withInformation}
			all := make([]inferenceRun, len(subjects)*len(methods)*opt.seeds)
			err := eachRun(cmd.Context(), &opt.Flags, len(all), func(ctx context.Context, b backend.Backend, run int) error {
				s, method := subjects[run%len(subjects)], methods[run/len(subjects)%len(methods)]
				seed := opt.Seed + uint64(run/len(subjects)/len(methods))
				size := opt.inferenceSizes
				if method == withoutInformation {
					size.Weight = 0
				}
				r, err := infer(ctx, b, s, size, seed)
				if err != nil {
					return fmt.Errorf("%s, %s, seed %d: %w", s.Name, method, seed, err)
				}
				r.Method = method
				all[run] = r
				end := r.last()
				fmt.Fprintf(cmd.ErrOrStderr(), "%-12s %-18s seed %d  reconstruction %.4f, code %.4f, distance from the prior %.4f\n",
					s.Name, method, seed, end.Reconstruction, end.Code, end.Frechet)
				return nil
			})
			if err != nil {
				return err
			}
			return opt.Write(cmd, program, inferenceResults(subjects, methods, opt.inferenceSizes, all))
		},
	}
	opt.register(cmd)
	return cmd
}

// inferenceResults lays out a table, a picture and a sheet of digits.
func inferenceResults(subjects []subject, methods []string, size inferenceSizes, all []inferenceRun) experiment.Results {
	text := report.NewTable("rows", "training", "reconstruction error", "spread", "of codes", "spread", "codes' distance from the prior", "spread", "modes")
	var panels []figure.Panel
	for _, s := range subjects {
		errorPanel := figure.Panel{Title: s.Name, X: "step", Y: "reconstruction error", LegendRight: true}
		priorPanel := figure.Panel{Title: s.Name, X: "step", Y: "codes from the prior", LegendRight: true}
		for _, method := range methods {
			runs := runsOf(all, s.Name, method)
			row := []any{s.Name, method}
			for _, f := range inferenceMeasures {
				v := make([]float64, len(runs))
				for i, r := range runs {
					v[i] = f(r.last())
				}
				row = append(row, fmt.Sprintf("%.4f", stat.Mean(v, nil)), fmt.Sprintf("%.4f", spread(v)))
			}
			if s.modes != nil {
				var modes float64
				for _, r := range runs {
					modes += float64(r.last().Covered.Modes) / float64(len(runs))
				}
				row = append(row, fmt.Sprintf("%.1f of %d", modes, grid*grid))
			}
			text.AppendRow(row)
			errorPanel.Curves = append(errorPanel.Curves, inferenceCurve(method, runs, inferenceMeasures[0]))
			priorPanel.Curves = append(priorPanel.Curves, inferenceCurve(method, runs, inferenceMeasures[2]))
		}
		for _, p := range []*figure.Panel{&errorPanel, &priorPanel} {
			logarithmic(p)
			panels = append(panels, *p)
		}
	}
	const note = "Means over seeds, and standard deviations; errors of test rows in units of the variance.\n\n"
	const name = "bidirectional"
	return experiment.Results{Name: name, Data: struct {
		Sizes inferenceSizes `json:"sizes"`
		Runs  []inferenceRun `json:"runs"`
	}{size, all}, Markdown: note + text.RenderMarkdown(), Pictures: func(dir string) error {
		if err := figure.Save(filepath.Join(dir, name+".png"), 2, panels...); err != nil {
			return err
		}
		for _, s := range subjects {
			if s.side == 0 {
				continue
			}
			// Test rows, and what comes back of them in the run of the first seed.
			sheet := pictures(rowsOf(s.test, 0, min(sheetColumns, s.test.Rows)))
			for _, method := range methods {
				sheet = append(sheet, pictures(runsOf(all, s.Name, method)[0].sheet)...)
			}
			if err := figure.SaveSheet(filepath.Join(dir, name+"-"+s.Name+".png"), sheet, s.side, sheetColumns, 3); err != nil {
				return err
			}
		}
		return nil
	}}
}

// inferenceMeasures are those of the table.
var inferenceMeasures = []func(inferred) float64{
	func(r inferred) float64 { return r.Reconstruction },
	func(r inferred) float64 { return r.Code },
	func(r inferred) float64 { return r.Frechet },
}

func runsOf(all []inferenceRun, law, method string) (runs []inferenceRun) {
	for _, r := range all {
		if r.Law == law && r.Method == method {
			runs = append(runs, r)
		}
	}
	return runs
}

// inferenceCurve returns the mean of runs over the steps, from the first look
// after the start on, in a band of one standard deviation each way.
func inferenceCurve(name string, runs []inferenceRun, f func(inferred) float64) figure.Curve {
	c := figure.Curve{Name: name}
	for k, at := range runs[0].Curve[1:] {
		v := make([]float64, len(runs))
		for i, r := range runs {
			v[i] = f(r.Curve[k+1])
		}
		c.X = append(c.X, float64(at.Step))
		addBand(&c, v)
	}
	return c
}

// logarithmic gives a panel a logarithmic axis if its curves, which are
// positive, span more than a decade, and then cuts the bands a decade below them.
func logarithmic(p *figure.Panel) {
	low, high := math.Inf(1), 0.0
	for _, c := range p.Curves {
		low, high = min(low, floats.Min(c.Y)), max(high, floats.Max(c.Y))
	}
	if p.LogY = low > 0 && high > 10*low; !p.LogY {
		return
	}
	for _, c := range p.Curves {
		for i, y := range c.Y {
			c.Low[i] = max(c.Low[i], y/10)
		}
	}
}

// pictures returns the rows of digits from -1 to 1 as pictures from 0 to 1.
func pictures(m backend.Matrix) [][]float32 {
	all := make([][]float32, m.Rows)
	for i := range all {
		all[i] = make([]float32, m.Cols)
		for j, v := range m.Row(i) {
			all[i][j] = (v + 1) / 2
		}
	}
	return all
}
