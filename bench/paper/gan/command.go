package gan

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"gomine/bench/internal/experiment"
	"gomine/bench/internal/figure"
	"gomine/bench/paper/internal/nets"
	"gomine/mine/backend"
)

// planeGAN is set as plain networks for such laws are; all but the weight is the
// same with and without information. Rates, batch, code, critic and weight were
// chosen by short trials of gan-grid with seed 1, for the modes that are covered
// with information.
var planeGAN = ganConfig{
	Noise: 1, Code: 3,
	Generator: []int{128, 128, 128}, Discriminator: []int{128, 128, 128}, Critic: []int{128},
	Batch: 64, Steps: 10_000, Rate: 2e-3, Beta1: 0.5, CriticRate: 4e-3, Weight: 3,
	Points: 10, Score: 2500,
}

// ganFlags are the flags of the experiments on lost modes.
type ganFlags struct {
	experiment.Flags
	seeds, steps int
	weight       float64
}

func (o *ganFlags) register(cmd *cobra.Command, seeds int, cfg ganConfig) {
	f := cmd.Flags()
	o.Register(f)
	f.IntVar(&o.seeds, "seeds", seeds, "runs each way, of consecutive seeds")
	f.IntVar(&o.steps, "steps", cfg.Steps, "training steps of a run")
	f.Float64Var(&o.weight, "weight", cfg.Weight, "of the information in what the generator ascends")
}

// runs trains without information and with it, every seed. Beside an error it
// returns the runs of the seeds that were complete by then.
func (o *ganFlags) runs(cmd *cobra.Command, law ganLaw, cfg ganConfig) ([]ganRun, error) {
	if o.seeds < 1 || o.steps < cfg.Points {
		return nil, fmt.Errorf("--seeds is %d and --steps %d, want at least 1 and %d", o.seeds, o.steps, cfg.Points)
	}
	if !(o.weight > 0) {
		return nil, fmt.Errorf("--weight is %g, want more than 0: without information every seed runs anyway", o.weight)
	}
	all := make([]ganRun, 2*o.seeds)
	err := nets.EachRun(cmd.Context(), &o.Flags, len(all), func(ctx context.Context, b backend.Backend, i int) error {
		c := cfg
		if i%2 == 0 {
			c.Weight = 0
		}
		var err error
		if all[i], err = trainGAN(ctx, b, law, c, o.Seed+uint64(i/2)); err != nil {
			return err
		}
		p := all[i].last()
		fmt.Fprintf(cmd.ErrOrStderr(), "seed %d, weight %g: %d of %d modes, %.2f near, divergence %.3f, bound %.2f nats, %.0f s\n",
			all[i].Seed, c.Weight, p.Modes, p.Of, p.Near, p.KL, p.Bound, all[i].Seconds)
		return nil
	})
	// What is complete when a run fails or the command is interrupted is still
	// worth having: pairs, from the first seed on.
	complete := 0
	for complete < o.seeds && all[2*complete].finished(cfg) && all[2*complete+1].finished(cfg) {
		complete++
	}
	return all[:2*complete], err
}

// planeCommand is an experiment on a law of two columns. least gives the rows
// that make a mode a covered one: a fifth of its even share.
func planeCommand(name, short, modes string, law func(least int) ganLaw, of int) *cobra.Command {
	var opt ganFlags
	cfg := planeGAN
	cmd := &cobra.Command{
		Use:   name,
		Short: short,
		Long: "Section 5.1 of the paper: a generator that is also to keep the information\n" +
			"between what it makes and a part of its input, beside one that is not. Everything\n" +
			"else is the same for both. The gradient of the information is cut to the length of\n" +
			"the other one's, at the generator's outputs over the batch.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opt.Quick {
				experiment.Default(cmd.Flags(), "seeds", &opt.seeds, 1)
				experiment.Default(cmd.Flags(), "steps", &opt.steps, 1000)
			}
			cfg.Steps, cfg.Weight = opt.steps, opt.weight
			r := ganResults{Config: cfg, Least: cfg.Score / of / 5}
			target := law(r.Least)
			var failed error
			if r.Runs, failed = opt.runs(cmd, target, cfg); len(r.Runs) == 0 {
				return failed
			}
			real := backend.NewMatrix(cfg.Score, target.columns)
			target.draw(real, opt.Seed, nets.StepScore)
			text := fmt.Sprintf("%s are covered from %d of %d rows on.\n\n%s", modes, r.Least, cfg.Score, r.table(modes))
			return errors.Join(failed, opt.Write(cmd, nets.Program, experiment.Results{Name: name, Data: r, Markdown: text, Pictures: func(dir string) error {
				if err := figure.Save(filepath.Join(dir, name+"-samples.png"), 3, r.samples(real)...); err != nil {
					return err
				}
				return figure.Save(filepath.Join(dir, name+".png"), 3, r.curves(modes)...)
			}}))
		},
	}
	opt.register(cmd, 10, cfg)
	return cmd
}

// GridCommand is the experiment on 25 Gaussians.
func GridCommand() *cobra.Command {
	return planeCommand("gan-grid", "Experiment 3: 25 Gaussians by a GAN, with and without information", "modes", gridLaw, grid.Modes())
}

// SpiralCommand is the experiment on a spiral.
func SpiralCommand() *cobra.Command {
	return planeCommand("gan-spiral", "Experiment 3: a spiral by a GAN, with and without information", "arcs", spiralLaw, spiralArcs)
}
