package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asMine in the environment makes the test binary behave as the mine command,
// so that tests can see real exit codes, signals and pipes.
const asMine = "MINE_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asMine) != "" {
		main()
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
var small = []string{"--hidden", "8", "--steps", "20", "--evaluate-every", "10", "--race-steps", "10", "--test-pairs", "1000", "--threads", "1"}

func TestErrors(t *testing.T) {
	good := gaussian(t, "400")
	other := gaussian(t, "300")
	few := file(t, "few.csv", "a,b\n1,2\n2,1\n3,5\n")
	text := file(t, "text.csv", "a,b\n1,2\n2,one\n3,5\n")
	ragged := file(t, "ragged.csv", "a,b\n1,2\n2\n")
	infinite := file(t, "infinite.csv", "a,b\n1,2\n2,inf\n")
	header := file(t, "header.csv", "a,b\n")
	empty := file(t, "empty.csv", "")
	constant := file(t, "constant.csv", "a,b\n"+strings.Repeat("1,2\n1,3\n1,4\n", 100))
	dir := t.TempDir()
	xz := []string{"--x", "X*", "--z", "Z*"}
	estimate := func(args ...string) []string { return append(append([]string{"estimate", good}, xz...), args...) }

	for _, c := range []struct {
		args []string
		code int
		want []string // all in the line on stderr
	}{
		// Commands.
		{[]string{"estimat"}, exitUsage, []string{`"estimat"`, "did you mean estimate?"}},
		{[]string{"frobnicate"}, exitUsage, []string{`"frobnicate"`, "mine --help"}},
		{[]string{"help", "simulat"}, exitUsage, []string{`"simulat"`, "did you mean simulate?"}},
		{[]string{"version", "now"}, exitUsage, []string{"no arguments", `"now"`}},
		{[]string{"completion"}, exitUsage, []string{"bash, zsh, fish, powershell"}},
		{[]string{"completion", "tcsh"}, exitUsage, []string{`"tcsh"`, "bash, zsh, fish, powershell"}},

		// Flags.
		{estimate("--stpes", "5"), exitUsage, []string{"--stpes", "did you mean --steps?"}},
		{estimate("--learning"), exitUsage, []string{"--learning", "mine estimate --help"}},
		{estimate("-q"), exitUsage, []string{"-q"}},
		{estimate("--steps"), exitUsage, []string{"--steps needs a value"}},
		{estimate("--steps", "many"), exitUsage, []string{"--steps", `"many"`, "whole number"}},
		{estimate("--steps", "1.5"), exitUsage, []string{"--steps", "whole number"}},
		{estimate("--lr", "fast"), exitUsage, []string{"--lr", `"fast"`, "want a number"}},
		{estimate("--seed", "-1"), exitUsage, []string{"--seed", "0 or more"}},
		{estimate("--race=perhaps"), exitUsage, []string{"--race", "true or false"}},
		{estimate("--hidden", "64,x"), exitUsage, []string{"--hidden", "128,128"}},
		{estimate("--objective", "infonce"), exitUsage, []string{"--objective", `"infonce"`, "dv, mine, nwj, js"}},
		{estimate("--activation", "tanh"), exitUsage, []string{"--activation", "softplus, elu, relu"}},
		{estimate("--preprocess", "none"), exitUsage, []string{"--preprocess", "rank, standardize"}},
		{estimate("--unit", "dits"), exitUsage, []string{"--unit", "nats, bits"}},
		{estimate("--backend", "tpu"), exitUsage, []string{"--backend", "auto, cpu, cuda"}},
		{estimate("--precision", "fp64"), exitUsage, []string{"--precision", "auto, fp32, 3xtf32, tf32"}},
		{estimate("--backend", "cpu", "--precision", "tf32"), exitUsage, []string{"--precision", "CUDA"}},
		{estimate("--backend", "cpu", "--device", "1"), exitUsage, []string{"--device", "CUDA"}},
		{estimate("--header", "maybe"), exitUsage, []string{"--header", "yes, no"}},
		{estimate("--separator", "ab"), exitUsage, []string{"--separator", `"ab"`}},
		{estimate("--steps", "0"), exitUsage, []string{"--steps is 0"}},
		{estimate("--batch", "-3"), exitUsage, []string{"--batch is -3"}},
		{estimate("--batch", "241", "--validation-fraction", "0.2", "--test-fraction", "0.2"), exitUsage, []string{"--batch is 241", "240 training rows"}},
		{estimate("--lr", "0"), exitUsage, []string{"--lr is 0"}},
		{estimate("--lr", "NaN"), exitUsage, []string{"--lr is NaN"}},
		{estimate("--weight-decay", "-1"), exitUsage, []string{"--weight-decay is -1"}},
		{estimate("--ema-rate", "1.5"), exitUsage, []string{"--ema-rate is 1.5"}},
		{estimate("--evaluate-every", "0"), exitUsage, []string{"--evaluate-every is 0"}},
		{estimate("--patience", "0"), exitUsage, []string{"--patience is 0"}},
		{estimate("--race-steps", "0"), exitUsage, []string{"--race-steps is 0"}},
		{estimate("--race=false", "--race-steps", "0"), exitUsage, []string{"--race-steps is 0"}},
		{estimate("--hidden", "0"), exitUsage, []string{"--hidden is [0]"}},
		{estimate("--hidden", "1,1,1,1,1"), exitUsage, []string{"--hidden is"}},
		{estimate("--validation-fraction", "1"), exitUsage, []string{"--validation-fraction is 1"}},
		{estimate("--test-fraction", "inf"), exitUsage, []string{"--test-fraction is +Inf"}},
		{estimate("--test-fraction", "0.9", "--validation-fraction", "0.2"), exitUsage, []string{"--validation-fraction + --test-fraction is 1.1"}},
		{estimate("--test-pairs", "0"), exitUsage, []string{"--test-pairs is 0"}},
		{estimate("--confidence", "95"), exitUsage, []string{"--confidence is 95"}},
		{estimate("--threads", "0"), exitUsage, []string{"--threads is 0"}},
		{estimate("--json", "--quiet"), exitUsage, []string{"--json", "--quiet"}},

		// Files and columns.
		{[]string{"estimate"}, exitUsage, []string{"no data file"}},
		{[]string{"estimate", "a", "b", "c"}, exitUsage, []string{"3 files"}},
		{[]string{"estimate", good}, exitUsage, []string{"--x and --z"}},
		{[]string{"estimate", good, "--x", "0"}, exitUsage, []string{"--z"}},
		{[]string{"estimate", good, good}, exitUsage, []string{"g.csv", "twice"}},
		{[]string{"estimate", "-", "-"}, exitUsage, []string{"standard input"}},
		{[]string{"estimate", good, "--x", "X*", "--z", "Y*"}, exitUsage, []string{"g.csv", "--z", `"Y*"`}},
		{[]string{"estimate", good, "--x", "X0,X0", "--z", "Z*"}, exitUsage, []string{"g.csv", "--x", "twice"}},
		{[]string{"estimate", good, "--x", "0:3", "--z", "2:4"}, exitUsage, []string{"g.csv", "--x", "--z", "Z0"}},
		{[]string{"estimate", good, other, "--z", "nope"}, exitUsage, []string{"--z", `"nope"`}},
		{[]string{"estimate", good, other}, exitError, []string{"400 rows", "300 rows"}},
		{[]string{"estimate", "absent.csv", "--x", "0", "--z", "1"}, exitError, []string{"absent.csv", "no such file"}},
		{[]string{"estimate", dir, "--x", "0", "--z", "1"}, exitError, []string{"directory"}},
		{[]string{"estimate", empty, "--x", "0", "--z", "1"}, exitError, []string{"empty.csv"}},
		{[]string{"estimate", header, "--x", "a", "--z", "b"}, exitError, []string{"header.csv"}},
		{[]string{"estimate", text, "--x", "a", "--z", "b"}, exitError, []string{"text.csv", "line 3", `"one"`}},
		{[]string{"estimate", ragged, "--x", "a", "--z", "b"}, exitError, []string{"ragged.csv", "line 3"}},
		{[]string{"estimate", infinite, "--x", "a", "--z", "b"}, exitError, []string{"infinite.csv", "line 3"}},
		{[]string{"estimate", few, "--x", "a", "--z", "b"}, exitError, []string{"few.csv", "3 rows"}},
		{[]string{"estimate", constant, "--x", "a", "--z", "b"}, exitError, []string{"constant.csv", "constant"}},
		{estimate("--lr", "1e30", "--hidden", "8", "--race=false"), exitError, []string{"diverged", "--lr"}},

		// Simulation.
		{[]string{"simulate"}, exitUsage, []string{"no family", "simulate list"}},
		{[]string{"simulate", "gausian", "--out", "-"}, exitUsage, []string{`"gausian"`, "gaussian"}},
		{[]string{"simulate", "gaussian", "channel", "--out", "-"}, exitUsage, []string{"2 families"}},
		{[]string{"simulate", "gaussian"}, exitUsage, []string{"--out"}},
		{[]string{"simulate", "gaussian", "--out", "g.parquet"}, exitUsage, []string{"--out", ".parquet", ".npy"}},
		{[]string{"simulate", "gaussian", "--out", "-", "--out-z", "-"}, exitUsage, []string{"--out-z"}},
		{[]string{"simulate", "gaussian", "--out", "-", "--rows", "0"}, exitUsage, []string{"--rows is 0"}},
		{[]string{"simulate", "gaussian", "--out", "-", "--nu", "3"}, exitUsage, []string{"gaussian", "--nu"}},
		{[]string{"simulate", "gaussian", "--out", "-", "--task-seed", "3"}, exitUsage, []string{"gaussian", "--task-seed"}},
		{[]string{"simulate", "gaussian", "--out", "-", "--rho", "1"}, exitUsage, []string{"--rho is 1"}},
		{[]string{"simulate", "gaussian", "--out", "-", "--rho", "nan"}, exitUsage, []string{"--rho is NaN"}},
		{[]string{"simulate", "gaussian", "--out", "-", "--dim", "0"}, exitUsage, []string{"--dim is 0"}},
		{[]string{"simulate", "gaussian", "--out", "-", "--mi", "0"}, exitUsage, []string{"--mi is 0"}},
		{[]string{"simulate", "gaussian", "--out", "-", "--mi", "100"}, exitUsage, []string{"--mi is 100"}},
		{[]string{"simulate", "gaussian", "--out", "-", "--mi", "1", "--rho", ".5"}, exitUsage, []string{"--mi and --rho"}},
		{[]string{"simulate", "student", "--out", "-", "--map-x", "exp"}, exitUsage, []string{"student", "exp"}},
		{[]string{"simulate", "gaussian", "--out", "-", "--map-x", "square"}, exitUsage, []string{"--map-x", "cubic"}},
		{[]string{"simulate", "gaussian", "--out", filepath.Join(dir, "absent", "g.csv")}, exitError, []string{"absent", "no such file"}},
		{[]string{"simulate", "gaussian", "--out", dir}, exitError, []string{"directory"}},
	} {
		code, stdout, stderr := try(t, "", c.args...)
		if code != c.code {
			t.Errorf("%q: exit %d, want %d (%s)", c.args, code, c.code, stderr)
		}
		if stdout != "" {
			t.Errorf("%q: stdout %q, want nothing", c.args, stdout)
		}
		line, rest, _ := strings.Cut(stderr, "\n")
		message, prefixed := strings.CutPrefix(line, "mine: ")
		if !prefixed || rest != "" {
			t.Errorf("%q: stderr %q, want one line that starts with mine:", c.args, stderr)
		}
		for _, leak := range []string{"mine: ", "table: ", "config ", "simulate: ", "strconv", "context", "goroutine"} {
			if strings.Contains(message, leak) {
				t.Errorf("%q: %q leaks %q", c.args, message, leak)
			}
		}
		for _, want := range c.want {
			if !strings.Contains(message, want) {
				t.Errorf("%q: %q does not say %q", c.args, message, want)
			}
		}
	}
}

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
		{[]string{"simulate", "--help"}, []string{"gaussian", "--rho 0.5", "--map-z"}},
		{[]string{"simulate", "list"}, []string{"gaussian", "identical", "--dim-x 3"}},
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
	for _, args := range [][]string{{"help"}, {"help", "estimate"}, {"help", "simulate"}, {"help", "version"}} {
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
		args := append(append([]string{"estimate", "--quiet"}, c.args...), small...)
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

// endless are the arguments of an estimate that nobody waits for.
func endless(path string, args ...string) []string {
	return append([]string{"estimate", path, "--x", "X*", "--z", "Z*", "--hidden", "8", "--steps", "1000000000",
		"--patience", "1000000000", "--evaluate-every", "1", "--test-pairs", "1000", "--race=false"}, args...)
}

// untilTrained calls interrupted with longer and longer delays until the
// interruption comes late enough for there to be an estimate.
func untilTrained(t *testing.T, interrupted func(delay time.Duration) (code int, stdout, stderr string)) (stdout, stderr string) {
	t.Helper()
	for delay := 100 * time.Millisecond; delay < 20*time.Second; delay *= 2 {
		code, stdout, stderr := interrupted(delay)
		if code != exitInterrupted {
			t.Fatalf("exit %d, want %d: %s", code, exitInterrupted, stderr)
		}
		if stdout != "" {
			return stdout, stderr
		}
		if want := "mine: interrupted before there was an estimate\n"; stderr != want {
			t.Fatalf("without an estimate stderr is %q, want %q", stderr, want)
		}
	}
	t.Fatal("no estimate after 20 s of training")
	return "", ""
}

func TestInterrupt(t *testing.T) {
	path := gaussian(t, "400")
	for _, c := range []struct {
		flag string
		want func(t *testing.T, stdout string)
	}{
		{"--json=false", func(t *testing.T, stdout string) {
			if !strings.HasPrefix(stdout, "INTERRUPTED: the best so far\nI(X;Z) = ") {
				t.Errorf("report is not marked:\n%s", stdout)
			}
		}},
		{"--quiet", func(t *testing.T, stdout string) { number(t, []byte(stdout)) }},
		{"--json", func(t *testing.T, stdout string) {
			if d := decode(t, stdout); d.Stop != "interrupted" || d.Steps < 1 {
				t.Errorf("stop is %q after %d steps, want interrupted after some", d.Stop, d.Steps)
			}
		}},
	} {
		t.Run(c.flag, func(t *testing.T) {
			stdout, stderr := untilTrained(t, func(delay time.Duration) (int, string, string) {
				return runUntil(t, delay, endless(path, c.flag)...)
			})
			c.want(t, stdout)
			if !strings.HasPrefix(stderr, "mine: interrupted after ") || !strings.HasSuffix(stderr, ": the number is the best so far\n") {
				t.Errorf("stderr is %q", stderr)
			}
		})
	}
}

// runUntil runs mine in this process and cancels it after a delay.
func runUntil(t *testing.T, delay time.Duration, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer time.AfterFunc(delay, cancel).Stop()
	var out, errs bytes.Buffer
	code = run(ctx, args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// TestInterruptWhileReading checks that a silent pipe does not hold up the end.
func TestInterruptWhileReading(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close() // lets the reader that was left behind end
	ctx, cancel := context.WithCancel(t.Context())
	defer time.AfterFunc(50*time.Millisecond, cancel).Stop()
	var stdout, stderr bytes.Buffer
	code := run(ctx, []string{"estimate", "-", "--x", "0", "--z", "1"}, r, &stdout, &stderr)
	if want := "mine: interrupted before there was an estimate\n"; code != exitInterrupted || stdout.Len() > 0 || stderr.String() != want {
		t.Errorf("exit %d, stdout %q, stderr %q, want %d, nothing, %q", code, &stdout, &stderr, exitInterrupted, want)
	}
}

func TestSignals(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no signals to send")
	}
	path := gaussian(t, "400")
	for _, signal := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		untilTrained(t, func(delay time.Duration) (int, string, string) {
			cmd := mineCommand(t, endless(path)...)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			// Sent before the process listens, a signal would just end it.
			time.Sleep(delay + 400*time.Millisecond)
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			cmd.Wait()
			return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
		})
	}
}

// TestSecondSignal checks that a second signal ends what the first did not.
func TestSecondSignal(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no signals to send")
	}
	// The test of a huge number of pairs takes hours and is not cut short.
	cmd := mineCommand(t, append(endless(gaussian(t, "400")), "--steps", "1", "--test-pairs", "1000000000000")...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		cmd.Process.Signal(os.Interrupt)
		select {
		case err := <-ended:
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Success() {
				t.Errorf("ended with %v, want a signal", err)
			}
			return
		case <-time.After(300 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("did not end")
		}
	}
}

// TestClosedPipe checks that a reader that goes away gives an error, not a
// stack trace.
func TestClosedPipe(t *testing.T) {
	path := gaussian(t, "400")
	for _, args := range [][]string{
		append([]string{"estimate", path, "--x", "X*", "--z", "Z*"}, small...),
		append([]string{"estimate", path, "--x", "X*", "--z", "Z*", "--json"}, small...),
		{"simulate", "gaussian", "--out", "-"},
		{"simulate", "list"},
		{"version"},
	} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		cmd := mineCommand(t, args...)
		var stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = w, &stderr
		cmd.Run()
		w.Close()
		if code := cmd.ProcessState.ExitCode(); code != exitError || stderr.String() != "mine: stdout: broken pipe\n" {
			t.Errorf("%q: exit %d, stderr %q", args, code, &stderr)
		}
	}
}
