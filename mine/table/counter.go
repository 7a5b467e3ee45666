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
func (r *Reader) checkCounter(groups [][]int, all []column.Table) error {
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
			does, err := counts(all[i], j, r.begins())
			if err != nil {
				return err
			}
			if does {
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
func counts(t column.Table, j int, begins []int) (bool, error) {
	if t.Columns()[j].Kind != column.Integer {
		return false, nil
	}
	next, counted, does := 0.0, 0, true
	err := eachValue(t, j, func(i int, v float64) bool {
		begin := i == 0 || len(begins) > 0 && begins[0] == i
		if i > 0 && begin {
			begins = begins[1:]
		}
		switch {
		case i > 0 && v == next:
			counted++
		case !begin:
			does = false
		}
		next = v + 1
		return does
	})
	return does && counted > 1, err
}
