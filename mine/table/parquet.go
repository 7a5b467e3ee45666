package table

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

var parquetMagic = []byte("PAR1")

// parquetFile is the store of a Parquet file. Of its row groups, it reads the chunks of the
// columns that are used.
type parquetFile struct {
	file   *file.Reader
	meter  *meter
	spool  *os.File // a copy that gives random access, or nil
	total  int      // rows, or 0 if they are too many to be believed
	leaves []leaf   // of the fields
	fields []field

	using []int // fields
	group int   // the next row group
	first int   // the first row of the next row group
	at    int   // rows of the current one that were read
	size  int   // rows of the current one
}

// openParquet opens a Parquet file. section gives random access to what in begins with, or is nil.
func (r *Reader) openParquet(in *bufio.Reader, section *io.SectionReader) (err error) {
	f := &parquetFile{meter: r.meter}
	at, size := io.ReaderAt(r.meter), int64(0)
	if section != nil {
		size = section.Size()
	} else {
		if f.spool, err = spoolAll(in, "a Parquet file"); err != nil {
			return err
		}
		info, err := f.spool.Stat()
		if err != nil {
			return errors.Join(err, f.close())
		}
		at, size = f.spool, info.Size()
	}
	var c *columnar
	err = guarded(func() (err error) {
		c, err = f.open(io.NewSectionReader(at, 0, size))
		return err
	})
	if err == nil {
		err = r.openColumnar(c)
	}
	if err != nil {
		return errors.Join(err, f.close())
	}
	return nil
}

// spoolAll copies in to a temporary file.
func spoolAll(in io.Reader, what string) (*os.File, error) {
	spool, err := os.CreateTemp("", "mine-*")
	if err != nil {
		return nil, fmt.Errorf("a temporary file for %s: %w", what, err)
	}
	// Where an open file can be removed, not even a crash leaves it behind; closeSpool takes
	// care of other systems.
	os.Remove(spool.Name())
	source := &untilEnd{in: in}
	if _, err := io.Copy(spool, source); source.err != nil {
		return nil, errors.Join(source.err, closeSpool(spool))
	} else if err != nil {
		return nil, errors.Join(fmt.Errorf("copying %s to a temporary file: %w", what, err), closeSpool(spool))
	}
	return spool, nil
}

// closeSpool closes a temporary file, and removes it where an open one could not be.
func closeSpool(f *os.File) error {
	err := f.Close()
	if rm := os.Remove(f.Name()); err == nil && !errors.Is(rm, fs.ErrNotExist) {
		err = rm
	}
	return err
}

// open reads the footer.
func (f *parquetFile) open(in *io.SectionReader) (*columnar, error) {
	tail := make([]byte, len(parquetMagic))
	if _, err := in.ReadAt(tail, max(0, in.Size()-int64(len(tail)))); err != nil && err != io.EOF {
		return nil, pathCause(err)
	}
	if !bytes.Equal(tail, parquetMagic) {
		return nil, errors.New("truncated: the file does not end as a Parquet file does")
	}
	// The chunk of a column is read at once. Page by page, package file takes what is left in
	// its buffer for more data where a damaged chunk ends.
	var err error
	if f.file, err = file.NewParquetReader(in, file.WithReadProps(parquet.NewReaderProperties(nil))); err != nil {
		return nil, damaged(err)
	}
	if f.total, err = f.countRows(); err != nil {
		return nil, err
	}
	s := f.file.MetaData().Schema
	origin := arrowLeaves(f.file.MetaData().KeyValueMetadata())
	if len(origin) != s.NumColumns() { // it is of another file
		origin = make([]arrowLeaf, s.NumColumns())
	}
	for i := range s.NumColumns() {
		c := s.Column(i)
		duration := int64(0)
		if d, ok := origin[i].typ.(*arrow.DurationType); ok && origin[i].name == columnName(c) {
			duration = unitsPerSecond(d.Unit)
		}
		l := newLeaf(c, duration)
		about := field{name: columnName(c), width: 1, list: l.isList(), means: l.means()}
		if about.list {
			if about.width, err = f.listWidth(i, l); err != nil {
				return nil, err
			}
			about.setBare()
		}
		f.leaves = append(f.leaves, l)
		f.fields = append(f.fields, about)
	}
	return newColumnar(f.fields, f)
}

// columnName returns the name of a column, with a point between those of a group and its
// field. A list is a group of a repeated group of elements, of which the name is the first.
func columnName(c *schema.Column) string {
	var parts []string
	for n := c.SchemaNode(); n.Parent() != nil; n = n.Parent() {
		above, _ := n.Parent().(*schema.GroupNode)
		isElements := isRepeated(n) && isList(above)
		isElement := isRepeated(above) && above.Parent() != nil && isList(above.Parent()) && above.NumFields() == 1
		if !isElements && !isElement {
			parts = append(parts, n.Name())
		}
	}
	slices.Reverse(parts)
	return strings.Join(parts, ".")
}

func isRepeated(n schema.Node) bool { return n.RepetitionType() == parquet.Repetitions.Repeated }

