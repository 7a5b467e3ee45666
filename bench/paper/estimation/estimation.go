// Package estimation repeats the MINE paper's first two experiments (sections
// 4.1 and 4.2): MINE and MINE-f beside Kraskov's estimator and the truth.
package estimation

import (
	"context"
	"fmt"
	"io"
	"math"
	"path/filepath"

	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/floats"

	"gomine/bench/internal/experiment"
	"gomine/bench/internal/figure"
	"gomine/bench/internal/report"
	"gomine/bench/paper/internal/nets"
	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/neighbours"
	"gomine/mine/objective"
	"gomine/mine/preprocess"
	"gomine/mine/simulate"
)

// A compared is one law estimated by all methods, from the same rows.
type compared struct {
	Group  string  `json:"group"` // of the picture
	At     float64 `json:"at"`    // the correlation, or the strength of the noise
	Truth  float64 `json:"truth"`
	MINE   float64 `json:"mine"`
	MINEf  float64 `json:"mine_f"`
	Race   float64 `json:"race"`    // the default settings
	StdErr float64 `json:"std_err"` // of Race
	KSG    float64 `json:"kraskov"` // from as many rows as all of MINE's together
	Rows   int     `json:"rows"`    // in all
}

// compare estimates a law from rows by every method. MINE and MINE-f train
// with the objectives of the paper's sections 3.2 and 3.1 and no race.
func compare(ctx context.Context, b backend.Backend, law *simulate.Task, rows, steps int, quick bool, seed uint64) (compared, error) {
	c := compared{Truth: law.Truth, Rows: rows}
	x, z := law.Sample(rows, seed)
	for _, method := range []struct {
		value *float64
		kind  objective.Kind
		race  bool
	}{{&c.MINE, objective.MINE, false}, {&c.MINEf, objective.NWJ, false}, {&c.Race, 0, true}} {
		cfg := mine.DefaultConfig(rows)
		if !method.race {
			cfg = mine.SingleConfig(rows, mine.Candidate{Activation: backend.Softplus, Preprocess: preprocess.Rank, Objective: method.kind.Default()})
		}
		cfg.Seed = seed
		if steps > 0 {
			cfg.Steps, cfg.RaceSteps = steps, steps/4
		}
		if quick {
			experiment.Shorten(&cfg)
		}
		r, err := mine.Estimate(ctx, column.RowMajor(x, law.DX), column.RowMajor(z, law.DZ), cfg, mine.WithBackend(b))
		if err != nil {
			return c, err
		}
		*method.value = r.Estimate
		if method.kind == objective.NWJ {
			*method.value = r.NWJ
		}
		if method.race {
			c.StdErr = r.StdErr
		}
	}
	nearest, err := neighbours.Estimate(ctx, column.RowMajor(x, law.DX), column.RowMajor(z, law.DZ), neighbours.Options{Neighbours: neighbours.Usual})
	c.KSG = nearest.Estimate
	return c, err
}

// estimationFlags are the flags of both experiments.
type estimationFlags struct {
	experiment.Flags
	rows, steps, points int
}

func (o *estimationFlags) register(cmd *cobra.Command, points int) {
	f := cmd.Flags()
	o.Register(f)
	f.IntVar(&o.rows, "rows", 10_000, "rows per estimate")
	f.IntVar(&o.steps, "steps", 0, "training steps, 0 for the default")
	f.IntVar(&o.points, "points", points, "laws per curve")
}

func (o *estimationFlags) prepare(cmd *cobra.Command, points int) error {
	if o.Quick {
		experiment.Default(cmd.Flags(), "rows", &o.rows, 2000)
		experiment.Default(cmd.Flags(), "steps", &o.steps, 400)
		experiment.Default(cmd.Flags(), "points", &o.points, points)
	}
	if o.points < 2 {
		return fmt.Errorf("--points is %d, want at least 2", o.points)
	}
	return nil
}

// A setting is one law that is estimated.
type setting struct {
	group string
	at    float64
	law   *simulate.Task
}

// GaussianCommand is the first experiment.
func GaussianCommand() *cobra.Command {
	return command(&cobra.Command{
		Use:   "gaussian",
		Short: "Experiment 1: correlated Gaussians, MINE and MINE-f beside Kraskov's estimator and the truth",
		Long: "Section 4.1 of the paper: X and Z of 1, 10 and 20 columns each, with\n" +
			"component-wise correlation from -0.99 to 0.99. \"default\" is the race of this\n" +
			"library; MINE and MINE-f the same network without a race. Takes about 40 minutes.",
	}, "correlation", 11, gaussians)
}

