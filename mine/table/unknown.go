package table

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// unknown returns the error for a name that no column has.
func (r *Reader) unknown(name string) error {
	if !r.head {
		return fmt.Errorf("no column %s: the file has no header line, select by index; %s", show(name), r.available())
	}
	for _, n := range r.names {
		if strings.HasPrefix(n, name+",") {
			return fmt.Errorf(`no column %s: is it %s? A name that holds a comma goes in double quotes`, show(name), show(n))
		}
		if strings.HasPrefix(n, name+".") {
			return fmt.Errorf(`no column %s: is it a field of it, such as %s, or all, %s?`, show(name), show(n), show(name+".*"))
		}
	}
	const most = 3
	var meant []string
	for _, n := range r.names {
		if len(meant) < most && similar(name, n) && !slices.Contains(meant, show(n)) {
			meant = append(meant, show(n))
		}
	}
	if meant != nil {
		return fmt.Errorf("no column %s: is it %s?", show(name), strings.Join(meant, " or "))
	}
	return fmt.Errorf("no column %s; %s", show(name), r.available())
}

// available lists the first few column names.
func (r *Reader) available() string {
	const most = 6
	var b strings.Builder
	b.WriteString("the file has ")
	for i, name := range r.names {
		if i == most {
			fmt.Fprintf(&b, ", ... (%d columns)", len(r.names))
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(show(name))
	}
	return b.String()
}

// similar reports whether b is what somebody who typed a may have meant: the
// same but for case, or at most two edits (one, in short names) away.
func similar(a, b string) bool {
	const longest = 64 // the distance takes quadratic time
	if strings.EqualFold(a, b) {
		return true
	}
	if len(a) > longest || len(b) > longest {
		return false
	}
	edits := 2
	if utf8.RuneCountInString(a) < 5 {
		edits = 1
	}
	return editDistance([]rune(strings.ToLower(a)), []rune(strings.ToLower(b))) <= edits
}

// editDistance is the Levenshtein distance: the least number of insertions,
// deletions and substitutions that turn a into b.
func editDistance(a, b []rune) int {
	row := make([]int, len(b)+1) // distances of a[:i] to every b[:j]
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range b {
			cost := 1
			if x == y {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
