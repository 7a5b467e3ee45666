package table

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"codeberg.org/sbinet/npyio/npy"
	"gonum.org/v1/gonum/mat"
)

// randomValue returns a finite float64 of any size.
func randomValue(rng *rand.Rand) float64 {
	for {
		if v := math.Float64frombits(rng.Uint64()); !math.IsNaN(v) && !math.IsInf(v, 0) {
			return v
		}
	}
}

// TestRoundTrip writes random tables and reads them back. The text must hold
// every float64 exactly, so the numbers are compared before the cast to
// float32, and the whole path on values that float32 holds exactly.
func TestRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		rows, cols := 1+rng.IntN(40), 1+rng.IntN(8)
		data := make([]float64, rows*cols)
		want := make([]float32, rows*cols)
		for i := range data {
			want[i] = float32(rng.NormFloat64())
			data[i] = float64(want[i])
		}
		var names []string
		if rng.IntN(3) > 0 {
			for j := range cols {
				names = append(names, fmt.Sprintf("%c,\"%d é", 'a'+rng.IntN(26), j))
			}
		}
		for _, format := range []string{"csv", "npy"} {
			var b bytes.Buffer
			path := filepath.Join(t.TempDir(), "out")
			write := func(path string) error {
				if format == "csv" {
					return WriteCSV(t.Context(), path, &b, names, slices.Chunk(data, cols))
				}
				return WriteNPY(t.Context(), path, &b, rows, cols, slices.Chunk(data, cols))
			}
			if err := errors.Join(write("-"), write(path)); err != nil {
				t.Fatal(err)
			}
			if file, err := os.ReadFile(path); err != nil || !bytes.Equal(file, b.Bytes()) {
				t.Fatalf("file and stream differ (%v)", err)
			}
			r, err := Open(path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			m, err := readAll(r)
			if err != nil {
				t.Fatal(err)
			}
			wantNames := names
			if names == nil || format == "npy" {
				wantNames = indexNames(cols)
			}
			if m.Rows != rows || m.Cols != cols || !slices.Equal(m.Data, want) || !slices.Equal(m.Names, wantNames) {
				t.Fatalf("%s: read %+v, want %v %q", format, m, want, wantNames)
			}
		}
	}
}

func TestCSVIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 9))
	want := []float64{0, math.Copysign(0, -1), 0.1, 1e21, 1e-7, math.MaxFloat64, math.SmallestNonzeroFloat64, 1 << 53}
	for range 1000 {
		want = append(want, randomValue(rng))
	}
	var b bytes.Buffer
	if err := WriteCSV(t.Context(), "", &b, nil, slices.Chunk(want, 1)); err != nil {
		t.Fatal(err)
	}
	lines := bytes.Fields(b.Bytes())
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d", len(lines), len(want))
	}
	for i, line := range lines {
		got, err := notation(0).parse(string(line))
		if err != nil || math.Float64bits(got) != math.Float64bits(want[i]) {
			t.Errorf("%g was written as %s and read as %g, %v", want[i], line, got, err)
		}
	}
}

// TestNPYIsStandard reads what WriteNPY writes with another package.
func TestNPYIsStandard(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 9))
	for _, cols := range []int{1, 3, 100} {
		data := make([]float64, 7*cols)
		for i := range data {
			data[i] = randomValue(rng)
		}
		var b bytes.Buffer
		if err := WriteNPY(t.Context(), "-", &b, 7, cols, slices.Chunk(data, cols)); err != nil {
			t.Fatal(err)
		}
		if (b.Len()-8*len(data))%64 != 0 {
			t.Errorf("%d bytes before the elements, not a multiple of 64", b.Len()-8*len(data))
		}
		var m mat.Dense
		if err := npy.Read(&b, &m); err != nil {
			t.Fatal(err)
		}
		if r, c := m.Dims(); r != 7 || c != cols || !slices.Equal(m.RawMatrix().Data, data) {
			t.Errorf("read [%d, %d] %v, want %v", r, c, m.RawMatrix().Data, data)
		}
	}
}

// failingWriter fails after n bytes.
type failingWriter struct{ n int }

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.n -= len(p); w.n < 0 {
		return 0, syscall.EPIPE
	}
	return len(p), nil
}

