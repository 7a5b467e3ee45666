package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"

	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"gomine/bench/internal/digits"
	"gomine/bench/internal/experiment"
	"gomine/bench/internal/figure"
	"gomine/bench/internal/report"
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

// bottleneckFlags are the flags of the experiment.
type bottleneckFlags struct {
	experiment.Flags
	sizes

	full, validate               bool
	seeds, rows, testRows        int
	beta, klBeta, dropout, least float64
	only                         []string

	images, labels, testImages, testLabels string
}

func (o *bottleneckFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	o.Register(f)
	f.BoolVar(&o.full, "full", false, "the paper's sizes and weight: layers of 1024 and 512, codes of 256, beta 0.001, up to 60,000 pictures, 200 epochs; for a GPU")
	f.BoolVar(&o.validate, "validate", false, "judge by a fifth of the training rows, held out, instead of the test rows: to choose settings")
	f.IntVar(&o.seeds, "seeds", 5, "seeds of initial weights, order, noise")
	f.IntVar(&o.rows, "rows", 5_000, "pictures to train on, of those that are drawn or read")
	f.IntVar(&o.testRows, "test-rows", 5_000, "pictures to test on")
	f.IntVar(&o.Hidden, "hidden", 256, "units of the encoder's layers")
	f.IntVar(&o.Code, "code", 64, "columns of the code")
	f.IntVar(&o.sizes.Critic, "critic", 128, "units of the statistics network's layers")
	f.IntVar(&o.Batch, "batch", 100, "pictures per step")
	f.IntVar(&o.Epochs, "epochs", 20, "epochs of training")
	f.Float64Var(&o.Rate, "rate", 1e-3, "learning rate")
	f.Float64Var(&o.CriticRate, "critic-rate", 2, "learning rate of the statistics network, in units of the other")
	f.IntVar(&o.CriticSteps, "critic-steps", 2, "steps of the statistics network for each of the classifier")
	f.Float64Var(&o.Noise, "noise", 0.3, "standard deviation of the noise on the statistics network's inputs")
	f.Float64Var(&o.least, "least-spread", 1, "least standard deviation of a code without the variational bound, 0 for any")
	f.Float64Var(&o.beta, "beta", 0.1, "weight of the information")
	f.Float64Var(&o.klBeta, "variational-beta", 1e-2, "weight of the variational bound")
	f.Float64Var(&o.dropout, "dropout", 0.2, "share of hidden units that dropout leaves out")
	f.StringSliceVar(&o.only, "only", nil, "train only these, by name")
	f.StringVar(&o.images, "images", "", "IDX file of training pictures, such as MNIST's, instead of drawn ones")
	f.StringVar(&o.labels, "labels", "", "IDX file of their labels")
	f.StringVar(&o.testImages, "test-images", "", "IDX file of test pictures")
	f.StringVar(&o.testLabels, "test-labels", "", "IDX file of their labels")
}

