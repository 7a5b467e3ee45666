package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/mat"

	"gomine/bench/internal/report"
	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/simulate"
	"gomine/mine/transfer"
)

// A transferTest is series x' = .8 x + feedback z + N, z' = .8 z + drive x + N, to test for transfer.
type transferTest struct {
	name            string
	feedback, drive float64
	horizon         int
}

var transferTests = []transferTest{
	{"independent", 0, 0, 1},
	{"Z drives X by .5", 0.5, 0, 1},
	{"Z drives X by .5, horizon 3", 0.5, 0, 3},
	{"X drives Z by .1", 0, 0.1, 1},
	{"X drives Z by .2", 0, 0.2, 1},
	{"X drives Z by .4", 0, 0.4, 1},
}

// transferTestOutcome is what the tests of one case gave, in both directions.
type transferTestOutcome struct {
	Name    string    `json:"name"`
	Rows    int       `json:"rows"`
	Sets    int       `json:"sets"`
	Forward []float64 `json:"x_to_z"` // p-values
	Back    []float64 `json:"z_to_x"`
}

func transferTestsCommand() *cobra.Command {
	var opt struct {
		sets int
		rows []int
		only regexp.Regexp
		json bool
	}
	cmd := &cobra.Command{
		Use:   "transfer-tests",
		Short: "Level and power of the test of no transfer",
		Long: "Tests pairs of series for transfer, in both directions, and counts p-values up to .05. Critics\n" +
			"are one network of 8 units and 60 steps beside that of the normal law, and permutations 199.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opt.sets < 1 {
				return fmt.Errorf("--sets is %d, want at least 1", opt.sets)
			}
			var all []transferTestOutcome
			for _, c := range transferTests {
				for _, rows := range opt.rows {
					if !opt.only.MatchString(c.name) {
						continue
					}
					o, err := c.run(cmd.Context(), rows, opt.sets)
					if err != nil {
						return fmt.Errorf("%s, %d rows: %w", c.name, rows, err)
					}
					fmt.Fprintf(os.Stderr, "%-28s %5d rows  X to Z %d, Z to X %d of %d at .05\n", o.Name, o.Rows, upTo(o.Forward, 0.05), upTo(o.Back, 0.05), o.Sets)
					all = append(all, o)
				}
			}
			if opt.json {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(all)
			}
			t := report.NewTable("series", "rows", "X to Z", "Z to X")
			for _, o := range all {
				t.AppendRow(table.Row{o.Name, o.Rows, upTo(o.Forward, 0.05), upTo(o.Back, 0.05)})
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "p-values of at most .05, of %d data sets a row\n%s\n", opt.sets, t.Render())
			return err
		},
	}
	f := cmd.Flags()
	f.IntVar(&opt.sets, "sets", 60, "data sets for each case")
	f.IntSliceVar(&opt.rows, "rows", []int{400, 1000}, "rows of each")
	f.TextVar(&opt.only, "only", anything, "`regexp` that names of cases have to match")
	f.BoolVar(&opt.json, "json", false, "print JSON instead of a table")
	return cmd
}

// run tests the data sets, one on each processor.
func (c transferTest) run(ctx context.Context, rows, sets int) (transferTestOutcome, error) {
	out := transferTestOutcome{Name: c.name, Rows: rows, Sets: sets}
	law, err := simulate.NewVAR(1, mat.NewDense(2, 2, []float64{0.8, c.feedback, c.drive, 0.8}), mat.NewSymDense(2, []float64{1, 0, 0, 1}))
	if err != nil {
		return out, err
	}
	cfg := transfer.DefaultConfig(rows)
	cfg.Horizon, cfg.Lagged, cfg.Permutations = c.horizon, false, 199
	e := &cfg.Estimate
	e.Candidates, e.Hidden, e.Steps, e.EvaluateEvery, e.TestPairs, e.Neighbours = e.Candidates[:1], []int{8}, 60, 20, 20_000, false
	results, err := sideBySide(ctx, sets, func(ctx context.Context, i int) (transfer.Result, error) {
		x, z := law.Sample(rows, uint64(100+i))
		return transfer.Estimate(ctx, transfer.Data{X: column.Slices(x), Z: column.Slices(z)}, cfg, mine.WithThreads(1))
	})
	if err != nil {
		return out, err
	}
	for _, r := range results {
		out.Forward, out.Back = append(out.Forward, r.XToZ.Test.PValue), append(out.Back, r.ZToX.Test.PValue)
	}
	return out, nil
}
