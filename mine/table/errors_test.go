package table

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
)

// TestErrors checks that every mistake is told in one line that begins with
// the package and the file and holds the given pieces.
func TestErrors(t *testing.T) {
	wide := strings.Repeat("1,", 300) + "1\n"
	half := func(data []byte) string { return string(data[:len(data)/2]) }
	long := strings.Repeat("x", 100)
	for _, c := range []struct {
		name, data string
		opt        Options
		want       []string
	}{
		{"empty", "", Options{}, []string{"empty file"}},
		{"byte order mark only", "\ufeff", Options{}, []string{"empty file"}},
		{"blank", "\n\n\r\n", Options{}, []string{"empty file"}},
		{"empty gzip", string(gz(nil)), Options{}, []string{"empty file inside"}},
		{"header only", "a,b\n", Options{}, []string{"no data rows after the header"}},
		{"header only, by option", "1,2\n", Options{Header: HeaderYes}, []string{"no data rows after the header"}},
		{"short row", "a,b\n1,2\n\n3\n", Options{}, []string{"line 4: ", "expected 2 fields, found 1"}},
		{"long row", "1,2\n3,4,5\n", Options{}, []string{"line 2: ", "expected 2 fields, found 3"}},
		{"long row far down", strings.Repeat(wide, 3000) + "1\n", Options{}, []string{"line 3001: ", "expected 301 fields, found 1"}},
		{"text", "a,b\n1,2\n3,oops\n", Options{}, []string{`line 3, column "b": "oops" is not a number: correct it, or say --categorical b`}},
		{"text in a column that needs its index", "a,\"b,c\"\n1,2\n3,12 kg\n", Options{}, []string{`"12 kg" is not a number: correct it, or say --categorical 1`}},
		{"text after a quoted line end", "a,b\n1,\"\n2\"\n3,oops\n", Options{}, []string{`line 4, column "b": "oops"`}},
		{"long text", "a,b\n1,2\n3," + long + "\n", Options{}, []string{`"` + long[:40] + `"... is not a number`}},
		{"text in line 1", "a,b\n1,2\n", Options{Header: HeaderNo}, []string{`line 1, column "0": "a" is not a number`}},
		{"decimal comma, by option not", "a;b\n1;2\n3,5;4\n", Options{Decimal: '.'}, []string{`line 3, column "a": "3,5" has a decimal comma`, "point"}},
		{"decimal comma far down", "a;b\n" + strings.Repeat("1;2\n", detectLines) + "3,5;4\n", Options{}, []string{`line 22, column "a": "3,5" has a decimal comma: say --decimal ,`}},
		{"decimal comma in quotes", "a,b\n1,2\n\"3,5\",4\n", Options{}, []string{`line 3, column "a": "3,5" has a decimal comma: say --decimal ,`}},
		{"decimal comma between commas", "a,b\n1,5,2,5\n3,5,4,5\n", Options{}, []string{"line 2: expected 2 fields, found 4", "if decimals have commas"}},
		{"decimal point below commas", "a;b\n1,5;2\n3.5;4\n", Options{}, []string{`line 3, column "a": "3.5" has a point`, "--decimal"}},
		{"thousands", "a;b\n1;2\n3,500;4\n", Options{}, []string{`"3,500" has a decimal comma or a thousands mark: say --decimal ,`}},
		{"thousands in quotes", "a,b\n1,2\n\"3,500,000.5\",4\n", Options{}, []string{`"3,500,000.5" has thousands marks: remove them`}},
		{"thousands by points", "a;b\n1,5;2\n3.500,25;4\n", Options{}, []string{`"3.500,25" has thousands marks`}},
		{"thousands by spaces", "a;b\n1;2\n3 500;4\n", Options{}, []string{`"3 500" has thousands marks`}},
		{"date", "a,b\n1,2\n2024-02-29,4\n", Options{}, []string{`"2024-02-29" is a date`}},
		{"names or data", "FR,1.5\nDE,2.5\n", Options{}, []string{"line 1 may be names or data", "--header"}},
		{"nothing in line 1", "NA,NA\n1.5,2.5\n", Options{}, []string{"line 1 may be names or data", "--header"}},
		{"a field more than names", "a b\n7 1 2\n9 3 4\n", Options{}, []string{"the header names 2 of 3 columns", "name every column"}},
		{"years or data", "1990,1991\n1.5,2.5\n3.5,4.5\n", Options{}, []string{"line 1 may be names or data", "--header"}},
		{"decimal comma between commas, one name less", "a,b\n1,5,2\n3,5,4\n", Options{}, []string{"the header names 2 of 3 columns", "if decimals have commas"}},
		{"no data in the first line", "Site alpha\na,b,c\n1,2,3\n", Options{}, []string{"line 2: expected 1 fields, found 3", "--comment"}},
		{"decimal comma between commas, no header", "1,25,-0,5\n3,05,4,5\n", Options{}, []string{"decimals seem to have commas", "--decimal ."}},
		{"units", "a,b\nm/s,\n1,2\n3,4\n", Options{}, []string{"the line below the header has text", "units"}},
		{"more fields than at first", strings.Repeat("1,2,\n", 30) + "1,2,3\n", Options{}, []string{"line 31: expected 2 fields, found 3", "add a line of names"}},
		{"header again", "a,b\n1,2\na,b\n3,4\n", Options{}, []string{`line 3, column "a": "a" is not a number`, "the header once more"}},
		{"no data in the first lines", "Site alpha\na,b\n1,2\n", Options{}, []string{"the header names 1 of 2 columns", "--comment"}},
		{"currency", "a,b\n1,$2\n", Options{}, []string{`"$2" has the sign of a currency`}},
		{"Inf of Windows", "a,b\n1,-1.#INF\n", Options{}, []string{`line 2, column "b": -Inf is not a finite number`}},
		{"text after ^Z", "a,b\n1,2\n\x1a3,4\n", Options{}, []string{"^Z", "at byte 8"}},
		{"gap", "a,b\n1,2\n,\n3,4\n", Options{}, []string{`line 3, column "a": `, "missing"}},
		{"gap in one column", "a\n1\n# no gap\n2\n\n3\n", Options{}, []string{`line 5, column "a": `, "missing"}},
		{"Excel's error that looks like a comment", "a,b\n1,2\n#DIV/0!,4\n", Options{}, []string{`line 3, column "a": "#DIV/0!" marks a missing value`}},
		{"empty field", "a,b\n1,\n", Options{}, []string{`line 2, column "b": `, "empty", "missing value"}},
		{"blank field", "a,b\n1,  \n", Options{}, []string{`line 2, column "b": `, "missing value"}},
		{"NA", "a,b\n1,NA\n", Options{}, []string{`line 2, column "b": "NA"`, "missing value"}},
		{"NaN", "a,b\n1,2\nnan,2\n", Options{}, []string{`line 3, column "a": "nan" marks a missing value`}},
		{"NaN in line 1, which makes no header", "1,nan\n", Options{}, []string{`line 1, column "1": "nan" marks a missing value`}},
		{"Inf", "a,b\n1,2\n1,-inf\n", Options{}, []string{`line 3, column "b": -Inf is not a finite number`}},
		{"beyond float64", "a,b\n1,1e999\n", Options{}, []string{`line 2, column "b": "1e999" is beyond`}},
		{"unclosed quote", "a,b\n1,2\n3,\"4\n5,6\n", Options{}, []string{"line 3: ", "quote"}},
		{"stray quote", "a,b\n1,2\n3,4\"\n", Options{}, []string{"line 3: ", "quote"}},
		{"unclosed quote, white space", "a b\n1 2\n3 \"4\n", Options{}, []string{"line 3: ", "quote"}},
		{"endless quote", "a,b\n1,\"2\n" + strings.Repeat("5,6\n", maxRecord/4+peekSize), Options{}, []string{"more than 32 MiB", "quote"}},
		{"NUL", "a,b\n1,2\n3,\x004\n", Options{}, []string{"line 3: ", "NUL"}},
		{"NUL far down", "a,b\n" + strings.Repeat("1,2\n", peekSize) + "\x00", Options{}, []string{fmt.Sprintf("line %d: ", peekSize+2), "NUL"}},
		{"not UTF-8, header", "gr\xf6\xdfe,b\n1,2\n", Options{}, []string{"line 1: ", `"gr\xf6\xdfe"`, "UTF-8"}},
		{"not UTF-8, data", "a,b\n1,\xf6\n", Options{}, []string{`line 2, column "b": "\xf6" is not UTF-8 text`}},
		{"binary junk", "\x01\x02\xff\xfe\x80 \n\x81", Options{}, []string{"line 1: ", "not UTF-8"}},
		{"UTF-16 without rows", "\xff\xfea\x00,\x00b\x00", Options{}, []string{"no data rows after the header"}},
		{"half a UTF-16 character", "\xfe\xff\x00a\x00\n\x001\x00\n\x00", Options{}, []string{`line 3, column "a": "�" is not a number`}},
		{"comments of an unknown kind", ";site alpha\n;12 june\nx,z\n1,2\n", Options{}, []string{"line 1 begins with ;", "--comment ';'"}},
		{"separator", "a\n", Options{Comma: '"'}, []string{"separate"}},
		{"separator, invalid rune", "a\n", Options{Comma: -1}, []string{"separate"}},
		{"too many columns", strings.Repeat(",", maxColumns) + "\n", Options{}, []string{"line 1: ", "columns"}},
		{"truncated gzip", half(gz([]byte(strings.Repeat("1,2\n", 1000)))), Options{}, []string{"truncated or damaged gzip"}},
		{"gzip header only", "\x1f\x8b", Options{}, []string{"damaged gzip"}},
		{"data after gzip", string(gz([]byte("1,2\n"))) + "junk", Options{}, []string{"damaged gzip"}},
	} {
		for _, d := range deliveries {
			if len(c.data) > 1<<22 && d.name != "file" {
				continue // the others take seconds for the same code
			}
			t.Run(c.name+"/"+d.name, func(t *testing.T) {
				r, err := d.open(t, []byte(c.data), c.opt)
				if err == nil {
					_, err = readAll(r)
				}
				want := c.want
				if strings.HasPrefix(c.data, string(gzipMagic)) && strings.HasPrefix(d.name, "gzip") {
					want = []string{"gzip data inside compressed data"}
				}
				checkError(t, err, want...)
			})
		}
	}
}

