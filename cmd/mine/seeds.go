package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gomine/internal/shard"
	"gomine/mine"
)

// seedsRun is what the answer of estimates with several seeds knows beside their results.
type seedsRun struct {
	Config settings `json:"config"` // of the first seed
	Input  inputs   `json:"input"`
}

// seedResult is what an estimate with one seed gives that depends on nothing else: no times, and no
// device.
type seedResult struct {
	Seed uint64 `json:"seed"`
	mine.Bound
	Training float64        `json:"training"`
	Likely   float64        `json:"likely"`
	Warnings []mine.Warning `json:"warnings,omitempty"`
}

// seedsDocument is what mine estimate --seeds --json prints, all of it in nats. doc/shards.md describes it.
type seedsDocument struct {
	Schema string `json:"schema"`
	Unit   unit   `json:"unit"`
	// Mean and Spread are the mean and the standard deviation of the estimates, with n-1. StdErr is the root mean
	// square of their standard errors, which more seeds do not make smaller.
	Mean    float64      `json:"mean"`
	Spread  float64      `json:"spread"`
	StdErr  float64      `json:"std_err"`
	Results []seedResult `json:"results"`
	seedsRun
}

// seedsSchema names the form of a seedsDocument.
const seedsSchema = "gomine.seeds/1"

// runSeeds estimates with several seeds.
func (f *estimateFlags) runSeeds(cmd *cobra.Command, args []string) error {
	if f.seeds < 2 {
		return usagef("--seeds is %d, want at least 2, to know a spread", f.seeds)
	}
	if err := ofOneEstimate(cmd.Flags()); err != nil {
		return err
	}
	stderr := cmd.ErrOrStderr()
	if f.quiet {
		stderr = io.Discard
	}
	if err := f.shard.check(cmd.Flags(), &f.output, stderr); err != nil {
		return err
	}
	u := unit(f.unit.value)
	var status *statusLine
	if !f.quiet {
		status = newStatusLine(cmd.ErrOrStderr(), u)
	}
	defer context.AfterFunc(cmd.Context(), status.interrupted)()
	p, err := f.prepare(cmd, args, status)
	if err != nil {
		return err
	}
	defer p.backend.Close()
	defer p.close()
	if last := p.config.Seed + uint64(f.seeds-1); last < p.config.Seed {
		return usagef("--seed %d and the %d after it are more than there are: lower it", p.config.Seed, f.seeds-1)
	}
	if p.groups != nil {
		p.options = append(p.options, mine.WithGroups(p.groups))
	}
	x, z := f.input.sources(args)
	about := seedsRun{settings{p.config, p.backend.Name(), f.computed}, inputs{x, z, f.input.group, f.input.codes}}
	run, err := newRun(shard.Estimate, about, p.data, f.seeds)
	if err != nil {
		return err
	}
	made := tally{"seeds", 0, len(f.shard.Items(f.seeds))}
	options := append(p.options, status.counting(&made))
	j, err := f.shard.begin(run, &f.output)
	if err != nil {
		return err
	}
	defer j.close()
	made.done = len(j.results)
	items, err := f.shard.compute(cmd, run, j, &f.output, func(k int) (any, error) {
		cfg := p.config
		cfg.Seed += uint64(k)
		r, err := mine.Estimate(cmd.Context(), p.x, p.z, cfg, options...)
		made.done++
		if err != nil {
			return nil, f.input.tooFew(f.estimateError(err, args, cmd.Flags()))
		}
		return seedResult{cfg.Seed, r.Bound, r.Training, r.Likely, r.Warnings}, nil
	})
	status.clear()
	if err != nil || f.shard.Divided() {
		return err
	}
	answer, err := seedsAnswer(run, items, formOf(f.answers.form.value, f.quiet, f.output.path, u))
	if err != nil {
		return err
	}
	if err := f.output.write(cmd, answer); err != nil {
		return err
	}
	return j.end()
}

// ofOneEstimate reports a flag that several seeds do not take.
func ofOneEstimate(set *pflag.FlagSet) error {
	for _, flag := range []string{"save", "report", "plot", "live", "checkpoint", "dry-run", "fail-below"} {
		if set.Changed(flag) {
			return usagef("--%s is of one estimate: leave out --seeds", flag)
		}
	}
	if set.Lookup("format").Value.String() == formMarkdown {
		return usagef("--format markdown is of one estimate: several --seeds are text, json or csv")
	}
	return nil
}

