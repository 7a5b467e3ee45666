package table

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"gomine/mine/column"
)

// readCodes reads the only columns of data, of which some are categorical.
func readCodes(t *testing.T, data string, opt Options, categorical ...int) (*column.Compact, error) {
	t.Helper()
	r, err := OpenStream("data", strings.NewReader(data), opt)
	if err != nil {
		t.Fatal(err)
	}
	r.Categorical(categorical)
	all, err := r.Read(t.Context(), sequence(0, len(r.Columns())))
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// texts returns column j by its labels, and by its numbers where it has none; "" where the
// value is missing.
func texts(t *testing.T, c *column.Compact, j int) []string {
	t.Helper()
	var all []string
	v := make([]float64, 1)
	for i := range c.Rows() {
		if err := c.Read(v, i, i+1, j, j+1); err != nil {
			t.Fatal(err)
		}
		switch {
		case math.IsNaN(v[0]):
			all = append(all, "")
		case c.Cols[j].Kind == column.Code:
			all = append(all, c.Cols[j].Labels[int(v[0])])
		default:
			all = append(all, fmt.Sprint(v[0]))
		}
	}
	return all
}

// TestCodes reads columns of words, and of what the caller says are codes, and compares them
// with the texts of the file.
func TestCodes(t *testing.T) {
	words := "x,colour,y\n"
	transposed := [3]string{"x", "colour", "y"}
	for i := range 200 {
		fields := []string{fmt.Sprint(i % 7), []string{"red", "green", "dark blue"}[i%3], fmt.Sprint(0.5 * float64(i))}
		words += strings.Join(fields, ",") + "\n"
		for k, f := range fields {
			transposed[k] += "," + f
		}
	}
	if c, err := readCodes(t, words, Options{}); err != nil {
		t.Error(err)
	} else if got := c.Cols[1]; got.Kind != column.Code || got.Name != "colour" || !slices.Equal(got.Labels, []string{"dark blue", "green", "red"}) {
		t.Errorf("%+v", got)
	} else if v := texts(t, c, 1); v[0] != "red" || v[199] != "green" {
		t.Errorf("%v", v)
	} else if c.Cols[0].Kind != column.Integer || c.Cols[2].Kind != column.Real {
		t.Errorf("the columns of numbers are %v and %v", c.Cols[0].Kind, c.Cols[2].Kind)
	}
	if c, err := readCodes(t, strings.Join(transposed[:], "\n"), Options{Transpose: true}, 2); err != nil {
		t.Error(err)
	} else if a, b := texts(t, c, 1), texts(t, c, 2); c.Cols[2].Kind != column.Code || len(c.Cols[2].Labels) != 200 || a[2] != "dark blue" || b[3] != "1.5" {
		t.Errorf("transposed: %v, %v", a, b)
	}
	// By their text, which numbers do not tell apart.
	c, err := readCodes(t, "a,b\n01,2\n 1 ,2\n1.0,3\n01,4\n", Options{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := texts(t, c, 0), []string{"01", "1", "1.0", "01"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	// Of an array, which has no text.
	c, err = readCodes(t, string(npyFile("<i4", false, "(3, 1)", slices.Concat(element("<i4", 7), element("<i4", -1), element("<i4", 7)))), Options{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := texts(t, c, 0), []string{"7", "-1", "7"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	// As text has them, and none that float64 has made one.
	c, err = readCodes(t, string(npyFile("<i4", false, "(2, 1)", slices.Concat(element("<i4", 1234567), element("<i4", 20_000_000)))), Options{}, 0)
	if got, want := texts(t, c, 0), []string{"1234567", "20000000"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, want %q; %v", got, want, err)
	}
	_, err = readCodes(t, string(npyFile("<f8", false, "(1, 1)", element("<f8", 1<<60))), Options{}, 0)
	checkError(t, err, "row 1", "beyond 2^53", "write them as text")
}

// TestCodesMissing leaves a gap for what marks a missing value, and has no label for it, nor
// for rows that were not drawn.
func TestCodesMissing(t *testing.T) {
	data := "c\n" + strings.Repeat("a\nb\nNA\n", 40)
	if _, err := readCodes(t, data, Options{}); err == nil || !strings.Contains(err.Error(), `line 4, column "c": "NA" marks a missing value`) {
		t.Errorf("error %v", err)
	}
	c, err := readCodes(t, data, Options{Missing: MissingNaN})
	if err != nil {
		t.Fatal(err)
	}
	if got := texts(t, c, 0)[:4]; !slices.Equal(got, []string{"a", "b", "", "a"}) || len(c.Cols[0].Labels) != 2 {
		t.Errorf("%q of %q", got, c.Cols[0].Labels)
	}
	var names strings.Builder
	names.WriteString("c\n")
	for i := range 500 {
		fmt.Fprintf(&names, "p%d\n", i/2)
	}
	if c, err = readCodes(t, names.String(), Options{Sample: 20}); err != nil || len(c.Cols[0].Labels) > 20 {
		t.Errorf("%d labels of 20 rows, %v", len(c.Cols[0].Labels), err)
	}
}

// TestNoCodes refuses what may be numbers with errors in them.
func TestNoCodes(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"some words", "c\n" + strings.Repeat("1\n2\nabc\n", 40), `line 4, column "c": "abc" is not a number: correct it, or say --categorical c`},
		{"few numbers", "c\n" + strings.Repeat("a\nb\nc\nd\n5\n", 40), `line 2, column "c": "a" is not a number`},
		{"dates", "c\n" + strings.Repeat("2020-01-02\n2020-01-03\n", 40), `"2020-01-02" is a date`},
		{"units", "c,d\n" + strings.Repeat("70 kg,1\n80 kg,2\n", 40), `"70 kg" is not a number: correct it, or say --categorical c`},
		{"numbers behind words", "c\n" + strings.Repeat("a\nb\n", peekSize/4) + strings.Repeat("1\n2\n", peekSize/4), `column "c" (index 0) has words in the first rows, but 131072 of 262144 values are none, the first of them "1"`},
		{"words behind numbers", "c\n" + strings.Repeat("1\n2\n", peekSize/4) + "a\n", `line 131074, column "c": "a" is not a number`},
		{"no header, or codes", "a,b\na,c\nd,c\n", "line 1 may be names or data"},
		{"header again", "c,d\n" + strings.Repeat("a,x\nb,y\n", 40) + "c,d\na,x\n", `line 82, column "c": "c" is not a code, but the header once more`},
	} {
		r, err := OpenStream("data", strings.NewReader(c.data), Options{})
		if err == nil {
			_, err = r.Read(t.Context(), sequence(0, len(r.Columns())))
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %s", c.name, err, c.want)
		}
	}
}

// TestManyLabels refuses a column of more texts than memory is for.
func TestManyLabels(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	var b strings.Builder
	b.WriteString("c\n")
	for i := range 65 {
		fmt.Fprintf(&b, "a%d%s\n", i, long)
	}
	_, err := readCodes(t, b.String(), Options{}, 0)
	var value *ValueError
	if !errors.As(err, &value) || value.Line != 65 || !strings.Contains(err.Error(), "ids or free text") {
		t.Errorf("error %.200v", err)
	}
}

// TestRowNames refuses texts that name the rows where a range took them along.
func TestRowNames(t *testing.T) {
	var b strings.Builder
	b.WriteString("id,y\n")
	for i := range 50 {
		fmt.Fprintf(&b, "p%d,%d\n", i, i*i%17)
	}
	for spec, refused := range map[string]bool{":": true, "id": false} {
		r, err := OpenStream("data", strings.NewReader(b.String()), Options{})
		if err != nil {
			t.Fatal(err)
		}
		cols, err := r.Select("--x", spec)
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Read(t.Context(), cols)
		if selection := (*SelectError)(nil); errors.As(err, &selection) != refused {
			t.Errorf("%s: error %v", spec, err)
		}
	}
}