func (o *bottleneckFlags) prepare(cmd *cobra.Command) error {
	set := cmd.Flags()
	if o.full {
		experiment.Default(set, "hidden", &o.Hidden, 1024)
		experiment.Default(set, "code", &o.Code, 256)
		experiment.Default(set, "critic", &o.sizes.Critic, 512)
		experiment.Default(set, "epochs", &o.Epochs, 200)
		experiment.Default(set, "beta", &o.beta, 1e-3)
		experiment.Default(set, "variational-beta", &o.klBeta, 1e-3)
		experiment.Default(set, "rows", &o.rows, 60_000)
		experiment.Default(set, "test-rows", &o.testRows, 10_000)
	}
	if o.Quick {
		experiment.Default(set, "hidden", &o.Hidden, 128)
		experiment.Default(set, "code", &o.Code, 32)
		experiment.Default(set, "critic", &o.sizes.Critic, 64)
		experiment.Default(set, "epochs", &o.Epochs, 8)
		experiment.Default(set, "rows", &o.rows, 4000)
		experiment.Default(set, "test-rows", &o.testRows, 2000)
		experiment.Default(set, "seeds", &o.seeds, 2)
	}
	for name, v := range map[string]int{"hidden": o.Hidden, "code": o.Code, "critic": o.sizes.Critic, "epochs": o.Epochs, "seeds": o.seeds, "critic-steps": o.CriticSteps} {
		if v < 1 {
			return fmt.Errorf("--%s is %d, want at least 1", name, v)
		}
	}
	switch {
	case o.Batch < 2:
		return fmt.Errorf("--batch is %d, want at least 2", o.Batch)
	case o.rows < 2*o.Batch || o.testRows < 100:
		return fmt.Errorf("--rows %d and --test-rows %d: want at least two batches of %d and 100", o.rows, o.testRows, o.Batch)
	case (o.images == "") != (o.labels == "") || (o.testImages == "") != (o.testLabels == ""),
		o.images == "" && o.testImages != "", o.images != "" && o.testImages == "" && !o.validate:
		return errors.New("give --images, --labels, --test-images and --test-labels together, or none; with --validate the first two will do")
	case !(o.beta > 0) || !(o.klBeta > 0) || !(o.least >= 0):
		return fmt.Errorf("--beta %v, --variational-beta %v, --least-spread %v: want the first two above 0, the last at least 0", o.beta, o.klBeta, o.least)
	case !(o.dropout >= 0 && o.dropout < 1):
		return fmt.Errorf("--dropout is %v, want at least 0 and below 1", o.dropout)
	}
	return nil
}

// data returns the pictures to train on and those that judge.
func (o *bottleneckFlags) data() (train, judge digits.Set, err error) {
	if o.images == "" {
		const side = 28 // pixels, as in MNIST
		train = digits.Render(o.rows, o.Seed, side)
		if !o.validate {
			// Of another seed, so another sample of the same law.
			judge = digits.Render(o.testRows, networkSeed(o.Seed, 1<<20), side)
		}
	} else {
		if train, err = digits.Read(o.images, o.labels); err != nil {
			return train, judge, err
		}
		train = part(train, 0, min(o.rows, train.Pixels.Rows))
		if !o.validate {
			if judge, err = digits.Read(o.testImages, o.testLabels); err != nil {
				return train, judge, err
			}
			judge = part(judge, 0, min(o.testRows, judge.Pixels.Rows))
			if judge.Size != train.Size {
				return train, judge, fmt.Errorf("pictures of %d pixels a side to train on and of %d to test on: want the same", train.Size, judge.Size)
			}
		}
	}
	if o.validate {
		n := train.Pixels.Rows
		train, judge = part(train, 0, n-n/5), part(train, n-n/5, n)
	}
	if train.Pixels.Rows < o.Batch {
		return train, judge, fmt.Errorf("%d pictures to train on, want at least a batch of %d", train.Pixels.Rows, o.Batch)
	}
	return train, judge, nil
}

// part returns pictures lo to hi of a set.
func part(s digits.Set, lo, hi int) digits.Set {
	return digits.Set{Size: s.Size, Pixels: rowsOf(s.Pixels, lo, hi-lo), Labels: s.Labels[lo:hi]}
}

// recipes returns those that compete. "noise" is the bottleneck without its
// term: what the random code does alone.
func (o *bottleneckFlags) recipes() ([]recipe, error) {
	all := []recipe{
		{Name: "plain"},
		{Name: "dropout", Dropout: o.dropout},
		{Name: "noise", Gaussian: true, Least: o.least},
		// The divergence keeps the noise by itself.
		{Name: "variational", Gaussian: true, KL: o.klBeta},
		{Name: "MINE", Gaussian: true, Least: o.least, MINE: o.beta},
	}
	if len(o.only) == 0 {
		return all, nil
	}
	var some []recipe
	for _, name := range o.only {
		found := false
		for _, r := range all {
			if r.Name == name {
				some, found = append(some, r), true
			}
		}
		if !found {
			return nil, fmt.Errorf("--only %s: want plain, dropout, noise, variational or MINE", name)
		}
	}
	return some, nil
}