// seedsAnswer is the answer of all seeds.
func seedsAnswer(run shard.Run, items []shard.Item, as form) ([]byte, error) {
	d := seedsDocument{Schema: seedsSchema, Unit: nats}
	if err := json.Unmarshal(run.Config, &d.seedsRun); err != nil {
		return nil, err
	}
	var err error
	if d.Results, err = decodeAll[seedResult](items); err != nil {
		return nil, err
	}
	n := float64(len(d.Results))
	for _, r := range d.Results {
		d.Mean += r.Estimate / n
		d.StdErr += r.StdErr * r.StdErr / n
	}
	for _, r := range d.Results {
		d.Spread += (r.Estimate - d.Mean) * (r.Estimate - d.Mean) / (n - 1)
	}
	d.StdErr, d.Spread = math.Sqrt(d.StdErr), math.Sqrt(d.Spread)
	var b bytes.Buffer
	switch {
	case as.quiet:
		return []byte(fixed(as.unit.of(d.Mean), quietDecimals) + "\n"), nil
	case as.json:
		text, err := json.Marshal(d)
		return append(text, '\n'), err
	case as.csv:
		return writeCSV([]string{"seed", "estimate", "std_err", "low", "high", "lower_bound", "training", "likely"}, d.Results, func(r seedResult) []string {
			return append([]string{strconv.FormatUint(r.Seed, 10)}, decimalTexts(r.Estimate, r.StdErr, r.Low, r.High, r.LowerBound, r.Training, r.Likely)...)
		})
	}
	reportSeeds(&b, d, as.unit)
	return b.Bytes(), nil
}

// reportSeeds writes the estimates for people to read.
func reportSeeds(w io.Writer, d seedsDocument, u unit) {
	digits := decimals(u.of(d.StdErr))
	info := func(nats float64) string { return fixed(u.of(nats), digits) }
	fmt.Fprintf(w, "I(X;Z) = %s %s, the mean of %d seeds   (spread %s, standard error of one %s)\n\n",
		info(d.Mean), u, len(d.Results), fixed(u.of(d.Spread), decimals(u.of(d.Spread))), info(d.StdErr))
	line := func(label, text string) {
		for _, l := range wrap(strings.Fields(text), reportWidth-reportTab) {
			fmt.Fprintf(w, "%-*s%s\n", reportTab, label, l)
			label = ""
		}
	}
	line("X", sourceText(d.Input.X))
	line("Z", sourceText(d.Input.Z))
	line("settings", strings.Join(commandLine(d.Config.Config), " "))
	fmt.Fprintf(w, "\n%8s%12s   %s interval\n", "seed", "estimate", percent(d.Config.Confidence))
	warned := map[mine.WarningCode][]string{}
	var warnings []mine.Warning // the first of each code
	for _, r := range d.Results {
		fmt.Fprintf(w, "%8d%12s   %s to %s\n", r.Seed, info(r.Estimate), info(r.Low), info(r.High))
		for _, warning := range r.Warnings {
			if warned[warning.Code] == nil {
				warnings = append(warnings, warning)
			}
			warned[warning.Code] = append(warned[warning.Code], strconv.FormatUint(r.Seed, 10))
		}
	}
	if d.Input.X.LeftOut > 0 {
		fmt.Fprintln(w)
		for _, l := range wrap(strings.Fields(fmt.Sprintf("note: %s were left out because values are missing.", plural(d.Input.X.LeftOut, "row"))), reportWidth) {
			fmt.Fprintln(w, l)
		}
	}
	for _, warning := range warnings {
		seeds := warned[warning.Code]
		fmt.Fprintln(w)
		text := fmt.Sprintf("warning, seed %s: %s", strings.Join(seeds, " "), explain(warning, mine.Result{Config: d.Config.Config, Split: mine.Split{Kind: d.Config.Split}}))
		for _, l := range wrap(strings.Fields(text), reportWidth) {
			fmt.Fprintln(w, l)
		}
	}
}

// sourceText says which columns a side is, as they were asked for.
func sourceText(s source) string {
	if s.Columns == "" {
		return "all columns of " + s.File
	}
	return s.Columns + " of " + s.File
}

// writeCSV makes a CSV file with a header.
func writeCSV[T any](header []string, all []T, record func(T) []string) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	records := [][]string{header}
	for _, v := range all {
		records = append(records, record(v))
	}
	if err := w.WriteAll(records); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// decimalTexts are the shortest decimals of numbers.
func decimalTexts(values ...float64) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = strconv.FormatFloat(v, 'g', -1, 64)
	}
	return texts
}
