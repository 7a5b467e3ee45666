package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gomine/mine"
	"gomine/mine/independence"
	"gomine/mine/objective"
)

// choice is a flag that takes one of some names.
type choice struct {
	value string
	names []string
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return "NAME" }

func (c *choice) Set(s string) error {
	for _, name := range c.names {
		if s == name {
			c.value = s
			return nil
		}
	}
	return fmt.Errorf("want one of %s", strings.Join(c.names, ", "))
}

// addChoice defines a choice flag, the first name being its default.
func addChoice(flags *pflag.FlagSet, c *choice, flag, usage string, names ...string) {
	*c = choice{value: names[0], names: names}
	flags.Var(c, flag, usage+": "+strings.Join(names, ", "))
}

// addFDRMethod defines the flag of how p-values become q-values.
func addFDRMethod(flags *pflag.FlagSet, c *choice) {
	addChoice(flags, c, "fdr-method", "false discovery rates if p-values are independent or rise and fall together (Benjamini and Hochberg), or whatever their dependence (Benjamini and Yekutieli)", independence.FDRMethods()...)
}

// dependenceText is what a report adds to a false discovery rate of other than the usual method.
func dependenceText(m independence.FDRMethod) string {
	if m == independence.BenjaminiYekutieli {
		return ", whatever the dependence of the p-values"
	}
	return ""
}

// complete sets the completion of a flag. It can fail only for a flag that is
// not defined, or completed twice; any use of the command shows that.
func complete(cmd *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err)
	}
}

// objectiveFlag is a flag that takes an objective, or auto.
type objectiveFlag struct {
	objective.Objective
	chosen bool
}

func (o *objectiveFlag) Type() string { return "NAME" }

func (o *objectiveFlag) String() string {
	if !o.chosen {
		return "auto"
	}
	return o.Objective.String()
}

func (o *objectiveFlag) Set(s string) error {
	if s == "auto" {
		*o = objectiveFlag{}
		return nil
	}
	if err := o.UnmarshalText([]byte(s)); err != nil {
		if errors.Is(err, objective.ErrUnknown) {
			return fmt.Errorf("want one of auto, %s", objective.Usage())
		}
		return err
	}
	o.chosen = true
	return nil
}

// limit is a flag that takes a positive number, or none.
type limit mine.Limit

func (l *limit) Type() string   { return "limit" }
func (l *limit) String() string { return mine.Limit(*l).String() }

func (l *limit) Set(s string) error {
	if s == mine.NoLimit.String() {
		*l = limit(mine.NoLimit)
		return nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return errors.New("want a number, or none")
	}
	*l = limit(v)
	return nil
}

// amount is a flag that takes an amount of memory, or none.
type amount mine.Bytes

func (a *amount) Type() string   { return "amount" }
func (a *amount) String() string { return mine.Bytes(*a).String() }

func (a *amount) Set(s string) error {
	b, err := mine.ParseBytes(s)
	if err == nil {
		*a = amount(b)
	}
	return err
}

// length is a flag that takes a number of rows, or auto.
type length mine.Length

func (l *length) Type() string   { return "length" }
func (l *length) String() string { return mine.Length(*l).String() }

func (l *length) Set(s string) error {
	if s == mine.AutoLength.String() {
		*l = length(mine.AutoLength)
		return nil
	}
	var n count
	if err := n.Set(s); err != nil || n < 1 {
		return errors.New("want a number of rows, or auto")
	}
	*l = length(n)
	return nil
}

// split is a flag that takes what stays together.
type split mine.SplitKind

func (k *split) Type() string   { return "NAME" }
func (k *split) String() string { return string(*k) }

func (k *split) Set(s string) error {
	if !slices.Contains(mine.SplitKinds(), mine.SplitKind(s)) {
		return fmt.Errorf("want one of %s", strings.Join(names(mine.SplitKinds()), ", "))
	}
	*k = split(s)
	return nil
}

// count is a flag that takes a whole number, written plainly or as in 1e6.
type count int

func (c *count) String() string { return strconv.Itoa(int(*c)) }
func (c *count) Type() string   { return "int" }

func (c *count) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil {
		// 2^53: below it every float64 that should be an integer is one.
		v, floatErr := strconv.ParseFloat(s, 64)
		if floatErr != nil || v != math.Trunc(v) || math.Abs(v) > 1<<53 {
			return errors.New("want a whole number")
		}
		n = int(v)
	}
	*c = count(n)
	return nil
}

// widths is a flag that takes the widths of layers, as in 128,128.
type widths []int

func (w *widths) Type() string { return "widths" }

func (w *widths) String() string {
	text := make([]string, len(*w))
	for i, n := range *w {
		text[i] = strconv.Itoa(n)
	}
	return strings.Join(text, ",")
}

func (w *widths) Set(s string) error {
	var all widths
	for part := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			return errors.New("want whole numbers with commas between them, such as 128,128")
		}
		all = append(all, n)
	}
	*w = all
	return nil
}

// separator is a flag that takes the character between two fields of a text
// file; the zero value detects it.
type separator rune

var separatorNames = map[string]separator{
	"auto": 0, "comma": ',', "semicolon": ';', "pipe": '|', "tab": '\t', `\t`: '\t', "space": ' ',
}

func (s *separator) Type() string { return "char" }

func (s *separator) String() string {
	if *s == 0 {
		return "auto"
	}
	return string(rune(*s))
}

func (s *separator) Set(text string) error {
	if named, ok := separatorNames[text]; ok {
		*s = named
		return nil
	}
	r, size := utf8.DecodeRuneInString(text)
	if size != len(text) || r == utf8.RuneError || r < ' ' || r == '"' || '0' <= r && r <= '9' {
		return errors.New("want auto, comma, semicolon, pipe, tab, space or one character that is no digit or quote")
	}
	*s = separator(r)
	return nil
}

// decimal is a flag that takes the sign before decimal digits; the zero value tells it
// from the file.
type decimal rune

func (d *decimal) Type() string { return "char" }

func (d *decimal) String() string {
	if *d == 0 {
		return "auto"
	}
	return string(rune(*d))
}

func (d *decimal) Set(text string) error {
	switch text {
	case "auto":
		*d = 0
	case ".", "point":
		*d = '.'
	case ",", "comma":
		*d = ','
	default:
		return errors.New("want auto, a point or a comma")
	}
	return nil
}

// rowRange is a flag that takes rows A:B, from 0 and without B; the zero value is all.
type rowRange struct {
	text     string
	from, to int // to is 0 if there is no end
}

func (r *rowRange) Type() string   { return "range" }
func (r *rowRange) String() string { return r.text }

func (r *rowRange) Set(text string) error {
	wrong := errors.New("want A:B, :B or A:, whole numbers from 0, of which B is not included")
	lo, hi, ok := strings.Cut(text, ":")
	if !ok {
		return wrong
	}
	var from, to count
	if lo != "" && from.Set(lo) != nil || hi != "" && to.Set(hi) != nil || from < 0 || to < 0 {
		return wrong
	}
	if hi != "" && to <= from {
		return errors.New("has no rows: want A below B, which is not included")
	}
	*r = rowRange{text, int(from), int(to)}
	return nil
}
