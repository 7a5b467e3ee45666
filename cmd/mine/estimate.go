package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/objective"
)

// estimateFlags are the flags of mine estimate.
type estimateFlags struct {
	input  inputFlags
	config configFlags

	threads     int
	backend     choice
	precision   choice
	device      int
	memory      int
	unit        choice
	json, quiet bool
	answers     answerFlags
	dry         dryRunFlag
	plot        plotFlag
	live        liveFlag
	output      outputFlag
	save        saveFlag
	page        pageFlag
	way         choice // to I(X;Z|Y)
	checkpoint  checkpointFlag
	seeds       int // estimates with seeds that follow each other; 0 for one estimate
	shard       shardFlag

	computed string // precision of the backend that was opened
}

func newEstimate() *cobra.Command {
	var f estimateFlags
	cmd := &cobra.Command{
		Use:   "estimate FILE --x COLUMNS --z COLUMNS [flags]\nestimate XFILE ZFILE [flags]",
		Short: "Estimate the mutual information of two groups of columns",
		Long: `Estimate the mutual information I(X;Z) of two groups of columns.

FILE is CSV, TSV or other delimited text, with a header line or without, a NumPy
array (NPY), Parquet or Arrow; each may be compressed by gzip or zstd.
FILE.npz:NAME is an array of an NPZ file, - is standard input. With two files X
is all of the first and Z all of the second, unless --x or --z choose; rows
belong together in order. 'part-*.csv', in quotes, is one table: the rows of all
files that match, in the order of their names, by the names of their columns.

COLUMNS is a list with commas between its parts: a name, an index from 0, a
range of indices without its end such as 0:20, or a pattern such as X*. A part
after a ! is left out: '!price' is all but that one. A name that holds a comma
goes in double quotes. vector is all elements of a column of lists, and
'vector[0:64]' some. See mine columns FILE for what there is.

The number is a lower bound of I(X;Z) in expectation, from rows that the
networks have never seen, and may come out below 0 if I(X;Z) is near 0. Up to
100,000 rows are tested all: in five folds, each by networks that were trained
on the others. A few ways to train them race on the first fold; those that
matter are trained on every fold, and their weighted sum is reported, a critic
in closed form among them.

Data larger than memory: --memory 4GiB keeps them in a temporary file, in the
folder of TMPDIR, and trains on one random chunk after the other.

With --given it is what X and Z tell about each other that Y does not tell
already, I(X;Z|Y), by two ways: no bound.

The same data and settings give the same number. --json records the settings,
and --config repeats them; which data, the command line says again. --seeds says
how much of the number is chance in training.

Ctrl-C ends the training and prints what the folds so far give; a second one
ends all. With --checkpoint FOLDER the same command goes on from there later,
even after the machine has gone down. With --seeds and --output FILE it goes on
from the last seed that was done, which FILE.journal has.
Exit codes: 0 done, 1 error, 2 error in the command line, 3 less than
--fail-below, 130 interrupted.`,
		Example: `  mine estimate data.csv --x 'X*' --z 'Z*'
  mine estimate data.csv --x age,income --z 4:10 --unit bits
  mine estimate x.npy z.npy --seed 7 --json --output result.json
  mine estimate x.npy z.npy --config result.json
  mine estimate data.csv --x dose --z recovery --given age,weight
  mine estimate data.csv --x 'X*' --z 'Z*' --save critic.safetensors --report report.html
  mine estimate big.parquet --x 'X*' --z 'Z*' --effort thorough --checkpoint training
  zstd -dc big.csv.zst | mine estimate - --x 0:20 --z 20:40 --quiet`,
		Args: oneOrTwoFiles,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, f.input.format.sql.files(args)) },
	}
	f.register(cmd, mine.Normal)
	f.registerWay(cmd)
	repeats := newFlags()
	repeats.Var((*count)(&f.seeds), "seeds", "`N` estimates, with seeds that follow from --seed on, their mean and their spread")
	repeats.Lookup("seeds").DefValue = "one estimate"
	f.shard.register(repeats, "seeds")
	addGroup(cmd, "Repeats", repeats)
	output := newFlags()
	addChoice(output, &f.unit, "unit", "unit of information", string(nats), string(bits))
	f.answers.register(output)
	output.BoolVar(&f.json, "json", false, "--format json: print everything about the result as one JSON object")
	output.BoolVar(&f.quiet, "quiet", false, "print the number and nothing else, on any stream")
	f.output.register(output)
	f.save.register(output)
	f.page.register(output)
	f.plot.register(output)
	f.live.register(output)
	f.dry.register(output)
	f.checkpoint.register(output)
	addGroup(cmd, "Output", output)
	return cmd
}

