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

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/stat"

	"gomine/bench/internal/report"
	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/independence"
	"gomine/mine/simulate"
)

// A testCase is data to test for independence.
type testCase struct {
	name string
	rows int
	null bool // whether X and Z are independent
	draw func(g *rand.Rand, rows int) (x, z column.Source, err error)
}

var testCases = []testCase{
	{"independent normals, 2 + 2", 200, true, func(g *rand.Rand, rows int) (x, z column.Source, err error) {
		return columnsOf(g, rows, 2, (*rand.Rand).NormFloat64), columnsOf(g, rows, 2, (*rand.Rand).NormFloat64), nil
	}},
	{"independent Cauchy, 1 + 1", 200, true, func(g *rand.Rand, rows int) (x, z column.Source, err error) {
		cauchy := func(g *rand.Rand) float64 { return math.Tan(math.Pi * (g.Float64() - 0.5)) }
		return columnsOf(g, rows, 1, cauchy), columnsOf(g, rows, 1, cauchy), nil
	}},
	{"independent codes, 4 and 3 of them", 200, true, func(g *rand.Rand, rows int) (x, z column.Source, err error) {
		codes := func(count int) column.Source {
			labels := make([]string, rows)
			for i := range labels {
				labels[i] = string(rune('a' + g.IntN(count)))
			}
			return column.Codes(labels)
		}
		// A column of numbers beside each, so that no rows are the same.
		return column.Join(codes(4), columnsOf(g, rows, 1, (*rand.Rand).NormFloat64)), column.Join(codes(3), columnsOf(g, rows, 1, (*rand.Rand).NormFloat64)), nil
	}},
	{"independent normals, 20 + 20", 200, true, func(g *rand.Rand, rows int) (x, z column.Source, err error) {
		return columnsOf(g, rows, 20, (*rand.Rand).NormFloat64), columnsOf(g, rows, 20, (*rand.Rand).NormFloat64), nil
	}},
	{"independent series, phi .8", 2000, true, func(g *rand.Rand, rows int) (x, z column.Source, err error) {
		series := func() column.Source {
			v := make([]float64, rows)
			for i := range v {
				v[i] = g.NormFloat64()
				if i > 0 {
					v[i] = 0.8*v[i-1] + 0.6*v[i]
				}
			}
			return column.Slices(v)
		}
		return series(), series(), nil
	}},
	// The data of a table of InfoNet (github.com/datou30/InfoNet), d = 128: z_j = ((x_1 + .. + x_d)/sqrt d + N_j)/sqrt 2.
	{"shared mean, 128 + 128", 100, false, func(g *rand.Rand, rows int) (x, z column.Source, err error) {
		const d = 128
		xs, zs := make([]float64, rows*d), make([]float64, rows*d)
		for i := range rows {
			var mean float64
			for j := range d {
				xs[i*d+j] = g.NormFloat64()
				mean += xs[i*d+j] / math.Sqrt(d)
			}
			for j := range d {
				zs[i*d+j] = (mean + g.NormFloat64()) / math.Sqrt2
			}
		}
		return column.RowMajor(xs, d), column.RowMajor(zs, d), nil
	}},
	sineProduct(1), sineProduct(2), sineProduct(3), sineProduct(4),
}

// sineProduct has the density 1 + sin wx sin wz of the square, of .143 nats for every w.
func sineProduct(w int) testCase {
	return testCase{fmt.Sprintf("1 + sin %vx sin %vz", w, w), 4000, false, func(g *rand.Rand, rows int) (x, z column.Source, err error) {
		law, err := simulate.New("sine-product", simulate.Params{Dim: 1, Turns: w}, "", "")
		if err != nil {
			return nil, nil, err
		}
		xs, zs := law.Sample(rows, g.Uint64())
		return column.Slices(xs), column.Slices(zs), nil
	}}
}

// columnsOf draws rows of independent columns.
func columnsOf(g *rand.Rand, rows, columns int, draw func(*rand.Rand) float64) column.Source {
	v := make([]float64, rows*columns)
	for i := range v {
		v[i] = draw(g)
	}
	return column.RowMajor(v, columns)
}

// testOutcome is what the tests of one case gave.
type testOutcome struct {
	Name     string    `json:"name"`
	Rows     int       `json:"rows"`
	Null     bool      `json:"null"`
	Sets     int       `json:"sets"`
	Seed     uint64    `json:"seed"`    // of the first set
	Pairing  string    `json:"pairing"` // of the first set
	Rejected []float64 `json:"rejected"`
	Mean     float64   `json:"mean"` // of the estimates
	PValues  []float64 `json:"p_values"`
	// Area is the one under the curve of power over level: how often the p-value of a set is below
	// that of one whose Z is of another set, ties half. NullPValues are of these.
	Area        float64   `json:"area,omitempty"`
	NullPValues []float64 `json:"null_p_values,omitempty"`
}

// testLevels are those that rejections are counted at.
var testLevels = []float64{0.01, 0.05, 0.1}

