package bidirectional

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"gomine/bench/internal/experiment"
	"gomine/bench/paper/internal/nets"
	"gomine/mine/backend"
)

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

// Command is the experiment.
func Command() *cobra.Command {
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
			err := nets.EachRun(cmd.Context(), &opt.Flags, len(all), func(ctx context.Context, b backend.Backend, run int) error {
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
			return opt.Write(cmd, nets.Program, inferenceResults(subjects, methods, opt.inferenceSizes, all))
		},
	}
	opt.register(cmd)
	return cmd
}
