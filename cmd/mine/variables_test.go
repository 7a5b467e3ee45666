package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// TestVariables: a variable stands for its flag where that is not given, and the flag wins.
func TestVariables(t *testing.T) {
	path := gaussian(t, "400")
	seven := file(t, "seven.json", "")
	if code, _, stderr := try(t, "", of(path, append([]string{"--json", "--seed", "7", "--output", seven}, smallCPU...)...)...); code != exitOK {
		t.Fatal(stderr)
	}
	t.Setenv(configVariable, seven)
	t.Setenv(threadsVariable, "1")
	t.Setenv(backendVariable, "cpu")
	estimate := func(args ...string) document {
		t.Helper()
		code, stdout, stderr := try(t, "", of(path, append(args, "--json")...)...)
		if code != exitOK {
			t.Fatalf("%q: exit %d, %s", args, code, stderr)
		}
		return decode(t, stdout)
	}
	if d := estimate(); d.Config.Seed != 7 || d.Config.Steps != 20 || d.Backend != "cpu" || !strings.HasPrefix(d.Device, "1 threads,") {
		t.Errorf("seed %d, %d steps on %s, %s", d.Config.Seed, d.Config.Steps, d.Backend, d.Device)
	}
	if d := estimate("--seed", "8", "--threads", "2"); d.Config.Seed != 8 || !strings.HasPrefix(d.Device, "2 threads,") {
		t.Errorf("flags do not win: seed %d on %s", d.Config.Seed, d.Device)
	}
	// A command without the flag does not look at its variable.
	t.Setenv(threadsVariable, "many")
	if code, _, stderr := try(t, "", "columns", path); code != exitOK {
		t.Error(stderr)
	}
}

// TestWrongVariables: a value that cannot be used is an error that names the variable.
func TestWrongVariables(t *testing.T) {
	for _, c := range []struct {
		variable, value string
		args            []string
		code            int
		want            []string
	}{
		{threadsVariable, "many", nil, exitUsage, []string{`MINE_THREADS "many"`, "want a whole number"}},
		{threadsVariable, "0", nil, exitUsage, []string{"MINE_THREADS is 0"}},
		{backendVariable, "tpu", nil, exitUsage, []string{`MINE_BACKEND "tpu"`, "auto, cpu, cuda"}},
		{backendVariable, "cpu", []string{"--device", "1"}, exitUsage, []string{"--device", "not for MINE_BACKEND cpu"}},
		{configVariable, "absent.json", nil, exitError, []string{"MINE_CONFIG: absent.json: no such file"}},
		{configVariable, file(t, "empty.json", ""), nil, exitError, []string{"MINE_CONFIG: ", "empty.json is empty"}},
	} {
		t.Run(c.variable+"="+c.value, func(t *testing.T) {
			t.Setenv(c.variable, c.value)
			refused(t, []refusal{{of("absent.csv", c.args...), c.code, c.want}})
		})
	}
	t.Setenv(configVariable, file(t, "config.json", "{}"))
	refused(t, []refusal{{of("absent.csv", "--effort", "fast"), exitUsage, []string{"--effort", "MINE_CONFIG"}}})
	t.Setenv(configVariable, "")
	t.Setenv(threadsVariable, "-1")
	refused(t, []refusal{
		{[]string{"doctor"}, exitUsage, []string{"MINE_THREADS is -1"}},
		{[]string{"score", "critic", "absent.csv"}, exitUsage, []string{"MINE_THREADS is -1"}},
	})
}

func TestVariablesInHelp(t *testing.T) {
	_, stdout, _ := try(t, "", "estimate", "--help")
	for _, variable := range []string{threadsVariable, backendVariable, configVariable} {
		if !strings.Contains(strings.Join(strings.Fields(stdout), " "), "[or "+variable+"]") {
			t.Errorf("%s is not in the help:\n%s", variable, stdout)
		}
	}
}

// TestVariablesInDocs: doc/command.md names the commands that look at each variable.
func TestVariablesInDocs(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "doc", "command.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, variable := range []string{threadsVariable, backendVariable, configVariable} {
		_, line, _ := strings.Cut(string(text), "| `"+variable+"` |")
		line, _, _ = strings.Cut(line, "\n")
		for _, cmd := range newRoot().Commands() {
			reads := false
			cmd.Flags().VisitAll(func(f *pflag.Flag) {
				reads = reads || slices.Contains(f.Annotations[flagVariable], variable)
			})
			if reads != strings.Contains(line, "`"+cmd.Name()+"`") {
				t.Errorf("mine %s looks at %s: %v, but doc/command.md has %q", cmd.Name(), variable, reads, line)
			}
		}
	}
}
