package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gomine/internal/safetensors"
	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/criticfile"
	"gomine/mine/table"
)

// criticFlags are those of the commands that put a critic to use.
type criticFlags struct {
	input   inputFlags // without columns, which the critic names
	seed    uint64
	threads int
	backend choice
	unit    choice
	json    bool
	output  outputFlag
}

// register defines the flags, but for those of data that are in without.
func (f *criticFlags) register(cmd *cobra.Command, without ...string) (output *pflag.FlagSet) {
	all, data, computing := newFlags(), newFlags(), newFlags()
	addChoice(all, &f.input.missing, "missing", "what to do about rows that lack a value of X or Z", "error", "drop")
	f.input.format.register(all)
	all.Uint64Var(&f.seed, "seed", 1, "`N` that --sample draws by")
	all.VisitAll(func(flag *pflag.Flag) {
		if !slices.Contains(without, flag.Name) {
			data.AddFlag(flag)
		}
	})
	addGroup(cmd, "Data", data)
	f.input.format.complete(cmd)
	computing.Var((*count)(&f.threads), "threads", "`N` threads of the CPU; the result does not depend on them")
	computing.Lookup("threads").DefValue = "all processors"
	addVariable(computing, "threads", threadsVariable)
	addChoice(computing, &f.backend, "backend", "machine to compute on", mine.Backends()...)
	addVariable(computing, "backend", backendVariable)
	addGroup(cmd, "Computing", computing)
	output = newFlags()
	addChoice(output, &f.unit, "unit", "unit of information", string(nats), string(bits))
	f.output.register(output)
	return output
}

// criticArguments takes a critic and one or two files of data.
func criticArguments(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return usagef("no critic: name the file that mine estimate --save wrote, and then the data")
	case hasQuery(cmd):
		return queryAlone(cmd, args[1:])
	case len(args) == 1:
		return usagef("no data file after the critic %s: give one file, two files, or - for standard input", args[0])
	case len(args) > 3:
		return usagef("%d files after the critic, want one or two: %s", len(args)-1, strings.Join(args[1:], " "))
	case len(args) == 3 && args[1] == "-" && args[2] == "-":
		return usagef("standard input can be one of the two files, not both")
	}
	return nil
}

// check reports what is wrong before any data are read.
func (f *criticFlags) check(set *pflag.FlagSet, args []string) error {
	if err := checkThreads(set, f.threads); err != nil {
		return err
	}
	f.input.seed = f.seed
	return errors.Join(f.input.format.check(set), f.output.check(set, args))
}

// readCritic reads the file of a critic.
func readCritic(path string) (criticfile.Critic, error) {
	c, err := criticfile.ReadFile(path)
	if errors.Is(err, safetensors.ErrOther) {
		return c, worded{fmt.Sprintf("%s: %v: give the file that mine estimate --save wrote", path, safetensors.ErrOther), err}
	}
	if err != nil {
		return c, fmt.Errorf("%s: %w", path, pathCause(err))
	}
	return c, nil
}

// opened is a critic with the rows that it is to judge.
type opened struct {
	*mine.Fitted
	x, z     column.Source
	first    int            // number of the first row in its file
	warnings []mine.Warning // about the rows
	close    func() error
}

// open reads the critic and the data, and says on stderr if the critic knows the rows, or not their values.
func (f *criticFlags) open(cmd *cobra.Command, args []string, status *statusLine) (o opened, err error) {
	saved, err := readCritic(args[0])
	if err != nil {
		return o, err
	}
	ctx := cmd.Context()
	maps := saved.State.Parts
	if len(maps) == 0 {
		return o, fmt.Errorf("%s: no critic has a weight in it: there was nothing to learn", args[0])
	}
	d, err := abandon(ctx, func() (data, error) {
		return f.read(ctx, cmd, args[1:], maps[0].Maps.X.Columns(), maps[0].Maps.Z.Columns(), status)
	})
	status.clear()
	if err != nil {
		return o, err
	}
	seen, err := saved.Sketch.Seen(d.x, d.z)
	if err != nil {
		return o, err
	}
	if seen > 0 {
		o.warnings = append(o.warnings, mine.Warning{Code: warnSeen, Message: fmt.Sprintf("about %.0f%% of the rows are equal to rows of the estimate that %s comes from. Of rows that a critic was trained on it says too much: take others",
			max(1, 100*seen), args[0])})
	}
	b, err := openBackend(f.backend.value, mine.BackendOptions{Threads: f.threads}, cmd.ErrOrStderr())
	if err != nil {
		return o, openError(chosenBy(cmd.Flags(), "backend"), err)
	}
	critic, err := mine.Restore(saved.State, mine.WithBackend(b))
	if err != nil {
		return o, errors.Join(fmt.Errorf("%s: %w", args[0], err), b.Close())
	}
	o.Fitted, o.x, o.z, o.first = critic, d.x, d.z, f.input.format.rows.from
	o.close = func() error { return errors.Join(critic.Close(), b.Close()) }
	if err := o.judge(args[0], strings.Join(args[1:], ", "), saved.Rows.Train); err != nil {
		return o, errors.Join(err, o.close())
	}
	for _, w := range o.warnings {
		fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s.\n", w.Message)
	}
	return o, nil
}

