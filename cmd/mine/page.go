package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"gomine/internal/wholefile"
	"gomine/mine"
)

// pageFlag names the file that a report goes to as a page.
type pageFlag struct {
	outputFlag
	columns tabular // of the data, kept from before the estimate
}

// pageFormats are the ends of names of pages.
var pageFormats = []string{".html", ".htm"}

func (f *pageFlag) register(flags *pflag.FlagSet) {
	f.flag = "report"
	flags.StringVar(&f.path, f.flag, "", "`FILE`.html for a page with the answer, pictures, tables and all settings, which needs nothing else to be looked at; never half written")
}

// check reports a file that cannot be written, or that something else is written to.
func (f *pageFlag) check(set *pflag.FlagSet, data []string, others ...string) error {
	if set.Changed(f.flag) && !slices.Contains(pageFormats, strings.ToLower(filepath.Ext(f.path))) {
		return usagef("--report %q: want a name that ends in %s", f.path, strings.Join(pageFormats, ", "))
	}
	for _, other := range others {
		if f.toFile() && other != "" && filepath.Clean(other) == filepath.Clean(f.path) {
			return usagef("--report is %s, which --output or --save is too: name two files", f.path)
		}
	}
	return f.outputFlag.check(set, data)
}

// describe keeps what the page says of the data, of which rows were left out.
func (f *pageFlag) describe(d data, out left) (err error) {
	if f.toFile() {
		f.columns, err = summarize(d, out)
	}
	return err
}

// write writes the page, if there is a file for it.
func (f *pageFlag) write(r mine.Result, from provenance) error {
	if !f.toFile() {
		return nil
	}
	text, err := render(r, f.columns, from)
	if err != nil {
		return f.failed(err)
	}
	return f.failed(wholefile.Write(f.path, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	}))
}

// provenance is what a page says of a result that the result does not know.
type provenance struct {
	command   []string
	precision string
	in        inputs
	left      left
	unit      unit
}

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// page is what the template is filled with.
type page struct {
	Headline         string
	Answer, Warnings []string
	Pictures         []picture
	Critics          tabular
	Data             []string
	Columns          tabular
	Facts            [][2]string
	Command          []string // in parts that stay on a line
	Settings         []string
	Result           template.JS // JSON, in which encoding/json leaves no < and no &
	Thinned          bool
}

// mostPagePoints is how many points of curves the result in a page has: at 80 bytes each,
// a quarter of a megabyte.
const mostPagePoints = 3000

// render returns the page of a result.
func render(r mine.Result, columns tabular, from provenance) ([]byte, error) {
	u, digits := from.unit, decimals(from.unit.of(r.StdErr))
	info := func(nats float64) string { return fixed(u.of(nats), digits) }
	level := percent(r.Config.Confidence)
	p := page{
		Headline: fmt.Sprintf("I(X;Z) = %s %s", info(r.Estimate), u),
		Answer: []string{fmt.Sprintf("The %s interval of this bound is %s to %s %s. With %s confidence, X and Z share at least %s %s.",
			level, info(r.Low), info(r.High), u, level, info(r.LowerBound), u)},
		Pictures: pictures(r, u, digits),
		Critics:  criticTable(r, u, digits),
		Data:     []string{"X is " + side(from.in.X, r.X) + ", Z is " + side(from.in.Z, r.Z) + ".", "Rows: " + rowsText(r) + "."},
		Columns:  columns,
		Command:  from.command,
		Settings: commandLine(r.Config),
	}
	if silent(r.Bound, info) {
		p.Answer = []string{"Critics that say nothing have no interval."}
	}
	if r.LowerBound > 0 {
		p.Answer = append(p.Answer, fmt.Sprintf("As a rule %s %s is nearer to the truth, but not certified.", info(r.Likely), u))
	} else {
		p.Answer = append(p.Answer, "The data do not show that X and Z depend on each other. Where they do not, chance makes a number near 0 that may be negative.")
	}
	for _, w := range r.Warnings {
		p.Warnings = append(p.Warnings, "Warning: "+explain(w, r))
	}
	if text := splitText(r.Split); text != "" {
		p.Data = append(p.Data, "Split: "+text+".")
	}
	if from.left.rows > 0 {
		p.Data = append(p.Data, from.left.String()+".")
	}
	p.Facts = [][2]string{
		{"Training", trainingText(r)}, {"Time", strings.Join(times(r), " ")}, {"Seed", fmt.Sprint(r.Config.Seed)},
		{"Precision", from.precision}, {"Program", version()},
	}
	points := len(r.Curve)
	for _, c := range r.Critics {
		for _, curve := range c.Curves {
			points += len(curve)
		}
	}
	for _, e := range r.Race {
		points += len(e.Curve)
	}
	if p.Thinned = points > mostPagePoints; p.Thinned {
		r.Curve = []mine.Point{}
		r.Critics = slices.Clone(r.Critics)
		for i := range r.Critics {
			r.Critics[i].Curves = nil
		}
		r.Race = slices.Clone(r.Race)
		for i := range r.Race {
			r.Race[i].Curve = nil
		}
	}
	result, err := encode(r, from.precision, from.in, u)
	if err != nil {
		return nil, err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, result); err != nil {
		return nil, err
	}
	p.Result = template.JS(compact.String())
	var b bytes.Buffer
	err = pageTemplate.Execute(&b, p)
	return b.Bytes(), err
}

// invocation is the command line with the flags that were given, a flag and its value in one part.
func invocation(set *pflag.FlagSet, args []string) []string {
	words := []string{"mine estimate"}
	if !set.Changed("sql") {
		for _, a := range args {
			words = append(words, quoted(a))
		}
	}
	set.Visit(func(f *pflag.Flag) {
		if f.Value.Type() == "bool" {
			words = append(words, "--"+f.Name+"="+f.Value.String())
			return
		}
		words = append(words, "--"+f.Name+" "+quoted(given(f)))
	})
	return words
}

// given is the value of a flag as the command line takes it.
func given(f *pflag.Flag) string {
	if list, ok := f.Value.(pflag.SliceValue); ok {
		return strings.Join(list.GetSlice(), ",")
	}
	return f.Value.String()
}

// quoted is a word as a POSIX shell reads it back.
func quoted(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,=+@"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
