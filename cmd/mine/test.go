package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gomine/mine"
	"gomine/mine/conditional"
	"gomine/mine/independence"
)

// testFlags are the flags of mine test: those of an estimate, and its own.
type testFlags struct {
	estimateFlags
	permutations int
}

func newTest() *cobra.Command {
	var f testFlags
	cmd := &cobra.Command{
		Use:   "test FILE --x COLUMNS --z COLUMNS [flags]\ntest XFILE ZFILE [flags]",
		Short: "Test whether two groups of columns are independent",
		Long: `Test whether two groups of columns X and Z are independent, and estimate their
mutual information.

The p-value is the probability that networks find as much dependence as they do,
or more, if there is none. They are trained on half of the rows, and score the
pairs of a quarter as they are and after permutations of Z; then they are
trained on three quarters, and tested on the last one. Both together are the
p-value. It is exact where rows are independent of each other: at most 5% of
independent data have a p-value of 0.05 or less, however many rows there are.

With --group the groups are permuted as wholes, which have to be of one size. In
a series, which is noticed, Z is rotated against X; that is approximate.

With --given the question is whether they are independent given Y: what Y
explains of X and of Z is taken off, and the rests are tested. That is
approximate. Codes in Y are held fixed instead where rows share them: Z is
permuted among these alone, and where all of Y is so, the test is exact.

The estimate is that of mine estimate with the same flags. By default both are
of --effort fast. FILE, COLUMNS and the flags are those of mine estimate.
Exit codes: 0 done, 1 error, 2 error in the command line, 130 interrupted.`,
		Example: `  mine test data.csv --x age,income --z 4:10
  mine test x.npy z.npy --permutations 9999 --effort normal --json
  mine test data.csv --x dose --z recovery --given age,weight`,
		Args: oneOrTwoFiles,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, f.input.format.sql.files(args)) },
	}
	test := newFlags()
	f.permutations = independence.DefaultConfig(helpRows[0]).Permutations
	test.Var((*count)(&f.permutations), "permutations", "`N` permutations of each part that is tested on: p-values go down to 1/(N+1) for each")
	addGroup(cmd, "Test", test)
	f.register(cmd, mine.Fast)
	output := newFlags()
	addChoice(output, &f.unit, "unit", "unit of information", string(nats), string(bits))
	output.BoolVar(&f.json, "json", false, "print everything about the test and the estimate as one JSON object")
	output.BoolVar(&f.quiet, "quiet", false, "print the p-value and nothing else, on any stream")
	f.output.register(output)
	addGroup(cmd, "Output", output)
	return cmd
}

func (f *testFlags) run(cmd *cobra.Command, args []string) error {
	if err := checkMemory(cmd); err != nil {
		return err
	}
	if err := f.check(cmd.Flags(), args); err != nil {
		return err
	}
	if err := (independence.Config{Permutations: f.permutations, Estimate: f.config.values}).Validate(); err != nil {
		return usageError{worded{"--" + strings.TrimPrefix(oneLine(err), "config "), err}}
	}
	u := unit(f.unit.value)
	return runAnswer(cmd, &f.estimateFlags, "there was a p-value",
		func(status *statusLine) (conditional.TestResult, error) { return f.test(cmd, args, status) }, // without residuals if there is no condition
		func(r conditional.TestResult) ([]byte, error) { return f.testAnswer(r, args, u) })
}

// test reads the data and tests.
func (f *testFlags) test(cmd *cobra.Command, args []string, status *statusLine) (r conditional.TestResult, err error) {
	p, err := f.prepare(cmd, args, status)
	if err != nil {
		return r, err
	}
	defer p.backend.Close()
	cfg := independence.Config{Permutations: f.permutations, Estimate: p.config}
	if p.data.given == nil {
		r.Result, err = independence.Test(cmd.Context(), independence.Data{X: p.x, Z: p.z, Groups: p.groups}, cfg, p.options...)
	} else {
		r, err = conditional.Test(cmd.Context(), p.given(), cfg, p.options...)
	}
	if errors.Is(err, independence.ErrPairing) && p.groups == nil {
		err = fmt.Errorf("%w; at random is --split random", err)
	}
	return r, f.input.tooFew(f.estimateError(err, args, cmd.Flags()))
}

// testAnswer is what the flags ask for: a number, everything, or a report.
func (f *testFlags) testAnswer(r conditional.TestResult, args []string, u unit) ([]byte, error) {
	x, z := f.input.sources(args)
	switch {
	case f.quiet:
		return []byte(strconv.FormatFloat(r.PValue, 'g', -1, 64) + "\n"), nil
	case f.json:
		in := givenInputs{inputs: inputs{x, z, f.input.group, f.input.codes}}
		if f.input.given != "" {
			y := f.input.condition(args)
			in.Given = &y
		}
		return encodeTest(r, f.computed, in)
	}
	var b bytes.Buffer
	reportTest(&b, r, x, z, f.input.given, u)
	if f.input.left.rows > 0 {
		fmt.Fprintf(&b, "\nnote: %s.\n", f.input.left)
	}
	return b.Bytes(), nil
}

// pText is a p-value with two digits.
func pText(p float64) string { return strconv.FormatFloat(p, 'g', 2, 64) }

