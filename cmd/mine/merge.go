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
	output outputFlag
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
FILE.json say the form by their names.
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
	f.output.register(output)
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
	if err := f.output.check(cmd.Flags(), args); err != nil {
		return err
	}
	run, items, err := shard.Merge(args)
	if err != nil {
		return err
	}
	answer, err := mergedAnswer(run, items, formOf(f.json, false, f.output.path, unit(f.unit.value)))
	if err != nil {
		return fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	return f.output.write(cmd, answer)
}

// mergedAnswer is the answer of a run, by its kind.
func mergedAnswer(run shard.Run, items []shard.Item, as form) ([]byte, error) {
	if run.Version != version() {
		return nil, fmt.Errorf("the parts are of the build %q, and this is %q: merge with the build that made them", run.Version, version())
	}
	switch run.Kind {
	case shard.Estimate:
		return seedsAnswer(run, items, as)
	case shard.Rank:
		return rankAnswer(run, items, nil, as)
	}
	return nil, fmt.Errorf("kind %q is not known", run.Kind)
}
