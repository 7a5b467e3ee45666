package table

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// TestTranspose reads files whose rows are columns, as text and NPY, like those whose
// columns are.
func TestTranspose(t *testing.T) {
	for _, c := range []struct {
		name, data string
		opt        Options
		names      []string
	}{
		{"names", "x,1.5,3,5\nz,2,-4,6\n", Options{}, []string{"x", "z"}},
		{"no names", "1.5,3,5\n2,-4,6\n", Options{}, []string{"0", "1"}},
		{"names that are numbers", "7;1,5;3;5;\n9;2;-4;6;\n", Options{Header: HeaderYes}, []string{"7", "9"}},
		{"spaces", "# made today\nx 1.5 3 5\nz 2 -4 6", Options{}, []string{"x", "z"}},
		{"C order", string(npyFile("<f8", false, "(2, 3)", slices.Concat(element("<f8", 1.5), element("<f8", 3), element("<f8", 5), element("<f8", 2), element("<f8", -4), element("<f8", 6)))), Options{}, []string{"0", "1"}},
		{"Fortran order", string(npyFile("|i1", true, "(2, 3)", []byte{3, 2, 3, 252, 5, 6})), Options{}, []string{"0", "1"}},
	} {
		for _, d := range deliveries {
			c.opt.Transpose = true
			r, err := d.open(t, []byte(c.data), c.opt)
			if err != nil {
				t.Fatalf("%s, %s: %v", c.name, d.name, err)
			}
			if !slices.Equal(r.Columns(), c.names) {
				t.Errorf("%s, %s: columns %q, want %q", c.name, d.name, r.Columns(), c.names)
			}
			m, err := readAll(r)
			if err != nil {
				t.Fatalf("%s, %s: %v", c.name, d.name, err)
			}
			want := []float32{1.5, 2, 3, -4, 5, 6}
			if c.name == "Fortran order" {
				want[0] = 3
			}
			if m.Rows != 3 || !slices.Equal(m.Data, want) {
				t.Errorf("%s, %s: %v, want %v", c.name, d.name, m.Data, want)
			}
		}
	}
	_, err := readString("x,1,2\nz,3,oops\n", Options{Transpose: true})
	checkError(t, err, `line 2, column "z"`, `"oops" is not a number`)
	_, err = readString("x,1,2\nz,3,\n", Options{Transpose: true})
	checkError(t, err, "line 2", "expected 2 values, found 1")
	m, err := readString("x,1,NA,3\nz,3,4,5\n", Options{Transpose: true, Missing: MissingNaN})
	if err != nil || !math.IsNaN(m.at(1, 0)) || m.at(1, 1) != 4 {
		t.Errorf("missing: %v, %v", m.Data, err)
	}
}

// numbered returns rows of a number and its square, in text and both orders of NPY.
func numbered(rows int) map[string]string {
	var text strings.Builder
	text.WriteString("x,z\n")
	var byRow, byColumn []byte
	for i := range rows {
		fmt.Fprintf(&text, "%d,%d\n", i, i*i)
		byRow = append(byRow, slices.Concat(element("<f8", float64(i)), element("<f8", float64(i*i)))...)
		byColumn = append(byColumn, element("<f8", float64(i))...)
	}
	for i := range rows {
		byColumn = append(byColumn, element("<f8", float64(i*i))...)
	}
	shape := fmt.Sprintf("(%d, 2)", rows)
	return map[string]string{
		"text": text.String(), "C order": string(npyFile("<f8", false, shape, byRow)), "Fortran order": string(npyFile("<f8", true, shape, byColumn)),
	}
}

