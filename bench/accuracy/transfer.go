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
	"gonum.org/v1/gonum/mat"

	"gomine/bench/internal/report"
	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/simulate"
	"gomine/mine/transfer"
)

// A transferCase is series between which information goes in a known direction.
type transferCase struct {
	name    string
	columns int // of each side
	rows    int
	lag     int
	sets    int // data sets, seeds 1 to this
	// draw draws the series of a seed, in which X drives Z more than Z drives X.
	draw func(seed uint64, rows int) (x, z []float64)
	// law is that of a series with known transfer entropies; nil where only the direction is known.
	law *simulate.VAR
}

func transferCases() ([]transferCase, error) {
	var all []transferCase
	for _, c := range []struct {
		name               string
		d                  int
		own, across, drive float64
		feedback           float64
	}{
		// TREET (Luxembourg, Tsur and Permuter, arXiv:2402.06919) has this channel with a signal of power 1.
		{"Z(t) = X(t-1) + noise", 6, 0, 0, 1, 0},
		{"VAR, X drives Z", 3, 0.4, 0.1, 0.5, 0},
		{"VAR, and Z drives X less", 3, 0.4, 0.1, 0.6, 0.15},
		{"VAR, and Z drives X less", 6, 0.4, 0.1, 0.5, 0.15},
	} {
		law, err := ring(c.d, c.own, c.across, c.drive, c.feedback)
		if err != nil {
			return nil, err
		}
		all = append(all, transferCase{fmt.Sprintf("%s, %d + %d columns", c.name, c.d, c.d), c.d, 100_000, 1, 1,
			func(seed uint64, rows int) (x, z []float64) { return law.Sample(rows, seed) }, law})
	}
	return append(all,
		transferCase{"logistic maps", 1, 1000, 1, 10, logisticMaps, nil},
		transferCase{"Hénon maps", 1, 1000, 2, 10, henonMaps, nil}), nil
}

// ring is a series of d + d columns with noise of unit variance, in which each column continues by
// own, takes across from the next of its side, and Z takes drive from its column of X, and X feedback from
// its column of Z.
func ring(d int, own, across, drive, feedback float64) (*simulate.VAR, error) {
	a, noise := mat.NewDense(2*d, 2*d, nil), mat.NewSymDense(2*d, nil)
	for j := range d {
		for _, side := range []int{0, d} {
			a.Set(side+j, side+j, own)
			a.Set(side+j, side+(j+1)%d, across)
			noise.SetSym(side+j, side+j, 1)
		}
		a.Set(d+j, j, drive)
		a.Set(j, d+j, feedback)
	}
	return simulate.NewVAR(d, a, noise)
}

// settle is how many rows of a map are left out before the first.
const settle = 1000

// logisticMaps are f(u) = 4 u (1-u), x' = f(x) and z' = .7 f(z) + .3 f(x).
func logisticMaps(seed uint64, rows int) (x, z []float64) {
	f := func(u float64) float64 { return 4 * u * (1 - u) }
	g := rand.New(rand.NewPCG(seed, 1))
	u, v := g.Float64(), g.Float64()
	for i := range settle + rows {
		if i >= settle {
			x, z = append(x, u), append(z, v)
		}
		u, v = f(u), 0.7*f(v)+0.3*f(u)
	}
	return x, z
}

// henonMaps are those of Schiff et al. (Physical Review E 54, 1996) with a coupling of .4:
// x' = 1.4 - x^2 + .3 x(t-1) and z' = 1.4 - (.4 x z + .6 z^2) + .3 z(t-1).
func henonMaps(seed uint64, rows int) (x, z []float64) {
	g := rand.New(rand.NewPCG(seed, 1))
	start := func() float64 { return 0.2 * g.Float64() }
	u, v, before, beforeV := start(), start(), start(), start()
	for i := range settle + rows {
		if i >= settle {
			x, z = append(x, u), append(z, v)
		}
		u, before, v, beforeV = 1.4-u*u+0.3*before, u, 1.4-(0.4*u*v+0.6*v*v)+0.3*beforeV, v
	}
	return x, z
}

// transferred is what the estimates of one data set say.
type transferred struct {
	Name     string            `json:"name"`
	Rows     int               `json:"rows"`
	Lag      int               `json:"lag"`
	Seed     uint64            `json:"seed"`
	Forward  transferDirection `json:"x_to_z"`
	Back     transferDirection `json:"z_to_x"`
	Swapped  bool              `json:"swapped,omitempty"` // X was given as Z
	Right    bool              `json:"right"`             // whether the larger one is from X to Z
	Blocks   int               `json:"blocks"`
	Seconds  float64           `json:"seconds"`
	Effort   mine.Effort       `json:"effort"`
	HasTruth bool              `json:"has_truth"`
}

type transferDirection struct {
	Truth    float64 `json:"truth"`
	Estimate float64 `json:"estimate"`
	StdErr   float64 `json:"std_err"`
}

