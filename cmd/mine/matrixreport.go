package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"gomine/mine"
	"gomine/mine/pairwise"
)

const (
	// mostPrinted is how many pairs are printed, and mostMarkdown how many a Markdown file has.
	mostPrinted, mostMarkdown = 20, 100
	// screenDecimals are those of information that has no standard error.
	screenDecimals = 3
)

// headline says how many pairs there are, and what became of them.
func (m *matrix) headline() string {
	s := m.screening
	text := fmt.Sprintf("%s: %s, %s, %s", m.file, plural(s.Rows, "row"), plural(len(m.variables), "variable"), plural(len(s.Pairs), "pair"))
	text += fmt.Sprintf("; %s at a false discovery rate of %s", areLeft(s.Left(m.config.FDR)), percent(m.config.FDR))
	if len(m.chosen) > 0 {
		text += fmt.Sprintf(", %s estimated by networks", grouped(len(m.chosen)))
	}
	return text
}

// areLeft says how many pairs are left.
func areLeft(n int) string {
	if n == 1 {
		return "1 is left"
	}
	return grouped(n) + " are left"
}

// cells are a pair as tables have it: information, its error, normalised information, that of the screen,
// and the p-value.
func (m *matrix) cells(k int, u unit) []string {
	p := m.screening.Pairs[k]
	info, se := fixed(u.of(p.Information), screenDecimals), ""
	if e := m.estimates[k]; e != nil && e.Error == "" {
		digits := decimals(u.of(e.StdErr))
		info, se = fixed(u.of(e.Estimate), digits), fixed(u.of(e.StdErr), digits)
	}
	return []string{printable(m.variables[p.A].Name), printable(m.variables[p.B].Name), info, se,
		fixed(pairwise.Normalised(m.information(k)), 2), fixed(u.of(p.Information), screenDecimals), tinyText(p.PValue), m.remark(k)}
}

// tinyText is pText of a p-value that may be too small for a float64.
func tinyText(p float64) string {
	if p < 1e-300 {
		return "<1e-300"
	}
	return pText(p)
}

// remark is the codes of the warnings about a pair.
func (m *matrix) remark(k int) string {
	e := m.estimates[k]
	switch {
	case e == nil:
		return ""
	case e.Error != "":
		return "failed"
	}
	return strings.Join(warningCodes(e.Warnings), " ")
}

func warningCodes(warnings []mine.Warning) []string {
	var codes []string
	for _, w := range warnings {
		codes = append(codes, string(w.Code))
	}
	return codes
}

// head are the headings of cells.
func (m *matrix) head(u unit) []string {
	return []string{"A", "B", "I, " + string(u), "+-", "normalised", "screen", "p", "warnings"}
}

