package table

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// notation is how a file writes numbers: with a decimal '.' or ','. 0 is a point of
// which nobody has said that it must be one.
type notation rune

// parse returns the number that field holds, spaces around it aside, or an error that
// lacks the place.
func (n notation) parse(field string) (float64, *ValueError) {
	s := strings.TrimSpace(field)
	if n == ',' && strings.ContainsAny(s, ".,") {
		return n.parseOther(s)
	}
	v, err := strconv.ParseFloat(s, 64)
	if err == nil && v-v == 0 {
		return v, nil
	}
	return n.parseOther(s)
}

// parseOther is parse for what is not a plain number: one in another form, or none.
func (n notation) parseOther(s string) (float64, *ValueError) {
	switch strings.ToLower(s) {
	case "true":
		return 1, nil
	case "false":
		return 0, nil
	case "1.#inf", "-1.#inf", "∞", "-∞", "+∞":
		return 0, notFinite(s, math.Inf(-strings.Count(s, "-")))
	}
	plain, factor := n.plain(s)
	v, err := strconv.ParseFloat(plain, 64)
	switch {
	case err == nil && v-v == 0:
		return v * factor, nil
	case isMissing(s) || err == nil && math.IsNaN(v):
		return 0, missingValue(s)
	case err == nil:
		return 0, notFinite(s, v)
	case errors.Is(err, strconv.ErrRange):
		return 0, &ValueError{Text: s, Reason: show(s) + " is beyond the range of float64: rescale the column", Err: strconv.ErrRange}
	}
	why := n.whyNot(s)
	return 0, &ValueError{Text: s, Reason: cmp.Or(why, show(s)+" is not a number"), Word: why == "" && beginsWord(s), Err: strconv.ErrSyntax}
}

// beginsWord reports whether s begins with a letter, as 12 kg and 1;2 do not.
func beginsWord(s string) bool {
	first, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLetter(first)
}

// isNumber reports whether field is a number, in range or not.
func (n notation) isNumber(field string) bool {
	_, e := n.parse(field)
	return e == nil || errors.Is(e.Err, strconv.ErrRange) || e.Err == nil && !e.Missing
}

var (
	minus = strings.NewReplacer("\u2212", "-", "\u2013", "-", "\ufe63", "-", "\uff0d", "-")
	// pointed and commaed are numbers that have that sign once, between digits or before
	// them.
	commaed = regexp.MustCompile(`^[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?%?$`)
	pointed = regexp.MustCompile(`^[+-]?[0-9]*\.[0-9]+([eE][+-]?[0-9]+)?%?$`)
	// thousands are numbers with marks between groups of three digits.
	thousands = regexp.MustCompile(`^[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?$|^[+-]?[0-9]{1,3}(\.[0-9]{3})+(,[0-9]*)?$|^[+-]?[0-9]{1,3}(['’_ \x{a0}\x{202f}\x{2009}][0-9]{3})+([.,][0-9]*)?$`)
	date      = regexp.MustCompile(`^[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}([ T].*)?$|^[0-9]{1,2}:[0-9]{2}(:[0-9]{2}.*)?$`)
)

// plain returns s as strconv reads it, if it is a number in a form that has only one
// meaning, and the factor that belongs to it.
func (n notation) plain(s string) (string, float64) {
	factor := 1.0
	s = minus.Replace(s)
	if number, ok := strings.CutSuffix(s, "%"); ok {
		s, factor = strings.TrimSpace(number), 0.01
	}
	if n == ',' {
		if strings.ContainsRune(s, '.') || strings.Count(s, ",") > 1 {
			return "", factor
		}
		s = strings.Replace(s, ",", ".", 1)
	}
	return fromFortran(s), factor
}

// fromFortran writes an e for the exponent of s where Fortran has a D, a Q, or nothing:
// it leaves the letter out before an exponent of three digits.
func fromFortran(s string) string {
	if i := strings.IndexAny(s, "dDqQ"); i > 0 && strings.ContainsAny(s[i-1:i], ".0123456789") {
		return s[:i] + "e" + s[i+1:]
	}
	i := len(s) - 4
	if i > 0 && strings.ContainsAny(s[i:i+1], "+-") && strings.ContainsRune(s[:i], '.') && isDigits(s[i+1:]) {
		return s[:i] + "e" + s[i:]
	}
	return s
}

// whyNot says why s, which looks like one, is no number, and what to do about it; "" if it does
// not look like one.
func (n notation) whyNot(s string) string {
	s = minus.Replace(s)
	is := func(form *regexp.Regexp) bool { return form.MatchString(s) }
	switch {
	case !utf8.ValidString(s):
		return show(s) + " is not UTF-8 text: convert the file, for example with iconv"
	case n == 0 && is(commaed) && is(thousands):
		return show(s) + " has a decimal comma or a thousands mark: say --decimal , if it is the first, and remove it otherwise"
	case n == ',' && is(pointed):
		return show(s) + " has a point, where the file has decimal commas: write all decimals alike, and say which by --decimal"
	case is(thousands):
		return show(s) + " has thousands marks: remove them, for 1,234 is 1.234 elsewhere"
	case is(commaed):
		return show(s) + " has a decimal comma: say --decimal , if all have, and write decimals with a point otherwise"
	case strings.ContainsAny(s, "$€£¥"):
		return show(s) + " has the sign of a currency: remove it"
	case is(date):
		return show(s) + " is a date or time, and not a number: give seconds or days instead"
	}
	return ""
}

// notFinite is the error for v, which the file has as text.
func notFinite(text string, v float64) *ValueError {
	return &ValueError{Text: text, Reason: fmt.Sprintf("%v is not a finite number: drop or impute such rows", v)}
}

// detectNotation returns how the fields write numbers: with a comma if one of them is a
// number only that way.
func detectNotation(fields []string) notation {
	for _, s := range fields {
		if !strings.Contains(s, ",") {
			continue
		}
		s = minus.Replace(strings.TrimSpace(s))
		if commaed.MatchString(s) && !thousands.MatchString(s) {
			return ','
		}
	}
	return 0
}
