package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gomine/mine"
	"gomine/mine/preprocess"
)

// paceTime is how long a dry run measures how fast training is.
const paceTime = 500 * time.Millisecond

// dryRunFlag asks for what an estimate would do, instead of the estimate.
type dryRunFlag struct{ on bool }

func (f *dryRunFlag) register(flags *pflag.FlagSet) {
	flags.BoolVar(&f.on, "dry-run", false, "read and check the data, print what would be done and about how long it takes, and train nothing; no other file is written")
}

// check refuses what a dry run cannot give.
func (f *dryRunFlag) check(set *pflag.FlagSet, form string, quiet bool) error {
	switch {
	case !f.on:
		return nil
	case quiet:
		return usagef("--dry-run has no number to print: leave out --quiet")
	case form != formText:
		return usagef("--dry-run prints text: leave out --format %s", form)
	case set.Changed("fail-below"):
		return usagef("--dry-run has no bound to compare: leave out --fail-below")
	}
	return nil
}

// dryRun prints what the estimate would do.
func (f *estimateFlags) dryRun(cmd *cobra.Command, args []string, status *statusLine) error {
	began := time.Now()
	text, err := f.plan(cmd, args, status, began)
	status.clear()
	switch {
	case errors.Is(err, context.Canceled):
		return interruptedError("interrupted before there was a plan")
	case err != nil:
		return err
	}
	return f.output.write(cmd, text)
}

// plan reads the data, and returns what the estimate would do.
func (f *estimateFlags) plan(cmd *cobra.Command, args []string, status *statusLine, began time.Time) ([]byte, error) {
	p, err := f.prepare(cmd, args, status)
	if err != nil {
		return nil, err
	}
	defer p.backend.Close()
	defer p.close()
	if p.groups != nil {
		p.options = append(p.options, mine.WithGroups(p.groups))
	}
	fail := func(err error) error { return f.input.tooFew(f.estimateError(err, args, cmd.Flags())) }
	e, err := mine.NewEstimator(cmd.Context(), p.x.InPlace(), p.z.InPlace(), p.config, p.options...)
	if err != nil {
		return nil, fail(err)
	}
	defer e.Close()
	plan, err := e.Plan()
	if err != nil {
		return nil, fail(err)
	}
	taken := time.Since(began)
	pace, err := e.Pace(cmd.Context(), plan, paceTime)
	if err != nil {
		return nil, fail(err)
	}
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	var b bytes.Buffer
	x, z := f.input.sources(args)
	p.config.Folds, p.config.Batch = plan.Folds, plan.Batch
	printPlan(&b, planned{
		Plan: plan, config: p.config, x: x, z: z, left: f.input.left,
		device: fmt.Sprintf("%s (%s)", p.backend.Name(), p.backend.Device()),
		held:   int64(memory.HeapAlloc), prepare: taken, pace: pace,
	})
	for _, file := range []outputFlag{f.save.outputFlag, f.page.outputFlag, f.plot.outputFlag} {
		if file.toFile() {
			fmt.Fprintf(&b, "%-*s%s, by --%s\n", reportTab, "would write", file.path, file.flag)
		}
	}
	return b.Bytes(), nil
}

// planned is a plan with what it does not know.
type planned struct {
	mine.Plan
	config  mine.Config
	x, z    source
	left    left
	device  string
	held    int64         // bytes of memory
	prepare time.Duration // reading and preparing took
	pace    float64       // training steps a second
}

// printPlan writes a plan for people to read.
func printPlan(w io.Writer, p planned) {
	fmt.Fprint(w, "DRY RUN: the data were read and checked, nothing was trained\n\n")
	block := func(label string, words ...string) {
		for _, l := range wrap(words, reportWidth-reportTab) {
			fmt.Fprintf(w, "%-*s%s\n", reportTab, label, l)
			label = ""
		}
	}
	line := func(label, format string, args ...any) {
		block(label, strings.Fields(fmt.Sprintf(format, args...))...)
	}
	for _, s := range []struct {
		label string
		from  source
		preprocess.Summary
		inputs int
	}{{"X", p.x, p.X, p.InputsX}, {"Z", p.z, p.Z, p.InputsZ}} {
		line(s.label, "%s; %s at most", side(s.from, s.Summary), plural(s.inputs, "input"))
		if len(s.Constant) > 0 {
			line("", "left out as constant: %s", listNames(s.Constant))
		}
	}
	line("rows", "%s", rowsText(mine.Result{Rows: p.Rows, Config: mine.Config{Folds: p.Folds, Steps: p.config.Steps, Batch: p.config.Batch}}))
	if p.left.rows > 0 {
		line("", "%s", p.left)
	}
	if text := splitText(p.Split); text != "" {
		line("split", "%s", text)
	}
	label := "candidates"
	for _, c := range p.Candidates {
		line(label, "%v", c)
		label = ""
	}
	critics := fmt.Sprintf("%s of at most %s steps on each of %s", plural(p.Survivors*p.config.Networks, "critic"), grouped(p.config.Steps), plural(p.Folds, "fold"))
	if len(p.Candidates) > 1 {
		critics = fmt.Sprintf("a race of %d for %s steps, then at most %s", len(p.Candidates), grouped(min(p.config.RaceSteps, p.config.Steps)), critics)
	}
	line("training", "%s: at most %s steps in all", critics, grouped(p.Steps))
	block("settings", commandLine(p.config)...)
	for _, w := range p.Warnings {
		line("warning", "%s", w.Message)
	}
	line("backend", "%s, %s side by side", p.device, plural(p.Parallel, "critic"))
	line("memory", "%s are in use now; inputs of critics in training take up to some %s more", size(p.held), size(int64(p.Bytes)))
	line("time", "Reading and preparing took %s. Training would take at most some %s, by %s steps/s, measured just now on random numbers; "+
		"validations and the test come on top. It is less where critics stop early.",
		seconds(p.prepare), seconds(time.Duration(float64(p.Steps)/p.pace*float64(time.Second))), grouped(int(p.pace+0.5)))
}

// size prints a number of bytes.
func size(bytes int64) string {
	if bytes >= 1e9 {
		return gigabytes(bytes)
	}
	return fmt.Sprintf("%.0f MB", float64(bytes)/1e6)
}
