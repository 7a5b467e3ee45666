// Package table reads and writes the data files of the mine command, numbers and codes:
// delimited text (CSV, TSV and relatives), NumPy's NPY, Parquet and Arrow, any of them compressed
// by gzip or zstd, and NumPy's NPZ. The format is told by content, never by the file's name.
//
// # Reading
//
// [Open] reads the head of a file, [Reader.Select] turns a column
// specification such as "X*,3,10:20" into column indices, and [Reader.Read]
// makes one pass over the file and returns one float32 [column.Compact] per
// group of columns. Every value is finite. Anything that is not a complete
// table of finite numbers or codes in the selected columns is an error that names the
// file, the line (text) or row (all others), counted from 1, and the column. Values that are
// missing can be read as NaN instead. Columns of words, and those that
// [Reader.Categorical] names, are codes.
//
// # Precision
//
// A column is float32 as long as that makes no different values equal, and float64
// otherwise, whatever the order of the rows. What is lost all the same is measured on
// a sample of the whole file. See matrix.go.
//
// # Memory
//
// A regular, uncompressed file needs one exact allocation per matrix. Rows
// from a pipe or a gzip file are gathered in blocks of up to 4 MiB; joining
// them releases blocks as it goes, so that at most an eighth of the data is in
// memory twice. With Options.Memory, rows for which there is no room are written to temporary files
// while they are read, see spill.go. A column in float64 takes twelve bytes a value, all others four.
// The sample adds up to 1024 rows of float64, and text up to
// 64 MiB of short-lived strings. An NPY array in Fortran order that arrives
// through a pipe or gzip is first spooled to a temporary file in [os.TempDir],
// because its first row is complete only when the last column has arrived; so is a Parquet
// file, and an NPZ file, whose directories are at their ends. The chunks of a row group of
// Parquet that are used are in memory, and a batch of Arrow. Text
// whose lines are columns is in memory as float64 before its first row is there.
package table

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"gomine/mine/column"
)

const (
	// peekSize is how much of a file is looked at to tell its format and its
	// separator: room for a few lines of 4096 numbers.
	peekSize = 256 << 10
	// maxColumns bounds what a damaged or hostile header can make us
	// allocate; it is 256 times the widest data the estimator is made for.
	maxColumns = 1 << 20
	// checkEvery is the number of fields between two looks at the context:
	// about a millisecond of parsing.
	checkEvery = 1 << 16
)

// A Reader is one open data file whose columns are known. It is not safe for
// concurrent use.
type Reader struct {
	name     string
	names    []string
	head     bool            // names come from a header line
	count    map[string]int  // columns by name, made by the first Select
	lists    map[string]span // the columns of lists, by the names of these
	alone    map[int]bool    // columns that Select has found one by one
	meanings []meaning       // of the columns; nil if they are not stored by type
	codes    map[int]bool    // columns that Categorical was asked for
	src      source
	meter    *meter
	file     *os.File  // nil for streams and several files
	size     int64     // of a regular file, when it was opened
	time     time.Time // of its last change, then; zero if it is none
	opt      Options
	read     bool // Read or Close was called
	seen     int  // rows that were read, before some were drawn
}

// source is one file format. Its errors lack the package and file prefix.
type source interface {
	// rowHint returns an upper bound of the number of rows that was derived
	// from bytes that exist, or 0 if there is none. width is the number of
	// selected columns.
	rowHint(ctx context.Context, width int) (int, error)
	// each passes the columns of every row to p.add, in file order.
	each(ctx context.Context, p *pass) error
	// words reports for columns whether they hold words, by their first rows. It is
	// called before each.
	words(cols []int) []bool
	// close removes what each has left behind.
	close() error
}

// pass is one reading of a file.
type pass struct {
	cols     []int
	codes    []*codebook // of the columns that hold codes; nil for the others
	from, to int         // rows
	// bad is told of a value that is no number, or not finite: that of cols[k]. The value
	// is NaN then, unless bad returns an error, which ends the pass.
	bad func(k int, e *ValueError) error
	// describing has bad be told only of the rows that are drawn, before add takes them. Columns that stand
	// for one thing in one file, and for another in another, are read as well.
	describing bool
	// add takes a row. The slice is reused.
	add func(row []float64)
}

// Columns returns the names of the columns: those of the header line, or
// "0", "1", ... for a file without one. The slice must not be modified.
func (r *Reader) Columns() []string { return r.names }

// Seen returns how many rows Read has read, however many it has drawn of them.
func (r *Reader) Seen() int { return r.seen }

// HasHeader reports whether the names of the columns are from the file.
func (r *Reader) HasHeader() bool { return r.head }

// Read reads the whole file once and returns one matrix for each group of
// column indices, columns in the order of the group. It can be called once.
//
// A value that cannot be used is a [ValueError], and groups without columns or
// with columns that do not exist are a [SelectError]. On cancellation the error
// wraps ctx.Err(). The context is looked at between rows: a read from a silent
// pipe is not interrupted.
func (r *Reader) Read(ctx context.Context, groups ...[]int) ([]*column.Compact, error) {
	r.opt.Memory = 0
	tables, err := r.ReadTables(ctx, groups...)
	if err != nil {
		return nil, err
	}
	all := make([]*column.Compact, len(tables))
	for i, t := range tables {
		all[i] = t.(*column.Compact)
	}
	return all, nil
}

