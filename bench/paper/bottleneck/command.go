// Package bottleneck repeats the MINE paper's fifth experiment (section 5.3):
// does a classifier err less when its code is penalised by information?
package bottleneck

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gomine/bench/internal/digits"
	"gomine/bench/internal/experiment"
	"gomine/bench/paper/internal/nets"
	"gomine/mine/backend"
)

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
			judge = digits.Render(o.testRows, nets.Seed(o.Seed, 1<<20), side)
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
	return digits.Set{Size: s.Size, Pixels: nets.RowsOf(s.Pixels, lo, hi-lo), Labels: s.Labels[lo:hi]}
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

// Command is the experiment.
func Command() *cobra.Command {
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
			err = nets.EachRun(cmd.Context(), &opt.Flags, len(all), func(ctx context.Context, b backend.Backend, run int) error {
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
			return opt.Write(cmd, nets.Program, bottleneckResults(recipes, opt.sizes, opt.validate, train, judge, all))
		},
	}
	opt.register(cmd)
	return cmd
}