func testsCommand() *cobra.Command {
	var opt struct {
		sets   int
		seed   uint64
		rows   []int
		only   regexp.Regexp
		effort string
		area   bool
		json   bool
	}
	cmd := &cobra.Command{
		Use:   "tests",
		Short: "Level and power of the test of independence",
		Long: "Tests data sets that are independent, and some that are not, and counts p-values up to\n" +
			"three levels. The level holds for any critics: of independent data they are one kind of 100\n" +
			"steps beside that of the normal law, and permutations 199. Of the others they are those of\n" +
			"the effort, and permutations 999.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opt.sets < 1 {
				return fmt.Errorf("--sets is %d, want at least 1", opt.sets)
			}
			if !slices.Contains(mine.Efforts(), mine.Effort(opt.effort)) {
				return fmt.Errorf("--effort is %s, want one of %v", opt.effort, mine.Efforts())
			}
			var all []testOutcome
			for _, c := range testCases {
				if !opt.only.MatchString(c.name) {
					continue
				}
				rows := opt.rows
				if len(rows) == 0 {
					rows = []int{c.rows}
				}
				for _, c.rows = range rows {
					o, err := c.run(cmd.Context(), opt.sets, opt.seed, mine.Effort(opt.effort), opt.area)
					if err != nil {
						return fmt.Errorf("%s: %w", c.name, err)
					}
					fmt.Fprintf(os.Stderr, "%-36s %5d rows  rejected %.3f at .01, .05, .1\n", o.Name, o.Rows, o.Rejected)
					all = append(all, o)
				}
			}
			if opt.json {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(all)
			}
			t := report.NewTable("data", "rows", "pairing", "at .01", "at .05", "at .1", "mean estimate", "area")
			for _, o := range all {
				row := table.Row{o.Name, o.Rows, o.Pairing}
				for _, r := range o.Rejected {
					row = append(row, fmt.Sprintf("%.1f%%", 100*r))
				}
				area := ""
				if o.NullPValues != nil {
					area = fmt.Sprintf("%.3f", o.Area)
				}
				t.AppendRow(append(row, num(o.Mean), area))
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d data sets a row\n%s\n", opt.sets, t.Render())
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&opt.sets, "sets", 40, "data sets for each case")
	f.Uint64Var(&opt.seed, "seed", 1, "of the first data set")
	f.IntSliceVar(&opt.rows, "rows", nil, "numbers of rows, of all cases (default: of each its own)")
	f.BoolVar(&opt.area, "area", false, "test dependent data with the Z of other sets too, for the area under the curve of power over level")
	f.TextVar(&opt.only, "only", anything, "`regexp` that names of cases have to match")
	f.StringVar(&opt.effort, "effort", string(mine.Fast), "of the critics of dependent data")
	f.BoolVar(&opt.json, "json", false, "print JSON instead of a table")
	return cmd
}

// config is the settings of a seed.
func (c testCase) config(seed uint64, effort mine.Effort) independence.Config {
	cfg := independence.ConfigFor(c.rows, effort)
	e := &cfg.Estimate
	e.Seed, e.Neighbours = seed, false
	if c.null {
		cfg.Permutations = 199
		e.Candidates, e.Steps, e.EvaluateEvery, e.TestPairs = e.Candidates[:1], 100, 25, 10_000
	}
	return cfg
}

// run tests the data sets, one on each processor, and dependent ones with the Z of other sets for
// the area.
func (c testCase) run(ctx context.Context, sets int, seed uint64, effort mine.Effort, area bool) (testOutcome, error) {
	out := testOutcome{Name: c.name, Rows: c.rows, Null: c.null, Sets: sets, Seed: seed}
	results, err := sideBySide(ctx, sets, func(ctx context.Context, i int) (independence.Result, error) {
		return c.test(ctx, seed+uint64(i), effort, false)
	})
	if err != nil {
		return out, err
	}
	var estimates []float64
	for _, r := range results {
		out.PValues = append(out.PValues, r.PValue)
		estimates = append(estimates, r.Effect.Estimate)
	}
	for _, level := range testLevels {
		out.Rejected = append(out.Rejected, float64(upTo(out.PValues, level))/float64(sets))
	}
	out.Pairing, out.Mean = string(results[0].Pairing), stat.Mean(estimates, nil)
	if c.null || !area {
		return out, nil
	}
	if results, err = sideBySide(ctx, sets, func(ctx context.Context, i int) (independence.Result, error) {
		return c.test(ctx, seed+uint64(i), effort, true)
	}); err != nil {
		return out, err
	}
	for _, r := range results {
		out.NullPValues = append(out.NullPValues, r.PValue)
	}
	out.Area = areaUnder(out.PValues, out.NullPValues)
	return out, nil
}

// upTo is how many p-values are at most a level.
func upTo(p []float64, level float64) (n int) {
	for _, v := range p {
		if v <= level {
			n++
		}
	}
	return n
}

// apartSeed makes a set that no other seed makes.
const apartSeed = 1 << 32

// test tests the data set of a seed, or its X with the Z of another set.
func (c testCase) test(ctx context.Context, seed uint64, effort mine.Effort, apart bool) (independence.Result, error) {
	x, z, err := c.draw(rand.New(rand.NewPCG(seed, 1)), c.rows)
	if err == nil && apart {
		_, z, err = c.draw(rand.New(rand.NewPCG(seed+apartSeed, 1)), c.rows)
	}
	if err != nil {
		return independence.Result{}, err
	}
	return independence.Test(ctx, independence.Data{X: x, Z: z}, c.config(seed, effort), mine.WithThreads(1))
}

// areaUnder is how often a p-value of dependent data is below one of independent data, ties half.
func areaUnder(dependent, independent []float64) float64 {
	var sum float64
	for _, p := range dependent {
		for _, q := range independent {
			switch {
			case p < q:
				sum++
			case p == q:
				sum += 0.5
			}
		}
	}
	return sum / float64(len(dependent)*len(independent))
}
