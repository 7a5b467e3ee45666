package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"gomine/bench/internal/experiment"
	"gomine/bench/internal/figure"
	"gomine/bench/internal/report"
	"gomine/mine/backend"
	"gomine/mine/sampling"
)

// streamMode draws the mode that a row of a law belongs to.
const streamMode sampling.Stream = 0x4704

// sd is the standard deviation of the laws' noise, in each direction. It is twice
// that of Srivastava et al., so that generators come within three of it in some
// thousand steps.
const sd = 0.1

// gridSide and gridSpacing are those of the 25 Gaussians of Srivastava et al.,
// "VEEGAN" (2017), which later work on lost modes takes over.
const (
	gridSide    = 5
	gridSpacing = 2.0
)

// gridLaw is an even mixture of 5 x 5 Gaussians. A row belongs to a mode that it
// is within three standard deviations of.
func gridLaw(least int) ganLaw {
	const modes = gridSide * gridSide
	centre := func(k int) float64 { return gridSpacing * (float64(k) - (gridSide-1)/2) }
	return ganLaw{
		columns: 2,
		draw: func(x backend.Matrix, seed, step uint64) {
			normals(x, seed, streamReal, step)
			for i := range x.Rows {
				k := min(int(modes*sampling.Uniform(seed, streamMode, step, uint64(i))), modes-1)
				row := x.Row(i)
				row[0] = float32(centre(k%gridSide) + sd*float64(row[0]))
				row[1] = float32(centre(k/gridSide) + sd*float64(row[1]))
			}
		},
		score: func(_ context.Context, x backend.Matrix) (coverage, error) {
			nearest := func(v float32) int {
				return max(0, min(int(math.Round(float64(v)/gridSpacing))+(gridSide-1)/2, gridSide-1))
			}
			mode := make([]int, x.Rows)
			for i := range mode {
				a, b := nearest(x.Row(i)[0]), nearest(x.Row(i)[1])
				mode[i] = gridSide*b + a
				if math.Hypot(float64(x.Row(i)[0])-centre(a), float64(x.Row(i)[1])-centre(b)) > 3*sd {
					mode[i] = -1
				}
			}
			return cover(mode, modes, least), nil
		},
	}
}

// The spiral: of two turns and radius 4, so as wide as the grid, cut into 50
// arcs.
const (
	spiralTurns  = 2
	spiralRadius = 4.0
	spiralArcs   = 50
)

// spiralPoint is the place where a share of the spiral's rows lies further in:
// they are spread evenly over its length, or nearly, since that grows with the
// square of the angle.
func spiralPoint(share float64) (x, y float64) {
	s := math.Sqrt(share)
	sin, cos := math.Sincos(2 * math.Pi * spiralTurns * s)
	return spiralRadius * s * cos, spiralRadius * s * sin
}

// spiralLaw is an Archimedean spiral with noise. A row belongs to the arc that
// has the point of the curve next to it, if that is within three standard
// deviations.
func spiralLaw(least int) ganLaw {
	// So many points that they lie closer than sd/2 everywhere: at the inner end
	// the first is radius/sqrt(n) out.
	const fine = 400 * spiralArcs
	var px, py [fine]float64
	for k := range fine {
		px[k], py[k] = spiralPoint((float64(k) + 0.5) / fine)
	}
	return ganLaw{
		columns: 2,
		draw: func(x backend.Matrix, seed, step uint64) {
			normals(x, seed, streamReal, step)
			for i := range x.Rows {
				cx, cy := spiralPoint(sampling.Uniform(seed, streamMode, step, uint64(i)))
				row := x.Row(i)
				row[0] = float32(cx + sd*float64(row[0]))
				row[1] = float32(cy + sd*float64(row[1]))
			}
		},
		score: func(_ context.Context, x backend.Matrix) (coverage, error) {
			arc := make([]int, x.Rows)
			for i := range arc {
				vx, vy := float64(x.Row(i)[0]), float64(x.Row(i)[1])
				best := math.Inf(1)
				for k := range fine {
					if d := (vx-px[k])*(vx-px[k]) + (vy-py[k])*(vy-py[k]); d < best {
						best, arc[i] = d, k*spiralArcs/fine
					}
				}
				if best > 9*sd*sd {
					arc[i] = -1
				}
			}
			return cover(arc, spiralArcs, least), nil
		},
	}
}

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

