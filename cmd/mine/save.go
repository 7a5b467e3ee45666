package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/pflag"

	"gomine/internal/wholefile"
	"gomine/mine"
	"gomine/mine/criticfile"
)

// saveFlag names the file that the critic of an estimate goes to.
type saveFlag struct {
	outputFlag
	done bool
	err  error // why there is no file, though there is a result
}

func (f *saveFlag) register(flags *pflag.FlagSet) {
	f.flag = "save"
	flags.StringVar(&f.path, f.flag, "", "`FILE` for the trained critic, of the format safetensors, to be used by mine score and mine evaluate, or PyTorch; never half written")
}

// check reports a file that cannot be written, before anything takes time.
func (f *saveFlag) check(set *pflag.FlagSet, data []string, output string) error {
	switch {
	case f.path == "-" || set.Changed(f.flag) && f.path == "":
		return usagef("--save %q is no file: name one, such as critic.safetensors", f.path)
	case f.toFile() && output != "" && filepath.Clean(output) == filepath.Clean(f.path):
		return usagef("--save and --output both are %s: name two files", f.path)
	}
	return f.outputFlag.check(set, data)
}

// estimate estimates, and saves the critic if there is a file for it.
func (f *saveFlag) estimate(ctx context.Context, d data, config mine.Config, options []mine.Option) (mine.Result, error) {
	if !f.toFile() {
		return mine.Estimate(ctx, d.x.InPlace(), d.z.InPlace(), config, options...)
	}
	sketch, err := criticfile.NewSketch(d.x, d.z)
	if err != nil {
		return mine.Result{}, err
	}
	critic, r, err := mine.Fit(ctx, d.x.InPlace(), d.z.InPlace(), config, options...)
	if critic == nil {
		return r, err
	}
	about := criticfile.About{Program: version(), Backend: r.Backend, Device: r.Device, Rows: r.Rows, Bound: r.Bound}
	state := critic.State()
	if len(state.Parts) == 0 {
		f.err = fmt.Errorf("--save %s: no critic found anything, so that there is none to be saved; the result stands", f.path)
		return r, errors.Join(err, critic.Close())
	}
	f.err = f.failed(wholefile.Write(f.path, func(w io.Writer) error {
		return criticfile.Write(w, criticfile.Critic{About: about, State: state, Sketch: sketch})
	}))
	if f.done = f.err == nil; !f.done {
		f.err = fmt.Errorf("%w: there is a result, but no critic", f.err)
	}
	return r, errors.Join(err, critic.Close())
}
