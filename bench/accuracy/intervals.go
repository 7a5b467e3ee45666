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
		sets        int
		only        regexp.Regexp
		json, quick bool
	}
	cmd := &cobra.Command{
		Use:   "intervals",
		Short: "How often the interval of a default estimate contains the bound of its critics",
		Long: "Takes default estimates, with race, folds and weights, of independent data sets. The\n" +
			"interval is for the bound of the critics that the estimate came to, which is found\n" +
			"from fresh rows; the lower bound is for the information itself. With 400 data sets a\n" +
			"share has a standard error of 1.1 points at 95%.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opt.quick {
				opt.rows, opt.sets = []int{300}, 2
			}
			if opt.sets < 2 {
				return fmt.Errorf("--sets is %d, want at least 2", opt.sets)
			}
			var all []intervalOutcome
			for _, rows := range opt.rows {
				for _, c := range intervalCases {
					if !opt.only.MatchString(c.Name) {
						continue
					}
					c.Rows = rows
					o, err := c.intervals(cmd.Context(), opt.sets)
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
			fmt.Fprintf(cmd.OutOrStdout(), "%d data sets a row\n%s\n", opt.sets, t.Render())
			return nil
		},
	}
	f := cmd.Flags()
	f.IntSliceVar(&opt.rows, "rows", []int{300, 1000}, "rows of a data set")
	f.IntVar(&opt.sets, "sets", 400, "data sets for each case and number of rows, seeds 1 to N")
	f.TextVar(&opt.only, "only", anything, "`regexp` that names of cases have to match")
	f.BoolVar(&opt.json, "json", false, "print JSON instead of a table")
	f.BoolVar(&opt.quick, "quick", false, "two data sets of 300 rows: shows that it works, no more")
	return cmd
}

// intervals takes the estimates, one on each processor.
func (t task) intervals(ctx context.Context, sets int) (intervalOutcome, error) {
	law, err := simulate.New(t.Family, t.Params, t.MapX, t.MapZ)
	if err != nil {
		return intervalOutcome{}, err
	}
	out := intervalOutcome{Name: t.Name, Rows: t.Rows, Truth: law.Truth}
	out.Intervals, err = sideBySide(ctx, sets, func(ctx context.Context, i int) (interval, error) {
		return intervalOf(ctx, law, t.Rows, uint64(i+1))
	})
	if err != nil {
		return out, err
	}
	var estimates, stdErrs, deviations []float64
	for _, v := range out.Intervals {
		b := v.Bound
		estimates, stdErrs, deviations = append(estimates, b.Estimate), append(stdErrs, b.StdErr), append(deviations, b.Estimate-v.Critic)
		if b.Low <= v.Critic && v.Critic <= b.High {
			out.Coverage += 1 / float64(sets)
		}
		if b.LowerBound <= out.Truth {
			out.OneSided += 1 / float64(sets)
		}
	}
	out.Mean, out.MeanStdErr, out.Deviation = stat.Mean(estimates, nil), stat.Mean(stdErrs, nil), stat.StdDev(deviations, nil)
	return out, nil
}

// intervalOf takes one estimate, and finds the bound of its critics from ten times as many
// fresh rows, 20,000 at least, which adds 5% to its error at most.
func intervalOf(ctx context.Context, law *simulate.Task, rows int, seed uint64) (interval, error) {
	draw := func(lo, n int) (x, z column.Source, err error) {
		xs, zs := make([]float64, n*law.DX), make([]float64, n*law.DZ)
		err = law.Fill(lo, seed, xs, zs)
		return column.RowMajor(xs, law.DX), column.RowMajor(zs, law.DZ), err
	}
	x, z, err := draw(0, rows)
	if err != nil {
		return interval{}, err
	}
	cfg := mine.DefaultConfig(rows)
	cfg.Seed = seed
	critic, r, err := mine.Fit(ctx, x, z, cfg, mine.WithThreads(1))
	if err != nil {
		return interval{}, err
	}
	defer critic.Close()
	if x, z, err = draw(rows, max(20_000, 10*rows)); err != nil {
		return interval{}, err
	}
	out := interval{Bound: r.Bound}
	for f := range r.Folds {
		b, err := critic.Fold(f).Evaluate(ctx, x, z)
		if err != nil {
			return interval{}, err
		}
		out.Critic += b.Estimate / float64(len(r.Folds))
	}
	return out, nil
}
