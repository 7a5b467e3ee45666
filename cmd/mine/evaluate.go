package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"gomine/mine"
)

func newEvaluate() *cobra.Command {
	var f criticFlags
	cmd := &cobra.Command{
		Use:   "evaluate CRITIC FILE [flags]\nevaluate CRITIC XFILE ZFILE [flags]",
		Short: "Bound the mutual information of new rows by a saved critic",
		Long: `Bound the mutual information I(X;Z) of new rows by a critic that
mine estimate --save wrote, without training.

The number is a lower bound of I(X;Z) of the law that the rows are drawn from,
in expectation, whatever the critic was trained on, as long as it was not these
rows: a warning says if they are among those of the estimate. The standard error
is that of rows that do not depend on each other.

Columns are found as by mine score. A warning names those with values that the
critic was not fitted to: outside their range, or labels that it does not know.
Exit codes: 0 done, 1 error, 2 error in the command line, 130 interrupted.`,
		Example: `  mine evaluate critic.safetensors new.csv
  mine evaluate critic.safetensors x.npy z.npy --json`,
		Args: criticArguments,
		RunE: func(cmd *cobra.Command, args []string) error { return f.evaluate(cmd, f.input.format.sql.files(args)) },
	}
	output := f.register(cmd)
	output.BoolVar(&f.json, "json", false, "print the bound as one JSON object, in nats")
	addGroup(cmd, "Output", output)
	return cmd
}

// evaluated is what mine evaluate --json prints.
type evaluated struct {
	Rows    int `json:"rows"`
	LeftOut int `json:"left_out,omitempty"` // for a missing value
	mine.Bound
	Confidence float64        `json:"confidence"`
	Unit       unit           `json:"unit"`
	Warnings   []mine.Warning `json:"warnings,omitempty"`
}

func (f *criticFlags) evaluate(cmd *cobra.Command, args []string) error {
	if err := f.check(cmd.Flags(), args); err != nil {
		return err
	}
	u := unit(f.unit.value)
	if f.json && u != nats {
		return usagef("--json is in nats: leave out --unit %s", u)
	}
	status := newStatusLine(cmd.ErrOrStderr(), u)
	o, err := f.open(cmd, args, status)
	if err != nil {
		return err
	}
	defer o.close()
	b, err := o.Evaluate(cmd.Context(), o.x, o.z)
	if err != nil {
		return f.input.tooFew(err)
	}
	confidence := o.State().Config.Confidence
	var answer bytes.Buffer
	if f.json {
		if err := json.NewEncoder(&answer).Encode(evaluated{o.x.Rows(), f.input.left.rows, b, confidence, nats, o.warnings}); err != nil {
			return err
		}
		return f.output.write(cmd, answer.Bytes())
	}
	digits, level := decimals(u.of(b.StdErr)), percent(confidence)
	info := func(nats float64) string { return fixed(u.of(nats), digits) }
	fmt.Fprintf(&answer, "I(X;Z) >= %s %s   standard error %s   %s interval of the bound %s to %s   (at least %s with %s confidence), %s\n",
		info(b.Estimate), u, info(b.StdErr), level, info(b.Low), info(b.High), info(b.LowerBound), level, plural(o.x.Rows(), "row"))
	if f.input.left.rows > 0 {
		fmt.Fprintf(&answer, "\nnote: %s.\n", f.input.left)
	}
	return f.output.write(cmd, answer.Bytes())
}
