package table

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// stdinName stands for the standard input in error texts.
const stdinName = "stdin"

// Open opens the data file at path and reads its head. The path "-" is the
// standard input, which Close leaves open; FILE.npz:NAME is an array of an NPZ file; a pattern such
// as part-*.csv stands for the rows of all files that match it (package filepath), in the order of
// their names, which must have the same columns, in any order. Errors wrap those of package os,
// so that errors.Is(err, fs.ErrNotExist) works.
func Open(path string, opt Options) (*Reader, error) {
	if path == "-" {
		return openFile(stdinName, os.Stdin, opt)
	}
	files, err := matchingFiles(path)
	if err != nil {
		return nil, err
	}
	if files != nil {
		return openParts(path, files, opt)
	}
	file, member := splitMember(path)
	f, err := os.Open(file)
	if err != nil {
		return nil, inFile(path, err)
	}
	opt.member = member
	r, err := openFile(file, f, opt)
	if err != nil {
		f.Close()
		return nil, err
	}
	r.file = f
	return r, nil
}

// OpenStream reads the head of a data file that arrives through in. name
// stands for the file in error texts. The caller closes in, after Read.
func OpenStream(name string, in io.Reader, opt Options) (*Reader, error) {
	return newReader(name, in, nil, opt)
}

// openFile opens f as a regular file from its current offset if it is one,
// which gives sizes and random access, and as a stream otherwise.
func openFile(name string, f *os.File, opt Options) (*Reader, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, inFile(name, err)
	}
	switch {
	case info.IsDir():
		return nil, fmt.Errorf("table: %s: is a directory: name a data file in it", name)
	case !info.Mode().IsRegular():
		return newReader(name, f, nil, opt)
	}
	pos, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, inFile(name, err)
	}
	r, err := newReader(name, f, io.NewSectionReader(f, pos, max(0, info.Size()-pos)), opt)
	if err == nil {
		r.size, r.time = info.Size(), info.ModTime()
	}
	return r, err
}

// newReader tells the format of in. section gives random access to the same
// bytes, or is nil.
func newReader(name string, in io.Reader, section *io.SectionReader, opt Options) (*Reader, error) {
	r := &Reader{name: name, meter: newMeter(in, section), opt: opt}
	if err := r.open(section); err != nil {
		return nil, inFile(name, err)
	}
	return r, nil
}

func (r *Reader) open(section *io.SectionReader) error {
	g := &guard{r: r.meter}
	in := bufio.NewReaderSize(g, peekSize)
	head, err := in.Peek(peekSize)
	if err != nil && err != io.EOF {
		return pathCause(err)
	}
	if len(head) == 0 {
		return errors.New("empty file")
	}
	content, compression, err := uncompressed(in, head)
	if err != nil {
		return err
	}
	if compression != "" {
		section = nil
		g = &guard{r: content}
		in = bufio.NewReaderSize(g, peekSize)
		if head, err = in.Peek(peekSize); err != nil && err != io.EOF {
			return pathCause(err)
		}
		if len(head) == 0 {
			return fmt.Errorf("empty file inside the %s file", compression)
		}
	}
	if bytes.HasPrefix(head, zipMagic) {
		return r.openZip(in, section, r.opt.member)
	}
	if r.opt.member != "" {
		return fmt.Errorf("is no NPZ file, so that %s cannot be an array in it", show(r.opt.member))
	}
	if bytes.HasPrefix(head, npyMagic) {
		return r.openArray(in, section)
	}
	if bytes.HasPrefix(head, parquetMagic) {
		return r.openParquet(in, section)
	}
	if bytes.HasPrefix(head, arrowMagic) || isArrowStream(head) {
		size := int64(-1)
		if section != nil {
			size = section.Size()
		}
		return r.openArrow(in, size)
	}
	if order, ok := isUTF16(head); ok {
		section = nil
		g = &guard{r: transform.NewReader(in, unicode.UTF16(order, unicode.UseBOM).NewDecoder())}
		in = bufio.NewReaderSize(g, peekSize)
		if head, err = in.Peek(peekSize); err != nil && err != io.EOF {
			return pathCause(err)
		}
	}
	if err := foreign(head); err != nil {
		return err
	}
	t, s, err := openText(in, g, section, r.opt)
	if err != nil {
		return err
	}
	if r.opt.Transpose {
		turned, err := transpose(t, s, r.opt)
		if err != nil {
			return err
		}
		r.src, r.names, r.head = turned, turned.names, turned.named
		return nil
	}
	if err := t.layOut(s, r.opt); err != nil {
		return err
	}
	r.src, r.names, r.head = t, t.names, t.header
	return nil
}

// openArray opens the NPY array in.
func (r *Reader) openArray(in *bufio.Reader, section *io.SectionReader) error {
	a, err := openNPY(in, section, r.meter, r.opt.Transpose)
	if err != nil {
		return err
	}
	r.src, r.names = a, indexNames(a.cols)
	return nil
}
