package table

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Select returns the indices of the columns that spec names. flag is the
// command-line flag that spec came from; it only serves error texts.
//
// spec is a comma-separated list. Each part, in order of precedence, is
//
//  1. an exact column name;
//  2. a name in double quotes, which may hold commas ("" stands for a quote);
//  3. an index from 0, or a half-open range of them: 3, 0:20, :5, 5:, :
//  4. a pattern in which each * stands for any text, such as X*; its columns
//     come in file order;
//  5. the name of a column of lists, for all their elements, or of some: vector[0:64];
//  6. any of these after a !, which leaves its columns out of what the other
//     parts select, or of all columns if all parts have it: !price, 0:20,!X3.
//
// If that selects nothing, spec may be a name that holds commas, without quotes.
//
// It is a [SelectError] if a part selects nothing, if a column is selected
// twice, or if a name or pattern selects a name that several columns share.
func (r *Reader) Select(flag, spec string) ([]int, error) {
	cols, err := r.selectColumns(spec)
	if err != nil && slices.Contains(r.names, strings.TrimSpace(spec)) {
		cols, err = r.selectColumns(`"` + strings.ReplaceAll(strings.TrimSpace(spec), `"`, `""`) + `"`)
	}
	if err != nil {
		return nil, &SelectError{File: r.name, Flag: flag, Spec: spec, Reason: err.Error()}
	}
	return cols, nil
}

// Disjoint returns a [SelectError] if a column is in both a and b, which the
// flags aFlag and bFlag selected: a variable's information about itself is not
// what anybody wants to estimate.
func (r *Reader) Disjoint(aFlag string, a []int, bFlag string, b []int) error {
	in := make(map[int]bool, len(a))
	for _, c := range a {
		in[c] = true
	}
	for _, c := range b {
		if in[c] {
			return &SelectError{File: r.name, Reason: fmt.Sprintf("%s is in both %s and %s: leave it out of one",
				r.describe(c), aFlag, bFlag)}
		}
	}
	return nil
}

func (r *Reader) selectColumns(spec string) ([]int, error) {
	parts, err := r.splitSpec(spec)
	if err != nil {
		return nil, err
	}
	if r.alone == nil {
		r.alone = make(map[int]bool)
	}
	var cols []int
	chosen, left := make(map[int]string), make(map[int]bool)
	for _, p := range parts {
		part, err := r.resolve(p)
		if err != nil {
			return nil, err
		}
		for _, c := range part {
			by, twice := chosen[c]
			switch {
			case p.without:
				left[c] = true
				continue
			case twice:
				return nil, fmt.Errorf("%s is selected twice, by %s and by %s: drop one", r.describe(c), by, show(p.text))
			}
			chosen[c] = show(p.text)
			r.alone[c] = r.alone[c] || len(part) == 1
			cols = append(cols, c)
		}
	}
	if !slices.ContainsFunc(parts, func(p specPart) bool { return !p.without }) {
		cols = sequence(0, len(r.names))
	}
	cols = slices.DeleteFunc(cols, func(c int) bool { return left[c] })
	if len(cols) == 0 {
		return nil, fmt.Errorf("%s leaves no column: keep some", show(spec))
	}
	return cols, nil
}

// sequence returns the numbers from lo up to, not including, hi.
func sequence(lo, hi int) []int {
	all := make([]int, hi-lo)
	for i := range all {
		all[i] = lo + i
	}
	return all
}

// specPart is one part of a column specification.
type specPart struct {
	text    string
	quoted  bool // text was in double quotes: a name, nothing else
	without bool // its columns are left out
}

