package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gomine/internal/wholefile"
	"gomine/mine/table"
)

// outputFlag names the file that an answer goes to instead of standard output.
type outputFlag struct {
	path string
	flag string // by which it is named
}

func (f *outputFlag) register(flags *pflag.FlagSet) {
	f.flag = "output"
	flags.StringVar(&f.path, f.flag, "", "`FILE` to write to instead of standard output; it is replaced once there is a result, and never half written")
}

// toFile says whether there is a file.
func (f *outputFlag) toFile() bool { return f.path != "" && f.path != "-" }

// check reports, before anything takes time, a file that cannot be written, or that one of
// the data files would be lost to.
func (f *outputFlag) check(set *pflag.FlagSet, data []string) error {
	if set.Changed(f.flag) && f.path == "" {
		return usagef("--%s is empty: name a file, or - for standard output", f.flag)
	}
	if !f.toFile() {
		return nil
	}
	if there, err := os.Stat(f.path); err == nil && there.Mode().IsRegular() {
		for _, name := range append(table.Files(data), databaseOf(set)...) {
			if npz, _, found := strings.Cut(name, ".npz:"); found {
				name = npz + ".npz"
			}
			if read, err := os.Stat(name); err == nil && os.SameFile(there, read) {
				return usagef("--%s %s would replace the data: name another file", f.flag, f.path)
			}
		}
	}
	err := wholefile.Check(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--%s %s: there is no folder %s: make it first", f.flag, f.path, filepath.Dir(f.path))
	}
	return f.failed(err)
}

// failed says of an error what could not be written.
func (f *outputFlag) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("--%s %s: %w", f.flag, f.path, pathCause(err))
}

// write writes an answer to the file, or else to standard output, where it is not lost
// after hours of work.
func (f *outputFlag) write(cmd *cobra.Command, answer []byte) error {
	if !f.toFile() {
		return write(cmd, answer)
	}
	err := f.failed(wholefile.Write(f.path, func(w io.Writer) error {
		_, err := w.Write(answer)
		return err
	}))
	if err == nil {
		return nil
	}
	return cmp.Or(write(cmd, answer), fmt.Errorf("%w: the result is on standard output instead", err))
}
