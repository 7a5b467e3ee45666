package wholefile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// holds checks that a folder holds one file alone, and what is in it.
func holds(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s holds %q, error %v, want %q", path, got, err, want)
	}
	if all, err := os.ReadDir(filepath.Dir(path)); err != nil || len(all) != 1 {
		t.Errorf("%v beside it, error %v", all, err)
	}
}

func writing(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

// TestWhole: the old file is there until the new one is complete, and no other is left.
func TestWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := Write(path, writing("old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if err := Write(path, func(w io.Writer) error { return errors.Join(writing("half")(w), broken) }); !errors.Is(err, broken) {
		t.Errorf("error %v, want that of fill", err)
	}
	holds(t, path, "old")
	func() {
		defer func() { recover() }()
		Write(path, func(w io.Writer) error { panic(writing("half")(w)) })
	}()
	holds(t, path, "old")
	if err := Check(path); err != nil {
		t.Error(err)
	}
	holds(t, path, "old")
	if err := Write(path, writing("new")); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "new")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, error %v, want that of the file that was there", info.Mode(), err)
	}
}

// TestCheck: what Write cannot do, Check says before.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := Write(path, writing("old")); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{dir, filepath.Join(dir, "absent", "f"), filepath.Join(path, "f")} {
		if Check(bad) == nil || Write(bad, writing("new")) == nil {
			t.Errorf("%s can be written to", bad)
		}
	}
	holds(t, path, "old")
	if err := errors.Join(Check(os.DevNull), Write(os.DevNull, writing("new"))); err != nil {
		t.Error(err)
	}
}

// TestNoPermission: a folder that nothing may be created in.
func TestNoPermission(t *testing.T) {
	if os.Geteuid() <= 0 { // on Windows it is -1
		t.Skip("the superuser may do all")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if err := Check(filepath.Join(dir, "f")); !errors.Is(err, os.ErrPermission) {
		t.Errorf("error %v, want %v", err, os.ErrPermission)
	}
}
