package table

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// utf16Text returns s as UTF-16, the low byte first if little is true.
func utf16Text(s string, little bool) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		if little {
			b = append(b, byte(u), byte(u>>8))
		} else {
			b = append(b, byte(u>>8), byte(u))
		}
	}
	return string(b)
}

// TestFormats reads the same numbers as other programs write them.
func TestFormats(t *testing.T) {
	xz, idx := []string{"x", "z"}, []string{"0", "1"}
	want := []float64{1.5, -2.25, 300, 4}
	for _, c := range []struct {
		name, data string
		opt        Options
		names      []string
		want       []float64
	}{
		{"decimal commas", "x;z\n1,5;-2,25\n3,00E+2;4\n", Options{}, xz, want},
		{"decimal commas, tabs", "x\tz\r\n1,5\t-2,25\r\n300\t4,0\r\n", Options{}, xz, want},
		{"decimal commas, spaces", "x z\n1,5 -2,25\n300,0 4,0\n", Options{}, xz, want},
		{"decimal commas, spaces, no header", "1,5 -2,25\n300,0 4,0\n", Options{}, idx, want},
		{"decimal commas in quotes", "x,z\n\"1,5\",\"-2,25\"\n300,4\n", Options{Decimal: ','}, xz, want},
		{"three digits by option", "x;z\n0,001;4\n1,234;4\n", Options{Decimal: ','}, xz, []float64{0.001, 4, 1.234, 4}},
		{"three digits beside others", "x;z\n1,5;4\n1,234;4\n", Options{}, xz, []float64{1.5, 4, 1.234, 4}},
		{"Fortran", " 0.15D+01 -2.25d0\n 0.3000-300 4.Q0\n", Options{}, idx, []float64{1.5, -2.25, 0.3e-300, 4}},
		{"Unicode minus", "x,z\n1.5,\u22122.25\n300,4\n", Options{}, xz, want},
		{"percentages", "x,z\n150%,-225 %\n30000%,4\n", Options{}, xz, want},
		{"booleans", "x,z\nTrue,0.5\nfalse,FALSE\n", Options{}, xz, []float64{1, 0.5, 0, 0}},

		{"separators at the ends of rows", "x,z\n1.5,-2.25,\n300,4,\n", Options{}, xz, want},
		{"separators at all ends", "x,z,,\n1.5,-2.25,,\n300,4,,\n", Options{}, xz, want},
		{"separator at the end of the header", "x;z;\n1.5;-2.25\n300;4\n", Options{}, xz, want},
		{"separators at the ends, no header", "1.5,-2.25,\n300,4,\n", Options{}, idx, want},
		{"separator at some ends", "x,z\n1.5,-2.25,\n300,4\n", Options{}, xz, want},
		{"empty rows at the end", "x,z\n1.5,-2.25\n300,4\n,\n,\n", Options{}, xz, want},
		{"a name without values", "x,z,note\n1.5,-2.25,a\n300,4,\n", Options{}, []string{"x", "z", "note"}, nil},

		{"comments", "# logger 7\n# rate, 50 Hz\nx,z\n1.5,-2.25\n# restarted, at 12:00\n300,4\n%end\n", Options{}, xz, want},
		{"comments of another kind", ";site alpha\n;12 june\nx,z\n1.5,-2.25\n300,4\n", Options{Comment: ";"}, xz, want},
		{"names in a comment", "# made today\n#x,z\n1.5,-2.25\n300,4\n", Options{}, xz, want},
		{"names in a comment of another kind", "; x z\n1.5 -2.25\n300 4\n", Options{Comment: ";"}, xz, want},
		{"no names in a comment", "# made today\n1.5,-2.25\n300,4\n", Options{}, idx, want},
		{"no comments", "#x,z\n1.5,-2.25\n300,4\n", Options{Comment: "none"}, []string{"#x", "z"}, want},
		{"a mark within a quoted name", "\"x\n#1\",z\n1.5,-2.25\n300,4\n", Options{}, []string{"x\n#1", "z"}, want},
		{"a comment of the separator's mark", "x%z\n1.5%-2.25\n300%4\n", Options{Comma: '%'}, xz, want},

		{"row names of R", "\"x\" \"z\"\n\"1\" 1.5 -2.25\n\"2\" 300 4\n", Options{}, []string{rowNames, "x", "z"}, []float64{1, 1.5, -2.25, 2, 300, 4}},
		{"row names that are names", "x,z\na,1.5,-2.25\nb,300,4\n", Options{}, []string{rowNames, "x", "z"}, nil},
		{"pandas without names", "0,1\n1.5,-2.25\n300,4\n", Options{}, idx, want},
		{"whole numbers from 0, 1", "0,1\n1,0\n1,1\n", Options{}, idx, []float64{0, 1, 1, 0, 1, 1}},

		{"separator line of Excel", "sep=;\r\nx;z\r\n1,5;-2,25\r\n300;4\r\n", Options{}, xz, want},
		{"whole numbers with zeros", "07,-0\n10,05\n", Options{Decimal: '.'}, idx, []float64{7, 0, 10, 5}},
		{"whole numbers in the first row alone", "0,0\n1.5,-2.25\n", Options{}, idx, []float64{0, 0, 1.5, -2.25}},

		{"lines of a Macintosh", "x,z\r1.5,-2.25\r300,4\r", Options{}, xz, want},
		{"end of DOS", "x,z\r\n1.5,-2.25\r\n300,4\r\n\x1a", Options{}, xz, want},
		{"end of CP/M", "x,z\r\n1.5,-2.25\r\n300,4\x1a\x1a\x1a", Options{}, xz, want},
		{"UTF-16", "\xff\xfe" + utf16Text("x\tz\r\n1.5\t\u22122.25\r\n300\t4\r\n", true), Options{}, xz, want},
		{"UTF-16, high bytes first", "\xfe\xff" + utf16Text("ä,z\n1.5,-2.25\n300,4\n", false), Options{}, []string{"ä", "z"}, want},
		{"UTF-16 without a mark", utf16Text("x,z\n1.5,-2.25\n300,4\n", true), Options{}, xz, want},
		{"UTF-16 without a mark, high bytes first", utf16Text("x,z\n1.5,-2.25\n300,4\n", false), Options{}, xz, want},
	} {
		for _, d := range deliveries {
			t.Run(c.name+"/"+d.name, func(t *testing.T) {
				r, err := d.open(t, []byte(c.data), c.opt)
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				if !slices.Equal(r.Columns(), c.names) {
					t.Fatalf("columns %q, want %q", r.Columns(), c.names)
				}
				if c.want == nil {
					return
				}
				m, err := readAll(r)
				if err != nil {
					t.Fatal(err)
				}
				if m.Rows*m.Cols != len(c.want) {
					t.Fatalf("read [%d, %d], want %v", m.Rows, m.Cols, c.want)
				}
				for k, v := range c.want {
					if got := m.at(k/m.Cols, k%m.Cols); float32(got) != float32(v) {
						t.Errorf("value %d is %v, want %v", k, got, v)
					}
				}
			})
		}
	}
}

