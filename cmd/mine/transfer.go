package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/conditional"
	"gomine/mine/independence"
	"gomine/mine/lagged"
	"gomine/mine/transfer"
)

// transferFlags are the flags of mine transfer: those of an estimate, and its own.
type transferFlags struct {
	estimateFlags
	lag, horizon int
	lagged       bool
	way          choice
	test         bool
	permutations int

	missing     []bool // rows that lack a value, with --missing drop
	backendName string // of the backend that was opened
}

func newTransfer() *cobra.Command {
	var f transferFlags
	cmd := &cobra.Command{
		Use:   "transfer FILE --x COLUMNS --z COLUMNS [flags]\ntransfer XFILE ZFILE [flags]",
		Short: "Estimate what one time series tells about the future of another",
		Long: `Estimate what the past of one time series tells about the future of another,
in both directions.

The order of the rows is time, and rows are equally far apart: no column of
times is looked at. Sort the file by time first.

The transfer entropy from X to Z is the conditional mutual information
I(X past; Z future | Z past), of the last --lag rows and the row that is
--horizon rows ahead: what X says about the future of Z that the past of Z does
not say. Beside it stands the information at each lag, I(X(t-k); Z(t)), which
knows nothing of the past of Z.

With --group a file holds several series; no past reaches from one into
another. With --missing drop, none reaches over a row that lacks a value.
Rows are trained on and tested on in blocks, with gaps of at least lag and
horizon between them, so that no row is in both.

--test adds a p-value for each direction: how likely networks find as much if
there is no transfer. What the past of Z explains of the past of X and of the
future of Z is taken off, and blocks of the rests are permuted. It is
approximate.

Transfer entropy tells what helps to predict, not what causes. FILE, COLUMNS
and the other flags are those of mine estimate; the default is --effort fast.
Exit codes: 0 done, 1 error, 2 error in the command line, 130 interrupted.`,
		Example: `  mine transfer data.csv --x price --z volume --lag 3
  mine transfer people.csv --x pulse --z breath --group person --lag 5 --horizon 2 --json`,
		Args: oneOrTwoFiles,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, f.input.format.sql.files(args)) },
	}
	usual := transfer.DefaultConfig(helpRows[0])
	f.lag, f.horizon = usual.Lag, usual.Horizon
	window := newFlags()
	window.Var((*count)(&f.lag), "lag", "`N` rows of the past, the present one among them")
	window.Var((*count)(&f.horizon), "horizon", "`N` rows from the present one to that of the future")
	window.BoolVar(&f.lagged, "lagged", usual.Lagged, "whether the information at each lag is estimated too; --lagged=false saves the time")
	addChoice(window, &f.way, "way", "how to take off what the past of Z says: difference (of two estimates), residual (of X, given that), auto (both; the one with more left where what is taken off is that of training rows)", names([]conditional.Way{conditional.Difference, conditional.ByResidual, conditional.Auto})...)
	addGroup(cmd, "Window", window)
	test := newFlags()
	test.BoolVar(&f.test, "test", false, "whether there is a p-value for each direction, of no transfer; takes about as much time again")
	f.permutations = independence.DefaultConfig(helpRows[0]).Permutations
	test.Var((*count)(&f.permutations), "permutations", "`N` permutations of each part that --test tests on: p-values go down to 1/(N+1) for each")
	addGroup(cmd, "Test", test)
	f.register(cmd, mine.Fast)
	cmd.Flags().Lookup("group").Usage = "`COLUMN` of numbers or names, equal in rows of one series, which need not be neighbours; without it all rows are one series. Of two files, it is in the first"
	cmd.Flags().Lookup("missing").Usage = "what to do about rows that lack a value of X or Z: error, or drop the times that look at them"
	output := newFlags()
	addChoice(output, &f.unit, "unit", "unit of information", string(nats), string(bits))
	output.BoolVar(&f.json, "json", false, "print everything about both directions as one JSON object")
	output.BoolVar(&f.quiet, "quiet", false, "print the transfer entropies from X to Z and from Z to X, and nothing else, on any stream")
	f.output.register(output)
	addGroup(cmd, "Output", output)
	return cmd
}

// settings are what the flags ask for, with those of the estimates.
func (f *transferFlags) settings(estimate mine.Config) transfer.Config {
	cfg := transfer.Config{Lag: f.lag, Horizon: f.horizon, Lagged: f.lagged, Way: conditional.Way(f.way.value), Estimate: estimate}
	if f.test {
		cfg.Permutations = f.permutations
	}
	return cfg
}

