package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/stat"

	"gomine/bench/internal/report"
	"gomine/cpu"
	"gomine/mine"
	"gomine/mine/simulate"
)

// A task is a row of the table: data with known information, and how close
// the median of the estimates must come.
type task struct {
	Name       string
	Family     string
	Params     simulate.Params
	MapX, MapZ string
	Rows       int
	Relative   float64 // allowed error as a fraction of the truth
	Absolute   float64 // allowed error in nats, where the truth is 0
}

var tasks = []task{
	{Name: "gaussian 20-d, rho .5", Family: "gaussian", Params: simulate.Params{Dim: 20, Rho: 0.5}, Rows: 100_000, Relative: 0.03},
	{Name: "its cubic map", Family: "gaussian", Params: simulate.Params{Dim: 20, Rho: 0.5}, MapX: "cubic", MapZ: "cubic", Rows: 100_000, Relative: 0.03},
	{Name: "gaussian 1-d, rho .9", Family: "gaussian", Params: simulate.Params{Dim: 1, Rho: 0.9}, Rows: 10_000, Relative: 0.05},
	{Name: "x + noise 2-d, s .3", Family: "function-linear", Params: simulate.Params{Dim: 2, Noise: 0.3}, Rows: 50_000, Relative: 0.05},
	{Name: "x^3 + noise 2-d, s .3", Family: "function-cubic", Params: simulate.Params{Dim: 2, Noise: 0.3}, Rows: 50_000, Relative: 0.05},
	{Name: "sin x + noise 2-d, s .3", Family: "function-sine", Params: simulate.Params{Dim: 2, Noise: 0.3}, Rows: 50_000, Relative: 0.05},
	{Name: "independent 10-d", Family: "independent", Params: simulate.Params{DimX: 10, DimZ: 10}, Rows: 20_000, Absolute: 0.02},
	{Name: "gaussian 3-d, I = 1", Family: "gaussian", Params: simulate.Params{Dim: 3, Info: 1}, Rows: 10_000, Relative: 0.06},
	{Name: "gaussian 3-d, I = 2", Family: "gaussian", Params: simulate.Params{Dim: 3, Info: 2}, Rows: 10_000, Relative: 0.06},
	{Name: "gaussian 3-d, I = 3", Family: "gaussian", Params: simulate.Params{Dim: 3, Info: 3}, Rows: 10_000, Relative: 0.08},
	{Name: "channel 50-d, I = 4", Family: "channel", Params: simulate.Params{Dim: 50, Info: 4}, Rows: 200_000, Relative: 0.10},
	{Name: "gaussian 20-d, rho .728", Family: "gaussian", Params: simulate.Params{Dim: 20, Rho: 0.728}, Rows: 100_000, Relative: 0.08},
	{Name: "uniform noise, e .1", Family: "uniform-noise", Params: simulate.Params{Dim: 1, Noise: 0.1}, Rows: 10_000, Relative: 0.05},
	{Name: "student 2+2-d, nu 2", Family: "student", Params: simulate.Params{DimX: 2, DimZ: 2, Nu: 2}, Rows: 10_000, Relative: 0.15},
}

// outcome is what the seeds of one task gave.
type outcome struct {
	Name      string        `json:"name"`
	Rows      int           `json:"rows"`
	Truth     float64       `json:"truth"`
	Median    float64       `json:"median"`
	Mean      float64       `json:"mean"`
	Spread    float64       `json:"spread"` // standard deviation over the seeds
	StdErr    float64       `json:"std_err"`
	Allowed   float64       `json:"allowed"` // largest error of the median, nats
	OK        bool          `json:"ok"`
	Seconds   float64       `json:"seconds"` // median
	Winners   []string      `json:"winners"`
	Estimates []float64     `json:"estimates"`
	Results   []mine.Result `json:"results,omitempty"`
}

