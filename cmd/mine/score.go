package main

import (
	"bytes"
	"encoding/json"
	"iter"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"gomine/mine/table"
)

func newScore() *cobra.Command {
	var f criticFlags
	cmd := &cobra.Command{
		Use:   "score CRITIC FILE [flags]\nscore CRITIC XFILE ZFILE [flags]",
		Short: "Say of every row how much its X and Z tell about each other",
		Long: `Say of every row how much its X and Z tell about each other, by a critic that
mine estimate --save wrote.

The number is the critic's estimate of the pointwise mutual information
log p(x,z)/p(x)p(z), whose mean over rows is I(X;Z): the mean over the folds of
what their critics say together, less the log-mean-exp of what they say of
validation rows that were shuffled apart. Above 0 the two halves go together
better than by chance.

Columns are found by the names that the critic knows, and others are ignored.
A file without names has those of X and then those of Z, or the same numbers of
columns as the file of the estimate.

Of rows of the estimate a critic says too much: it was trained on most of them.
A warning says so. Score other rows. Another one names columns with values that
it was not fitted to: outside their range, or labels that it does not know.

One value a row: CSV with a header, or with --output FILE.npy a NumPy array
[rows, 1] of float64. --json writes a JSON object a line.
Exit codes: 0 done, 1 error, 2 error in the command line, 130 interrupted.`,
		Example: `  mine score critic.safetensors new.csv
  mine score critic.safetensors x.npy z.npy --output scores.npy
  mine score critic.safetensors new.csv --unit bits --json`,
		Args: criticArguments,
		RunE: func(cmd *cobra.Command, args []string) error { return f.score(cmd, f.input.format.sql.files(args)) },
	}
	output := f.register(cmd, "missing", "sample", "seed")
	output.BoolVar(&f.json, "json", false, "print one JSON object a row: its number in the file, from 0, and the information")
	addGroup(cmd, "Output", output)
	return cmd
}

func (f *criticFlags) score(cmd *cobra.Command, args []string) error {
	npy := strings.EqualFold(filepath.Ext(f.output.path), ".npy")
	if f.json && npy {
		return usagef("--json and --output %s exclude each other: name a file that does not end in .npy", f.output.path)
	}
	if err := f.check(cmd.Flags(), args); err != nil {
		return err
	}
	status := newStatusLine(cmd.ErrOrStderr(), nats)
	o, err := f.open(cmd, args, status)
	if err != nil {
		return err
	}
	defer o.close()
	ctx, u := cmd.Context(), unit(f.unit.value)
	scores, err := o.Scores(ctx, o.x, o.z)
	if err != nil {
		return err
	}
	for i := range scores {
		scores[i] = u.of(scores[i])
	}
	switch {
	case f.json:
		var lines bytes.Buffer
		encoder := json.NewEncoder(&lines)
		for i, v := range scores {
			if err := encoder.Encode(rowScore{o.first + i, v, u}); err != nil {
				return err
			}
		}
		return f.output.write(cmd, lines.Bytes())
	case npy:
		return table.WriteNPY(ctx, f.output.path, cmd.OutOrStdout(), len(scores), 1, single(scores))
	}
	return table.WriteCSV(ctx, f.output.path, cmd.OutOrStdout(), []string{"information_" + string(u)}, single(scores))
}

// rowScore is the line of a row.
type rowScore struct {
	Row         int     `json:"row"`
	Information float64 `json:"information"`
	Unit        unit    `json:"unit"`
}

// single makes rows of one value.
func single(values []float64) iter.Seq[[]float64] {
	return func(yield func([]float64) bool) {
		for i := range values {
			if !yield(values[i : i+1]) {
				return
			}
		}
	}
}
