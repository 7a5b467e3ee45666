package main

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"gomine/mine"
	"gomine/mine/independence"
	"gomine/mine/pairwise"
)

// pairTable is all that is known of the pairs of a table: what its files are written from.
type pairTable struct {
	matrixDocument
	estimates []*pairwise.Estimate // by pair; nil where there is none
}

// matrixDocument is what JSON has before the pairs, doc/matrix.md says what it is. All information is in
// nats.
type matrixDocument struct {
	Schema    string           `json:"schema"`
	Unit      unit             `json:"unit"`
	Variables []matrixVariable `json:"variables"`
	pairwise.Screening
	Seed      uint64                 `json:"seed"` // of the order of equal values, and of the networks
	FDR       float64                `json:"fdr"`
	FDRMethod independence.FDRMethod `json:"fdr_method"`
	Left      int                    `json:"left"`      // pairs at this false discovery rate
	Estimated int                    `json:"estimated"` // pairs that networks were asked for
	Top       int                    `json:"top,omitempty"`
	All       bool                   `json:"all,omitempty"`
	Config    *settings              `json:"config,omitempty"` // of the networks
	Input     matrixInput            `json:"input"`
	Notes     []string               `json:"notes"`
}

type matrixVariable struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
}

// matrixSchema names the form of the JSON of mine matrix, which doc/matrix.md describes.
const matrixSchema = "gomine.matrix/1"

// information is that of a pair: of the networks or, where they were not asked, of the screen.
func (t *pairTable) information(k int) float64 {
	if t.estimated(k) {
		return t.estimates[k].Estimate
	}
	return t.Pairs[k].Information
}

// estimated says whether networks have estimated a pair.
func (t *pairTable) estimated(k int) bool { return t.estimates[k] != nil && t.estimates[k].Error == "" }

// ranking has all pairs, those that networks have estimated first, and those of the most information
// first among these and the others.
func (t *pairTable) ranking() []int {
	order := make([]int, len(t.estimates))
	for k := range order {
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if t.estimated(a) != t.estimated(b) {
			if t.estimated(a) {
				return -1
			}
			return 1
		}
		return cmp.Compare(t.information(b), t.information(a))
	})
	return order
}

// failures are a note about pairs that could not be estimated, if there are any.
func (t *pairTable) failures() []string {
	count, first := 0, 0
	for k, e := range t.estimates {
		if e != nil && e.Error != "" {
			if count++; count == 1 {
				first = k
			}
		}
	}
	if count == 0 {
		return nil
	}
	p := t.Pairs[first]
	return []string{fmt.Sprintf("%s could not be estimated, such as %s and %s: %s.", plural(count, "pair"),
		t.Variables[p.A].Name, t.Variables[p.B].Name, oneLine(errors.New(t.estimates[first].Error)))}
}

// answer prints the table for people, or all of it as JSON. It is an error if no pair could be estimated.
func (t *pairTable) answer(w io.Writer, asJSON bool, u unit) error {
	write := func(w io.Writer) error { return t.print(w, u) }
	if asJSON {
		write = t.writeJSON
	}
	if err := write(w); err != nil {
		return fmt.Errorf("stdout: %w", pathCause(err))
	}
	if failures := t.failures(); failures != nil && !slices.ContainsFunc(t.estimates, func(e *pairwise.Estimate) bool { return e != nil && e.Error == "" }) {
		return fmt.Errorf("%s: %s", t.Input.File, strings.TrimSuffix(failures[0], "."))
	}
	return nil
}

const (
	// mostPrinted is how many pairs are printed, and mostMarkdown how many a Markdown file has.
	mostPrinted, mostMarkdown = 20, 100
	// screenDecimals are those of information that has no standard error.
	screenDecimals = 3
)

