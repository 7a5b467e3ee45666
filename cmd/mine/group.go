package main

import (
	"context"
	"errors"
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

// beside are the columns of the groups and of the condition, which are in the file of X; nil without
// --group and without --given.
type beside struct{ group, given []int }

// selectBeside selects them.
func (f *inputFlags) selectBeside(r *table.Reader) (b beside, err error) {
	b.group, err = f.selectGroup(r)
	if f.given == "" {
		return b, err
	}
	var errGiven error
	b.given, errGiven = r.Select("--given", f.given)
	return b, errors.Join(err, errGiven)
}

// check reports columns that are some of a side too, or of both.
func (b beside) check(r *table.Reader, flag string, side []int) error {
	return errors.Join(r.Disjoint(flag, side, "--group", b.group), r.Disjoint(flag, side, "--given", b.given))
}

// wanted are the selections behind those of X and Z.
func (b beside) wanted(before ...[]int) [][]int {
	for _, cols := range [][]int{b.group, b.given} {
		if cols != nil {
			before = append(before, cols)
		}
	}
	return before
}

// store stores what was read of wanted, but for what stands before.
func (b beside) store(d *data, m []column.Table) {
	if b.group != nil {
		d.groups, m = m[0], m[1:]
	}
	if b.given != nil {
		d.given = m[0]
	}
}

// readFirst reads X and what is beside it from the first of two files, and says of how many rows.
func (f *inputFlags) readFirst(ctx context.Context, stdin io.Reader, file string, status *statusLine) (d data, rows int, err error) {
	if f.group == "" && f.given == "" {
		d.x, rows, err = f.readAll(ctx, stdin, file, "--x", f.x, status)
		return d, rows, err
	}
	r, err := f.open(ctx, stdin, file, status)
	if err != nil {
		return d, 0, err
	}
	defer r.Close()
	b, err := f.selectBeside(r)
	if err != nil {
		return d, 0, err
	}
	spec := f.x
	if spec == "" {
		spec = ":"
	}
	xs, err := r.Select("--x", spec)
	if err != nil {
		return d, 0, err
	}
	if f.x == "" {
		xs = slices.DeleteFunc(xs, func(c int) bool { return slices.Contains(b.group, c) || slices.Contains(b.given, c) })
	}
	if err := errors.Join(b.check(r, "--x", xs), r.Disjoint("--group", b.group, "--given", b.given)); err != nil {
		return d, 0, err
	}
	m, err := r.ReadTables(ctx, b.wanted(xs)...)
	if err != nil {
		return d, 0, err
	}
	f.wide = f.wide || len(r.Columns()) > m[0].Rows()
	d.x = m[0]
	b.store(&d, m[1:])
	return d, r.Seen(), nil
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