func defaultsCommand() *cobra.Command {
	var opt struct {
		seeds, threads int
		json, curves   bool
		only           regexp.Regexp
		set            string
	}
	cmd := &cobra.Command{
		Use:   "defaults",
		Short: "Estimates of the default settings against the truth",
		Long: "Estimates every task with the default settings, once per seed, and compares the\n" +
			"median with the truth. Seed s draws the data and seeds the training.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opt.seeds < 1 {
				return fmt.Errorf("--seeds is %d, want at least 1", opt.seeds)
			}
			var outcomes []outcome
			for _, t := range tasks {
				if !opt.only.MatchString(t.Name) {
					continue
				}
				o, err := t.run(cmd.Context(), opt.seeds, opt.threads, opt.set)
				if err != nil {
					return fmt.Errorf("%s: %w", t.Name, err)
				}
				if !opt.curves {
					o.Results = nil
				}
				fmt.Fprintf(os.Stderr, "%-24s truth %6.3f  median %6.3f  spread %.3f  %5.1f s  %s %.3f\n",
					o.Name, o.Truth, o.Median, o.Spread, o.Seconds, strings.Join(o.Winners, "; "), o.Estimates)
				outcomes = append(outcomes, o)
			}
			if opt.json {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(outcomes)
			}
			printOutcomes(cmd.OutOrStdout(), outcomes, opt.seeds)
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&opt.seeds, "seeds", 5, "number of seeds, 1 to N")
	f.IntVar(&opt.threads, "threads", 0, "threads, 0 for all processors")
	f.BoolVar(&opt.json, "json", false, "print JSON instead of a table")
	f.BoolVar(&opt.curves, "curves", false, "with --json, include every result with its curve and race")
	f.TextVar(&opt.only, "only", anything, "`regexp` that names of tasks have to match")
	f.StringVar(&opt.set, "set", "", setUsage)
	return cmd
}

func (t task) run(ctx context.Context, seeds, threads int, set string) (outcome, error) {
	law, err := simulate.New(t.Family, t.Params, t.MapX, t.MapZ)
	if err != nil {
		return outcome{}, err
	}
	device, err := cpu.Open(cpu.Options{Threads: threads})
	if err != nil {
		return outcome{}, err
	}
	defer device.Close()
	o := outcome{Name: t.Name, Rows: t.Rows, Truth: law.Truth}
	var seconds, stdErrs []float64
	for seed := 1; seed <= seeds; seed++ {
		cfg := mine.DefaultConfig(t.Rows)
		cfg.Seed = uint64(seed)
		if err := change(&cfg, set); err != nil {
			return o, err
		}
		began := time.Now()
		r, err := estimateLaw(ctx, device, law, t.Rows, cfg)
		if err != nil {
			return o, err
		}
		seconds = append(seconds, time.Since(began).Seconds())
		stdErrs = append(stdErrs, r.StdErr)
		o.Estimates = append(o.Estimates, r.Estimate)
		o.Winners = append(o.Winners, r.Winner.String())
		o.Results = append(o.Results, r)
	}
	o.Mean, o.Spread = stat.MeanStdDev(o.Estimates, nil)
	if seeds == 1 {
		o.Spread = 0
	}
	o.Median, o.Seconds, o.StdErr = report.Median(o.Estimates), report.Median(seconds), report.Median(stdErrs)
	o.Allowed = t.Absolute + t.Relative*law.Truth
	o.OK = math.Abs(o.Median-o.Truth) <= o.Allowed
	return o, nil
}

func printOutcomes(w io.Writer, outcomes []outcome, seeds int) {
	t := report.NewTable("data", "rows", "truth", "median", "mean", "spread", "std err", "error", "allowed", "seconds", "winners")
	for _, o := range outcomes {
		verdict := ""
		if !o.OK {
			verdict = "  MISSED"
		}
		t.AppendRow(table.Row{o.Name, o.Rows, num(o.Truth), num(o.Median), num(o.Mean), num(o.Spread), num(o.StdErr),
			num(o.Median-o.Truth) + verdict, num(o.Allowed), fmt.Sprintf("%.1f", o.Seconds), tally(o.Winners)})
	}
	fmt.Fprintf(w, "Estimates in nats over %d seeds, default settings\n%s\n", seeds, t.Render())
}

func num(v float64) string { return fmt.Sprintf("%.3f", v) }

// tally lists distinct entries with their counts, most frequent first.
func tally(names []string) string {
	count := map[string]int{}
	for _, n := range names {
		count[n]++
	}
	distinct := slices.Sorted(func(yield func(string) bool) {
		for n := range count {
			if !yield(n) {
				return
			}
		}
	})
	slices.SortStableFunc(distinct, func(a, b string) int { return count[b] - count[a] })
	parts := make([]string, len(distinct))
	for i, n := range distinct {
		parts[i] = fmt.Sprintf("%dx %s", count[n], n)
	}
	return strings.Join(parts, "; ")
}
