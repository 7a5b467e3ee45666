package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

// newManual returns the command that writes the manual pages, for those who make packages.
func newManual() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "Write the manual pages of all commands to a folder",
		Hidden: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("name one folder for the manual pages")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			root := newRoot()
			inMarkdown(root)
			if err := os.MkdirAll(args[0], 0o777); err != nil {
				return fmt.Errorf("%s: %w", args[0], pathCause(err))
			}
			// The date is SOURCE_DATE_EPOCH, if that is set.
			if err := doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "gomine", Manual: "gomine"}, args[0]); err != nil {
				return fmt.Errorf("%s: %w", args[0], pathCause(err))
			}
			return nil
		},
	}
}

// inMarkdown turns the help of a command and of those below it into Markdown, from which cobra
// makes manual pages.
func inMarkdown(cmd *cobra.Command) {
	cmd.DisableAutoGenTag = true
	if cmd.Long == "" {
		cmd.Long = cmd.Short + "."
	}
	cmd.Short, cmd.Long = markdownText.Replace(cmd.Short), markdownLines(cmd.Long)
	// A synopsis is in bold, and a line of its own by two spaces.
	if parent := cmd.Parent(); parent != nil {
		cmd.Use = strings.ReplaceAll(cmd.Use, "\n", "**  \n**"+parent.CommandPath()+" ")
		cmd.DisableFlagsInUseLine = true
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name, _ := pflag.UnquoteUsage(f)
		f.Usage = markdownText.Replace(strings.Join(flagWords(f), " "))
		if f.Value.Type() != "bool" {
			f.Value, f.DefValue = placeholder(name), name
		}
	})
	for _, sub := range cmd.Commands() {
		inMarkdown(sub)
	}
}

// markdownLines escapes a text. Lines that are indented, or set in columns, stay as they are, and
// the exit codes are a paragraph of their own.
func markdownLines(text string) string {
	var b strings.Builder
	asIs := false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		before := asIs
		asIs = strings.HasPrefix(line, "  ") || strings.Contains(line, "   ")
		if asIs != before || strings.HasPrefix(line, "Exit codes:") {
			b.WriteString("\n")
		}
		if asIs {
			b.WriteString("    " + line + "\n")
		} else {
			b.WriteString(markdownText.Replace(line) + "\n")
		}
	}
	return b.String()
}

// placeholder is the value of a flag that stands for what it takes.
type placeholder string

func (p placeholder) String() string   { return string(p) }
func (p placeholder) Set(string) error { return nil }
func (p placeholder) Type() string     { return string(p) }
