package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// content is what a file holds, the only one in its folder.
func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if all, err := os.ReadDir(filepath.Dir(path)); err != nil || len(all) != 1 {
		t.Errorf("%v beside the output, error %v", all, err)
	}
	return string(text)
}

// TestOutput: the file holds what standard output would have, which stays empty.
func TestOutput(t *testing.T) {
	path := gaussian(t, "400")
	for _, flag := range []string{"--json=false", "--quiet", "--json"} {
		out := file(t, "out", "old")
		args := append(of(path, smallCPU...), flag)
		code, stdout, stderr := try(t, "", append(args, "--output", out)...)
		if code != exitOK || stdout != "" || stderr != "" {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", flag, code, stdout, stderr)
		}
		_, want, _ := try(t, "", append(args, "--output", "-")...)
		got := content(t, out)
		if flag == "--quiet" && got != want {
			t.Errorf("%s: %q in the file, want %q", flag, got, want)
		}
		if flag == "--json" {
			if a, b := decode(t, got), decode(t, want); a.Estimate != b.Estimate {
				t.Errorf("%v in the file, want %v", a.Estimate, b.Estimate)
			}
		}
		if first, _, _ := strings.Cut(want, "\n"); flag == "--json=false" && !strings.HasPrefix(got, first) {
			t.Errorf("the report in the file is %q, want %q and so on", got, first)
		}
	}
}

// TestOutputInterrupted: what there is when a signal comes is written as well, and nothing
// is where there is nothing.
func TestOutputInterrupted(t *testing.T) {
	path := gaussian(t, "400")
	out := file(t, "out.json", "old")
	text, _ := untilTrained(t, func(delay time.Duration) (int, string, string) {
		code, stdout, stderr := runUntil(t, delay, endless(path, "--json", "--output", out)...)
		if stdout != "" {
			t.Errorf("stdout is %q", stdout)
		}
		if text := content(t, out); text != "old" {
			return code, text, stderr
		}
		return code, "", stderr
	})
	if d := decode(t, text); d.Stop != "interrupted" {
		t.Errorf("the file holds %s", text)
	}
}

// TestRefusedOutputs: files that cannot be written are named before the data are read, and
// what was there is kept where the estimate fails.
func TestRefusedOutputs(t *testing.T) {
	path := gaussian(t, "400")
	out := file(t, "out.json", "old")
	dir := t.TempDir()
	refused(t, []refusal{
		{of("absent.csv", "--output", filepath.Join(dir, "sub", "out.json")), exitError, []string{"--output", "out.json", "there is no folder", "make it first"}},
		{of("absent.csv", "--output", filepath.Join(path, "out.json")), exitError, []string{"--output", "out.json: not a directory"}},
		{of("absent.csv", "--output", dir), exitError, []string{"--output", "is a directory: name a file in it"}},
		{of("absent.csv", "--output", ""), exitUsage, []string{"--output is empty"}},
		{of("absent.csv", "--output", out), exitError, []string{"absent.csv", "no such file"}},
		{of(path, "--lr", "1e30", "--hidden", "8", "--race=false", "--output", out), exitError, []string{"diverged"}},
		{of(path, "--output", path), exitUsage, []string{"--output", "would replace the data"}},
		{of(strings.TrimSuffix(path, "v")+"*", "--output", path), exitUsage, []string{"--output", "would replace the data"}},
		{of(filepath.Join(dir, "..", filepath.Base(dir), "..", filepath.Base(dir), "none.csv"), "--output", dir+"/"), exitError, []string{"directory"}},
	})
	if got := content(t, out); got != "old" {
		t.Errorf("the file holds %q", got)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestOutputLost: an answer that can no longer be written where it should goes to standard
// output.
func TestOutputLost(t *testing.T) {
	var stdout bytes.Buffer
	cmd := &cobra.Command{}
	cmd.SetOut(&stdout)
	cmd.SetContext(context.Background())
	f := outputFlag{filepath.Join(t.TempDir(), "gone", "out.json"), "output"}
	err := f.write(cmd, []byte("1.5\n"))
	if err == nil || !strings.Contains(err.Error(), "on standard output instead") || stdout.String() != "1.5\n" {
		t.Errorf("error %v, stdout %q", err, &stdout)
	}
}
