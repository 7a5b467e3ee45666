package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gomine/internal/shard"
)

// mergeFlags are the flags of mine merge.
type mergeFlags struct {
	json   bool
	unit   choice
	output string
}

func newMerge() *cobra.Command {
	var f mergeFlags
	cmd := &cobra.Command{
		Use:   "merge PARTS... [flags]",
		Short: "Put the parts of a run that was shared out together",
		Long: `Put the parts of a run that was shared out together.

PARTS are the files that one command wrote with --shard 0/N to (N-1)/N, in any
order. The output is that of the command without --shard, bit for bit. Parts of
other data, settings or builds of mine are refused, and so are runs with a part
that is missing, or there twice; the file is named.

--json, --unit and --output are those of the command: --output FILE.csv and
FILE.json say the form by their names, and mine matrix has more.
Exit codes: 0 done, 1 error, 2 error in the command line.`,
		Example: `  mine rank data.csv --target price --shard 0/2 --output part0
  mine rank data.csv --target price --shard 1/2 --output part1
  mine merge part0 part1 --output rank.csv`,
		Args: someParts,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	output := newFlags()
	addChoice(output, &f.unit, "unit", "unit of information in text", string(nats), string(bits))
	output.BoolVar(&f.json, "json", false, "print everything as one JSON object")
	output.StringVar(&f.output, "output", "", "`FILE` to write to, as the command would; of a matrix a folder too")
	addGroup(cmd, "Output", output)
	return cmd
}

func someParts(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usagef("no parts: give the files that --shard wrote to --output")
	}
	return nil
}

func (f *mergeFlags) run(cmd *cobra.Command, args []string) error {
	run, items, err := shard.Merge(args)
	if err != nil {
		return err
	}
	if run.Version != version() {
		return fmt.Errorf("the parts are of the build %q, and this is %q: merge with the build that made them", run.Version, version())
	}
	if run.Kind == shard.Matrix {
		return f.matrix(cmd, run, items, args)
	}
	output := outputFlag{f.output, "output"}
	if err := output.check(cmd.Flags(), args); err != nil {
		return err
	}
	as := formOf(named(f.json), false, f.output, unit(f.unit.value))
	var answer []byte
	switch run.Kind {
	case shard.Estimate:
		answer, err = seedsAnswer(run, items, as)
	case shard.Rank:
		answer, err = rankAnswer(run, items, nil, as)
	default:
		err = fmt.Errorf("kind %q is not known", run.Kind)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	return output.write(cmd, answer)
}

// matrix writes a matrix to its files, and prints its strongest pairs.
func (f *mergeFlags) matrix(cmd *cobra.Command, run shard.Run, items []shard.Item, args []string) error {
	output := matrixOutput{path: f.output}
	if err := output.check(cmd.Flags(), args, false); err != nil {
		return err
	}
	t, err := mergedPairs(run, items)
	if err != nil {
		return fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	if err := output.write(t); err != nil {
		return err
	}
	return t.answer(cmd.OutOrStdout(), f.json, unit(f.unit.value))
}
