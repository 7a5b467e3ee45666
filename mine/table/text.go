package table

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// maxRecord bounds a record of a text file, so that a stray quote does
	// not pull the rest of a large file into memory. It holds maxColumns
	// fields of 31 characters.
	maxRecord = 32 << 20
	// garbageStep is how much text is read between two collections. Package
	// csv allocates a string per record; left to itself, the collector would
	// let this garbage grow to the size of the matrices. They hold no
	// pointers, so a collection costs well under a millisecond.
	garbageStep = 64 << 20
)

// text is delimited text.
type text struct {
	csv    *csv.Reader
	guard  *guard
	file   *io.SectionReader // the file, or nil for a stream
	names  []string
	header bool
	first  []string // a data row that was read to learn the columns
}

// openText reads the first line of in, which takes its bytes from g.
func openText(in *bufio.Reader, g *guard, file *io.SectionReader, opt Options) (*text, error) {
	bom := []byte("\xef\xbb\xbf")
	if head, _ := in.Peek(len(bom)); bytes.Equal(head, bom) {
		in.Discard(len(bom))
	}
	header := opt.Header
	if head, _ := in.Peek(2); string(head) == "# " && header != HeaderNo {
		in.Discard(len(head))
		header = HeaderYes
	}
	head, _ := in.Peek(in.Buffered())
	if g.watch(head); g.err != nil {
		return nil, g.err
	}
	comma := opt.Comma
	if comma == 0 {
		comma = detectComma(head, len(head) >= peekSize-len(bom)-len("# "))
	}
	if strings.ContainsRune("\"\r\n\uFFFD", comma) || !utf8.ValidRune(comma) {
		return nil, fmt.Errorf("%q cannot separate fields: choose another separator", comma)
	}
	t := &text{guard: g, file: file}
	if comma == ' ' {
		t.csv = csv.NewReader(bufio.NewReaderSize(&squeezer{r: in, start: true}, 64<<10))
	} else {
		t.csv = csv.NewReader(in)
		t.csv.TrimLeadingSpace = comma != '\t'
	}
	t.csv.Comma = comma
	t.csv.ReuseRecord = true

	rec, err := t.next()
	if err == io.EOF {
		return nil, errors.New("empty file")
	}
	if err != nil {
		return nil, err
	}
	if len(rec) > maxColumns {
		return nil, fmt.Errorf("line %d: %d columns, at most %d are supported: is the separator %q right?", t.line(0), len(rec), maxColumns, comma)
	}
	for _, field := range rec {
		if !utf8.ValidString(field) {
			return nil, fmt.Errorf("line %d: %s is not UTF-8 text: if this is a data file, convert it, for example with iconv", t.line(0), show(field))
		}
	}
	t.header = header == HeaderYes || header == HeaderAuto && !allNumbers(rec)
	if !t.header {
		t.first = rec
		t.names = indexNames(len(rec))
		return t, nil
	}
	t.names = make([]string, len(rec))
	for i, field := range rec {
		t.names[i] = strings.Clone(strings.TrimSpace(field))
	}
	return t, nil
}

// allNumbers reports whether all fields are numbers, in range or not.
func allNumbers(rec []string) bool {
	for _, field := range rec {
		if _, err := strconv.ParseFloat(strings.TrimSpace(field), 64); err != nil && !errors.Is(err, strconv.ErrRange) {
			return false
		}
	}
	return true
}

// next returns the next record.
func (t *text) next() ([]string, error) {
	rec, err := t.csv.Read()
	t.guard.record = 0
	if err == nil || err == io.EOF && t.guard.err == nil {
		return rec, err
	}
	if t.guard.err != nil { // what csv says about the part before is beside the point
		return nil, t.guard.err
	}
	var pe *csv.ParseError
	if !errors.As(err, &pe) {
		return nil, err
	}
	if pe.Err == csv.ErrFieldCount {
		return nil, fmt.Errorf("line %d: expected %d fields, found %d: complete the line, or choose another separator", pe.StartLine, t.csv.FieldsPerRecord, len(rec))
	}
	return nil, fmt.Errorf(`line %d: a quote (") is not closed or stands inside a field: close it, or write "" for a quote in a quoted field`, pe.StartLine)
}

// line returns the line of field c of the last record.
func (t *text) line(c int) int {
	line, _ := t.csv.FieldPos(c)
	return line
}

func (t *text) rowHint(ctx context.Context, width int) (int, error) {
	if t.file == nil {
		return 0, nil
	}
	lines := int64(1) // the last one may lack its end
	buf := make([]byte, 1<<20)
	for off := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return 0, fmt.Errorf("stopped while counting lines: %w", err)
		}
		n, err := t.file.ReadAt(buf, off)
		lines += int64(bytes.Count(buf[:n], []byte{'\n'}))
		off += int64(n)
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, pathCause(err)
		}
	}
	if t.header {
		lines--
	}
	// A row takes a byte for the end of each field, and one for each number.
	// Without this bound a file of empty lines would ask for a lot of memory.
	return int(min(lines, (t.file.Size()+1)/int64(len(t.names)+width))), nil
}

func (t *text) each(ctx context.Context, p pass) error {
	row := make([]float64, len(p.cols))
	rec := t.first
	t.first = nil
	collected := t.csv.InputOffset()
	for fields := 0; ; rec = nil {
		if rec == nil {
			var err error
			if rec, err = t.next(); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
		}
		for k, c := range p.cols {
			v, bad := parseNumber(rec[c])
			if bad != nil {
				if err := p.bad(k, t.at(c, bad)); err != nil {
					return err
				}
				v = math.NaN()
			}
			row[k] = v
		}
		p.add(row)
		if fields += len(rec); fields >= checkEvery {
			fields = 0
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("stopped at line %d: %w", t.line(0), err)
			}
			if off := t.csv.InputOffset(); off-collected >= garbageStep {
				collected = off
				runtime.GC()
			}
		}
	}
}

// at completes e with the place of field c of the last record.
func (t *text) at(c int, e *ValueError) *ValueError {
	e.Line, e.Column = t.line(c), t.names[c]
	return e
}

func (t *text) close() error { return nil }

// guard passes on the bytes of a file. Once told that they are text, it stops
// at a NUL byte, and at a record of more than maxRecord bytes.
type guard struct {
	r      io.Reader
	text   bool
	lines  int   // line ends passed
	record int   // bytes passed since the last record was complete
	err    error // why no more bytes come, but for io.EOF
}

// watch begins the watch over text; head is what was passed before.
func (g *guard) watch(head []byte) {
	g.text = true
	g.check(head)
}

func (g *guard) Read(p []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	n, err := g.r.Read(p)
	if err != nil && err != io.EOF {
		g.err = pathCause(err)
	}
	if g.text {
		g.check(p[:n])
	}
	if g.err != nil {
		return 0, g.err
	}
	return n, err
}

func (g *guard) check(p []byte) {
	if i := bytes.IndexByte(p, 0); i >= 0 {
		g.err = fmt.Errorf("line %d: a NUL byte, so this is not text: give a CSV, TSV or NPY file", g.lines+bytes.Count(p[:i], []byte{'\n'})+1)
		return
	}
	g.lines += bytes.Count(p, []byte{'\n'})
	if g.record += len(p); g.record > maxRecord {
		g.err = fmt.Errorf("line %d: a line or quoted field of more than %d MiB: look for an unclosed quote before it", g.lines+1, maxRecord>>20)
	}
}
