package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"gomine/mine"
	"gomine/mine/preprocess"
)

const (
	// quietDecimals is far below any standard error, and keeps the number free
	// of an exponent.
	quietDecimals = 6

	reportWidth = 80
	reportTab   = 12 // width of the labels

	mostCodes = 6 // columns of codes of a side that are named
)

// report writes a result for people to read: the number first, then what it
// was made of, then what to be careful about.
func report(w io.Writer, r mine.Result, x, z source, u unit) {
	if text := endedEarly(r); text != "" {
		fmt.Fprintln(w, text)
	}
	number, limits := headline(r, u)
	fmt.Fprintf(w, "%s   %s\n\n", number, limits)
	facts(r, x, z, u, func(label string, words ...string) {
		for _, l := range wrap(words, reportWidth-reportTab) {
			fmt.Fprintf(w, "%-*s%s\n", reportTab, label, l)
			label = ""
		}
	})
	reportCritics(w, r, u, decimals(u.of(r.StdErr)))
	for _, text := range remarks(r) {
		fmt.Fprintln(w)
		for _, l := range wrap(strings.Fields(text), reportWidth) {
			fmt.Fprintln(w, l)
		}
	}
}

// endedEarly says why training did not end by itself, if it did not.
func endedEarly(r mine.Result) string {
	switch r.Stop {
	case mine.StopInterrupted:
		return "INTERRUPTED: the best so far"
	case mine.StopFailed:
		return fmt.Sprintf("FAILED on %s: the best so far, tested on the CPU", r.Backend)
	case mine.StopCheckpoint:
		return "FAILED to write a checkpoint: the best so far"
	}
	return ""
}

// headline has the number, and what is around it.
func headline(r mine.Result, u unit) (number, limits string) {
	digits := decimals(u.of(r.StdErr))
	info := func(nats float64) string { return fixed(u.of(nats), digits) }
	level := percent(r.Config.Confidence)
	number = fmt.Sprintf("I(X;Z) = %s %s", info(r.Estimate), u)
	if silent(r.Bound, info) {
		return number, "of critics that say nothing: no interval"
	}
	return number,
		fmt.Sprintf("%s interval %s to %s   (at least %s with %s confidence)", level, info(r.Low), info(r.High), info(r.LowerBound), level)
}

// silent is whether the interval, as it is printed, has no width: it is that of critics that say nothing, and no
// proof that there is nothing.
func silent(b mine.Bound, info func(nats float64) string) bool { return info(b.Low) == info(b.High) }

// facts passes on what a result is made of, label by label.
func facts(r mine.Result, x, z source, u unit, block func(label string, words ...string)) {
	digits := decimals(u.of(r.StdErr))
	info := func(nats float64) string { return fixed(u.of(nats), digits) }
	line := func(label, format string, args ...any) {
		block(label, strings.Fields(fmt.Sprintf(format, args...))...)
	}
	if r.LowerBound > 0 {
		line("likely", "%s %s: as a rule nearer to the truth, but not certified", info(r.Likely), u)
	}
	if p := r.Plugin; p != nil {
		line("counts", "%s %s, %s to %s: by the frequencies of %s and %s values, in %s pairs; no bound, but nearer to the truth",
			info(p.Estimate), u, info(p.Low), info(p.High), grouped(p.X), grouped(p.Z), grouped(p.Cells))
	}
	if text := entropies(r, info); text != "" {
		line("entropy", "%s", text)
	}
	if n := r.Neighbours; n != nil {
		line("neighbours", "%s +- %s %s by the %d nearest of %s rows: no bound",
			info(n.Estimate), info(n.StdErr), u, n.Neighbours, grouped(n.Rows))
	}
	block("X", side(x, r.X))
	block("Z", side(z, r.Z))
	line("rows", "%s", rowsText(r))
	if text := splitText(r.Split); text != "" {
		line("split", "%s", text)
	}
	line("training", "%s", trainingText(r))
	block("time", times(r)...)
	block("settings", commandLine(r.Config)...)
}

