package table

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
)

// leaf reads a column of a Parquet file.
type leaf interface {
	isList() bool
	means() meaning
	// open begins with the chunk of column i in a row group of f.
	open(f *file.Reader, group, i int) error
	// read returns the values of the next n rows of f, the first of which is the given one.
	read(n int, f field, first int) (values, error)
	// end returns an error if the chunk has more values.
	end() error
	// firstLength returns the number of values of the first list that has any, 0 if none has.
	firstLength() (int, error)
}

// chunk is a column chunk of values of a physical type.
type chunk[T any] interface {
	file.ColumnChunkReader
	ReadBatch(most int64, values []T, defined, repeated []int16) (levels int64, read int, err error)
}

// chunks is a leaf of one physical type. Levels say of each value, or of what is there in
// place of one, how much of the path to it is defined, and what it repeats: 0 begins a row.
type chunks[T any] struct {
	meaning meaning
	number  func(T) float64 // nil for texts
	text    func(T) string  // nil for numbers
	most    int16           // the level of a value that is defined
	// element is the level of an element of a list that is defined, a value or null. Below it
	// there is none: that just below is an empty list, others are null. 0 if there is no list.
	element int16

	chunk    chunk[T]
	values   []T // as they were read, without nulls
	defined  []int16
	repeated []int16
	level    int // the next of the levels, of a list
	value    int // and the next of the values
	numbers  []float64
	null     []bool
	texts    []string
}

func (l *chunks[T]) isList() bool { return l.element > 0 }

func (l *chunks[T]) means() meaning { return l.meaning }

func (l *chunks[T]) open(f *file.Reader, group, i int) error {
	g := f.RowGroup(group)
	about, err := g.MetaData().ColumnChunk(i)
	if err != nil {
		return damaged(err)
	}
	pages, err := g.GetColumnPageReader(i)
	if err != nil {
		return damaged(err)
	}
	column := f.MetaData().Schema.Column(i)
	checked := &checkedPages{PageReader: pages, column: column, left: about.NumValues()}
	//lint:ignore SA1019 RowGroup.Column makes a reader of pages that nobody has checked, which may never end.
	l.chunk = file.NewColumnReader(column, checked, memory.DefaultAllocator, f.BufferPool()).(chunk[T])
	l.values, l.defined, l.repeated, l.level, l.value = l.values[:0], l.defined[:0], l.repeated[:0], 0, 0
	return nil
}

// fetch reads the next n levels, or fewer at the end of the chunk, and their values.
func (l *chunks[T]) fetch(n int) error {
	l.values = slices.Grow(l.values[:0], n)[:n]
	l.defined, l.repeated = slices.Grow(l.defined[:0], n)[:n], slices.Grow(l.repeated[:0], n)[:n]
	levels, read, err := l.chunk.ReadBatch(int64(n), l.values, l.defined, l.repeated)
	if err == nil {
		err = l.chunk.Err()
	}
	if err != nil {
		return damaged(err)
	}
	l.values, l.defined, l.repeated, l.level, l.value = l.values[:read], l.defined[:levels], l.repeated[:levels], 0, 0
	if l.most == 0 {
		for i := range l.defined {
			l.defined[i] = 0
		}
	}
	there := 0
	for _, d := range l.defined {
		if d == l.most {
			there++
		}
	}
	if there != read {
		return damaged(fmt.Errorf("a page has %d values, but %d are defined", read, there))
	}
	return nil
}

func (l *chunks[T]) end() error {
	more := l.level < len(l.defined) && l.isList() || l.chunk.HasNext()
	if err := l.chunk.Err(); err != nil {
		return damaged(err)
	}
	if more {
		return damaged(errors.New("it has more rows than its row group"))
	}
	return nil
}

