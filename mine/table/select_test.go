package table

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// withColumns returns a Reader of a file with the given names, or with
// numbered columns if head is false.
func withColumns(head bool, names ...string) *Reader {
	return &Reader{name: "data.csv", names: names, head: head}
}

func TestSelect(t *testing.T) {
	mixed := withColumns(true, "X0", "X1", "Y0", "3", "a,b", `say "hi"`, "0:2", "X*", "größe", "", "dup", "dup")
	numbered := withColumns(false, indexNames(12)...)
	for _, c := range []struct {
		r    *Reader
		spec string
		want []int
	}{
		{mixed, "X0", []int{0}},
		{mixed, "Y0,X1", []int{2, 1}},
		{mixed, " Y0 ,\tX1 ", []int{2, 1}},
		{mixed, "1", []int{1}},
		{mixed, "3", []int{3}},
		{mixed, "3,4", []int{3, 4}},
		{mixed, `"a,b",X0`, []int{4, 0}},
		{mixed, `"a,b"`, []int{4}},
		{mixed, ` "X0" , "Y0" `, []int{0, 2}},
		{mixed, `"say ""hi"""`, []int{5}},
		{mixed, `say "hi"`, []int{5}},
		{mixed, `""`, []int{9}},
		{mixed, "0:2", []int{6}},
		{mixed, "1:3", []int{1, 2}},
		{mixed, "X*", []int{7}},
		{mixed, "*0", []int{0, 2}},
		{mixed, "X**", []int{0, 1, 7}},
		{mixed, "*ö*e", []int{8}},
		{mixed, "*b", []int{4}},
		{mixed, "a*b", []int{4}},
		{mixed, "*,*", nil}, // two parts, each of all columns
		{mixed, "10", []int{10}},
		{mixed, "10:", []int{10, 11}},
		{mixed, ":", []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		{numbered, "3,0", []int{3, 0}},
		{numbered, ":3", []int{0, 1, 2}},
		{numbered, "10:", []int{10, 11}},
		{numbered, "0:12", []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		{numbered, "007", []int{7}},
		{numbered, "1*", []int{1, 10, 11}},
		{numbered, "*", []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		{numbered, "5:7,0:2", []int{5, 6, 0, 1}},
		{numbered, "!3:", []int{0, 1, 2}},
		{numbered, "!1:11", []int{0, 11}},
		{numbered, "!1:9,!10", []int{0, 9, 11}},
		{numbered, "0:5,!1:3", []int{0, 3, 4}},
		{numbered, "!1:3,0:5", []int{0, 3, 4}},
		{numbered, "0:5,!7", []int{0, 1, 2, 3, 4}},
		{numbered, "0:5,!0:5", nil},
		{numbered, "!", nil},
		{numbered, "!12", nil},
		{mixed, "0:5,!X0", []int{1, 2, 3, 4}},
		{mixed, "0:5, ! X0", []int{1, 2, 3, 4}},
		{mixed, `0:5,!"a,b"`, []int{0, 1, 2, 3}},
		{mixed, "0:5,!*1", []int{0, 2, 3, 4}},
		{mixed, "!Q", nil},
		{mixed, "a,b", []int{4}},
		{withColumns(true, "a,b", "a", "b"), "a,b", []int{1, 2}},
		{withColumns(true, "!a", "a", "b"), "!a", []int{0}},
		{withColumns(true, "!a", "a", "b"), "!b", []int{0, 1}},
	} {
		got, err := c.r.Select("--x", c.spec)
		if (err != nil) != (c.want == nil) || !slices.Equal(got, c.want) {
			t.Errorf("%q: %v, %v, want %v", c.spec, got, err, c.want)
		}
	}
}

func TestSelectErrors(t *testing.T) {
	named := withColumns(true, "price", "Volume", "volume2", "date", "a", "b", "c", "dup", "dup")
	numbered := withColumns(false, indexNames(9)...)
	one := withColumns(false, "0")
	for _, c := range []struct {
		r    *Reader
		spec string
		want []string
	}{
		{named, "", []string{"no columns given"}},
		{named, "  ", []string{"no columns given"}},
		{named, ",", []string{"empty part"}},
		{named, "a,,b", []string{"empty part"}},
		{named, "a,", []string{"empty part"}},
		{named, `"a",`, []string{"empty part"}},
		{named, `"a`, []string{"quote", "not closed"}},
		{named, `"a"b`, []string{`"b" follows the closing quote of "a"`}},
		{named, "prcie", []string{`no column "prcie": is it "price"?`}},
		{named, "volume", []string{`is it "Volume" or "volume2"?`}},
		{withColumns(true, "a", "st.u", "st.v"), "st", []string{`no column "st": is it a field of it, such as "st.u", or all, "st.*"?`}},
		{named, "nothing like it", []string{`no column "nothing like it"; the file has "price", "Volume", "volume2", "date", "a", "b", ... (9 columns)`}},
		{named, `"a*"`, []string{`no column "a*"`}},
		{named, strings.Repeat("x", 99), []string{`"` + strings.Repeat("x", 40) + `"...`}},
		{named, "z*", []string{`no column matches "z*"`, `"price"`}},
		{named, "9", []string{`column "9" is out of range`, "9 columns, 0 to 8"}},
		{named, "99999999999999999999", []string{`column "99999999999999999999" is out of range`}},
		{named, "3:10", []string{`column "3:10" is out of range`, "9 columns"}},
		{named, "9:", []string{"out of range"}},
		{named, ":99999999999999999999", []string{"out of range"}},
		{named, "3:3", []string{`range "3:3" is empty`}},
		{named, "5:2", []string{`range "5:2" is empty`}},
		{named, ":0", []string{`range ":0" is empty`}},
		{named, "-1", []string{`no column "-1"`}},
		{named, "1:2:3", []string{`no column "1:2:3"`}},
		{named, "a,price,a", []string{`column "a" (index 4) is selected twice, by "a" and by "a"`}},
		{named, "p*,0:2", []string{`column "price" (index 0) is selected twice, by "p*" and by "0:2"`}},
		{named, "dup", []string{`2 columns are named "dup"`, "index", "7"}},
		{named, "d*", []string{`2 columns are named "dup"`, "index"}},
		{numbered, "price", []string{`no column "price"`, "no header line", "index", `"0"`}},
		{numbered, "1,0:3", []string{`column 1 is selected twice, by "1" and by "0:3"`}},
		{one, "1", []string{"one column, 0"}},
	} {
		_, err := c.r.Select("--x", c.spec)
		checkError(t, err, append(c.want, "table: data.csv: --x: ")...)
		checkSelectError(t, err, "--x", c.spec)
	}
}

// checkSelectError checks that err is a SelectError and what its fields say.
func checkSelectError(t *testing.T, err error, flag, spec string) {
	t.Helper()
	var e *SelectError
	if !errors.As(err, &e) {
		t.Errorf("error %v, want a SelectError", err)
		return
	}
	if !strings.HasPrefix(e.File, "data") || e.Flag != flag || e.Spec != spec || e.Reason == "" || !strings.HasSuffix(err.Error(), e.Reason) {
		t.Errorf("%q has the fields %+v, want flag %q and specification %q", err, *e, flag, spec)
	}
}

func TestDisjoint(t *testing.T) {
	r := withColumns(true, "a", "b", "c", "c")
	if err := r.Disjoint("--x", []int{0, 2}, "--z", []int{1, 3}); err != nil {
		t.Error(err)
	}
	err := r.Disjoint("--x", []int{0, 2}, "--z", []int{1, 2})
	checkError(t, err, `data.csv: column "c" (index 2) is in both --x and --z`)
	checkSelectError(t, err, "", "")
}

// TestGlob compares glob with a direct reading of its definition.
func TestGlob(t *testing.T) {
	var slow func(pattern, name string) bool
	slow = func(pattern, name string) bool {
		switch {
		case pattern == "":
			return name == ""
		case pattern[0] == '*':
			return slow(pattern[1:], name) || name != "" && slow(pattern, name[1:])
		}
		return name != "" && pattern[0] == name[0] && slow(pattern[1:], name[1:])
	}
	words := func(letters string, most int) []string {
		all := []string{""}
		for from := 0; most > 0; most-- {
			to := len(all)
			for _, w := range all[from:to] {
				for _, l := range letters {
					all = append(all, w+string(l))
				}
			}
			from = to
		}
		return all
	}
	names := words("ab", 5)
	for _, pattern := range words("ab*", 5) {
		for _, name := range names {
			if got, want := glob(pattern, name), slow(pattern, name); got != want {
				t.Errorf("glob(%q, %q) = %v", pattern, name, got)
			}
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "abd", 1}, {"abc", "acb", 2},
		{"kitten", "sitting", 3}, {"größe", "grosse", 3}, {"xabc", "abc", 1},
	} {
		if got := editDistance([]rune(c.a), []rune(c.b)); got != c.want {
			t.Errorf("%q, %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
