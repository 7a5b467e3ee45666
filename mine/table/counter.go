package table

import (
	"fmt"
	"strings"

	"gomine/mine/column"
)

// pandasIndex is how the names begin of the columns that pandas puts an index without a name in.
const pandasIndex = "__index_level_"

// checkCounter returns an error if the first column of a file counts or names its rows, or any one
// is pandas' index, and was selected with others, by a range or pattern: it is the index that a
// program has written, and two sides that both count say everything about each other. In several
// files it may begin anew in each.
func (r *Reader) checkCounter(groups [][]int, all []*column.Compact) error {
	const enough = 3 // rows to tell names from words
	for i, g := range groups {
		for j, c := range g {
			if len(r.names) == 1 || r.alone == nil || r.alone[c] {
				continue
			}
			if strings.HasPrefix(r.names[c], pandasIndex) {
				return &SelectError{File: r.name, Reason: fmt.Sprintf("%s is the index that pandas has written: leave it out, as in '!%s', or select it by its own name", r.describe(c), r.names[c])}
			}
			if c != 0 {
				continue
			}
			if all[i].Rows() >= enough && isNamed(all[i], j) {
				return &SelectError{File: r.name, Reason: fmt.Sprintf("%s names the rows: leave it out, as in '!0', or select it by its own name", r.describe(c))}
			}
			if counts(all[i], j, r.begins()) {
				return &SelectError{File: r.name, Reason: fmt.Sprintf("%s counts the rows: leave it out, as in '!0', or select it by its own name", r.describe(c))}
			}
		}
	}
	return nil
}

// begins returns the rows that the files after the first begin with.
func (r *Reader) begins() []int {
	if p, several := r.src.(*parts); several {
		return p.begins
	}
	return nil
}

// counts reports whether column j is a whole number, and one more in each row but those in begins, of
// two at least.
func counts(c *column.Compact, j int, begins []int) bool {
	if c.Cols[j].Kind != column.Integer {
		return false
	}
	v, next, counted := make([]float64, 1), 0.0, 0
	for i := range c.Rows() {
		if err := c.Read(v, i, i+1, j, j+1); err != nil {
			return false
		}
		begin := i == 0 || len(begins) > 0 && begins[0] == i
		if i > 0 && begin {
			begins = begins[1:]
		}
		switch {
		case i > 0 && v[0] == next:
			counted++
		case !begin:
			return false
		}
		next = v[0] + 1
	}
	return counted > 1
}