// register defines the flags of the data, the method and the training, with the defaults of an
// effort.
func (f *estimateFlags) register(cmd *cobra.Command, usual mine.Effort) {
	input, method, training := newFlags(), newFlags(), newFlags()
	f.input.register(input)
	addGroup(cmd, "Data", input)
	f.input.complete(cmd)
	condition := newFlags()
	condition.StringVar(&f.input.given, "given", "", "which `COLUMNS` are Y, the condition: I(X;Z|Y), see doc/conditional.md. Of two files, they are in the first")
	addGroup(cmd, "Condition", condition)
	complete(cmd, "given", f.input.completeColumns(0))

	f.registerSettings(cmd, method, training, usual)
}

// registerSettings defines the flags of the method and the training.
func (f *estimateFlags) registerSettings(cmd *cobra.Command, method, training *pflag.FlagSet, usual mine.Effort) {
	f.config.register(method, training, usual)
	training.Var((*count)(&f.threads), "threads", "`N` threads of the CPU; the result does not depend on them")
	training.Lookup("threads").DefValue = "all processors"
	addVariable(training, "threads", threadsVariable)
	addChoice(training, &f.backend, "backend", "machine to compute on", mine.Backends()...)
	addVariable(training, "backend", backendVariable)
	addChoice(training, &f.precision, "precision", "matrix products on CUDA", precisions()...)
	training.Var((*count)(&f.device), "device", "CUDA device `N`, from 0")
	training.Var((*count)(&f.memory), "device-memory", "`BYTES` of the device's memory that data may take, such as 8e9; rows of larger data stay on the host and are copied")
	training.Lookup("device-memory").DefValue = "90% of what is free"
	addGroup(cmd, "Method", method)
	complete(cmd, "objective", cobra.FixedCompletions(append([]string{"auto"}, objective.Names()...), cobra.ShellCompDirectiveNoFileComp))
	addGroup(cmd, "Training", training)
}

func (f *estimateFlags) run(cmd *cobra.Command, args []string) error {
	if err := f.check(cmd.Flags(), args); err != nil {
		return err
	}
	if f.input.given != "" {
		return f.runConditional(cmd, args)
	}
	if err := f.live.check(cmd.ErrOrStderr(), f.quiet); err != nil {
		return err
	}
	switch {
	case cmd.Flags().Changed("seeds"):
		return f.runSeeds(cmd, args)
	case cmd.Flags().Changed("shard"):
		return usagef("--shard shares out the estimates of --seeds: say how many")
	}
	u := unit(f.unit.value)
	var status *statusLine
	if !f.quiet {
		status = newStatusLine(cmd.ErrOrStderr(), u)
		f.live.start(status)
	}
	ctx := cmd.Context()
	defer context.AfterFunc(ctx, status.interrupted)()

	if f.dry.on {
		return f.dryRun(cmd, args, status)
	}
	result, ended := f.estimate(cmd, args, status) // there may be a result all the same
	status.clear()
	switch {
	case ended == nil:
	case errors.Is(ended, context.Canceled) && result.Steps == 0:
		return interruptedError("interrupted before there was an estimate")
	case result.Steps == 0:
		return ended
	}
	answer, err := f.answer(result, args, u)
	if err != nil {
		return err
	}
	if err := f.output.write(cmd, answer); err != nil {
		return err
	}
	x, z := f.input.sources(args)
	from := provenance{invocation(cmd.Flags(), args), f.computed, inputs{x, z, f.input.group, f.input.codes}, f.input.left, u}
	if err := errors.Join(f.save.err, f.page.write(result, from), f.plot.write(result, u)); err != nil && ended == nil {
		return err
	} else if err != nil { // the other error says how the run ended
		fmt.Fprintf(cmd.ErrOrStderr(), "mine: %s\n", oneLine(err))
	}
	switch {
	case ended == nil:
		return f.answers.judge(cmd.Flags(), result, u)
	case errors.Is(ended, context.Canceled):
		return interruptedError("interrupted " + soFar(result) + f.checkpoint.later())
	}
	return worded{oneLine(ended) + ", " + soFar(result) + f.checkpoint.later(), ended}
}