// ganResults is what such an experiment records.
type ganResults struct {
	Config ganConfig `json:"config"`
	Least  int       `json:"least"` // rows that make a mode a covered one
	// ClassifierError is that of what tells digits, on pictures that it was not
	// trained on; only where there is one.
	ClassifierError float64  `json:"classifier_error,omitempty"`
	Runs            []ganRun `json:"runs"`
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
	err := eachRun(cmd.Context(), &o.Flags, len(all), func(ctx context.Context, b backend.Backend, i int) error {
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
			target.draw(real, opt.Seed, stepScore)
			text := fmt.Sprintf("%s are covered from %d of %d rows on.\n\n%s", modes, r.Least, cfg.Score, r.table(modes))
			return errors.Join(failed, opt.Write(cmd, program, experiment.Results{Name: name, Data: r, Markdown: text, Pictures: func(dir string) error {
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

func gridCommand() *cobra.Command {
	return planeCommand("gan-grid", "Experiment 3: 25 Gaussians by a GAN, with and without information", "modes", gridLaw, gridSide*gridSide)
}

func spiralCommand() *cobra.Command {
	return planeCommand("gan-spiral", "Experiment 3: a spiral by a GAN, with and without information", "arcs", spiralLaw, spiralArcs)
}

// ways returns the runs without information and those with it.
func (r ganResults) ways() [2][]ganRun {
	var ways [2][]ganRun
	for _, run := range r.Runs {
		if run.Weight == 0 {
			ways[0] = append(ways[0], run)
		} else {
			ways[1] = append(ways[1], run)
		}
	}
	return ways
}

var wayNames = [2]string{"without", "with"}

// table has a line for every run, and the medians.
func (r ganResults) table(modes string) string {
	t := report.NewTable("information", "seed", modes, "share near", "divergence from even", "bound (nats)")
	for way, runs := range r.ways() {
		var values [4][]float64
		for _, run := range runs {
			p := run.last()
			for i, v := range []float64{float64(p.Modes), p.Near, p.KL, p.Bound} {
				values[i] = append(values[i], v)
			}
			t.AppendRow([]any{wayNames[way], run.Seed, fmt.Sprintf("%d of %d", p.Modes, p.Of),
				fmt.Sprintf("%.3f", p.Near), fmt.Sprintf("%.3f", p.KL), fmt.Sprintf("%.2f ± %.2f", p.Bound, p.StdErr)})
		}
		if len(runs) == 0 {
			continue
		}
		t.AppendRow([]any{wayNames[way], "median", fmt.Sprintf("%g", report.Median(values[0])),
			fmt.Sprintf("%.3f", report.Median(values[1])), fmt.Sprintf("%.3f", report.Median(values[2])), fmt.Sprintf("%.2f", report.Median(values[3]))})
	}
	return t.RenderMarkdown()
}

// curves are the modes, the share near one and the bound over time: means over
// the seeds in bands from the least to the largest. Where a classifier puts every
// row into a mode, the divergence stands in place of that share.
func (r ganResults) curves(modes string) []figure.Panel {
	type quantity struct {
		title string
		of    func(p ganPoint) float64
	}
	second := quantity{"share of samples near any", func(p ganPoint) float64 { return p.Near }}
	if r.ClassifierError != 0 {
		second = quantity{"divergence from even (nats)", func(p ganPoint) float64 { return p.KL }}
	}
	var panels []figure.Panel
	for _, c := range []quantity{
		{modes + " covered", func(p ganPoint) float64 { return float64(p.Modes) }},
		second,
		{"information of code and output (nats)", func(p ganPoint) float64 { return p.Bound }},
	} {
		panel := figure.Panel{Title: c.title, X: "step", Y: c.title}
		for way, runs := range r.ways() {
			curve := figure.Curve{Name: wayNames[way] + " information"}
			for k := range r.Config.Points {
				var v []float64
				for _, run := range runs {
					v = append(v, c.of(run.Points[k]))
				}
				var mean float64
				for _, x := range v {
					mean += x / float64(len(v))
				}
				curve.X = append(curve.X, float64(runs[0].Points[k].Step))
				curve.Y = append(curve.Y, mean)
				curve.Low, curve.High = append(curve.Low, slices.Min(v)), append(curve.High, slices.Max(v))
			}
			panel.Curves = append(panel.Curves, curve)
		}
		panels = append(panels, panel)
	}
	return panels
}

// samples are rows of the law and what the first seed's generators make.
func (r ganResults) samples(real backend.Matrix) []figure.Panel {
	panels := []figure.Panel{cloud("data", real)}
	for way, runs := range r.ways() {
		panels = append(panels, cloud(fmt.Sprintf("%s information, seed %d", wayNames[way], runs[0].Seed), runs[0].sample))
	}
	return panels
}

// cloud shows the first rows of two columns.
func cloud(title string, x backend.Matrix) figure.Panel {
	const most = 1500
	c := figure.Curve{Points: true}
	for i := range min(x.Rows, most) {
		c.X, c.Y = append(c.X, float64(x.Row(i)[0])), append(c.Y, float64(x.Row(i)[1]))
	}
	return figure.Panel{Title: title, X: "column 1", Y: "column 2", Square: true, Curves: []figure.Curve{c}}
}