func isList(n schema.Node) bool {
	_, ok := n.LogicalType().(schema.ListLogicalType)
	return ok
}

// nestedType returns the type that a column is part of, if that is not read, and "" otherwise.
func nestedType(c *schema.Column) string {
	for n := c.SchemaNode(); n.Parent() != nil; n = n.Parent() {
		if _, ok := n.LogicalType().(schema.MapLogicalType); ok {
			return "map"
		}
	}
	if c.MaxRepetitionLevel() > 1 {
		return "list of lists"
	}
	return ""
}

func (f *parquetFile) rows() (int, error) { return f.total, nil }

// countRows returns how many rows there are by the row groups, which the chunks of flat columns and
// the whole must agree with: a damaged number would ask for any amount of memory.
func (f *parquetFile) countRows() (int, error) {
	total := int64(0)
	m := f.file.MetaData()
	for i := range f.file.NumRowGroups() {
		g := f.file.RowGroup(i)
		rows := g.NumRows()
		if rows < 0 || total+rows < total {
			return 0, damaged(fmt.Errorf("row group %d has %d rows", i, rows))
		}
		total += rows
		for j := range g.NumColumns() {
			chunk, err := g.MetaData().ColumnChunk(j)
			if err != nil {
				return 0, damaged(err)
			}
			if !within(chunk, m.GetSourceFileSize()) {
				return 0, damaged(fmt.Errorf("column %d of row group %d lies outside of the file", j, i))
			}
			if n := chunk.NumValues(); m.Schema.Column(j).MaxRepetitionLevel() == 0 && n != rows || n < 0 {
				return 0, damaged(fmt.Errorf("row group %d has %d rows, and column %d of it %d", i, rows, j, n))
			}
		}
	}
	if n := f.file.NumRows(); n != total {
		return 0, damaged(fmt.Errorf("%d rows in all, and %d in the row groups", n, total))
	}
	// One bit a row is what an encoding takes that is not of runs.
	const most = 1 << 10 // rows a byte
	if total/most > m.GetSourceFileSize() {
		return 0, nil
	}
	return int(total), nil
}

// within reports whether a column chunk lies in a file of so many bytes.
func within(c *metadata.ColumnChunkMetaData, size int64) bool {
	start, n := c.DataPageOffset(), c.TotalCompressedSize()
	if c.HasDictionaryPage() && c.DictionaryPageOffset() > 0 {
		start = min(start, c.DictionaryPageOffset())
	}
	return start >= 0 && n >= 0 && start <= size && n <= size-start
}

// listWidth returns how many values the first list of column i has: in the first row group
// with a list, and 0 if there is none.
func (f *parquetFile) listWidth(i int, l leaf) (int, error) {
	for g := range f.file.NumRowGroups() {
		if err := l.open(f.file, g, i); err != nil {
			return 0, err
		}
		if n, err := l.firstLength(); err != nil || n > 0 {
			return n, err
		}
	}
	return 0, nil
}

func (f *parquetFile) begin(fields []int, from int) (int, error) {
	f.using = fields
	f.meter.done, f.meter.total = 0, 0
	for f.group < f.file.NumRowGroups() {
		rows := int(f.file.RowGroup(f.group).NumRows())
		if f.first+rows > from {
			break
		}
		f.first += rows
		f.group++
	}
	for g := f.group; g < f.file.NumRowGroups(); g++ {
		for _, i := range fields {
			chunk, err := f.file.RowGroup(g).MetaData().ColumnChunk(i)
			if err != nil {
				return 0, damaged(err)
			}
			f.meter.total += chunk.TotalCompressedSize()
		}
	}
	return f.first, nil
}

func (f *parquetFile) next(most int) (int, []values, error) {
	for f.at == f.size {
		if err := f.endGroup(); err != nil {
			return 0, nil, err
		}
		if f.group == f.file.NumRowGroups() {
			return 0, nil, io.EOF
		}
		for _, i := range f.using {
			if err := f.leaves[i].open(f.file, f.group, i); err != nil {
				return 0, nil, err
			}
		}
		f.at, f.size = 0, int(f.file.RowGroup(f.group).NumRows())
		f.first += f.size
		f.group++
	}
	n := min(most, f.size-f.at)
	all := make([]values, len(f.using))
	for k, i := range f.using {
		v, err := f.leaves[i].read(n, f.fields[i], f.first-f.size+f.at)
		if err != nil {
			return 0, nil, err
		}
		all[k] = v
	}
	f.at += n
	return n, all, nil
}

// endGroup returns an error if a column has more rows than its row group.
func (f *parquetFile) endGroup() error {
	if f.size == 0 {
		return nil
	}
	for _, i := range f.using {
		if err := f.leaves[i].end(); err != nil {
			return fmt.Errorf("column %s: %w", show(f.fields[i].name), err)
		}
	}
	return nil
}

func (f *parquetFile) close() error {
	if f.spool == nil {
		return nil
	}
	spool := f.spool
	f.spool = nil
	return closeSpool(spool)
}
