package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gomine/mine/simulate"
	"gomine/mine/table"
)

// simulateFlags are the flags of mine simulate.
type simulateFlags struct {
	params simulate.Params

	mapX, mapZ choice
	rows       int
	seed       uint64
	out, outZ  string
}

// parameter is a flag for one field of simulate.Params.
type parameter struct {
	flag, name, usage string // name as in Family.Reads and ParamError.Param

	of func(*simulate.Params) any // pointer to the field
}

var parameters = []parameter{
	{"dim", "dim", "`N` columns of X and of Z each",
		func(p *simulate.Params) any { return &p.Dim }},
	{"dim-x", "dim-x", "`N` columns of X, in families where it may differ from Z",
		func(p *simulate.Params) any { return &p.DimX }},
	{"dim-z", "dim-z", "`N` columns of Z, in families where it may differ from X",
		func(p *simulate.Params) any { return &p.DimZ }},
	{"pairs", "pairs", "`N` pairs of columns that are dependent, 0 for all",
		func(p *simulate.Params) any { return &p.Pairs }},
	{"rho", "rho", "correlation `R` of each pair, between -1 and 1",
		func(p *simulate.Params) any { return &p.Rho }},
	{"mi", "info", "mutual information to reach in `NATS`, in place of --rho or --noise",
		func(p *simulate.Params) any { return &p.Info }},
	{"noise", "noise", "strength `S` of the noise, as the family has it",
		func(p *simulate.Params) any { return &p.Noise }},
	{"nu", "nu", "degrees of freedom `N`; few make heavy tails",
		func(p *simulate.Params) any { return &p.Nu }},
	{"theta", "theta", "parameter `T` of a copula or of a gamma distribution",
		func(p *simulate.Params) any { return &p.Theta }},
	{"components", "components", "`N` components of a mixture",
		func(p *simulate.Params) any { return &p.Components }},
	{"symbols", "symbols", "size `N` of the alphabet",
		func(p *simulate.Params) any { return &p.Symbols }},
	{"turns", "turns", "`N` rounds that Z makes while X makes one, or waves of a sine",
		func(p *simulate.Params) any { return &p.Turns }},
	{"task-seed", "seed", "`N` that chooses the task itself: its random matrices",
		func(p *simulate.Params) any { return &p.Seed }},
}