// TestLongFormats reads files that are longer than what is looked at to tell their
// format, with marks at every place of a buffer.
func TestLongFormats(t *testing.T) {
	var plain, comments, cr, wide strings.Builder
	for i := range 3 * peekSize / 8 {
		row := fmt.Sprintf("%d,%d", i%1000, i%7)
		plain.WriteString(row + "\n")
		cr.WriteString(row + "\r")
		wide.WriteString(row + "\r\n")
		comments.WriteString(row + "\n")
		if i%3 == 0 {
			comments.WriteString("# " + strings.Repeat("c", i%101) + "\n")
		}
	}
	want, err := readString(plain.String(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"comments": comments.String(), "Macintosh": cr.String(),
		"UTF-16": "\xff\xfe" + utf16Text(wide.String(), true), "DOS": wide.String() + "\x1a",
	} {
		for _, d := range deliveries[:4] {
			r, err := d.open(t, []byte(text), Options{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := readAll(r)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s, %s: other numbers", name, d.name)
			}
		}
	}
}

// TestMissing reads all marks of values that are not there, as NaN and as an error.
func TestMissing(t *testing.T) {
	marks := []string{
		"", " ", "NA", "NaN", "nan", "-nan", "null", "NULL", "None", "-", "--", "?", `\N`, "*", "*****", "n.a.", "N/A", "<NA>",
		"#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#NV", "#WERT!", "#¡DIV/0!", "-1.#IND", "1.#QNAN", ".", ".a", ".Z", "._",
	}
	for _, mark := range marks {
		for _, data := range []string{"x,z\n1,2\n" + mark + ",4\n5,6\n", "x;z\n1,5;2\n" + mark + ";4\n5;6\n"} {
			_, err := readString(data, Options{})
			checkError(t, err, `line 3, column "x": `, "missing value")
			m, err := readString(data, Options{Missing: MissingNaN})
			if err != nil {
				t.Errorf("%q: %v", mark, err)
				continue
			}
			if !math.IsNaN(m.at(1, 0)) || m.at(1, 1) != 4 || m.at(2, 0) != 5 || m.Rows != 3 {
				t.Errorf("%q: read %v", mark, m.Data)
			}
		}
	}
	// What is no number is none in any case.
	for _, data := range []string{"x,z\n1,2\noops,4\n", "x,z\n1,2\ninf,4\n", "x,z\n1,2\n1e999,4\n"} {
		_, err := readString(data, Options{Missing: MissingNaN})
		checkError(t, err, "line 3")
	}
	// Rows without any value count, so that rows of two files belong together.
	m, err := readString("a\n1\n\n# no row\n\n4\n\n", Options{Missing: MissingNaN})
	if err != nil || m.Rows != 4 || !math.IsNaN(m.at(1, 0)) || !math.IsNaN(m.at(2, 0)) || m.at(3, 0) != 4 {
		t.Errorf("gaps in one column: %v, %v", m.Data, err)
	}
	m, err = readString("a,b\n1,2\n,\n5,6\n,\n", Options{Missing: MissingNaN})
	if err != nil || m.Rows != 3 || !math.IsNaN(m.at(1, 0)) || !math.IsNaN(m.at(1, 1)) || m.at(2, 0) != 5 {
		t.Errorf("gaps in two columns: %v, %v", m.Data, err)
	}
}

// TestMissingWide reads missing values in a column that needs float64.
func TestMissingWide(t *testing.T) {
	var b strings.Builder
	for i := range 3000 {
		if i%10 == 0 {
			b.WriteString("NA\n")
		} else {
			fmt.Fprintf(&b, "%f\n", 1.7e9+float64(i)/8)
		}
	}
	m, err := readString(b.String(), Options{Missing: MissingNaN, Header: HeaderNo})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3000 {
		got, want := m.at(i, 0), 1.7e9+float64(i)/8
		if i%10 == 0 && !math.IsNaN(got) || i%10 != 0 && got != want {
			t.Fatalf("row %d is %v, want %v", i, got, want)
		}
	}
}
