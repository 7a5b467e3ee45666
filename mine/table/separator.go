package table

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"io"
)

// squeezer rewrites white-space separated text for package csv: outside of
// quotes, a run of spaces and tabs becomes one space, or nothing at either
// end of a line.
type squeezer struct {
	r      *bufio.Reader
	start  bool // nothing of the line was passed on yet
	space  bool // a space is due before the next field
	quoted bool
}

func newSqueezer(r io.Reader) *squeezer {
	return &squeezer{r: bufio.NewReaderSize(r, 64<<10), start: true}
}

func (s *squeezer) Read(p []byte) (int, error) {
	n := 0
	for n == 0 {
		if _, err := s.r.Peek(1); err != nil {
			return 0, err
		}
		in, _ := s.r.Peek(s.r.Buffered())
		used := 0
		for used < len(in) && n < len(p) {
			c := in[used]
			switch {
			case s.quoted:
				s.quoted = c != '"'
			case c == ' ' || c == '\t':
				s.space = !s.start
				used++
				continue
			case c == '\n' || c == '\r':
				s.start, s.space = true, false
			case s.space:
				p[n] = ' '
				n++
				s.space = false
				continue // c is next, if p has room for it
			default:
				s.start, s.quoted = false, c == '"'
			}
			p[n] = c
			n++
			used++
		}
		s.r.Discard(used)
	}
	return n, nil
}

// detectComma returns the separator of the lines in sample, which cut says is
// not the whole file: the first candidate that splits all of them into the
// same number of fields, more than one. The comma comes after the others,
// which do not occur within numbers and seldom within names, and white space
// last. Lines that do not agree are the parser's to complain about: then it
// is the candidate that is most frequent in the first line.
func detectComma(sample []byte, cut bool) rune {
	const candidates = "\t;|,"
	sample = whole(sample, cut)
	for _, comma := range candidates {
		if splitsEvenly(sample, comma) && !(comma == ',' && commasAreDecimal(sample)) {
			return comma
		}
	}
	even, lines, fields := true, 0, 0 // fields of the last line
	for line := range bytes.Lines(sample) {
		n := len(bytes.Fields(line))
		if n == 0 {
			continue
		}
		if lines++; lines > 1 && n != fields {
			even = false
		}
		if fields = n; lines == detectLines {
			break
		}
	}
	if even && fields > 1 {
		return ' '
	}
	first, _, _ := bytes.Cut(bytes.TrimLeft(sample, "\r\n"), []byte{'\n'})
	best, most := ',', 0
	for _, comma := range candidates {
		if n := bytes.Count(first, []byte(string(comma))); n > most {
			best, most = comma, n
		}
	}
	if most == 0 && fields > 1 {
		return ' '
	}
	return best
}

// commasAreDecimal reports whether white space splits all lines but the first into as
// many numbers, some of which have a comma: 1,5 2,5 is two numbers, and not three fields.
func commasAreDecimal(sample []byte) bool {
	lines, fields, some := 0, 0, false
	for line := range bytes.Lines(sample) {
		words := bytes.Fields(line)
		if len(words) == 0 {
			continue
		}
		if lines++; lines > detectLines {
			break
		}
		if lines > 1 && len(words) != fields {
			return false
		}
		fields = len(words)
		for _, w := range words {
			number := notation(',').isNumber(string(w))
			if !number && lines > 1 {
				return false
			}
			some = some || number && bytes.IndexByte(w, ',') >= 0
		}
	}
	return some && fields > 1
}

// detectLines is the number of lines a separator must split evenly.
const detectLines = 20

func splitsEvenly(sample []byte, comma rune) bool {
	r := csv.NewReader(bytes.NewReader(sample))
	r.Comma = comma
	r.TrimLeadingSpace = comma != '\t'
	r.ReuseRecord = true
	for range detectLines {
		if _, err := r.Read(); err == io.EOF {
			break
		} else if err != nil {
			return false
		}
	}
	return r.FieldsPerRecord > 1
}
