package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"gomine/internal/shard"
	"gomine/mine"
	"gomine/mine/independence"
	"gomine/mine/preprocess"
	"gomine/mine/ranking"
)

// rankFlags are the flags of mine rank: those of an estimate but Z, and its own.
type rankFlags struct {
	estimateFlags
	target                string
	forward, permutations int
	fdrMethod             choice
}

func newRank() *cobra.Command {
	var f rankFlags
	cmd := &cobra.Command{
		Use:   "rank FILE --target COLUMN [flags]",
		Short: "Order columns by what they tell about another one",
		Long: `Order columns by their information about a target.

Half of the rows, drawn at random, decides the order. The other half judges:
estimates, intervals and p-values are of rows that had no say in the order, so
that the best of many columns is not too good to be true. q is the smallest
false discovery rate at which a column counts as a discovery: of those with a q
of at most 0.05, a share of 5% is expected to be independent of the target.

--forward K chooses K columns, each as what adds most to those before it. What a
column adds, given those, is their information together less that without it,
with the error of this difference. Columns that repeat each other are all high
in the order, but only one of them adds much. It is not shared out by --shard.

With --output FILE a journal is kept beside the file, FILE.journal: the same
command goes on after an interruption or a kill, and loses the column that was
in work alone.

Without --x all columns but the target are ordered. With --group groups stay
whole, and have to be of one size. FILE, COLUMNS and the other flags are those
of mine estimate; --output FILE.csv and FILE.json say the form by their names.
Exit codes: 0 done, 1 error, 2 error in the command line, 130 interrupted.`,
		Example: `  mine rank data.csv --target price
  mine rank data.csv --target price --x 'size*,age' --forward 3 --output rank.csv
  mine rank data.csv --target price --shard 0/4 --output part0`,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, f.input.format.sql.files(args)) },
	}
	input, ranks, method, training := newFlags(), newFlags(), newFlags(), newFlags()
	input.StringVar(&f.target, "target", "", "`COLUMNS` of the target, one as a rule")
	input.StringVarP(&f.input.x, "x", "x", "", "which `COLUMNS` to order")
	input.Lookup("x").DefValue = "all others"
	f.input.registerRows(input)
	addGroup(cmd, "Data", input)
	complete(cmd, "x", f.input.completeColumns(0))
	complete(cmd, "target", f.input.completeColumns(0))
	f.input.completeRows(cmd)
	f.permutations = ranking.DefaultConfig(helpRows[0]).Permutations
	ranks.Var((*count)(&f.forward), "forward", "`K` columns to choose, each given those before it")
	ranks.Lookup("forward").DefValue = "none"
	ranks.Var((*count)(&f.permutations), "permutations", "`N` permutations of the test of each column: p-values go down to 1/(N+1)")
	addFDRMethod(ranks, &f.fdrMethod)
	f.shard.register(ranks, "columns")
	addGroup(cmd, "Ranking", ranks)
	f.registerSettings(cmd, method, training, mine.Fast)
	output := newFlags()
	addChoice(output, &f.unit, "unit", "unit of information", string(nats), string(bits))
	output.BoolVar(&f.json, "json", false, "print everything about the ranking as one JSON object")
	f.output.register(output)
	addGroup(cmd, "Output", output)
	return cmd
}

// check reports what is wrong before any data are read.
func (f *rankFlags) check(cmd *cobra.Command, args []string) error {
	set := cmd.Flags()
	if f.target == "" {
		return usagef("--target is missing: which column is the information about? mine columns %s lists them", args[0])
	}
	if set.Changed("forward") && f.forward < 1 {
		return usagef("--forward is %d, want at least 1", f.forward)
	}
	if err := f.checkSettings(set); err != nil {
		return err
	}
	if err := f.output.check(set, args); err != nil {
		return err
	}
	if err := f.shard.check(set, &f.output, cmd.ErrOrStderr()); err != nil {
		return err
	}
	if f.shard.Divided() && f.forward > 0 {
		return usagef("--forward cannot be shared out (shard %s): %s; or compute everything here, by --shard all", f.shard, unsharedForward)
	}
	return f.rankError(f.ranking(f.config.values).Validate(), args, cmd)
}

// unsharedForward says why a forward selection has no shards, and the way out.
const unsharedForward = "each step needs what all columns gave in the one before, and shares know nothing of each other; rank in shards without --forward, and then --forward on one machine over the first of the ranking, by --x"

// ranking is what the flags say of the ranking.
func (f *rankFlags) ranking(estimate mine.Config) ranking.Config {
	return ranking.Config{Forward: f.forward, Permutations: f.permutations, FDRMethod: independence.FDRMethod(f.fdrMethod.value), Estimate: estimate}
}

