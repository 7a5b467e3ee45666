package main

import "testing"

// TestInputErrors checks whose fault a mistake about columns or values is, and
// what is said about it.
func TestInputErrors(t *testing.T) {
	named, gap := file(t, "n.csv", "a,b\n1,2\n3,4\n"), file(t, "g.csv", "a,b\n1,2\n3,\n")
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{named, "--x", "size", "--z", "5"}, exitUsage, named + `: --x: no column "size"; the file has "a", "b"; ` + named + `: --z: column "5" is out of range: the file has 2 columns, 0 to 1`},
		{[]string{named, "--x", "0", "--z", "a"}, exitUsage, named + `: column "a" (index 0) is in both --x and --z: leave it out of one`},
		{[]string{named, gap, "--z", "d*"}, exitUsage, gap + `: --z: no column matches "d*"; the file has "a", "b"`},
		{[]string{gap, "--x", "a", "--z", "b"}, exitError, gap + `: line 3, column "b": the field is empty (a missing value): drop or impute such rows (--missing drop leaves them out)`},
		{[]string{named, "--x", "0", "--z", "1", "--header", "no"}, exitError, named + `: line 1, column "0": "a" is not a number: correct it, or say --categorical 0 if the column holds codes (if the first line names the columns, say so with --header yes)`},
	} {
		code, stdout, stderr := try(t, "", append([]string{"estimate"}, c.args...)...)
		if code != c.code || stdout != "" || stderr != "mine: "+c.want+"\n" {
			t.Errorf("%q: exit %d, %q, want exit %d, %q", c.args, code, stderr, c.code, c.want)
		}
	}
}