// remarks are what to be careful about.
func remarks(r mine.Result) (all []string) {
	if r.LowerBound <= 0 {
		all = append(all, "note: the data do not show that X and Z depend on each other. Where they do not, "+
			"chance makes a number near 0 that may be negative.")
	}
	for _, warning := range r.Warnings {
		// The first line told of an early end.
		if warning.Code != mine.WarnInterrupted {
			all = append(all, "warning: "+explain(warning, r))
		}
	}
	return all
}

// entropies says how many codes have, and which share of it the other side tells.
func entropies(r mine.Result, info func(nats float64) string) string {
	var all []string
	if r.EntropyX > 0 {
		all = append(all, "H(X) = "+info(r.EntropyX))
	}
	if r.EntropyZ > 0 {
		all = append(all, "H(Z) = "+info(r.EntropyZ))
	}
	if all == nil {
		return ""
	}
	of := "that"
	if len(all) > 1 {
		of = "the smaller one"
	}
	return fmt.Sprintf("%s; I(X;Z) is %.1f%% of %s", strings.Join(all, ", "), 100*r.Normalised, of)
}

// times says where the time went, in phrases. What follows the first is that in parts.
func times(r mine.Result) []string {
	t := r.Timing
	phrases := []string{seconds(t.Prepare+t.Race+t.Train+t.Evaluate) + ":", "prepare " + seconds(t.Prepare) + ","}
	if len(r.Race) > 0 {
		phrases = append(phrases, "race "+seconds(t.Race)+",")
	}
	switch {
	case t.StepsPerSecond > 0:
		phrases = append(phrases, fmt.Sprintf("train %s (%s steps/s),", seconds(t.Train), grouped(int(t.StepsPerSecond+0.5))))
	case t.Train > 0: // all steps are in a checkpoint, but what they led to is scored
		phrases = append(phrases, fmt.Sprintf("train %s (no steps),", seconds(t.Train)))
	}
	return append(phrases, "test "+seconds(t.Evaluate), fmt.Sprintf("on %s (%s)", r.Backend, r.Device))
}

// side describes the columns of X or Z.
func side(s source, c preprocess.Summary) string {
	text := plural(c.Used, "column")
	if s.Columns != "" {
		text += " (" + s.Columns + ")"
	}
	text += " of " + s.File
	for i, codes := range c.Codes {
		if i == mostCodes {
			return text + fmt.Sprintf(", %s of codes", plural(len(c.Codes)-i, "more column"))
		}
		text += fmt.Sprintf(", %s as %s", codes.Name, plural(codes.Distinct, "code"))
		if codes.Pooled > 0 {
			text += fmt.Sprintf(" (%s rare ones together)", grouped(codes.Pooled))
		}
	}
	return text
}

// rowsText says which rows were for what.
func rowsText(r mine.Result) string {
	if r.Config.Folds > 1 {
		return fmt.Sprintf("%s, in %d folds: each of some %s tested by critics that %s others trained and %s stopped",
			grouped(r.Rows.Total), r.Config.Folds, grouped(r.Rows.Test), grouped(r.Rows.Train), grouped(r.Rows.Validation))
	}
	text := fmt.Sprintf("%s: %s to train, %s to validate, %s to test",
		grouped(r.Rows.Total), grouped(r.Rows.Train), grouped(r.Rows.Validation), grouped(r.Rows.Test))
	switch taken := r.Config.Steps * r.Config.Batch; {
	case r.Rows.Chunk == 0:
	case taken <= r.Rows.Chunk:
		text += fmt.Sprintf("; the steps take no more than %s at random of those to train", grouped(r.Rows.Chunk))
	default:
		text += fmt.Sprintf("; %s of those to train at a time, in chunks at random", grouped(r.Rows.Chunk))
	}
	return text
}

