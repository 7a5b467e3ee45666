package table

import (
	"fmt"

	"gomine/mine/column"
)

// checkCounter returns an error if the first column of a file counts or names its rows and was
// selected with others, by a range or pattern: it is the index that a program has
// written, and two sides that both count say everything about each other.
func (r *Reader) checkCounter(groups [][]int, all []*column.Compact) error {
	const enough = 3 // rows to tell a count from numbers
	for i, g := range groups {
		for j, c := range g {
			if c != 0 || len(r.names) == 1 || r.alone == nil || r.alone[c] {
				continue
			}
			if all[i].Rows() >= enough && isNamed(all[i], j) {
				return &SelectError{File: r.name, Reason: fmt.Sprintf("%s names the rows: leave it out, as in '!0', or select it by its own name", r.describe(c))}
			}
			if all[i].Rows() >= enough && counts(all[i], j) {
				return &SelectError{File: r.name, Reason: fmt.Sprintf("%s counts the rows: leave it out, as in '!0', or select it by its own name", r.describe(c))}
			}
		}
	}
	return nil
}

// counts reports whether column j is a whole number, and one more in each row.
func counts(c *column.Compact, j int) bool {
	if c.Cols[j].Kind != column.Integer {
		return false
	}
	v, first := make([]float64, 1), 0.0
	for i := range c.Rows() {
		if err := c.Read(v, i, i+1, j, j+1); err != nil {
			return false
		}
		if i == 0 {
			first = v[0]
		}
		if v[0] != first+float64(i) {
			return false
		}
	}
	return true
}
