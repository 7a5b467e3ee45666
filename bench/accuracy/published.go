package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"gomine/bench/internal/experiment"
	"gomine/bench/internal/figure"
	"gomine/bench/internal/report"
	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/neighbours"
	"gomine/mine/objective"
	"gomine/mine/preprocess"
	"gomine/mine/simulate"
)

// A publication is a set of estimates that others published, and what repeats
// their settings.
type publication struct {
	name    string
	summary string // what the settings are, for the help
	repeat  func(ctx context.Context, p *publishing) (experiment.Results, error)
}

var publications = []publication{
	{"alf", "20-d Gaussians; one hidden layer of 512 ReLU, Adam 1e-4, batch 512, 5,000 steps on\n" +
		"fresh rows, evaluated on 16,384 (HorizonRobotics/alf, pull request 166)", repeatALF},
	{"mutinfo", "correlated normals of 1 to 10 nats, 10,000 rows, half of them held out; 128-128\n" +
		"ReLU (leaky there), Adam 1e-3, batch 512, 10,000 steps (VanessB/mutinfo). Ours are 3-d;\n" +
		"the k nearest neighbours of both tell whether the data are equally hard", repeatMutinfo},
	{"doe", "128-d Gaussians; one hidden layer of 256 (tanh there, ReLU here), Adam 1e-3, batch 128,\n" +
		"3,000 steps on fresh rows (karlstratos/doe)", repeatDoE},
	{"smile-gaussian", "20-d Gaussians of 2, 4, .. 10 nats, one critic up the stairs: 4,000 steps on each,\n" +
		"three hidden layers of 256 ReLU, Adam 5e-4, batch 64 of fresh rows (Song and Ermon 2020)", repeatStairs("")},
	{"smile-cubic", "the same with z cubed", repeatStairs("cubic")},
}

// publishing is how publications are repeated.
type publishing struct {
	backend backend.Backend
	first   uint64 // seed
	seeds   int
	quick   bool
	log     io.Writer
}

// steps returns a number of steps or pairs, a tenth of it for --quick.
func (p *publishing) steps(n int) int {
	if p.quick {
		return n / 10
	}
	return n
}

// A measured is one estimator at one published setting, over the seeds.
type measured struct {
	Setting   string `json:"setting"`
	Truth     nats   `json:"truth"`
	Estimator string `json:"estimator"`
	Published string `json:"published,omitempty"`
	Estimates []nats `json:"estimates"`
	StdErrs   []nats `json:"std_errs,omitempty"`
	// Alike are the values that the publication's own way to evaluate gives.
	Alike   []nats    `json:"evaluated_alike,omitempty"`
	Seconds []float64 `json:"seconds"`
}

// nats is information. Values that are not finite become null in JSON.
type nats float64

func (v nats) MarshalJSON() ([]byte, error) {
	if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(v))
}

// A reading is one estimate.
type reading struct {
	value, stdErr float64
	alike         float64 // NaN for none
}

func publishedCommand() *cobra.Command {
	var opt struct {
		experiment.Flags
		seeds int
		only  regexp.Regexp
	}
	long := "Repeats what others published at their settings, as far as this library has them, and\n" +
		"sets our estimates beside theirs:\n\n"
	for _, p := range publications {
		long += p.name + ": " + p.summary + "\n\n"
	}
	cmd := &cobra.Command{
		Use:   "published",
		Short: "Estimates at the settings of published ones, side by side",
		Long: long + "Columns are used as they are, where the publication does that; \"gomine defaults\" are\n" +
			"the default settings on the same law. Writes published-NAME.json, .md and, but for alf\n" +
			"and doe, .png. Takes some 30 minutes on two cores.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opt.Quick {
				experiment.Default(cmd.Flags(), "seeds", &opt.seeds, 1)
			}
			if opt.seeds < 1 {
				return fmt.Errorf("--seeds is %d, want at least 1", opt.seeds)
			}
			b, err := opt.Open()
			if err != nil {
				return err
			}
			defer b.Close()
			p := &publishing{backend: b, first: opt.Seed, seeds: opt.seeds, quick: opt.Quick, log: cmd.ErrOrStderr()}
			for _, publication := range publications {
				if !opt.only.MatchString(publication.name) {
					continue
				}
				r, err := publication.repeat(cmd.Context(), p)
				if err != nil {
					return fmt.Errorf("%s: %w", publication.name, err)
				}
				r.Name = "published-" + publication.name
				if err := opt.Write(cmd, program, r); err != nil {
					return err
				}
			}
			return nil
		},
	}
	f := cmd.Flags()
	opt.Register(f)
	f.IntVar(&opt.seeds, "seeds", 3, "number of seeds")
	f.TextVar(&opt.only, "only", anything, "`regexp` that names of publications have to match")
	return cmd
}

