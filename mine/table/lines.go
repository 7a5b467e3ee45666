package table

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
)

// lines passes on text without what is no data: lines of comments become empty, and the
// mark ends it that ends a text file of DOS.
type lines struct {
	r        *bufio.Reader
	marks    string  // a line that begins with one of these is a comment
	n        int64   // bytes passed on
	within   bool    // the next byte is not the first of its line
	quoted   bool    // the next byte is in quotes
	comment  bool    // the next byte is in a comment
	comments []int64 // where the empty lines are that stand for comments
}

const (
	// defaultMarks are those of comments that cannot begin a line of numbers.
	defaultMarks = "#%"
	// endOfFile is the mark that ends a text file of DOS and CP/M, ^Z.
	endOfFile = 0x1a
	// longestWord is more than the longest mark of a missing value and what ends it.
	longestWord = 24
)

func (l *lines) Read(p []byte) (int, error) {
	for {
		if head, err := l.r.Peek(longestWord); len(head) == 0 {
			return 0, err
		}
		in, _ := l.r.Peek(min(len(p), l.r.Buffered()))
		if i := bytes.IndexByte(in, endOfFile); i == 0 {
			return 0, l.end()
		} else if i > 0 {
			in = in[:i]
		}
		n, used := l.pass(p, in)
		l.r.Discard(used)
		if n > 0 || len(p) == 0 {
			return n, nil
		}
	}
}

// pass puts what in has into p, which is no shorter, and returns how many bytes it put
// there and how many of in it took.
func (l *lines) pass(p, in []byte) (n, used int) {
	plain := !l.comment
	for i := range len(l.marks) {
		plain = plain && bytes.IndexByte(in, l.marks[i]) < 0
	}
	if !plain { // line by line
		end := bytes.IndexByte(in, '\n') + 1
		if end > 0 {
			in = in[:end]
		}
		if !l.within && !l.quoted && l.beginsComment() {
			l.comment = true
			l.comments = append(l.comments, l.n)
		}
		if l.comment {
			if l.within = end == 0; l.within {
				return 0, len(in)
			}
			l.comment = false
			l.n++
			p[0] = '\n'
			return 1, len(in)
		}
	}
	if bytes.IndexByte(in, '"') >= 0 && bytes.Count(in, []byte{'"'})%2 == 1 {
		l.quoted = !l.quoted
	}
	l.n += int64(len(in))
	l.within = in[len(in)-1] != '\n'
	return copy(p, in), len(in)
}

// beginsComment reports whether the next line is a comment. One that begins with the
// mark of a missing value, such as #DIV/0!, is data.
func (l *lines) beginsComment() bool {
	head, _ := l.r.Peek(longestWord)
	if strings.IndexByte(l.marks, head[0]) < 0 {
		return false
	}
	word := string(head)
	if i := strings.IndexAny(word[1:], ",;|\" \t\r\n"); i >= 0 {
		word = word[:1+i]
	}
	return len(word) == 1 || !isMissing(word)
}

// end returns io.EOF if nothing follows the mark that ends a file.
func (l *lines) end() error {
	for {
		c, err := l.r.ReadByte()
		if err != nil {
			return err
		}
		if c != endOfFile && strings.IndexByte(" \t\r\n", c) < 0 {
			return fmt.Errorf("a ^Z (1A), which ends a text file, at byte %d, and text after it: remove it", l.n)
		}
	}
}

// commentsBefore returns how many comments there are before the byte end that were not
// counted yet.
func (l *lines) commentsBefore(end int64) int {
	n := 0
	for n < len(l.comments) && l.comments[n] < end {
		n++
	}
	l.comments = l.comments[n:]
	return n
}

// lineFeeds passes on text whose lines end in \r alone with \n in its place.
type lineFeeds struct{ r io.Reader }

func (l lineFeeds) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	for i, c := range p[:n] {
		if c == '\r' {
			p[i] = '\n'
		}
	}
	return n, err
}
