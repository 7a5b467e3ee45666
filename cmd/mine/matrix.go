package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/independence"
	"gomine/mine/pairwise"
)

// matrixFlags are the flags of mine matrix.
type matrixFlags struct {
	estimateFlags // but for X, Z and what is written
	columns       string
	groups        string
	pairs         pairwise.Config // but for FDRMethod and Estimate
	fdrMethod     choice
	screenOnly    bool
	part          shardFlag
	output        matrixOutput
}

func newMatrix() *cobra.Command {
	var f matrixFlags
	cmd := &cobra.Command{
		Use:   "matrix FILE [flags]",
		Short: "Estimate the information of all pairs of columns or groups",
		Long: `Estimate the mutual information of all pairs of columns, or of groups of
columns.

A screen looks at every pair: at the correlation of the ranks, and at a table of
bins, which sees what is not monotone. Its p-values are of rows that are
independent of each other; series are noticed, and count for fewer rows. Of the
pairs that --fdr leaves, the --top ones by the information of the screen are
estimated by networks, each as mine estimate does it with the same flags.

--groups FILE has one group of columns a line, as in
  size = carat,length_mm,width_mm
  price = price_usd
with COLUMNS as for --columns. Lines that begin with # are comments, and no
column may be in two groups. Columns in none are left out.

The strongest pairs are printed. With --output all are written: to a file, as
its name ends (.csv, .json, .md; .png and .svg for a heat map of the normalised
information), or as all five to a folder. Beside it is a journal while networks
are trained: the same command goes on after an interruption or a kill, and
loses the pairs that were in work alone.

Normalised information is sqrt(1 - exp(-2 I)), from 0 to 1: the size of the
correlation, if the two were normal.
Exit codes: 0 done, 1 error, 2 error in the command line, 130 interrupted.`,
		Example: `  mine matrix data.csv
  mine matrix data.csv --screen-only --output pairs.csv
  mine matrix data.csv --groups groups.txt --effort normal --output result/`,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, f.input.format.sql.files(args)[0]) },
	}
	data, pairs, method, training, output := newFlags(), newFlags(), newFlags(), newFlags(), newFlags()
	data.StringVar(&f.columns, "columns", "", "which `COLUMNS`, as for --x of mine estimate")
	data.Lookup("columns").DefValue = "all"
	data.StringVar(&f.groups, "groups", "", "`FILE` of groups of columns")
	data.StringVar(&f.input.group, "group", "", "`COLUMN` of numbers or names, equal in rows that belong together, such as those of one person")
	data.StringSliceVar(&f.input.codes, "categorical", nil, "`COLUMNS` whose values are codes without an order, numbers too; columns of words are in any case")
	addChoice(data, &f.input.missing, "missing", "what to do about rows that lack a value of a column in use", "error", "drop")
	f.input.format.register(data)
	addGroup(cmd, "Data", data)
	f.input.format.complete(cmd)
	for _, flag := range []string{"columns", "group", "categorical"} {
		complete(cmd, flag, f.input.completeColumns(0))
	}
	f.pairs = pairwise.DefaultConfig(helpRows[0])
	pairs.Float64Var(&f.pairs.FDR, "fdr", f.pairs.FDR, "`RATE` of false discoveries among the pairs that the screen leaves")
	addFDRMethod(pairs, &f.fdrMethod)
	pairs.Var((*count)(&f.pairs.Top), "top", "`N` pairs at most for the networks, those of the most information by the screen")
	pairs.BoolVar(&f.pairs.All, "all", false, "networks for all pairs, whatever the screen says")
	pairs.BoolVar(&f.screenOnly, "screen-only", false, "no networks")
	f.part.register(pairs, "pairs")
	addGroup(cmd, "Pairs", pairs)
	f.registerSettings(cmd, method, training, mine.Fast)
	addChoice(output, &f.unit, "unit", "unit of information in what is printed", string(nats), string(bits))
	output.BoolVar(&f.json, "json", false, "print all pairs as one JSON object")
	f.output.register(output)
	addGroup(cmd, "Output", output)
	return cmd
}