// ReadTables is Read into memory or, where Options.Memory is not enough for all rows, into
// temporary files: then all tables are column.Stored, to be closed.
func (r *Reader) ReadTables(ctx context.Context, groups ...[]int) ([]column.Table, error) {
	if err := r.checkGroups(groups); err != nil {
		return nil, &SelectError{File: r.name, Reason: err.Error()}
	}
	m, err := r.readGroups(ctx, groups)
	if err != nil {
		return nil, inFile(r.name, err)
	}
	return m, nil
}

// each passes the columns of p of the rows that the options ask for to its add.
func (r *Reader) each(ctx context.Context, p *pass) error {
	add, bad := p.add, p.bad
	p.from, p.to = r.opt.From, r.opt.To
	if p.to == 0 {
		p.to = math.MaxInt
	}
	var drawn *reservoir
	if r.opt.Sample > 0 {
		drawn = newReservoir(r.opt.Sample, r.opt.Seed)
		p.add = func(row []float64) { drawn.add(row, nil) }
	}
	if drawn != nil && p.describing {
		var wrong []badValue // of the row
		p.bad = func(k int, e *ValueError) error {
			e.Text = strings.Clone(e.Text)
			wrong = append(wrong, badValue{k, e})
			return nil
		}
		p.add = func(row []float64) {
			drawn.add(row, wrong)
			wrong = nil
		}
	}
	if err := r.src.each(ctx, p); err != nil {
		return err
	}
	if err := r.checkUnchanged(); err != nil {
		return err
	}
	r.meter.finish()
	if drawn != nil {
		r.seen = drawn.seen
		return drawn.each(bad, add)
	}
	return nil
}

// errChanged is why what was read may be partly old and partly new.
var errChanged = errors.New("the file was changed while it was read: read it again when nobody writes to it")

// checkUnchanged returns an error if the file is not as it was when it was opened.
func (r *Reader) checkUnchanged() error {
	if r.file == nil || r.time.IsZero() {
		return nil
	}
	info, err := r.file.Stat()
	if err != nil {
		return pathCause(err)
	}
	if info.Size() != r.size || !info.ModTime().Equal(r.time) {
		return errChanged
	}
	return nil
}

// noRows is the error about a file from which no row was read.
func (r *Reader) noRows() error {
	_, stored := r.src.(*columnar)
	switch {
	case r.opt.From > 0:
		return fmt.Errorf("the file has no row %d, counted from 0: ask for others", r.opt.From)
	case stored:
		return errors.New("no data rows")
	case r.head:
		return errors.New("no data rows after the header line")
	}
	return errors.New("no data rows")
}

// checkGroups returns what is wrong with groups of column indices.
func (r *Reader) checkGroups(groups [][]int) error {
	if len(groups) == 0 {
		return errors.New("no columns to read: select at least one column")
	}
	for _, g := range groups {
		if len(g) == 0 {
			return errors.New("a group of columns is empty: select at least one column")
		}
		for _, c := range g {
			if c < 0 || c >= len(r.names) {
				return r.outOfRange(strconv.Itoa(c))
			}
		}
	}
	return nil
}

func (r *Reader) readGroups(ctx context.Context, groups [][]int) (all []column.Table, err error) {
	if r.read {
		return nil, errors.New("the file has been read or closed: open it again")
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("stopped before the first row: %w", err)
	}
	r.read = true
	r.meter.report = r.opt.Progress
	cols := slices.Concat(groups...)
	rows, err := r.src.rowHint(ctx, len(cols))
	if err != nil {
		return nil, err
	}
	b := newBuilder(groups, r.opt.most(rows), r.opt.Memory)
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	if b.memory > 0 {
		ctx, b.stop = context.WithCancel(ctx)
		defer b.stop()
	}
	bad := func(_ int, e *ValueError) error {
		if e.Missing && r.opt.Missing == MissingNaN {
			return nil
		}
		return e
	}
	books := r.codebooks(cols)
	err = r.each(ctx, &pass{cols: cols, codes: books, bad: bad, add: b.add})
	if err := cmp.Or(b.failed, err); err != nil {
		return nil, err
	}
	if b.rows == 0 {
		return nil, r.noRows()
	}
	r.seen = max(r.seen, b.rows)
	if all, err = b.tables(); err != nil {
		return nil, err
	}
	if err := r.label(groups, books, all); err != nil {
		return nil, err
	}
	return all, r.checkCounter(groups, all)
}

// Close closes the file, unless it is the standard input or a stream. It may
// be called more than once.
func (r *Reader) Close() error {
	r.read = true
	err := r.src.close()
	if r.file != nil {
		err = cmp.Or(r.file.Close(), err)
		r.file = nil
	}
	if err != nil {
		return inFile(r.name, err)
	}
	return nil
}

// indexNames returns "0", "1", ..., n names in all.
func indexNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}
