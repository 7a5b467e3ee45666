package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// pages writes the manual and returns its pages by their names.
func pages(t *testing.T) map[string]string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "man", "man1")
	if code, stdout, stderr := try(t, "", "man", dir); code != exitOK || stdout != "" || stderr != "" {
		t.Fatalf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	all := map[string]string{}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[f.Name()] = string(text)
	}
	return all
}

// TestManual: every command that help shows has a page, with all its flags and what they say, in
// and no line that is a macro by mistake.
func TestManual(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "86400")
	all := pages(t)
	plain := strings.NewReplacer(`\-`, "-", `\&`, "", `\(aq`, "'", `\(ga`, "`", `\(ha`, "^", `\(ti`, "~", `\e`, `\`, `\fB`, "", `\fP`, "", "\n.PP\n", "\n", "\n.EX\n", "\n", "\n.EE\n", "\n")
	macros := []string{".TH", ".SH", ".SS", ".TP", ".PP", ".EX", ".EE", ".br"}
	checked := 0
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Hidden || cmd.Name() == "help" {
			return
		}
		text, ok := all[strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".1"]
		if !ok {
			t.Errorf("no page for %s", cmd.CommandPath())
		}
		for line := range strings.Lines(text) {
			if macro, _, _ := strings.Cut(strings.TrimSpace(line), " "); strings.HasPrefix(macro, ".") && !slices.Contains(macros, macro) || strings.HasPrefix(macro, "'") {
				t.Errorf("%s: %q is a macro of roff", cmd.CommandPath(), line)
			}
		}
		text = strings.Join(strings.Fields(plain.Replace(plain.Replace(text))), " ") // twice: two macros in a row share a line's end
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Hidden {
				return
			}
			checked++
			if words := strings.Join(flagWords(f), " "); !strings.Contains(text, "--"+f.Name) || !strings.Contains(text, words) {
				t.Errorf("%s: flag --%s, %q, is not in\n%s", cmd.CommandPath(), f.Name, words, text)
			}
		})
		if long := strings.Join(strings.Fields(cmd.Long), " "); !strings.Contains(text, long) {
			t.Errorf("%s: the text is not in\n%s\nwant\n%s", cmd.CommandPath(), text, long)
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(newRoot())
	if checked < 100 {
		t.Errorf("only %d flags", checked)
	}
	again := pages(t)
	for name, text := range all {
		if again[name] != text || !strings.Contains(text, "Jan 1970") {
			t.Errorf("%s does not have the date of SOURCE_DATE_EPOCH alone", name)
		}
	}
}

func TestWrongManual(t *testing.T) {
	path := file(t, "file", "")
	refused(t, []refusal{
		{[]string{"man"}, exitUsage, []string{"name one folder"}},
		{[]string{"man", path}, exitError, []string{path, "not a directory"}},
	})
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	refused(t, []refusal{{[]string{"man", t.TempDir()}, exitError, []string{"SOURCE_DATE_EPOCH", "yesterday"}}})
}
