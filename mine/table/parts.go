package table

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// parts is the source of several files that hold the rows of one table, one after the other.
type parts struct {
	files []part
	names []string
	opt   Options // of each file; without rows and sample, which are of the table
	meter *meter

	begins []int // the first row of each part but the first, among those that were passed on
}

// part is a file of a table.
type part struct {
	path     string
	size     int64
	at       []int     // where the columns of the table are in it
	meanings []meaning // of its columns; nil if they are not stored by type
	time     time.Time
}

// matchingFiles returns the files whose names match the pattern that path is: in the order of
// their names, none if it is not a pattern or there is a file of that very name.
func matchingFiles(path string) ([]string, error) {
	if !strings.ContainsAny(path, "*?[") {
		return nil, nil
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	pattern, member := path, ""
	if i := strings.LastIndex(path, ".npz:"); i >= 0 {
		pattern, member = path[:i+len(".npz")], path[i+len(".npz"):]
	}
	files, err := filepath.Glob(pattern)
	if err != nil {
		return nil, inFile(path, fmt.Errorf("%w: write [*] for a star", err))
	}
	if len(files) == 0 {
		return nil, inFile(path, fmt.Errorf("no file matches the pattern: %w", fs.ErrNotExist))
	}
	for i := range files {
		files[i] += member
	}
	return files, nil
}

// Files returns the files that the arguments of a command name: those that a pattern stands
// for, and all others as they are.
func Files(paths []string) []string {
	var all []string
	for _, path := range paths {
		if files, err := matchingFiles(path); err == nil && files != nil {
			all = append(all, files...)
			continue
		}
		all = append(all, path)
	}
	return all
}

// openParts opens the files of the given names as one table.
func openParts(name string, files []string, opt Options) (*Reader, error) {
	p := &parts{opt: opt, meter: &meter{}}
	p.opt.From, p.opt.To, p.opt.Sample, p.opt.Progress = 0, 0, 0, nil
	r := &Reader{name: name, src: p, meter: p.meter, opt: opt}
	for i, file := range files {
		f, err := Open(file, p.opt)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			p.names = f.names
			r.names, r.head, r.lists = f.names, f.head, f.lists
		}
		one := part{path: file, size: f.size, time: f.time, meanings: f.meanings}
		one.at, err = p.match(f, files[0])
		p.meter.total += f.size
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		p.files = append(p.files, one)
	}
	return r, nil
}

// match returns where the columns of the table, which are those of the file first, are in f.
func (p *parts) match(f *Reader, first string) ([]int, error) {
	if slices.Equal(f.names, p.names) {
		return sequence(0, len(p.names)), nil
	}
	at := make([]int, len(p.names))
	for c, name := range p.names {
		if at[c] = slices.Index(f.names, name); at[c] < 0 {
			return nil, fmt.Errorf("table: %s: no column %s, which %s has: files of one table have the same columns", f.name, show(name), first)
		}
		if slices.Contains(at[:c], at[c]) {
			return nil, fmt.Errorf("table: %s: several columns are named %s, and not in the order of %s: rename them", f.name, show(name), first)
		}
	}
	for _, name := range f.names {
		if !slices.Contains(p.names, name) {
			return nil, fmt.Errorf("table: %s: column %s, which %s does not have: files of one table have the same columns", f.name, show(name), first)
		}
	}
	return at, nil
}

// means returns what the values of column c of the table stand for in the part.
func (one *part) means(c int) meaning {
	if one.meanings == nil {
		return ofValues
	}
	return one.meanings[one.at[c]]
}

// conflict is a column that stands for one thing in a file, and for another in a later one.
type conflict struct {
	column         int // of the table
	earlier, later string
	held, holds    meaning
}

