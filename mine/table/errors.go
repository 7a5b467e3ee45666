package table

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"unicode/utf8"
)

// ValueError reports a value in the selected columns that cannot be used:
// nothing, not a number, or not finite.
type ValueError struct {
	// File is the path that was opened, "stdin", or the name of the stream.
	File string
	// Line is the line in a text file and Row the row of an NPY array, counted
	// from 1; the other one is 0.
	Line, Row int
	// Column is the name of the column, as in [Reader.Columns].
	Column string
	// Text is the value as a text file has it, without the spaces around it, or
	// an NPY value in decimal.
	Text string
	// Reason is what is wrong with the value, which it repeats, and what to do.
	Reason string
	// Missing is true for a value that is not there, and Word for text that begins
	// with a letter and is no form of a number.
	Missing, Word bool
	// Unread is true for a value of a type that is never read, which Text names, and for a list that is
	// not as long as others.
	Unread bool
	// Err is strconv.ErrSyntax for text that is no number, strconv.ErrRange
	// for a number beyond float64, and otherwise nil.
	Err error
}

func (e *ValueError) Error() string {
	place, name := fmt.Sprintf("row %d", e.Row), show(e.Column)
	if e.Line > 0 {
		place = fmt.Sprintf("line %d", e.Line)
	} else if isDigits(e.Column) {
		name = e.Column
	}
	return fmt.Sprintf("table: %s: %s, column %s: %s", e.File, place, name, e.Reason)
}

func (e *ValueError) Unwrap() error { return e.Err }

// SelectError reports columns that were asked for and cannot be had, or not
// together.
type SelectError struct {
	// File is the path that was opened, "stdin", or the name of the stream.
	File string
	// Flag and Spec are what [Reader.Select] was given. They are empty if no
	// single specification is at fault.
	Flag, Spec string
	// Reason is what is wrong and, where the file tells, what could be meant.
	Reason string
}

func (e *SelectError) Error() string {
	if e.Flag == "" {
		return fmt.Sprintf("table: %s: %s", e.File, e.Reason)
	}
	return fmt.Sprintf("table: %s: %s: %s", e.File, e.Flag, e.Reason)
}

// fileError is an error that names its file: one of several.
type fileError struct{ error }

// inFile says in err that it is about file.
func inFile(file string, err error) error {
	if part := (fileError{}); errors.As(err, &part) {
		return part.error
	}
	var e *ValueError
	if errors.As(err, &e) {
		e.File = cmp.Or(e.File, file)
		return e
	}
	if selection := (*SelectError)(nil); errors.As(err, &selection) {
		return selection
	}
	return fmt.Errorf("table: %s: %w", file, pathCause(err))
}

// pathCause drops the operation and path that package os puts before a cause:
// our own errors name the file already.
func pathCause(err error) error {
	switch e := err.(type) {
	case *fs.PathError:
		return e.Err
	case *os.LinkError:
		return e.Err
	}
	return err
}

// show quotes s for a one-line error text, cut to about 40 characters.
func show(s string) string {
	const limit = 40
	for i, n := 0, 0; i < len(s); n++ {
		if n == limit {
			return strconv.Quote(s[:i]) + "..."
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return strconv.Quote(s)
}
