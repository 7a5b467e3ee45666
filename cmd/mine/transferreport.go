package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"gomine/mine"
	"gomine/mine/conditional"
	"gomine/mine/transfer"
)

// directions are what both directions of a result are called, in order.
func directions(r transfer.Result) []struct {
	from, to string
	transfer.Direction
} {
	return []struct {
		from, to string
		transfer.Direction
	}{{"X", "Z", r.XToZ}, {"Z", "X", r.ZToX}}
}

// stronger says in words which direction has more: the one whose interval is above the other's.
func stronger(r transfer.Result, info func(nats float64) string, u unit) string {
	more := func(from, to string, net float64) string {
		return fmt.Sprintf("%s tells more about the future of %s: %s %s more, +- %s at most", from, to, info(net), u, info(r.NetStdErr))
	}
	found := func(from, to string) string {
		return fmt.Sprintf("%s tells about the future of %s; from %s to %s nothing was found", from, to, to, from)
	}
	switch {
	case r.Split.Unresolved || r.Split.Levels:
		return "which direction has more cannot be said"
	case r.ZToX.Nothing && r.XToZ.Low > 0:
		return found("X", "Z")
	case r.XToZ.Nothing && r.ZToX.Low > 0:
		return found("Z", "X")
	case r.XToZ.Low > r.ZToX.High:
		return more("X", "Z", r.Net)
	case r.ZToX.Low > r.XToZ.High:
		return more("Z", "X", -r.Net)
	}
	return "which direction has more the data do not show"
}

// reportTransfer writes both directions for people to read. missing are the rows that lack a value.
func reportTransfer(r transfer.Result, in inputs, u unit, missing []bool) []byte {
	var b bytes.Buffer
	digits := decimals(u.of(max(r.XToZ.StdErr, r.ZToX.StdErr)))
	info := func(nats float64) string { return fixed(u.of(nats), digits) }
	level := percent(r.Config.Estimate.Confidence)
	for _, d := range directions(r) {
		if d.Nothing {
			fmt.Fprintf(&b, "TE(%s -> %s): nothing found, no critic is better than none: no upper limit\n", d.from, d.to)
			continue
		}
		fmt.Fprintf(&b, "TE(%s -> %s) = %s %s   %s interval %s to %s   (standard error %s)\n",
			d.from, d.to, info(d.Estimate), u, level, info(d.Low), info(d.High), info(d.StdErr))
	}
	fmt.Fprintf(&b, "%s\n\n", stronger(r, info, u))
	line := func(label, format string, args ...any) {
		for _, l := range wrap(strings.Fields(fmt.Sprintf(format, args...)), reportWidth-reportTab) {
			fmt.Fprintf(&b, "%-*s%s\n", reportTab, label, l)
			label = ""
		}
	}
	line("X", "%s", columnsOf(in.X))
	line("Z", "%s", columnsOf(in.Z))
	s := r.Split
	if in.Group != "" {
		line("series", "%s, by %s", grouped(s.Series), in.Group)
	}
	line("windows", "%s of the past, to say what is %s ahead: %s windows", plural(r.Config.Lag, "row"), plural(r.Config.Horizon, "row"), grouped(s.Windows))
	line("split", "%s blocks of some %s rows, with %s between those of a series: %s windows used, correlated over %s",
		grouped(s.Blocks), grouped(s.Length), grouped(s.Gap), grouped(s.Used), plural(int(s.CorrelationTime+0.5), "row"))
	label := "terms"
	for _, d := range directions(r) {
		for _, w := range d.Ways {
			numbers := "nothing found in either term"
			if !w.Nothing {
				numbers = fmt.Sprintf("%s less %s = %s +- %s", info(w.With.Estimate), info(max(0, w.Without.Estimate)), info(w.Estimate), info(w.StdErr))
			}
			line(label, "%s -> %s by %s: %s%s", d.from, d.to, w.Way, numbers, taken(d.Direction, w))
			label = ""
		}
	}
	label = "test"
	for _, d := range directions(r) {
		if t := d.Test; t != nil {
			line(label, "no transfer from %s to %s: p = %s, by %s of %s windows", d.from, d.to, pText(t.PValue), plural(t.Blocks, "block"), grouped(t.Length))
			label = ""
		}
	}
	label = "lagged"
	for _, d := range directions(r) {
		for _, l := range d.Lagged {
			numbers := ": nothing found"
			if !l.Nothing {
				numbers = fmt.Sprintf(" = %s %s, %s to %s", info(l.Estimate), u, info(l.Low), info(l.High))
			}
			line(label, "I(%s(t-%d); %s(t))%s", d.from, l.Lag, d.to, numbers)
			label = ""
		}
	}
	line("settings", "--lag %d --horizon %d --lagged=%t --way %s %s", r.Config.Lag, r.Config.Horizon, r.Config.Lagged, r.Config.Way, strings.Join(append(testLine(r.Config), commandLine(r.Config.Estimate)...), " "))
	paragraph := func(text string) {
		fmt.Fprintln(&b)
		for _, l := range wrap(strings.Fields(text), reportWidth) {
			fmt.Fprintln(&b, l)
		}
	}
	for _, warning := range r.Warnings {
		paragraph("warning: " + warning.Message + ".")
	}
	for _, d := range directions(r) {
		for _, warning := range d.Warnings {
			paragraph(fmt.Sprintf("warning from %s to %s: %s.", d.from, d.to, strings.TrimSuffix(warning.Message, ".")))
		}
		reportDoubts(paragraph, d.from, d.to, d.Test)
	}
	if lacking := lackingRows(missing); lacking > 0 {
		paragraph(fmt.Sprintf("note: %s of %s lack a value, and no window looks at them.", grouped(lacking), plural(len(missing), "row")))
	}
	return b.Bytes()
}

