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
	"slices"
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
	lines  *lines
	file   *io.SectionReader // the file, or nil for a stream
	names  []string
	header bool
	number notation
	first  []string // a data row that was read to learn the columns
	sample []byte   // the first lines, without comments
	// trimmed is true if the first lines have more fields, all of them empty at their ends.
	trimmed bool
}

// openText reads the first line of in, which takes its bytes from g. layOut must follow.
func openText(in *bufio.Reader, g *guard, file *io.SectionReader, opt Options) (*text, sniffed, error) {
	bom := []byte("\xef\xbb\xbf")
	if head, _ := in.Peek(len(bom)); bytes.Equal(head, bom) {
		in.Discard(len(bom))
	}
	raw, _ := in.Peek(in.Buffered())
	if g.watch(raw); g.err != nil {
		return nil, sniffed{}, g.err
	}
	raw = bytes.Clone(raw)
	cut := len(raw) >= peekSize-len(bom)
	if bytes.IndexByte(raw, '\r') >= 0 && bytes.IndexByte(raw, '\n') < 0 {
		raw = bytes.ReplaceAll(raw, []byte{'\r'}, []byte{'\n'})
		in, file = bufio.NewReaderSize(lineFeeds{in}, peekSize), nil
	}
	comma, marks := opt.Comma, opt.comments()
	if given := separatorLine(raw); given != 0 && (comma == 0 || comma == given) {
		comma = given
		n := len("sep=?") // of which the end of the line stays, so that lines count as they do
		raw = raw[n:]
		in.Discard(n)
	}
	clean := &lines{r: bufio.NewReader(bytes.NewReader(raw)), marks: marks}
	sample, err := io.ReadAll(clean)
	if err != nil {
		return nil, sniffed{}, err
	}
	if comma == 0 {
		comma = detectComma(sample, cut)
	}
	if strings.ContainsRune("\"\r\n\uFFFD", comma) || !utf8.ValidRune(comma) {
		return nil, sniffed{}, fmt.Errorf("%q cannot separate fields: choose another separator", comma)
	}
	t := &text{guard: g, file: file, lines: &lines{r: in, marks: marks}}
	t.csv = newSplitter(bufio.NewReaderSize(t.lines, 64<<10), comma)
	rec, err := t.next()
	if err == io.EOF {
		return nil, sniffed{}, errors.New("empty file")
	}
	if err != nil {
		return nil, sniffed{}, err
	}
	if len(rec) > maxColumns {
		return nil, sniffed{}, fmt.Errorf("line %d: %d columns, at most %d are supported: is the separator %q right?", t.line(0), len(rec), maxColumns, comma)
	}
	for _, field := range rec {
		if !utf8.ValidString(field) {
			return nil, sniffed{}, fmt.Errorf("line %d: %s is not UTF-8 text: if this is a data file, convert it, for example with iconv", t.line(0), show(field))
		}
	}
	t.sample = whole(sample, cut)
	s := sniff(t.sample, raw, clean, comma)
	if opt.Comment == "" && !s.even(len(rec)) {
		if body := bytes.TrimLeft(sample, "\r\n"); len(body) > 0 && strings.IndexByte(";!/*'$", body[0]) >= 0 {
			return nil, sniffed{}, fmt.Errorf("line %d begins with %c: if that makes it a comment, say --comment '%c', and name the separator otherwise", t.line(0), body[0], body[0])
		}
	}
	s.first = rec
	return t, s, nil
}

// separatorLine returns the separator that the first line names for Excel, as in sep=;
// or 0.
func separatorLine(text []byte) rune {
	line, _, _ := bytes.Cut(text, []byte{'\n'})
	line = bytes.TrimRight(line, "\r")
	if len(line) != len("sep=?") || !bytes.EqualFold(line[:4], []byte("sep=")) {
		return 0
	}
	return rune(line[4])
}

// whole returns the lines of sample, which cut says may end within one.
func whole(sample []byte, cut bool) []byte {
	if end := bytes.LastIndexByte(sample, '\n'); cut && end >= 0 {
		return sample[:end+1]
	}
	return sample
}

// layOut decides what the columns are and how numbers are written, by the first record
// and what follows it.
func (t *text) layOut(s sniffed, opt Options) (err error) {
	first := s.first
	t.number = s.notation(t.csv.Comma, opt)
	if t.header = opt.Header == HeaderYes; opt.Header == HeaderAuto {
		if t.header, err = t.number.isHeader(first, s.rows); err != nil {
			return err
		}
	}
	if opt.Header != HeaderNo && !slices.ContainsFunc(first, func(f string) bool { return t.number.kind(f) == kindText }) {
		// numpy.savetxt writes the names as a comment.
		if names := t.number.namesIn(s.comment, t.csv.Comma, len(first)); names != nil {
			t.names, t.header, t.first = names, true, first
			return nil
		}
	}
	if opt.Decimal == 0 && t.csv.Comma == ',' && areSplitDecimals(append(slices.Clone(s.rows), first)) {
		return errors.New("the decimals seem to have commas, as the fields are separated by commas too: write the file with another separator, such as ;, or say --decimal . if these are whole numbers")
	}
	if t.header && opt.From == 0 && t.number.hasUnits(first, s.rows) {
		return errors.New("the line below the header has text where the others have numbers: if it holds units, or more of the names, remove it, or leave it out by '--rows 1:'")
	}
	if t.header {
		t.names, err = columnNames(first, s.rows, t.csv.Comma)
		return err
	}
	t.first = first
	t.names = indexNames(max(1, min(len(first), used(append(slices.Clone(s.rows), first)))))
	t.trimmed = len(t.names) < len(first)
	return nil
}

