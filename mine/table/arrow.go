package table

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	arrowarray "github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

var (
	// arrowMagic begins and ends a file of Arrow, which is Feather 2. Between are a stream and
	// a directory of it.
	arrowMagic = []byte("ARROW1")
	// arrowContinues begins each message of a stream; the length of what describes it follows.
	arrowContinues = []byte("\xff\xff\xff\xff")
)

// isArrowStream reports whether head begins a stream of Arrow: a message with a schema.
func isArrowStream(head []byte) bool {
	const longest = 1 << 28 // bytes that describe it
	return len(head) >= 8 && bytes.HasPrefix(head, arrowContinues) && binary.LittleEndian.Uint32(head[4:])%8 == 0 && binary.LittleEndian.Uint32(head[4:]) < longest
}

const (
	// maxArrowBody bounds the bytes of a batch of rows of a stream, and of a buffer of them.
	maxArrowBody = 4 << 30
	// growth and leastBody bound them by the size of a file: what is compressed more is damaged.
	growth    = 256
	leastBody = 64 << 20
	// maxAhead bounds the bytes of the batches that are read ahead of a list that is not null.
	maxAhead = 64 << 20
)

// arrowStream is the store of an Arrow stream or file, or of what a program has as Arrow, which are
// read in order.
type arrowStream struct {
	in         *untilEnd // nil for what a program has
	isFile     bool
	batches    arrowarray.RecordReader
	batch      arrow.RecordBatch // the present one, or nil
	over       bool              // whether the data have ended, as they must
	at         int               // rows of it that were read
	meter      *meter            // of the values that are read of what a program has
	paths      [][]int           // of the fields, through structs
	fields     []field
	unmeasured []int               // fields of lists of which none with values has come
	ahead      []arrow.RecordBatch // batches that were read for that, and come next
	using      []int
	columns    []arrowColumn // those that are used, of the present batch; nil before its first row
}

// untilEnd notes that its reader has come to its end, or what is wrong with it.
type untilEnd struct {
	in    io.Reader
	ended bool
	err   error
}

func (u *untilEnd) Read(p []byte) (int, error) {
	n, err := u.in.Read(p)
	u.ended = u.ended || err == io.EOF
	if err != nil && err != io.EOF {
		u.err = pathCause(err)
	}
	return n, err
}

// openArrow opens an Arrow stream or file of so many bytes, or -1.
func (r *Reader) openArrow(in *bufio.Reader, size int64) error {
	s := &arrowStream{}
	if head, _ := in.Peek(len(arrowMagic)); bytes.Equal(head, arrowMagic) {
		const padded = 8
		if _, err := in.Discard(padded); err != nil {
			return damaged(noEOF(err))
		}
		s.isFile = true
	}
	stream, err := readSchema(in)
	if err != nil {
		return err
	}
	s.in = &untilEnd{in: stream}
	limit := int64(maxArrowBody)
	if size >= 0 {
		limit = min(size, limit/growth)*growth + leastBody
	}
	var c *columnar
	if err := guarded(func() (err error) { c, err = s.open(limit); return err }); err != nil {
		return err
	}
	return r.openColumnar(c)
}

// bounded is an allocator that does not trust the sizes of damaged data.
type bounded struct {
	memory.Allocator
	limit int64
}

func (b bounded) Allocate(size int) []byte {
	b.check(size)
	return b.Allocator.Allocate(size)
}

func (b bounded) Reallocate(size int, old []byte) []byte {
	b.check(size)
	return b.Allocator.Reallocate(size, old)
}

func (b bounded) check(size int) {
	if int64(size) > b.limit {
		panic(fmt.Sprintf("a buffer of %d bytes, at most %d can be right or are supported: write smaller batches", size, b.limit))
	}
}

// open reads the schema and the first batch, and describes the columns.
func (s *arrowStream) open(limit int64) (_ *columnar, err error) {
	alloc := bounded{memory.DefaultAllocator, limit}
	if s.batches, err = ipc.NewReader(s.in, ipc.WithAllocator(alloc)); err != nil {
		return nil, s.failed(err)
	}
	return s.columnar()
}

// columnar reads batches until it can tell the columns, and describes the columns.
func (s *arrowStream) columnar() (*columnar, error) {
	for i, f := range s.batches.Schema().Fields() {
		s.describe(f.Name, f.Type, []int{i})
	}
	if err := s.measure(); err != nil {
		return nil, err
	}
	for _, i := range s.unmeasured {
		s.fields[i].setBare()
	}
	return newColumnar(s.fields, s)
}

// describe adds the field of a type, or those of a struct.
func (s *arrowStream) describe(name string, typ arrow.DataType, path []int) {
	if group, ok := storage(typ).(*arrow.StructType); ok {
		for i, f := range group.Fields() {
			s.describe(name+"."+f.Name, f.Type, append(path[:len(path):len(path)], i))
		}
		return
	}
	f := field{name: name, width: 1, list: isArrowList(storage(typ)), means: arrowMeaning(typ)}
	if fixed, ok := storage(typ).(*arrow.FixedSizeListType); ok {
		f.width = int(fixed.Len())
	} else if f.list {
		f.width, s.unmeasured = 0, append(s.unmeasured, len(s.fields))
	}
	s.fields, s.paths = append(s.fields, f), append(s.paths, path)
}

