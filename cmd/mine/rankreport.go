package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"gomine/mine"
	"gomine/mine/ranking"
)

// rankCSV is a line a column, in nats. What a column adds is there for those of the forward selection.
func rankCSV(d rankDocument) ([]byte, error) {
	steps := map[int]int{} // by the index of the column, from 1
	for s, step := range d.Steps {
		steps[step.Index] = s + 1
	}
	header := []string{"rank", "column", "index", "estimate", "std_err", "low", "high", "lower_bound", "likely", "selection", "p_value", "q_value",
		"step", "gain", "gain_std_err", "gain_low", "gain_high", "total", "warnings", "error"}
	return writeCSV(header, d.Columns, func(c ranking.Column) []string {
		record := make([]string, len(header))
		record[1], record[2], record[len(record)-1] = c.Name, strconv.Itoa(c.Index), c.Error
		if c.Findings != nil {
			record[0] = strconv.Itoa(c.Rank)
			copy(record[3:], decimalTexts(c.Estimate, c.StdErr, c.Low, c.High, c.LowerBound, c.Likely, c.Selection, c.PValue, c.QValue))
			record[len(header)-2] = strings.Join(warningCodes(c.Warnings), " ")
		}
		if s := steps[c.Index]; s > 0 {
			step := d.Steps[s-1]
			record[12] = strconv.Itoa(s)
			copy(record[13:], decimalTexts(step.Gain.Estimate, step.Gain.StdErr, step.Gain.Low, step.Gain.High, step.Total.Estimate))
		}
		return record
	})
}

const (
	mostNameWidth = 24   // of the name of a column in a table
	discoveryRate = 0.05 // of false discoveries, that a report counts by
)

// reportRank writes a ranking for people to read.
func reportRank(d rankDocument, u unit) []byte {
	var b bytes.Buffer
	level := percent(d.Config.Confidence)
	found, discoveries, width := 0, 0, len("column")
	for _, c := range d.Columns {
		width = max(width, min(mostNameWidth, utf8.RuneCountInString(printable(c.Name))))
		if c.Findings != nil {
			found++
			if c.QValue <= discoveryRate {
				discoveries++
			}
		}
	}
	paragraph := func(format string, args ...any) {
		for _, l := range wrap(strings.Fields(fmt.Sprintf(format, args...)), reportWidth) {
			fmt.Fprintln(&b, l)
		}
	}
	paragraph("%s of %s by information about %s, in %s. The order is by %s (selection); all else is judged on %s others.",
		plural(len(d.Columns), "column"), d.Input.File, d.Target, u, plural(d.Rows.Selection, "row"), grouped(d.Rows.Judging))
	fmt.Fprintf(&b, "\n%4s  %-*s%10s%9s   %-20s%10s%9s%9s\n", "rank", width, "column", "estimate", "error", level+" interval", "selection", "p", "q")
	for _, c := range d.Columns {
		name := shortened(printable(c.Name), width)
		if c.Findings == nil {
			fmt.Fprintf(&b, "%4s  %s  %s\n", "-", name, c.Error)
			continue
		}
		number := fixedBy(c.StdErr, u)
		fmt.Fprintf(&b, "%4d  %s%10s%9s   %-20s%10s%9s%9s\n", c.Rank, name, number(c.Estimate), number(c.StdErr),
			number(c.Low)+" to "+number(c.High), number(c.Selection), pText(c.PValue), pText(c.QValue))
	}
	reportSteps(&b, d, u, width)
	fmt.Fprintln(&b)
	paragraph("%s of %s with q up to %g, where a share of at most this is expected to be independent of %s%s.",
		grouped(discoveries), plural(found, "column"), discoveryRate, d.Target, dependenceText(d.FDRMethod))
	if tests := d.FDRMethod.Tests(found); tests/float64(d.Permutations+1) > discoveryRate {
		paragraph("note: with %s permutations one column alone has a q of %.2g at least: more show more, --permutations %d.",
			grouped(d.Permutations), min(1, tests/float64(d.Permutations+1)), int(tests/discoveryRate))
	}
	if !d.Exact {
		paragraph("note: rows are a series: p-values are approximate, of rotations.")
	}
	if d.Input.LeftOut > 0 {
		paragraph("note: %s were left out because values are missing in some of the columns.", plural(d.Input.LeftOut, "row"))
	}
	reportRankWarnings(paragraph, d)
	paragraph("settings: --permutations %d %s", d.Permutations, strings.Join(commandLine(d.Config.Config), " "))
	return b.Bytes()
}

// reportSteps writes the forward selection, if there is one.
func reportSteps(b *bytes.Buffer, d rankDocument, u unit, width int) {
	if len(d.Steps) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%4s  %-*s%10s%9s   %-20s%10s%18s\n", "step", width, "column", "adds", "error", percent(d.Config.Confidence)+" interval", "total", "selection")
	for s, step := range d.Steps {
		number := fixedBy(step.Gain.StdErr, u)
		fmt.Fprintf(b, "%4d  %s%10s%9s   %-20s%10s%18s\n", s+1, shortened(printable(step.Name), width), number(step.Gain.Estimate), number(step.Gain.StdErr),
			number(step.Gain.Low)+" to "+number(step.Gain.High), number(step.Total.Estimate), number(step.Selection))
	}
}

// reportRankWarnings writes the warnings of all columns, one a code.
func reportRankWarnings(paragraph func(format string, args ...any), d rankDocument) {
	columns := map[mine.WarningCode][]string{}
	var first []mine.Warning
	for _, c := range d.Columns {
		if c.Findings == nil {
			continue
		}
		for _, warning := range c.Warnings {
			if columns[warning.Code] == nil {
				first = append(first, warning)
			}
			columns[warning.Code] = append(columns[warning.Code], printable(c.Name))
		}
	}
	for _, warning := range first {
		names := columns[warning.Code]
		more := ""
		if len(names) > mostCodes {
			names, more = names[:mostCodes], fmt.Sprintf(" and %d more", len(names)-mostCodes)
		}
		paragraph("warning, column %s%s: %s", strings.Join(names, ", "), more, explain(warning, mine.Result{Config: d.Config.Config, Split: mine.Split{Kind: d.Config.Split}}))
	}
}

// shortened is a name of a width, with an ellipsis for what is left out.
func shortened(name string, width int) string {
	runes := []rune(name)
	if len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return name + strings.Repeat(" ", width-len(runes))
}
