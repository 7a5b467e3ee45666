package table

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gomine/mine/column"
)

const (
	// wordShare is the least share of words among the values of a column of codes, missing
	// ones aside. A column of numbers has a typing error in it, or a word for a missing value;
	// one that has as many of both is for the user to judge.
	wordShare = 0.9
	// maxLabels and maxLabelBytes bound the different texts of a column, which are in
	// memory: more are free text, or ids that no other row has.
	maxLabels     = 1 << 20
	maxLabelBytes = 64 << 20
)

// Categorical has Read read columns as codes, whose values have no order: numbers too,
// which are told apart by their text, spaces around it aside. Columns of words are read so in
// any case: where nine of ten values begin with a letter and are no form of a number, such as
// true, among the first lines and in the whole file.
func (r *Reader) Categorical(cols []int) {
	if r.codes == nil {
		r.codes = make(map[int]bool)
	}
	for _, c := range cols {
		r.codes[c] = true
	}
}

// codebooks returns those of the columns that hold codes, nil for the others; nil where there are none.
func (r *Reader) codebooks(cols []int) []*codebook {
	var books []*codebook
	for k, words := range r.src.words(cols) {
		if asked := r.codes[cols[k]]; asked || words {
			if books == nil {
				books = make([]*codebook, len(cols))
			}
			books[k] = &codebook{asked: asked, number: make(map[string]int32)}
		}
	}
	return books
}

// codebook numbers the texts of a column in the order in which they come.
type codebook struct {
	asked  bool // for by the user, so that numbers are as good as words
	number map[string]int32
	bytes  int // of all texts
	// words and others count the values that are words and those that are not.
	words, others int
	word          []bool // by number
	other         string // the first value that is no word
}

// code returns the number of the text in a field, or an error that lacks the place.
func (b *codebook) code(n notation, field string) (float64, *ValueError) {
	s := strings.TrimSpace(field)
	v, ok := b.number[s]
	if !ok {
		if isMissing(s) {
			e := missingValue(s)
			if s != "" {
				e.Reason += ", or write another word if it is a code"
			}
			return 0, e
		}
		if len(b.number) == maxLabels || b.bytes+len(s) > maxLabelBytes {
			return 0, &ValueError{Text: s, Reason: fmt.Sprintf("more than %d different texts, or %d MiB of them: these are ids or free text, from which nothing can be learnt; leave the column out",
				maxLabels, maxLabelBytes>>20)}
		}
		if !utf8.ValidString(s) {
			return 0, &ValueError{Text: s, Reason: n.whyNot(s), Err: strconv.ErrSyntax}
		}
		v = int32(len(b.number))
		b.number[strings.Clone(s)] = v
		b.bytes += len(s)
		b.word = append(b.word, n.isWord(s))
	}
	if b.word[v] {
		b.words++
		return float64(v), nil
	}
	if b.others++; b.others == 1 {
		b.other = strings.Clone(s)
	}
	return float64(v), nil
}

// codeOf is code for a number of a file that has no texts.
func (b *codebook) codeOf(v float64) (float64, *ValueError) {
	if v == math.Trunc(v) && math.Abs(v) > 1<<53 {
		text := strconv.FormatFloat(v, 'f', -1, 64)
		return 0, &ValueError{Text: text, Reason: "codes that are whole numbers beyond 2^53 lose their last digits here: write them as text"}
	}
	return b.code('.', strconv.FormatFloat(v+0, 'f', -1, 64)) // as text has it; -0 is 0
}

// holdsCodes reports whether cols[k] does.
func (p *pass) holdsCodes(k int) bool { return p.codes != nil && p.codes[k] != nil }

// value returns the number of a field of cols[k], or that of its code, or an error that lacks
// the place.
func (p *pass) value(k int, n notation, field string) (float64, *ValueError) {
	if p.holdsCodes(k) {
		return p.codes[k].code(n, field)
	}
	return n.parse(field)
}

// isWord reports whether field begins with a letter, is no form of a number and does not mark
// a missing value.
func (n notation) isWord(field string) bool {
	_, e := n.parse(field)
	return e != nil && e.Word
}

// areWords reports whether a column with so many words, and other values that are not
// missing, holds codes.
func areWords(words, others int) bool {
	return words > 0 && float64(words) >= wordShare*float64(words+others)
}