// next returns the next record.
func (t *text) next() ([]string, error) {
	rec, err := t.csv.Read()
	t.guard.record = 0
	if err == nil && len(rec) != len(t.names) && t.names != nil {
		return t.fit(rec)
	}
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
	return nil, fmt.Errorf(`line %d: a quote (") is not closed or stands inside a field: close it, or write "" for a quote in a quoted field`, pe.StartLine)
}

// fit returns the fields of a record that has more or less of them than there are columns,
// if those that are too many are empty.
func (t *text) fit(rec []string) ([]string, error) {
	n := len(t.names)
	if len(rec) > n && used([][]string{rec}) <= n {
		return rec[:n], nil
	}
	way := "complete the line, or choose another separator"
	switch {
	case t.trimmed && len(rec) > n:
		way = "the first lines have nothing in the last ones: add a line of names for all columns"
	case t.csv.Comma == ',' && len(rec) > n && n > 1:
		way += decimalHint
	case n == 1:
		way += preambleHint
	}
	return nil, fmt.Errorf("line %d: expected %d fields, found %d: %s", t.line(0), n, len(rec), way)
}

const (
	// decimalHint is what to think of where there are more commas than expected.
	decimalHint = "; if decimals have commas, the separator must be another one, such as ;"
	// preambleHint is what to think of where the first line does not fit the others.
	preambleHint = "; if the first lines are no data, say by --comment what they begin with, or remove them"
)

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

func (t *text) each(ctx context.Context, p *pass) error {
	row := make([]float64, len(p.cols))
	rec := t.first
	t.first = nil
	collected := t.csv.InputOffset()
	var gaps []int // lines without a value since the last row
	last := 0      // line of the last row
	i := 0         // the row
	for fields := 0; ; rec = nil {
		if rec == nil {
			var err error
			if rec, err = t.next(); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
		}
		if rec[0] == "" && len(rec) > 1 && used([][]string{rec}) == 0 {
			gaps = append(gaps, t.line(0))
			continue
		}
		if len(rec) == 1 {
			line := t.line(0)
			for n := line - last - 1 - t.lines.commentsBefore(t.csv.InputOffset()); last > 0 && n > 0; n-- {
				gaps = append(gaps, line-n)
			}
			last = line
		}
		for _, line := range gaps {
			if err := t.gap(i, line, row, p); err != nil {
				return err
			}
			i++
		}
		gaps = gaps[:0]
		if i >= p.to {
			return nil
		}
		if i >= p.from {
			if err := t.parse(rec, row, p); err != nil {
				return err
			}
			p.add(row)
		}
		i++
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

// parse stores the numbers of a record in row.
func (t *text) parse(rec []string, row []float64, p *pass) error {
	for k, c := range p.cols {
		v, bad := p.value(k, t.number, rec[c])
		if t.header && bad == nil && p.holdsCodes(k) && t.isHeader(rec) {
			bad = &ValueError{Text: strings.TrimSpace(rec[c]), Reason: show(t.names[c]) + " is not a code", Err: strconv.ErrSyntax}
		}
		if bad != nil {
			bad.Line, bad.Column = t.line(c), t.names[c]
			switch {
			case t.header && bad.Text == bad.Column:
				bad.Reason += ", but the header once more: remove the line"
			case bad.Column == rowNames:
				bad.Reason += ": leave the names of the rows out, as in '!0'"
			default:
				bad.orCodes(c)
			}
			if err := p.bad(k, bad); err != nil {
				return err
			}
			v = math.NaN()
		}
		row[k] = v
	}
	return nil
}

// isHeader reports whether a record has the names of the columns.
func (t *text) isHeader(rec []string) bool {
	for c, name := range t.names {
		if strings.TrimSpace(rec[c]) != name {
			return false
		}
	}
	return true
}

// gap passes on row i, which has no value.
func (t *text) gap(i, line int, row []float64, p *pass) error {
	if i < p.from || i >= p.to {
		return nil
	}
	for k, c := range p.cols {
		e := missingValue("")
		e.Line, e.Column = line, t.names[c]
		if err := p.bad(k, e); err != nil {
			return err
		}
		row[k] = math.NaN()
	}
	p.add(row)
	return nil
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