func (f *matrixFlags) run(cmd *cobra.Command, file string) error {
	set := cmd.Flags()
	if err := checkMemory(cmd); err != nil {
		return err
	}
	if err := f.check(set, file, cmd.ErrOrStderr()); err != nil {
		return err
	}
	status := newStatusLine(cmd.ErrOrStderr(), unit(f.unit.value))
	m, err := f.matrix(cmd, file, status)
	defer f.output.journal.close()
	status.clear()
	switch {
	case errors.Is(err, context.Canceled) && f.output.journal.path != "" && m != nil && m.done > 0:
		return interruptedError(fmt.Sprintf("interrupted after %s: the same command goes on", plural(m.done, "pair")))
	case errors.Is(err, context.Canceled):
		return interruptedError("interrupted before there was a result")
	case err != nil:
		return err
	}
	if f.part.Divided() {
		return f.output.writePart(m, f.part.Shard)
	}
	if err := f.output.write(&m.pairTable); err != nil {
		return err
	}
	return m.answer(cmd.OutOrStdout(), f.json, unit(f.unit.value))
}

// check reports what is wrong before any data are read.
func (f *matrixFlags) check(set *pflag.FlagSet, file string, stderr io.Writer) error {
	switch {
	case f.pairs.All && set.Changed("top"):
		return usagef("--all and --top exclude each other")
	case f.screenOnly && (f.pairs.All || set.Changed("top")):
		return usagef("--screen-only trains no network: leave --all and --top out")
	case f.screenOnly && set.Changed("shard"):
		return usagef("--screen-only takes seconds and is not shared out: leave --shard out")
	case f.columns != "" && f.groups != "":
		return usagef("--columns and --groups exclude each other: columns that are in no group are left out")
	case !(f.pairs.FDR > 0 && f.pairs.FDR < 1):
		return usagef("--fdr is %v, want between 0 and 1", f.pairs.FDR)
	case f.pairs.Top < 1:
		return usagef("--top is %d, want at least 1, or --screen-only", f.pairs.Top)
	}
	if err := f.checkSettings(set); err != nil {
		return err
	}
	if !f.screenOnly {
		if err := f.part.check(set, &outputFlag{f.output.path, "output"}, stderr); err != nil {
			return err
		}
	}
	return f.output.check(set, []string{file}, f.part.Divided())
}

// matrixRun is a matrix in work.
type matrixRun struct {
	pairTable
	data   []pairwise.Variable
	group  column.Source // of --group; nil without
	groups []int         // which rows belong together, by it
	left   left          // rows that were left out
	chosen []int         // pairs for the networks
	done   int           // of them
}

// matrix reads the data, screens them and estimates what is left. It returns what there is, with an error
// too.
func (f *matrixFlags) matrix(cmd *cobra.Command, file string, status *statusLine) (*matrixRun, error) {
	set := cmd.Flags()
	f.input.seed = f.config.seed(set)
	m, err := f.read(cmd, file, status)
	if err != nil {
		return nil, err
	}
	cfg := f.pairs
	cfg.FDRMethod = independence.FDRMethod(f.fdrMethod.value)
	if cfg.Estimate, err = f.config.config(m.data[0].Data.Rows(), set); err != nil {
		return nil, err
	}
	m.Screening, err = pairwise.Screen(cmd.Context(), m.data, cfg, pairwise.Options{
		Threads: f.threads, Groups: m.groups,
		Progress: func(done, total int) { status.show("screening", int64(done), int64(total)) },
	})
	if err != nil {
		return m, f.input.tooFew(f.estimateError(err, []string{file}, set))
	}
	m.estimates = make([]*pairwise.Estimate, len(m.Pairs))
	m.Schema, m.Unit, m.Seed = matrixSchema, nats, cfg.Estimate.Seed
	m.FDR, m.FDRMethod, m.Left = cfg.FDR, cfg.FDRMethod, m.Screening.Left(cfg.FDR)
	m.Notes = m.dataNotes()
	if f.screenOnly {
		return m, nil
	}
	m.chosen = m.Chosen(cfg)
	m.Estimated, m.Top, m.All = len(m.chosen), cfg.Top, cfg.All
	return m, f.estimate(cmd, file, m, cfg.Estimate, status)
}