func (l *chunks[T]) read(n int, f field, first int) (values, error) {
	if l.isList() {
		return l.readLists(n, f, first)
	}
	if err := l.fetch(n); err != nil {
		return values{}, fmt.Errorf("column %s: %w", show(f.name), err)
	}
	if len(l.defined) < n {
		return values{}, fmt.Errorf("column %s: %w", show(f.name), damaged(fmt.Errorf("it ends in row %d", first+len(l.defined)+1)))
	}
	if all, ok := any(l.values).([]float64); ok && len(all) == n {
		return values{numbers: all}, nil // as most columns are
	}
	l.reset(n)
	j := 0
	for i, d := range l.defined {
		if d < l.most {
			l.numbers[i], l.null[i] = math.NaN(), true
			continue
		}
		l.set(i, l.values[j])
		j++
	}
	return l.result(), nil
}

// reset makes room for n values.
func (l *chunks[T]) reset(n int) {
	l.numbers, l.null = slices.Grow(l.numbers[:0], n)[:n], slices.Grow(l.null[:0], n)[:n]
	clear(l.null)
	if l.text != nil {
		l.texts = slices.Grow(l.texts[:0], n)[:n]
	}
}

// set stores v as value i.
func (l *chunks[T]) set(i int, v T) {
	if l.text != nil {
		l.texts[i], l.numbers[i] = l.text(v), math.NaN()
		return
	}
	l.numbers[i] = l.number(v)
}

func (l *chunks[T]) result() values {
	v := values{numbers: l.numbers, null: l.null}
	if l.text != nil {
		v.texts = l.texts
	}
	return v
}

// nextLevel returns how much is defined of the next element of a list, or of what is there in
// place of one, and whether it begins a row; io.EOF at the end of the chunk.
func (l *chunks[T]) nextLevel() (defined int16, begins bool, err error) {
	if l.level == len(l.defined) {
		const some = 1 << 12
		if err := l.fetch(some); err != nil {
			return 0, false, err
		}
		if len(l.defined) == 0 {
			return 0, false, io.EOF
		}
	}
	return l.defined[l.level], l.repeated[l.level] == 0, nil
}

// pass goes on to the next level.
func (l *chunks[T]) pass() {
	if l.defined[l.level] == l.most {
		l.value++
	}
	l.level++
}

func (l *chunks[T]) readLists(n int, f field, first int) (values, error) {
	l.reset(n * f.width)
	v := l.result()
	row, count := -1, 0
	for {
		defined, begins, err := l.nextLevel()
		if err != nil && err != io.EOF {
			return values{}, fmt.Errorf("column %s: %w", show(f.name), err)
		}
		if err == io.EOF || begins {
			if row >= 0 && count != f.width {
				v.setUnequal(row, f.width, count)
			}
			if row++; row == n {
				return v, nil
			}
			count = 0
		}
		if err == io.EOF || row < 0 {
			return values{}, fmt.Errorf("column %s: %w", show(f.name), damaged(fmt.Errorf("it ends in row %d", first+row+1)))
		}
		switch {
		case defined >= l.element && count < f.width:
			at := row*f.width + count
			if defined == l.most {
				l.set(at, l.values[l.value])
			} else {
				l.numbers[at], l.null[at] = math.NaN(), true
			}
			count++
		case defined >= l.element:
			count++ // one too many
		case defined < l.element-1: // no list
			for ; count < f.width; count++ {
				l.numbers[row*f.width+count], l.null[row*f.width+count] = math.NaN(), true
			}
		}
		l.pass()
	}
}

func (l *chunks[T]) firstLength() (int, error) {
	for count := 0; ; {
		defined, begins, err := l.nextLevel()
		if err == io.EOF || begins && count > 0 {
			return count, nil
		}
		if err != nil {
			return 0, err
		}
		if defined >= l.element {
			count++
		}
		if count > maxColumns {
			return count, nil
		}
		l.pass()
	}
}

// unread is a column of a type that is not read.
type unread string

func (u unread) isList() bool                      { return false }
func (u unread) means() meaning                    { return ofNothing }
func (u unread) open(*file.Reader, int, int) error { return nil }
func (u unread) end() error                        { return nil }
func (u unread) firstLength() (int, error)         { return 0, nil }

func (u unread) read(n int, _ field, _ int) (values, error) {
	numbers := make([]float64, n)
	for i := range numbers {
		numbers[i] = math.NaN()
	}
	return values{numbers: numbers, typ: string(u)}, nil
}