func checkError(t testing.TB, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	s := err.Error()
	if !strings.HasPrefix(s, "table: ") || strings.Count(s, "table: ") != 1 {
		t.Errorf("%q has not exactly one prefix", s)
	}
	// At most 8 quoted texts, of 40 characters like \U0010ffff each.
	if strings.ContainsAny(s, "\n\r") || len(s) > 8*400+400 {
		t.Errorf("%q is not one line of bounded length", s)
	}
	for _, w := range want {
		if !strings.Contains(s, w) {
			t.Errorf("%q lacks %q", s, w)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(filepath.Join(dir, "missing.csv"), Options{})
	checkError(t, err, "missing.csv: ")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v does not wrap fs.ErrNotExist", err)
	}
	_, err = Open(dir, Options{})
	checkError(t, err, "is a directory")

	secret := writeTemp(t, []byte("1,2\n"))
	if err := os.Chmod(secret, 0); err != nil {
		t.Fatal(err)
	}
	if f, err := os.Open(secret); err == nil {
		f.Close() // this user may read everything
	} else {
		_, err = Open(secret, Options{})
		checkError(t, err)
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%v does not wrap fs.ErrPermission", err)
		}
	}
}

// TestStreamErrors checks that a pipe that breaks is reported as that and not
// as a damaged line or a short table.
func TestStreamErrors(t *testing.T) {
	array := npyFile("<f8", false, "(4, 1)", make([]byte, 32))
	for name, data := range map[string][]byte{
		"text":       []byte("1,2\n3,4\n5,\"6"),
		"white":      []byte("1 2\n3 4\n5 \"6"),
		"npy":        array[:len(array)-12],
		"gzip":       gz(bytes.Repeat([]byte("1,2\n"), 100))[:30],
		"npy header": array[:20],
	} {
		for _, ahead := range []int{0, peekSize} { // rows before the break
			if ahead > 0 && name != "text" && name != "white" {
				continue
			}
			t.Run(fmt.Sprint(name, ahead), func(t *testing.T) {
				data := append(bytes.Repeat(data[:4], ahead), data...)
				in := io.MultiReader(bytes.NewReader(data), iotest.ErrReader(syscall.EPIPE))
				r, err := OpenStream("pipe", in, Options{})
				if err == nil {
					_, err = readAll(r)
				}
				checkError(t, err, "pipe: ")
				if !errors.Is(err, syscall.EPIPE) {
					t.Errorf("%v does not wrap EPIPE", err)
				}
			})
		}
	}

	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	in.Close()
	out.Close()
	_, err = OpenStream("pipe", in, Options{})
	checkError(t, err, "pipe: ")
	if !errors.Is(err, os.ErrClosed) {
		t.Errorf("%v does not wrap os.ErrClosed", err)
	}
}