// TestRows reads a part of the rows. What is outside is not looked at.
func TestRows(t *testing.T) {
	const rows = 3000
	files := numbered(rows)
	for _, c := range []struct{ from, to, want int }{
		{0, 0, rows}, {10, 0, rows - 10}, {0, 5, 5}, {7, 9, 2}, {2990, 5000, 10}, {rows - 1, rows, 1},
	} {
		for name, data := range files {
			for _, d := range deliveries[:3] {
				r, err := d.open(t, []byte(data), Options{From: c.from, To: c.to})
				if err != nil {
					t.Fatal(err)
				}
				m, err := readFlat(r, t.Context(), []int{0, 1})
				r.Close()
				if err != nil || m[0].Rows != c.want {
					t.Fatalf("%s, rows %d:%d: %v, want %d", name, c.from, c.to, err, c.want)
				}
				for i := range c.want {
					if v := float64(c.from + i); m[0].at(i, 0) != v || m[0].at(i, 1) != v*v {
						t.Fatalf("%s, rows %d:%d: row %d is %v, %v", name, c.from, c.to, i, m[0].at(i, 0), m[0].at(i, 1))
					}
				}
			}
		}
	}
	if m, err := readString("x\n1\noops\n3\n4\nNA\n", Options{From: 2, To: 4}); err != nil || !slices.Equal(m.Data, []float32{3, 4}) {
		t.Errorf("rows 2:4: %v, %v", m.Data, err)
	}
	for _, data := range files {
		_, err := readString(data, Options{From: rows})
		checkError(t, err, "no row 3000")
	}
}

// TestSample draws rows: the same of all files of as many rows, and all with the same
// probability.
func TestSample(t *testing.T) {
	const rows, drawn = 3000, 100
	var first []float64
	for name, data := range numbered(rows) {
		m, err := readRows(t, data, Options{Sample: drawn, Seed: 7})
		if err != nil || m.Rows != drawn {
			t.Fatalf("%s: %d rows, %v", name, m.Rows, err)
		}
		got := make([]float64, drawn)
		for i := range got {
			if got[i] = m.at(i, 0); m.at(i, 1) != got[i]*got[i] || i > 0 && got[i] <= got[i-1] {
				t.Fatalf("%s: row %d is %v, %v", name, i, got[i], m.at(i, 1))
			}
		}
		if first == nil {
			first = got
		}
		if !slices.Equal(got, first) {
			t.Errorf("%s: other rows", name)
		}
	}
	m, err := readRows(t, numbered(50)["text"], Options{Sample: drawn})
	if err != nil || m.Rows != 50 {
		t.Errorf("50 rows: %d, %v", m.Rows, err)
	}
	// Each of 20 rows is one of 5 in a quarter of the samples.
	const samples = 4000
	count := make([]int, 20)
	for seed := range uint64(samples) {
		r := newReservoir(5, seed)
		for i := range count {
			r.add([]float64{float64(i)}, nil)
		}
		if err := r.each(nil, func(row []float64) { count[int(row[0])]++ }); err != nil {
			t.Fatal(err)
		}
	}
	// Five standard deviations of a binomial variable; the seeds are fixed, so that this
	// passes or not once for all.
	for i, n := range count {
		if d := math.Abs(float64(n) - samples/4); d > 5*math.Sqrt(samples*3/16) {
			t.Errorf("row %d was drawn %d times of %d", i, n, samples)
		}
	}
}

func readRows(t *testing.T, data string, opt Options) (flat, error) {
	t.Helper()
	r, err := OpenStream("data", strings.NewReader(data), opt)
	if err != nil {
		return flat{}, err
	}
	m, err := readFlat(r, t.Context(), []int{0, 1})
	if err != nil {
		return flat{}, err
	}
	if opt.Sample > 0 && r.Seen() < m[0].Rows || r.Seen() != strings.Count(data, "\n")-1 && data[0] == 'x' {
		t.Errorf("%d rows seen", r.Seen())
	}
	return m[0], nil
}

// TestCounter: an index is refused where nobody has asked for it by name.
func TestCounter(t *testing.T) {
	const data = ",x,z\n0,5,1\n1,7,3\n2,6,4\n"
	for _, c := range []struct {
		data, spec string
		refused    bool
	}{
		{data, ":", true},
		{data, "!z", true},
		{data, "0:2", true},
		{data, "0", false},
		{data, "!0", false},
		{data, "1:", false},
		{"\"x\" \"z\"\n\"1\" 5 1\n\"2\" 7 3\n\"3\" 6 4\n", ":", true},
		{"x\n0\n1\n2\n", ":", false}, // all there is
		{"t,x\n0,5\n1,7\n3,6\n", ":", false},
	} {
		r, err := OpenStream("data", strings.NewReader(c.data), Options{})
		if err != nil {
			t.Fatal(err)
		}
		cols, err := r.Select("--x", c.spec)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = r.Read(t.Context(), cols); c.refused {
			checkError(t, err, "(index 0) counts the rows", "'!0'")
		} else if err != nil {
			t.Errorf("%q: %v", c.spec, err)
		}
	}
}
