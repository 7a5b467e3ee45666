package table

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

// npyFile returns an NPY file with the given header entries and elements.
func npyFile(descr string, fortran bool, shape string, elements []byte) []byte {
	order := "False"
	if fortran {
		order = "True"
	}
	return npyRaw(1, fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }", descr, order, shape), elements)
}

func npyRaw(version byte, dict string, elements []byte) []byte {
	dict += strings.Repeat(" ", (64-(len(dict)+13)%64)%64) + "\n"
	b := append([]byte(npyMagic), version, 0)
	if version == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(dict)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(dict)))
	}
	return append(append(b, dict...), elements...)
}

// element returns v as an element of the given dtype.
func element(descr string, v float64) []byte {
	order := binary.ByteOrder(binary.LittleEndian)
	if descr[0] == '>' {
		order = binary.BigEndian
	}
	b := make([]byte, 8)
	switch descr[1:] {
	case "f4":
		order.PutUint32(b, math.Float32bits(float32(v)))
		return b[:4]
	case "f8":
		order.PutUint64(b, math.Float64bits(v))
		return b
	case "i8", "u8":
		order.PutUint64(b, uint64(int64(v)))
		return b
	case "i4", "u4":
		order.PutUint32(b, uint32(int64(v)))
		return b[:4]
	case "i2", "u2":
		order.PutUint16(b, uint16(int64(v)))
		return b[:2]
	}
	return []byte{byte(int64(v))}
}

// TestNPY reads the matrix [[1, 0, 3], [4, 5, 6]], with -1 for 0 in signed
// types and all values not 0 as true in bool, in every type and order.
func TestNPY(t *testing.T) {
	for _, descr := range []string{
		"<f4", ">f4", "<f8", ">f8", "|i1", "<i1", "<i2", ">i2", "<i4", ">i4", "<i8", ">i8",
		"|u1", ">u1", "<u2", ">u2", "<u4", ">u4", "<u8", ">u8", "|b1",
	} {
		data := []float64{1, 0, 3, 4, 5, 6}
		want := []float32{1, 0, 3, 4, 5, 6}
		switch descr[1] {
		case 'i', 'f':
			data[1], want[1] = -1, -1
		case 'b':
			want = []float32{1, 0, 1, 1, 1, 1}
		}
		var c, fortran []byte
		for i := range 6 {
			c = append(c, element(descr, data[i])...)
			fortran = append(fortran, element(descr, data[i%2*3+i/2])...)
		}
		for _, f := range []struct {
			file []byte
			cols int
		}{
			{npyFile(descr, false, "(2, 3)", c), 3},
			{npyFile(descr, true, "(2, 3)", fortran), 3},
			{npyFile(descr, false, "(6,)", c), 1},
			{npyFile(descr, true, "(6,)", c), 1},
			{npyFile(descr, true, "(6, 1)", c), 1},
			{npyFile(descr, true, "(1, 6)", c), 6},
			{npyRaw(2, "{'descr': '"+descr+"', 'fortran_order': False, 'shape': (3, 2), }", c), 2},
			{npyRaw(3, "{'descr': '"+descr+"', 'fortran_order': False, 'shape': (3, 2), }", c), 2},
		} {
			for _, d := range deliveries {
				r, err := d.open(t, f.file, Options{})
				if err != nil {
					t.Fatalf("%s, %s: %v", descr, d.name, err)
				}
				m, err := readAll(r)
				if err != nil {
					t.Fatalf("%s, %s: %v", descr, d.name, err)
				}
				if m.Cols != f.cols || m.Rows != 6/f.cols || !slices.Equal(m.Data, want) {
					t.Errorf("%s, %s: [%d, %d] %v, want %v", descr, d.name, m.Rows, m.Cols, m.Data, want)
				}
				if !slices.Equal(m.Names, indexNames(f.cols)) {
					t.Errorf("names %q", m.Names)
				}
			}
		}
	}
}

