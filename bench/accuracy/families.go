package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gomine/bench/internal/experiment"
	"gomine/mine"
	"gomine/mine/backend"
)

// A judged is one estimate of a development task: a line of the file.
type judged struct {
	developed
	Rows   int             `json:"rows"`
	Config json.RawMessage `json:"config"` // a mine.Config, as it was written

	Estimate   float64 `json:"estimate"`
	Deviation  float64 `json:"deviation"` // Estimate - Truth
	StdErr     float64 `json:"std_err"`
	LowerBound float64 `json:"lower_bound"` // one-sided
	Training   float64 `json:"training"`
	Likely     float64 `json:"likely"`
	Seconds    float64 `json:"seconds"`
	Error      string  `json:"error,omitempty"` // why there is no estimate
}

// key is what the estimate follows from: two lines with the same one are the same.
func (j judged) key() (string, error) {
	text, err := json.Marshal(judged{developed: j.developed, Rows: j.Rows, Config: j.Config})
	return string(text), err
}

// judging is how the tasks are estimated.
type judging struct {
	backend backend.Backend
	effort  mine.Effort
	set     string // fields of the configuration to change
	seed    uint64
	log     io.Writer
}

// config returns the settings for a task, as JSON too.
func (g *judging) config(number, rows int) (mine.Config, json.RawMessage, error) {
	cfg := mine.ConfigFor(rows, g.effort)
	cfg.Seed = g.seed<<32 + uint64(number) // of the data as well
	if err := change(&cfg, g.set); err != nil {
		return cfg, nil, err
	}
	if err := cfg.Validate(); err != nil {
		return cfg, nil, fmt.Errorf("%d rows: %w", rows, err)
	}
	text, err := json.Marshal(cfg)
	return cfg, text, err
}

// judge estimates one task. What the estimator refuses is in the result; an error
// has to do with this run alone.
func (g *judging) judge(ctx context.Context, task developed, rows int) (judged, error) {
	cfg, text, err := g.config(task.Number, rows)
	j := judged{developed: task, Rows: rows, Config: text}
	if err != nil {
		return j, err
	}
	began := time.Now()
	r, err := estimateLaw(ctx, g.backend, task.law, rows, cfg)
	j.Seconds = time.Since(began).Seconds()
	if ctx.Err() != nil {
		return j, ctx.Err()
	}
	for _, ours := range []error{backend.ErrUnavailable, backend.ErrOutOfMemory, backend.ErrClosed} {
		if errors.Is(err, ours) {
			return j, err
		}
	}
	if err == nil && !finite(r.Estimate, r.StdErr, r.LowerBound, r.Likely) {
		err = fmt.Errorf("%v ± %v, at least %v", r.Estimate, r.StdErr, r.LowerBound)
	}
	if err != nil {
		j.Error = err.Error()
		return j, nil
	}
	j.Estimate, j.Deviation, j.StdErr, j.LowerBound = r.Estimate, r.Estimate-task.Truth, r.StdErr, r.LowerBound
	j.Training, j.Likely = r.Training, r.Likely
	return j, nil
}

func finite(values ...float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}

// judgeAll estimates all tasks at all numbers of rows, but for what the ledger has. On
// an interruption it returns what there is, and the error.
func (g *judging) judgeAll(ctx context.Context, tasks []developed, rows []int, l *ledger) ([]judged, error) {
	var all []judged
	for _, n := range rows {
		for i, task := range tasks {
			_, text, err := g.config(task.Number, n)
			if err != nil {
				return all, err
			}
			j, done, err := l.find(judged{developed: task, Rows: n, Config: text})
			if err != nil {
				return all, err
			}
			if !done {
				if j, err = g.judge(ctx, task, n); err != nil {
					return all, fmt.Errorf("task %d, %d rows: %w", task.Number, n, err)
				}
				if err := l.add(j); err != nil {
					return all, err
				}
				fmt.Fprintf(g.log, "%3d/%d %8d rows  task %-3d %-22s %s\n", i+1, len(tasks), n, task.Number, task.Group, j.verdict())
			}
			all = append(all, j)
		}
	}
	return all, nil
}

func (j judged) verdict() string {
	if j.Error != "" {
		return fmt.Sprintf("truth %.3f  refused: %s", j.Truth, j.Error)
	}
	return fmt.Sprintf("truth %.3f  estimate %.3f ± %.3f  %+.3f  %.1f s", j.Truth, j.Estimate, j.StdErr, j.Deviation, j.Seconds)
}

