package main

import (
	_ "embed"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// licenses are those of all that the program is built from, as make licenses writes them.
//
//go:embed licenses.txt
var licenses []byte

func newVersion() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:               "version [flags]",
		Short:             "Say which build this is",
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if all {
				return write(cmd, licenses)
			}
			return write(cmd, []byte(version()+"\n"))
		},
	}
	cmd.Flags().BoolVar(&all, "licenses", false, "print the licences of the program and of all that it is built from")
	return cmd
}

// version describes the running program in one line.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "mine (unknown build) " + runtime.Version()
	}
	return describe(info)
}

// describe puts the module version, the commit and the toolchain of a build in
// one line; commit and time are there only in a build from a checkout.
func describe(info *debug.BuildInfo) string {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	v := info.Main.Version
	if v == "" {
		v = "(devel)"
	}
	if commit := settings["vcs.revision"]; commit != "" {
		v += fmt.Sprintf(" (commit %.12s of %.10s", commit, settings["vcs.time"])
		if settings["vcs.modified"] == "true" {
			v += ", modified"
		}
		v += ")"
	}
	return fmt.Sprintf("mine %s %s %s/%s", v, info.GoVersion, runtime.GOOS, runtime.GOARCH)
}

// noArguments rejects arguments of a command that has none.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no arguments, got %q", cmd.CommandPath(), args[0])
	}
	return nil
}