// TestValueError checks what the type says of a value, in text and NPY, and
// that its own text is the whole message.
func TestValueError(t *testing.T) {
	for _, c := range []struct {
		data string
		want ValueError // without File and Reason
	}{
		{"a,b\n1,2\n3, oops \n", ValueError{Line: 3, Column: "b", Text: "oops", Word: true, Err: strconv.ErrSyntax}},
		{"a,b\n1,2\n3;4,5\n", ValueError{Line: 3, Column: "a", Text: "3;4", Err: strconv.ErrSyntax}},
		{"a,b\n1,1e999\n", ValueError{Line: 2, Column: "b", Text: "1e999", Err: strconv.ErrRange}},
		{"a,b\n1,\n", ValueError{Line: 2, Column: "b", Missing: true}},
		{"a,b\n1,NA\n", ValueError{Line: 2, Column: "b", Text: "NA", Missing: true}},
		{"1,2\nnan,2\n", ValueError{Line: 2, Column: "0", Text: "nan", Missing: true}},
		{"1,2\n2,-inf\n", ValueError{Line: 2, Column: "1", Text: "-inf"}},
		{string(npyFile("<f8", false, "(1, 2)", append(element("<f8", 1), element("<f8", math.Inf(-1))...))), ValueError{Row: 1, Column: "1", Text: "-Inf"}},
	} {
		for _, d := range deliveries[:3] {
			r, err := d.open(t, []byte(c.data), Options{})
			if err != nil {
				t.Fatal(err)
			}
			file := r.name
			_, err = readAll(r)
			var e *ValueError
			if !errors.As(err, &e) {
				t.Errorf("%.20q, %s: error %v, want a ValueError", c.data, d.name, err)
				continue
			}
			if e.Error() != err.Error() || e.Reason == "" || !strings.HasSuffix(err.Error(), e.Reason) {
				t.Errorf("%.20q, %s: the text is %q, that of the type %q with reason %q", c.data, d.name, err, e, e.Reason)
			}
			got, want := *e, c.want
			got.Reason, want.File = "", file
			if got != want {
				t.Errorf("%.20q, %s: %+v, want %+v", c.data, d.name, got, want)
			}
			if c.want.Err != nil && !errors.Is(err, c.want.Err) {
				t.Errorf("%.20q, %s: %v does not wrap %v", c.data, d.name, err, c.want.Err)
			}
		}
	}
}

// TestOtherErrors checks that an error about no single value or selection is
// of neither type.
func TestOtherErrors(t *testing.T) {
	for _, data := range []string{"", "a,b\n", "1,2\n3\n", "1,2\n3,\"4\n", string(npyFile("<f8", false, "(2, 2)", nil))} {
		_, err := readString(data, Options{})
		value, selection := errors.As(err, new(*ValueError)), errors.As(err, new(*SelectError))
		if err == nil || value || selection {
			t.Errorf("%q: %T %v", data, err, err)
		}
	}
}
