package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/stat"

	"gomine/bench/internal/experiment"
	"gomine/bench/internal/figure"
	"gomine/bench/internal/report"
	"gomine/mine/backend"
	"gomine/mine/simulate"
)

// A point of the sweep is one law at one number of rows and one way to train,
// over all seeds.
type point struct {
	Family    string    `json:"family"`
	Map       string    `json:"map,omitempty"` // of both sides
	Dim       int       `json:"dim"`
	Rows      int       `json:"rows"`
	Objective string    `json:"objective"` // or "race"
	Truth     float64   `json:"truth"`
	Estimates []float64 `json:"estimates"`
	StdErrs   []float64 `json:"std_errs"`
	Seconds   []float64 `json:"seconds"`
}

func (p point) law() string {
	if p.Map != "" {
		return p.Family + ", " + p.Map + " map"
	}
	return p.Family
}

func (p point) panel() string { return fmt.Sprintf("%s, %d + %d columns", p.law(), p.Dim, p.Dim) }

// A family of the sweep reaches a mutual information by one of its parameters:
// information in nats, or the strength of its noise.
type swept struct {
	family, mapped string
	dims           []int
	infos          []float64 // to reach, or
	noises         []float64 // to set
}

var sweepFamilies = []swept{
	{family: "gaussian", dims: []int{1, 5, 20, 100}, infos: []float64{0, 0.25, 0.5, 1, 2, 3, 4, 6, 8}},
	{family: "gaussian", mapped: "cubic", dims: []int{1, 5, 20}, infos: []float64{0.25, 0.5, 1, 2, 3, 4, 6, 8}},
	{family: "gaussian", mapped: "asinh", dims: []int{20}, infos: []float64{0.5, 1, 2, 4, 6, 8}},
	{family: "channel", dims: []int{1, 20, 500}, infos: []float64{0.5, 1, 2, 4}},
	{family: "uniform-noise", dims: []int{1}, noises: []float64{2, 0.75, 0.4, 0.2, 0.1, 0.05, 0.02}},
	{family: "binary-channel", dims: []int{1}, noises: []float64{2, 1, 0.7, 0.4472135955, 0.3}},
	{family: "function-linear", dims: []int{2}, noises: []float64{0.1, 0.2, 0.3, 0.5, 0.7, 0.9}},
	{family: "function-cubic", dims: []int{2}, noises: []float64{0.1, 0.2, 0.3, 0.5, 0.7, 0.9}},
	{family: "function-sine", dims: []int{2}, noises: []float64{0.1, 0.2, 0.3, 0.5, 0.7, 0.9}},
	{family: "student", dims: []int{2}, noises: []float64{1, 2, 5}}, // degrees of freedom
}

// law returns the family's law of a dimension and a value of what it varies.
func (s swept) law(dim int, value float64) (*simulate.Task, error) {
	family, params := s.family, simulate.Params{Dim: dim, Noise: value}
	switch {
	case s.infos != nil && value == 0:
		family, params = "independent", simulate.Params{DimX: dim, DimZ: dim}
	case s.infos != nil:
		params = simulate.Params{Dim: dim, Info: value}
	case s.family == "student":
		params = simulate.Params{DimX: dim, DimZ: dim, Nu: value}
	}
	return simulate.New(family, params, s.mapped, s.mapped)
}

func sweepCommand() *cobra.Command {
	var opt struct {
		experiment.Flags
		rows         []int
		objectives   []string
		only         []string
		seeds, steps int
	}
	cmd := &cobra.Command{
		Use:   "sweep",
		Short: "Estimates over families, dimension, information, rows and objective",
		Long: "Estimates every family of laws with known information over its dimensions and\n" +
			"strengths, for every number of rows and every objective, once per seed. Writes\n" +
			"sweep.json, sweep.md and one picture per family and dimension: the estimates\n" +
			"against the truth, with a band of one standard deviation over the seeds.\n" +
			"\"race\" stands for the default settings.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opt.Quick {
				experiment.Default(cmd.Flags(), "rows", &opt.rows, []int{2000})
				experiment.Default(cmd.Flags(), "objectives", &opt.objectives, []string{"js"})
				experiment.Default(cmd.Flags(), "only", &opt.only, []string{"uniform-noise", "binary-channel"})
				experiment.Default(cmd.Flags(), "seeds", &opt.seeds, 1)
				experiment.Default(cmd.Flags(), "steps", &opt.steps, 400)
			}
			if opt.seeds < 1 {
				return fmt.Errorf("--seeds is %d, want at least 1", opt.seeds)
			}
			b, err := opt.Open()
			if err != nil {
				return err
			}
			defer b.Close()
			var points []point
			for _, family := range sweepFamilies {
				if len(opt.only) > 0 && !slices.Contains(opt.only, family.family) {
					continue
				}
				for _, rows := range opt.rows {
					for _, objective := range opt.objectives {
						more, err := family.sweep(cmd.Context(), b, rows, objective, opt.seeds, opt.steps, opt.Quick, opt.Seed, cmd.ErrOrStderr())
						if err != nil {
							return fmt.Errorf("%s, %d rows, %s: %w", family.family, rows, objective, err)
						}
						points = append(points, more...)
					}
				}
			}
			return opt.Write(cmd, program, experiment.Results{
				Name: "sweep", Data: points, Markdown: sweepTable(points),
				Pictures: func(dir string) error { return drawSweep(dir, points) },
			})
		},
	}
	f := cmd.Flags()
	opt.Register(f)
	f.IntSliceVar(&opt.rows, "rows", []int{10_000, 100_000}, "numbers of rows")
	f.StringSliceVar(&opt.objectives, "objectives", []string{"race"}, "objectives: race, dv, mine, nwj, js")
	f.StringSliceVar(&opt.only, "only", nil, "families, all if empty")
	f.IntVar(&opt.seeds, "seeds", 5, "number of seeds")
	f.IntVar(&opt.steps, "steps", 0, "training steps, 0 for the default")
	return cmd
}

