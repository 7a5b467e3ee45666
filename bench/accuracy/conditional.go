package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/stat"

	"gomine/bench/internal/report"
	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/conditional"
	"gomine/mine/independence"
)

// A conditionalCase is a law of X, Y and Z with known I(X;Z|Y).
type conditionalCase struct {
	name  string
	rows  int
	sets  int     // by default
	test  bool    // test, and do not estimate
	truth float64 // nats; of tests, 0 if X and Z are independent given Y, and 1 if not
	draw  func(g *rand.Rand, rows int) conditional.Data
}

// conditionalSettings are those of all cases.
type conditionalSettings struct {
	way    conditional.Way
	effort mine.Effort // of estimates
	seed   uint64      // of the first set
	quick  bool
}

// conditionalCases are those of published tables: of CCMI (Mukherjee, Asnani and Kannan 2019, "model
// F") the first ones, whose truth is ln(101)/2 and not the estimate from 50,000 rows that is
// printed there, and of DINE (Duong and Nguyen 2023) the others. DINE's conditions are .01 times
// a draw, so that they hardly matter; the cases "by y" have them at full size.
func conditionalCases() []conditionalCase {
	var all []conditionalCase
	for _, c := range []struct{ columns, rows, sets int }{{5, 5000, 3}, {20, 5000, 3}, {50, 20_000, 1}, {100, 20_000, 1}} {
		all = append(all, conditionalCase{fmt.Sprintf("z = x + N(y_1, .1^2), %d columns of y", c.columns), c.rows, c.sets, false, math.Log(101) / 2,
			func(g *rand.Rand, rows int) conditional.Data { return shifted(g, rows, c.columns) }})
	}
	for _, scale := range []float64{0.01, 1} {
		name := map[float64]string{0.01: "DINE", 1: "DINE, by y"}[scale]
		all = append(all,
			conditionalCase{name + ", 20 + 20 given 20", 1000, 3, false, -10 * math.Log(0.75),
				func(g *rand.Rand, rows int) conditional.Data { return dine(g, rows, 20, 20, 0.5, scale) }},
			conditionalCase{name + ", 2 + 2 given 2", 1000, 3, false, -math.Log(1 - 0.75*0.75),
				func(g *rand.Rand, rows int) conditional.Data { return dine(g, rows, 2, 2, 0.75, scale) }})
		for _, given := range []int{5, 20} {
			all = append(all,
				conditionalCase{fmt.Sprintf("%s, independent given %d", name, given), 1000, 40, true, 0,
					func(g *rand.Rand, rows int) conditional.Data { return dine(g, rows, 1, given, 0, scale) }},
				conditionalCase{fmt.Sprintf("%s, dependent given %d", name, given), 1000, 20, true, 1,
					func(g *rand.Rand, rows int) conditional.Data {
						return dine(g, rows, 1, given, 0.1+0.89*g.Float64(), scale)
					}})
		}
	}
	for _, given := range []int{1, 3, 5, 7} {
		for truth, name := range []string{"independent", "dependent"} {
			all = append(all, conditionalCase{fmt.Sprintf("mixed, %s given %d", name, given), 1000, 40, true, float64(truth),
				func(g *rand.Rand, rows int) conditional.Data { return mixedNetwork(g, rows, given, truth == 1) }})
		}
	}
	return all
}

// shifted draws z = x + N(y_1, .1^2) with x and y standard normal.
func shifted(g *rand.Rand, rows, columns int) conditional.Data {
	x, z, y := make([]float64, rows), make([]float64, rows), make([]float64, rows*columns)
	for i := range x {
		for j := range columns {
			y[i*columns+j] = g.NormFloat64()
		}
		x[i] = g.NormFloat64()
		z[i] = x[i] + y[i*columns] + 0.1*g.NormFloat64()
	}
	return conditional.Data{X: column.Slices(x), Z: column.Slices(z), Given: column.RowMajor(y, columns)}
}

// dineMaps are those of DINE's generator, of values in units of their standard deviation.
var dineMaps = []func(v, least float64) float64{
	func(v, _ float64) float64 { return v },
	func(v, _ float64) float64 { return v * v * v },
	func(v, _ float64) float64 { return math.Exp(-v) },
	func(v, least float64) float64 { return math.Log1p(v - least) },
	func(v, _ float64) float64 { return 1 / (1 + math.Exp(-v)) },
}

