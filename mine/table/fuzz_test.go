package table

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// checkRead reads data as a stream and as a regular file, which take different
// ways, and checks that both end in the same matrix or both in an error.
func checkRead(t *testing.T, data []byte, opt Options) {
	var m [2]flat
	var errs [2]error
	for i, section := range []*io.SectionReader{nil, io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data)))} {
		r, err := newReader("data", bytes.NewReader(data), section, opt)
		if err == nil {
			m[i], err = readAll(r)
		}
		if errs[i] = err; err != nil {
			checkError(t, err)
			continue
		}
		m := m[i]
		if m.Rows < 1 || m.Cols < 1 || len(m.Data) != m.Rows*m.Cols || len(m.Names) != m.Cols {
			t.Errorf("[%d, %d] with %d values, %d names", m.Rows, m.Cols, len(m.Data), len(m.Names))
		}
		if opt.Missing == MissingError && !finite(m) {
			t.Error("a value is not finite")
		}
	}
	if (errs[0] == nil) != (errs[1] == nil) || fmt.Sprint(m[0].Data, m[0].Exact) != fmt.Sprint(m[1].Data, m[1].Exact) || !slices.Equal(m[0].Names, m[1].Names) {
		t.Errorf("stream: %v, %v; file: %v, %v", m[0], errs[0], m[1], errs[1])
	}
}

func FuzzCSV(f *testing.F) {
	for _, s := range []string{
		"", "1", "a,b\n1,2\n", "a;b\r\n1;2\r\n", "\ufeff\"a\nb\"\t\"c\"\"\"\n1\t2\n", " a  b \n\n1 2\n", "# a b\n1 2\n",
		"1,nan\n", "1,\n", "a\n\x00\n", "\"", "1,2\n3\n", "1e400,1e-400\n1,1\n", "\xff\xfe", "1 \"\n 2\"\n", "\r\r\n\n", "1\r2\n",
		strings.Repeat("1e-50\n", headRows) + "1e300\n",
		"x;z\n1,5;2\n", "# a\nx,z\n1,2\n#b\n3,4\n\x1a", "x z\na 1 2\n", "sep=;\n1;2\n", "x,z,\n1,,\n,\n", "x\n1\n\n2\n", "\xff\xfe1\x00\n\x00", "[1]", "<a>", "\"0\r0\"\n1\n!\n",
	} {
		f.Add([]byte(s), rune(0), uint8(HeaderAuto), uint8(0))
		f.Add([]byte(s), ' ', uint8(HeaderYes), uint8(1))
		f.Add([]byte(s), ';', uint8(HeaderNo), uint8(6))
		f.Add(gz([]byte(s)), ',', uint8(HeaderAuto), uint8(8))
	}
	f.Fuzz(func(t *testing.T, data []byte, comma rune, header, way uint8) {
		opt := Options{Comma: comma, Header: HeaderMode(header % 3), Missing: MissingMode(way & 1), Transpose: way&2 != 0}
		if way&4 != 0 {
			opt.Decimal = ','
		}
		if way&8 != 0 {
			opt.Comment = ";"
		}
		if way&16 != 0 {
			opt.From, opt.To, opt.Sample = 1, 5, 2
		}
		checkRead(t, data, opt)
	})
}

// FuzzNumber checks that a number that strconv reads is read alike, and that whatever
// else is read is finite.
func FuzzNumber(f *testing.F) {
	for _, s := range []string{"1", "-1.5e-3", "1,5", "1.234,5", "1.5D+02", "0.3-300", "\u22122", "12 %", "TRUE", "NA", "#DIV/0!", ".a", "1e999", "nan", "-1.#INF", "0x1p-2", "2024-01-01"} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, s string, comma bool) {
		n := notation(0)
		if comma {
			n = ','
		}
		got, bad := n.parse(s)
		if (bad == nil) && (math.IsNaN(got) || math.IsInf(got, 0)) {
			t.Errorf("%q is %v", s, got)
		}
		want, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err == nil && want-want == 0 && !(comma && strings.Contains(s, ".")) && (bad != nil || got != want) {
			t.Errorf("%q is %v, %v, want %v", s, got, bad, want)
		}
	})
}

// FuzzNPZ reads archives, which must be an error or a matrix.
func FuzzNPZ(f *testing.F) {
	x := string(npyFile("|u1", false, "(2, 2)", []byte{1, 2, 3, 4}))
	for _, data := range [][]byte{archive(f, 0, "x.npy", x), archive(f, 8, "x.npy", x, "z.npy", x), archive(f, 8, "xl/workbook.xml", ""), []byte("PK\x03\x04")} {
		f.Add(data, "")
		f.Add(data, "x")
	}
	f.Fuzz(func(t *testing.T, data []byte, member string) {
		r, err := newReader("data", bytes.NewReader(data), io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data))), Options{member: member})
		if err == nil {
			_, err = readAll(r)
		}
		if err != nil {
			checkError(t, err)
		}
	})
}

func FuzzNPY(f *testing.F) {
	for _, descr := range []string{"<f4", ">f8", "|b1", "<i2", ">u8", "<c8", "|O", "<U1"} {
		for _, shape := range []string{"(2, 2)", "(4,)", "()", "(0,)", "(1, 1, 4)", "(-1, 2)", "(9223372036854775807, 2)", "(4000000000,)"} {
			f.Add(npyFile(descr, len(shape)%2 == 0, shape, bytes.Repeat([]byte{1, 0, 2, 0x40}, 8)))
		}
	}
	whole := npyFile("<f8", true, "(2, 2)", make([]byte, 32))
	for n := range whole {
		if n < 90 || n%8 == 0 {
			f.Add(whole[:n])
		}
	}
	f.Add(npyRaw(3, "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", make([]byte, 8)))
	f.Add(gz(whole))
	f.Fuzz(func(t *testing.T, data []byte) {
		checkRead(t, data, Options{})
		// Most mutations ruin the magic, and all of them would be text.
		if !bytes.HasPrefix(data, npyMagic) {
			checkRead(t, slices.Concat(npyMagic, data), Options{})
		}
	})
}

func FuzzSelect(f *testing.F) {
	for _, spec := range []string{
		"X0", "!X0", "X*,!X1", "!\"", "X*,Y*", "0:2", ":5,7:", "3", `"a,b",X0`, `"`, `""""`, "*", "**a*", ",", " ", "-1", "99999999999999999999:", "X0,X0", "dup",
	} {
		f.Add(spec, "X0\nX1\nY0\na,b\n3\ndup\ndup", true)
		f.Add(spec, "0\n1\n2\n3\n4", false)
	}
	f.Fuzz(func(t *testing.T, spec, names string, head bool) {
		r := withColumns(head, strings.Split(names, "\n")...)
		cols, err := r.Select("--x", spec)
		if err != nil {
			if cols != nil {
				t.Errorf("columns %v and the error %v", cols, err)
			}
			checkError(t, err)
			checkSelectError(t, err, "--x", spec)
			return
		}
		if len(cols) == 0 {
			t.Error("no columns and no error")
		}
		seen := make(map[int]bool)
		for _, c := range cols {
			if c < 0 || c >= len(r.names) || seen[c] {
				t.Errorf("column %d of %d, or twice, in %v", c, len(r.names), cols)
			}
			seen[c] = true
		}
	})
}
