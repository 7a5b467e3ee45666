package table

import "strings"

// HeaderMode says whether the first line of a text file names the columns.
type HeaderMode int

const (
	// HeaderAuto takes the first line for a header if one of its fields is
	// neither a number nor a mark of a missing value, and for data otherwise;
	// a line that could be either is an error. Names in a comment right before
	// the data (as numpy.savetxt writes them) are a header.
	HeaderAuto HeaderMode = iota
	// HeaderYes takes the first line for a header, even if it is all numbers.
	HeaderYes
	// HeaderNo takes the first line for data.
	HeaderNo
)

// MissingMode says what becomes of a value that is not there: of an empty field, or one
// that holds a mark such as NA, and of NaN.
type MissingMode int

const (
	// MissingError makes it a [ValueError].
	MissingError MissingMode = iota
	// MissingNaN reads it as NaN, for [column.DropMissing].
	MissingNaN
)

// Options configures [Open]. The zero value detects everything, reads all rows and
// reports nothing. Comma, Header, Decimal and Comment are about text alone.
type Options struct {
	// Comma separates the fields of a line; ' ' stands for any run of spaces
	// and tabs. 0 detects one of tab, ';', '|', ',' and ' ' from the first
	// lines.
	Comma rune
	// Header says whether the first line names the columns.
	Header HeaderMode
	// Decimal is the sign between whole and decimal digits, '.' or ','. 0 tells it
	// from the first lines of a file whose fields are not separated by commas.
	Decimal rune
	// Missing says what becomes of a value that is not there.
	Missing MissingMode
	// Transpose takes rows for columns: line or row i of the file is column i. The first
	// field of a line is the column's name if it is no number.
	Transpose bool
	// From and To, if To is not 0, are the first row that is read, from 0, and the first
	// one after it that is not. Rows outside are not looked at.
	From, To int
	// Sample, if not 0, is how many of the rows are kept, drawn by Seed: the same of any
	// file of as many rows. They stay in order.
	Sample int
	Seed   uint64
	// Memory, if not 0, is how many bytes the rows may take that ReadTables reads; more lie in
	// temporary files.
	Memory int64
	// Comment has the characters that make a line a comment if it begins with one. ""
	// stands for # and %, and "none" for no character.
	Comment string
	// Progress, if not nil, is called by Read, on its goroutine, about ten
	// times a second and once at the end, with the bytes of the file
	// (compressed ones, if it is compressed) read so far and in total. The
	// total is -1 for a stream.
	Progress func(bytesRead, bytesTotal int64)

	member string // the array of an NPZ file, from its path
}

// comments returns the characters that comments begin with.
func (o Options) comments() string {
	switch o.Comment {
	case "":
		return strings.ReplaceAll(defaultMarks, string(o.Comma), "")
	case "none":
		return ""
	}
	return o.Comment
}

// most returns how many of rows can be read, at most; 0 stands for any number.
func (o Options) most(rows int) int {
	if o.To > 0 {
		rows = min(rows, max(0, o.To-o.From))
	}
	if o.Sample > 0 {
		rows = min(rows, o.Sample)
	}
	return rows
}