// reportDoubts writes the doubts of the test of a direction, nil for none.
func reportDoubts(paragraph func(text string), from, to string, t *transfer.Test) {
	if t == nil {
		return
	}
	for _, doubt := range t.Doubts {
		paragraph(fmt.Sprintf("warning of the test from %s to %s, where x is the past of %s, z the future of %s, and its past the condition: %s.", from, to, from, to, doubt.Message))
	}
}

// testLine are the flags that repeat the tests.
func testLine(c transfer.Config) []string {
	if c.Permutations == 0 {
		return nil
	}
	return []string{"--test", "--permutations", strconv.Itoa(c.Permutations)}
}

// taken marks the way that a direction is estimated by, where there is another.
func taken(d transfer.Direction, w transfer.Terms) string {
	if len(d.Ways) > 1 && w.Way == d.Way {
		return ", taken"
	}
	return ""
}

func lackingRows(missing []bool) (n int) {
	for _, m := range missing {
		if m {
			n++
		}
	}
	return n
}

// columnsOf says where X or Z came from.
func columnsOf(s source) string {
	if s.Columns == "" {
		return "all columns of " + s.File
	}
	return s.Columns + " of " + s.File
}

// transferDocument is what mine transfer --json prints, all of it in nats.
type transferDocument struct {
	Schema    string             `json:"schema"`
	Unit      unit               `json:"unit"`
	XToZ      transfer.Direction `json:"x_to_z"`
	ZToX      transfer.Direction `json:"z_to_x"`
	Net       float64            `json:"net"`
	NetStdErr *float64           `json:"net_std_err,omitempty"` // nil where nothing was found in one of them
	Split     transfer.Split     `json:"split"`
	Warnings  []mine.Warning     `json:"warnings,omitempty"`
	Lag       int                `json:"lag"`
	Horizon   int                `json:"horizon"`
	Way       conditional.Way    `json:"way"`
	// Permutations is how many each test has, 0 for no test.
	Permutations int      `json:"permutations,omitempty"`
	Config       settings `json:"config"` // of the estimates, as --config takes it
	Input        inputs   `json:"input"`
}

// transferSchema names the form of what mine transfer --json prints, which doc/transfer.md
// describes.
const transferSchema = "gomine.transfer/1"

// encodeTransfer returns both directions as one JSON object.
func encodeTransfer(r transfer.Result, s settings, in inputs) ([]byte, error) {
	stdErr := &r.NetStdErr
	if r.XToZ.Nothing || r.ZToX.Nothing {
		stdErr = nil
	}
	text, err := json.Marshal(transferDocument{
		Schema: transferSchema, Unit: nats, XToZ: r.XToZ, ZToX: r.ZToX, Net: r.Net, NetStdErr: stdErr,
		Split: r.Split, Warnings: r.Warnings, Lag: r.Config.Lag, Horizon: r.Config.Horizon, Way: r.Config.Way, Permutations: r.Config.Permutations, Config: s, Input: in,
	})
	if err != nil {
		return nil, fmt.Errorf("--json: %w", err)
	}
	return append(text, '\n'), nil
}
