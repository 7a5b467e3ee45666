package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type header struct{ Of string }

// results opens a journal and returns what it has.
func results(t *testing.T, path string) (*Journal, string) {
	t.Helper()
	j, done, err := Open(path, header{"this"})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, d := range done {
		all = append(all, string(d))
	}
	return j, strings.Join(all, " ")
}

// TestKilled cuts a journal of three results at every byte: what is there is the results whose lines are
// complete, and the next one follows them.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, _ := results(t, path)
	for k := range 3 {
		if err := j.Add(k); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := "{\"Of\":\"this\"}\n0\n1\n2\n"; string(text) != want {
		t.Fatalf("the file is %q, want %q", text, want)
	}
	for size := range len(text) + 1 {
		if err := os.WriteFile(path, text[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		lines := strings.Count(string(text[:size]), "\n")
		var want []string
		for k := range lines - 1 {
			want = append(want, fmt.Sprint(k))
		}
		j, got := results(t, path)
		if got != strings.Join(want, " ") {
			t.Errorf("%d bytes: %q, want %q", size, got, want)
		}
		if err := errors.Join(j.Add("next"), j.Close()); err != nil {
			t.Fatal(err)
		}
		j, got = results(t, path)
		if got != strings.Join(append(want, `"next"`), " ") {
			t.Errorf("%d bytes, and one more: %q", size, got)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	j, _ = results(t, path)
	if err := j.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
}

// TestOther: files that are of other runs, or no journals, are refused and left as they are.
func TestOther(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"other":   {"{\"Of\":\"that\"}\n0\n", "another run"},
		"letter":  {"Dear", "another run"},
		"damaged": {"{\"Of\":\"this\"}\n0\nx\n1\n", "line 3"},
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := Open(path, header{"this"})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) || errors.Is(err, ErrOther) != (name != "damaged") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != c.text {
			t.Errorf("%s: became %q, %v", name, text, err)
		}
	}
	if _, _, err := Open(filepath.Join(t.TempDir(), "absent", "j"), header{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in no folder: %v", err)
	}
	if _, _, err := Open(filepath.Join(t.TempDir(), "j"), func() {}); err == nil {
		t.Error("a header that is no JSON was taken")
	}
}

// TestRemoved: a journal that is gone already is removed.
func TestRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, _ := results(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := j.Remove(); err != nil {
		t.Errorf("%v, want none", err)
	}
}

// TestBusy: a journal that is open is refused, and left as it is; closed or removed it is free again, and
// nothing is left beside it.
func TestBusy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	refused := func() {
		t.Helper()
		if _, _, err := Open(path, header{"this"}); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), path) {
			t.Errorf("a journal that is open: %v", err)
		}
	}
	j, _ := results(t, path)
	refused()
	if err := j.Add(1); err != nil {
		t.Fatal(err)
	}
	refused()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j, got := results(t, path)
	if got != "1" {
		t.Errorf("the journal has %q, want 1", got)
	}
	refused()
	if err := j.Remove(); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(path + "*"); err != nil || len(left) > 0 {
		t.Errorf("%v is left, error %v", left, err)
	}
	// What cannot be locked is in the way, and stays.
	if err := os.Mkdir(path+".lock", 0o700); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(path, header{"this"}); err == nil || !strings.Contains(err.Error(), path+".lock") {
		t.Errorf("a folder in place of the lock: %v", err)
	}
	if err := os.Remove(path + ".lock"); err != nil {
		t.Errorf("the folder is gone: %v", err)
	}
	// The lock of a process that was killed is free.
	if err := os.WriteFile(path+".lock", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	j, _ = results(t, path)
	if err := j.Remove(); err != nil {
		t.Fatal(err)
	}
}