// splitText says what was kept together, if anything was.
func splitText(s mine.Split) string {
	switch s.Kind {
	case mine.SplitBlocks:
		return fmt.Sprintf("%s blocks of %s rows, %s left out between them: correlated over %s, worth %s",
			grouped(s.Units), grouped(s.Block), grouped(s.Gap), plural(int(s.CorrelationTime+0.5), "row"), plural(s.EffectiveRows, "independent row"))
	case mine.SplitGroups:
		if s.Block > 0 {
			return fmt.Sprintf("%s blocks of %s that follow each other, %s left out between them: correlated over %s, worth %s",
				grouped(s.Units), plural(s.Block, "group"), grouped(s.Gap), plural(int(math.Ceil(s.CorrelationTime)), "group"), plural(s.EffectiveRows, "independent row"))
		}
		return fmt.Sprintf("%s groups, whose rows stay together", grouped(s.Units))
	case mine.SplitRepeats:
		return fmt.Sprintf("%s different rows; %s that are repeated stay together", grouped(s.Units), grouped(s.Repeated))
	}
	return ""
}

// trainedCritics counts the critics of all folds that a result is of, and the steps that they were trained.
func trainedCritics(r mine.Result) (critics, steps int) {
	for _, c := range r.Critics {
		for _, n := range c.Steps {
			if n > 0 {
				critics++
			}
		}
		steps += stepsOf(c)
	}
	return critics, steps
}

// soFar says what a result is of that ended early. One that did not stands, whatever went wrong then.
func soFar(r mine.Result) string {
	if !r.Stop.Early() {
		return "after the end of training: the result stands"
	}
	critics, steps := trainedCritics(r)
	text := fmt.Sprintf("after %s of %s", plural(steps, "training step"), plural(critics, "critic"))
	if r.Config.Folds > 1 {
		text += fmt.Sprintf(" in %d of %d folds", len(r.Folds), r.Config.Folds)
	}
	return text + ": the number is the best so far"
}

// trainingText says how much training there was.
func trainingText(r mine.Result) string {
	critics, steps := trainedCritics(r)
	text := fmt.Sprintf("%s of at most %s steps each, %s in all", plural(critics, "critic"), grouped(r.Config.Steps), grouped(steps))
	folds := fmt.Sprintf("with %d of %d folds", len(r.Folds), r.Config.Folds)
	switch r.Stop {
	case mine.StopInterrupted:
		text += "; interrupted " + folds
	case mine.StopFailed:
		text += "; the backend failed " + folds
	case mine.StopCheckpoint:
		text += "; a checkpoint could not be written " + folds
	}
	return text
}

// heaviestFirst are critics by their weights.
func heaviestFirst(critics []mine.CriticResult) []mine.CriticResult {
	critics = slices.Clone(critics)
	slices.SortStableFunc(critics, func(a, b mine.CriticResult) int { return cmp.Compare(b.Weight, a.Weight) })
	return critics
}

// stepsOf is how many steps a critic was trained on all folds.
func stepsOf(c mine.CriticResult) (steps int) {
	for _, n := range c.Steps {
		steps += n
	}
	return steps
}

// leftBehind are the candidates of the race that were not trained on the folds.
func leftBehind(r mine.Result) []mine.RaceEntry {
	return slices.DeleteFunc(slices.Clone(r.Race), func(e mine.RaceEntry) bool {
		return slices.ContainsFunc(r.Critics, func(c mine.CriticResult) bool { return !c.Reference && c.Candidate == e.Candidate })
	})
}

// boundAlone is the bound of a critic, if any fold has it.
func boundAlone(c mine.CriticResult, u unit, digits int) string {
	switch {
	case c.Folds > 0:
		return fixed(u.of(c.Estimate), digits)
	case c.Failed > 0:
		return "diverged"
	}
	return "none"
}

// reportCritics writes a table of the critics, the heaviest first, and of the candidates
// that the race left behind.
func reportCritics(w io.Writer, r mine.Result, u unit, digits int) {
	const format = "%-*s%-12s%-13s%-11s%8s %9s %7s\n"
	fmt.Fprintln(w)
	fmt.Fprintf(w, format, reportTab, "critics", "activation", "preprocess", "objective", "steps", "bound", "weight")
	for _, c := range heaviestFirst(r.Critics) {
		bound, weight := boundAlone(c, u, digits), fmt.Sprintf("%.2f", c.Weight)
		if c.Reference {
			fmt.Fprintf(w, "%-*s%-44s %9s %7s\n", reportTab, "", "that of a normal law, in closed form", bound, weight)
			continue
		}
		fmt.Fprintf(w, format, reportTab, "", c.Candidate.Activation, c.Candidate.Preprocess, c.Candidate.Objective, grouped(stepsOf(c)), bound, weight)
	}
	for _, e := range leftBehind(r) {
		bound := fixed(u.of(e.Validation), digits)
		if e.Error != "" {
			bound = "diverged"
		}
		c := e.Candidate
		fmt.Fprintf(w, format, reportTab, "", c.Activation, c.Preprocess, c.Objective, grouped(e.Steps), bound, "out")
	}
}