func bottleneckCommand() *cobra.Command {
	var opt bottleneckFlags
	cmd := &cobra.Command{
		Use:   "bottleneck",
		Short: "Experiment 5: an information bottleneck that classifies digits",
		Long: "Section 5.3 of the paper: a classifier of digits, blind to the order of pixels, whose code Z\n" +
			"is random and penalised by its information on the picture, I(X;Z), as a critic\n" +
			"that is trained beside it estimates it. Compared with the same network plain, with\n" +
			"dropout, with a random code alone, and with the variational bottleneck (Alemi et al. 2017).\n" +
			"Networks are a quarter as wide as the paper's; --full has its sizes. Takes about 3 minutes on two cores.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := opt.prepare(cmd); err != nil {
				return err
			}
			recipes, err := opt.recipes()
			if err != nil {
				return err
			}
			train, judge, err := opt.data()
			if err != nil {
				return err
			}
			all := make([]trained, len(recipes)*opt.seeds)
			err = eachRun(cmd.Context(), &opt.Flags, len(all), func(ctx context.Context, b backend.Backend, run int) error {
				r, seed := recipes[run%len(recipes)], opt.Seed+uint64(run/len(recipes))
				t, err := classify(ctx, b, r, opt.sizes, train, judge, seed, run < len(recipes) && !opt.validate)
				if err != nil {
					return fmt.Errorf("%s, seed %d: %w", r.Name, seed, err)
				}
				all[run] = t
				end := t.last()
				fmt.Fprintf(cmd.ErrOrStderr(), "%-12s seed %d  errors %5.2f%% of training rows, %5.2f%% of others\n", r.Name, seed, 100*end.Training, 100*end.Error)
				return nil
			})
			if err != nil {
				return err
			}
			return opt.Write(cmd, program, bottleneckResults(recipes, opt.sizes, opt.validate, train, judge, all))
		},
	}
	opt.register(cmd)
	return cmd
}

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
	low, high := channelBounds(rowsOf(out, 0, n), rowsOf(z, 0, n))
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
	cfg := mine.DefaultConfig(z.Rows)
	cfg.Seed = seed
	cfg.Candidates = []mine.Candidate{{Activation: backend.Softplus, Objective: objective.JS.Default(), Preprocess: preprocess.Standardize}}
	result, err := mine.Estimate(ctx, column.RowMajor(out.Data, out.Cols), column.RowMajor(z.Data, z.Cols), cfg, mine.WithBackend(b))
	return &fresh{result.Estimate, result.StdErr}, err
}

