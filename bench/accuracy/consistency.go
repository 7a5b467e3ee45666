package main

import (
	"fmt"
	"math"
	"path/filepath"

	"github.com/spf13/cobra"

	"gomine/bench/internal/experiment"
	"gomine/bench/internal/figure"
	"gomine/bench/internal/report"
	"gomine/mine/simulate"
)

// A consistent is the error at one number of rows.
type consistent struct {
	Name      string    `json:"name"`
	Rows      int       `json:"rows"`
	Truth     float64   `json:"truth"`
	Estimates []float64 `json:"estimates"`
	StdErrs   []float64 `json:"std_errs"`
	RMSE      float64   `json:"rmse"` // root mean square error over the seeds, nats
}

var consistencyTasks = []task{
	{Name: "gaussian 1-d, rho .9", Family: "gaussian", Params: simulate.Params{Dim: 1, Rho: 0.9}},
	{Name: "gaussian 20-d, rho .5", Family: "gaussian", Params: simulate.Params{Dim: 20, Rho: 0.5}},
	{Name: "sin x + noise 2-d, s .3", Family: "function-sine", Params: simulate.Params{Dim: 2, Noise: 0.3}},
}

func consistencyCommand() *cobra.Command {
	var opt struct {
		experiment.Flags
		seeds, steps int
		most         float64
	}
	cmd := &cobra.Command{
		Use:   "consistency",
		Short: "Error of the default settings against the number of rows",
		Long: "Estimates three laws from 1,000 rows up, three numbers of rows a decade, once per\n" +
			"seed. Writes consistency.json, consistency.md and consistency.png: the root mean\n" +
			"square error against the rows.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opt.Quick {
				experiment.Default(cmd.Flags(), "seeds", &opt.seeds, 1)
				experiment.Default(cmd.Flags(), "most", &opt.most, 5000)
				experiment.Default(cmd.Flags(), "steps", &opt.steps, 300)
			}
			if opt.seeds < 1 || opt.most < 1000 {
				return fmt.Errorf("--seeds is %d and --most %g, want at least 1 and 1000", opt.seeds, opt.most)
			}
			b, err := opt.Open()
			if err != nil {
				return err
			}
			defer b.Close()
			var all []consistent
			for _, t := range consistencyTasks {
				law, err := simulate.New(t.Family, t.Params, t.MapX, t.MapZ)
				if err != nil {
					return err
				}
				for exponent := 9; ; exponent++ { // thirds of a decade from 10^3 on
					rows := int(math.Round(math.Pow(10, float64(exponent)/3)))
					if float64(rows) > opt.most {
						break
					}
					c := consistent{Name: t.Name, Rows: rows, Truth: law.Truth}
					for i := range opt.seeds {
						cfg, err := configFor(rows, "race", opt.steps, opt.Quick, opt.Seed+uint64(i))
						if err != nil {
							return err
						}
						r, err := estimateLaw(cmd.Context(), b, law, rows, cfg)
						if err != nil {
							return fmt.Errorf("%s, %d rows: %w", t.Name, rows, err)
						}
						c.Estimates = append(c.Estimates, r.Estimate)
						c.StdErrs = append(c.StdErrs, r.StdErr)
						c.RMSE += (r.Estimate - law.Truth) * (r.Estimate - law.Truth)
					}
					c.RMSE = math.Sqrt(c.RMSE / float64(opt.seeds))
					fmt.Fprintf(cmd.ErrOrStderr(), "%-24s %8d rows  truth %.3f  error %.4f\n", c.Name, rows, c.Truth, c.RMSE)
					all = append(all, c)
				}
			}
			return opt.Write(cmd, program, experiment.Results{
				Name: "consistency", Data: all, Markdown: consistencyTable(all),
				Pictures: func(dir string) error { return drawConsistency(filepath.Join(dir, "consistency.png"), all) },
			})
		},
	}
	f := cmd.Flags()
	opt.Register(f)
	f.IntVar(&opt.seeds, "seeds", 5, "number of seeds")
	f.IntVar(&opt.steps, "steps", 0, "training steps, 0 for the default")
	f.Float64Var(&opt.most, "most", 1e6, "most `rows`")
	return cmd
}

func consistencyTable(all []consistent) string {
	t := report.NewTable("data", "rows", "truth", "mean", "spread", "std err", "RMS error")
	for _, c := range all {
		mean, spread := meanSpread(c.Estimates)
		t.AppendRow([]any{c.Name, c.Rows, num(c.Truth), num(mean), num(spread), num(report.Median(c.StdErrs)), fmt.Sprintf("%.4f", c.RMSE)})
	}
	return t.RenderMarkdown()
}

func drawConsistency(path string, all []consistent) error {
	panel := figure.Panel{Title: "Error of the default settings", X: "rows", Y: "RMS error over the seeds (nats)", LogX: true, LogY: true}
	for _, t := range consistencyTasks {
		c := figure.Curve{Name: t.Name}
		for _, p := range all {
			if p.Name == t.Name {
				c.X, c.Y = append(c.X, float64(p.Rows)), append(c.Y, p.RMSE)
			}
		}
		panel.Curves = append(panel.Curves, c)
	}
	first, last := float64(all[0].Rows), float64(all[len(all)-1].Rows)
	panel.Curves = append(panel.Curves, figure.Curve{Name: "1/sqrt(rows)", Reference: true,
		X: []float64{first, last}, Y: []float64{1 / math.Sqrt(first), 1 / math.Sqrt(last)}})
	return figure.Save(path, 1, panel)
}
