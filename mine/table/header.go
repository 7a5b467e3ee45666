package table

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// sniffed is what the first lines of a text show of it.
type sniffed struct {
	first   []string   // the first record
	rows    [][]string // records after the first
	comment string     // the comment right before the first, without its mark
}

// sniff splits the lines of sample by comma. from has taken the comments out of raw.
func sniff(sample, raw []byte, from *lines, comma rune) sniffed {
	r := newSplitter(bytes.NewReader(sample), comma)
	var s sniffed
	for i := range detectLines {
		rec, err := r.Read()
		if err != nil {
			break
		}
		if i > 0 {
			s.rows = append(s.rows, slices.Clone(rec))
			continue
		}
		end := r.InputOffset()
		for k, c := range from.comments {
			if c < end && (k == len(from.comments)-1 || from.comments[k+1] >= end) {
				text := bytes.Split(raw, []byte{'\n'})[bytes.Count(sample[:c], []byte{'\n'})]
				s.comment = strings.TrimSpace(strings.TrimLeft(string(text), from.marks))
			}
		}
	}
	return s
}

// notation returns how the records write numbers.
func (s sniffed) notation(comma rune, opt Options) notation {
	if opt.Decimal != 0 || comma == ',' {
		return notation(opt.Decimal)
	}
	return detectNotation(slices.Concat(append(slices.Clone(s.rows), s.first)...))
}

// even reports whether all records have so many fields.
func (s sniffed) even(fields int) bool {
	return !slices.ContainsFunc(s.rows, func(row []string) bool { return len(row) != fields })
}

// newSplitter splits the lines of r by comma, without regard to how many fields they have.
func newSplitter(r io.Reader, comma rune) *csv.Reader {
	if comma == ' ' {
		r = newSqueezer(r)
	}
	c := csv.NewReader(r)
	c.Comma = comma
	c.TrimLeadingSpace = comma != '\t' && comma != ' '
	c.ReuseRecord = true
	c.FieldsPerRecord = -1
	return c
}

// errHeader is why nobody but the user can say what the first line is.
var errHeader = errors.New("line 1 may be names or data: say which by --header yes or --header no")

// isHeader reports whether the first record names the columns: whether a field of it is
// no number and does not mark a missing value. Then it is an error if the records after
// it have text and numbers in the same columns, or have no whole numbers where it has
// nothing else; but whole numbers from 0 on are names, as pandas writes them.
func (n notation) isHeader(first []string, rows [][]string) (bool, error) {
	numbers, texts := 0, 0
	for _, field := range first {
		switch n.kind(field) {
		case kindNumber:
			numbers++
		case kindText:
			texts++
		}
	}
	switch {
	case texts > 0 && numbers > 0 && n.sameKinds(first, rows), texts+numbers == 0,
		texts > 0 && numbers == 0 && n.recurs(first, rows):
		return false, errHeader
	case texts > 0:
		return true, nil
	case strings.TrimSpace(first[0]) == "":
		return countsFromZero(first[1:]), nil
	}
	// Whole numbers above others: as pandas writes names that nobody gave, or years.
	if countsFromZero(first) && len(first) > 1 {
		return slices.ContainsFunc(rows, func(row []string) bool { return !slices.ContainsFunc(row, isInteger) }), nil
	}
	if areDifferentIntegers(first) && len(rows) > 0 && !slices.ContainsFunc(rows, func(row []string) bool { return slices.ContainsFunc(row, isInteger) }) {
		return false, errHeader
	}
	return false, nil
}

// recurs reports whether a field of a first line of text is there again below, in a column
// without numbers: then it may be a code, and the line data.
func (n notation) recurs(first []string, rows [][]string) bool {
	for i, field := range first {
		again, numbers := false, false
		for _, row := range rows {
			if i < len(row) {
				again = again || n.kind(field) == kindText && strings.TrimSpace(row[i]) == strings.TrimSpace(field)
				numbers = numbers || n.kind(row[i]) == kindNumber
			}
		}
		if again && !numbers {
			return true
		}
	}
	return false
}

// hasUnits reports whether the first of rows has text, and no number, where all others
// have numbers: it is a second line of the header.
func (n notation) hasUnits(header []string, rows [][]string) bool {
	if len(rows) < 2 || len(rows[0]) != len(header) || slices.ContainsFunc(rows[0], func(f string) bool { return n.kind(f) == kindNumber }) {
		return false
	}
	for i, field := range rows[0] {
		if n.kind(field) == kindText && !slices.ContainsFunc(rows[1:], func(row []string) bool {
			return i >= len(row) || n.kind(row[i]) != kindNumber
		}) {
			return true
		}
	}
	return false
}

