package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gomine/mine"
)

// resumable are the arguments of an estimate of a second or two that is kept in a folder.
func resumable(path, dir string, args ...string) []string {
	return append([]string{"estimate", path, "--x", "X*", "--z", "Z*", "--backend", "cpu", "--hidden", "16", "--steps", "800", "--evaluate-every", "20",
		"--race-steps", "100", "--test-pairs", "1000", "--folds", "2", "--survivors", "2", "--json", "--checkpoint", dir, "--checkpoint-every", "0s"}, args...)
}

// numbers are all of a result that no thread and no time has a part in.
func numbers(t *testing.T, stdout string) string {
	t.Helper()
	d := decode(t, stdout)
	d.Timing, d.Device = mine.Timing{}, ""
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestKill: an estimate that is killed again and again, on one thread and on two, ends in the
// numbers of one that is not.
func TestKill(t *testing.T) {
	path, dir := gaussian(t, "400"), filepath.Join(t.TempDir(), "training")
	whole, err := mineCommand(t, resumable(path, dir+".whole")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := numbers(t, string(whole))
	kept := 0 // runs that found something
	for delay := 20 * time.Millisecond; delay < time.Minute; delay += delay / 8 {
		if found, err := filepath.Glob(filepath.Join(dir, "*.checkpoint")); err == nil && len(found) > 0 {
			kept++
		}
		cmd := mineCommand(t, resumable(path, dir, "--threads", []string{"1", "2"}[kept%2])...)
		var stdout strings.Builder
		cmd.Stdout = &stdout
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		killing := time.AfterFunc(delay, func() { cmd.Process.Kill() })
		err := cmd.Wait()
		killing.Stop()
		if err != nil && cmd.ProcessState.Exited() {
			t.Fatalf("after %v: %v", delay, err)
		}
		if err == nil {
			if got := numbers(t, stdout.String()); got != want {
				t.Errorf("%s\nwant\n%s", got, want)
			}
			if kept < 2 {
				t.Errorf("%d runs found a checkpoint, want several", kept)
			}
			return
		}
	}
	t.Fatal("it never ended")
}

// TestInterruptAndResume: after Ctrl-C the same command goes on, and says so; once it has ended it
// does not train again.
func TestInterruptAndResume(t *testing.T) {
	path, dir := gaussian(t, "400"), filepath.Join(t.TempDir(), "training")
	code, stdout, stderr := try(t, "", resumable(path, dir+".whole")...)
	if code != exitOK {
		t.Fatal(stderr)
	}
	want := numbers(t, stdout)
	for delay := 100 * time.Millisecond; ; delay *= 2 {
		code, stdout, stderr = runUntil(t, delay, resumable(path, dir)...)
		if code == exitOK {
			break
		}
		if code != exitInterrupted || stdout != "" && !strings.HasSuffix(stderr, ": the number is the best so far; the same command goes on from "+dir+"\n") {
			t.Fatalf("exit %d, stderr %s", code, stderr)
		}
	}
	if got := numbers(t, stdout); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	code, stdout, stderr = try(t, "", resumable(path, dir)...)
	if code != exitOK || numbers(t, stdout) != want || decode(t, stdout).Timing.StepsPerSecond != 0 {
		t.Errorf("once more: exit %d, %s\n%s", code, stderr, stdout)
	}
	code, stdout, stderr = try(t, "", resumable(path, dir, "--json=false")...)
	if code != exitOK || !strings.Contains(stdout, "The training is in "+dir) {
		t.Errorf("exit %d, %s: no word about the folder in\n%s", code, stderr, stdout)
	}
}

// TestCheckpointRefused: what cannot be gone on from is named, with the flag that would mend it, and
// is left as it is.
func TestCheckpointRefused(t *testing.T) {
	path, other := gaussian(t, "400"), gaussian(t, "401")
	parent := t.TempDir()
	dir, damaged := filepath.Join(parent, "training"), filepath.Join(parent, "damaged")
	quick := []string{"--steps", "40", "--race-steps", "20"}
	for _, d := range []string{dir, damaged} {
		if code, _, stderr := try(t, "", resumable(path, d, quick...)...); code != exitOK {
			t.Fatal(stderr)
		}
	}
	torn := filepath.Join(damaged, "race-0-0.checkpoint")
	if err := os.Truncate(torn, 100); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(parent, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{resumable(path, dir, append(quick, "--lr", "0.5", "--hidden", "16,8")...), exitError, dir + " holds the checkpoint of another run: --hidden[1] was none and is 8 now, --lr was 0.01 and is 0.5 now. Repeat the run as it was, or name another folder"},
		{resumable(other, dir, quick...), exitError, "rows was 400 and is 401 now"},
		{resumable(path, damaged, quick...), exitError, torn + " is damaged"},
		{resumable(path, parent, quick...), exitError, "holds other files"},
		{resumable(path, file), exitUsage, "is no folder"},
		{resumable(path, dir, "--output", filepath.Join(dir, "manifest.json")), exitUsage, "name another folder for --output"},
		{resumable(path, dir, "--plot", filepath.Join(dir, "curve.png")), exitUsage, "name another folder for --plot"},
		{resumable(path, filepath.Join(parent, "no", "folder")), exitError, "there is no folder " + filepath.Join(parent, "no") + ": make it first"},
		{resumable(path, ""), exitUsage, "--checkpoint is empty"},
		{resumable(path, dir, "--checkpoint-every", "-1s"), exitUsage, "--checkpoint-every is -1s, want 0 or more"},
		{[]string{"estimate", path, "--x", "0", "--z", "1", "--checkpoint-every", "1s"}, exitUsage, "name its folder"},
	} {
		code, stdout, stderr := try(t, "", c.args...)
		if code != c.code || stdout != "" || !strings.HasPrefix(stderr, "mine: --checkpoint") || !strings.Contains(stderr, c.want) {
			t.Errorf("exit %d, want %d: %s, want %s", code, c.code, stderr, c.want)
		}
	}
	if code, _, stderr := try(t, "", resumable(path, dir, quick...)...); code != exitOK {
		t.Errorf("after what was refused: exit %d: %s", code, stderr)
	}
}