// measure takes a reading per seed.
func (p *publishing) measure(m measured, read func(seed uint64) (reading, error)) (measured, error) {
	for i := range p.seeds {
		began := time.Now()
		r, err := read(p.first + uint64(i))
		if err != nil {
			return m, fmt.Errorf("%s, %s: %w", m.Setting, m.Estimator, err)
		}
		m.Seconds = append(m.Seconds, time.Since(began).Seconds())
		m.Estimates = append(m.Estimates, nats(r.value))
		if r.stdErr > 0 {
			m.StdErrs = append(m.StdErrs, nats(r.stdErr))
		}
		if !math.IsNaN(r.alike) {
			m.Alike = append(m.Alike, nats(r.alike))
		}
	}
	fmt.Fprintf(p.log, "%-24s truth %6.3f  %-28s published %-40s ours %.3f ± %.3f  alike %.3f  %.1f s\n",
		m.Setting, m.Truth, m.Estimator, m.Published, m.Estimates, m.StdErrs, m.Alike, report.Median(m.Seconds))
	return m, nil
}

// reported are the objectives whose estimates stand beside published ones.
var reported = []objective.Kind{objective.DV, objective.MINE, objective.NWJ, objective.JS}

// objectiveNames say by which bound the critic of an objective is reported.
var objectiveNames = map[objective.Kind]string{
	objective.DV: "DV", objective.MINE: "MINE", objective.NWJ: "NWJ", objective.JS: "JS, reported by DV",
}

// bound returns the reading of a critic that an objective trained: its own bound,
// which for JS is DV.
func bound(ev backend.Evaluation, kind objective.Kind) (reading, error) {
	b, err := mine.NewBound(ev, 1, 0.95)
	r := reading{value: b.Estimate, stdErr: b.StdErr, alike: math.NaN()}
	if kind == objective.NWJ {
		r.value = b.NWJ
	}
	return r, err
}

// defaults measures the default settings on rows of a law.
func (p *publishing) defaults(ctx context.Context, setting string, law *simulate.Task, rows int) (measured, error) {
	m := measured{Setting: setting, Truth: nats(law.Truth), Estimator: fmt.Sprintf("gomine defaults, %d rows", rows)}
	return p.measure(m, func(seed uint64) (reading, error) {
		cfg := mine.DefaultConfig(rows)
		cfg.Seed = seed
		cfg.Steps = p.steps(cfg.Steps)
		if p.quick {
			experiment.Shorten(&cfg)
		}
		r, err := estimateLaw(ctx, p.backend, law, rows, cfg)
		return reading{r.Estimate, r.StdErr, math.NaN()}, err
	})
}

// pairs returns the number of marginal pairs of an evaluation.
func (p *publishing) pairs() int { return p.steps(1_000_000) }