func columnNames(columns []column.Column) []string {
	all := make([]string, len(columns))
	for j, c := range columns {
		all[j] = c.Name
	}
	return all
}

// read reads the columns of a critic.
func (f *criticFlags) read(ctx context.Context, cmd *cobra.Command, files []string, x, z []column.Column, status *statusLine) (d data, err error) {
	var rows [2]int
	if len(files) == 1 {
		var all []*column.Compact
		if all, _, err = f.readSides(ctx, cmd, files[0], status, x, z); err == nil {
			d = data{x: all[0], z: all[1]}
		}
	} else {
		for i, side := range [][]column.Column{x, z} {
			var all []*column.Compact
			if all, rows[i], err = f.readSides(ctx, cmd, files[i], status, side); err != nil {
				break
			}
			*[]*column.Table{&d.x, &d.z}[i] = all[0]
		}
		if err == nil && rows[0] != rows[1] {
			err = fmt.Errorf("%s has %s and %s has %s: row i of one must belong to row i of the other",
				files[0], plural(rows[0], "row"), files[1], plural(rows[1], "row"))
		}
	}
	var value *table.ValueError
	switch {
	case err == nil && f.input.missing.value == "drop":
		if f.input.left, err = leaveOut(d); err == nil && d.x.Rows() == 0 {
			err = fmt.Errorf("%s: %s: no row is left", strings.Join(files, ", "), f.input.left)
		}
	case errors.As(err, &value) && value.Missing && cmd.Flags().Lookup("missing") == nil:
		return d, worded{oneLine(err) + " (a row is scored by all its values: leave it out of the file)", err}
	}
	return d, inputError(err)
}

// readSides reads groups of columns, by their names, from one file: as codes where they are.
func (f *criticFlags) readSides(ctx context.Context, cmd *cobra.Command, file string, status *statusLine, groups ...[]column.Column) ([]*column.Compact, int, error) {
	r, err := f.input.open(ctx, cmd.InOrStdin(), file, status)
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	var wanted [][]string
	for _, group := range groups {
		wanted = append(wanted, columnNames(group))
	}
	cols, err := find(r, file, wanted)
	if err != nil {
		return nil, 0, err
	}
	var codes []int
	for i, group := range groups {
		for j, c := range group {
			if c.Kind == column.Code {
				codes = append(codes, cols[i][j])
			}
		}
	}
	r.Categorical(codes)
	all, err := r.Read(ctx, cols...)
	return all, r.Seen(), err
}

// find returns the indices of columns by their names. In a file without names, where they
// are not all numbers of columns, it is all columns in their order, if there are as many.
func find(r *table.Reader, file string, groups [][]string) ([][]int, error) {
	var cols [][]int
	var wrong error
	var missing []string // but for the first
	used := map[int]string{}
	total := 0
	for _, group := range groups {
		var found []int
		for _, name := range group {
			one, err := r.Select("", `"`+strings.ReplaceAll(name, `"`, `""`)+`"`)
			if err == nil && len(one) > 1 {
				err = usagef("%s: column %s is a list of %d values, and was a single one: the critic is of another file", file, name, len(one))
			}
			if err == nil && used[one[0]] != "" {
				err = usagef("%s: column %s is in X and in Z of the critic: give two files, one for each", file, name)
			}
			switch {
			case err != nil && wrong == nil:
				wrong = err
				continue
			case err != nil:
				missing = append(missing, name)
				continue
			}
			used[one[0]] = name
			found = append(found, one[0])
		}
		cols = append(cols, found)
		total += len(group)
	}
	switch {
	case wrong != nil && missing != nil && r.HasHeader():
		return nil, usagef("%s; also missing: %s", oneLine(wrong), listNames(missing))
	case wrong == nil || r.HasHeader():
		return cols, wrong
	}
	if n := len(r.Columns()); n != total {
		return nil, usagef("%s has no names and %s, but the critic has %d: give those of X and then those of Z, or names (%s)",
			file, plural(n, "column"), total, listNames(slices.Concat(groups...)))
	}
	at := 0
	for i, group := range groups {
		cols[i] = nil
		for range group {
			cols[i] = append(cols[i], at)
			at++
		}
	}
	return cols, nil
}

// listNames names a few columns.
func listNames(all []string) string {
	const most = 8
	text := strings.Join(all[:min(most, len(all))], ", ")
	if more := len(all) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
