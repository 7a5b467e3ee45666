package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gomine/mine"
	"gomine/mine/conditional"
)

// registerWay defines the flag that says which way to go to I(X;Z|Y).
func (f *estimateFlags) registerWay(cmd *cobra.Command) {
	var names []string
	for _, w := range conditional.Ways() {
		names = append(names, string(w))
	}
	condition := newFlags()
	addChoice(condition, &f.way, "way", "way to I(X;Z|Y): by the difference of two estimates, by residuals given Y, or both and the one with more left where what is taken off is that of training rows", names...)
	addGroup(cmd, "Condition", condition)
}

// checkGiven reports flags that do not go with --given, or not without it.
func (f *estimateFlags) checkGiven(set *pflag.FlagSet) error {
	if f.input.given == "" {
		if set.Changed("way") {
			return usagef("--way is of I(X;Z|Y): say by --given which columns are Y")
		}
		return nil
	}
	for _, name := range []string{"save", "report", "plot", "live", "dry-run", "checkpoint", "checkpoint-every", "seeds", "shard", "memory"} {
		if set.Changed(name) {
			return usagef("--%s does not go with --given: I(X;Z|Y) is made of several estimates", name)
		}
	}
	switch {
	case set.Changed("fail-below"):
		return usagef("--fail-below does not go with --given: I(X;Z|Y) has no lower bound")
	case f.answers.form.value == formCSV || f.answers.form.value == formMarkdown:
		return usagef("--format %s does not go with --given: take %s or %s", f.answers.form.value, formText, formJSON)
	}
	return nil
}

// runConditional is run for I(X;Z|Y).
func (f *estimateFlags) runConditional(cmd *cobra.Command, args []string) error {
	u := unit(f.unit.value)
	return runAnswer(cmd, f, "there was an estimate",
		func(status *statusLine) (conditional.Result, error) { return f.conditional(cmd, args, status) },
		func(r conditional.Result) ([]byte, error) { return f.conditionalAnswer(r, args, u) })
}

// runAnswer computes a result, with progress unless --quiet is there, and writes the answer that
// the flags ask for. before is what an interrupted run has not come to.
func runAnswer[R any](cmd *cobra.Command, f *estimateFlags, before string, compute func(*statusLine) (R, error), answer func(R) ([]byte, error)) error {
	var status *statusLine
	if !f.quiet {
		status = newStatusLine(cmd.ErrOrStderr(), unit(f.unit.value))
	}
	defer context.AfterFunc(cmd.Context(), status.interrupted)()
	r, err := compute(status)
	status.clear()
	switch {
	case errors.Is(err, context.Canceled):
		return interruptedError("interrupted before " + before)
	case err != nil:
		return err
	}
	text, err := answer(r)
	if err != nil {
		return err
	}
	return f.output.write(cmd, text)
}

// conditional reads the data and estimates.
func (f *estimateFlags) conditional(cmd *cobra.Command, args []string, status *statusLine) (conditional.Result, error) {
	p, err := f.prepare(cmd, args, status)
	if err != nil {
		return conditional.Result{}, err
	}
	defer p.backend.Close()
	cfg := conditional.Config{Way: conditional.Way(f.way.value), Estimate: p.config}
	r, err := conditional.Estimate(cmd.Context(), p.given(), cfg, p.options...)
	var field *mine.FieldError
	if errors.As(err, &field) && field.Field == "way" {
		return r, usageError{worded{field.Reason("--way", field.Or), err}}
	}
	return r, f.input.tooFew(f.estimateError(err, args, cmd.Flags()))
}

// given are the data of a condition.
func (p prepared) given() conditional.Data {
	return conditional.Data{X: p.x, Z: p.z, Given: p.data.given, Groups: p.groups}
}

// condition returns where Y came from.
func (f *inputFlags) condition(files []string) source {
	y, _ := f.sources(files)
	y.Columns, y.Lacking = f.given, f.left.lacking("the condition")
	return y
}

// conditionalAnswer is what the flags ask for: a number, everything, or a report.
func (f *estimateFlags) conditionalAnswer(r conditional.Result, args []string, u unit) ([]byte, error) {
	x, z := f.input.sources(args)
	y := f.input.condition(args)
	switch {
	case f.quiet:
		return []byte(fixed(u.of(r.Estimate), quietDecimals) + "\n"), nil
	case f.answers.form.value == formJSON:
		return encodeConditional(r, f.computed, givenInputs{inputs{x, z, f.input.group, f.input.codes}, &y})
	}
	var b bytes.Buffer
	reportConditional(&b, r, x, z, y, u)
	if f.input.left.rows > 0 {
		fmt.Fprintf(&b, "\nnote: %s.\n", f.input.left)
	}
	return b.Bytes(), nil
}

