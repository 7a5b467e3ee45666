package checkpoint

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gomine/internal/lock"
)

type work struct {
	Seed  uint64         `json:"seed"`
	Parts map[string]any `json:"parts"`
	Names []string       `json:"names"`
}

// of is work with one part and names.
func of(part any, names ...string) work {
	return work{1<<63 + 1, map[string]any{"a": part, "b": true}, names}
}

// open opens a folder that may be opened again: others are kept out by Open alone.
func open(t *testing.T, path string, w work) *Folder {
	t.Helper()
	f, err := Open(path, w)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestBusy: a folder that is open is refused, and free once it is closed, with nothing left in it; the lock
// of a process that was killed is free.
func TestBusy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new")
	f, err := Open(path, of(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, of(1)); !errors.Is(err, lock.ErrBusy) || !strings.Contains(err.Error(), path) {
		t.Errorf("a folder that is open: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(path); err != nil || len(files) != 1 {
		t.Errorf("%v is there, error %v, want the manifest alone", files, err)
	}
	if err := os.WriteFile(filepath.Join(path, ".manifest.json.lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, path, of(1))
}

type record struct {
	Step   int
	Values []float32
	Bounds []float64
}

// TestRecords: a record is read as it was last written, by another process too.
func TestRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new")
	f := open(t, path, of(1, "x"))
	var got record
	if found, err := f.Read("a", &got); found || err != nil {
		t.Errorf("found %v, error %v, before anything was written", found, err)
	}
	want := record{7, []float32{1, math.SmallestNonzeroFloat32, float32(math.Copysign(0, -1))}, []float64{math.Inf(-1), 1e-300}}
	for _, r := range []record{{Step: 6, Values: []float32{2}}, want} {
		if err := f.Write("a", r); err != nil {
			t.Fatal(err)
		}
	}
	found, err := open(t, path, of(1, "x")).Read("a", &got)
	if !found || err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, found %v, error %v, want %+v", got, found, err, want)
	}
	if bits := math.Float32bits(got.Values[2]); bits != 1<<31 {
		t.Errorf("-0 was read as bits %x", bits)
	}
}

// TestOther: a folder of other work is refused, by what differs.
func TestOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new")
	open(t, path, of(1, "x", "y"))
	for _, c := range []struct {
		work work
		want []Difference
	}{
		{of(2, "x", "y"), []Difference{{"parts.a", "1", "2"}}},
		{of("1", "x", "y"), []Difference{{"parts.a", "1", `"1"`}}},
		{of(1, "x"), []Difference{{"names[1]", `"y"`, "none"}}},
		{of(1, "x", "y", "z"), []Difference{{"names[2]", "none", `"z"`}}},
		{work{1 << 63, of(1).Parts, []string{"x", "y"}}, []Difference{{"seed", "9223372036854775809", "9223372036854775808"}}},
	} {
		_, err := Open(path, c.work)
		var other *OtherError
		if !errors.As(err, &other) || !slices.Equal(other.Differences, c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%+v: error %v, want %+v", c.work, err, c.want)
		}
	}
	many := of([]int{1, 2, 3, 4, 5, 6}, "x", "y")
	if _, err := Open(path, many); err == nil || !strings.Contains(err.Error(), "parts.a was 1 and is none now") || !strings.Contains(err.Error(), "and 3 more differ") {
		t.Errorf("error %v, want some differences and how many more", err)
	}
}

// TestForeign: a folder with files of others is left alone, and what a process that was killed
// over its first file has left is no such file.
func TestForeign(t *testing.T) {
	path := t.TempDir()
	left := filepath.Join(path, ".manifest.json.0123456789abcdef.tmp")
	if err := os.WriteFile(left, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, path, of(1))
	open(t, path, of(1))

	path = t.TempDir()
	if err := os.WriteFile(filepath.Join(path, "thesis.tex"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, of(1)); err == nil || !strings.Contains(err.Error(), "thesis.tex") {
		t.Errorf("error %v, want one that names the file", err)
	}
	if _, err := Open(filepath.Join(path, "thesis.tex"), of(1)); err == nil {
		t.Error("a file was taken for a folder")
	}
	if _, err := Open(filepath.Join(path, "no", "folder"), of(1)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want that there is no such folder", err)
	}
}

// TestDamage: every flip of a bit and every length but the right one is noticed, when the folder
// is opened and when the record is read; and so is a record under another name and one of other work.
func TestDamage(t *testing.T) {
	path := t.TempDir()
	f := open(t, path, of(1))
	if err := f.Write("a", record{1, []float32{1, 2, 3}, nil}); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(f.file("a"))
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what, name string, content []byte) {
		t.Helper()
		if err := os.WriteFile(f.file(name), content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, openErr := Open(path, of(1))
		found, readErr := f.Read(name, &record{})
		for _, err := range []error{openErr, readErr} {
			if err == nil || found || !strings.Contains(err.Error(), f.file(name)) || !strings.Contains(err.Error(), "remove it") {
				t.Errorf("%s: found %v, error %v, want one that names the file", what, found, err)
			}
		}
	}
	for n := range whole {
		refused("truncated", "a", whole[:n])
		damaged := slices.Clone(whole)
		damaged[n] ^= 1 << (n % 8)
		refused("a flipped bit", "a", damaged)
	}
	refused("a byte more", "a", append(slices.Clone(whole), 0))
	if err := os.WriteFile(f.file("a"), whole, 0o600); err != nil {
		t.Fatal(err)
	}
	refused("another name", "b", whole)
	if err := os.Remove(f.file("b")); err != nil {
		t.Fatal(err)
	}
	open(t, path, of(1)) // repaired
	other := open(t, t.TempDir(), of(2))
	if err := other.Write("a", record{}); err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile(other.file("a"))
	if err != nil {
		t.Fatal(err)
	}
	refused("other work", "a", foreign)
}
