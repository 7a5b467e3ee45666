package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Environment variables that stand for a flag where it is not given.
const (
	threadsVariable = "MINE_THREADS"
	backendVariable = "MINE_BACKEND"
	configVariable  = "MINE_CONFIG"
)

// Annotations of a flag: the variable that stands for it, and, once that has set it, the same
// again.
const (
	flagVariable    = "variable"
	flagSetVariable = "set by variable"
)

// addVariable lets a variable stand for a flag.
func addVariable(flags *pflag.FlagSet, flag, variable string) {
	annotate(flags.Lookup(flag), flagVariable, variable)
}

func annotate(f *pflag.Flag, key, value string) {
	if f.Annotations == nil {
		f.Annotations = map[string][]string{}
	}
	f.Annotations[key] = []string{value}
}

// readVariables sets the flags of a command that are not on the command line, and whose
// variable has a value, to that. From there on they are as if they were given.
func readVariables(cmd *cobra.Command, _ []string) error {
	var wrong []error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		variable := f.Annotations[flagVariable]
		if f.Changed || variable == nil || os.Getenv(variable[0]) == "" {
			return
		}
		value := os.Getenv(variable[0])
		annotate(f, flagSetVariable, variable[0])
		var invalid *pflag.InvalidValueError
		if err := cmd.Flags().Set(f.Name, value); errors.As(err, &invalid) {
			wrong = append(wrong, usagef("%s %q: %w", variable[0], value, invalid.Unwrap()))
		} else if err != nil {
			wrong = append(wrong, err)
		}
	})
	return errors.Join(wrong...)
}

// origin names what a flag was set by: the flag, or the variable that stood for it.
func origin(set *pflag.FlagSet, flag string) string {
	if f := set.Lookup(flag); f != nil && f.Annotations[flagSetVariable] != nil {
		return f.Annotations[flagSetVariable][0]
	}
	return "--" + flag
}

// chosenBy names a value of a flag together with what set it: "--backend cpu".
func chosenBy(set *pflag.FlagSet, flag string) string {
	return origin(set, flag) + " " + set.Lookup(flag).Value.String()
}

// checkThreads reports a number of threads that nothing can run on.
func checkThreads(set *pflag.FlagSet, threads int) error {
	if set.Changed("threads") && threads < 1 {
		return usagef("%s is %d, want at least 1", origin(set, "threads"), threads)
	}
	return nil
}