// conflicts returns that of each of the columns that has one, read as codes where there is a book; books may be nil.
func (p *parts) conflicts(cols []int, books []*codebook) []conflict {
	var all []conflict
	for k, c := range cols {
		var book *codebook
		if books != nil {
			book = books[k]
		}
		first := &p.files[0]
		for i := range p.files {
			one := &p.files[i]
			if first.means(c) == ofNothing {
				first = one
			}
			if held, holds := first.means(c), one.means(c); !held.joins(holds, book) {
				all = append(all, conflict{c, first.path, one.path, held, holds})
				break
			}
		}
	}
	return all
}

// checkMeanings returns an error if there is a conflict.
func (p *parts) checkMeanings(whole *pass) error {
	if all := p.conflicts(whole.cols, whole.codes); len(all) > 0 {
		c := all[0]
		return fmt.Errorf("table: %s: column %s holds %s, and %s in %s: files of one table hold the same in a column: write it alike in both, or leave it out",
			c.later, show(p.names[c.column]), c.holds, c.held, c.earlier)
	}
	return nil
}

// reopen opens a part, which must be as it was.
func (p *parts) reopen(one part) (*Reader, error) {
	f, err := Open(one.path, p.opt)
	if err != nil {
		return nil, err
	}
	at, err := p.match(f, p.files[0].path)
	if err == nil && (f.size != one.size || !f.time.Equal(one.time) || !slices.Equal(at, one.at)) {
		err = inFile(one.path, errChanged)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (p *parts) rowHint(ctx context.Context, width int) (int, error) {
	total := 0
	for _, one := range p.files {
		f, err := p.reopen(one)
		if err != nil {
			return 0, fileError{err}
		}
		rows, err := f.src.rowHint(ctx, width)
		if err != nil {
			err = inFile(one.path, err)
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return 0, fileError{err}
		}
		if rows == 0 {
			return 0, nil
		}
		total += rows
	}
	return total, nil
}

func (p *parts) each(ctx context.Context, whole *pass) error {
	if !whole.describing {
		if err := p.checkMeanings(whole); err != nil {
			return fileError{err}
		}
	}
	row, before := 0, int64(0)
	p.begins = nil
	for _, one := range p.files {
		if row >= whole.to {
			return nil
		}
		if row > whole.from && !slices.Contains(p.begins, row-whole.from) {
			p.begins = append(p.begins, row-whole.from)
		}
		if err := p.eachOf(ctx, one, whole, &row, before); err != nil {
			return fileError{inFile(one.path, err)}
		}
		before += one.size
	}
	return nil
}

// eachOf passes on the rows of a part, the first of which is the given one of the table.
func (p *parts) eachOf(ctx context.Context, one part, whole *pass, row *int, before int64) error {
	f, err := p.reopen(one)
	if err != nil {
		return fileError{err}
	}
	defer f.Close()
	f.meter.report = func(done, _ int64) {
		p.meter.done = before + min(done, one.size)
		p.meter.count(0)
	}
	part := *whole
	part.cols = make([]int, len(whole.cols))
	for k, c := range whole.cols {
		part.cols[k] = one.at[c]
	}
	part.from, part.to = 0, math.MaxInt
	if whole.to < math.MaxInt {
		part.to = whole.to - *row
	}
	part.bad = func(k int, e *ValueError) error {
		if *row < whole.from {
			return nil
		}
		e.File = one.path
		return whole.bad(k, e)
	}
	part.add = func(values []float64) {
		if *row >= whole.from {
			whole.add(values)
		}
		*row++
	}
	if err := f.src.each(ctx, &part); err != nil {
		return err
	}
	return f.checkUnchanged()
}

// words is that of the first part. If it cannot be read, each says why.
func (p *parts) words(cols []int) []bool {
	first, err := p.reopen(p.files[0])
	if err != nil {
		return make([]bool, len(cols))
	}
	defer first.Close()
	at := make([]int, len(cols))
	for k, c := range cols {
		at[k] = p.files[0].at[c]
	}
	return first.src.words(at)
}

func (p *parts) close() error { return nil }