// estimate estimates the chosen pairs of the shard that the journal does not have yet.
func (f *matrixFlags) estimate(cmd *cobra.Command, file string, m *matrixRun, cfg mine.Config, status *statusLine) (err error) {
	b, err := f.open(cmd, status)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	m.Config = &settings{cfg, b.Name(), precisionOf(b)}
	if err := f.output.begin(m, f.part.Shard); err != nil {
		return err
	}
	var left []int
	var pairs []pairwise.Pair
	for i, k := range m.chosen {
		switch {
		case !f.part.Has(i):
		case m.estimates[k] != nil:
			m.done++
		default:
			left, pairs = append(left, k), append(pairs, m.Pairs[k])
		}
	}
	all := m.done + len(left)
	progress := func() { status.show("networks", int64(m.done), int64(all), plural(all, "pair")) }
	progress()
	work := pairwise.Work{Variables: m.data, Pairs: pairs, Groups: m.groups, Backend: b, Done: func(i int, e pairwise.Estimate) error {
		m.estimates[left[i]] = &e
		if err := f.output.journal.add(matrixItem{Pair: left[i], Estimate: &e}); err != nil {
			return err
		}
		m.done++
		progress()
		return nil
	}}
	err = pairwise.EstimatePairs(cmd.Context(), work, cfg)
	return f.input.tooFew(f.estimateError(err, []string{file}, cmd.Flags()))
}

// names lists variables, a few by name.
func (m *matrixRun) names(vars []int) string {
	var names []string
	for _, v := range vars {
		names = append(names, m.Variables[v].Name)
	}
	const most = 6
	if more := len(names) - most; more > 0 {
		names = append(names[:most], plural(more, "other"))
	}
	return strings.Join(names, ", ")
}

// copiedNames lists the variables of the pairs that have copies.
func (m *matrixRun) copiedNames() string {
	var vars []int
	for _, p := range m.Pairs {
		if p.Copied {
			vars = append(vars, p.A, p.B)
		}
	}
	slices.Sort(vars)
	return m.names(slices.Compact(vars))
}

// hiddenCopies is how many pairs have copies that only a third column shows.
func (m *matrixRun) hiddenCopies() int {
	n := 0
	for _, p := range m.Pairs {
		if p.HiddenCopies {
			n++
		}
	}
	return n
}

// dataNotes say what a reader has to know of the rows and the variables.
func (m *matrixRun) dataNotes() []string {
	notes := []string{}
	add := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	if m.left.rows > 0 {
		add("%s.", m.left)
	}
	switch {
	case m.SortedBy == "":
	case !m.Tied:
		add("the rows are in the order of %s, and taken for independent of each other otherwise in its own pairs (ordered). If that is a time, they are not, and these p-values are too small: leave it out by --columns.", m.SortedBy)
	default:
		add("the rows are in the order of %s, and taken for independent of each other otherwise. If that is a time, they are not: leave it out by --columns.", m.SortedBy)
	}
	if m.Repeated > 0 {
		most := 0.0
		for _, p := range m.Pairs {
			most = max(most, p.EffectiveRows)
		}
		add("%s of %s have copies: p-values are of %s independent ones at most.", grouped(m.Repeated), plural(m.Rows, "row"), grouped(int(most)))
	}
	if m.Copied > 0 {
		add("%s have rows that are copies of each other in both columns, as of one person: %s. Their p-values are of as many rows as are different; give the column of the persons as --group.", plural(m.Copied, "pair"), m.copiedNames())
		if hidden := m.hiddenCopies(); hidden > 0 {
			add("of %s of these a third column alone shows it, as of two codes of a person (copies): networks do not know of it there, and their errors are too small without --group.", grouped(hidden))
		}
	}
	if m.Serial > 0 {
		add("%s of %s are of series, whose neighbouring rows are alike: their p-values are approximate, of as many rows as these are worth.", grouped(m.Serial), plural(len(m.Pairs), "pair"))
	}
	if m.Unresolved > 0 {
		add("%s of them are worth fewer than 100 independent rows, as random walks are: the screen says nothing of them, and their p is 1. Give more rows, or differences of successive ones.", grouped(m.Unresolved))
	}
	if len(m.Empty) > 0 {
		add("no pairs of %s: constant, or codes that are all rare.", m.names(m.Empty))
	}
	return notes
}