func (f *transferFlags) run(cmd *cobra.Command, args []string) error {
	if err := checkMemory(cmd); err != nil {
		return err
	}
	if err := f.check(cmd.Flags(), args); err != nil {
		return err
	}
	switch set := cmd.Flags(); {
	case set.Changed("permutations") && !f.test:
		return usagef("--permutations is of the test: add --test")
	case f.test && f.permutations == 0:
		return usagef("--permutations is 0, want at least 19, or no --test")
	}
	if f.input.format.sample > 0 {
		return usagef("--sample takes single rows out of a series: take the rows from A to B by --rows A:B")
	}
	if err := f.settings(f.config.values).Validate(); err != nil {
		return usageError{worded{"--" + strings.TrimPrefix(oneLine(err), "config "), err}}
	}
	f.input.gaps = true
	u := unit(f.unit.value)
	return runAnswer(cmd, &f.estimateFlags, "both directions were done",
		func(status *statusLine) (transfer.Result, error) { return f.transfer(cmd, args, status) },
		func(r transfer.Result) ([]byte, error) { return f.transferAnswer(r, args, u) })
}

// transfer reads the data and estimates both directions.
func (f *transferFlags) transfer(cmd *cobra.Command, args []string, status *statusLine) (transfer.Result, error) {
	p, err := f.prepare(cmd, args, status)
	if err != nil {
		return transfer.Result{}, err
	}
	defer p.backend.Close()
	f.backendName = p.backend.Name()
	if f.input.missing.value == "drop" {
		if f.missing, err = p.lacking(f.input.group); err != nil {
			return transfer.Result{}, err
		}
	}
	d := transfer.Data{X: p.x, Z: p.z, Series: p.groups, Missing: f.missing}
	r, err := transfer.Estimate(cmd.Context(), d, f.settings(p.config), p.options...)
	var short *lagged.SeriesError
	switch {
	case errors.As(err, &short) && p.groups == nil:
		return r, worded{strings.Join(args, ", ") + ": " + oneLine(err), err}
	case errors.As(err, &short):
		return r, worded{fmt.Sprintf("%s: series %s of --group %s has %s; lower --lag, or leave that series out of the file",
			args[0], seriesName(p, short.Series), f.input.group, short.Reason()), err}
	case errors.Is(err, transfer.ErrCopies):
		err = fmt.Errorf("%w; that is --split blocks", err)
	}
	return r, f.input.tooFew(f.estimateError(err, args, cmd.Flags()))
}

// lacking says which rows lack a value of X or Z; one that lacks its series is an error.
func (p prepared) lacking(group string) ([]bool, error) {
	missing := make([]bool, p.x.Rows())
	for _, c := range []column.Table{p.x, p.z, p.data.groups} {
		if c == nil {
			continue
		}
		row := make([]float64, len(c.Columns()))
		for i := range missing {
			if err := c.Read(row, i, i+1, 0, len(row)); err != nil {
				return nil, err
			}
			for _, v := range row {
				if !math.IsNaN(v) {
					continue
				}
				if c == p.data.groups {
					return nil, fmt.Errorf("row %d has no value of --group %s: say which series it is of", i, group)
				}
				missing[i] = true
			}
		}
	}
	return missing, nil
}

// seriesName is what the column of groups calls a series.
func seriesName(p prepared, series int) string {
	var v [1]float64
	for i, s := range p.groups {
		if s == series && p.data.groups.Read(v[:], i, i+1, 0, 1) == nil {
			break
		}
	}
	if labels := p.data.groups.Columns()[0].Labels; labels != nil {
		return strconv.Quote(labels[int(v[0])])
	}
	return strconv.FormatFloat(v[0], 'g', -1, 64)
}

// transferAnswer is what the flags ask for: two numbers, everything, or a report.
func (f *transferFlags) transferAnswer(r transfer.Result, args []string, u unit) ([]byte, error) {
	x, z := f.input.sources(args)
	in := inputs{x, z, f.input.group, f.input.codes}
	switch {
	case f.quiet:
		return fmt.Appendf(nil, "%s %s\n", fixed(u.of(r.XToZ.Estimate), quietDecimals), fixed(u.of(r.ZToX.Estimate), quietDecimals)), nil
	case f.json:
		return encodeTransfer(r, settings{r.Config.Estimate, f.backendName, f.computed}, in)
	}
	return reportTransfer(r, in, u, f.missing), nil
}
