package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gomine/mine/column"
	"gomine/mine/table"
)

// inputFlags say which columns of which files are X and Z.
type inputFlags struct {
	x, z      string
	group     string
	separator separator
	header    choice
}

func (f *inputFlags) register(flags *pflag.FlagSet) {
	// Without a shorthand cobra completes no flag of one letter.
	flags.StringVarP(&f.x, "x", "x", "", "which `COLUMNS` are X")
	flags.StringVarP(&f.z, "z", "z", "", "which `COLUMNS` are Z")
	flags.StringVar(&f.group, "group", "", "`COLUMN` of numbers, equal in rows that belong together, such as those of one person: no group is both trained and tested on, and the error is that of groups. Of two files, it is in the first")
	flags.Var(&f.separator, "separator", "`CHAR` between fields: auto, comma, semicolon, pipe, tab, space or any other")
	addChoice(flags, &f.header, "header", "whether the first line names the columns", "auto", "yes", "no")
}

// complete sets the completions of the flags.
func (f *inputFlags) complete(cmd *cobra.Command) {
	complete(cmd, "separator", cobra.FixedCompletions([]string{"auto", "comma", "semicolon", "pipe", "tab", "space"}, cobra.ShellCompDirectiveNoFileComp))
	complete(cmd, "x", f.completeColumns(0))
	complete(cmd, "z", f.completeColumns(1))
	complete(cmd, "group", f.completeColumns(0))
}

// check reports what is missing or contradictory before any file is opened.
func (f *inputFlags) check(files []string) error {
	switch {
	case len(files) == 2 && files[0] == "-" && files[1] == "-":
		return usagef("standard input can be one of the two files, not both")
	case len(files) == 2 && files[0] == files[1]:
		return usagef("%s is given twice: give it once, with --x and --z", files[0])
	case len(files) == 2:
		return nil
	}
	var missing []string
	if f.x == "" {
		missing = append(missing, "--x")
	}
	if f.z == "" {
		missing = append(missing, "--z")
	}
	if missing == nil {
		return nil
	}
	return usagef("one file needs %s as well: COLUMNS such as a,b or 0:3 or 'X*'", strings.Join(missing, " and "))
}

func (f *inputFlags) options(progress func(done, total int64)) table.Options {
	o := table.Options{Comma: rune(f.separator), Progress: progress}
	switch f.header.value {
	case "yes":
		o.Header = table.HeaderYes
	case "no":
		o.Header = table.HeaderNo
	}
	return o
}

// data are the columns that the flags choose.
type data struct {
	x, z   *column.Compact
	groups *column.Compact // nil without --group
}

// read reads the columns of X, of Z and of the groups.
func (f *inputFlags) read(ctx context.Context, stdin io.Reader, files []string, status *statusLine) (data, error) {
	d, err := abandon(ctx, func() (d data, err error) {
		if len(files) == 1 {
			return f.readOne(ctx, stdin, files[0], status)
		}
		if d.x, d.groups, err = f.readFirst(ctx, stdin, files[0], status); err != nil {
			return d, err
		}
		if d.z, err = f.readAll(ctx, stdin, files[1], "--z", f.z, status); err != nil {
			return d, err
		}
		if d.x.Rows() != d.z.Rows() {
			return d, fmt.Errorf("%s has %s and %s has %s: row i of one must belong to row i of the other",
				files[0], plural(d.x.Rows(), "row"), files[1], plural(d.z.Rows(), "row"))
		}
		return d, nil
	})
	return d, inputError(err)
}

// inputError puts an error of package table in terms of the command line:
// columns that cannot be had are an error of usage.
func inputError(err error) error {
	if errors.As(err, new(*table.SelectError)) {
		return usageError{err}
	}
	var value *table.ValueError
	if errors.As(err, &value) && value.Line == 1 && errors.Is(err, strconv.ErrSyntax) {
		return worded{oneLine(err) + " (if the first line names the columns, say so with --header yes)", err}
	}
	return err
}

// readOne reads all columns from one file.
func (f *inputFlags) readOne(ctx context.Context, stdin io.Reader, file string, status *statusLine) (data, error) {
	r, err := f.open(stdin, file, status)
	if err != nil {
		return data{}, err
	}
	defer r.Close()
	xs, errX := r.Select("--x", f.x)
	zs, errZ := r.Select("--z", f.z)
	group, errGroup := f.selectGroup(r)
	if err := errors.Join(errX, errZ, errGroup); err != nil {
		return data{}, err
	}
	if err := errors.Join(r.Disjoint("--x", xs, "--z", zs), r.Disjoint("--x", xs, "--group", group), r.Disjoint("--z", zs, "--group", group)); err != nil {
		return data{}, err
	}
	if group == nil {
		m, err := r.Read(ctx, xs, zs)
		if err != nil {
			return data{}, err
		}
		return data{x: m[0], z: m[1]}, nil
	}
	m, err := r.Read(ctx, xs, zs, group)
	if err != nil {
		return data{}, err
	}
	return data{m[0], m[1], m[2]}, nil
}

// readAll reads the columns of spec, or all if it is empty.
func (f *inputFlags) readAll(ctx context.Context, stdin io.Reader, file, flag, spec string, status *statusLine) (*column.Compact, error) {
	r, err := f.open(stdin, file, status)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if spec == "" {
		spec = ":"
	}
	cols, err := r.Select(flag, spec)
	if err != nil {
		return nil, err
	}
	m, err := r.Read(ctx, cols)
	if err != nil {
		return nil, err
	}
	return m[0], nil
}

func (f *inputFlags) open(stdin io.Reader, file string, status *statusLine) (*table.Reader, error) {
	o := f.options(status.reading(file))
	if file == "-" && stdin != os.Stdin {
		return table.OpenStream("stdin", stdin, o)
	}
	return table.Open(file, o)
}

// abandon runs f and returns what it returns, or, soon after ctx is cancelled,
// the context's error: f may be waiting for a pipe, which no context ends. The
// process is about to end then, and f with it.
func abandon[T any](ctx context.Context, f func() (T, error)) (T, error) {
	// In this time f, if it is not stuck, removes its temporary files.
	const grace = 200 * time.Millisecond
	done := make(chan struct{})
	var got, none T
	var err error
	go func() {
		defer close(done)
		got, err = f()
	}()
	select {
	case <-done:
		return got, err
	case <-ctx.Done():
	}
	select {
	case <-done:
		return got, err
	case <-time.After(grace):
		return none, ctx.Err()
	}
}

// completeColumns completes the last part of a column specification by the
// names in file i on the command line, or in the only one.
func (f *inputFlags) completeColumns(i int) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		const none = cobra.ShellCompDirectiveNoFileComp
		if len(args) == 0 || args[min(i, len(args)-1)] == "-" {
			return nil, none
		}
		r, err := table.Open(args[min(i, len(args)-1)], f.options(nil))
		if err != nil {
			return nil, none
		}
		defer r.Close()
		before := typed[:strings.LastIndexByte(typed, ',')+1]
		var all []string
		for _, name := range r.Columns() {
			all = append(all, before+name)
		}
		return all, none | cobra.ShellCompDirectiveNoSpace
	}
}

// source is where X or Z came from.
type source struct {
	File    string `json:"file"`
	Columns string `json:"columns,omitempty"` // as given; all if empty
}

// sources returns where X and Z came from.
func (f *inputFlags) sources(files []string) (x, z source) {
	return source{files[0], f.x}, source{files[len(files)-1], f.z}
}
