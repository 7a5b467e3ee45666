package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"gomine/mine/column"
	"gomine/mine/table"
)

// selectGroup returns the index of the column of groups, nil without --group.
func (f *inputFlags) selectGroup(r *table.Reader) ([]int, error) {
	if f.group == "" {
		return nil, nil
	}
	cols, err := r.Select("--group", f.group)
	if err == nil && len(cols) != 1 {
		err = usagef("--group %s is %d columns, want one", f.group, len(cols))
	}
	return cols, err
}

// readFirst reads X and the groups from the first of two files, and says of how many rows.
func (f *inputFlags) readFirst(ctx context.Context, stdin io.Reader, file string, status *statusLine) (x, groups column.Table, rows int, err error) {
	if f.group == "" {
		x, rows, err = f.readAll(ctx, stdin, file, "--x", f.x, status)
		return x, nil, rows, err
	}
	r, err := f.open(stdin, file, status)
	if err != nil {
		return nil, nil, 0, err
	}
	defer r.Close()
	group, err := f.selectGroup(r)
	if err != nil {
		return nil, nil, 0, err
	}
	spec := f.x
	if spec == "" {
		spec = ":"
	}
	xs, err := r.Select("--x", spec)
	if err != nil {
		return nil, nil, 0, err
	}
	if f.x == "" {
		xs = slices.DeleteFunc(xs, func(c int) bool { return c == group[0] })
	}
	if err := r.Disjoint("--x", xs, "--group", group); err != nil {
		return nil, nil, 0, err
	}
	m, err := r.ReadTables(ctx, xs, group)
	if err != nil {
		return nil, nil, 0, err
	}
	f.wide = f.wide || len(r.Columns()) > m[0].Rows()
	return m[0], m[1], r.Seen(), nil
}

// groupsOf numbers the groups that rows belong to.
func groupsOf(c column.Table, name string) ([]int, error) {
	if c.Columns()[0].Merged > 0 {
		return nil, fmt.Errorf("--group %s: its numbers are so large that some became one when they were read: number the groups from 0", name)
	}
	values := make([]float64, c.Rows())
	if err := c.Read(values, 0, c.Rows(), 0, 1); err != nil {
		return nil, err
	}
	number := map[float64]int{}
	ids := make([]int, len(values))
	for i, v := range values {
		id, ok := number[v]
		if !ok {
			id = len(number)
			number[v] = id
		}
		ids[i] = id
	}
	return ids, nil
}