// evidence says in words what a p-value is worth. given is "" or " given Y"; doubts are whether rows of a series were
// exchanged, and whether the regressions on Y have left something.
func evidence(p float64, given string, doubts []mine.Warning) string {
	series := func(w mine.Warning) bool { return w.Code == independence.WarnSeries }
	switch {
	case p <= 0.05 && slices.ContainsFunc(doubts, series):
		return "too small if rows are a series, as they seem to be: see the warning"
	case p <= 0.05 && len(doubts) > 0:
		return "in doubt, see the warning: both may depend on Y alone"
	case p <= 0.001:
		return "very strong evidence that X and Z depend on each other" + given
	case p <= 0.01:
		return "strong evidence that X and Z depend on each other" + given
	case p <= 0.05:
		return "some evidence that X and Z depend on each other" + given
	}
	return "no evidence that X and Z depend on each other" + given + ", which is none that they do not"
}

// reportTest writes a test for people to read: the effect and the p-value first. given is the
// condition, "" without one.
func reportTest(w io.Writer, r conditional.TestResult, x, z source, given string, u unit) {
	e := r.Effect
	digits := decimals(u.of(e.StdErr))
	info := func(nats float64) string { return fixed(u.of(nats), digits) }
	condition, label := "", "I(X;Z)"
	if given != "" {
		condition, label = " given Y", "I(U;V)"
	}
	fmt.Fprintf(w, "p = %s: %s\n", pText(r.PValue), evidence(r.PValue, condition, r.Doubts))
	fmt.Fprintf(w, "%s = %s %s, standard error %s   (%s interval %s to %s)\n\n",
		label, info(e.Estimate), u, info(e.StdErr), percent(e.Config.Confidence), info(e.Low), info(e.High))
	line := func(label, format string, args ...any) {
		for _, l := range wrap(strings.Fields(fmt.Sprintf(format, args...)), reportWidth-reportTab) {
			fmt.Fprintf(w, "%-*s%s\n", reportTab, label, l)
			label = ""
		}
	}
	line("X", "%s", side(x, e.X))
	line("Z", "%s", side(z, e.Z))
	if given != "" {
		line("Y", "%s", given)
		line("U", "X less what Y explains: %s", residualsText(r.X))
		line("V", "Z less what Y explains: %s", residualsText(r.Z))
	}
	permuted := string(r.Pairing)
	if r.Held != nil {
		permuted = string(independence.Rows)
	}
	for _, p := range r.Parts {
		line("test", "p = %s: %s rows, by critics of %s others, in %s permutations of %s",
			pText(p.PValue), grouped(p.Tested), grouped(p.Trained), grouped(p.Permutations), permuted)
	}
	if h := r.Held; h != nil {
		more := ""
		if 2*h.Exchangeable < e.Rows.Total {
			more = " Fewer columns of Y, or coarser ones, would find more."
		}
		line("", "Rows are exchanged with those of the same values of %s, which %s of %s rows share with others.%s",
			listNames(h.Columns), grouped(h.Exchangeable), grouped(e.Rows.Total), more)
	}
	switch {
	case r.Held != nil && r.Held.All:
	case given != "":
		line("", "The p-value is approximate: it holds where Y explains all that X, or all that Z, shares with it.")
	case r.Pairing == independence.Rotations:
		line("", "The p-value is approximate: a series is rotated, whose ends meet.")
	}
	line("settings", "--permutations %d %s", r.Config.Permutations, strings.Join(commandLine(e.Config), " "))
	paragraph := func(text string) {
		fmt.Fprintln(w)
		for _, l := range wrap(strings.Fields(text), reportWidth) {
			fmt.Fprintln(w, l)
		}
	}
	for _, doubt := range r.Doubts {
		paragraph("warning: " + doubt.Message + ".")
	}
	for _, warning := range e.Warnings {
		paragraph("warning of the estimate: " + explain(warning, e))
	}
}

// testDocument is what mine test --json prints, all of it in nats.
type testDocument struct {
	Schema       string               `json:"schema"`
	Unit         unit                 `json:"unit"`
	PValue       float64              `json:"p_value"`
	Pairing      independence.Pairing `json:"pairing"`
	Exact        bool                 `json:"exact"`
	Parts        []independence.Part  `json:"parts"`
	Doubts       []mine.Warning       `json:"doubts,omitempty"`
	Estimate     estimateDocument     `json:"estimate"`
	Permutations int                  `json:"permutations"`
	Config       settings             `json:"config"` // of the estimate and the critics, as --config takes it
	Input        givenInputs          `json:"input"`

	// With --given, Estimate is I(U;V).
	ResidualsX []conditional.Residual `json:"residuals_x,omitempty"`
	ResidualsZ []conditional.Residual `json:"residuals_z,omitempty"`
	Held       *conditional.Held      `json:"held,omitempty"`
}

// testSchema names the form of what mine test --json prints, which doc/test.md describes.
const testSchema = "gomine.test/1"

// encodeTest returns the test as one JSON object. precision is that of the backend.
func encodeTest(r conditional.TestResult, precision string, in givenInputs) ([]byte, error) {
	text, err := json.Marshal(testDocument{
		Schema: testSchema, Unit: nats, PValue: r.PValue, Pairing: r.Pairing, Exact: r.Exact, Parts: r.Parts,
		Estimate: estimateDocument{Result: r.Effect}, ResidualsX: r.X, ResidualsZ: r.Z, Held: r.Held, Doubts: r.Doubts,
		Permutations: r.Config.Permutations, Config: settings{r.Effect.Config, r.Effect.Backend, precision}, Input: in,
	})
	if err != nil {
		return nil, fmt.Errorf("--json: %w", err)
	}
	return append(text, '\n'), nil
}