func transferCommand() *cobra.Command {
	var opt struct {
		only        regexp.Regexp
		effort      string
		json, quick bool
	}
	cmd := &cobra.Command{
		Use:   "transfer",
		Short: "Transfer entropy between series, against the truth, and its direction",
		Long: "Estimates the transfer entropy of normal autoregressive series of 100,000 rows, which is\n" +
			"known, and that of maps of which one drives the other, from 1,000 rows, in ten data sets\n" +
			"each; in those of even seeds X and Z are exchanged. To be fast, networks of maps are of one\n" +
			"kind, without a race.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(mine.Efforts(), mine.Effort(opt.effort)) {
				return fmt.Errorf("--effort is %s, want one of %v", opt.effort, mine.Efforts())
			}
			cases, err := transferCases()
			if err != nil {
				return err
			}
			var all []transferred
			for _, c := range cases {
				if !opt.only.MatchString(c.name) {
					continue
				}
				if opt.quick {
					c.rows, c.sets = min(c.rows, 2000), 1
				}
				for seed := range uint64(c.sets) {
					r, err := c.run(cmd.Context(), seed+1, mine.Effort(opt.effort))
					if err != nil {
						return fmt.Errorf("%s: %w", c.name, err)
					}
					fmt.Fprintf(os.Stderr, "%-44s %6d rows  X to Z %.4f, Z to X %.4f, %.0f s\n", r.Name, r.Rows, r.Forward.Estimate, r.Back.Estimate, r.Seconds)
					all = append(all, r)
					if !opt.json {
						continue
					}
					if err := json.NewEncoder(cmd.OutOrStdout()).Encode(r); err != nil {
						return err
					}
				}
			}
			if opt.json {
				return nil
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), transferTable(all))
			return err
		},
	}
	f := cmd.Flags()
	f.TextVar(&opt.only, "only", anything, "`regexp` that names of cases have to match")
	f.StringVar(&opt.effort, "effort", string(mine.Fast), "of the critics")
	f.BoolVar(&opt.json, "json", false, "print a JSON object a data set, as they are done, instead of a table")
	f.BoolVar(&opt.quick, "quick", false, "one data set each, of 2,000 rows at most: shows that it works, no more")
	return cmd
}

// run estimates both directions of one data set.
func (c transferCase) run(ctx context.Context, seed uint64, effort mine.Effort) (transferred, error) {
	out := transferred{Name: c.name, Rows: c.rows, Lag: c.lag, Seed: seed, Effort: effort, HasTruth: c.law != nil}
	x, z := c.draw(seed, c.rows)
	d := transfer.Data{X: column.RowMajor(x, c.columns), Z: column.RowMajor(z, c.columns)}
	if out.Swapped = c.law == nil && seed%2 == 0; out.Swapped {
		d.X, d.Z = d.Z, d.X
	}
	cfg := transfer.ConfigFor(c.rows, effort)
	cfg.Lag, cfg.Lagged, cfg.Estimate.Seed = c.lag, false, seed
	if c.law == nil {
		cfg.Estimate.Candidates = cfg.Estimate.Candidates[:1]
	}
	began := time.Now()
	r, err := transfer.Estimate(ctx, d, cfg)
	if err != nil {
		return out, err
	}
	out.Seconds, out.Blocks = time.Since(began).Seconds(), r.Split.Blocks
	forward, back := r.XToZ, r.ZToX
	if out.Swapped {
		forward, back = back, forward
	}
	out.Forward.Estimate, out.Forward.StdErr = forward.Estimate, forward.StdErr
	out.Back.Estimate, out.Back.StdErr = back.Estimate, back.StdErr
	if c.law != nil {
		out.Forward.Truth, out.Back.Truth = c.law.Transfer(c.lag, 1)
	}
	out.Right = out.Forward.Estimate > out.Back.Estimate
	return out, nil
}

// transferTable has a row for each case: the mean over its data sets.
func transferTable(all []transferred) string {
	t := report.NewTable("series", "rows", "lag", "X to Z", "truth", "error", "Z to X", "truth", "error", "direction right")
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].Name == all[0].Name {
			n++
		}
		var forward, back float64
		right := 0
		for _, r := range all[:n] {
			forward, back = forward+r.Forward.Estimate/float64(n), back+r.Back.Estimate/float64(n)
			if r.Right {
				right++
			}
		}
		first := all[0]
		row := table.Row{first.Name, first.Rows, first.Lag}
		for _, d := range []struct{ estimate, truth float64 }{{forward, first.Forward.Truth}, {back, first.Back.Truth}} {
			row = append(row, num(d.estimate))
			switch {
			case !first.HasTruth:
				row = append(row, "", "")
			case d.truth < 1e-9:
				row = append(row, "0", "")
			default:
				row = append(row, num(d.truth), fmt.Sprintf("%.1f%%", 100*math.Abs(d.estimate/d.truth-1)))
			}
		}
		t.AppendRow(append(row, fmt.Sprintf("%d of %d", right, n)))
		all = all[n:]
	}
	return t.Render()
}