func newSimulate() *cobra.Command {
	var f simulateFlags
	cmd := &cobra.Command{
		Use:   "simulate FAMILY --out FILE [flags]\nsimulate list",
		Short: "Write data with known mutual information",
		Long: `Write data with known mutual information, and say on standard error what it is.

The name of FILE says the format: .csv (header X0,X1,..,Z0,Z1,..) or .npy (no
names; the columns of X come first). - is CSV to standard output. With --out-z
the columns of Z go to a file of their own. The same flags give the same rows,
and more rows begin with the fewer ones. --map-x and --map-z change how the data
look, not the mutual information.

Families, and the flags that they read:
` + strings.TrimSuffix(familyList(), "\n"),
		Example: `  mine simulate gaussian --dim 20 --rho 0.5 --rows 100000 --out g.csv
  mine simulate gaussian --dim 3 --mi 2 --map-z cubic --out - | mine estimate - --x 'X*' --z 'Z*'
  mine simulate student --dim-x 2 --dim-z 2 --out x.npy --out-z z.npy`,
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, family := range simulate.Families() {
				if len(args) == 0 {
					names = append(names, family.Name+"\t"+family.Summary)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return usagef("no family: see mine simulate list")
			case len(args) > 1:
				return usagef("%d families, want one: %s", len(args), strings.Join(args, " "))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	sample, task := newFlags(), newFlags()
	f.rows = 10_000
	sample.Var((*count)(&f.rows), "rows", "`N` rows")
	sample.Uint64Var(&f.seed, "seed", 1, "`N` that the rows follow from")
	sample.StringVar(&f.out, "out", "", "`FILE` to write, .csv or .npy, or -")
	sample.StringVar(&f.outZ, "out-z", "", "`FILE` for the columns of Z alone")
	addGroup(cmd, "Sample", sample)

	for _, p := range parameters {
		switch field := p.of(&f.params).(type) {
		case *int:
			task.Var((*count)(field), p.flag, p.usage)
		case *float64:
			task.Float64Var(field, p.flag, 0, p.usage)
		case *uint64:
			task.Uint64Var(field, p.flag, 0, p.usage)
		}
		task.Lookup(p.flag).DefValue = "" // each family has its own
	}
	addChoice(task, &f.mapX, "map-x", "map of the columns of X", simulate.Maps()...)
	addChoice(task, &f.mapZ, "map-z", "map of the columns of Z", simulate.Maps()...)
	addGroup(cmd, "Distribution", task)

	cmd.AddCommand(&cobra.Command{
		Use:   "list",
		Short: "List the families",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return write(cmd, []byte(familyList()))
		},
	})
	return cmd
}

// familyList describes each family: what it is, and its flags with their
// defaults.
func familyList() string {
	const left = 19 // width of the names
	var b strings.Builder
	for _, family := range simulate.Families() {
		name := family.Name
		for _, line := range wrap(strings.Fields(family.Summary), helpWidth-left) {
			fmt.Fprintf(&b, "  %-*s%s\n", left-2, name, line)
			name = ""
		}
		var flags []string
		for _, p := range parameters {
			if slices.Contains(family.Reads, p.name) {
				value := p.text(family.Defaults)
				if value == "" {
					value, _ = pflag.UnquoteUsage(&pflag.Flag{Usage: p.usage})
				}
				flags = append(flags, "--"+p.flag+" "+value)
			}
		}
		fmt.Fprintf(&b, "%*s  %s\n", left, "", strings.Join(flags, " "))
	}
	return b.String()
}

// text is the value of a parameter, or "" if it is left at 0.
func (p parameter) text(params simulate.Params) string {
	switch field := p.of(&params).(type) {
	case *int:
		if *field != 0 {
			return strconv.Itoa(*field)
		}
	case *float64:
		if *field != 0 {
			return strconv.FormatFloat(*field, 'g', 4, 64)
		}
	case *uint64:
		if *field != 0 {
			return strconv.FormatUint(*field, 10)
		}
	}
	return ""
}

func (f *simulateFlags) run(cmd *cobra.Command, name string) error {
	if f.rows < 1 {
		return usagef("--rows is %d, want at least 1", f.rows)
	}
	if err := f.checkOut(); err != nil {
		return err
	}
	task, err := f.task(name, cmd.Flags())
	if err != nil {
		return err
	}
	ctx, stdout := cmd.Context(), cmd.OutOrStdout()
	status := newStatusLine(cmd.ErrOrStderr(), nats)
	if f.outZ == "" {
		err = f.write(ctx, f.out, stdout, append(numbered("X", task.DX), numbered("Z", task.DZ)...),
			f.samples(task, 0, task.DX+task.DZ, status))
	} else if err = f.write(ctx, f.out, stdout, numbered("X", task.DX), f.samples(task, 0, task.DX, status)); err == nil {
		err = f.write(ctx, f.outZ, stdout, numbered("Z", task.DZ), f.samples(task, task.DX, task.DX+task.DZ, status))
	}
	status.clear()
	switch {
	case errors.Is(err, context.Canceled):
		return interruptedError("interrupted, the data are incomplete: " + oneLine(err))
	case err != nil:
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s, %d rows -> %s\n", truth(task), f.rows, f.destination(task))
	return nil
}

// checkOut checks the names of the files.
func (f *simulateFlags) checkOut() error {
	if f.out == "" {
		return usagef("--out is missing: name a file that ends in .csv or .npy, or - for standard output")
	}
	if f.outZ == f.out {
		return usagef("--out-z is the same as --out: leave it out for one file with all columns")
	}
	for flag, path := range map[string]string{"--out": f.out, "--out-z": f.outZ} {
		switch ext := strings.ToLower(filepath.Ext(path)); ext {
		case ".csv", ".npy", "":
		default:
			return usagef("%s %s: cannot write %s, want a name that ends in .csv or .npy", flag, path, ext)
		}
	}
	return nil
}

// task makes the task of a family from its defaults and the flags that were
// set.
func (f *simulateFlags) task(name string, set *pflag.FlagSet) (*simulate.Task, error) {
	families := simulate.Families()
	i := slices.IndexFunc(families, func(family simulate.Family) bool { return family.Name == name })
	if i < 0 {
		return nil, unknownFamily(name, families)
	}
	family := families[i]
	reads := func(parameter string) bool { return slices.Contains(family.Reads, parameter) }
	random := simulate.MapReadsSeed(f.mapX.value) || simulate.MapReadsSeed(f.mapZ.value)

	params := family.Defaults
	for _, p := range parameters {
		switch {
		case !set.Changed(p.flag):
		case p.name == "dim" && reads("dim-x") && reads("dim-z"):
			params.DimX, params.DimZ = f.params.Dim, f.params.Dim
		case reads(p.name), p.name == "seed" && random:
			p.copy(&params, &f.params)
		default:
			return nil, usagef("family %s does not read --%s: see mine simulate list", name, p.flag)
		}
	}
	if set.Changed("mi") {
		if !(params.Info > 0) || math.IsInf(params.Info, 1) {
			return nil, usagef("--mi is %v, want a positive number (family independent has 0, identical has infinity)", params.Info)
		}
		for _, flag := range []string{"rho", "noise"} {
			if set.Changed(flag) {
				return nil, usagef("--mi and --%s exclude each other", flag)
			}
		}
	}
	task, err := simulate.New(name, params, f.mapX.value, f.mapZ.value)
	return task, refusedFlag(name, err)
}

// refusedFlag puts the flag in place of the parameter in an error of
// simulate.New.
func refusedFlag(family string, err error) error {
	var refused *simulate.ParamError
	if !errors.As(err, &refused) {
		return err
	}
	flag := refused.Param // --map-x and --map-z are spelled alike
	for _, p := range parameters {
		if p.name == refused.Param {
			flag = p.flag
		}
	}
	return usageError{worded{fmt.Sprintf("%s: --%s is %v, want %s", family, flag, refused.Value, refused.Want), err}}
}

func (p parameter) copy(dst, src *simulate.Params) {
	switch field := p.of(dst).(type) {
	case *int:
		*field = *p.of(src).(*int)
	case *float64:
		*field = *p.of(src).(*float64)
	case *uint64:
		*field = *p.of(src).(*uint64)
	}
}

func unknownFamily(name string, families []simulate.Family) error {
	var names []string
	for _, family := range families {
		names = append(names, family.Name)
	}
	if near := suggest(name, names); len(near) > 0 {
		return usagef("unknown family %q: did you mean %s?", name, strings.Join(near, " or "))
	}
	return usagef("unknown family %q: see mine simulate list", name)
}

// write writes one file of the sample; - is stdout.
func (f *simulateFlags) write(ctx context.Context, path string, stdout io.Writer, names []string, rows iter.Seq[[]float64]) error {
	if strings.EqualFold(filepath.Ext(path), ".npy") {
		return table.WriteNPY(ctx, path, stdout, f.rows, len(names), rows)
	}
	return table.WriteCSV(ctx, path, stdout, names, rows)
}

// samples yields the rows of the sample, columns [from, to) of X and Z side by
// side.
func (f *simulateFlags) samples(task *simulate.Task, from, to int, status *statusLine) iter.Seq[[]float64] {
	const chunk = 1024 // rows at a time
	return func(yield func([]float64) bool) {
		x, z := make([]float64, chunk*task.DX), make([]float64, chunk*task.DZ)
		row := make([]float64, task.DX+task.DZ)
		for first := 0; first < f.rows; first += chunk {
			n := min(chunk, f.rows-first)
			// The sizes fit, so the error is always nil.
			_ = task.Fill(first, f.seed, x[:n*task.DX], z[:n*task.DZ])
			for i := range n {
				copy(row, x[i*task.DX:(i+1)*task.DX])
				copy(row[task.DX:], z[i*task.DZ:(i+1)*task.DZ])
				if !yield(row[from:to]) {
					return
				}
			}
			status.show("writing", int64(first+n), int64(f.rows), plural(first+n, "row"))
		}
	}
}

// numbered returns prefix0, prefix1, ..., n names.
func numbered(prefix string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = prefix + strconv.Itoa(i)
	}
	return names
}

// truth says what the mutual information of a task is.
func truth(task *simulate.Task) string {
	value := "infinite"
	switch {
	case math.IsInf(task.Truth, 1):
	case task.Truth > 0 && task.Truth < 0.1:
		value = fmt.Sprintf("%.4g nats", task.Truth)
	default:
		value = fmt.Sprintf("%.4f nats", task.Truth)
	}
	what := []string{task.Name}
	families := simulate.Families()
	i := slices.IndexFunc(families, func(family simulate.Family) bool { return family.Name == task.Name })
	for _, p := range parameters {
		text := p.text(task.Params)
		if text != "" && p.name != "info" && slices.Contains(families[i].Reads, p.name) {
			what = append(what, p.flag+" "+text)
		}
	}
	for _, m := range []struct{ side, name string }{{"X", task.MapX}, {"Z", task.MapZ}} {
		if m.name != "none" {
			what = append(what, m.name+" map of "+m.side)
		}
	}
	return fmt.Sprintf("I(X;Z) = %s (%s)", value, strings.Join(what, ", "))
}

// destination says where the columns went.
func (f *simulateFlags) destination(task *simulate.Task) string {
	place := func(path string) string {
		if path == "-" {
			return "standard output"
		}
		return path
	}
	switch {
	case f.outZ != "":
		return place(f.out) + ", " + place(f.outZ)
	case strings.EqualFold(filepath.Ext(f.out), ".npy"):
		return fmt.Sprintf("%s (--x 0:%d --z %d:%d)", f.out, task.DX, task.DX, task.DX+task.DZ)
	}
	return place(f.out)
}
