package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"gomine/bench/internal/report"
	"gomine/bench/throughput"
	"gomine/cpu"
	"gomine/mine/backend"
)

// A setting is one case at a number of threads, with the time of its steps
// in each round.
type setting struct {
	Varied  string          `json:"varied"`
	Case    throughput.Case `json:"case"`
	Threads int             `json:"threads"`
	Seconds []float64       `json:"seconds_per_step"`
}

// stepResults is what is written to a file.
type stepResults struct {
	report.Origin
	Settings []*setting `json:"settings"`
}

// settings varies one thing at a time around the medium case of
// throughput.Standard.
func settings(threads int) []*setting {
	base := throughput.Case{D: 40, H: 128, L: 2, Batch: 512, Activation: backend.Softplus}
	var all []*setting
	vary := func(name string, values []int, field func(*setting) *int) {
		for _, v := range values {
			s := &setting{Varied: name, Case: base, Threads: threads}
			*field(s) = v
			all = append(all, s)
		}
	}
	vary("batch", []int{64, 128, 256, 512, 1024, 4096, 16384}, func(s *setting) *int { return &s.Case.Batch })
	vary("columns", []int{2, 10, 40, 256, 1024, 4096}, func(s *setting) *int { return &s.Case.D })
	vary("width", []int{16, 32, 64, 128, 256, 512, 1024}, func(s *setting) *int { return &s.Case.H })
	vary("layers", []int{1, 2, 3, 4}, func(s *setting) *int { return &s.Case.L })
	var counts []int
	for n := 1; n <= threads; n *= 2 {
		counts = append(counts, n)
	}
	vary("threads", counts, func(s *setting) *int { return &s.Threads })
	return all
}

func stepCommand() *cobra.Command {
	var opt struct {
		threads, rounds int
		window          time.Duration
		out             string
	}
	cmd := &cobra.Command{
		Use:   "step",
		Short: "Time of a training step against batch, columns, width, layers and threads",
		Long: "Trains the medium case (40 columns, two layers of 128, softplus, batch 512) and\n" +
			"variations of it in turn, round after round, and prints medians of the rounds.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case opt.threads < 1:
				return fmt.Errorf("--threads is %d, want at least 1", opt.threads)
			case opt.rounds < 1:
				return fmt.Errorf("--rounds is %d, want at least 1", opt.rounds)
			case opt.window <= 0:
				return fmt.Errorf("--window is %v, want more than 0", opt.window)
			}
			r := stepResults{report.NewOrigin("go run ./bench/scaling"), settings(opt.threads)}
			for round := range opt.rounds {
				for i, s := range r.Settings {
					seconds, err := s.measure(cmd.Context(), opt.window)
					if err != nil {
						return err
					}
					s.Seconds = append(s.Seconds, seconds)
					fmt.Fprintf(cmd.ErrOrStderr(), "round %d/%d  %d/%d  %v, %d threads: %.0f us a step\n",
						round+1, opt.rounds, i+1, len(r.Settings), s.Case, s.Threads, 1e6*seconds)
				}
			}
			r.print(cmd.OutOrStdout())
			if opt.out != "" {
				return report.WriteJSON(opt.out, r)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&opt.threads, "threads", runtime.GOMAXPROCS(0), "threads at most")
	f.IntVar(&opt.rounds, "rounds", 5, "rounds to take the medians of")
	f.DurationVar(&opt.window, "window", 300*time.Millisecond, "how long to train a setting in a round")
	f.StringVar(&opt.out, "out", "", "write the raw measurements to this file as JSON")
	return cmd
}

// measure trains for a while and returns the seconds of a step.
func (s *setting) measure(ctx context.Context, window time.Duration) (float64, error) {
	device, err := cpu.Open(cpu.Options{Threads: s.Threads})
	if err != nil {
		return 0, err
	}
	defer device.Close()
	run, err := throughput.NewRun(device, s.Case, max(20_000, s.Case.Batch))
	if err != nil {
		return 0, err
	}
	defer run.Close()
	n := s.Case.StepsPerCall()
	if _, err := run.Steps(ctx, n); err != nil {
		return 0, err
	}
	began, steps := time.Now(), 0
	for time.Since(began) < window {
		if _, err := run.Steps(ctx, n); err != nil {
			return 0, err
		}
		steps += n
	}
	return time.Since(began).Seconds() / float64(steps), nil
}

func (r *stepResults) print(w io.Writer) {
	t := report.NewTable("varied", "case", "threads", "us/step", "ns/row", "GFLOP/s")
	last := ""
	for _, s := range r.Settings {
		if last != "" && s.Varied != last {
			t.AppendSeparator()
		}
		last = s.Varied
		micros := make([]float64, len(s.Seconds))
		for i, v := range s.Seconds {
			micros[i] = 1e6 * v
		}
		seconds := report.Median(s.Seconds)
		t.AppendRow([]any{s.Varied, s.Case, s.Threads, report.Number(micros),
			report.Short(1e9 * seconds / float64(s.Case.Batch)), report.Short(s.Case.Operations().Total() / seconds / 1e9)})
	}
	fmt.Fprintf(w, "%v\n\nTime of a training step: median of the rounds, half their range in percent\n%s\n", r.Origin, t.Render())
}