// print writes the strongest pairs for people to read.
func (m *matrix) print(w io.Writer, u unit) error {
	out := bufio.NewWriter(w)
	for _, l := range wrap(strings.Fields(m.headline()), reportWidth) {
		fmt.Fprintln(out, l)
	}
	fmt.Fprintln(out)
	order := m.ranking()
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(m.head(u), "\t"))
	for _, k := range order[:min(len(order), mostPrinted)] {
		fmt.Fprintln(t, strings.Join(m.cells(k, u), "\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if more := len(order) - mostPrinted; more > 0 {
		fmt.Fprintf(out, "and %s, all of which --output writes\n", plural(more, "more pair"))
	}
	for _, note := range m.notes() {
		fmt.Fprintln(out)
		for _, l := range wrap(strings.Fields("note: "+note), reportWidth) {
			fmt.Fprintln(out, l)
		}
	}
	return out.Flush()
}

// writeMarkdown writes the strongest pairs as a table of Markdown.
func (m *matrix) writeMarkdown(w io.Writer) error {
	out := bufio.NewWriter(w)
	line := func(cells []string) {
		for _, c := range cells {
			fmt.Fprintf(out, "| %s ", strings.NewReplacer("|", `\|`, "\n", " ").Replace(c))
		}
		fmt.Fprintln(out, "|")
	}
	fmt.Fprintf(out, "%s.\n\n", m.headline())
	line(m.head(nats))
	line([]string{"---", "---", "---:", "---:", "---:", "---:", "---:", "---"})
	order := m.ranking()
	for _, k := range order[:min(len(order), mostMarkdown)] {
		line(m.cells(k, nats))
	}
	for _, note := range m.notes() {
		fmt.Fprintf(out, "\nNote: %s\n", note)
	}
	return out.Flush()
}

// writeCSV writes all pairs, those of the most information first. Cells of what there is not are empty.
func (m *matrix) writeCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"a", "b", "information", "normalised", "estimate", "std_err", "low", "high", "lower_bound", "likely",
		"screen", "gaussian", "binned", "p_value", "q_value", "effective_rows", "warnings", "error"}); err != nil {
		return err
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	for _, k := range m.ranking() {
		p, e := m.screening.Pairs[k], m.estimates[k]
		cells := []string{m.variables[p.A].Name, m.variables[p.B].Name, number(m.information(k)), number(pairwise.Normalised(m.information(k)))}
		reason := ""
		switch {
		case e == nil:
			cells = append(cells, "", "", "", "", "", "")
		case e.Error != "":
			cells, reason = append(cells, "", "", "", "", "", ""), e.Error
		default:
			cells = append(cells, number(e.Estimate), number(e.StdErr), number(e.Low), number(e.High), number(e.LowerBound), number(e.Likely))
		}
		cells = append(cells, number(p.Information), number(p.Gaussian), number(p.Binned), number(p.PValue), number(p.QValue), number(p.EffectiveRows), "", reason)
		if e != nil {
			cells[len(cells)-2] = strings.Join(warningCodes(e.Warnings), " ")
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// matrixSchema names the form of the JSON of mine matrix, which doc/matrix.md describes.
const matrixSchema = "gomine.matrix/1"

// matrixDocument is what JSON has before the pairs. All information is in nats.
type matrixDocument struct {
	Schema    string           `json:"schema"`
	Unit      unit             `json:"unit"`
	Variables []matrixVariable `json:"variables"`
	pairwise.Screening
	Left      int         `json:"left"`      // pairs at the false discovery rate
	Estimated int         `json:"estimated"` // pairs that networks were asked for
	FDR       float64     `json:"fdr"`
	Top       int         `json:"top"`
	All       bool        `json:"all"`
	Config    settings    `json:"config"`
	Input     matrixInput `json:"input"`
	Notes     []string    `json:"notes"`
}

type matrixVariable struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
}

// matrixPair is a pair in JSON.
type matrixPair struct {
	A           string             `json:"a"`
	B           string             `json:"b"`
	Information float64            `json:"information"`
	Normalised  float64            `json:"normalised"`
	Screen      matrixScreen       `json:"screen"`
	Estimate    *pairwise.Estimate `json:"estimate,omitempty"`
}

// matrixScreen is a pair of the screen by the names of its variables, which are beside it.
type matrixScreen struct {
	A int `json:"a,omitempty"`
	B int `json:"b,omitempty"`
	pairwise.Pair
}

// writeJSON writes everything, a pair a line: there may be half a million.
func (m *matrix) writeJSON(w io.Writer) error {
	doc := matrixDocument{
		Schema: matrixSchema, Unit: nats, Screening: m.screening, Left: m.screening.Left(m.config.FDR), Estimated: len(m.chosen),
		FDR: m.config.FDR, Top: m.config.Top, All: m.config.All, Config: m.settings, Input: m.inputs, Notes: m.notes(),
	}
	for _, v := range m.variables {
		var names []string
		for _, c := range v.Data.Columns() {
			names = append(names, c.Name)
		}
		doc.Variables = append(doc.Variables, matrixVariable{v.Name, names})
	}
	head, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	out.Write(head[:len(head)-1])
	out.WriteString(",\"pairs\":[\n")
	for i, k := range m.ranking() {
		p := m.screening.Pairs[k]
		text, err := json.Marshal(matrixPair{
			m.variables[p.A].Name, m.variables[p.B].Name, m.information(k), pairwise.Normalised(m.information(k)), matrixScreen{Pair: p}, m.estimates[k],
		})
		if err != nil {
			return err
		}
		if i > 0 {
			out.WriteString(",\n")
		}
		out.Write(text)
	}
	out.WriteString("\n]}\n")
	return out.Flush()
}
