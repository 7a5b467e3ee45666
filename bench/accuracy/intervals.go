package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/stat"

	"gomine/bench/internal/report"
	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/simulate"
)

// intervalCases are laws without dependence, with light and with heavy tails.
var intervalCases = []task{
	{Name: "independent 2+2-d", Family: "independent", Params: simulate.Params{DimX: 2, DimZ: 2}},
	{Name: "gaussian 1-d, rho .9", Family: "gaussian", Params: simulate.Params{Dim: 1, Rho: 0.9}},
	{Name: "gaussian 5-d, I = 2", Family: "gaussian", Params: simulate.Params{Dim: 5, Info: 2}},
	{Name: "student 2+2-d, nu 2", Family: "student", Params: simulate.Params{DimX: 2, DimZ: 2, Nu: 2}},
	{Name: "student 1+1-d, nu 1, rho .7", Family: "student", Params: simulate.Params{DimX: 1, DimZ: 1, Nu: 1, Rho: 0.7}},
}

// An interval is what one data set gave.
type interval struct {
	Bound  mine.Bound `json:"bound"`
	Critic float64    `json:"critic"` // the bound of the same critics, from fresh rows
}

// intervalOutcome is what the data sets of a case gave.
type intervalOutcome struct {
	Name       string     `json:"name"`
	Rows       int        `json:"rows"`
	Seed       uint64     `json:"seed"` // of the first data set
	Truth      float64    `json:"truth"`
	Mean       float64    `json:"mean"`
	Coverage   float64    `json:"coverage"`  // share of intervals that contain the bound of the critics
	OneSided   float64    `json:"one_sided"` // share of lower bounds at most the truth
	MeanStdErr float64    `json:"mean_std_err"`
	Deviation  float64    `json:"deviation"` // standard deviation of estimate less bound of the critics
	Intervals  []interval `json:"intervals"`
}

func intervalsCommand() *cobra.Command {
	var opt struct {
		rows        []int
		only        regexp.Regexp
		json, quick bool
		drawn       drawnIntervals
	}
	cmd := &cobra.Command{
		Use:   "intervals",
		Short: "How often the interval of a default estimate contains the bound of its critics",
		Long: "Takes default estimates, with race, folds and weights, of independent data sets. The\n" +
			"interval is for the bound of the critics that the estimate came to, which is found\n" +
			"from fresh rows; the lower bound is for the information itself. With 400 data sets a\n" +
			"share has a standard error of 1.1 points at 95%. Intervals hold for any critics, so\n" +
			"that --set may make trainings short; few test_pairs would add an error of the fresh\n" +
			"rows' bound, which is by as many, that no interval is for.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opt.quick {
				opt.rows, opt.drawn.sets = []int{300}, 2
			}
			if opt.drawn.sets < 2 {
				return fmt.Errorf("--sets is %d, want at least 2", opt.drawn.sets)
			}
			var all []intervalOutcome
			for _, rows := range opt.rows {
				for _, c := range intervalCases {
					if !opt.only.MatchString(c.Name) {
						continue
					}
					c.Rows = rows
					o, err := c.intervals(cmd.Context(), opt.drawn)
					if err != nil {
						return fmt.Errorf("%s, %d rows: %w", c.Name, rows, err)
					}
					fmt.Fprintf(os.Stderr, "%-24s %6d rows  covered %.1f%%  lower bound holds %.1f%%\n", o.Name, o.Rows, 100*o.Coverage, 100*o.OneSided)
					all = append(all, o)
				}
			}
			if opt.json {
				enc := json.NewEncoder(cmd.OutOrStdout())
				return enc.Encode(all)
			}
			t := report.NewTable("data", "rows", "truth", "mean", "std err", "deviation", "95% interval covers", "lower bound holds")
			for _, o := range all {
				t.AppendRow(table.Row{o.Name, o.Rows, num(o.Truth), num(o.Mean), num(o.MeanStdErr), num(o.Deviation),
					fmt.Sprintf("%.1f%%", 100*o.Coverage), fmt.Sprintf("%.1f%%", 100*o.OneSided)})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d data sets a row\n%s\n", opt.drawn.sets, t.Render())
			return nil
		},
	}
	f := cmd.Flags()
	f.IntSliceVar(&opt.rows, "rows", []int{300, 1000}, "rows of a data set")
	f.IntVar(&opt.drawn.sets, "sets", 400, "data sets for each case and number of rows")
	f.Uint64Var(&opt.drawn.seed, "seed", 1, "seed of the first data set, of the next one more")
	f.StringVar(&opt.drawn.set, "set", "", setUsage)
	f.TextVar(&opt.only, "only", anything, "`regexp` that names of cases have to match")
	f.BoolVar(&opt.json, "json", false, "print JSON instead of a table")
	f.BoolVar(&opt.quick, "quick", false, "two data sets of 300 rows: shows that it works, no more")
	return cmd
}

