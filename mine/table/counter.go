package table

import (
	"fmt"

	"gomine/mine/column"
)

// checkCounter returns an error if the first column of a file counts or names its rows and was
// selected with others, by a range or pattern: it is the index that a program has
// written, and two sides that both count say everything about each other.
func (r *Reader) checkCounter(groups [][]int, all []column.Table) error {
	const enough = 3 // rows to tell a count from numbers
	for i, g := range groups {
		for j, c := range g {
			if c != 0 || len(r.names) == 1 || r.alone == nil || r.alone[c] {
				continue
			}
			if all[i].Rows() >= enough && isNamed(all[i], j) {
				return &SelectError{File: r.name, Reason: fmt.Sprintf("%s names the rows: leave it out, as in '!0', or select it by its own name", r.describe(c))}
			}
			does, err := counts(all[i], j)
			if err != nil {
				return err
			}
			if all[i].Rows() >= enough && does {
				return &SelectError{File: r.name, Reason: fmt.Sprintf("%s counts the rows: leave it out, as in '!0', or select it by its own name", r.describe(c))}
			}
		}
	}
	return nil
}

// counts reports whether column j is a whole number, and one more in each row.
func counts(t column.Table, j int) (does bool, err error) {
	if t.Columns()[j].Kind != column.Integer {
		return false, nil
	}
	first := 0.0
	err = eachValue(t, j, func(i int, v float64) bool {
		if i == 0 {
			first = v
		}
		does = v == first+float64(i)
		return does
	})
	return does, err
}