func TestNPYErrors(t *testing.T) {
	plain := npyFile("<f8", false, "(3, 2)", make([]byte, 48))
	fortran := npyFile("<f8", true, "(3, 2)", make([]byte, 48))
	bad := func(v float64, at int) []byte {
		b := make([]byte, 0, 48)
		for i := range 6 {
			if i == at {
				b = append(b, element("<f8", v)...)
			} else {
				b = append(b, element("<f8", 1)...)
			}
		}
		return b
	}
	dict := func(descr, order, shape string) []byte {
		return npyRaw(1, "{'descr': "+descr+", 'fortran_order': "+order+", 'shape': "+shape+", }", nil)
	}
	for _, c := range []struct {
		name string
		data []byte
		want []string
	}{
		{"complex", npyFile("<c16", false, "(2,)", make([]byte, 32)), []string{`"<c16"`, "complex"}},
		{"text", npyFile("<U3", false, "(2,)", make([]byte, 24)), []string{`"<U3"`, "text"}},
		{"objects", npyFile("|O", false, "(2,)", make([]byte, 16)), []string{`"|O"`, "objects"}},
		{"time", npyFile("<M8[ns]", false, "(2,)", make([]byte, 16)), []string{"M8", "astype"}},
		{"two-byte bool", npyFile("|b2", false, "(2,)", make([]byte, 4)), []string{"b2"}},
		{"f8 without an order", npyFile("|f8", false, "(2,)", make([]byte, 16)), []string{"f8"}},
		{"no dtype", npyFile("", false, "(2,)", nil), []string{"dtype"}},
		{"dtype without quotes", dict("<f8", "False", "(3,)"), []string{"bad NPY header", `"<f8"`}},
		{"dtype with half a quote", dict("'<f8", "False", "(3,)"), []string{"bad NPY header", `"'<f8"`}},
		{"structured, tuple", dict("('<f8', (2,))", "False", "(3,)"), []string{"structured"}},
		{"structured", dict("[('a', '<f8'), ('b', '<i4')]", "False", "(3,)"), []string{"structured"}},
		{"number", npyFile("<f8", false, "()", make([]byte, 8)), []string{"rank 0"}},
		{"cube", npyFile("<f8", false, "(1, 2, 3)", make([]byte, 48)), []string{"rank 3"}},
		{"no rows", npyFile("<f8", false, "(0, 2)", nil), []string{"no data rows"}},
		{"empty vector", npyFile("<f8", false, "(0,)", nil), []string{"no data rows"}},
		{"no columns", npyFile("<f8", false, "(2, 0)", nil), []string{"no columns"}},
		{"negative shape", npyFile("<f8", false, "(-2, -3)", nil), []string{"negative shape"}},
		{"overflowing shape", npyFile("<f8", false, "(4611686018427387904, 4)", nil), []string{"larger than any file"}},
		{"overflowing row count", npyFile("<f8", false, "(99999999999999999999,)", nil), []string{"bad NPY header"}},
		{"wide", npyFile("<f8", false, "(1, 99999999)", nil), []string{"99999999 columns"}},
		{"shape beyond the data", npyFile("<f8", false, "(1000000000000, 2)", make([]byte, 48)), []string{"truncated"}},
		{"Fortran shape beyond the data", npyFile("<f8", true, "(1000000000000, 2)", make([]byte, 48)), []string{"truncated"}},
		{"truncated", plain[:len(plain)-17], []string{"truncated"}},
		{"truncated, Fortran order", fortran[:len(fortran)-17], []string{"truncated"}},
		{"trailing", append(slices.Clone(plain), 0), []string{"data after the array", "(3, 2)"}},
		{"trailing, Fortran order", append(slices.Clone(fortran), 0), []string{"data after the array"}},
		{"NaN", npyFile("<f8", false, "(3, 2)", bad(math.NaN(), 3)), []string{"row 2, column 1: \"NaN\" marks a missing value"}},
		{"Inf, Fortran order", npyFile("<f8", true, "(3, 2)", bad(math.Inf(1), 5)), []string{"row 3, column 1: +Inf is not a finite number"}},
		{"version", npyRaw(9, "{}", nil), []string{"bad NPY header: unknown version 9"}},
		{"magic only", []byte(npyMagic), []string{"bad NPY header"}},
		{"cut in the header", plain[:40], []string{"bad NPY header"}},
		{"empty dictionary", npyRaw(1, "{}", nil), []string{"bad NPY header"}},
		{"no line end", []byte("\x93NUMPY\x01\x00\x02\x00{}"), []string{"bad NPY header"}},
		{"keys in disorder", npyRaw(1, "{'shape': (3,), 'fortran_order': False, 'descr': '<f8', }", nil), []string{"bad NPY header"}},
		{"no closing brace", npyRaw(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2)", nil), []string{"bad NPY header"}},
		{"order", dict("'<f8'", "Maybe", "(3,)"), []string{"bad NPY header"}},
		{"line ends in the order", dict("'<f8'", "Tr\n\nue", "(3,)"), []string{"bad NPY header"}},
		{"shape", dict("'<f8'", "False", "(3, x)"), []string{"bad NPY header"}},
		{"shapeless", dict("'<f8'", "False", ""), []string{"bad NPY header"}},
		{"endless header", append([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"), 1, 2, 3), []string{"bad NPY header"}},
	} {
		for _, d := range deliveries {
			t.Run(c.name+"/"+d.name, func(t *testing.T) {
				r, err := d.open(t, c.data, Options{})
				if err == nil {
					_, err = readAll(r)
				}
				checkError(t, err, c.want...)
			})
		}
	}
}

// TestSpool checks that the copy of an array in Fortran order is gone after
// Close, and that its absence of a place is reported.
func TestSpool(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	data := npyFile("|u1", true, "(2, 2)", []byte{1, 2, 3, 4})
	r, err := OpenStream("data", strings.NewReader(string(data)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := readAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{1, 3, 2, 4}; !slices.Equal(m.Data, want) {
		t.Errorf("read %v, want %v", m.Data, want)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}

	t.Setenv("TMPDIR", dir+"/missing")
	if r, err = OpenStream("data", strings.NewReader(string(data)), Options{}); err != nil {
		t.Fatal(err)
	}
	_, err = readAll(r)
	checkError(t, err, "temporary file")
}

// TestNPYBlocks reads arrays of more than one buffer, by both orders.
func TestNPYBlocks(t *testing.T) {
	const rows, cols = 3*npyBuffer + 5, 7
	c := make([]byte, 4*rows*cols)
	f := make([]byte, 4*rows*cols)
	for i := range rows {
		for j := range cols {
			v := math.Float32bits(float32(i*cols + j))
			binary.LittleEndian.PutUint32(c[4*(i*cols+j):], v)
			binary.LittleEndian.PutUint32(f[4*(j*rows+i):], v)
		}
	}
	shape := fmt.Sprintf("(%d, %d)", rows, cols)
	for _, data := range [][]byte{npyFile("<f4", false, shape, c), npyFile("<f4", true, shape, f)} {
		for _, d := range deliveries[:3] {
			r, err := d.open(t, data, Options{})
			if err != nil {
				t.Fatal(err)
			}
			m, err := readFlat(r, t.Context(), []int{6, 2}, []int{0, 1, 3, 4, 5})
			if err != nil {
				t.Fatal(err)
			}
			r.Close()
			for i := range rows {
				x := float32(i * cols)
				if got := m[0].Data[i*2 : i*2+2]; !slices.Equal(got, []float32{x + 6, x + 2}) {
					t.Fatalf("%s: row %d: %v", d.name, i, got)
				}
				if got := m[1].Data[i*5 : i*5+5]; !slices.Equal(got, []float32{x, x + 1, x + 3, x + 4, x + 5}) {
					t.Fatalf("%s: row %d: %v", d.name, i, got)
				}
			}
		}
	}
}

// TestHalf compares numbers of 16 bits with their values by the standard.
func TestHalf(t *testing.T) {
	for bits, want := range map[uint16]float64{
		0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 0x0001: 0x1p-24, 0x03ff: 1023 * 0x1p-24, 0x0400: 0x1p-14, 0x3555: 1365. / 4096, 0x8000: 0,
	} {
		for _, descr := range []string{"<f2", ">f2"} {
			data := []byte{byte(bits), byte(bits >> 8)}
			if descr == ">f2" {
				data[0], data[1] = data[1], data[0]
			}
			m, err := readString(string(npyFile(descr, false, "(1,)", data)), Options{})
			if err != nil || m.at(0, 0) != want {
				t.Errorf("%s %#x: %v, %v, want %v", descr, bits, m.Data, err, want)
			}
		}
	}
	for bits, want := range map[uint16]string{0x7c00: "+Inf", 0xfc00: "-Inf", 0x7e00: "NaN"} {
		_, err := readString(string(npyFile("<f2", false, "(1,)", []byte{byte(bits), byte(bits >> 8)})), Options{})
		checkError(t, err, "row 1, column 0", want)
	}
}
