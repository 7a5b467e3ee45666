package table

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"codeberg.org/sbinet/npyio/npy"
)

var npyMagic = []byte("\x93NUMPY")

const (
	// maxNPYHeader bounds the header of an NPY file. That of a plain array
	// takes 128 bytes; version 1 of the format allows 64 KiB.
	maxNPYHeader = 64 << 10
	// npyBuffer is how many values are read at a time.
	npyBuffer = 1 << 16
)

// array is an NPY array: a matrix, or a vector, which is one column.
type array struct {
	rows, cols int
	size       int // bytes of an element
	decode     decoder
	byColumn   bool      // elements are stored column by column
	in         io.Reader // the elements
	file       *io.SectionReader
	start      int64 // of the elements in file, if file is not nil
	meter      *meter
	spool      *os.File // a copy of in that gives random access, or nil
}

// openNPY reads the header of an NPY array, whose rows become columns if transposed is
// true. file gives random access to the bytes that in begins with, or is nil.
func openNPY(in *bufio.Reader, file *io.SectionReader, m *meter, transposed bool) (*array, error) {
	head, err := readNPYHeader(in)
	if err != nil {
		return nil, err
	}
	h, err := parseNPYHeader(head)
	if err != nil {
		return nil, err
	}
	a := &array{in: in, file: file, start: int64(len(head)), meter: m}
	if a.decode, a.size, err = dtype(h.Descr.Type); err != nil {
		return nil, err
	}
	switch shape := h.Descr.Shape; len(shape) {
	case 0:
		return nil, errors.New("the array is a single number (rank 0): a vector or a matrix is needed")
	case 1:
		a.rows, a.cols = shape[0], 1
	case 2:
		a.rows, a.cols = shape[0], shape[1]
	default:
		return nil, fmt.Errorf("the array has rank %d: reshape it to rows and columns", len(shape))
	}
	if transposed {
		a.rows, a.cols = a.cols, a.rows
	}
	switch {
	case a.rows < 0 || a.cols < 0:
		return nil, fmt.Errorf("bad NPY header: negative shape (%d, %d)", a.rows, a.cols)
	case a.cols == 0:
		return nil, errors.New("the array has no columns")
	case a.rows == 0:
		return nil, errors.New("no data rows")
	case a.cols > maxColumns:
		return nil, fmt.Errorf("%d columns, at most %d are supported: say --transpose if its rows are the columns", a.cols, maxColumns)
	case a.rows > math.MaxInt64/a.cols/a.size-maxNPYHeader:
		return nil, fmt.Errorf("bad NPY header: the shape (%d, %d) is larger than any file", a.rows, a.cols)
	}
	a.byColumn = h.Descr.Fortran != transposed && a.rows > 1 && a.cols > 1
	if file != nil {
		if err := a.checkSize(file.Size() - a.start); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// readNPYHeader reads the bytes before the elements.
func readNPYHeader(in *bufio.Reader) ([]byte, error) {
	const fixed = 12 // magic, version, and the longer form of the length
	head, err := in.Peek(fixed)
	if err != nil {
		return nil, fmt.Errorf("bad NPY header: %w", noEOF(err))
	}
	size := 10 + int64(binary.LittleEndian.Uint16(head[8:]))
	switch major := head[6]; major {
	case 1:
	case 2, 3:
		size = fixed + int64(binary.LittleEndian.Uint32(head[8:]))
	default:
		return nil, fmt.Errorf("bad NPY header: unknown version %d", major)
	}
	if size > maxNPYHeader {
		return nil, fmt.Errorf("bad NPY header: %d bytes long, that of a numeric array has about 100", size)
	}
	head = make([]byte, size)
	if _, err := io.ReadFull(in, head); err != nil {
		return nil, fmt.Errorf("bad NPY header: %w", noEOF(err))
	}
	return head, nil
}

// parseNPYHeader parses what readNPYHeader returned. Package npy panics on
// some malformed headers.
func parseNPYHeader(head []byte) (h npy.Header, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("bad NPY header: not a description of an array")
		}
	}()
	head = bytes.Clone(head)
	// Version 3 differs from 2 in the encoding of field names only, and
	// package npy does not know it.
	head[6] = min(head[6], 2)
	r, err := npy.NewReader(bytes.NewReader(head))
	if err != nil {
		// Its errors repeat what it found, line ends and all.
		return h, fmt.Errorf("bad NPY header: %s", show(strings.TrimPrefix(err.Error(), "npy: ")))
	}
	return r.Header, nil
}

// noEOF returns err, or io.ErrUnexpectedEOF for io.EOF.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return pathCause(err)
}

// bytes returns the size of the elements.
func (a *array) bytes() int64 { return int64(a.rows) * int64(a.cols) * int64(a.size) }

// checkSize compares the bytes that follow the header to what it promises.
func (a *array) checkSize(have int64) error {
	switch want := a.bytes(); {
	case have < want:
		return fmt.Errorf("truncated: shape (%d, %d) takes %d bytes, found %d", a.rows, a.cols, want, have)
	case have > want:
		return a.trailing()
	}
	return nil
}

func (a *array) trailing() error {
	return fmt.Errorf("data after the array of shape (%d, %d): save one array per file", a.rows, a.cols)
}