// headline says how many pairs there are, and what became of them.
func (t *pairTable) headline() string {
	text := fmt.Sprintf("%s: %s, %s, %s; %s at a false discovery rate of %s%s", t.Input.File, plural(t.Rows, "row"),
		plural(len(t.Variables), "variable"), plural(len(t.Pairs), "pair"), areLeft(t.Left), percent(t.FDR), dependenceText(t.FDRMethod))
	if t.Estimated > 0 {
		text += fmt.Sprintf(", %s estimated by networks", grouped(t.Estimated))
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
func (t *pairTable) cells(k int, u unit) []string {
	p := t.Pairs[k]
	info, se := fixed(u.of(p.Information), screenDecimals), ""
	if t.estimated(k) {
		e := t.estimates[k]
		number := fixedBy(e.StdErr, u)
		info, se = number(e.Estimate), number(e.StdErr)
	}
	return []string{printable(t.Variables[p.A].Name), printable(t.Variables[p.B].Name), info, se,
		fixed(pairwise.Normalised(t.information(k)), 2), fixed(u.of(p.Information), screenDecimals), tinyText(p.PValue), cmp.Or(t.failed(k), t.remark(k))}
}

// failed is "failed" for a pair that could not be estimated.
func (t *pairTable) failed(k int) string {
	if e := t.estimates[k]; e != nil && e.Error != "" {
		return "failed"
	}
	return ""
}

// tinyText is pText of a p-value that may be too small for a float64.
func tinyText(p float64) string {
	if p < 1e-300 {
		return "<1e-300"
	}
	return pText(p)
}

// remark is the codes of the warnings about a pair: of the screen, which the notes explain, and of the estimate.
func (t *pairTable) remark(k int) string {
	var codes []string
	if t.Pairs[k].Ordered {
		codes = append(codes, "ordered")
	}
	if t.Pairs[k].HiddenCopies {
		codes = append(codes, "copies")
	}
	if e := t.estimates[k]; e != nil {
		for _, code := range warningCodes(e.Warnings) {
			if !slices.Contains(codes, code) {
				codes = append(codes, code)
			}
		}
	}
	return strings.Join(codes, " ")
}

func warningCodes(warnings []mine.Warning) []string {
	var codes []string
	for _, w := range warnings {
		codes = append(codes, string(w.Code))
	}
	return codes
}

// head are the headings of cells.
func (t *pairTable) head(u unit) []string {
	return []string{"A", "B", "I, " + string(u), "+-", "normalised", "screen", "p", "warnings"}
}

// print writes the strongest pairs for people to read.
func (t *pairTable) print(w io.Writer, u unit) error {
	out := bufio.NewWriter(w)
	for _, l := range wrap(strings.Fields(t.headline()), reportWidth) {
		fmt.Fprintln(out, l)
	}
	fmt.Fprintln(out)
	order := t.ranking()
	lines := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(lines, strings.Join(t.head(u), "\t"))
	for _, k := range order[:min(len(order), mostPrinted)] {
		fmt.Fprintln(lines, strings.Join(t.cells(k, u), "\t"))
	}
	if err := lines.Flush(); err != nil {
		return err
	}
	if more := len(order) - mostPrinted; more > 0 {
		fmt.Fprintf(out, "and %s, all of which --output writes\n", plural(more, "more pair"))
	}
	for _, note := range slices.Concat(t.Notes, t.failures()) {
		fmt.Fprintln(out)
		for _, l := range wrap(strings.Fields("note: "+note), reportWidth) {
			fmt.Fprintln(out, l)
		}
	}
	return out.Flush()
}

// writeMarkdown writes the strongest pairs as a table of Markdown.
func (t *pairTable) writeMarkdown(w io.Writer) error {
	out := bufio.NewWriter(w)
	line := func(cells []string) {
		for _, c := range cells {
			fmt.Fprintf(out, "| %s ", strings.NewReplacer("|", `\|`, "\n", " ").Replace(c))
		}
		fmt.Fprintln(out, "|")
	}
	fmt.Fprintf(out, "%s.\n\n", t.headline())
	line(t.head(nats))
	line([]string{"---", "---", "---:", "---:", "---:", "---:", "---:", "---"})
	order := t.ranking()
	for _, k := range order[:min(len(order), mostMarkdown)] {
		line(t.cells(k, nats))
	}
	for _, note := range slices.Concat(t.Notes, t.failures()) {
		fmt.Fprintf(out, "\nNote: %s\n", note)
	}
	return out.Flush()
}

// writeCSV writes all pairs, those of the most information first. Cells of what there is not are empty.
func (t *pairTable) writeCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"a", "b", "information", "normalised", "estimate", "std_err", "low", "high", "lower_bound", "likely",
		"screen", "gaussian", "binned", "p_value", "q_value", "effective_rows", "warnings", "error"}); err != nil {
		return err
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	for _, k := range t.ranking() {
		p, e := t.Pairs[k], t.estimates[k]
		cells := []string{t.Variables[p.A].Name, t.Variables[p.B].Name, number(t.information(k)), number(pairwise.Normalised(t.information(k)))}
		reason := ""
		switch {
		case e == nil:
			cells = append(cells, "", "", "", "", "", "")
		case e.Error != "":
			cells, reason = append(cells, "", "", "", "", "", ""), e.Error
		default:
			cells = append(cells, number(e.Estimate), number(e.StdErr), number(e.Low), number(e.High), number(e.LowerBound), number(e.Likely))
		}
		cells = append(cells, number(p.Information), number(p.Gaussian), number(p.Binned), number(p.PValue), number(p.QValue), number(p.EffectiveRows), t.remark(k), reason)
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
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
func (t *pairTable) writeJSON(w io.Writer) error {
	doc := t.matrixDocument
	doc.Notes = append(append([]string{}, doc.Notes...), t.failures()...) // never null
	head, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	out.Write(head[:len(head)-1])
	out.WriteString(",\"pairs\":[\n")
	for i, k := range t.ranking() {
		p := t.Pairs[k]
		text, err := json.Marshal(matrixPair{
			t.Variables[p.A].Name, t.Variables[p.B].Name, t.information(k), pairwise.Normalised(t.information(k)), matrixScreen{Pair: p}, t.estimates[k],
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
