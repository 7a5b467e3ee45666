package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/stat"

	"gomine/bench/internal/report"
	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/simulate"
)

// A coverageCase asks how often the interval from a test sample contains the
// bound of a fixed critic.
type coverageCase struct {
	Name   string
	Family string
	Params simulate.Params
	Rows   int // of each repetition
}

var coverageCases = []coverageCase{
	{"gaussian 1-d, rho .9", "gaussian", simulate.Params{Dim: 1, Rho: 0.9}, 2000},
	{"gaussian 20-d, rho .5", "gaussian", simulate.Params{Dim: 20, Rho: 0.5}, 20_000},
	{"x^3 + noise 2-d, s .3", "function-cubic", simulate.Params{Dim: 2, Noise: 0.3}, 2000},
}

// covered is what the repetitions of one case gave.
type covered struct {
	Name        string  `json:"name"`
	Rows        int     `json:"rows"`
	Repetitions int     `json:"repetitions"`
	Seeds       int     `json:"seeds"`
	Bound       float64 `json:"bound"`     // of the critic of the last seed, from other samples
	BoundErr    float64 `json:"bound_err"` // its standard error
	Coverage    float64 `json:"coverage"`  // share of intervals that contain it
	OneSided    float64 `json:"one_sided"` // share of lower bounds below it
	MeanStdErr  float64 `json:"mean_std_err"`
	Spread      float64 `json:"spread"` // standard deviation of the estimates
}

func coverageCommand() *cobra.Command {
	var opt struct {
		seeds, repetitions, threads int
		json                        bool
	}
	cmd := &cobra.Command{
		Use:   "coverage",
		Short: "How often the interval contains the bound of the critic",
		Long: "Trains one critic per case and seed, finds its bound from a million fresh rows, and\n" +
			"counts how many intervals from small fresh samples contain it. With 400 repetitions\n" +
			"the count itself has a standard error of 1.1 points at 95%.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opt.seeds < 1 || opt.repetitions < 2 {
				return fmt.Errorf("--seeds is %d and --repetitions %d, want at least 1 and 2", opt.seeds, opt.repetitions)
			}
			var all []covered
			for _, c := range coverageCases {
				r, err := c.run(cmd.Context(), opt.seeds, opt.repetitions, opt.threads)
				if err != nil {
					return fmt.Errorf("%s: %w", c.Name, err)
				}
				fmt.Fprintf(os.Stderr, "%-24s %.1f%%\n", r.Name, 100*r.Coverage)
				all = append(all, r)
			}
			if opt.json {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(all)
			}
			t := report.NewTable("data", "rows", "bound", "std err", "spread", "95% interval covers", "lower bound holds")
			for _, r := range all {
				t.AppendRow(table.Row{r.Name, r.Rows, num(r.Bound), num(r.MeanStdErr), num(r.Spread),
					fmt.Sprintf("%.1f%%", 100*r.Coverage), fmt.Sprintf("%.1f%%", 100*r.OneSided)})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d repetitions for each of %d critics a row\n%s\n", opt.repetitions, opt.seeds, t.Render())
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&opt.seeds, "seeds", 1, "number of critics per case, seeds 1 to N")
	f.IntVar(&opt.repetitions, "repetitions", 400, "samples per critic")
	f.IntVar(&opt.threads, "threads", 0, "threads, 0 for all processors")
	f.BoolVar(&opt.json, "json", false, "print JSON instead of a table")
	return cmd
}

func (c coverageCase) run(ctx context.Context, seeds, repetitions, threads int) (covered, error) {
	const trainRows = 50_000
	law, err := simulate.New(c.Family, c.Params, "", "")
	if err != nil {
		return covered{}, err
	}
	out := covered{Name: c.Name, Rows: c.Rows, Repetitions: repetitions, Seeds: seeds}
	var stdErrs, spreads []float64
	for seed := 1; seed <= seeds; seed++ {
		// Rows of the law are numbered: those of training, of the bound and of
		// the repetitions differ.
		next := 0
		sample := func(rows int) (x, z column.Source, err error) {
			xs, zs := make([]float64, rows*law.DX), make([]float64, rows*law.DZ)
			err = law.Fill(next, uint64(seed), xs, zs)
			next += rows
			return column.RowMajor(xs, law.DX), column.RowMajor(zs, law.DZ), err
		}
		x, z, err := sample(trainRows)
		if err != nil {
			return out, err
		}
		cfg := mine.SingleConfig(trainRows, mine.DefaultConfig(trainRows).Candidates[0])
		cfg.Steps = 1000
		cfg.TestPairs = 50 * c.Rows // as many a row as a default estimate from 20,000 test rows
		cfg.Seed = uint64(seed)
		critic, _, err := mine.Fit(ctx, x, z, cfg, mine.WithThreads(threads))
		if err != nil {
			return out, err
		}
		defer critic.Close()
		evaluate := func() (mine.Bound, error) {
			x, z, err := sample(c.Rows)
			if err != nil {
				return mine.Bound{}, err
			}
			return critic.Evaluate(ctx, x, z)
		}
		// The bound is the mean over twice as many samples of the same kind, so that
		// its error is a thirtieth of a repetition's. A mean of estimates differs from
		// the bound by half the variance of one, which is nothing to that.
		others := make([]float64, 2*repetitions)
		for i := range others {
			b, err := evaluate()
			if err != nil {
				return out, err
			}
			others[i] = b.Estimate
		}
		truth, sd := stat.MeanStdDev(others, nil)
		out.Bound, out.BoundErr = truth, stat.StdErr(sd, float64(len(others)))
		var estimates []float64
		for range repetitions {
			b, err := evaluate()
			if err != nil {
				return out, err
			}
			estimates = append(estimates, b.Estimate)
			stdErrs = append(stdErrs, b.StdErr)
			if b.Low <= truth && truth <= b.High {
				out.Coverage++
			}
			if b.LowerBound <= truth {
				out.OneSided++
			}
		}
		spreads = append(spreads, math.Pow(stat.StdDev(estimates, nil), 2))
	}
	n := float64(seeds * repetitions)
	out.Coverage /= n
	out.OneSided /= n
	out.MeanStdErr = stat.Mean(stdErrs, nil)
	out.Spread = math.Sqrt(stat.Mean(spreads, nil))
	return out, nil
}