func familiesCommand() *cobra.Command {
	var opt struct {
		experiment.Flags
		rows              []int
		tasks             int
		only              []int
		half, effort, set string
		file              string
	}
	cmd := &cobra.Command{
		Use:   "families",
		Short: "Error on random laws of many families, for choosing settings",
		Long: fmt.Sprintf("Estimates %d laws of known information from 0 to %d nats, with 1 to 50 columns a side,\n", len(recipes), mostInfo) +
			"whose parameters are drawn at random. Settings are chosen on one half, the tasks of\n" +
			"even numbers, and reported on the other. With --out every estimate becomes a line of\n" +
			"a file at once, and what the file has already is not estimated again.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opt.Quick {
				experiment.Default(cmd.Flags(), "rows", &opt.rows, []int{1000})
				experiment.Default(cmd.Flags(), "tasks", &opt.tasks, 4)
				experiment.Default(cmd.Flags(), "effort", &opt.effort, mine.Fast.String())
			}
			if opt.tasks < 1 || slices.ContainsFunc(opt.rows, func(n int) bool { return n < 1 }) {
				return fmt.Errorf("--tasks is %d and --rows %v, want at least 1", opt.tasks, opt.rows)
			}
			if !slices.Contains(mine.Efforts(), mine.Effort(opt.effort)) {
				return fmt.Errorf("--effort is %q, want one of %q", opt.effort, mine.Efforts())
			}
			tasks, err := developments(opt.half, opt.tasks)
			if err != nil {
				return err
			}
			if tasks, err = only(tasks, opt.only); err != nil {
				return err
			}
			b, err := opt.Open()
			if err != nil {
				return err
			}
			defer b.Close()
			l, err := openLedger(opt.file)
			if err != nil {
				return err
			}
			defer l.close()
			g := judging{backend: b, effort: mine.Effort(opt.effort), set: opt.set, seed: opt.Seed, log: cmd.ErrOrStderr()}
			all, err := g.judgeAll(cmd.Context(), tasks, opt.rows, l)
			if errors.Is(err, context.Canceled) {
				err = fmt.Errorf("interrupted after %d of %d estimates", len(all), len(tasks)*len(opt.rows))
			}
			if len(all) == 0 {
				return err
			}
			return errors.Join(opt.Write(cmd, program, judgedResults(all)), err)
		},
	}
	f := cmd.Flags()
	opt.RegisterRun(f)
	f.IntSliceVar(&opt.rows, "rows", []int{10_000}, "numbers of rows")
	f.StringVar(&opt.half, "half", reportHalf, "tasks: "+strings.Join(halfNames(), ", "))
	f.IntSliceVar(&opt.only, "only", nil, "numbers of the tasks to estimate (default: all of the half)")
	f.IntVar(&opt.tasks, "tasks", len(recipes), "number of tasks of a half; more are of the same kinds")
	f.StringVar(&opt.effort, "effort", mine.Normal.String(), fmt.Sprintf("of %v", mine.Efforts()))
	f.StringVar(&opt.set, "set", "", setUsage)
	f.StringVar(&opt.file, "out", "", "`file` of JSON lines to append to, and to go on from")
	cmd.AddCommand(compareCommand())
	return cmd
}

// A ledger is the file of what was estimated, or nothing.
type ledger struct {
	file *os.File // nil for none
	done map[string]judged
}

// openLedger reads a file, makes it if there is none, and drops what a kill has left
// of a last line.
func openLedger(path string) (*ledger, error) {
	l := &ledger{done: map[string]judged{}}
	if path == "" {
		return l, nil
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(file)
	if err == nil {
		err = l.resume(path, file, text)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	l.file = file
	return l, nil
}

// lineStart is how every line begins.
const lineStart = `{"task":`

func (l *ledger) resume(path string, file *os.File, text []byte) error {
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	all, err := parseJudged(path, whole)
	if err != nil {
		return err
	}
	for _, j := range all {
		key, err := j.key()
		if err != nil {
			return err
		}
		l.done[key] = j
	}
	rest := string(text[len(whole):])
	if rest == "" {
		return nil
	}
	if !strings.HasPrefix(rest, lineStart) && !strings.HasPrefix(lineStart, rest) {
		return fmt.Errorf("%s: the last line is none of this experiment's", path)
	}
	return file.Truncate(int64(len(whole)))
}

// parseJudged reads whole lines.
func parseJudged(path string, text []byte) ([]judged, error) {
	var all []judged
	number := 0
	for line := range bytes.Lines(text) {
		number++
		var j judged
		if err := json.Unmarshal(line, &j); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, number, err)
		}
		if !bytes.HasPrefix(line, []byte(lineStart)) || j.Rows < 1 {
			return nil, fmt.Errorf("%s:%d: no estimate of this experiment", path, number)
		}
		all = append(all, j)
	}
	return all, nil
}

// find returns the estimate with the same key, if there is one.
func (l *ledger) find(j judged) (judged, bool, error) {
	key, err := j.key()
	if err != nil {
		return j, false, err
	}
	found, ok := l.done[key]
	return found, ok, nil
}

// add writes a line, which is on the disk when it returns.
func (l *ledger) add(j judged) error {
	if l.file == nil {
		return nil
	}
	line, err := json.Marshal(j)
	if err != nil {
		return err
	}
	if _, err := l.file.Write(append(line, '\n')); err != nil {
		return err
	}
	return l.file.Sync()
}

func (l *ledger) close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}