func repeatALF(ctx context.Context, p *publishing) (experiment.Results, error) {
	const (
		batch = 512
		steps = 5000
		rate  = 1e-4
		test  = 16_384
	)
	var all []measured
	for _, setting := range []struct {
		rho       float64
		published map[objective.Kind]string
	}{
		{0.5, map[objective.Kind]string{
			objective.DV: "2.701 buffer, 2.794 shift, 2.399 shuffle", objective.MINE: "(as DV)", objective.NWJ: "2.571", objective.JS: "2.670"}},
		{0.9, map[objective.Kind]string{objective.DV: "10.953", objective.MINE: "(as DV)", objective.NWJ: "11.083"}},
		{0, map[objective.Kind]string{objective.DV: "-0.008", objective.MINE: "(as DV)", objective.NWJ: "-0.016", objective.JS: "0.000"}},
	} {
		if p.quick && setting.rho != 0.5 {
			continue
		}
		law, err := simulate.New("gaussian", simulate.Params{Dim: 20, Rho: setting.rho}, "", "")
		if err != nil {
			return experiment.Results{}, err
		}
		name := fmt.Sprintf("alf, rho %g", setting.rho)
		for _, kind := range reported {
			m := measured{Setting: name, Truth: nats(law.Truth), Estimator: objectiveNames[kind], Published: setting.published[kind]}
			m, err := p.measure(m, func(seed uint64) (reading, error) {
				c := newCritic(p.backend, law, []int{512}, backend.ReLU, kind, batch, seed)
				if err := c.train(ctx, p.steps(steps), rate, part, nil); err != nil {
					return reading{}, err
				}
				ev, err := c.evaluate(ctx, test, p.pairs())
				if err != nil {
					return reading{}, err
				}
				r, err := bound(ev, kind)
				// There, the mean score of joint pairs is taken for the estimate: less the
				// logarithm of the running mean that training kept, where the objective
				// leaves a constant open. NWJ's optimum is log p(x,z)/p(x)p(z) + 1 here.
				switch kind {
				case objective.MINE:
					r.alike = ev.Joint - c.state.LogEMA
				case objective.NWJ:
					r.alike = ev.Joint - 1
				case objective.JS:
					r.alike = ev.Joint
				}
				return r, err
			})
			if err != nil {
				return experiment.Results{}, err
			}
			all = append(all, m)
		}
		m, err := p.defaults(ctx, name, law, p.steps(200_000))
		if err != nil {
			return experiment.Results{}, err
		}
		all = append(all, m)
	}
	return experiment.Results{Data: all, Markdown: publishedTable(all)}, nil
}

const (
	doeBatch = 128
	doeSteps = 3000
	doeRate  = 1e-3
	doeHeld  = 16_384 // rows of each evaluation
)

var (
	doeHidden    = []int{256}
	doePublished = map[objective.Kind]string{objective.DV: "10.27", objective.MINE: "9.38", objective.NWJ: "9.25", objective.JS: "5.55 by NWJ"}
)

func repeatDoE(ctx context.Context, p *publishing) (experiment.Results, error) {
	const batches = 16 // of the evaluation as there, each on as many rows as a batch
	law, err := simulate.New("gaussian", simulate.Params{Dim: 128, Rho: 0.5}, "", "")
	if err != nil {
		return experiment.Results{}, err
	}
	var all []measured
	for _, kind := range reported {
		m := measured{Setting: "doe", Truth: nats(law.Truth), Estimator: objectiveNames[kind], Published: doePublished[kind]}
		m, err := p.measure(m, func(seed uint64) (reading, error) {
			c := newCritic(p.backend, law, doeHidden, backend.ReLU, kind, doeBatch, seed)
			if err := c.train(ctx, p.steps(doeSteps), doeRate, part/5, nil); err != nil {
				return reading{}, err
			}
			ev, err := c.evaluate(ctx, doeHeld, p.pairs())
			if err != nil {
				return reading{}, err
			}
			r, err := bound(ev, kind)
			if err != nil {
				return r, err
			}
			// There, one batch of 128 rows and all pairs of them give the estimate.
			r.alike = 0
			err = c.on(batches*doeBatch, func(t backend.Trainer, data backend.Data) error {
				for i := range batches {
					joint, marginal, err := crossScores(ctx, t, data, i*doeBatch, doeBatch)
					if err != nil {
						return err
					}
					r.alike += ownBound(joint, marginal, kind) / batches
				}
				return nil
			})
			return r, err
		})
		if err != nil {
			return experiment.Results{}, err
		}
		all = append(all, m)
	}
	if !p.quick {
		more, err := p.doeByEstimate(ctx, law)
		if err != nil {
			return experiment.Results{}, err
		}
		all = append(all, more...)
	}
	return experiment.Results{Data: all, Markdown: publishedTable(all)}, nil
}