// drawnIntervals are the data sets of each case, and what their estimates change of the
// default configuration.
type drawnIntervals struct {
	sets int
	seed uint64 // of the first
	set  string
}

// intervals takes the estimates, one on each processor.
func (t task) intervals(ctx context.Context, d drawnIntervals) (intervalOutcome, error) {
	law, err := simulate.New(t.Family, t.Params, t.MapX, t.MapZ)
	if err != nil {
		return intervalOutcome{}, err
	}
	out := intervalOutcome{Name: t.Name, Rows: t.Rows, Seed: d.seed, Truth: law.Truth}
	out.Intervals, err = sideBySide(ctx, d.sets, func(ctx context.Context, i int) (interval, error) {
		cfg := mine.DefaultConfig(t.Rows)
		cfg.Seed = d.seed + uint64(i)
		if err := change(&cfg, d.set); err != nil {
			return interval{}, err
		}
		return intervalOf(ctx, law, t.Rows, cfg)
	})
	if err != nil {
		return out, err
	}
	var estimates, stdErrs, deviations []float64
	for _, v := range out.Intervals {
		b := v.Bound
		estimates, stdErrs, deviations = append(estimates, b.Estimate), append(stdErrs, b.StdErr), append(deviations, b.Estimate-v.Critic)
		if b.Low <= v.Critic && v.Critic <= b.High {
			out.Coverage += 1 / float64(d.sets)
		}
		if b.LowerBound <= out.Truth {
			out.OneSided += 1 / float64(d.sets)
		}
	}
	out.Mean, out.MeanStdErr, out.Deviation = stat.Mean(estimates, nil), stat.Mean(stdErrs, nil), stat.StdDev(deviations, nil)
	return out, nil
}

// intervalOf takes one estimate, and finds the bound of its critics from ten times as many
// fresh rows, 20,000 at least, which adds 5% to its error at most. Each fold's critic has
// its own share of them: their errors are then independent, and the mean over the folds is
// as close as if each had all.
func intervalOf(ctx context.Context, law *simulate.Task, rows int, cfg mine.Config) (interval, error) {
	draw := func(lo, n int) (x, z column.Source, err error) {
		xs, zs := make([]float64, n*law.DX), make([]float64, n*law.DZ)
		err = law.Fill(lo, cfg.Seed, xs, zs)
		return column.RowMajor(xs, law.DX), column.RowMajor(zs, law.DZ), err
	}
	x, z, err := draw(0, rows)
	if err != nil {
		return interval{}, err
	}
	critic, r, err := mine.Fit(ctx, x, z, cfg, mine.WithThreads(1))
	if err != nil {
		return interval{}, err
	}
	defer critic.Close()
	out := interval{Bound: r.Bound}
	share := max(20_000, 10*rows) / len(r.Folds)
	for f := range r.Folds {
		if x, z, err = draw(rows+f*share, share); err != nil {
			return interval{}, err
		}
		b, err := critic.Fold(f).Evaluate(ctx, x, z)
		if err != nil {
			return interval{}, err
		}
		out.Critic += b.Estimate / float64(len(r.Folds))
	}
	return out, nil
}
