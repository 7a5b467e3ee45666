package table

import "strings"

// missingMarks are what programs write for a value that they do not have, in lower
// case. SAS's and Stata's .a to .z, Excel's errors and Fortran's asterisks are told by
// their form.
var missingMarks = map[string]bool{
	"": true, "nan": true, "-nan": true, "+nan": true, // C, Python, Octave
	"na": true, "n/a": true, "<na>": true, "na_real_": true, "na_integer_": true, "na_character_": true, // R, pandas
	"none": true, "nat": true, "nil": true, "null": true, "<null>": true, "[null]": true, "(null)": true, `\n`: true, // Python, SQL
	"-1.#ind": true, "1.#ind": true, "-1.#qnan": true, "1.#qnan": true, "-nan(ind)": true, "nan(ind)": true, "1.#snan": true, // Windows
	".": true, "._": true, "-": true, "--": true, "---": true, "–": true, "—": true, "?": true, "n.a.": true, "n. a.": true, // SAS, SPSS, Weka, people
	"n.d.": true, "nd": true, "n/d": true, "missing": true, "(missing)": true, "undefined": true, "(blank)": true,
	"(empty)": true, "not available": true, "no data": true, "nodata": true, "k.a.": true, "s/d": true,
	"#n/a": true, "#n/a n/a": true, "#na": true, "#nv": true, "#n/d": true, "#null": true, // Excel, in some of its languages
	"#getting_data": true, "#error": true,
}

// isMissing reports whether s stands for a value that is not there.
func isMissing(s string) bool {
	const longest = 16
	switch {
	case len(s) > longest:
		return false
	case missingMarks[strings.ToLower(s)]:
		return true
	case len(s) == 2 && s[0] == '.': // a missing value and its reason
		return 'a' <= s[1]|0x20 && s[1]|0x20 <= 'z'
	case s[0] == '#': // #DIV/0!, #NAME?, #WERT!
		return len(s) > 2 && strings.ContainsAny(s[len(s)-1:], "!?") && s == strings.ToUpper(s)
	}
	return strings.Trim(s, "*") == "" // did not fit its field
}

// missingValue is the error for a value that is not there, for which the file has s.
func missingValue(s string) *ValueError {
	reason := show(s) + " marks a missing value: drop or impute such rows"
	if s == "" {
		reason = "the field is empty (a missing value): drop or impute such rows"
	}
	return &ValueError{Text: s, Reason: reason, Missing: true}
}
