package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// journalled are commands that keep a journal beside their output, with some seconds of work in several pieces,
// and what an entry of a piece begins with.
func journalled(t *testing.T) map[string]struct {
	args   []string
	output string
	entry  string
} {
	long := append(smallCPU, "--steps", "300", "--patience", "1000")
	path := gaussian(t, "300")
	return map[string]struct {
		args   []string
		output string
		entry  string
	}{
		"matrix": {append([]string{"matrix", linked(t, 400), "--all", "--columns", "a,b,c,d"}, long...), "m.json", `{"pair":%d,`},
		"rank":   {append([]string{"rank", path, "--target", "Z0", "--permutations", "19", "--forward", "3"}, long...), "r.json", `{"index":%d,`},
		"seeds":  {append([]string{"estimate", path, "--x", "X*", "--z", "Z*", "--seeds", "4"}, long...), "s.json", `{"index":%d,`},
		"shard":  {append([]string{"estimate", path, "--x", "X*", "--z", "Z*", "--seeds", "8", "--shard", "1/2"}, long...), "part", `{"index":%d,`},
	}
}

// TestResumes kills runs with pieces of work in hand, again and again, and goes on. What is written in the end is
// what a run that nobody disturbed writes, and nothing that was done is done again.
func TestResumes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files that are open cannot be removed")
	}
	for name, c := range journalled(t) {
		t.Run(name, func(t *testing.T) {
			whole, killed := filepath.Join(t.TempDir(), c.output), filepath.Join(t.TempDir(), c.output)
			if code, _, stderr := try(t, "", append(c.args, "--output", whole)...); code != exitOK {
				t.Fatalf("exit %d: %s", code, stderr)
			}
			kills := killedAgain(t, append(c.args, "--output", killed), killed+".journal", c.entry)
			if kills < 1 {
				t.Error("it was never killed")
			}
			if got, want := read(t, killed), read(t, whole); got != want {
				t.Errorf("after %d kills:\n%s\nwithout:\n%s", kills, got, want)
			}
			if left, err := filepath.Glob(killed + ".*"); err != nil || len(left) > 0 {
				t.Errorf("%v is left, error %v", left, err)
			}
		})
	}
}

// killedAgain runs mine until it has ended by itself, and kills it whenever its journal has come further.
func killedAgain(t *testing.T, args []string, journal, entry string) (kills int) {
	done := 0
	for {
		cmd := mineCommand(t, args...)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		for waiting := true; waiting; {
			select {
			case err := <-ended:
				if err != nil {
					t.Fatalf("after %d kills: %v: %s", kills, err, &stderr)
				}
				return kills
			case <-time.After(5 * time.Millisecond):
				text, _ := os.ReadFile(journal)
				for piece := range 20 {
					if again := strings.Count(string(text), "\n"+fmt.Sprintf(entry, piece)); again > 1 {
						t.Fatalf("after %d kills piece %d was done %d times", kills, piece, again)
					}
				}
				if lines := strings.Count(string(text), "\n") - 1; lines > done {
					done, waiting = lines, false
				}
			}
		}
		switch err := cmd.Process.Kill(); {
		case err == nil:
			kills++
		case !errors.Is(err, os.ErrProcessDone): // it has ended since it was looked at
			t.Fatal(err)
		}
		<-ended
	}
}

// TestForeignJournal: a journal of other data, or of other settings, is refused and stays, and one that is damaged
// is named.
func TestForeignJournal(t *testing.T) {
	for name, c := range journalled(t) {
		out := filepath.Join(t.TempDir(), c.output)
		args := append(c.args, "--output", out)
		// The header of a run that is killed at once, and then a line that is no result.
		cmd := mineCommand(t, args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for head := ""; !strings.Contains(head, "\n"); time.Sleep(5 * time.Millisecond) {
			text, _ := os.ReadFile(out + ".journal")
			head = string(text)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		cmd.Wait()
		code, stdout, stderr := try(t, "", append(args, "--seed", "8")...)
		if code != exitError || stdout != "" || !strings.Contains(stderr, c.output+".journal is of an earlier run with other data, settings or version") {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", name, code, stdout, stderr)
		}
		head, _, _ := strings.Cut(read(t, out+".journal"), "\n")
		if err := os.WriteFile(out+".journal", []byte(head+"\n{\"index\":99,\"result\":{}}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, stdout, stderr := try(t, "", args...); code != exitError || stdout != "" || !strings.Contains(stderr, c.output+".journal: line 2 is no ") {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", name, code, stdout, stderr)
		}
		if _, err := os.Stat(out); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: something was written: %v", name, err)
		}
	}
}

// TestInterruptedJournal: an interruption says how far the work has come, and that the same command goes on where
// there is a journal alone.
func TestInterruptedJournal(t *testing.T) {
	c := journalled(t)["seeds"]
	out := filepath.Join(t.TempDir(), c.output)
	for _, test := range []struct {
		args []string
		want string
	}{
		{append(c.args, "--output", out), ": the same command goes on\n"},
		{c.args, ": nothing is written\n"},
	} {
		code, stdout, stderr := runUntil(t, 300*time.Millisecond, append(test.args, "--steps", "1000000", "--patience", "1000000")...)
		if code != exitInterrupted || stdout != "" || stderr != "mine: interrupted after 0 of 4"+test.want {
			t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
		}
	}
	if _, err := os.Stat(out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something was written: %v", err)
	}
}

// TestBusyJournal: a second run of the same command does not begin while the first goes on, which it does not
// disturb.
func TestBusyJournal(t *testing.T) {
	c := journalled(t)["seeds"]
	out := filepath.Join(t.TempDir(), c.output)
	args := append(c.args, "--output", out)
	first := mineCommand(t, args...)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(out + ".journal"); err == nil {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	code, _, stderr := try(t, "", args...)
	if code != exitError || !strings.Contains(stderr, out+".journal is of a run that is still going on") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if err := first.Wait(); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(out + "*"); err != nil || len(left) != 1 {
		t.Errorf("there are %v, error %v", left, err)
	}
}