// label has column j of t be codes: those that its rows have, in order.
func (b *codebook) label(t column.Table, j int) error {
	used := make([]bool, len(b.number))
	err := eachValue(t, j, func(_ int, v float64) bool {
		if v == v {
			used[int(v)] = true
		}
		return true
	})
	if err != nil {
		return err
	}
	var labels []string
	renumbered := make([]float64, len(used))
	for _, s := range slices.Sorted(maps.Keys(b.number)) {
		if v := b.number[s]; used[v] {
			renumbered[v] = float64(len(labels))
			labels = append(labels, s)
		}
	}
	t.Recode(j, renumbered)
	t.Columns()[j] = column.Column{Kind: column.Code, Labels: labels}
	return nil
}

// eachValue calls do for the values of column j, until it returns false.
func eachValue(t column.Table, j int, do func(i int, v float64) bool) error {
	values := make([]float64, min(t.Rows(), valuesAtATime))
	for lo := 0; lo < t.Rows(); lo += len(values) {
		some := values[:min(len(values), t.Rows()-lo)]
		if err := t.Read(some, lo, lo+len(some), j, j+1); err != nil {
			return err
		}
		for i, v := range some {
			if !do(lo+i, v) {
				return nil
			}
		}
	}
	return nil
}

// valuesAtATime is how many values eachValue reads at a time.
const valuesAtATime = 4096

// label gives the columns of the groups their names, and those that hold codes their labels. It
// is an error if one of these that nobody asked for holds too much else than words.
func (r *Reader) label(groups [][]int, books []*codebook, all []column.Table) error {
	k := 0
	for i, g := range groups {
		for j, c := range g {
			if books != nil && books[k] != nil {
				b := books[k]
				if !b.asked && b.words+b.others > 0 && !areWords(b.words, b.others) {
					return &SelectError{File: r.name, Reason: fmt.Sprintf("%s has words in the first rows, but %d of %d values are none, the first of them %s: correct the file, or say --categorical %d if all values are codes",
						r.describe(c), b.others, b.words+b.others, show(b.other), c)}
				}
				if err := b.label(all[i], j); err != nil {
					return err
				}
			}
			all[i].Columns()[j].Name = r.names[c] // the table is not in use yet
			k++
		}
	}
	return nil
}

// orCodes adds to the reason of e, which is about column c of numbers, that a text in it may
// be a code.
func (e *ValueError) orCodes(c int) {
	if e.Missing || e.Err != strconv.ErrSyntax {
		return
	}
	name := e.Column
	if !typable(name) {
		name = strconv.Itoa(c)
	}
	e.Reason += ": correct it, or say --categorical " + name + " if the column holds codes"
}

// typable reports whether a column's name can be typed as it is: a short word that neither a shell
// nor a selection of columns reads as anything else.
func typable(name string) bool {
	special := func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '_' && c != '.' && c != '-'
	}
	return name != "" && len(name) <= 80 && name[0] != '-' && !strings.ContainsFunc(name, special)
}

// words reports for columns whether they hold words, by the first lines.
func (t *text) words(cols []int) []bool {
	words, others := make([]int, len(cols)), make([]int, len(cols))
	r := newSplitter(bytes.NewReader(t.sample), t.csv.Comma)
	if t.first == nil { // the first record has the names
		r.Read()
	}
	for {
		rec, err := r.Read()
		if err != nil {
			break
		}
		for k, c := range cols {
			if c >= len(rec) || isMissing(strings.TrimSpace(rec[c])) {
				continue
			}
			if t.number.isWord(rec[c]) {
				words[k]++
			} else {
				others[k]++
			}
		}
	}
	t.sample = nil
	return decided(words, others)
}

// decided says which columns hold codes, by the numbers of their words and other values.
func decided(words, others []int) []bool {
	all := make([]bool, len(words))
	for k := range all {
		all[k] = areWords(words[k], others[k])
	}
	return all
}

func (t *turned) words(cols []int) []bool {
	words, others := make([]int, len(cols)), make([]int, len(cols))
	for k, c := range cols {
		l := t.columns[c]
		others[k] = len(l.values)
		for _, e := range l.bad {
			switch {
			case e.Missing:
				others[k]--
			case e.Word:
				words[k]++
				others[k]--
			}
		}
	}
	return decided(words, others)
}

func (a *array) words(cols []int) []bool { return make([]bool, len(cols)) }

// isNamed reports whether column j names the rows: it has another text in each.
func isNamed(t column.Table, j int) bool {
	c := t.Columns()[j]
	return c.Kind == column.Code && len(c.Labels) == t.Rows()
}
