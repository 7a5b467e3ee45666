package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"gomine/mine"
)

// The forms of an answer.
const (
	formText     = "text"
	formJSON     = "json"
	formCSV      = "csv"
	formMarkdown = "markdown"
)

// answerFlags say in which form an answer is printed, and what it has to reach.
type answerFlags struct {
	form  choice
	least float64 // of --fail-below, in the unit
}

func (f *answerFlags) register(flags *pflag.FlagSet) {
	addChoice(flags, &f.form, "format", "form of the answer; csv is a header and one line", formText, formJSON, formCSV, formMarkdown)
	flags.Float64Var(&f.least, "fail-below", 0, "exit with 3 if the lower bound (at least .. with --confidence; lower_bound in JSON) is below `V`, in --unit; the answer is printed all the same")
	flags.Lookup("fail-below").DefValue = ""
}

// check settles what --json and --quiet say of the form.
func (f *answerFlags) check(set *pflag.FlagSet, json, quiet bool) error {
	switch {
	case json && quiet:
		return usagef("--json and --quiet exclude each other")
	case set.Changed("format") && quiet:
		return usagef("--format and --quiet exclude each other")
	case set.Changed("format") && json && f.form.value != formJSON:
		return usagef("--json and --format %s exclude each other", f.form.value)
	case math.IsNaN(f.least):
		return usagef("--fail-below is NaN, want a number")
	}
	if json {
		f.form.value = formJSON
	}
	return nil
}

// belowError says that a lower bound is not what it had to be.
type belowError string

func (e belowError) Error() string { return string(e) }

// judge returns a belowError if --fail-below asks for more than there is.
func (f *answerFlags) judge(set *pflag.FlagSet, r mine.Result, u unit) error {
	bound := u.of(r.LowerBound)
	if !set.Changed("fail-below") || bound >= f.least {
		return nil
	}
	return belowError(fmt.Sprintf("the lower bound is %g %s with %s confidence, below --fail-below %g",
		bound, u, percent(r.Config.Confidence), f.least))
}

// encodeCSV returns a header and a line with the main numbers, in the unit and unrounded.
func encodeCSV(r mine.Result, x, z source, u unit) ([]byte, error) {
	info := func(nats float64) string { return strconv.FormatFloat(u.of(nats), 'g', -1, 64) }
	var codes []string
	for _, w := range r.Warnings {
		codes = append(codes, string(w.Code))
	}
	columns := [][2]string{
		{"x_file", x.File}, {"x_columns", x.Columns}, {"z_file", z.File}, {"z_columns", z.Columns},
		{"rows", strconv.Itoa(r.Rows.Total)}, {"unit", string(u)},
		{"estimate", info(r.Estimate)}, {"std_err", info(r.StdErr)}, {"low", info(r.Low)}, {"high", info(r.High)},
		{"lower_bound", info(r.LowerBound)}, {"confidence", strconv.FormatFloat(r.Config.Confidence, 'g', -1, 64)},
		{"likely", info(r.Likely)}, {"stop", string(r.Stop)}, {"warnings", strings.Join(codes, " ")},
		{"seed", strconv.FormatUint(r.Config.Seed, 10)}, {"backend", r.Backend},
	}
	var header, line []string
	for _, c := range columns {
		header, line = append(header, c[0]), append(line, c[1])
	}
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll([][]string{header, line}); err != nil {
		return nil, fmt.Errorf("--format csv: %w", err)
	}
	return b.Bytes(), nil
}

// markdownText is a text that Markdown shows as it is, in a cell of a table too.
var markdownText = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "|", `\|`, "<", `\<`, ">", `\>`,
	"[", `\[`, "]", `\]`, "#", `\#`, "~", `\~`, "\n", " ")

// reportMarkdown is report in Markdown.
func reportMarkdown(b *bytes.Buffer, r mine.Result, x, z source, u unit) {
	if text := endedEarly(r); text != "" {
		fmt.Fprintf(b, "**%s**\n\n", text)
	}
	number, limits := headline(r, u)
	fmt.Fprintf(b, "**%s**, %s\n", number, strings.Join(strings.Fields(limits), " "))
	about := tabular{Head: []string{"", ""}}
	facts(r, x, z, u, func(label string, words ...string) {
		about.Rows = append(about.Rows, []string{label, strings.Join(words, " ")})
	})
	about.markdown(b)
	criticTable(r, u, decimals(u.of(r.StdErr))).markdown(b)
	for _, text := range remarks(r) {
		fmt.Fprintf(b, "\n%s\n", markdownText.Replace(text))
	}
}

// markdown writes a table, after an empty line.
func (t tabular) markdown(b *bytes.Buffer) {
	row := func(cells []string, replace func(string) string) {
		b.WriteString("|")
		for _, c := range cells {
			fmt.Fprintf(b, " %s |", replace(c))
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	row(t.Head, markdownText.Replace)
	row(t.Head, func(string) string { return "---" })
	for _, cells := range t.Rows {
		row(cells, markdownText.Replace)
	}
}
