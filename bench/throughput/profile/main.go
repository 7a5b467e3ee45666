// Profile breaks the time of a training step on the CPU down by what it is
// spent on, beside the operations of each part and the share of what the
// multiply-add units could do.
//
//	go run ./bench/throughput/profile
//	go run ./bench/throughput/profile d=40/h=128/l=2/batch=512/f=softplus
//
// It samples the program a hundred times a second and attributes each sample
// by the functions on its stack, so a part of one percent is known to about a
// tenth of its value after the default ten seconds on two threads.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"gomine/bench/internal/report"
	"gomine/bench/throughput"
	"gomine/cpu"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "profile:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	var opt struct {
		threads int
		window  time.Duration
		json    bool
	}
	cmd := &cobra.Command{
		Use:   "profile [CASE ...]",
		Short: "Break the time of a training step down by its parts",
		Long: "Trains each case for a while, the standard cases by default, and prints what the\n" +
			"time of a step is spent on. A case is written as in the names of the benchmarks:\n" +
			"d=40/h=128/l=2/batch=512/f=relu.",
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if opt.threads < 1 {
				return fmt.Errorf("--threads is %d, want at least 1", opt.threads)
			}
			if opt.window <= 0 {
				return fmt.Errorf("--window is %v, want more than 0", opt.window)
			}
			cases := throughput.Standard()
			if len(args) > 0 {
				cases = nil
			}
			for _, name := range args {
				c, err := throughput.ParseCase(name)
				if err != nil {
					return err
				}
				cases = append(cases, c)
			}
			peak, err := measurePeak(cmd.Context())
			if err != nil {
				fmt.Fprintln(os.Stderr, "profile: no share of the peak:", err)
			}
			var steps []step
			for _, c := range cases {
				s, err := profile(cmd.Context(), c, opt.threads, opt.window)
				if err != nil {
					return err
				}
				s.Peak = peak * float64(opt.threads)
				if !opt.json {
					s.print(cmd.OutOrStdout())
				}
				steps = append(steps, s)
			}
			if opt.json {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(steps)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&opt.threads, "threads", min(2, runtime.GOMAXPROCS(0)), "threads of the backend")
	f.DurationVar(&opt.window, "window", 10*time.Second, "how long to train each case")
	f.BoolVar(&opt.json, "json", false, "print JSON")
	return cmd
}

// measurePeak returns the operations per second of one core, 0 with an error
// where that cannot be measured.
func measurePeak(ctx context.Context) (float64, error) {
	k, err := throughput.BuildKernels(ctx)
	if err != nil {
		return 0, err
	}
	defer k.Close()
	return k.Peak(ctx)
}

// A step is the profile of one case.
type step struct {
	Case    string  `json:"case"`
	Threads int     `json:"threads"`
	Steps   int     `json:"steps"`   // trained
	Seconds float64 `json:"seconds"` // it took
	Peak    float64 `json:"peak"`    // operations per second of all threads, 0 if unknown
	Parts   []part  `json:"parts"`
}

// A part is one row of the table.
type part struct {
	Name       string  `json:"name"`
	Seconds    float64 `json:"seconds"`    // of all threads together, in all steps
	Operations float64 `json:"operations"` // in one step; 0 where none are counted
}

// profile trains a case for about the given time while the program is sampled.
func profile(ctx context.Context, c throughput.Case, threads int, window time.Duration) (step, error) {
	device, err := cpu.Open(cpu.Options{Threads: threads})
	if err != nil {
		return step{}, err
	}
	defer device.Close()
	run, err := throughput.NewRun(device, c, c.Rows())
	if err != nil {
		return step{}, err
	}
	defer run.Close()
	// The first steps allocate what packed matrices need.
	if _, err := run.Steps(ctx, 2); err != nil {
		return step{}, err
	}
	s := step{Case: c.String(), Threads: threads}
	var began time.Time
	stacks, err := sample(ctx, func() error {
		began = time.Now()
		for time.Since(began) < window {
			n := c.StepsPerCall()
			if _, err := run.Steps(ctx, n); err != nil {
				return err
			}
			s.Steps += n
		}
		s.Seconds = time.Since(began).Seconds()
		return nil
	})
	if err != nil {
		return step{}, fmt.Errorf("%v: %w", c, err)
	}
	s.Parts = attribute(stacks, c.Operations())
	idle := s.Seconds * float64(threads)
	for _, p := range s.Parts {
		idle -= p.Seconds
	}
	s.Parts = append(s.Parts, part{Name: "not running", Seconds: max(idle, 0)})
	return s, nil
}

func (s step) print(w io.Writer) {
	t := report.NewTable("part", "us/step", "share", "MFLOP", "GFLOP/s", "of peak")
	total := part{Name: "step"}
	for _, p := range s.Parts {
		t.AppendRow(s.row(p))
		total.Seconds += p.Seconds
		total.Operations += p.Operations
	}
	t.AppendFooter(s.row(total))
	fmt.Fprintf(w, "%s, %d threads: %.1f steps/s\n%s\n\n", s.Case, s.Threads, float64(s.Steps)/s.Seconds, t.Render())
}

// row gives the time of a step that a part takes when all threads share it.
func (s step) row(p part) table.Row {
	all := s.Seconds * float64(s.Threads)
	seconds := p.Seconds / float64(s.Steps) / float64(s.Threads)
	row := table.Row{p.Name, fmt.Sprintf("%.1f", 1e6*seconds), fmt.Sprintf("%.1f%%", 100*p.Seconds/all), "", "", ""}
	if p.Operations > 0 {
		row[3] = fmt.Sprintf("%.1f", p.Operations/1e6)
		if seconds > 0 {
			row[4] = fmt.Sprintf("%.1f", p.Operations/seconds/1e9)
		}
		if seconds > 0 && s.Peak > 0 {
			row[5] = fmt.Sprintf("%.0f%%", 100*p.Operations/seconds/s.Peak)
		}
	}
	return row
}
