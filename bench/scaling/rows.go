package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"gomine/bench/internal/report"
	"gomine/mine"
)

// An estimate is one run of the command on a file.
type estimate struct {
	Format   string  `json:"format"`
	Rows     int     `json:"rows"`
	Bytes    int64   `json:"bytes"`   // of the file
	Seconds  float64 `json:"seconds"` // from start to exit, reading included
	Reading  float64 `json:"reading_seconds"`
	Prepare  float64 `json:"prepare_seconds"`
	Training float64 `json:"training_seconds"` // the race and the winner
	Test     float64 `json:"test_seconds"`
	Peak     int64   `json:"peak_bytes"` // resident
	Estimate float64 `json:"estimate"`
	StdErr   float64 `json:"std_err"`
}

// rowsResults is what is written to a file.
type rowsResults struct {
	report.Origin
	Columns   int        `json:"columns"`
	Truth     float64    `json:"truth"`
	Estimates []estimate `json:"estimates"`
}

// gaussian is the law of the data: 20 pairs of columns.
var gaussian = []string{"simulate", "gaussian", "--dim", "20", "--rho", "0.5"}

// maxCSVRows keeps the text files below 2 GB.
const maxCSVRows = 1_000_000

func rowsCommand() *cobra.Command {
	var opt struct {
		maxRows float64
		out     string
	}
	cmd := &cobra.Command{
		Use:   "rows [-- FLAG ...]",
		Short: "Time and memory of whole estimates against the number of rows",
		Long: "Writes 20 correlated pairs of normal columns to NPY and, up to a million rows, CSV\n" +
			"files of 10,000 rows and more, and estimates each by the command mine with its\n" +
			"default settings, or with the flags behind --.",
		RunE: func(cmd *cobra.Command, flags []string) error {
			if opt.maxRows < 10_000 {
				return fmt.Errorf("--max is %g, want at least 10000", opt.maxRows)
			}
			r := rowsResults{Origin: report.NewOrigin("go run ./bench/scaling"), Columns: 40}
			if err := r.run(cmd.Context(), int(opt.maxRows), flags, cmd.ErrOrStderr()); err != nil {
				return err
			}
			r.print(cmd.OutOrStdout())
			if opt.out != "" {
				return report.WriteJSON(opt.out, r)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.Float64Var(&opt.maxRows, "max", 1e7, "most `rows`")
	f.StringVar(&opt.out, "out", "", "write the raw measurements to this `file` as JSON")
	return cmd
}

// run measures each number of rows in each format.
func (r *rowsResults) run(ctx context.Context, maxRows int, flags []string, log io.Writer) error {
	return withCommand(ctx, log, func(dir, program string) error {
		for rows := 10_000; rows <= maxRows; rows *= 10 {
			for _, format := range []string{"npy", "csv"} {
				if format == "csv" && rows > maxCSVRows {
					continue
				}
				e, err := measure(ctx, program, filepath.Join(dir, "data."+format), rows, flags, log)
				if err != nil {
					return fmt.Errorf("%d rows, %s: %w", rows, format, err)
				}
				e.Format = format
				fmt.Fprintf(log, "%d rows, %s: %.1f s, %.2f GB, %.3f nats\n", rows, format, e.Seconds, float64(e.Peak)/1e9, e.Estimate)
				r.Estimates = append(r.Estimates, e)
			}
		}
		return nil
	})
}

// withCommand builds the command mine in a folder that is there as long as do runs.
func withCommand(ctx context.Context, log io.Writer, do func(dir, program string) error) error {
	dir, err := os.MkdirTemp("", "gomine-scaling")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "mine")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "gomine/cmd/mine")
	build.Stderr = log
	if err := build.Run(); err != nil {
		return fmt.Errorf("building the command: %w", err)
	}
	return do(dir, program)
}

// used is the time of processors that a command took that has ended, and its peak of resident memory in
// bytes.
func used(cmd *exec.Cmd) (processor time.Duration, peak int64, err error) {
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0, 0, errors.New("the system does not tell how much memory a process used")
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), usage.Maxrss * 1024, nil // Linux counts in KiB
}

// measure writes a file of data, estimates it and removes it.
func measure(ctx context.Context, program, path string, rows int, flags []string, log io.Writer) (estimate, error) {
	e := estimate{Rows: rows}
	simulate := exec.CommandContext(ctx, program, append(gaussian, "--rows", strconv.Itoa(rows), "--out", path)...)
	simulate.Stderr = log
	if err := simulate.Run(); err != nil {
		return e, err
	}
	defer os.Remove(path)
	info, err := os.Stat(path)
	if err != nil {
		return e, err
	}
	e.Bytes = info.Size()
	run := exec.CommandContext(ctx, program, append([]string{"estimate", path, "--x", "0:20", "--z", "20:40", "--json"}, flags...)...)
	run.Stderr = log
	began := time.Now()
	answer, err := run.Output()
	e.Seconds = time.Since(began).Seconds()
	if err != nil {
		return e, err
	}
	if _, e.Peak, err = used(run); err != nil {
		return e, err
	}
	var result struct {
		mine.Result
		Timing mine.Timing `json:"timing"`
	}
	if err := json.Unmarshal(answer, &result); err != nil {
		return e, fmt.Errorf("the command's answer: %w", err)
	}
	t := result.Timing
	e.Prepare, e.Training, e.Test = t.Prepare.Seconds(), (t.Race + t.Train).Seconds(), t.Evaluate.Seconds()
	e.Reading = e.Seconds - e.Prepare - e.Training - e.Test
	e.Estimate, e.StdErr = result.Estimate, result.StdErr
	return e, nil
}

func (r *rowsResults) print(w io.Writer) {
	t := report.NewTable("file", "rows", "size", "seconds", "reading", "prepare", "training", "test", "memory", "x size", "nats")
	for _, e := range r.Estimates {
		float := float64(4 * r.Columns * e.Rows) // the data as float32
		t.AppendRow([]any{e.Format, e.Rows, fmt.Sprintf("%.0f MB", float64(e.Bytes)/1e6), report.Short(e.Seconds),
			report.Short(e.Reading), report.Short(e.Prepare), report.Short(e.Training), report.Short(e.Test),
			fmt.Sprintf("%.0f MB", float64(e.Peak)/1e6), report.Short(float64(e.Peak) / float),
			fmt.Sprintf("%.3f ± %.3f", e.Estimate, e.StdErr)})
	}
	fmt.Fprintf(w, "%v\n\nWhole estimates of %d columns; memory is the peak, and in multiples of the data as float32\n%s\n",
		r.Origin, r.Columns, t.Render())
}
