package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

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
			if err := conforms(t, stdout); err != nil {
				t.Error(err)
			}
		}},
	} {
		t.Run(c.flag, func(t *testing.T) {
			stdout, stderr := untilTrained(t, func(delay time.Duration) (int, string, string) {
				return runUntil(t, delay, endless(path, c.flag)...)
			})
			c.want(t, stdout)
			if !regexp.MustCompile(`^mine: interrupted after [0-9,]+ training steps? of [1-5] critics? in [1-5] of 5 folds: `).MatchString(stderr) || !strings.HasSuffix(stderr, ": the number is the best so far\n") {
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
