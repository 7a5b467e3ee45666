package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpWidth is the width of help texts in characters.
const helpWidth = 80

// flagGroup is the annotation of a flag with the heading that help lists it
// under.
const flagGroup = "group"

// addGroup adds the flags to those of a command, to be listed under a heading
// of their own. Shells then complete the values of choices.
func addGroup(cmd *cobra.Command, heading string, flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) {
		annotate(f, flagGroup, heading)
	})
	cmd.Flags().AddFlagSet(flags)
	flags.VisitAll(func(f *pflag.Flag) {
		if c, ok := f.Value.(*choice); ok {
			complete(cmd, f.Name, cobra.FixedCompletions(c.names, cobra.ShellCompDirectiveNoFileComp))
		}
	})
}

// newFlags returns an empty set whose flags keep the order they are defined in.
func newFlags() *pflag.FlagSet {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.SortFlags = false
	return flags
}

// printHelp writes the help of a command to standard output.
func printHelp(cmd *cobra.Command, _ []string) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n\nUsage:\n", description(cmd))
	if cmd.HasParent() {
		for _, line := range synopsis(cmd) {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	} else {
		fmt.Fprintf(&b, "  %s COMMAND [flags]\n\nCommands:\n", cmd.CommandPath())
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(&b, "  %-10s  %s\n", sub.Name(), sub.Short)
			}
		}
	}
	if cmd.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
	}
	headings, groups, left := flagGroups(cmd)
	for _, heading := range headings {
		fmt.Fprintf(&b, "\n%s:\n", heading)
		groups[heading].VisitAll(func(f *pflag.Flag) {
			form := flagForm(f)
			for _, line := range wrap(flagWords(f), helpWidth-left-4) {
				fmt.Fprintf(&b, "  %-*s  %s\n", left, form, line)
				form = ""
			}
		})
	}
	if !cmd.HasParent() {
		fmt.Fprintf(&b, "\nSee %s COMMAND --help for one command.\n", cmd.CommandPath())
	}
	// Help that nobody reads to its end is no error.
	_, _ = cmd.OutOrStdout().Write(b.Bytes())
}

// description says what a command does.
func description(cmd *cobra.Command) string {
	if cmd.Long == "" {
		return cmd.Short + "."
	}
	return cmd.Long
}

// synopsis are the forms of a command below another one.
func synopsis(cmd *cobra.Command) []string {
	var all []string
	for line := range strings.Lines(cmd.Use) {
		all = append(all, cmd.Parent().CommandPath()+" "+strings.TrimSpace(line))
	}
	return all
}

// flagGroups are the flags of a command that help shows, by the headings in their order, and how long the
// longest of their forms is.
func flagGroups(cmd *cobra.Command) (headings []string, groups map[string]*pflag.FlagSet, longest int) {
	groups = map[string]*pflag.FlagSet{}
	cmd.Flags().SortFlags = false
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		longest = max(longest, len(flagForm(f)))
		heading := "Flags"
		if group := f.Annotations[flagGroup]; group != nil {
			heading = group[0]
		}
		if groups[heading] == nil {
			groups[heading] = newFlags()
			headings = append(headings, heading)
		}
		groups[heading].AddFlag(f)
	})
	return headings, groups, longest
}

// flagForm is a flag as it is typed, such as "--rows N".
func flagForm(f *pflag.Flag) string {
	form := "--" + f.Name
	if f.Shorthand != "" {
		form = "-" + f.Shorthand + ", " + form
	}
	if f.Value.Type() == "bool" {
		return form
	}
	value, _ := pflag.UnquoteUsage(f)
	return form + " " + value
}

// flagWords says what a flag does, and its default, each value of which stays in one piece,
// unless it has none.
func flagWords(f *pflag.Flag) []string {
	_, text := pflag.UnquoteUsage(f)
	words := strings.Fields(text)
	if f.DefValue != "" && f.DefValue != "false" {
		for value := range strings.SplitAfterSeq("[default: "+f.DefValue+"]", "), ") {
			words = append(words, strings.TrimSpace(value))
		}
	}
	if variable := f.Annotations[flagVariable]; variable != nil {
		words = append(words, "[or "+variable[0]+"]")
	}
	return words
}

func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Explain a command",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, sub := range cmd.Root().Commands() {
				if len(args) == 0 && sub.IsAvailableCommand() {
					names = append(names, sub.Name()+"\t"+sub.Short)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			target := cmd.Root()
			for _, name := range args {
				found, rest, err := target.Find([]string{name})
				if err != nil || len(rest) > 0 {
					return knownCommand(target, []string{name})
				}
				target = found
			}
			target.InitDefaultHelpFlag()
			return target.Help()
		},
	}
}
