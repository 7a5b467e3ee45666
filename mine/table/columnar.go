package table

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// columnar is a file that stores the values of a column together: Parquet or Arrow.
type columnar struct {
	fields []field
	names  []string // of the columns
	of     []int    // the field of each column
	store  store
}

// field is a column of the file's schema. A field of lists of equal length is as many columns.
type field struct {
	name  string
	first int // its first column
	width int // its columns
	list  bool
	// bare is true if no list was found that has values.
	bare  bool
	means meaning
}

// setBare gives a field of lists without known length, 0, the one column that its name is.
func (f *field) setBare() {
	if f.bare = f.width == 0; f.bare {
		f.width = 1
	}
}

// store is what a columnar file is read from. Its methods panic where package arrow does, on
// damaged data.
type store interface {
	// rows returns how many there are, or 0 if that is not known.
	rows() (int, error)
	// begin has next read the given fields, and returns its first row: at most from.
	begin(fields []int, from int) (first int, err error)
	// next returns the values of the next rows, at most so many: one element of all for each
	// field. They are valid until it is called again. The error is io.EOF after the last row.
	next(most int) (n int, all []values, err error)
	close() error
}

// values are those of a field in some rows: [rows, width].
type values struct {
	numbers []float64 // NaN where there is none
	// texts are what a field holds that is no number; null says where there is none.
	texts []string
	null  []bool
	// unequal are the rows whose list has another length than the first, and that length. They have
	// no numbers.
	unequal map[int]int
	// typ is the type of a field that is not read; "" for others.
	typ string
}

const (
	// blockRows and blockCells bound the rows and values that are decoded at a time: 512 KiB
	// of float64 stay in the cache of a core.
	blockRows  = 1 << 13
	blockCells = 1 << 16
)

// newColumnar names the columns of the fields, which lack their first column.
func newColumnar(fields []field, s store) (*columnar, error) {
	c := &columnar{fields: fields, store: s}
	for i := range fields {
		f := &fields[i]
		f.first = len(c.names)
		if len(c.names)+f.width > maxColumns {
			return nil, fmt.Errorf("more than %d columns are not supported: column %s is a list of %d values", maxColumns, show(f.name), f.width)
		}
		for j := range f.width {
			name := f.name
			if f.list {
				name += "[" + strconv.Itoa(j) + "]"
			}
			c.names, c.of = append(c.names, name), append(c.of, i)
		}
	}
	if len(c.names) == 0 {
		return nil, errors.New("the file has no columns")
	}
	return c, nil
}

// openColumnar has the reader read c.
func (r *Reader) openColumnar(c *columnar) error {
	if r.opt.Transpose {
		return errors.New("its columns are stored as such: leave --transpose away")
	}
	r.src, r.names, r.head = c, c.names, true
	r.lists = make(map[string]span)
	for _, f := range c.fields {
		r.meanings = append(r.meanings, slices.Repeat([]meaning{f.means}, f.width)...)
		if f.list {
			r.lists[f.name] = span{f.first, f.first + f.width}
		}
	}
	return nil
}

// span are the columns from one up to, not including, another.
type span struct{ from, to int }

// guarded returns what f returns, or an error in place of a panic.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = damaged(fmt.Errorf("%v", p))
		}
	}()
	return f()
}

// damaged is the error for what package arrow says of a file.
func damaged(err error) error {
	return fmt.Errorf("damaged or truncated: %s", strings.Join(strings.Fields(err.Error()), " "))
}

func (c *columnar) rowHint(context.Context, int) (rows int, err error) {
	err = guarded(func() error {
		rows, err = c.store.rows()
		return err
	})
	return rows, err
}

// cell says where the values of a column are: value at of the rows of a field, which is element
// of of those that are read.
type cell struct{ of, at, width int }

// strided are the numbers of a column among those of a field: one of so many each.
type strided struct {
	numbers []float64
	width   int
}

