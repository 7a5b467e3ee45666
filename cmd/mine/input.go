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

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/table"
)

// inputFlags say which columns of which files are X and Z.
type inputFlags struct {
	x, z    string
	group   string
	given   string   // Y, of mine estimate and mine test
	codes   []string // columns, as --categorical has them
	format  formatFlags
	missing choice
	seed    uint64     // of --sample
	gaps    bool       // rows that lack a value stay where they are, as gaps in time
	memory  mine.Bytes // that the data may take

	files int // that are read

	found map[string]bool // the parts of --categorical that a file has
	left  left            // rows that were left out, once they are read
	wide  bool            // a file has more columns than rows
}

// oneOrTwoFiles checks the arguments of a command that reads X and Z.
func oneOrTwoFiles(cmd *cobra.Command, args []string) error {
	switch {
	case hasQuery(cmd):
		return queryAlone(cmd, args)
	case len(args) == 0:
		return usagef("no data file: give one file, two files, or - for standard input")
	case len(args) > 2:
		return usagef("%d files, want one or two: %s. Files with more rows of one table are one pattern in quotes, such as 'part-*.csv'", len(args), strings.Join(args, " "))
	}
	return nil
}

func (f *inputFlags) register(flags *pflag.FlagSet) {
	// Without a shorthand cobra completes no flag of one letter.
	flags.StringVarP(&f.x, "x", "x", "", "which `COLUMNS` are X")
	flags.StringVarP(&f.z, "z", "z", "", "which `COLUMNS` are Z")
	f.registerRows(flags)
}

// registerRows defines the flags that say how the rows are to be read and what belongs together.
func (f *inputFlags) registerRows(flags *pflag.FlagSet) {
	flags.StringVar(&f.group, "group", "", "`COLUMN` of numbers or names, equal in rows that belong together, such as those of one person: no group is both trained and tested on, and the error is that of groups. Of two files, it is in the first")
	flags.StringSliceVar(&f.codes, "categorical", nil, "`COLUMNS` of X or Z whose values are codes without an order, numbers too; columns of words are in any case")
	flags.Lookup("categorical").DefValue = ""
	addChoice(flags, &f.missing, "missing", "what to do about rows that lack a value of X or Z", "error", "drop")
	f.format.register(flags)
}

// complete sets the completions of the flags.
func (f *inputFlags) complete(cmd *cobra.Command) {
	complete(cmd, "x", f.completeColumns(0))
	complete(cmd, "z", f.completeColumns(1))
	f.completeRows(cmd)
}

// completeRows sets those of registerRows.
func (f *inputFlags) completeRows(cmd *cobra.Command) {
	f.format.complete(cmd)
	complete(cmd, "group", f.completeColumns(0))
	complete(cmd, "categorical", f.completeColumns(0))
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
	o := f.format.options(progress)
	o.Seed = f.seed
	if f.missing.value == "drop" {
		o.Missing = table.MissingNaN
	}
	o.Memory = int64(f.memory) / int64(readShare*max(1, f.files))
	return o
}

// readShare is the part of --memory that rows may take as they are read, of all files together: as
// much again is for those that training takes, see mine.Config.
const readShare = 6

// checkMemory refuses --memory to commands that have all rows in memory.
func checkMemory(cmd *cobra.Command) error {
	if cmd.Flags().Changed("memory") {
		return usagef("--memory is of mine estimate; mine %s has all rows in memory: take some of them, by --rows or --sample", cmd.Name())
	}
	return nil
}

// data are the columns that the flags choose.
type data struct {
	x, z   column.Table
	groups column.Table // nil without --group
	given  column.Table // nil without --given
}

// close removes what is in temporary files.
func (d data) close() error {
	var errs []error
	for _, t := range []column.Table{d.x, d.z, d.groups, d.given} {
		if t != nil {
			errs = append(errs, t.Close())
		}
	}
	return errors.Join(errs...)
}

// read reads the columns of X, of Z, of the groups and of the condition.
func (f *inputFlags) read(ctx context.Context, stdin io.Reader, files []string, status *statusLine) (data, error) {
	f.files = len(files)
	d, err := abandon(ctx, func() (data, error) {
		if len(files) == 1 {
			return f.readOne(ctx, stdin, files[0], status)
		}
		return f.readTwo(ctx, stdin, files, status)
	})
	if err == nil {
		err = f.checkCategorical(files)
	}
	if err == nil && f.missing.value == "drop" && !f.gaps {
		if f.left, err = leaveOut(d); err == nil && d.x.Rows() == 0 {
			err = fmt.Errorf("%s: %s: no row is left", strings.Join(files, ", "), f.left)
		}
	}
	if err != nil {
		return data{}, errors.Join(inputError(err), d.close())
	}
	return d, nil
}

