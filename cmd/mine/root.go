package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Exit codes. The last is what a shell reports for a process that SIGINT
// ended.
const (
	exitOK          = 0
	exitError       = 1
	exitUsage       = 2
	exitBelow       = 3 // of --fail-below
	exitInterrupted = 130
)

// run executes one command line and returns the exit code. On an error it has
// written one line to stderr.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(append([]string{}, args...)) // nil would make cobra read os.Args
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(stderr, "mine: %s\n", oneLine(err))
	var usage usageError
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, new(belowError)):
		return exitBelow
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	return exitError
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "mine",
		Short: "Mutual information of two groups of columns, with an error bar",
		Long: `Mutual information of two groups of columns, with an error bar.

mine trains a small neural network to tell rows of a data file from rows whose
two halves were shuffled apart. How well that works on rows it has never seen
is a lower bound on the mutual information I(X;Z), and close to it when the
network has learned the dependence.`,
		Example: `  mine estimate data.csv --x 'X*' --z 'Z*'
  mine simulate gaussian --dim 20 --rho 0.5 --rows 100000 --out g.csv`,
		Version:                    version(),
		SilenceErrors:              true,
		SilenceUsage:               true,
		SuggestionsMinimumDistance: 2,
		Args:                       knownCommand,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE:          readVariables,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.SetHelpFunc(printHelp)
	root.AddCommand(newEstimate(), newTest(), newMatrix(), newTransfer(), newRank(), newMerge(), newSlurm(), newScore(), newEvaluate(), newInfo(), newColumns(), newSimulate(), newDoctor(), newCompletion(), newManual(), newVersion())
	root.SetHelpCommand(newHelp())
	return root
}

// usageError is an error in the command line itself.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// worded is an error in the words of the command line.
type worded struct {
	text string
	err  error
}

func (e worded) Error() string { return e.text }
func (e worded) Unwrap() error { return e.err }

// interruptedError says that a signal ended the work.
type interruptedError string

func (e interruptedError) Error() string { return string(e) }
func (e interruptedError) Unwrap() error { return context.Canceled }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// oneLine is the text of an error as a user should see it: on one line, and
// without the names of our own packages in front.
func oneLine(err error) string {
	var lines []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		for _, pkg := range []string{"mine: ", "independence: ", "ranking: ", "shard: ", "pairwise: ", "transfer: ", "journal: ", "lagged: ", "conditional: ", "neighbours: ", "column: ", "preprocess: ", "table: ", "simulate: ", "backend: ", "cpu: ", "cuda: ", "criticfile: ", "safetensors: ", "checkpoint: "} {
			line = strings.ReplaceAll(strings.TrimPrefix(line, pkg), ": "+pkg, ": ")
		}
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}

// knownCommand rejects arguments of a command that has nothing but
// subcommands.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := fmt.Sprintf("see %s --help", cmd.CommandPath())
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf("did you mean %s?", strings.Join(near, " or "))
	}
	return usagef("unknown command %q: %s", args[0], hint)
}

// flagError words what pflag found wrong as one line that names the flag.
func flagError(cmd *cobra.Command, err error) error {
	var (
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
	)
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return usagef("unknown flag -%s: see %s --help", unknown.GetSpecifiedShortnames(), cmd.CommandPath())
	case errors.As(err, &unknown):
		name := unknown.GetSpecifiedName()
		var flags []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { flags = append(flags, f.Name) })
		if near := suggest(name, flags); len(near) > 0 {
			return usagef("unknown flag --%s: did you mean --%s?", name, strings.Join(near, " or --"))
		}
		return usagef("unknown flag --%s: see %s --help", name, cmd.CommandPath())
	case errors.As(err, &missing):
		_, text := pflag.UnquoteUsage(missing.GetFlag())
		return usagef("--%s needs a value: %s", missing.GetFlag().Name, text)
	case errors.As(err, &invalid):
		f, cause := invalid.GetFlag(), invalid.Unwrap().Error()
		switch f.Value.Type() {
		case "bool":
			cause = "want true or false"
		case "float64":
			cause = "want a number"
		case "uint64":
			cause = "want a whole number, 0 or more"
		}
		return usagef("--%s %q: %s", f.Name, invalid.GetValue(), cause)
	}
	return usageError{err}
}

// suggest returns the names that typed is most likely a misspelling of. Cobra
// makes such guesses for commands only, so here the names pose as some.
func suggest(typed string, names []string) []string {
	cmd := &cobra.Command{SuggestionsMinimumDistance: 2}
	for _, name := range names {
		cmd.AddCommand(&cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}})
	}
	return cmd.SuggestionsFor(typed)
}

// write writes an answer to stdout in one piece.
func write(cmd *cobra.Command, answer []byte) error {
	if _, err := cmd.OutOrStdout().Write(answer); err != nil {
		return fmt.Errorf("stdout: %w", pathCause(err))
	}
	return nil
}