func TestWriteErrors(t *testing.T) {
	seq := func(rows ...[]float64) func(func([]float64) bool) { return slices.Values(rows) }
	good := seq([]float64{1, 2}, []float64{3, 4})
	nan, inf := seq([]float64{1, 2}, []float64{3, math.NaN()}), seq([]float64{math.Inf(-1), 2})
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	ctx := t.Context()
	for _, c := range []struct {
		name  string
		write func(path string, w io.Writer) error
		want  string
	}{
		{"NaN", func(p string, w io.Writer) error { return WriteCSV(ctx, p, w, nil, nan) }, "row 2, column 1: NaN"},
		{"Inf", func(p string, w io.Writer) error { return WriteNPY(ctx, p, w, 1, 2, inf) }, "row 1, column 0: -Inf"},
		{"ragged", func(p string, w io.Writer) error {
			return WriteCSV(ctx, p, w, nil, seq([]float64{1, 2}, []float64{3}))
		}, "row 2 has 1 values, expected 2"},
		{"names", func(p string, w io.Writer) error { return WriteCSV(ctx, p, w, []string{"a"}, good) }, "row 1 has 2 values, expected 1"},
		{"empty name", func(p string, w io.Writer) error { return WriteCSV(ctx, p, w, []string{"a", " "}, good) }, "column 1 has no name"},
		{"empty row", func(p string, w io.Writer) error { return WriteCSV(ctx, p, w, nil, seq(nil)) }, "row 1 has 0 values"},
		{"fewer rows", func(p string, w io.Writer) error { return WriteNPY(ctx, p, w, 3, 2, good) }, "3 rows were announced and 2 written"},
		{"more rows", func(p string, w io.Writer) error { return WriteNPY(ctx, p, w, 1, 2, good) }, "1 rows were announced and 2 written"},
		{"columns", func(p string, w io.Writer) error { return WriteNPY(ctx, p, w, 2, 3, good) }, "row 1 has 2 values, expected 3"},
		{"shape", func(p string, w io.Writer) error { return WriteNPY(ctx, p, w, 2, 0, good) }, "at least one column"},
		{"cancelled", func(p string, w io.Writer) error { return WriteCSV(cancelled, p, w, nil, good) }, "context canceled"},
		{"cancelled, no rows", func(p string, w io.Writer) error { return WriteNPY(cancelled, p, w, 0, 2, seq()) }, "context canceled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkError(t, c.write("-", io.Discard), "stdout: ", c.want)

			dir := t.TempDir()
			path := filepath.Join(dir, "out")
			checkError(t, c.write(path, nil), "out: ", c.want)
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
			if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			checkError(t, c.write(path, nil), c.want)
			if old, err := os.ReadFile(path); err != nil || string(old) != "old" {
				t.Errorf("the file was %q, %v", old, err)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}

	big := func(yield func([]float64) bool) {
		for yield([]float64{1, 2}) {
		}
	}
	for _, n := range []int{0, 1 << 20} {
		for _, err := range []error{
			WriteCSV(ctx, "-", &failingWriter{n}, []string{"a", "b"}, big),
			WriteNPY(ctx, "-", &failingWriter{n}, 1<<40, 2, big),
		} {
			if checkError(t, err, "stdout: "); !errors.Is(err, syscall.EPIPE) {
				t.Errorf("%v does not wrap EPIPE", err)
			}
		}
	}
	checkError(t, WriteCSV(ctx, t.TempDir(), nil, nil, good), "is a directory")
	err := WriteCSV(ctx, filepath.Join(t.TempDir(), "missing", "out"), nil, nil, good)
	if checkError(t, err); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v does not wrap os.ErrNotExist", err)
	}
}

// TestReplace checks what becomes of a file that was there before.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("target", link); err != nil {
		t.Skip(err)
	}
	one := slices.Values([][]float64{{1}})
	if err := WriteCSV(t.Context(), link, nil, nil, one); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link is gone: %v, %v", info.Mode(), err)
	}
	if got, err := os.ReadFile(target); err != nil || string(got) != "1\n" {
		t.Errorf("the target holds %q, %v", got, err)
	}
	if info, err := os.Stat(target); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the target's mode is %v, %v", info.Mode(), err)
	}

	// A sequence that panics leaves nothing behind.
	func() {
		defer func() { recover() }()
		WriteCSV(t.Context(), filepath.Join(dir, "new"), nil, nil, func(func([]float64) bool) { panic("sequence") })
	}()
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