// rowHint trusts the header of a file whose size agrees with it, and no
// other.
func (a *array) rowHint(context.Context, int) (int, error) {
	if a.file == nil {
		return 0, nil
	}
	return a.rows, nil
}

func (a *array) each(ctx context.Context, p *pass) error {
	if a.byColumn {
		return a.eachByColumn(ctx, p)
	}
	stride := a.cols * a.size
	buf := make([]byte, max(1, npyBuffer/a.cols)*stride)
	row := make([]float64, len(p.cols))
	runs := neighbours(p.cols)
	end := min(a.rows, p.to)
	for i := 0; i < end; {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("stopped at row %d: %w", i+1, err)
		}
		got, err := io.ReadFull(a.in, buf[:min(len(buf)/stride, end-i)*stride])
		for b := buf[:got]; len(b) >= stride; b = b[stride:] {
			k := 0
			for _, run := range runs {
				n := run.to - run.from
				a.decode(row[k:k+n], b[run.from*a.size:])
				k += n
			}
			if i >= p.from {
				if err := p.addNPY(i, row); err != nil {
					return err
				}
			}
			i++
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return fmt.Errorf("truncated: the header promises %d rows, the data ends in row %d", a.rows, i+1)
		}
		if err != nil {
			return fmt.Errorf("row %d: %w", i+1, pathCause(err))
		}
	}
	if end < a.rows {
		return nil
	}
	return a.checkEnd()
}

// eachByColumn is each for an array in Fortran order, of which it reads only
// the selected columns, some rows at a time.
func (a *array) eachByColumn(ctx context.Context, p *pass) error {
	elements, start := io.ReaderAt(a.meter), a.start
	if a.file == nil {
		if err := a.spoolElements(ctx); err != nil {
			return err
		}
		elements, start = a.spool, 0
	} else {
		a.meter.done = start // Open may have read ahead
	}
	width := len(p.cols)
	most := min(a.rows, max(1, blockValues/width))
	buf := make([]byte, most*a.size)
	column, block := make([]float64, most), make([]float64, most*width)
	end := min(a.rows, p.to)
	for i := min(a.rows, p.from); i < end; i += most {
		n := min(most, end-i)
		for k, c := range p.cols {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("stopped at row %d: %w", i+1, err)
			}
			b := buf[:n*a.size]
			off := start + (int64(c)*int64(a.rows)+int64(i))*int64(a.size)
			if _, err := elements.ReadAt(b, off); err != nil && err != io.EOF {
				return fmt.Errorf("row %d, column %d: %w", i+1, c, pathCause(err))
			} else if err != nil {
				return fmt.Errorf("truncated while it was read: row %d, column %d", i+1, c)
			}
			a.decode(column[:n], b)
			for j, v := range column[:n] {
				block[j*width+k] = v
			}
		}
		for j := range n {
			if err := p.addNPY(i+j, block[j*width:(j+1)*width]); err != nil {
				return err
			}
		}
	}
	return nil
}

// spoolElements copies the elements, which must be all that is left of in, to
// a temporary file.
func (a *array) spoolElements(ctx context.Context) (err error) {
	if a.spool, err = os.CreateTemp("", "mine-*.npy"); err != nil {
		return fmt.Errorf("a temporary file for an array in Fortran order: %w", err)
	}
	// Where an open file can be removed, not even a crash leaves it behind;
	// close takes care of other systems.
	os.Remove(a.spool.Name())
	const step = 4 << 20
	for have, want := int64(0), a.bytes(); have < want; {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("stopped after %d bytes: %w", have, err)
		}
		n, err := io.CopyN(a.spool, a.in, min(step, want-have))
		have += n
		if err == io.EOF {
			return a.checkSize(have)
		}
		if err != nil {
			return fmt.Errorf("copying an array in Fortran order to a temporary file: %w", err)
		}
	}
	return a.checkEnd()
}

// checkEnd returns an error unless in is at its end.
func (a *array) checkEnd() error {
	switch _, err := io.ReadFull(a.in, make([]byte, 1)); err {
	case io.EOF:
		return nil
	case nil:
		return a.trailing()
	default:
		return pathCause(err)
	}
}

func (a *array) close() error {
	if a.spool == nil {
		return nil
	}
	f := a.spool
	a.spool = nil
	return closeSpool(f)
}

// neighbours returns the runs of columns of which each is the next of the one before.
func neighbours(cols []int) []span {
	var runs []span
	for _, c := range cols {
		if last := len(runs) - 1; last >= 0 && runs[last].to == c {
			runs[last].to++
			continue
		}
		runs = append(runs, span{c, c + 1})
	}
	return runs
}

// addNPY adds the values of row i, counted from 0.
func (p *pass) addNPY(i int, row []float64) error {
	if p.codes == nil && allFinite(row) {
		p.add(row)
		return nil
	}
	for k, v := range row {
		var e *ValueError
		switch {
		case v-v == 0 && p.holdsCodes(k):
			row[k], e = p.codes[k].codeOf(v)
		case math.IsNaN(v):
			e = missingValue("NaN")
		case v-v != 0:
			e = notFinite(fmt.Sprint(v), v)
		}
		if e == nil {
			continue
		}
		e.Row, e.Column = i+1, strconv.Itoa(p.cols[k])
		if err := p.bad(k, e); err != nil {
			return err
		}
		row[k] = math.NaN()
	}
	p.add(row)
	return nil
}
