package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"gomine/bench/internal/report"
)

// A screening is one run of mine matrix on pairs of correlated columns.
type screening struct {
	Columns     int     `json:"columns"`
	Rows        int     `json:"rows"`
	Correlation float64 `json:"correlation"` // of column k of X and column k of Z; all others are independent
	Networks    int     `json:"networks"`    // pairs that networks estimate
	Pairs       int     `json:"pairs"`
	Found       int     `json:"found"` // of Columns/2 pairs that depend on each other
	False       int     `json:"false"` // pairs that are left and do not
	Seconds     float64 `json:"seconds"`
	Processor   float64 `json:"processor_seconds"`
	Peak        int64   `json:"peak_bytes"` // resident
}

// pairsResults is what is written to a file.
type pairsResults struct {
	report.Origin
	Screenings []screening `json:"screenings"`
}

func pairsCommand() *cobra.Command {
	var s screening
	var out string
	cmd := &cobra.Command{
		Use:   "pairs",
		Short: "Time and memory of all pairs of columns",
		Long: "Writes a CSV file of pairs of correlated normal columns, and looks at all pairs of its columns\n" +
			"by the command mine matrix.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if s.Columns < 2 || s.Columns%2 != 0 {
				return fmt.Errorf("--columns is %d, want an even number", s.Columns)
			}
			r := pairsResults{Origin: report.NewOrigin("go run ./bench/scaling")}
			err := withCommand(cmd.Context(), cmd.ErrOrStderr(), func(dir, program string) error {
				return s.measure(cmd.Context(), dir, program, cmd.ErrOrStderr())
			})
			if err != nil {
				return err
			}
			r.Screenings = append(r.Screenings, s)
			r.print(cmd.OutOrStdout())
			if out != "" {
				return report.WriteJSON(out, r)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&s.Columns, "columns", 1000, "`columns`, half of them X and half Z")
	f.IntVar(&s.Rows, "rows", 10_000, "`rows`")
	f.Float64Var(&s.Correlation, "rho", 0.1, "`correlation` of column k of X and column k of Z")
	f.IntVar(&s.Networks, "networks", 0, "`pairs` for networks, those of the most information")
	f.StringVar(&out, "out", "", "write the raw measurements to this `file` as JSON")
	return cmd
}

// measure writes the data in a folder and looks at all pairs.
func (s *screening) measure(ctx context.Context, dir, program string, log io.Writer) error {
	data, pairs := filepath.Join(dir, "data.csv"), filepath.Join(dir, "pairs.csv")
	simulate := exec.CommandContext(ctx, program, "simulate", "gaussian", "--dim", strconv.Itoa(s.Columns/2),
		"--rho", fmt.Sprint(s.Correlation), "--rows", strconv.Itoa(s.Rows), "--out", data)
	simulate.Stderr = log
	if err := simulate.Run(); err != nil {
		return err
	}
	networks := []string{"--screen-only"}
	if s.Networks > 0 {
		networks = []string{"--top", strconv.Itoa(s.Networks)}
	}
	run := exec.CommandContext(ctx, program, append([]string{"matrix", data, "--output", pairs}, networks...)...)
	run.Stderr = log
	began := time.Now()
	if err := run.Run(); err != nil {
		return err
	}
	s.Seconds = time.Since(began).Seconds()
	processor, peak, err := used(run)
	if err != nil {
		return err
	}
	s.Processor, s.Peak = processor.Seconds(), peak
	return s.count(pairs)
}

// count compares the pairs that are left at 5% with those that depend on each other.
func (s *screening) count(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := csv.NewReader(f)
	head, err := r.Read()
	if err != nil {
		return err
	}
	at := map[string]int{}
	for k, name := range head {
		at[name] = k
	}
	for {
		line, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		s.Pairs++
		q, err := strconv.ParseFloat(line[at["q_value"]], 64)
		a, b := line[at["a"]], line[at["b"]]
		switch {
		case err != nil:
			return err
		case q > 0.05:
		case a[:1] != b[:1] && a[1:] == b[1:]:
			s.Found++
		default:
			s.False++
		}
	}
}

func (r *pairsResults) print(w io.Writer) {
	t := report.NewTable("columns", "rows", "pairs", "dependent", "found", "false", "networks", "seconds", "of processors", "memory")
	for _, s := range r.Screenings {
		t.AppendRow([]any{s.Columns, s.Rows, s.Pairs, s.Columns / 2, s.Found, s.False, s.Networks, report.Short(s.Seconds),
			report.Short(s.Processor), fmt.Sprintf("%.0f MB", float64(s.Peak)/1e6)})
	}
	fmt.Fprintf(w, "%v\n\nAll pairs of columns, reading and writing CSV included; memory is the peak\n%s\n", r.Origin, t.Render())
}