// splitSpec splits spec at the commas outside of double quotes. A ! before a part is that
// only if no column has a name that begins with it.
func (r *Reader) splitSpec(spec string) ([]specPart, error) {
	if strings.TrimSpace(spec) == "" {
		return nil, errors.New(`no columns given: name some, for example "X*" or 0:3`)
	}
	var parts []specPart
	for rest, more := spec, true; more; {
		var p specPart
		s := strings.TrimLeft(rest, " \t")
		if name, _, _ := strings.Cut(s, ","); strings.HasPrefix(s, "!") && !slices.Contains(r.names, strings.TrimSpace(name)) {
			p.without = true
			s, rest = strings.TrimLeft(s[1:], " \t"), s[1:]
		}
		if strings.HasPrefix(s, `"`) {
			name, tail, ok := unquote(s)
			if !ok {
				return nil, fmt.Errorf("the quote of %s is not closed", show(s))
			}
			p.text, p.quoted = name, true
			var junk string
			junk, rest, more = strings.Cut(tail, ",")
			if junk = strings.TrimSpace(junk); junk != "" {
				return nil, fmt.Errorf("%s follows the closing quote of %s: put a comma between columns", show(junk), show(name))
			}
		} else {
			p.text, rest, more = strings.Cut(rest, ",")
			p.text = strings.TrimSpace(p.text)
			if p.text == "" {
				return nil, fmt.Errorf("%s has an empty part: remove a comma", show(spec))
			}
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// unquote returns the text between the quote that s begins with and its
// closing quote, and what follows.
func unquote(s string) (text, tail string, ok bool) {
	var b strings.Builder
	for s = s[1:]; ; s = s[1:] {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			return "", "", false
		}
		b.WriteString(s[:i])
		s = s[i+1:]
		if !strings.HasPrefix(s, `"`) {
			return b.String(), s, true
		}
		b.WriteByte('"')
	}
}

// resolve returns the columns of one part.
func (r *Reader) resolve(p specPart) ([]int, error) {
	if i := slices.Index(r.names, p.text); i >= 0 {
		return r.unambiguous([]int{i})
	}
	if p.quoted {
		if list, ok := r.lists[p.text]; ok {
			return r.unambiguous(sequence(list.from, list.to))
		}
		return nil, r.unknown(p.text)
	}
	if lo, hi, ok := strings.Cut(p.text, ":"); ok && isDigits(lo) && isDigits(hi) {
		return r.columnRange(p.text, lo, hi)
	}
	if cols, ok, err := r.listColumns(p.text); ok {
		return cols, err
	}
	if isDigits(p.text) {
		i, err := strconv.Atoi(p.text)
		if err != nil || i >= len(r.names) {
			return nil, r.outOfRange(p.text)
		}
		return []int{i}, nil
	}
	if !strings.Contains(p.text, "*") {
		return nil, r.unknown(p.text)
	}
	var cols []int
	for i, name := range r.names {
		if glob(p.text, name) {
			cols = append(cols, i)
		}
	}
	if cols == nil {
		return nil, fmt.Errorf("no column matches %s; %s", show(p.text), r.available())
	}
	return r.unambiguous(cols)
}

// listColumns returns the columns of a list, or of a range of its elements; ok is false if text
// names neither.
func (r *Reader) listColumns(text string) (cols []int, ok bool, err error) {
	if list, ok := r.lists[text]; ok {
		cols, err = r.unambiguous(sequence(list.from, list.to))
		return cols, true, err
	}
	open := strings.LastIndexByte(text, '[')
	if open < 0 || !strings.HasSuffix(text, "]") {
		return nil, false, nil
	}
	list, ok := r.lists[text[:open]]
	lo, hi, isRange := strings.Cut(text[open+1:len(text)-1], ":")
	if !ok || !isDigits(lo) || !isDigits(hi) {
		return nil, false, nil
	}
	from, to, ok := bounds(lo, hi, list.to-list.from)
	switch {
	case !isRange, !ok:
		return nil, true, fmt.Errorf("%s is out of range: the list has %d values, from 0", show(text), list.to-list.from)
	case from >= to:
		return nil, true, fmt.Errorf("the range %s is empty: its end is not included", show(text))
	}
	cols, err = r.unambiguous(sequence(list.from+from, list.from+to))
	return cols, true, err
}

// isDigits reports whether s consists of decimal digits, if of anything.
func isDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// columnRange returns the columns from lo up to, not including, hi, where
// empty strings stand for the ends of the table.
func (r *Reader) columnRange(text, lo, hi string) ([]int, error) {
	from, to, ok := bounds(lo, hi, len(r.names))
	switch {
	case !ok:
		return nil, r.outOfRange(text)
	case from >= to:
		return nil, fmt.Errorf("the range %s is empty: its end is not included", show(text))
	}
	return sequence(from, to), nil
}

// bounds returns the numbers of a range of n things, where empty strings stand for the ends. ok
// is false if there are no such things.
func bounds(lo, hi string, n int) (from, to int, ok bool) {
	to = n
	var errs [2]error
	if lo != "" {
		from, errs[0] = strconv.Atoi(lo)
	}
	if hi != "" {
		to, errs[1] = strconv.Atoi(hi)
	}
	return from, to, errors.Join(errs[:]...) == nil && from <= n && to <= n && (from < n || to < n)
}

// unambiguous returns cols unless one of their names occurs more than once in
// the file.
func (r *Reader) unambiguous(cols []int) ([]int, error) {
	if r.count == nil {
		r.count = make(map[string]int, len(r.names))
		for _, name := range r.names {
			r.count[name]++
		}
	}
	for _, c := range cols {
		if name := r.names[c]; r.count[name] > 1 {
			return nil, fmt.Errorf("%d columns are named %s: use the index of one, the first is %d", r.count[name], show(name), slices.Index(r.names, name))
		}
	}
	return cols, nil
}

func (r *Reader) outOfRange(text string) error {
	if len(r.names) == 1 {
		return fmt.Errorf("column %s is out of range: the file has one column, 0", show(text))
	}
	return fmt.Errorf("column %s is out of range: the file has %d columns, 0 to %d", show(text), len(r.names), len(r.names)-1)
}

// describe names column c by its name, and by its index if the name does not
// tell it apart.
func (r *Reader) describe(c int) string {
	if r.head {
		return fmt.Sprintf("column %s (index %d)", show(r.names[c]), c)
	}
	return fmt.Sprintf("column %d", c)
}

// glob reports whether name matches pattern, in which each * stands for any
// text.
func glob(pattern, name string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, first)
	if !ok {
		return false
	}
	// The leftmost match of each middle piece leaves the most for the rest.
	for {
		var piece string
		piece, rest, star = strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(name, piece)
		}
		i := strings.Index(name, piece)
		if i < 0 {
			return false
		}
		name = name[i+len(piece):]
	}
}