// check reports what is wrong before any data are read, and reads the file of --config.
func (f *estimateFlags) check(set *pflag.FlagSet, args []string) error {
	if err := f.answers.check(set, f.json, f.quiet); err != nil {
		return err
	}
	if err := f.dry.check(set, f.answers.form.value, f.quiet); err != nil {
		return err
	}
	if err := f.checkSettings(set); err != nil {
		return err
	}
	if err := f.input.check(args); err != nil {
		return err
	}
	if err := f.save.check(set, args, f.output.path); err != nil {
		return err
	}
	if err := f.checkpoint.check(set, f.output, f.save.outputFlag, f.page.outputFlag, f.plot.outputFlag); err != nil {
		return err
	}
	if err := f.page.check(set, args, f.output.path, f.save.path); err != nil {
		return err
	}
	if err := f.plot.check(set, args, f.output, f.save.outputFlag, f.page.outputFlag); err != nil {
		return err
	}
	if err := f.checkGiven(set); err != nil {
		return err
	}
	return f.output.check(set, args)
}

// checkSettings is check of the settings and of how files are read.
func (f *estimateFlags) checkSettings(set *pflag.FlagSet) error {
	if err := checkThreads(set, f.threads); err != nil {
		return err
	}
	if set.Changed("device-memory") && f.memory < 1 {
		return usagef("--device-memory is %d, want at least 1", f.memory)
	}
	if err := f.config.check(set); err != nil {
		return err
	}
	if recorded := f.config.file; recorded != nil {
		if !set.Changed("backend") {
			f.backend.value = recorded.Backend
		}
		if !set.Changed("precision") {
			f.precision.value = recorded.Precision
		}
	}
	if err := checkCUDAFlags(set, f.backend.value); err != nil {
		return err
	}
	return f.input.format.check(set)
}

// answer is what the flags ask for: a number, everything, or a report.
func (f *estimateFlags) answer(r mine.Result, args []string, u unit) ([]byte, error) {
	x, z := f.input.sources(args)
	switch {
	case f.quiet:
		return []byte(fixed(u.of(r.Estimate), quietDecimals) + "\n"), nil
	case f.answers.form.value == formJSON:
		return encode(r, f.computed, inputs{x, z, f.input.group, f.input.codes}, u)
	case f.answers.form.value == formCSV:
		return encodeCSV(r, x, z, u)
	}
	var b bytes.Buffer
	note := f.input.left.String()
	if f.answers.form.value == formMarkdown {
		reportMarkdown(&b, r, x, z, u)
		note = markdownText.Replace(note)
	} else {
		report(&b, r, x, z, u)
	}
	if f.input.left.rows > 0 {
		fmt.Fprintf(&b, "\nnote: %s.\n", note)
	}
	if f.save.done {
		fmt.Fprintf(&b, "\nThe critic is in %s: mine score, mine evaluate and mine info take it.\n", f.save.path)
	}
	b.WriteString(f.checkpoint.note(r))
	return b.Bytes(), nil
}

