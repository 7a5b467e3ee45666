package table

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gomine/mine/column"
)

// spillText is a table of a column that float32 holds, one that it does not from the start, one that
// it does not from row 5000 on, one of codes, and one of whole numbers, some of which are missing.
func spillText(rows int) []byte {
	var b bytes.Buffer
	b.WriteString("single,double,later,code,whole\n")
	for i := range rows {
		later := float64(float32(i) / 8)
		if i >= 5000 {
			later = 1.7e9 + float64(i)/3
		}
		whole := fmt.Sprint(i % 11)
		if i%501 == 500 {
			whole = ""
		}
		fmt.Fprintf(&b, "%v,%v,%v,%s,%s\n", float32(i)/16, 1.6e9+float64(i)/7, later, []string{"red", "green", "blue"}[i*i%3], whole)
	}
	return b.Bytes()
}

// spillArray is the first three of them as an array.
func spillArray(rows int) []byte {
	var b bytes.Buffer
	for i := range rows {
		later := float64(float32(i) / 8)
		if i >= 5000 {
			later = 1.7e9 + float64(i)/3
		}
		for _, v := range []float64{float64(float32(i) / 16), 1.6e9 + float64(i)/7, later} {
			binary.Write(&b, binary.LittleEndian, math.Float64bits(v))
		}
	}
	return npyFile("<f8", false, fmt.Sprintf("(%d, 3)", rows), b.Bytes())
}

// TestSpill: rows that are in files are those that would be in memory, whenever they were moved and
// however the data arrive.
func TestSpill(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	const rows = 30_000
	for name, data := range map[string]struct {
		content []byte
		groups  [][]int
	}{
		"text":  {spillText(rows), [][]int{{0, 3}, {4, 1, 2}}},
		"array": {spillArray(rows), [][]int{{2}, {0, 1}}},
	} {
		for _, d := range deliveries {
			open := func(memory int64) *Reader {
				r, err := d.open(t, data.content, Options{Missing: MissingNaN, Memory: memory})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { r.Close() })
				return r
			}
			want, err := open(0).Read(t.Context(), data.groups...)
			if err != nil {
				t.Fatal(err)
			}
			for _, memory := range []int64{1, 150_000, 400_000, 1 << 30} { // at once, before and after row 5000, and never
				got, err := open(memory).ReadTables(t.Context(), data.groups...)
				if err != nil {
					t.Fatalf("%s, %s, %d bytes: %v", name, d.name, memory, err)
				}
				for i := range got {
					if _, stored := got[i].(*column.Stored); stored != (memory < 1<<30) {
						t.Errorf("%s, %s, %d bytes: in a file is %v", name, d.name, memory, stored)
					}
					if !reflect.DeepEqual(got[i].Columns(), want[i].Columns()) {
						t.Errorf("%s, %s, %d bytes: columns %+v, want %+v", name, d.name, memory, got[i].Columns(), want[i].Columns())
					}
					if k := differing(t, got[i], want[i]); k >= 0 {
						t.Errorf("%s, %s, %d bytes: group %d, value %d is another one", name, d.name, memory, i, k)
					}
					if err := got[i].Close(); err != nil {
						t.Error(err)
					}
				}
			}
		}
	}
}

// differing returns the place of the first value in which two sources differ, -1 if there is none.
func differing(t *testing.T, a, b column.Source) int {
	t.Helper()
	n, cols := b.Rows(), len(b.Columns())
	if a.Rows() != n {
		return 0
	}
	va, vb := make([]float64, n*cols), make([]float64, n*cols)
	if err := errors.Join(a.Read(va, 0, n, 0, cols), b.Read(vb, 0, n, 0, cols)); err != nil {
		t.Fatal(err)
	}
	for k := range va {
		if va[k] != vb[k] && (va[k] == va[k] || vb[k] == vb[k]) {
			return k
		}
	}
	return -1
}

// TestSpillErrors: where there is no folder for the files, the pass ends and says so; a mistake in
// the data, and a cancelled context, leave nothing behind.
func TestSpillErrors(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", filepath.Join(dir, "missing"))
	read := func(ctx context.Context, text []byte) error {
		r, err := OpenStream("stream", bytes.NewReader(text), Options{Memory: 1, Header: HeaderYes})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		_, err = r.ReadTables(ctx, []int{0}, []int{1})
		return err
	}
	text := spillText(5000)
	if err := read(t.Context(), text); err == nil || !strings.Contains(err.Error(), "TMPDIR") || strings.Contains(err.Error(), "stopped") {
		t.Errorf("without a folder: error %v", err)
	}
	t.Setenv("TMPDIR", dir)
	var value *ValueError
	if err := read(t.Context(), append(text[:len(text):len(text)], "1,oops,3,red,4\n"...)); !errors.As(err, &value) || value.Line != 5002 {
		t.Errorf("a word: error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := read(ctx, text); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v is left, error %v", left, err)
	}
}