// dine draws x = f(Ay + e), z = g(By + h) with d columns each, corr(e_j, h_j) = rho, and y uniform,
// normal or Laplacian, times scale.
func dine(g *rand.Rand, rows, d, given int, rho, scale float64) conditional.Data {
	draw := []func() float64{
		func() float64 { return 2*g.Float64() - 1 },
		g.NormFloat64,
		func() float64 { return math.Copysign(g.ExpFloat64(), g.Float64()-0.5) },
	}[g.IntN(3)]
	maps := [2]int{g.IntN(len(dineMaps)), g.IntN(len(dineMaps))}
	weights := make([]float64, 2*d*given)
	for k := range weights {
		weights[k] = g.NormFloat64()
	}
	y := make([]float64, rows*given)
	sides := [2][]float64{make([]float64, rows*d), make([]float64, rows*d)}
	for i := range rows {
		row := y[i*given:][:given]
		for k := range row {
			row[k] = scale * draw()
		}
		for j := range d {
			e := g.NormFloat64()
			noise := [2]float64{e, rho*e + math.Sqrt(1-rho*rho)*g.NormFloat64()}
			for s := range sides {
				for k, v := range row {
					noise[s] += weights[(s*d+j)*given+k] * v
				}
				sides[s][i*d+j] = noise[s]
			}
		}
	}
	for s, v := range sides {
		unit, least := stat.StdDev(v, nil), math.Inf(1)
		for i := range v {
			v[i] /= unit
			least = min(least, v[i])
		}
		for i := range v {
			v[i] = dineMaps[maps[s]](v[i], least)
		}
	}
	return conditional.Data{X: column.RowMajor(sides[0], d), Z: column.RowMajor(sides[1], d), Given: column.RowMajor(y, given)}
}

// conditionalOutcome is what a case gave.
type conditionalOutcome struct {
	Name      string    `json:"name"`
	Rows      int       `json:"rows"`
	Sets      int       `json:"sets"`
	Seconds   float64   `json:"seconds"` // of a set
	Truth     float64   `json:"truth"`
	Estimates []float64 `json:"estimates,omitempty"`
	Low       []float64 `json:"low,omitempty"`
	High      []float64 `json:"high,omitempty"`
	Ways      []string  `json:"ways,omitempty"`       // those that were taken
	Defects   []float64 `json:"defects,omitempty"`    // what was taken off
	Others    []float64 `json:"others,omitempty"`     // estimates of the way that was not taken
	OtherOffs []float64 `json:"other_offs,omitempty"` // what was taken off there
	PValues   []float64 `json:"p_values,omitempty"`
}

func conditionalCommand() *cobra.Command {
	var opt struct {
		sets   int
		only   regexp.Regexp
		effort string
		way    string
		seed   uint64
		quick  bool
		json   bool
	}
	cmd := &cobra.Command{
		Use:   "conditional",
		Short: "Error of conditional information, and level and power of its test",
		Long: "Estimates I(X;Z|Y) where it is known, and tests whether X and Z are independent given Y\n" +
			"where they are and where they are not, on the data of two published tables. Tests are of\n" +
			"--effort fast with 199 permutations.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(mine.Efforts(), mine.Effort(opt.effort)) {
				return fmt.Errorf("--effort is %s, want one of %v", opt.effort, mine.Efforts())
			}
			if !slices.Contains(conditional.Ways(), conditional.Way(opt.way)) {
				return fmt.Errorf("--way is %s, want one of %v", opt.way, conditional.Ways())
			}
			var all []conditionalOutcome
			for _, c := range conditionalCases() {
				if !opt.only.MatchString(c.name) {
					continue
				}
				switch {
				case opt.quick:
					c.sets = 1
				case opt.sets > 0:
					c.sets = opt.sets
				}
				o, err := c.run(cmd.Context(), conditionalSettings{conditional.Way(opt.way), mine.Effort(opt.effort), opt.seed, opt.quick})
				if err != nil {
					return fmt.Errorf("%s: %w", c.name, err)
				}
				fmt.Fprintln(os.Stderr, o.summary()...)
				all = append(all, o)
			}
			if opt.json {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(all)
			}
			t := report.NewTable("data", "rows", "sets", "truth", "result", "s a set")
			for _, o := range all {
				t.AppendRow(table.Row(o.summary()))
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s\n", t.Render())
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&opt.sets, "sets", 0, "data sets for each case, of seeds that follow each other; 0 for 1 or 3 to estimate and 20 or 40 to test")
	f.TextVar(&opt.only, "only", anything, "`regexp` that names of cases have to match")
	f.StringVar(&opt.effort, "effort", string(mine.Normal), "of the estimates")
	f.StringVar(&opt.way, "way", string(conditional.Auto), fmt.Sprintf("of the estimates: one of %v", conditional.Ways()))
	f.Uint64Var(&opt.seed, "seed", 1, "of the first data set")
	f.BoolVar(&opt.quick, "quick", false, "one set a case, of 500 rows, briefly")
	f.BoolVar(&opt.json, "json", false, "print JSON instead of a table")
	return cmd
}

