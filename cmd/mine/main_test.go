package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// asMine in the environment makes the test binary behave as the mine command,
// so that tests can see real exit codes, signals and pipes.
const asMine = "MINE_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	plainEvery = 24 * time.Hour
	if os.Getenv(asMine) != "" {
		main()
	}
	for _, variable := range []string{threadsVariable, backendVariable, configVariable} {
		os.Unsetenv(variable) // what tests expect depends on no surroundings
	}
	os.Exit(m.Run())
}

// mineCommand is the command mine with the given arguments.
func mineCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), asMine+"=1")
	return cmd
}

// try runs mine in this process.
func try(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

// file writes a file for one test and returns its path.
func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// gaussian writes a small sample with columns X0, X1, Z0, Z1.
func gaussian(t *testing.T, rows string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "g.csv")
	if code, _, stderr := try(t, "", "simulate", "gaussian", "--dim", "2", "--rho", "0.8", "--rows", rows, "--out", path); code != exitOK {
		t.Fatalf("simulate: exit %d: %s", code, stderr)
	}
	return path
}

// small are flags for an estimate that takes a moment and need not be good.
var small = []string{"--hidden", "8", "--batch", "16", "--steps", "20", "--evaluate-every", "10", "--race-steps", "10", "--test-pairs", "1000", "--threads", "1", "--folds", "2", "--survivors", "2"}

// smallCPU are small's on the CPU, where the backend is not what is tested: an emulator is slow.
var smallCPU = append(slices.Clone(small), "--backend", "cpu")

func TestHelp(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"Usage:", "estimate", "simulate", "version", "completion"}},
		{[]string{"help"}, []string{"mine COMMAND"}},
		{[]string{"--help"}, []string{"mine COMMAND"}},
		{[]string{"help", "estimate"}, []string{"mine estimate XFILE ZFILE", "--validation-fraction SHARE", "--help"}},
		{[]string{"estimate", "-h"}, []string{"-x, --x COLUMNS", "Exit codes"}},
		{[]string{"test", "-h"}, []string{"mine test XFILE ZFILE", "--permutations N", "[default: fast]"}},
		{[]string{"matrix", "-h"}, []string{"mine matrix FILE [flags]", "--groups FILE", "--fdr RATE", "--shard I/N"}},
		{[]string{"simulate", "--help"}, []string{"gaussian", "--rho 0.5", "--map-z"}},
		{[]string{"simulate", "list"}, []string{"gaussian", "identical", "--dim-x 3"}},
		{[]string{"columns", "--help"}, []string{"mine columns FILE [flags]", "distinct", "--sample N"}},
		{[]string{"doctor", "--help"}, []string{"mine doctor [flags]", "all, cpu, cuda", "Exit codes"}},
		{[]string{"version"}, []string{"mine ", runtime.Version()}},
		{[]string{"--version"}, []string{"mine ", runtime.Version()}},
		{[]string{"completion", "bash"}, []string{"__start_mine"}},
		{[]string{"__complete", "estimate", "--objective", ""}, []string{"auto\n", "nwj\n"}},
		{[]string{"__complete", "simulate", "ga"}, []string{"gaussian\t"}},
		{[]string{"__complete", "simulate", "gaussian", "--map-x", ""}, []string{"rotation\n"}},
		{[]string{"__complete", "estimate", gaussian(t, "10"), "--z", "X0,"}, []string{"X0,Z0\n", "X0,Z1\n"}},
	} {
		code, stdout, stderr := try(t, "", c.args...)
		if code != exitOK {
			t.Errorf("%q: exit %d, %s", c.args, code, stderr)
		}
		for _, want := range c.want {
			if !strings.Contains(stdout, want) {
				t.Errorf("%q: %q is not in\n%s", c.args, want, stdout)
			}
		}
	}
}

func TestHelpFitsTerminal(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"help", "estimate"}, {"help", "test"}, {"help", "matrix"}, {"help", "rank"}, {"help", "merge"}, {"help", "slurm"}, {"help", "columns"}, {"help", "simulate"}, {"help", "doctor"}, {"help", "version"}} {
		_, stdout, _ := try(t, "", args...)
		examples := false
		for line := range strings.Lines(stdout) {
			line = strings.TrimSuffix(line, "\n")
			examples = strings.HasPrefix(line, "Examples") || examples && line != ""
			if len(line) > helpWidth && !examples {
				t.Errorf("%q: line of %d characters: %s", args, len(line), line)
			}
		}
	}
}

// TestQuiet checks that stdout and stderr together are one number.
func TestQuiet(t *testing.T) {
	path := gaussian(t, "400")
	args := append([]string{"estimate", path, "--x", "X*", "--z", "Z*", "--quiet"}, small...)
	inNats, err := mineCommand(t, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, inNats)
	}
	inBits, err := mineCommand(t, append(args, "--unit", "bits")...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, inBits)
	}
	v, u := number(t, inNats), number(t, inBits)
	// Each is rounded to six decimals, and 1/ln 2 is below 1.5.
	if d := u - v/0.6931471805599453; d < -1.3e-6 || d > 1.3e-6 {
		t.Errorf("%v nats and %v bits are not the same", v, u)
	}
}

// TestInputs checks that the same rows give the same number by every way in.
func TestInputs(t *testing.T) {
	dir := t.TempDir()
	simulate := func(args ...string) {
		t.Helper()
		args = append([]string{"simulate", "gaussian", "--dim", "2", "--rho", "0.8", "--rows", "400"}, args...)
		if code, _, stderr := try(t, "", args...); code != exitOK {
			t.Fatalf("%q: exit %d: %s", args, code, stderr)
		}
	}
	one, x, z, array := filepath.Join(dir, "g.csv"), filepath.Join(dir, "x.npy"), filepath.Join(dir, "z.csv"), filepath.Join(dir, "g.npy")
	simulate("--out", one)
	simulate("--out", x, "--out-z", z)
	simulate("--out", array)
	content, err := os.ReadFile(one)
	if err != nil {
		t.Fatal(err)
	}
	tabs := strings.ReplaceAll(string(content), ",", "\t")

	want := ""
	for _, c := range []struct {
		stdin string
		args  []string
	}{
		{"", []string{one, "--x", "X*", "--z", "Z*"}},
		{"", []string{one, "--x", "0:2", "--z", "Z0,3"}},
		{"", []string{x, z}},
		{"", []string{x, one, "--z", "Z*"}},
		{"", []string{array, "--x", "0:2", "--z", "2:4"}},
		{string(content), []string{"-", "--x", "X*", "--z", "Z*"}},
		{string(content), []string{x, "-", "--z", "Z*"}},
		{tabs, []string{"-", "--x", "X*", "--z", "Z*"}},
		{tabs, []string{"-", "--x", "X*", "--z", "Z*", "--separator", "tab", "--header", "yes"}},
	} {
		args := append(append([]string{"estimate", "--quiet"}, c.args...), smallCPU...)
		code, stdout, stderr := try(t, c.stdin, args...)
		if code != exitOK {
			t.Errorf("%q: exit %d: %s", c.args, code, stderr)
			continue
		}
		if want == "" {
			want = stdout
		}
		if stdout != want {
			t.Errorf("%q: %s, but from one CSV file %s", c.args, stdout, want)
		}
	}
}