// readTwo reads X and what is beside it from one file and Z from the other.
func (f *inputFlags) readTwo(ctx context.Context, stdin io.Reader, files []string, status *statusLine) (d data, err error) {
	var rows, rowsZ int
	if d, rows, err = f.readFirst(ctx, stdin, files[0], status); err != nil {
		return d, err
	}
	if d.z, rowsZ, err = f.readAll(ctx, stdin, files[1], "--z", f.z, status); err != nil {
		return d, err
	}
	if rows != rowsZ {
		return d, fmt.Errorf("%s has %s and %s has %s: row i of one must belong to row i of the other",
			files[0], plural(rows, "row"), files[1], plural(rowsZ, "row"))
	}
	return d, nil
}

// inputError puts an error of package table in terms of the command line:
// columns that cannot be had are an error of usage.
func inputError(err error) error {
	if errors.As(err, new(*table.SelectError)) {
		return usageError{err}
	}
	var value *table.ValueError
	switch {
	case !errors.As(err, &value):
	case value.Missing:
		return worded{oneLine(err) + " (--missing drop leaves them out)", err}
	case value.Line == 1 && errors.Is(err, strconv.ErrSyntax):
		return worded{oneLine(err) + " (if the first line names the columns, say so with --header yes)", err}
	}
	return err
}

// readOne reads all columns from one file.
func (f *inputFlags) readOne(ctx context.Context, stdin io.Reader, file string, status *statusLine) (data, error) {
	r, err := f.open(ctx, stdin, file, status)
	if err != nil {
		return data{}, err
	}
	defer r.Close()
	xs, errX := r.Select("--x", f.x)
	zs, errZ := r.Select("--z", f.z)
	b, errBeside := f.selectBeside(r)
	if err := errors.Join(errX, errZ, errBeside); err != nil {
		return data{}, err
	}
	if err := errors.Join(r.Disjoint("--x", xs, "--z", zs), b.check(r, "--x", xs), b.check(r, "--z", zs), r.Disjoint("--group", b.group, "--given", b.given)); err != nil {
		return data{}, err
	}
	m, err := r.ReadTables(ctx, b.wanted(xs, zs)...)
	if err != nil {
		return data{}, err
	}
	f.wide = f.wide || len(r.Columns()) > m[0].Rows()
	d := data{x: m[0], z: m[1]}
	b.store(&d, m[2:])
	return d, nil
}

// readAll reads the columns of spec, or all if it is empty, and says of how many rows.
func (f *inputFlags) readAll(ctx context.Context, stdin io.Reader, file, flag, spec string, status *statusLine) (all column.Table, rows int, err error) {
	r, err := f.open(ctx, stdin, file, status)
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	if spec == "" {
		spec = ":"
	}
	cols, err := r.Select(flag, spec)
	if err != nil {
		return nil, 0, err
	}
	m, err := r.ReadTables(ctx, cols)
	if err != nil {
		return nil, 0, err
	}
	f.wide = f.wide || len(r.Columns()) > m[0].Rows()
	return m[0], r.Seen(), nil
}

func (f *inputFlags) open(ctx context.Context, stdin io.Reader, file string, status *statusLine) (*table.Reader, error) {
	r, err := f.format.open(ctx, stdin, file, f.options(status.reading(file)))
	if err == nil {
		f.markCategorical(r)
	}
	return r, err
}

// open opens a file, standard input, or the query.
func (f *formatFlags) open(ctx context.Context, stdin io.Reader, file string, o table.Options) (*table.Reader, error) {
	switch {
	case f.sql.query != "":
		return f.sql.open(ctx, o)
	case file == "-" && stdin != os.Stdin:
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
	Rows    string `json:"rows,omitempty"`    // as given; all if empty
	Sample  int    `json:"sample,omitempty"`  // of the rows; all if 0
	// Of --missing drop: how many rows were left out, and how many of them lacked a
	// value of a column of this side.
	LeftOut int            `json:"left_out,omitempty"`
	Lacking map[string]int `json:"lacking,omitempty"`
}

// sources returns where X and Z came from.
func (f *inputFlags) sources(files []string) (x, z source) {
	all := source{Rows: f.format.rows.String(), Sample: f.format.sample, LeftOut: f.left.rows}
	x, z = all, all
	x.File, x.Columns, x.Lacking = files[0], f.x, f.left.lacking("x")
	z.File, z.Columns, z.Lacking = files[len(files)-1], f.z, f.left.lacking("z")
	return x, z
}
