//go:build unix

package table

import (
	"archive/zip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// TestPipe writes to and reads from a named pipe. A rename would put a file in
// its place.
func TestPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	done := make(chan error)
	go func() {
		done <- WriteCSV(t.Context(), pipe, nil, nil, slices.Values([][]float64{{1, 2}, {3, 4}}))
	}()
	r, err := Open(pipe, Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := readAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(m.Data); got != "[1 2 3 4]" {
		t.Errorf("read %s", got)
	}
	if info, err := os.Lstat(pipe); err != nil || info.Mode().Type() != os.ModeNamedPipe {
		t.Errorf("the pipe is gone: %v, %v", info, err)
	}
}

// TestPipeOfArrays names an array of an archive that arrives through a named pipe.
func TestPipeOfArrays(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	x := string(npyFile("|u1", false, "(2, 2)", []byte{1, 2, 3, 4}))
	z := string(npyFile("|u1", false, "(2, 2)", []byte{5, 6, 7, 8}))
	done := make(chan error)
	go func() { done <- os.WriteFile(pipe, archive(t, zip.Deflate, "x.npy", x, "z.npy", z), 0) }()
	r, err := Open(pipe+":z", Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := readAll(r)
	if err = errors.Join(err, r.Close(), <-done); err != nil || !slices.Equal(m.Data, []float32{5, 6, 7, 8}) {
		t.Errorf("read %v, error %v", m.Data, err)
	}
}
