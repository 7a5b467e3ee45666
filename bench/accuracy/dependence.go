package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/stat"

	"gomine/bench/internal/report"
	"gomine/mine"
	"gomine/mine/column"
)

// A dependentCase is rows that depend on each other: two first-order autoregressive series
// of coefficient Phi and unit variance, rows of which have the correlation Rho, or
// independent rows of which each is there Copies times.
type dependentCase struct {
	Name   string  `json:"name"`
	Rows   int     `json:"rows"` // with the copies
	Phi    float64 `json:"phi"`
	Rho    float64 `json:"rho"`
	Copies int     `json:"copies"`
}

// truth is the information of a row of x about that of z.
func (c dependentCase) truth() float64 { return math.Log(1/(1-c.Rho*c.Rho)) / 2 }

// dependentCases are those of some numbers of rows.
func dependentCases(rows []int) []dependentCase {
	var all []dependentCase
	for _, n := range rows {
		for _, phi := range []float64{0, 0.5, 0.9, 0.99} {
			all = append(all, dependentCase{fmt.Sprintf("independent series, phi %g", phi), n, phi, 0, 1})
		}
		all = append(all, dependentCase{"correlated series, phi .9, rho .6", n, 0.9, 0.6, 1})
		for _, copies := range []int{1, 2, 10} {
			all = append(all, dependentCase{fmt.Sprintf("rho .6, rows %d times", copies), n / 10 * copies, 0, 0.6, copies})
		}
	}
	return all
}

// dependent is what the repetitions of a case gave.
type dependent struct {
	dependentCase
	Truth       float64 `json:"truth"`
	Repetitions int     `json:"repetitions"`
	Mean        float64 `json:"mean"`
	MeanStdErr  float64 `json:"mean_std_err"`
	Spread      float64 `json:"spread"`     // standard deviation of the estimates
	Above       float64 `json:"above"`      // share of the lower bounds that are above the truth
	MeanBound   float64 `json:"mean_bound"` // of the lower bounds
	Kinds       string  `json:"kinds"`      // how often each split was chosen
	Unresolved  float64 `json:"unresolved"` // share in which nothing could be said
}

func dependenceCommand() *cobra.Command {
	var opt struct {
		rows        []int
		repetitions int
		split       string
		json, quick bool
	}
	cmd := &cobra.Command{
		Use:   "dependence",
		Short: "How often the bound of rows that depend on each other is above the truth",
		Long: "Takes estimates of series and of repeated rows, and counts the lower bounds that are\n" +
			"above the truth, of which 5% should be. To be fast, two candidates race for 100 steps\n" +
			"and are trained for 400 on two folds: networks of fewer steps than the default's.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opt.quick {
				opt.rows, opt.repetitions = []int{2000}, 2
			}
			if opt.repetitions < 2 {
				return fmt.Errorf("--repetitions is %d, want at least 2", opt.repetitions)
			}
			if !slices.Contains(mine.SplitKinds(), mine.SplitKind(opt.split)) {
				return fmt.Errorf("--split is %s, want one of %v", opt.split, mine.SplitKinds())
			}
			var all []dependent
			for _, c := range dependentCases(opt.rows) {
				d, err := c.run(cmd.Context(), opt.repetitions, mine.SplitKind(opt.split))
				if err != nil {
					return fmt.Errorf("%s, %d rows: %w", c.Name, c.Rows, err)
				}
				fmt.Fprintf(os.Stderr, "%-34s %6d rows  above the truth %.1f%%  %s\n", d.Name, d.Rows, 100*d.Above, d.Kinds)
				all = append(all, d)
			}
			if opt.json {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(all)
			}
			t := report.NewTable("data", "rows", "truth", "mean", "std err", "spread", "bound", "above the truth", "nothing said", "splits")
			for _, d := range all {
				t.AppendRow(table.Row{d.Name, d.Rows, num(d.Truth), num(d.Mean), num(d.MeanStdErr), num(d.Spread), num(d.MeanBound),
					fmt.Sprintf("%.1f%%", 100*d.Above), fmt.Sprintf("%.0f%%", 100*d.Unresolved), d.Kinds})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d repetitions a row\n%s\n", opt.repetitions, t.Render())
			return nil
		},
	}
	f := cmd.Flags()
	f.IntSliceVar(&opt.rows, "rows", []int{2000, 20_000}, "rows of a data set")
	f.IntVar(&opt.repetitions, "repetitions", 200, "data sets for each case and number of rows")
	f.StringVar(&opt.split, "split", string(mine.SplitAuto), "how rows are split, as mine estimate --split")
	f.BoolVar(&opt.json, "json", false, "print JSON instead of a table")
	f.BoolVar(&opt.quick, "quick", false, "two data sets of 2,000 rows: shows that it works, no more")
	return cmd
}

// draw draws the rows of a seed.
func (c dependentCase) draw(seed uint64) (x, z column.Source) {
	different := c.Rows / c.Copies
	r := rand.New(rand.NewPCG(seed, uint64(c.Rows)))
	series := func() []float64 {
		v := make([]float64, different)
		for i := range v {
			v[i] = r.NormFloat64()
			if i > 0 {
				v[i] = c.Phi*v[i-1] + math.Sqrt(1-c.Phi*c.Phi)*v[i]
			}
		}
		return v
	}
	a, b := series(), series()
	for i := range b {
		b[i] = c.Rho*a[i] + math.Sqrt(1-c.Rho*c.Rho)*b[i]
	}
	return column.Slices(slices.Repeat(a, c.Copies)), column.Slices(slices.Repeat(b, c.Copies))
}

// config is a short training.
func (c dependentCase) config(seed uint64, split mine.SplitKind) mine.Config {
	cfg := mine.ConfigFor(c.Rows, mine.Fast)
	cfg.Candidates = []mine.Candidate{cfg.Candidates[0], cfg.Candidates[3]}
	cfg.RaceSteps, cfg.Steps, cfg.EvaluateEvery, cfg.TestPairs = 100, 400, 50, 200_000
	cfg.Seed, cfg.Split = seed, split
	return cfg
}

// run takes the estimates, one on each processor.
func (c dependentCase) run(ctx context.Context, repetitions int, split mine.SplitKind) (dependent, error) {
	out := dependent{dependentCase: c, Truth: c.truth(), Repetitions: repetitions}
	results, err := sideBySide(ctx, repetitions, func(ctx context.Context, i int) (mine.Result, error) {
		x, z := c.draw(uint64(i))
		return mine.Estimate(ctx, x, z, c.config(uint64(i), split), mine.WithThreads(1))
	})
	if err != nil {
		return out, err
	}
	kinds := map[mine.SplitKind]int{}
	var estimates, stdErrs, bounds []float64
	for _, r := range results {
		estimates, stdErrs, bounds = append(estimates, r.Estimate), append(stdErrs, r.StdErr), append(bounds, r.LowerBound)
		kinds[r.Split.Kind]++
		if r.LowerBound > out.Truth {
			out.Above += 1 / float64(repetitions)
		}
		if r.Split.Unresolved {
			out.Unresolved += 1 / float64(repetitions)
		}
	}
	for _, k := range []mine.SplitKind{mine.SplitRandom, mine.SplitBlocks, mine.SplitRepeats} {
		if kinds[k] > 0 {
			out.Kinds += fmt.Sprintf("%s %d ", k, kinds[k])
		}
	}
	out.Mean, out.MeanStdErr, out.Spread, out.MeanBound = stat.Mean(estimates, nil), stat.Mean(stdErrs, nil), stat.StdDev(estimates, nil), stat.Mean(bounds, nil)
	return out, nil
}