// explain is the text of a warning and, where flags help against it, what to
// do with them.
func explain(warning mine.Warning, r mine.Result) string {
	text := strings.TrimSuffix(warning.Message, ".")
	switch warning.Code {
	case mine.WarnClimbing:
		return text + fmt.Sprintf(". Train longer: --steps %d.", 2*r.Config.Steps)
	case mine.WarnFewRows:
		return text + ". Give more rows."
	case mine.WarnSerial, mine.WarnRepeats, mine.WarnUnresolved:
		switch {
		case r.Split.Kind == mine.SplitGroups && r.Config.Split == mine.SplitRandom:
			return text + "."
		case r.Split.Kind == mine.SplitGroups && warning.Code != mine.WarnRepeats:
			return text + ". If groups are independent, but sorted by a column that is not selected: --split random."
		case r.Split.Kind == mine.SplitRandom:
			return text + ": --split blocks, or --group."
		case warning.Code == mine.WarnRepeats:
			return text + ". --split random treats them as independent."
		}
		return text + ". If rows are independent, but sorted by a column that is not selected: --split random."
	case mine.WarnOrdered:
		return text + ": --split blocks."
	case mine.WarnCodes:
		return text + ". Say --categorical with the name of the column if it holds codes."
	case mine.WarnSentinel:
		return text + ". Leave the field empty in such rows, and say --missing drop."
	case mine.WarnDeterministic:
		return text + ". See that --x and --z leave out columns that were computed from the other side."
	}
	return text + "."
}

// document is what --json prints: a Result, all of it in nats, and what is not
// in it. doc/estimate.schema.json describes it for others.
type document struct {
	Schema string `json:"schema"`
	Unit   unit   `json:"unit"` // of every information below but InBits
	mine.Result
	Config settings `json:"config"` // in place of that of the Result
	Input  inputs   `json:"input"`
	InBits *inBits  `json:"in_bits,omitempty"` // with --unit bits
}

type inputs struct {
	X           source   `json:"x"`
	Z           source   `json:"z"`
	Group       string   `json:"group,omitempty"`       // the column of groups
	Categorical []string `json:"categorical,omitempty"` // columns that were asked to be codes
}

// inBits repeats the main numbers of a Result in bits.
type inBits struct {
	Estimate   float64 `json:"estimate"`
	StdErr     float64 `json:"std_err"`
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	LowerBound float64 `json:"lower_bound"`
	NWJ        float64 `json:"nwj"`
	Likely     float64 `json:"likely"`
	Plugin     float64 `json:"plugin,omitempty"`
	EntropyX   float64 `json:"entropy_x,omitempty"`
	EntropyZ   float64 `json:"entropy_z,omitempty"`
}

// encode returns the result as one JSON object. precision is that of the backend.
func encode(r mine.Result, precision string, in inputs, u unit) ([]byte, error) {
	d := document{Schema: schemaName, Unit: nats, Result: r, Config: settings{r.Config, r.Backend, precision}, Input: in}
	if u == bits {
		d.InBits = &inBits{
			Estimate: mine.Bits(r.Estimate), StdErr: mine.Bits(r.StdErr),
			Low: mine.Bits(r.Low), High: mine.Bits(r.High),
			LowerBound: mine.Bits(r.LowerBound), NWJ: mine.Bits(r.NWJ), Likely: mine.Bits(r.Likely),
			EntropyX: mine.Bits(r.EntropyX), EntropyZ: mine.Bits(r.EntropyZ),
		}
		if r.Plugin != nil {
			d.InBits.Plugin = mine.Bits(r.Plugin.Estimate)
		}
	}
	text, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("--json: %w", err)
	}
	return append(text, '\n'), nil
}