func (f *rankFlags) run(cmd *cobra.Command, args []string) error {
	if err := checkMemory(cmd); err != nil {
		return err
	}
	if err := f.check(cmd, args); err != nil {
		return err
	}
	u := unit(f.unit.value)
	status := newStatusLine(cmd.ErrOrStderr(), u)
	defer context.AfterFunc(cmd.Context(), status.interrupted)()
	p, err := f.prepareFrom(cmd, status, 2, func() (data, error) { return f.read(cmd.Context(), cmd.InOrStdin(), args[0], status) })
	if err != nil {
		return err
	}
	defer p.backend.Close()
	cfg := f.ranking(p.config)
	made := tally{"columns", 0, len(f.shard.Items(len(p.x.Columns())))}
	options := append(p.options, status.counting(&made))
	r, err := ranking.New(ranking.Data{X: p.x, Target: p.z, Groups: p.groups}, cfg, options...)
	if err != nil {
		status.clear()
		return f.rankError(err, args, cmd)
	}
	run, err := newRun(shard.Rank, f.about(r, p, args[0]), p.data, len(p.x.Columns()))
	if err != nil {
		return err
	}
	j, err := f.shard.begin(run, &f.output)
	if err != nil {
		return err
	}
	defer j.close()
	made.done = len(j.results)
	items, err := f.shard.compute(cmd, run, j, &f.output, func(k int) (any, error) {
		c, err := r.Column(cmd.Context(), k)
		made.done++
		if c.Error != "" {
			c.Error = oneLine(errors.New(c.Error))
		}
		return c, f.rankError(err, args, cmd)
	})
	status.clear()
	if err != nil || f.shard.Divided() {
		return err
	}
	made = tally{"forward", 0, f.forward}
	steps, err := f.choose(cmd, r, items, j, &made)
	status.clear()
	switch {
	case errors.Is(err, context.Canceled):
		return interruptedError(fmt.Sprintf("interrupted after %d of %d forward steps: %s", len(steps), f.forward, j.afterwards()))
	case err != nil:
		return f.rankError(err, args, cmd)
	}
	answer, err := rankAnswer(run, items, steps, formOf(named(f.json), false, f.output.path, u))
	if err != nil {
		return err
	}
	if err := f.output.write(cmd, answer); err != nil {
		return err
	}
	return j.end()
}

// rankForward is what a journal has of the forward selection: a step or, on the way to the next one, a trial.
type rankForward struct {
	Step  *ranking.Step  `json:"step,omitempty"`
	Trial *ranking.Trial `json:"trial,omitempty"`
}

// choose makes the forward selection, if there is one, from where the journal has come to.
func (f *rankFlags) choose(cmd *cobra.Command, r *ranking.Ranking, items []shard.Item, j *itemJournal, made *tally) ([]ranking.Step, error) {
	if f.forward == 0 {
		return nil, nil
	}
	columns, err := decodeAll[ranking.Column](items)
	if err != nil {
		return nil, err
	}
	s := ranking.Selection{
		Tried: func(t ranking.Trial) error { return j.addAfter(rankForward{Trial: &t}) },
		Done:  func(s ranking.Step) error { made.done++; return j.addAfter(rankForward{Step: &s}) },
	}
	done, err := decodeAll[rankForward](j.after)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: remove the file", j.path, err)
	}
	for _, d := range done {
		if d.Step != nil {
			s.Steps = append(s.Steps, *d.Step)
		}
		if d.Trial != nil {
			s.Trials = append(s.Trials, *d.Trial)
		}
	}
	made.done = len(s.Steps)
	return r.Forward(cmd.Context(), ranking.Order(columns, independence.FDRMethod(f.fdrMethod.value)), s)
}

// about is what the answer of a ranking knows beside what was found.
func (f *rankFlags) about(r *ranking.Ranking, p prepared, file string) rankRun {
	h := r.Holdout()
	x, z := f.input.sources([]string{file})
	about := rankRun{
		Target: f.target, Permutations: f.permutations, FDRMethod: independence.FDRMethod(f.fdrMethod.value), Forward: f.forward,
		Pairing: h.Pairing, Exact: h.Pairing != independence.Rotations,
		Rows:   halves{len(h.First), len(h.Second)},
		Config: settings{p.config, p.backend.Name(), f.computed},
		Input:  rankInput{x, z.Lacking, f.input.group, f.input.codes},
	}
	return about
}

// read reads the columns to order as X, and the target as Z.
func (f *rankFlags) read(ctx context.Context, stdin io.Reader, file string, status *statusLine) (data, error) {
	d, err := abandon(ctx, func() (data, error) { return f.readColumns(ctx, stdin, file, status) })
	if err == nil {
		err = f.input.checkCategorical([]string{file})
	}
	if err == nil && f.input.missing.value == "drop" {
		if f.input.left, err = leaveOut(d); err == nil && d.x.Rows() == 0 {
			err = fmt.Errorf("%s: %s: no row is left", file, f.input.left)
		}
	}
	return d, inputError(err)
}

