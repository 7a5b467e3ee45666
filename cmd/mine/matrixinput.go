package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gomine/mine/column"
	"gomine/mine/pairwise"
	"gomine/mine/table"
)

// matrixInput is where the variables came from.
type matrixInput struct {
	File        string         `json:"file"`
	Columns     string         `json:"columns,omitempty"` // as given; all if empty
	Groups      string         `json:"groups,omitempty"`  // the file of groups
	Group       string         `json:"group,omitempty"`
	Categorical []string       `json:"categorical,omitempty"`
	Rows        string         `json:"rows,omitempty"` // as given; all if empty
	Sample      int            `json:"sample,omitempty"`
	LeftOut     int            `json:"left_out,omitempty"` // rows that lack a value
	Lacking     map[string]int `json:"lacking,omitempty"`  // of these, by column
}

// columnGroup is a variable as a file has it.
type columnGroup struct {
	name    string
	columns []int
}

// read reads the variables.
func (f *matrixFlags) read(cmd *cobra.Command, file string, status *statusLine) (*matrixRun, error) {
	ctx := cmd.Context()
	m, err := abandon(ctx, func() (*matrixRun, error) { return f.readTable(ctx, cmd.InOrStdin(), file, status) })
	if err == nil {
		err = f.input.checkCategorical([]string{file})
	}
	return m, inputError(err)
}

func (f *matrixFlags) readTable(ctx context.Context, stdin io.Reader, file string, status *statusLine) (*matrixRun, error) {
	r, err := f.input.open(ctx, stdin, file, status)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	group, err := f.input.selectGroup(r)
	if err != nil {
		return nil, err
	}
	variables, err := f.wanted(r, group)
	if err != nil {
		return nil, err
	}
	var columns [][]int
	for _, v := range variables {
		if err := r.Disjoint("--columns", v.columns, "--group", group); err != nil {
			return nil, err
		}
		columns = append(columns, v.columns)
	}
	if group != nil {
		columns = append(columns, group)
	}
	if len(variables) < 2 {
		return nil, usagef("%s: %s, want at least 2 to make a pair", file, plural(len(variables), "variable"))
	}
	data, err := r.Read(ctx, columns...)
	if err != nil {
		return nil, err
	}
	f.input.wide = len(r.Columns()) > data[0].Rows()
	m := &matrixRun{}
	m.Input = matrixInput{
		File: file, Columns: f.columns, Groups: f.groups, Group: f.input.group, Categorical: f.input.codes,
		Rows: f.input.format.rows.String(), Sample: f.input.format.sample,
	}
	if f.input.missing.value == "drop" {
		if err := m.leaveOut(data); err != nil {
			return nil, err
		}
		f.input.left = m.left
		if data[0].Rows() == 0 {
			return nil, fmt.Errorf("%s: %s: no row is left: choose --columns that have values together", file, m.left)
		}
	}
	for k, v := range variables {
		var names []string
		for _, c := range data[k].Columns() {
			names = append(names, c.Name)
		}
		m.data = append(m.data, pairwise.Variable{Name: v.name, Data: data[k]})
		m.Variables = append(m.Variables, matrixVariable{v.name, names})
	}
	if group != nil {
		own := data[len(data)-1]
		m.group = own
		m.groups, err = groupsOf(own, f.input.group)
	}
	return m, err
}

// wanted are the variables that the flags ask for, but for the column of --group.
func (f *matrixFlags) wanted(r *table.Reader, group []int) ([]columnGroup, error) {
	if f.groups != "" {
		return readGroups(f.groups, r)
	}
	spec := f.columns
	if spec == "" {
		spec = ":"
	}
	cols, err := r.Select("--columns", spec)
	if err != nil {
		return nil, err
	}
	var all []columnGroup
	for _, c := range cols {
		if f.columns != "" || !slices.Contains(group, c) {
			all = append(all, columnGroup{r.Columns()[c], []int{c}})
		}
	}
	return all, nil
}

// readGroups reads a file of groups of columns: NAME = COLUMNS on every line.
func readGroups(path string, r *table.Reader) ([]columnGroup, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("--groups %s: %w", path, pathCause(err))
	}
	defer file.Close()
	var all []columnGroup
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if line == "" || line[0] == '#' {
			continue
		}
		place := fmt.Sprintf("--groups %s: line %d", path, number)
		name, spec, found := strings.Cut(line, "=")
		if name = strings.TrimSpace(name); !found || name == "" {
			return nil, fmt.Errorf("%s is %q, want NAME = COLUMNS, such as size = length,width", place, line)
		}
		cols, err := r.Select(place, spec)
		if err != nil {
			return nil, err
		}
		for _, other := range all {
			if other.name == name {
				return nil, fmt.Errorf("%s: there is a group %s already: give each its own name", place, name)
			}
			if err := r.Disjoint("group "+other.name, other.columns, "group "+name, cols); err != nil {
				return nil, err
			}
		}
		all = append(all, columnGroup{name, cols})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("--groups %s: %w", path, pathCause(err))
	}
	if len(all) < 2 {
		return nil, fmt.Errorf("--groups %s: %s, want at least 2 to make a pair: one a line, as NAME = COLUMNS", path, plural(len(all), "group"))
	}
	return all, nil
}

// leaveOut leaves out the rows that lack a value.
func (m *matrixRun) leaveOut(data []*column.Compact) error {
	m.left = left{of: data[0].Rows()}
	var tables []column.Table
	for _, c := range data {
		tables = append(tables, c)
	}
	dropped, err := column.DropMissing(tables...)
	if err != nil {
		return err
	}
	m.left.rows, m.Input.LeftOut = dropped.Rows, dropped.Rows
	for v, c := range data {
		for j, n := range dropped.Lacking[v] {
			if n > 0 {
				m.left.columns = append(m.left.columns, lackingColumn{"the file", c.Cols[j].Name, n})
			}
		}
	}
	slices.SortStableFunc(m.left.columns, func(a, b lackingColumn) int { return b.rows - a.rows })
	m.Input.Lacking = m.left.lacking("the file")
	return nil
}