// storage returns the type in which the values of a type are stored.
func storage(typ arrow.DataType) arrow.DataType {
	if e, ok := typ.(arrow.ExtensionType); ok {
		return storage(e.StorageType())
	}
	return typ
}

// isArrowList reports whether values of typ are lists that are read.
func isArrowList(typ arrow.DataType) bool {
	switch typ.(type) {
	case *arrow.ListType, *arrow.LargeListType, *arrow.FixedSizeListType:
		return true
	}
	return false
}

// firstLength returns the number of values of the first list that has any, 0 if none has.
func firstLength(a arrow.Array) int {
	if l, ok := a.(arrowarray.ListLike); ok {
		for i := range l.Len() {
			if from, to := l.ValueOffsets(i); l.IsValid(i) && to > from {
				return int(min(to-from, maxColumns+1))
			}
		}
	}
	return 0
}

// failed is the error for what package ipc, or the program, says of the stream.
func (s *arrowStream) failed(err error) error {
	switch {
	case s.in == nil:
		return err
	case s.in.err != nil:
		return s.in.err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("truncated: the data end within a batch of rows")
	}
	return damaged(err)
}

// measure reads batches, the first in any case, until all lists have shown how many values they have.
func (s *arrowStream) measure() error {
	for size := int64(0); size <= maxAhead; {
		batch, err := s.fetch()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		s.unmeasured = slices.DeleteFunc(s.unmeasured, func(i int) bool {
			s.fields[i].width = firstLength(columnAt(batch, s.paths[i]).values)
			return s.fields[i].width > 0
		})
		if len(s.unmeasured) > 0 {
			if batch, err = s.keep(batch); err != nil {
				return err
			}
		}
		s.ahead = append(s.ahead, batch)
		if len(s.unmeasured) == 0 {
			return nil
		}
		for _, c := range batch.Columns() {
			size += int64(c.Data().SizeInBytes())
		}
	}
	return nil
}

// keep returns the batch as it can be read when the next one has come.
func (s *arrowStream) keep(batch arrow.RecordBatch) (arrow.RecordBatch, error) {
	if s.in != nil {
		batch.Retain()
		return batch, nil
	}
	var copied bytes.Buffer // that of a program may be overwritten
	w := ipc.NewWriter(&copied, ipc.WithSchema(batch.Schema()))
	if err := errors.Join(w.Write(batch), w.Close()); err != nil {
		return nil, err
	}
	r, err := ipc.NewReader(&copied)
	if err != nil {
		return nil, err
	}
	if !r.Next() {
		return nil, r.Err()
	}
	return r.RecordBatch(), nil
}

// fetch reads the next batch that has rows, or io.EOF.
func (s *arrowStream) fetch() (arrow.RecordBatch, error) {
	if s.over {
		return nil, io.EOF
	}
	for s.batches.Next() {
		if batch := s.batches.RecordBatch(); batch.NumRows() > 0 {
			return batch, nil
		}
	}
	if err := s.batches.Err(); err != nil {
		return nil, s.failed(err)
	}
	return nil, s.checkEnd()
}

// advance goes on to the next batch that has rows, or io.EOF.
func (s *arrowStream) advance() (err error) {
	s.batch, s.at, s.columns = nil, 0, nil
	if len(s.ahead) > 0 {
		s.batch, s.ahead[0] = s.ahead[0], nil
		s.ahead = s.ahead[1:]
		return nil
	}
	s.batch, err = s.fetch()
	return err
}

// checkEnd returns io.EOF if the data end as they must.
func (s *arrowStream) checkEnd() error {
	switch {
	case s.in == nil:
		s.over = true
		return io.EOF
	case s.in.err != nil:
		return s.in.err
	case s.in.ended:
		return errors.New("truncated: the mark of the end is not there")
	}
	var tail []byte
	buf := make([]byte, 4<<10)
	for {
		n, err := s.in.Read(buf)
		tail = append(tail, buf[:n]...)
		tail = tail[max(0, len(tail)-len(arrowMagic)):]
		if err == io.EOF {
			break
		}
		if err != nil {
			return pathCause(err)
		}
	}
	switch {
	case s.isFile && !bytes.Equal(tail, arrowMagic):
		return errors.New("truncated: the file does not end as an Arrow file does")
	case !s.isFile && len(tail) > 0:
		return errors.New("data after the end of the Arrow stream: send one stream alone")
	}
	s.over = true
	return io.EOF
}

func (s *arrowStream) rows() (int, error) { return 0, nil }

func (s *arrowStream) begin(fields []int, _ int) (int, error) {
	s.using = fields
	return 0, nil
}

func (s *arrowStream) next(most int) (int, []values, error) {
	if s.batch == nil || s.at == int(s.batch.NumRows()) {
		if err := s.advance(); err != nil {
			return 0, nil, err
		}
	}
	if s.columns == nil {
		for _, i := range s.using {
			s.columns = append(s.columns, columnAt(s.batch, s.paths[i]))
		}
	}
	n := min(most, int(s.batch.NumRows())-s.at)
	all := make([]values, len(s.using))
	for k, i := range s.using {
		all[k] = s.columns[k].read(s.at, s.at+n, s.fields[i])
		if s.meter != nil {
			s.meter.count(8 * len(all[k].numbers))
		}
	}
	s.at += n
	return n, all, nil
}

func (s *arrowStream) close() error {
	if s.in == nil && s.batches != nil {
		s.batches.Release()
		s.batch, s.batches, s.columns = nil, nil, nil
	}
	return nil
}