// areSplitDecimals reports whether records of whole numbers look like numbers with
// decimal commas that were split at these: -0,25,1,05 has a zero with a sign, and one
// before other digits.
func areSplitDecimals(rows [][]string) bool {
	signs := false
	for _, row := range rows {
		for i, field := range row {
			field = strings.TrimSpace(field)
			if !isInteger(field) || len(row)%2 == 1 || i%2 == 1 && field[0] == '-' {
				return false
			}
			signs = signs || field == "-0" || i%2 == 1 && len(field) > 1 && field[0] == '0'
		}
	}
	return signs
}

const (
	kindNumber = iota
	kindMissing
	kindText
)

func (n notation) kind(field string) int {
	switch {
	case isMissing(strings.TrimSpace(field)):
		return kindMissing
	case n.isNumber(field):
		return kindNumber
	}
	return kindText
}

// sameKinds reports whether all rows have text where first has, and numbers, or nothing,
// where first has.
func (n notation) sameKinds(first []string, rows [][]string) bool {
	for _, row := range rows {
		if len(row) != len(first) {
			return false
		}
		for i, field := range row {
			if a, b := n.kind(first[i]), n.kind(field); a != b && a != kindMissing && b != kindMissing {
				return false
			}
		}
	}
	return len(rows) > 0
}

// countsFromZero reports whether the fields are 0, 1, 2 and so on.
func countsFromZero(fields []string) bool {
	for i, field := range fields {
		if strings.TrimSpace(field) != strconv.Itoa(i) {
			return false
		}
	}
	return len(fields) > 0
}

func isInteger(field string) bool {
	field = strings.TrimPrefix(strings.TrimSpace(field), "-")
	return isDigits(field) && field != ""
}

// areDifferentIntegers reports whether there are two fields or more, all of them whole
// numbers, and no two the same.
func areDifferentIntegers(fields []string) bool {
	return len(fields) > 1 && !slices.ContainsFunc(fields, func(f string) bool { return !isInteger(f) }) &&
		len(slices.Compact(slices.Sorted(slices.Values(fields)))) == len(fields)
}

// columnNames returns the names of the columns of a header and the records below it:
// without those at the end that have neither name nor value, which separators at the
// end of lines make, and with one more where all lines begin with the name of a row.
func columnNames(header []string, rows [][]string, comma rune) ([]string, error) {
	names := make([]string, len(header))
	for i, field := range header {
		names[i] = strings.Clone(strings.TrimSpace(field))
	}
	if len(rows) == 0 {
		return names, nil
	}
	width := used(rows)
	for len(names) > max(1, width) && names[len(names)-1] == "" {
		names = names[:len(names)-1]
	}
	if width != len(names)+1 {
		return names, nil
	}
	if !areRowNames(rows) {
		way := "name every column, or separate the fields otherwise" + preambleHint
		if comma == ',' {
			way += decimalHint
		}
		return nil, fmt.Errorf("the header names %d of %d columns: %s", len(names), width, way)
	}
	return slices.Insert(names, 0, rowNames), nil
}

// rowNames is the name of a column that R leaves without one.
const rowNames = "row names"

// areRowNames reports whether the first fields of rows are all texts, or count.
func areRowNames(rows [][]string) bool {
	texts, last := 0, 0
	for i, row := range rows {
		v, err := strconv.Atoi(row[0])
		if err != nil && notation(0).kind(row[0]) == kindText {
			texts++
		} else if err != nil || i > 0 && v != last+1 {
			return false
		}
		last = v
	}
	return texts == 0 || texts == len(rows)
}

// used returns how many fields of rows there are up to the last that is not empty in all.
func used(rows [][]string) int {
	width := 0
	for _, row := range rows {
		n := len(row)
		for n > width && strings.TrimSpace(row[n-1]) == "" {
			n--
		}
		width = max(width, n)
	}
	return width
}

// namesIn returns the names in a comment, if it is nothing but so many.
func (n notation) namesIn(comment string, comma rune, columns int) []string {
	names, err := newSplitter(strings.NewReader(comment), comma).Read()
	if err != nil || len(names) != columns {
		return nil
	}
	names = slices.Clone(names)
	for i, name := range names {
		names[i] = strings.TrimSpace(name)
		if n.kind(name) != kindText {
			return nil
		}
	}
	return names
}