// prepared is what an estimate starts from.
type prepared struct {
	data
	groups  []int // nil without --group
	config  mine.Config
	backend backend.Backend
	options []mine.Option // but for the groups
}

// prepare reads the data and opens the backend, which has to be closed.
func (f *estimateFlags) prepare(cmd *cobra.Command, args []string, status *statusLine) (prepared, error) {
	return f.prepareFrom(cmd, status, 1, func() (data, error) { return f.input.read(cmd.Context(), cmd.InOrStdin(), args, status) })
}

// prepareFrom is prepare with a reader, for estimates of a part of the rows each.
func (f *estimateFlags) prepareFrom(cmd *cobra.Command, status *statusLine, parts int, read func() (data, error)) (p prepared, err error) {
	f.input.seed, f.input.memory = f.config.seed(cmd.Flags()), f.config.memory(cmd.Flags())
	if p.data, err = read(); err != nil {
		return p, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.data.close())
		}
	}()
	if p.config, err = f.config.config(p.x.Rows()/parts, cmd.Flags()); err != nil {
		return p, err
	}
	if p.data.groups != nil {
		if p.groups, err = groupsOf(p.data.groups, f.input.group); err != nil {
			return p, err
		}
	}
	if p.backend, err = f.open(cmd, status); err != nil {
		return p, err
	}
	f.computed = precisionOf(p.backend)
	// The threads are for the CPU that stands in for a backend that fails.
	p.options = []mine.Option{mine.WithBackend(p.backend), mine.WithThreads(f.threads)}
	if status != nil {
		p.options = append(p.options, mine.WithProgress(status.estimating))
	}
	return p, nil
}

// estimate reads the data and estimates.
func (f *estimateFlags) estimate(cmd *cobra.Command, args []string, status *statusLine) (r mine.Result, err error) {
	if memory := f.config.memory(cmd.Flags()); memory != mine.AllMemory {
		defer debug.SetMemoryLimit(debug.SetMemoryLimit(int64(memory)))
	}
	p, err := f.prepare(cmd, args, status)
	if err != nil {
		return mine.Result{}, err
	}
	defer p.backend.Close()
	defer func() { err = errors.Join(err, p.close()) }()
	if p.groups != nil {
		p.options = append(p.options, mine.WithGroups(p.groups))
	}
	if err := f.page.describe(p.data, f.input.left); err != nil {
		return mine.Result{}, err
	}
	result, err := f.save.estimate(cmd.Context(), p.data, p.config, append(p.options, f.checkpoint.options()...))
	return result, f.input.tooFew(f.estimateError(err, args, cmd.Flags()))
}

// estimateError puts an error of the estimator in terms of the command line.
func (f *estimateFlags) estimateError(err error, files []string, set *pflag.FlagSet) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	if errors.Is(err, mine.ErrCheckpoint) {
		return f.checkpoint.word(err)
	}
	var diverged *mine.DivergedError
	if errors.As(err, &diverged) {
		return worded{fmt.Sprintf("%v at step %d of %d (%v): lower --lr, now %g",
			mine.ErrDiverged, diverged.Step, diverged.Steps, diverged.Candidate, diverged.LearningRate), err}
	}
	if errors.Is(err, backend.ErrOutOfMemory) {
		return worded{oneLine(err) + ": lower --batch, or keep more of the data on the host by --device-memory", err}
	}
	var groups *mine.GroupsError
	if errors.As(err, &groups) && groups.Given > 0 {
		err = fmt.Errorf("%w; at random is --split random", err)
	}
	about := f.config.wordError(err, set)
	var usage usageError
	if errors.As(about, &usage) {
		return about
	}
	return worded{strings.Join(files, ", ") + ": " + oneLine(about), err}
}
