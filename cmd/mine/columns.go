package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"gomine/mine/table"
)

// columnsFlags are the flags of mine columns.
type columnsFlags struct {
	format formatFlags
	seed   uint64
	json   bool
}

func newColumns() *cobra.Command {
	var f columnsFlags
	cmd := &cobra.Command{
		Use:   "columns FILE [flags]",
		Short: "Say what the columns of a file hold",
		Long: `Say what the columns of a file hold, and what mine estimate does with each.

FILE is as for mine estimate. The columns are those of its rows that --rows and
--sample leave, all of which are kept in memory.

  type      whole numbers, numbers, text, or some of both: mixed
  distinct  how many different values there are
  ties      the share of rows that have a value of another row
  missing   rows without a value
  serial    the correlation of the ranks of one row and the next: near 0 where
            rows do not depend on each other

Exit codes: 0 done, 1 error, 2 error in the command line, 130 interrupted.`,
		Example: `  mine columns data.csv
  mine columns big.npy --sample 10000
  mine columns export.csv --decimal , --json`,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, f.format.sql.files(args)[0]) },
	}
	data, output := newFlags(), newFlags()
	f.format.register(data)
	data.Uint64Var(&f.seed, "seed", 1, "`N` that --sample draws by")
	addGroup(cmd, "Data", data)
	f.format.complete(cmd)
	output.BoolVar(&f.json, "json", false, "print everything as one JSON object")
	addGroup(cmd, "Output", output)
	return cmd
}

// oneFile checks the arguments of a command that reads one file.
func oneFile(cmd *cobra.Command, args []string) error {
	switch {
	case hasQuery(cmd):
		return queryAlone(cmd, args)
	case len(args) != 1:
		return usagef("%s, want one", plural(len(args), "file"))
	}
	return nil
}

func (f *columnsFlags) run(cmd *cobra.Command, file string) error {
	if err := f.format.check(cmd.Flags()); err != nil {
		return err
	}
	ctx := cmd.Context()
	status := newStatusLine(cmd.ErrOrStderr(), nats)
	o := f.format.options(status.reading(file))
	o.Seed = f.seed
	found, err := abandon(ctx, func() (described, error) {
		return f.describe(ctx, cmd.InOrStdin(), file, o)
	})
	status.clear()
	if err != nil {
		return inputError(err)
	}
	var answer bytes.Buffer
	if !f.json {
		printColumns(&answer, file, found)
	} else if err := json.NewEncoder(&answer).Encode(columnsDocument(file, found.Table)); err != nil {
		return fmt.Errorf("--json: %w", err)
	}
	return write(cmd, answer.Bytes())
}

// described are the columns of a file.
type described struct {
	table.Table
	header bool // whether the file names them
}

// describe describes the columns of a file.
func (f *columnsFlags) describe(ctx context.Context, stdin io.Reader, file string, o table.Options) (described, error) {
	r, err := f.format.open(ctx, stdin, file, o)
	if err != nil {
		return described{}, err
	}
	defer r.Close()
	found, err := r.Describe(ctx)
	return described{found, r.HasHeader()}, err
}

// printColumns writes a table of the columns.
func printColumns(w io.Writer, file string, found described) {
	names := "no names"
	if found.header {
		names = "names in the file"
	}
	fmt.Fprintf(w, "%s: %s of %s, %s\n\n", file, plural(found.Columns[0].Rows, "row"), plural(len(found.Columns), "column"), names)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "index\tname\ttype\tdistinct\tties\tmissing\tmin\tmax\tserial\testimate")
	for i, d := range found.Columns {
		low, high, serial := "", "", ""
		if d.Rows > d.Missing+d.Text {
			low, high, serial = short(d.Min), short(d.Max), fixed(d.Serial, 2)
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%.0f%%\t%s\t%s\t%s\t%s\t%s\n", i, printable(d.Name), kindOf(d), grouped(d.Distinct),
			100*float64(d.Tied)/float64(d.Rows), grouped(d.Missing), low, high, serial, verdict(i, d))
	}
	t.Flush()
	if found.Repeats > 0 {
		fmt.Fprintf(w, "\n%s of %s repeat an earlier one.\n", grouped(found.Repeats), plural(found.Columns[0].Rows, "row"))
	}
}

// printable is a name on one line, without tabs.
func printable(name string) string {
	quoted := strconv.Quote(name)
	if name == "" || len(quoted) != len(name)+2 {
		return quoted
	}
	return name
}

func short(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

// kindOf says what a column holds.
func kindOf(d table.Description) string {
	switch numbers := d.Rows - d.Missing - d.Text; {
	case d.Missing == d.Rows:
		return "empty"
	case numbers == 0:
		return "text"
	case d.Text > 0:
		return "mixed"
	case d.Whole:
		return "whole"
	}
	return "number"
}

// verdict says what mine estimate does with column i.
func verdict(i int, d table.Description) string {
	switch {
	case d.ByCodes:
		return "refused without --categorical: " + d.Conflict
	case d.Conflict != "":
		return "refused: " + d.Conflict
	case d.Problem != nil && d.Problem.Unread:
		return "refused: " + d.Problem.Text
	case d.Problem != nil && !d.Codes() && d.Problem.Line > 0:
		return fmt.Sprintf("refused without --categorical: no number in line %d", d.Problem.Line)
	case d.Problem != nil && !d.Codes():
		return fmt.Sprintf("refused without --categorical: no number in row %d", d.Problem.Row)
	case d.Missing == d.Rows:
		return "refused: no value"
	case d.Missing > 0:
		return "refused without --missing drop"
	case d.Distinct == 1:
		return "left out: constant"
	case d.Counts && i == 0:
		return "used by its name alone: counts the rows"
	case d.Codes() && d.Distinct == d.Rows && i == 0:
		return "used by its name alone: names the rows"
	case d.Codes():
		return "used as codes"
	}
	return "used"
}

// columnsDocument is what mine columns --json prints.
func columnsDocument(file string, found table.Table) any {
	type described struct {
		Index    int     `json:"index"`
		Name     string  `json:"name"`
		Type     string  `json:"type"`
		Distinct int     `json:"distinct"`
		Tied     int     `json:"tied"`
		Missing  int     `json:"missing"`
		Text     int     `json:"text"`
		Min      float64 `json:"min"`
		Max      float64 `json:"max"`
		Serial   float64 `json:"serial"`
		Estimate string  `json:"estimate"`
	}
	columns := make([]described, len(found.Columns))
	for i, d := range found.Columns {
		columns[i] = described{i, d.Name, kindOf(d), d.Distinct, d.Tied, d.Missing, d.Text, d.Min, d.Max, d.Serial, verdict(i, d)}
	}
	return struct {
		File    string      `json:"file"`
		Rows    int         `json:"rows"`
		Repeats int         `json:"repeated_rows"`
		Columns []described `json:"columns"`
	}{file, found.Columns[0].Rows, found.Repeats, columns}
}