func (f *rankFlags) readColumns(ctx context.Context, stdin io.Reader, file string, status *statusLine) (data, error) {
	r, err := f.input.open(ctx, stdin, file, status)
	if err != nil {
		return data{}, err
	}
	defer r.Close()
	target, errTarget := r.Select("--target", f.target)
	group, errGroup := f.input.selectGroup(r)
	if err := errors.Join(errTarget, errGroup); err != nil {
		return data{}, err
	}
	spec := f.input.x
	if spec == "" {
		spec = ":"
	}
	xs, err := r.Select("--x", spec)
	if err != nil {
		return data{}, err
	}
	if f.input.x == "" {
		xs = slices.DeleteFunc(xs, func(c int) bool { return slices.Contains(target, c) || slices.Contains(group, c) })
		if len(xs) == 0 {
			return data{}, usagef("%s has no column beside --target %s to order", file, f.target)
		}
	}
	if err := errors.Join(r.Disjoint("--x", xs, "--target", target), r.Disjoint("--x", xs, "--group", group), r.Disjoint("--target", target, "--group", group)); err != nil {
		return data{}, err
	}
	wanted := [][]int{xs, target}
	if group != nil {
		wanted = append(wanted, group)
	}
	m, err := r.Read(ctx, wanted...)
	if err != nil {
		return data{}, err
	}
	f.input.wide = f.input.wide || len(r.Columns()) > m[0].Rows()
	d := data{x: m[0], z: m[1]}
	if group != nil {
		d.groups = m[2]
	}
	return d, nil
}

// rankError puts an error of a ranking in terms of the command line.
func (f *rankFlags) rankError(err error, args []string, cmd *cobra.Command) error {
	var field *mine.FieldError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &field) && (field.Field == "forward" || field.Field == "permutations"):
		return usageError{worded{field.Reason("--"+field.Field, field.Or), err}}
	case errors.Is(err, preprocess.ErrConstant):
		return worded{fmt.Sprintf("%s: --target %s: %s", args[0], f.target, oneLine(err)), err}
	case errors.Is(err, independence.ErrPairing) && f.input.group == "":
		err = fmt.Errorf("%w; at random is --split random", err)
	}
	err = f.estimateError(err, args, cmd.Flags())
	if errors.Is(err, mine.ErrTooFewSamples) {
		err = worded{oneLine(err) + "; half of the rows chooses, and the other half judges: give more rows", err}
	}
	return f.input.tooFew(err)
}

// rankRun is what the answer of a ranking knows beside what was found of the columns.
type rankRun struct {
	Target       string                 `json:"target"`
	Rows         halves                 `json:"rows"`
	Pairing      independence.Pairing   `json:"pairing"`
	Exact        bool                   `json:"exact"`
	Permutations int                    `json:"permutations"`
	FDRMethod    independence.FDRMethod `json:"fdr_method"`
	Forward      int                    `json:"forward"`
	Config       settings               `json:"config"`
	Input        rankInput              `json:"input"`
}

// halves are numbers of rows.
type halves struct {
	Selection int `json:"selection"`
	Judging   int `json:"judging"`
}

// rankInput is where the columns came from.
type rankInput struct {
	source
	TargetLacking map[string]int `json:"target_lacking,omitempty"` // as Lacking, of the target
	Group         string         `json:"group,omitempty"`
	Categorical   []string       `json:"categorical,omitempty"`
}

// rankDocument is what mine rank --json prints, all of it in nats. doc/rank.md describes it.
type rankDocument struct {
	Schema  string           `json:"schema"`
	Unit    unit             `json:"unit"`
	Columns []ranking.Column `json:"columns"` // by rank
	Steps   []ranking.Step   `json:"steps,omitempty"`
	rankRun
}

// rankSchema names the form of a rankDocument.
const rankSchema = "gomine.rank/1"

// rankAnswer is the answer of all columns.
func rankAnswer(run shard.Run, items []shard.Item, steps []ranking.Step, as form) ([]byte, error) {
	d := rankDocument{Schema: rankSchema, Unit: nats, Steps: steps}
	if err := json.Unmarshal(run.Config, &d.rankRun); err != nil {
		return nil, err
	}
	columns, err := decodeAll[ranking.Column](items)
	if err != nil {
		return nil, err
	}
	d.Columns = ranking.Order(columns, d.FDRMethod)
	switch {
	case as.json:
		text, err := json.Marshal(d)
		return append(text, '\n'), err
	case as.csv:
		return rankCSV(d)
	}
	return reportRank(d, as.unit), nil
}