// bottleneckResults lays out a table and a picture.
func bottleneckResults(recipes []recipe, size sizes, validate bool, train, judge digits.Set, all []trained) experiment.Results {
	judged := "test"
	if validate {
		judged = "validation"
	}
	of := func(r recipe) (runs []trained) {
		for _, t := range all {
			if t.Recipe == r.Name {
				runs = append(runs, t)
			}
		}
		return runs
	}
	text := report.NewTable("classifier", judged+" error", "spread", "lowest", "highest", "more than "+recipes[0].Name, "training error", "log-likelihood", "I(X;Z) from the code's law", "critic", "fresh estimate before", "after")
	errorPanel := figure.Panel{Title: "errors on " + judged + " rows", X: "epoch", Y: "share wrong (%)", LegendRight: true}
	infoPanel := figure.Panel{Title: "information of picture and code", X: "epoch", Y: "I(X;Z) at most (nats)"}
	var first []float64
	for _, r := range recipes {
		runs := of(r)
		ends := func(f func(moment) float64) []float64 {
			v := make([]float64, len(runs))
			for i, t := range runs {
				v[i] = f(t.last())
			}
			return v
		}
		wrong := ends(func(m moment) float64 { return 100 * m.Error })
		if first == nil {
			first = wrong
		}
		row := []any{r.Name, fmt.Sprintf("%.2f%%", stat.Mean(wrong, nil)), fmt.Sprintf("%.2f", spread(wrong)),
			fmt.Sprintf("%.2f", floats.Min(wrong)), fmt.Sprintf("%.2f", floats.Max(wrong)), aboveFirst(wrong, first),
			fmt.Sprintf("%.2f%%", stat.Mean(ends(func(m moment) float64 { return 100 * m.Training }), nil)),
			fmt.Sprintf("%.3f", stat.Mean(ends(func(m moment) float64 { return m.Likelihood }), nil))}
		if r.Gaussian {
			low, high := stat.Mean(ends(func(m moment) float64 { return *m.Low }), nil), stat.Mean(ends(func(m moment) float64 { return *m.High }), nil)
			row = append(row, fmt.Sprintf("%.2f to %.2f", low, high))
			critic := ""
			if r.MINE > 0 {
				critic = fmt.Sprintf("%.2f", stat.Mean(ends(func(m moment) float64 { return *m.Critic }), nil))
			}
			row = append(row, critic)
			for _, f := range []*fresh{runs[0].Before, runs[0].After} {
				if f == nil {
					continue
				}
				row = append(row, fmt.Sprintf("%.2f ± %.2f", f.Estimate, f.StdErr))
			}
		}
		text.AppendRow(row)
		errorPanel.Curves = append(errorPanel.Curves, curveOf(r.Name, runs, 1, func(m moment) float64 { return 100 * m.Error }))
		information := figure.Curve{Name: r.Name} // empty, but every classifier keeps its colour
		if r.Gaussian {
			information = curveOf(r.Name, runs, 0, func(m moment) float64 { return *m.High })
		}
		infoPanel.Curves = append(infoPanel.Curves, information)
		if r.MINE > 0 {
			infoPanel.Curves = append(infoPanel.Curves, curveOf("MINE, its critic", runs, 0, func(m moment) float64 { return *m.Critic }))
		}
	}
	note := fmt.Sprintf("%d pictures to train on, %d to judge; means over seeds; spread is the standard deviation. How much\n"+
		"more is a mean over seeds with its standard error. Information in nats;\n"+
		"its lower bound from the code's law is at most ln 1000 = 6.91, fresh estimates are those of the first seed.\n\n", train.Pixels.Rows, judge.Pixels.Rows)
	const name = "bottleneck"
	return experiment.Results{Name: name, Data: struct {
		Recipes []recipe  `json:"recipes"`
		Sizes   sizes     `json:"sizes"`
		Rows    int       `json:"rows"`
		Judge   string    `json:"judged_by"`
		Of      int       `json:"judged_rows"`
		Runs    []trained `json:"runs"`
	}{recipes, size, train.Pixels.Rows, judged, judge.Pixels.Rows, all}, Markdown: note + text.RenderMarkdown(), Pictures: func(dir string) error {
		return figure.Save(filepath.Join(dir, name+".png"), 2, errorPanel, infoPanel)
	}}
}

// aboveFirst formats the mean of v - first, pair by pair, and its standard
// error.
func aboveFirst(v, first []float64) string {
	d := make([]float64, len(v))
	floats.SubTo(d, v, first)
	return fmt.Sprintf("%.2f ± %.2f", stat.Mean(d, nil), spread(d)/math.Sqrt(float64(len(d))))
}

// spread returns the standard deviation, 0 of a single value.
func spread(v []float64) float64 {
	if len(v) < 2 {
		return 0
	}
	return stat.StdDev(v, nil)
}

// curveOf returns the mean of runs over the epochs, in a band of one standard
// deviation each way, from look number first on.
func curveOf(name string, runs []trained, first int, f func(moment) float64) figure.Curve {
	c := figure.Curve{Name: name}
	for k := first; k < len(runs[0].Curve); k++ {
		v := make([]float64, len(runs))
		for i, t := range runs {
			v[i] = f(t.Curve[k])
		}
		c.X = append(c.X, float64(runs[0].Curve[k].Epoch))
		addBand(&c, v)
	}
	return c
}

// addBand adds to a curve the mean of values, and a standard deviation each way.
func addBand(c *figure.Curve, values []float64) {
	mean, sd := stat.Mean(values, nil), spread(values)
	c.Y, c.Low, c.High = append(c.Y, mean), append(c.Low, mean-sd), append(c.High, mean+sd)
}
