package table

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestLong reads enough rows for several blocks and for values that are
// stored after the choice of the maps.
func TestLong(t *testing.T) {
	const cols = 3
	rows := 2*(blockValues/cols) + 7
	var b bytes.Buffer
	for i := range rows {
		fmt.Fprintf(&b, "%d,%d,x\n", i, 2*i%1000)
	}
	for _, d := range deliveries[:3] {
		r, err := d.open(t, b.Bytes(), Options{Header: HeaderNo})
		if err != nil {
			t.Fatal(err)
		}
		m, err := readFlat(r, t.Context(), []int{0, 1, 0}, []int{1})
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		if m[0].Rows != rows || len(m[0].Data) != rows*3 || len(m[1].Data) != rows {
			t.Fatalf("%s: %d rows, %d and %d values, want %d rows", d.name, m[0].Rows, len(m[0].Data), len(m[1].Data), rows)
		}
		for i := range rows {
			x, y := float32(i), float32(2*i%1000)
			if row := m[0].Data[i*3 : i*3+3]; row[0] != x || row[1] != y || row[2] != x || m[1].Data[i] != y {
				t.Fatalf("%s: row %d is %v, %v", d.name, i, row, m[1].Data[i])
			}
		}
	}
}

// TestRowHint checks that a file is allocated for exactly, and that empty
// lines cannot ask for more than the file can hold.
func TestRowHint(t *testing.T) {
	for _, c := range []struct {
		data string
		want int
	}{
		{"a,b\n1,2\n3,4\n", 2 + 1}, // the last line could lack its end
		{"1,2\n3,4", 2},
		{"1,2\n" + strings.Repeat("\n", 996), 1001 / 4},
	} {
		r, err := Open(writeTemp(t, []byte(c.data)), Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if got, err := r.src.rowHint(t.Context(), 2); err != nil || got != c.want {
			t.Errorf("%.10q: %d rows, %v, want %d", c.data, got, err, c.want)
		}
	}
}
