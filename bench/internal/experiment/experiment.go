// Package experiment is what the commands of the benchmark suite share that
// write tables and pictures: their flags, and how results are written.
package experiment

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gomine/bench/internal/report"
	"gomine/mine"
	"gomine/mine/backend"
)

// Flags are the flags of such a command.
type Flags struct {
	Out     string // directory for results
	Quick   bool
	JSON    bool
	Seed    uint64
	Threads int
	Backend string
}

// Register defines the flags.
func (f *Flags) Register(set *pflag.FlagSet) {
	set.Var((*directory)(&f.Out), "out", "directory for the results as JSON, a Markdown table and pictures; made if missing")
	f.RegisterRun(set)
}

// RegisterRun defines the flags but for --out, for an experiment that keeps its
// results in another way.
func (f *Flags) RegisterRun(set *pflag.FlagSet) {
	set.BoolVar(&f.Quick, "quick", false, "a small part of it, in less than two minutes")
	set.BoolVar(&f.JSON, "json", false, "print JSON instead of a table")
	set.Uint64Var(&f.Seed, "seed", 1, "first seed, of the data and the training")
	set.StringVar(&f.Backend, "backend", mine.BackendAuto, "machine to compute on: "+strings.Join(mine.Backends(), ", "))
	set.IntVar(&f.Threads, "threads", 0, "threads of the CPU, 0 for all processors")
}

// A directory is a flag whose value is made when it is given: what cannot be
// written is better known before an experiment than behind it.
type directory string

func (d *directory) String() string { return string(*d) }
func (d *directory) Type() string   { return "string" }

func (d *directory) Set(path string) error {
	*d = directory(path)
	return os.MkdirAll(path, 0o755)
}

// Open opens the backend that the flags name.
func (f *Flags) Open() (backend.Backend, error) {
	return mine.OpenBackend(f.Backend, mine.BackendOptions{Threads: f.Threads})
}

// Processors returns how many threads the flags allow.
func (f *Flags) Processors() int {
	if f.Threads > 0 {
		return f.Threads
	}
	return runtime.GOMAXPROCS(0)
}

// Default sets *dst to value unless the flag was given: what --quick changes.
func Default[T any](set *pflag.FlagSet, flag string, dst *T, value T) {
	if !set.Changed(flag) {
		*dst = value
	}
}

// Shorten makes a configuration quick: one fold, one critic, a race of a quarter of the steps.
func Shorten(cfg *mine.Config) {
	cfg.Folds, cfg.Survivors, cfg.RaceSteps, cfg.TestPairs = 1, 1, cfg.Steps/4, cfg.TestPairs/10
}

// Results is what an experiment found.
type Results struct {
	Name     string // of its files
	Data     any    // for JSON
	Markdown string // a table, with what it says
	// Pictures draws into a directory; nil for none.
	Pictures func(dir string) error
}

// Write prints the results of a command and, with --out, writes NAME.json,
// NAME.md and the pictures.
func (f *Flags) Write(cmd *cobra.Command, program string, r Results) error {
	all := struct {
		report.Origin
		Results any `json:"results"`
	}{report.NewOrigin(program), r.Data}
	if f.JSON {
		enc := json.NewEncoder(cmd.OutOrStdout())
		enc.SetIndent("", "  ")
		if err := enc.Encode(all); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(cmd.OutOrStdout(), "%s\n", r.Markdown)
	}
	if f.Out == "" {
		return nil
	}
	if err := report.WriteJSON(filepath.Join(f.Out, r.Name+".json"), all); err != nil {
		return err
	}
	text := fmt.Sprintf("```\n%v\n```\n\n%s\n", all.Origin, r.Markdown)
	if err := os.WriteFile(filepath.Join(f.Out, r.Name+".md"), []byte(text), 0o644); err != nil {
		return err
	}
	if r.Pictures == nil {
		return nil
	}
	return r.Pictures(f.Out)
}
