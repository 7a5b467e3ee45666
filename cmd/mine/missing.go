package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gomine/mine"
	"gomine/mine/column"
)

// left says which rows were left out because they lack a value.
type left struct {
	rows, of int
	columns  []lackingColumn // those with most missing values first
}

// lackingColumn is a column, and the number of rows that lack it.
type lackingColumn struct {
	side, name string
	rows       int
}

// leaveOut leaves out the rows that lack a value.
func leaveOut(d data) (left, error) {
	l := left{of: d.x.Rows()}
	all, names := []column.Table{d.x, d.z}, []string{"x", "z"}
	if d.groups != nil {
		all, names = append(all, d.groups), append(names, "the groups")
	}
	if d.given != nil {
		all, names = append(all, d.given), append(names, "the condition")
	}
	dropped, err := column.DropMissing(all...)
	if err != nil {
		return l, err
	}
	l.rows = dropped.Rows
	for s, c := range all {
		for j, n := range dropped.Lacking[s] {
			if n > 0 {
				l.columns = append(l.columns, lackingColumn{names[s], c.Columns()[j].Name, n})
			}
		}
	}
	slices.SortStableFunc(l.columns, func(a, b lackingColumn) int { return b.rows - a.rows })
	return l, nil
}

func (l left) String() string {
	const most = 6
	var columns []string
	for _, c := range l.columns[:min(most, len(l.columns))] {
		columns = append(columns, fmt.Sprintf("%s of %s in %s", c.name, c.side, grouped(c.rows)))
	}
	if more := len(l.columns) - most; more > 0 {
		columns = append(columns, plural(more, "more column"))
	}
	return fmt.Sprintf("%s of %s were left out because values are missing (%s)", grouped(l.rows), plural(l.of, "row"), strings.Join(columns, ", "))
}

// lacking returns the columns of a side, with the number of rows that lack them.
func (l left) lacking(side string) map[string]int {
	var all map[string]int
	for _, c := range l.columns {
		if c.side != side {
			continue
		}
		if all == nil {
			all = make(map[string]int)
		}
		all[c.name] = c.rows
	}
	return all
}

// tooFew adds to an error about too few rows why they may be so few.
func (f *inputFlags) tooFew(err error) error {
	if !errors.Is(err, mine.ErrTooFewSamples) {
		return err
	}
	text := oneLine(err)
	if f.left.rows > 0 {
		text += "; " + f.left.String()
	}
	if f.wide {
		text += "; the file has more columns than rows: if its rows are the variables, say --transpose"
	}
	return worded{text, err}
}
