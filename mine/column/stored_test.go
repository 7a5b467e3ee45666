package column_test

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"gomine/mine/column"
)

// storedRows returns a source of n rows of cols columns in a file, and their values.
func storedRows(t *testing.T, n, cols int) (*column.Stored, []float64) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	s, err := column.NewStored(cols)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	values := make([]float64, n*cols)
	for k := range values {
		values[k] = 1.7e9 + float64(k)/3
	}
	for i := range n {
		if err := s.Append(values[i*cols : (i+1)*cols]); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	return s, values
}

// TestStored: rows are read as they were added, any part of them, by several at once.
func TestStored(t *testing.T) {
	const n, cols = 30_011, 7 // more than a megabyte
	s, values := storedRows(t, n, cols)
	if s.Rows() != n || len(s.Columns()) != cols {
		t.Fatalf("%d rows of %d columns", s.Rows(), len(s.Columns()))
	}
	var group sync.WaitGroup
	for _, part := range [][4]int{{0, n, 0, cols}, {0, n, 6, 7}, {29_999, 30_011, 2, 5}, {17, 18, 0, cols}, {17, 18, 3, 4}, {5, 5, 0, cols}, {18_720, 18_730, 1, 7}} {
		group.Go(func() {
			lo, hi, from, to := part[0], part[1], part[2], part[3]
			got := make([]float64, (hi-lo)*(to-from))
			if err := s.Read(got, lo, hi, from, to); err != nil {
				t.Error(err)
			}
			for k, v := range got {
				if want := values[(lo+k/(to-from))*cols+from+k%(to-from)]; v != want {
					t.Errorf("%v: value %d is %v, want %v", part, k, v, want)
					return
				}
			}
		})
	}
	group.Wait()
	if err := s.Read(make([]float64, 2*cols), n-1, n+1, 0, cols); err == nil || !strings.Contains(err.Error(), "EOF") {
		t.Errorf("behind the end: error %v", err)
	}
}

// TestStoredSingle: the first rows of a column are those of float32, and codes are renumbered.
func TestStoredSingle(t *testing.T) {
	s, err := column.NewStored(2)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	nan := math.NaN()
	for _, row := range [][]float64{{0.1, 2}, {0.1, nan}, {0.1, 0}} {
		if err := s.Append(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	s.Single[0] = 1
	s.Recode(1, []float64{5, 6, 7})
	single := float64(float32(0.1))
	if got, want := read(t, s), []float64{single, 7, 0.1, nan, 0.1, 5}; !reflect.DeepEqual(got[:3], want[:3]) || got[3] == got[3] || !slices.Equal(got[4:], want[4:]) {
		t.Errorf("%v, want %v", got, want)
	}
	dropped, err := column.DropMissing(s)
	if want := (column.Dropped{Rows: 1, Lacking: [][]int{{0, 1}}}); err != nil || !reflect.DeepEqual(dropped, want) {
		t.Errorf("%+v, error %v, want %+v", dropped, err, want)
	}
	if got, want := read(t, s), []float64{single, 7, 0.1, 5}; s.Rows() != 2 || !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestDropMissingStored: of a table in memory and one in a file the same rows are left out as of two
// in memory.
func TestDropMissingStored(t *testing.T) {
	const n, cols = 40_000, 3
	s, values := storedRows(t, n, cols)
	other := make([]float32, n)
	for i := range other {
		other[i] = float32(i)
		if i%7 == 3 {
			other[i] = float32(math.NaN())
		}
	}
	c, err := column.NewCompact(other, 1)
	if err != nil {
		t.Fatal(err)
	}
	got, err := column.DropMissing(s, c)
	if want := n / 7; err != nil || got.Rows != want || got.Lacking[1][0] != want {
		t.Fatalf("%+v, error %v, want %d rows", got, err, want)
	}
	var want []float64
	for i := range n {
		if i%7 != 3 {
			want = append(want, values[i*cols:(i+1)*cols]...)
		}
	}
	if v := read(t, s); !slices.Equal(v, want) {
		t.Errorf("%d values, want %d", len(v), len(want))
	}
	if v := read(t, c); v[3] != 4 || len(v) != c.Rows() || c.Rows() != s.Rows() {
		t.Errorf("%d rows in memory, %d in a file", c.Rows(), s.Rows())
	}
}

// TestStoredLeavesNothing: nothing is in the folder that has a name there, and where there is no
// folder, the error says which one it was and what to do.
func TestStoredLeavesNothing(t *testing.T) {
	s, _ := storedRows(t, 10, 2)
	entries, err := os.ReadDir(os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && len(entries) > 0 {
		t.Errorf("%v", entries)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Read(make([]float64, 2), 0, 1, 0, 2); err == nil {
		t.Error("a closed table was read")
	}
	missing := filepath.Join(t.TempDir(), "missing")
	t.Setenv("TMPDIR", missing)
	if _, err := column.NewStored(1); err == nil || !strings.Contains(err.Error(), missing) || !strings.Contains(err.Error(), "TMPDIR") || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}