func (c *columnar) each(ctx context.Context, p *pass) error {
	var fields []int
	cells, width := make([]cell, len(p.cols)), 0
	for k, col := range p.cols {
		f := c.of[col]
		at := slices.Index(fields, f)
		if at < 0 {
			at = len(fields)
			fields = append(fields, f)
			width += c.fields[f].width
		}
		cells[k] = cell{at, col - c.fields[f].first, c.fields[f].width}
	}
	i := 0
	if err := guarded(func() (err error) { i, err = c.store.begin(fields, p.from); return err }); err != nil {
		return err
	}
	row, columns := make([]float64, len(p.cols)), make([]strided, len(p.cols))
	for i < p.to {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("stopped at row %d: %w", i+1, err)
		}
		var all []values
		n := 0
		err := guarded(func() (err error) {
			n, all, err = c.store.next(min(blockRows, max(1, blockCells/width), p.to-i))
			return err
		})
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("after row %d: %w", i, err)
		}
		plain := n > 0 && p.codes == nil && !slices.ContainsFunc(all, func(v values) bool { return !allFinite(v.numbers) })
		if plain {
			for k, at := range cells {
				columns[k] = strided{all[at.of].numbers[at.at:], at.width}
			}
		}
		for j := max(0, p.from-i); j < n; j++ {
			if plain {
				for k := range columns {
					c := &columns[k]
					row[k] = c.numbers[j*c.width]
				}
				p.add(row)
				continue
			}
			if err := c.addRow(p, i+j, j, row, all, cells); err != nil {
				return err
			}
		}
		i += n
	}
	return nil
}

// allFinite reports whether all values are numbers, and none is infinite.
func allFinite(values []float64) bool {
	for _, v := range values {
		if v-v != 0 {
			return false
		}
	}
	return true
}

// words: a column of texts holds words, whatever these are; label looks at them.
func (c *columnar) words(cols []int) []bool {
	all := make([]bool, len(cols))
	for k, col := range cols {
		f := c.fields[c.of[col]]
		all[k] = f.means == ofTexts && !f.list
	}
	return all
}

// addRow passes on row i, which is row j of all.
func (c *columnar) addRow(p *pass, i, j int, row []float64, all []values, cells []cell) error {
	var list *ValueError
	for k, at := range cells {
		v, x := &all[at.of], j*at.width+at.at
		number := v.numbers[x]
		length, unequal := v.unequal[j]
		var e *ValueError
		switch finite := number-number == 0; {
		case unequal:
			if list == nil || cells[k-1].of != at.of { // one for all columns of a list
				list = c.fields[c.of[p.cols[k]]].unequal(length)
			}
			e = list
		case finite && !p.holdsCodes(k):
			row[k] = number
			continue
		case finite:
			row[k], e = p.codes[k].codeOf(number)
		case v.isText(x) && p.holdsCodes(k):
			row[k], e = p.codes[k].code('.', v.texts[x])
		default:
			e = v.problem(x)
		}
		if e == nil {
			continue
		}
		e.Row, e.Column = i+1, cmp.Or(e.Column, c.names[p.cols[k]])
		if err := p.bad(k, e); err != nil {
			return err
		}
		row[k] = math.NaN()
	}
	p.add(row)
	return nil
}

// isText reports whether value x is a text.
func (v *values) isText(x int) bool { return v.texts != nil && (v.null == nil || !v.null[x]) }

// problem is the error for value x, which is not a finite number. It lacks the place.
func (v *values) problem(x int) *ValueError {
	n := v.numbers[x]
	switch {
	case v.typ != "":
		return &ValueError{Text: v.typ, Reason: fmt.Sprintf("the column has the type %s, which holds neither numbers nor a list of them: leave it out", v.typ), Unread: true, Err: strconv.ErrSyntax}
	case v.null != nil && v.null[x]:
		return &ValueError{Text: "null", Reason: "the value is null (missing): drop or impute such rows", Missing: true}
	case v.isText(x):
		return &ValueError{Text: v.texts[x], Reason: show(v.texts[x]) + " is text, and not a number", Word: notation('.').isWord(v.texts[x]), Err: strconv.ErrSyntax}
	case math.IsNaN(n):
		return &ValueError{Text: "NaN", Reason: "the value is null or NaN (missing): drop or impute such rows", Missing: true}
	}
	return notFinite(fmt.Sprint(n), n)
}

func (c *columnar) close() error { return c.store.close() }

// unequal is the error for a list that has n values. It lacks the row.
func (f *field) unequal(n int) *ValueError {
	what, reason := "lists of unequal lengths", fmt.Sprintf("the list has %d values, but %d were expected, as in the first that has any: lists of unequal lengths are no columns; leave it out", n, f.width)
	switch {
	case f.bare && n == 0:
		what, reason = "empty lists", "the list is empty, and none was found that is not: leave the column out"
	case f.bare:
		what, reason = "lists of which the first are empty", fmt.Sprintf("the list has %d values, and none of those before it has any, so that its columns were not known: put rows with lists first, or leave it out", n)
	}
	return &ValueError{Column: f.name, Text: what, Reason: reason, Unread: true}
}