// reportConditional writes I(X;Z|Y) for people to read: the number first, then the ways to it,
// then what to be careful about.
func reportConditional(w io.Writer, r conditional.Result, x, z, y source, u unit) {
	taken := r.Taken()
	digits := decimals(u.of(r.StdErr))
	if r.Nothing {
		digits = decimals(0) // the error says nothing
	}
	info := func(nats float64) string { return fixed(u.of(nats), digits) }
	if r.Nothing {
		fmt.Fprint(w, "I(X;Z|Y): nothing found, no critic is better than none: no upper limit\n\n")
	} else {
		fmt.Fprintf(w, "I(X;Z|Y) = %s %s, standard error %s   (%s interval %s to %s)\n\n",
			info(r.Estimate), u, info(r.StdErr), percent(r.Config.Estimate.Confidence), info(r.Low), info(r.High))
	}
	line := func(label, format string, args ...any) {
		for _, l := range wrap(strings.Fields(fmt.Sprintf(format, args...)), reportWidth-reportTab) {
			fmt.Fprintf(w, "%-*s%s\n", reportTab, label, l)
			label = ""
		}
	}
	for _, c := range r.Ways {
		terms := [2]string{"I(X;(Z,Y))", "I(X;Y)"}
		switch {
		case c.Narrow:
			terms = [2]string{"I(U;V)", "the defect I(U;Y)"}
		case c.Way == conditional.ByResidual:
			terms = [2]string{"I(U;(V,Y))", "the defect I(U;Y)"}
		}
		not := ""
		if c.Way != r.Way {
			not = "; not taken"
		}
		if c.Nothing {
			line(string(c.Way), "nothing found in %s or in %s%s", terms[0], terms[1], not)
			continue
		}
		line(string(c.Way), "%s +- %s %s: %s of %s less %s of %s%s", info(c.Estimate), info(c.StdErr), u,
			terms[0], info(c.With.Estimate), terms[1], info(c.Without.Estimate), not)
	}
	if r.Residuals != nil {
		line("U, V", "X and Z less what Y explains: %s", residualsText(r.Residuals))
	}
	line("X", "%s of %s", columnsText(x), x.File)
	line("Z", "%s of %s", columnsText(z), z.File)
	line("Y", "%s of %s", columnsText(y), y.File)
	line("rows", "%s", rowsText(taken.With))
	if text := splitText(taken.With.Split); text != "" {
		line("split", "%s", text)
	}
	line("settings", "--way %s %s", r.Config.Way, strings.Join(commandLine(taken.With.Config), " "))
	paragraph := func(text string) {
		fmt.Fprintln(w)
		for _, l := range wrap(strings.Fields(text), reportWidth) {
			fmt.Fprintln(w, l)
		}
	}
	paragraph("note: the difference of two lower bounds is no bound of I(X;Z|Y). The interval takes into " +
		"account how far each is below that on training rows.")
	for _, warning := range r.Warnings {
		paragraph("warning: " + warning.Message + ".")
	}
	for _, warning := range taken.With.Warnings {
		paragraph("warning of the first term: " + explain(warning, taken.With))
	}
	for _, warning := range taken.Without.Warnings {
		paragraph("warning of the second term, which is taken off, so that the estimate is too high where it is too low: " + explain(warning, taken.Without))
	}
}

// columnsText says which columns of a file.
func columnsText(s source) string {
	if s.Columns == "" {
		return "all columns"
	}
	return s.Columns
}

// residualsText says how much Y explains of the columns of X.
func residualsText(all []conditional.Residual) string {
	const most = 4
	var texts []string
	for i, c := range all {
		if i == most {
			texts = append(texts, plural(len(all)-most, "more column"))
			break
		}
		if c.Used {
			texts = append(texts, fmt.Sprintf("%.0f%% of the variance of %s", math.Round(100*c.Explained)+0, c.Name)) // + 0 for no -0
		} else {
			texts = append(texts, c.Name+" as it is")
		}
	}
	return strings.Join(texts, ", ")
}

// givenInputs are where X, Z and Y came from.
type givenInputs struct {
	inputs
	Given *source `json:"given,omitempty"`
}

// conditionalDocument is what mine estimate --given --json prints, all of it in nats.
type conditionalDocument struct {
	Schema   string  `json:"schema"`
	Unit     unit    `json:"unit"`
	Estimate float64 `json:"estimate"`
	limits
	Nothing   bool                   `json:"nothing,omitempty"`
	Way       conditional.Way        `json:"way"`
	Ways      []contrastDocument     `json:"ways"`
	Residuals []conditional.Residual `json:"residuals,omitempty"`
	Warnings  []mine.Warning         `json:"warnings,omitempty"`
	Config    settings               `json:"config"` // of each estimate, as --config takes it
	Input     givenInputs            `json:"input"`
}

// limits are the fields of an interval that are left out where critics found nothing: nil, they hide those of a contrast.
type limits struct {
	StdErr *float64 `json:"std_err,omitempty"`
	Low    *float64 `json:"low,omitempty"`
	High   *float64 `json:"high,omitempty"`
}

func limitsOf(i conditional.Interval, nothing bool) limits {
	if nothing {
		return limits{}
	}
	return limits{&i.StdErr, &i.Low, &i.High}
}

// contrastDocument is a way whose estimates have no config, which is beside them.
type contrastDocument struct {
	conditional.Contrast
	limits
	With    estimateDocument `json:"with"`
	Without estimateDocument `json:"without"`
}

// estimateDocument is a result without its config.
type estimateDocument struct {
	mine.Result
	Config *settings `json:"config,omitempty"`
}

// conditionalSchema names the form of what mine estimate --given --json prints, which
// doc/conditional.md describes.
const conditionalSchema = "gomine.conditional/1"

// encodeConditional returns the result as one JSON object. precision is that of the backend.
func encodeConditional(r conditional.Result, precision string, in givenInputs) ([]byte, error) {
	taken := r.Taken().With
	d := conditionalDocument{
		Schema: conditionalSchema, Unit: nats, Estimate: r.Estimate, limits: limitsOf(r.Interval, r.Nothing), Nothing: r.Nothing, Way: r.Way, Residuals: r.Residuals, Warnings: r.Warnings,
		Config: settings{taken.Config, taken.Backend, precision}, Input: in,
	}
	for _, c := range r.Ways {
		d.Ways = append(d.Ways, contrastDocument{c, limitsOf(c.Interval, c.Nothing), estimateDocument{Result: c.With}, estimateDocument{Result: c.Without}})
	}
	text, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("--json: %w", err)
	}
	return append(text, '\n'), nil
}
