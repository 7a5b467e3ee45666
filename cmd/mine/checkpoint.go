package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"gomine/internal/checkpoint"
	"gomine/internal/wholefile"
	"gomine/mine"
)

// checkpointFlag names the folder that training is kept in, to be gone on with.
type checkpointFlag struct {
	dir   string
	every time.Duration
}

func (f *checkpointFlag) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.dir, "checkpoint", "", "`FOLDER` to keep the training in: the same command goes on from there, whatever has ended it, and says the same, bit for bit. It is made if there is none, and stays")
	flags.DurationVar(&f.every, "checkpoint-every", 30*time.Second, "`TIME` between two checkpoints of a critic, at least")
}

// check reports a folder that cannot be written to, before anything takes time.
func (f *checkpointFlag) check(set *pflag.FlagSet, outputs ...outputFlag) error {
	switch {
	case set.Changed("checkpoint") && f.dir == "":
		return usagef("--checkpoint is empty: name a folder")
	case set.Changed("checkpoint-every") && f.dir == "":
		return usagef("--checkpoint-every says how often --checkpoint writes: name its folder, or leave it out")
	case f.every < 0:
		return usagef("--checkpoint-every is %v, want 0 or more", f.every)
	case f.dir == "":
		return nil
	}
	for _, o := range outputs {
		if o.toFile() && filepath.Dir(filepath.Clean(o.path)) == filepath.Clean(f.dir) {
			return usagef("--checkpoint %s has files of its own: name another folder for --%s %s", f.dir, o.flag, o.path)
		}
	}
	probe := f.dir
	if there, err := os.Stat(f.dir); err == nil {
		if !there.IsDir() {
			return usagef("--checkpoint %s is no folder: name one", f.dir)
		}
		probe = filepath.Join(f.dir, "manifest.json")
	}
	err := wholefile.Check(probe)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("--checkpoint %s: there is no folder %s: make it first", f.dir, filepath.Dir(f.dir))
	case err != nil:
		return fmt.Errorf("--checkpoint %s: %w", f.dir, pathCause(err))
	}
	return nil
}

// options are what the estimate has to know.
func (f *checkpointFlag) options() []mine.Option {
	if f.dir == "" {
		return nil
	}
	return []mine.Option{mine.WithCheckpoints(f.dir, f.every)}
}

// word puts an error about the folder in terms of the command line: what differs, by the flags
// that set it.
func (f *checkpointFlag) word(err error) error {
	text := oneLine(err)
	var other *checkpoint.OtherError
	if errors.As(err, &other) {
		text = other.Text(func(field string) string {
			for _, c := range configFields {
				if name, index, _ := strings.Cut(field, "["); name == "config."+c.json {
					return strings.TrimSuffix("--"+c.flag+"["+index, "[")
				}
			}
			return strings.TrimPrefix(field, "config.")
		})
	}
	return worded{"--checkpoint " + text, err}
}

// later says how to go on, behind why an estimate has ended.
func (f *checkpointFlag) later() string {
	if f.dir == "" {
		return ""
	}
	return "; the same command goes on from " + f.dir
}

// note says, of an estimate that ended by itself, what the folder is good for.
func (f *checkpointFlag) note(r mine.Result) string {
	if f.dir == "" || r.Stop.Early() {
		return ""
	}
	return fmt.Sprintf("\nThe training is in %s: the same command says this again without training. Remove it once you are done.\n", f.dir)
}