// doeByEstimate measures the same network, batch, rate, steps and rows as mine.Estimate trains them: a cosine
// brings the rate to zero, and the weights that are best on validation rows count; and the defaults.
func (p *publishing) doeByEstimate(ctx context.Context, law *simulate.Task) (all []measured, err error) {
	for _, kind := range reported {
		m := measured{Setting: "doe, trained as by mine.Estimate", Truth: nats(law.Truth), Estimator: objectiveNames[kind], Published: doePublished[kind]}
		m, err := p.measure(m, func(seed uint64) (reading, error) {
			rows := doeSteps*doeBatch + 2*doeHeld
			cfg := mine.SingleConfig(rows, mine.Candidate{Activation: backend.ReLU, Preprocess: preprocess.Standardize, Objective: kind.Default()})
			cfg.Hidden, cfg.Batch, cfg.Steps, cfg.LearningRate = doeHidden, doeBatch, doeSteps, doeRate
			cfg.ValidationFraction, cfg.TestFraction = doeHeld/float64(rows), doeHeld/float64(rows)
			cfg.Patience = cfg.Steps // never
			cfg.Seed = seed
			x, z, err := (&supply{law: law, seed: seed}).draw(rows)
			if err != nil {
				return reading{}, err
			}
			r, err := mine.Estimate(ctx, column.InPlace(x.Data, x.Cols), column.InPlace(z.Data, z.Cols), cfg, mine.WithBackend(p.backend))
			return ofResult(r, kind), err
		})
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	m, err := p.defaults(ctx, "doe", law, 400_000)
	return append(all, m), err
}

// ownBound is the bound that an objective is reported by, from scores.
func ownBound(joint, marginal []float64, kind objective.Kind) float64 {
	if kind != objective.NWJ {
		kind = objective.DV
	}
	return kind.Default().Value(joint, marginal)
}

func ofResult(r mine.Result, kind objective.Kind) reading {
	if kind == objective.NWJ {
		return reading{r.NWJ, r.StdErr, math.NaN()}
	}
	return reading{r.Estimate, r.StdErr, math.NaN()}
}

// mutinfoFigures are the published estimates of 1, 2, .. 10 nats.
var mutinfoFigures = []struct {
	name   string
	values []float64
}{
	{"DV", []float64{.98, 1.98, 2.95, 3.87, 4.70, 5.34, 5.69, 5.88, 6.00, 6.12}},
	{"NWJ", []float64{.97, 1.97, 2.92, 3.79, 4.52, 4.99, 5.23, 5.34, 5.31, 5.41}},
	{"InfoNCE", []float64{.98, 1.97, 2.94, 3.86, 4.70, 5.37, 5.81, 6.02, 6.09, 6.11}},
	{"KSG", []float64{1.00, 1.95, 2.82, 3.55, 4.17, 4.73, 5.23, 5.66, 5.99, 6.21}},
}

// repeatMutinfo spreads the information evenly over three columns a side. The
// publication draws 1 to 3 columns and spreads it at random.
func repeatMutinfo(ctx context.Context, p *publishing) (experiment.Results, error) {
	const (
		rows = 10_000
		dim  = 3
		k    = 3
	)
	quoted := map[string][]float64{}
	for _, f := range mutinfoFigures {
		quoted[f.name] = f.values
	}
	var all []measured
	for truth := 1; truth <= 10; truth++ {
		if p.quick && truth != 4 {
			continue
		}
		law, err := simulate.New("gaussian", simulate.Params{Dim: dim, Info: float64(truth)}, "", "")
		if err != nil {
			return experiment.Results{}, err
		}
		name := fmt.Sprintf("mutinfo, I = %d", truth)
		for _, kind := range []objective.Kind{objective.DV, objective.NWJ, objective.JS} {
			m := measured{Setting: name, Truth: nats(truth), Estimator: objectiveNames[kind]}
			if f := quoted[objectiveNames[kind]]; f != nil {
				m.Published = fmt.Sprintf("%.2f", f[truth-1])
			}
			m, err := p.measure(m, func(seed uint64) (reading, error) {
				cfg := mine.SingleConfig(rows, mine.Candidate{Activation: backend.ReLU, Preprocess: preprocess.Standardize, Objective: kind.Default()})
				cfg.Hidden, cfg.Batch, cfg.Steps, cfg.LearningRate = []int{128, 128}, 512, p.steps(10_000), 1e-3
				// Half of the rows train, as there; the others say when to stop, and give
				// the estimate.
				cfg.ValidationFraction, cfg.TestFraction = 0.1, 0.4
				cfg.Seed = seed
				r, err := estimateLaw(ctx, p.backend, law, rows, cfg)
				return ofResult(r, kind), err
			})
			if err != nil {
				return experiment.Results{}, err
			}
			all = append(all, m)
		}
		m, err := p.defaults(ctx, name, law, rows)
		if err != nil {
			return experiment.Results{}, err
		}
		all = append(all, m)
		m, err = p.measure(measured{Setting: name, Truth: nats(truth), Estimator: "k nearest neighbours", Published: fmt.Sprintf("%.2f", quoted["KSG"][truth-1])},
			func(seed uint64) (reading, error) {
				x, z := law.Sample(rows, seed)
				r, err := neighbours.Estimate(ctx, column.RowMajor(x, law.DX), column.RowMajor(z, law.DZ), neighbours.Options{Neighbours: k})
				return reading{r.Estimate, 0, math.NaN()}, err
			})
		if err != nil {
			return experiment.Results{}, err
		}
		all = append(all, m)
	}
	return experiment.Results{Data: all, Markdown: publishedTable(all), Pictures: func(dir string) error {
		return figure.Save(filepath.Join(dir, "published-mutinfo.png"), 2, mutinfoPanels(all)...)
	}}, nil
}

// mutinfoPanels draws our estimates against the truth, and those published.
func mutinfoPanels(all []measured) []figure.Panel {
	truth := figure.Curve{Name: "truth", Reference: true}
	theirs := figure.Panel{Title: "Published", X: "true information (nats)", Y: "estimate (nats)"}
	ours := figure.Panel{Title: "gomine", X: theirs.X, Y: theirs.Y}
	for i := range mutinfoFigures[0].values {
		truth.X, truth.Y = append(truth.X, float64(i+1)), append(truth.Y, float64(i+1))
	}
	theirs.Curves, ours.Curves = []figure.Curve{truth}, []figure.Curve{truth}
	for _, f := range mutinfoFigures {
		theirs.Curves = append(theirs.Curves, figure.Curve{Name: f.name, X: truth.X, Y: f.values})
	}
	for _, m := range all {
		i := slices.IndexFunc(ours.Curves, func(c figure.Curve) bool { return c.Name == m.Estimator })
		if i < 0 {
			i = len(ours.Curves)
			ours.Curves = append(ours.Curves, figure.Curve{Name: m.Estimator})
		}
		c := &ours.Curves[i]
		mean, spread := meanSpread(floatsOf(m.Estimates))
		c.X, c.Y = append(c.X, float64(m.Truth)), append(c.Y, mean)
		c.Low, c.High = append(c.Low, mean-spread), append(c.High, mean+spread)
	}
	return []figure.Panel{theirs, ours}
}

func floatsOf(v []nats) []float64 {
	out := make([]float64, len(v))
	for i := range v {
		out[i] = float64(v[i])
	}
	return out
}

func publishedTable(all []measured) string {
	t := report.NewTable("setting", "truth", "estimator", "published", "ours, mean", "spread", "std err", "error", "evaluated as there")
	for _, m := range all {
		mean, spread := meanSpread(floatsOf(m.Estimates))
		stdErr, alike := "", ""
		if len(m.StdErrs) > 0 {
			stdErr = num(report.Median(floatsOf(m.StdErrs)))
		}
		if len(m.Alike) > 0 {
			a, _ := meanSpread(floatsOf(m.Alike))
			alike = num(a)
		}
		t.AppendRow([]any{m.Setting, num(float64(m.Truth)), m.Estimator, cmp.Or(m.Published, "–"), num(mean), num(spread), stdErr,
			num(mean - float64(m.Truth)), alike})
	}
	return t.RenderMarkdown()
}