// sweep estimates all laws of the family.
func (s swept) sweep(ctx context.Context, b backend.Backend, rows int, objective string, seeds, steps int, quick bool, first uint64, log io.Writer) ([]point, error) {
	var points []point
	for _, dim := range s.dims {
		for _, value := range slices.Concat(s.infos, s.noises) {
			law, err := s.law(dim, value)
			if err != nil {
				return nil, err
			}
			p := point{Family: s.family, Map: s.mapped, Dim: dim, Rows: rows, Objective: objective, Truth: law.Truth}
			for i := range seeds {
				cfg, err := configFor(rows, objective, steps, quick, first+uint64(i))
				if err != nil {
					return nil, err
				}
				began := time.Now()
				r, err := estimateLaw(ctx, b, law, rows, cfg)
				if err != nil {
					return nil, fmt.Errorf("truth %.3f: %w", law.Truth, err)
				}
				p.Estimates = append(p.Estimates, r.Estimate)
				p.StdErrs = append(p.StdErrs, r.StdErr)
				p.Seconds = append(p.Seconds, time.Since(began).Seconds())
			}
			fmt.Fprintf(log, "%-40s %8d rows  %-5s truth %6.3f  estimates %.3f\n", p.panel(), rows, objective, p.Truth, p.Estimates)
			points = append(points, p)
		}
	}
	return points, nil
}

func sweepTable(points []point) string {
	t := report.NewTable("data", "columns", "rows", "objective", "truth", "mean", "spread", "std err", "error", "seconds")
	for _, p := range points {
		mean, spread := meanSpread(p.Estimates)
		t.AppendRow([]any{p.law(), fmt.Sprintf("%d + %d", p.Dim, p.Dim), p.Rows, p.Objective, num(p.Truth), num(mean), num(spread),
			num(report.Median(p.StdErrs)), num(mean - p.Truth), fmt.Sprintf("%.1f", report.Median(p.Seconds))})
	}
	return t.RenderMarkdown()
}

// meanSpread returns the mean and the standard deviation, 0 of one value.
func meanSpread(v []float64) (mean, spread float64) {
	if len(v) == 1 {
		return v[0], 0
	}
	return stat.MeanStdDev(v, nil)
}

// drawSweep draws each family and dimension.
func drawSweep(dir string, points []point) error {
	panels := map[string][]point{}
	var names []string
	for _, p := range points {
		if panels[p.panel()] == nil {
			names = append(names, p.panel())
		}
		panels[p.panel()] = append(panels[p.panel()], p)
	}
	for _, name := range names {
		group := panels[name]
		panel := figure.Panel{Title: name, X: "true mutual information (nats)", Y: "estimate (nats)", Square: true}
		truth := figure.Curve{Name: "truth", Reference: true}
		curves := map[string]*figure.Curve{}
		var order []string
		slices.SortStableFunc(group, func(a, b point) int { return cmp.Compare(a.Truth, b.Truth) })
		for _, p := range group {
			key := fmt.Sprintf("%s, %d rows", p.Objective, p.Rows)
			c := curves[key]
			if c == nil {
				c = &figure.Curve{Name: key}
				curves[key] = c
				order = append(order, key)
			}
			mean, spread := meanSpread(p.Estimates)
			c.X, c.Y = append(c.X, p.Truth), append(c.Y, mean)
			c.Low, c.High = append(c.Low, mean-spread), append(c.High, mean+spread)
			truth.X, truth.Y = append(truth.X, p.Truth), append(truth.Y, p.Truth)
		}
		panel.Curves = []figure.Curve{truth}
		for _, key := range order {
			panel.Curves = append(panel.Curves, *curves[key])
		}
		file := strings.NewReplacer(" ", "-", ",", "").Replace(fmt.Sprintf("sweep-%s-%d.png", group[0].law(), group[0].Dim))
		if err := figure.Save(filepath.Join(dir, file), 1, panel); err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, "wrote", filepath.Join(dir, file))
	}
	return nil
}
