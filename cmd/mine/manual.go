package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
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
			date, err := manualDate()
			if err != nil {
				return err
			}
			if err := os.MkdirAll(args[0], 0o777); err != nil {
				return fmt.Errorf("%s: %w", args[0], pathCause(err))
			}
			return writeManual(newRoot(), args[0], date)
		},
	}
}

// manualDate is the date of the pages: SOURCE_DATE_EPOCH, or now.
func manualDate() (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		return time.Now(), nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH is %q, want seconds since 1970", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// hasManual reports whether a command has a page.
func hasManual(cmd *cobra.Command) bool { return !cmd.Hidden && cmd.Name() != "help" }

// writeManual writes the pages of a command and of those below it.
func writeManual(cmd *cobra.Command, folder string, date time.Time) error {
	path := filepath.Join(folder, manualName(cmd)+".1")
	if err := os.WriteFile(path, []byte(manualPage(cmd, date)), 0o666); err != nil {
		return fmt.Errorf("%s: %w", path, pathCause(err))
	}
	for _, sub := range cmd.Commands() {
		if !hasManual(sub) {
			continue
		}
		if err := writeManual(sub, folder, date); err != nil {
			return err
		}
	}
	return nil
}

func manualName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manualPage is the page of a command, in the macros of man(7).
func manualPage(cmd *cobra.Command, date time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH \"%s\" \"1\" \"%s\" \"gomine\" \"gomine\"\n", strings.ToUpper(roff(manualName(cmd))), date.Format("Jan 2006"))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n.SH SYNOPSIS\n", roff(manualName(cmd)), roff(cmd.Short))
	forms := []string{cmd.CommandPath() + " COMMAND [flags]"}
	if cmd.HasParent() {
		forms = synopsis(cmd)
	}
	for i, form := range forms {
		if i > 0 {
			b.WriteString(".br\n")
		}
		fmt.Fprintf(&b, "\\fB%s\\fP\n", roff(form))
	}
	b.WriteString(".SH DESCRIPTION\n")
	writeRoff(&b, description(cmd))
	b.WriteString(".SH OPTIONS\n")
	cmd.InitDefaultHelpFlag()
	headings, groups, _ := flagGroups(cmd)
	for _, heading := range headings {
		if len(headings) > 1 {
			fmt.Fprintf(&b, ".SS %s\n", roff(heading))
		}
		groups[heading].VisitAll(func(f *pflag.Flag) {
			fmt.Fprintf(&b, ".TP\n\\fB%s\\fP\n%s\n", roff(flagForm(f)), roff(strings.Join(flagWords(f), " ")))
		})
	}
	if cmd.Example != "" {
		fmt.Fprintf(&b, ".SH EXAMPLES\n")
		writeRoff(&b, cmd.Example)
	}
	var others []string
	if cmd.HasParent() {
		others = append(others, manualName(cmd.Parent()))
	}
	for _, sub := range cmd.Commands() {
		if hasManual(sub) {
			others = append(others, manualName(sub))
		}
	}
	for i, name := range others {
		others[i] = "\\fB" + roff(name) + "\\fP(1)"
	}
	fmt.Fprintf(&b, ".SH SEE ALSO\n%s\n", strings.Join(others, ", "))
	return b.String()
}

// writeRoff writes a text with paragraphs. Lines that are indented, or set in columns, stay as they are, and the
// exit codes are a paragraph of their own.
func writeRoff(b *strings.Builder, text string) {
	asIs := false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		before := asIs
		asIs = strings.HasPrefix(line, "  ") || strings.Contains(line, "   ")
		switch {
		case asIs && !before:
			b.WriteString(".PP\n.EX\n")
		case before && !asIs:
			b.WriteString(".EE\n")
			if line != "" {
				b.WriteString(".PP\n")
			}
		case strings.HasPrefix(line, "Exit codes:"):
			b.WriteString(".PP\n")
		}
		if line == "" {
			b.WriteString(".PP\n")
			continue
		}
		b.WriteString(roff(line) + "\n")
	}
	if asIs {
		b.WriteString(".EE\n")
	}
}

// roffText has the characters of a text that roff would not show as they are.
var roffText = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", "\\(ga", "^", `\(ha`, "~", `\(ti`)

// roff is a line of text for roff: one that begins with a point is no macro.
func roff(line string) string {
	line = roffText.Replace(line)
	if strings.HasPrefix(line, ".") {
		return `\&` + line
	}
	return line
}