// gaussians returns the settings of the first experiment.
func gaussians(points int) ([]setting, error) {
	var all []setting
	for _, dim := range []int{1, 10, 20} {
		for _, rho := range floats.Span(make([]float64, points), -0.99, 0.99) {
			law, err := simulate.New("gaussian", simulate.Params{Dim: dim, Rho: rho}, "", "")
			if math.Abs(rho) < 1e-9 {
				law, err = simulate.New("independent", simulate.Params{DimX: dim, DimZ: dim}, "", "")
			}
			if err != nil {
				return nil, err
			}
			all = append(all, setting{fmt.Sprintf("%d + %d columns", dim, dim), rho, law})
		}
	}
	return all, nil
}

// NonlinearCommand is the second experiment.
func NonlinearCommand() *cobra.Command {
	return command(&cobra.Command{
		Use:   "nonlinear",
		Short: "Experiment 2: Z = f(X) + noise for f = x, x^3, sin x",
		Long: "Section 4.2 of the paper: X uniform on (-1, 1)^2 and Z = f(X) + s N(0, I), for s\n" +
			"from 0.1 to 0.9. The information differs between the three f, and so do the\n" +
			"truths, by quadrature. Takes about 20 minutes.",
	}, "noise", 9, functions)
}

// functions returns the settings of the second experiment.
func functions(points int) ([]setting, error) {
	var all []setting
	for _, f := range []struct{ family, formula string }{{"linear", "x"}, {"cubic", "x^3"}, {"sine", "sin x"}} {
		for _, s := range floats.Span(make([]float64, points), 0.1, 0.9) {
			law, err := simulate.New("function-"+f.family, simulate.Params{Dim: 2, Noise: s}, "", "")
			if err != nil {
				return nil, err
			}
			all = append(all, setting{"f(x) = " + f.formula, s, law})
		}
	}
	return all, nil
}

// command makes cmd estimate the laws of settings, so many a curve unless
// --points says otherwise; at names what varies along a curve.
func command(cmd *cobra.Command, at string, points int, settings func(points int) ([]setting, error)) *cobra.Command {
	var opt estimationFlags
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := opt.prepare(cmd, 3); err != nil {
			return err
		}
		b, err := opt.Open()
		if err != nil {
			return err
		}
		defer b.Close()
		laws, err := settings(opt.points)
		if err != nil {
			return err
		}
		var all []compared
		for _, s := range laws {
			c, err := compare(cmd.Context(), b, s.law, opt.rows, opt.steps, opt.Quick, opt.Seed)
			if err != nil {
				return fmt.Errorf("%s, %s %.2f: %w", s.group, at, s.at, err)
			}
			c.Group, c.At = s.group, s.at
			c.log(cmd.ErrOrStderr())
			all = append(all, c)
		}
		return opt.Write(cmd, nets.Program, results(cmd.Name(), at, all))
	}
	opt.register(cmd, points)
	return cmd
}

func (c compared) log(w io.Writer) {
	fmt.Fprintf(w, "%-18s %6.2f  truth %6.3f  MINE %6.3f  MINE-f %6.3f  race %6.3f  Kraskov %6.3f\n",
		c.Group, c.At, c.Truth, c.MINE, c.MINEf, c.Race, c.KSG)
}

// results lays out a table and a panel per group.
func results(name, at string, all []compared) experiment.Results {
	t := report.NewTable("data", at, "truth", "MINE", "MINE-f", "default", "std err", "Kraskov")
	for _, c := range all {
		row := []any{c.Group, fmt.Sprintf("%.2f", c.At)}
		for _, v := range []float64{c.Truth, c.MINE, c.MINEf, c.Race, c.StdErr, c.KSG} {
			row = append(row, fmt.Sprintf("%.3f", v))
		}
		t.AppendRow(row)
	}
	return experiment.Results{Name: name, Data: all, Markdown: t.RenderMarkdown(), Pictures: func(dir string) error {
		return figure.Save(filepath.Join(dir, name+".png"), 3, panels(at, all)...)
	}}
}

func panels(at string, all []compared) []figure.Panel {
	var panels []figure.Panel
	for _, c := range all {
		if len(panels) == 0 || panels[len(panels)-1].Title != c.Group {
			panels = append(panels, figure.Panel{Title: c.Group, X: at, Y: "information (nats)", LegendRight: at == "noise", Curves: []figure.Curve{
				{Name: "truth", Reference: true}, {Name: "MINE"}, {Name: "MINE-f"}, {Name: "default"}, {Name: "Kraskov"}}})
		}
		for i, v := range []float64{c.Truth, c.MINE, c.MINEf, c.Race, c.KSG} {
			curve := &panels[len(panels)-1].Curves[i]
			curve.X, curve.Y = append(curve.X, c.At), append(curve.Y, v)
		}
	}
	return panels
}