// quickRows is how many rows a case has where it only has to run.
const quickRows = 500

// config is the settings of a seed.
func (c conditionalCase) config(seed uint64, with conditionalSettings) mine.Config {
	if c.test {
		with.effort = mine.Fast
	}
	cfg := mine.ConfigFor(c.rows, with.effort)
	cfg.Seed, cfg.Neighbours = seed, false
	if with.quick {
		cfg.Candidates, cfg.Steps = cfg.Candidates[:1], 200
	}
	return cfg
}

// run estimates or tests all sets, one on each processor.
func (c conditionalCase) run(ctx context.Context, with conditionalSettings) (conditionalOutcome, error) {
	if with.quick {
		c.rows = min(c.rows, quickRows)
	}
	type outcome struct {
		estimate conditional.Result
		p        float64
	}
	began := time.Now()
	results, err := sideBySide(ctx, c.sets, func(ctx context.Context, i int) (o outcome, err error) {
		seed := with.seed + uint64(i)
		d, cfg := c.draw(rand.New(rand.NewPCG(seed, 1)), c.rows), c.config(seed, with)
		if c.test {
			t, err := conditional.Test(ctx, d, independence.Config{Permutations: 199, Estimate: cfg}, mine.WithThreads(1))
			return outcome{p: t.PValue}, err
		}
		o.estimate, err = conditional.Estimate(ctx, d, conditional.Config{Way: with.way, Estimate: cfg}, mine.WithThreads(1))
		return o, err
	})
	out := conditionalOutcome{Name: c.name, Rows: c.rows, Sets: c.sets, Seconds: time.Since(began).Seconds() / float64(c.sets), Truth: c.truth}
	if err != nil {
		return out, err
	}
	for _, o := range results {
		if c.test {
			out.PValues = append(out.PValues, o.p)
			continue
		}
		r := o.estimate
		out.Estimates, out.Low, out.High = append(out.Estimates, r.Estimate), append(out.Low, r.Low), append(out.High, r.High)
		out.Ways, out.Defects = append(out.Ways, string(r.Way)), append(out.Defects, r.Taken().Without.Estimate)
		for _, w := range r.Ways {
			if w.Way != r.Way {
				out.Others, out.OtherOffs = append(out.Others, w.Estimate), append(out.OtherOffs, w.Without.Estimate)
			}
		}
	}
	return out, nil
}

// summary is a row of the table.
func (o conditionalOutcome) summary() []any {
	truth, result := num(o.Truth), ""
	switch {
	case o.PValues == nil:
		var off float64
		for _, e := range o.Estimates {
			off += math.Abs(e-o.Truth) / float64(o.Sets)
		}
		result = fmt.Sprintf("mean %s, mean error %s, by %s", num(stat.Mean(o.Estimates, nil)), num(off), o.Ways[0])
	default:
		truth = map[bool]string{true: "independent", false: "dependent"}[o.Truth == 0]
		rejected := 0
		for _, p := range o.PValues {
			if p <= 0.05 {
				rejected++
			}
		}
		result = fmt.Sprintf("%d of %d p-values up to .05", rejected, o.Sets)
	}
	return []any{o.Name, o.Rows, o.Sets, truth, result, fmt.Sprintf("%.1f", o.Seconds)}
}
