package main

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/objective"
	"gomine/mine/preprocess"
)

// configFlags are the flags that a mine.Config is made of.
type configFlags struct {
	values mine.Config // what the flags of configFields were set to

	objective              objectiveFlag
	activation, preprocess choice
	effort                 choice
	race                   bool

	path string
	file *recorded // of --config, once it is read
}

// configField is a field of mine.Config that one flag sets.
type configField struct {
	flag, json, usage string

	of func(*mine.Config) any // pointer to the field
}

// configFields has all fields but the candidates, which three choice flags and
// --race make up.
var configFields = []configField{
	{"race-steps", "race_steps", "`N` training steps per candidate in the race",
		func(c *mine.Config) any { return &c.RaceSteps }},
	{"survivors", "survivors", "`N` candidates at most that the race leaves to be trained on every fold",
		func(c *mine.Config) any { return &c.Survivors }},
	{"networks", "networks", "`N` networks of each of them on a fold, from other weights, 1 beside a normal law; of several folds, every second one stops by other rows",
		func(c *mine.Config) any { return &c.Networks }},
	{"reference", "reference", "whether the critic of a normal law, in closed form, is heard too",
		func(c *mine.Config) any { return &c.Reference }},
	{"neighbours", "neighbours", "whether nearest neighbours are asked for a second opinion, of at most 10,000 rows in at most 8 columns",
		func(c *mine.Config) any { return &c.Neighbours }},
	{"folds", "folds", "`N` parts of the rows, each tested by critics of the others; 1: one part alone, of --test-fraction",
		func(c *mine.Config) any { return &c.Folds }},
	{"split", "split", "what stays together where rows are split into folds: auto (what depends on each other), random (nothing), blocks (neighbours)",
		func(c *mine.Config) any { return &c.Split }},
	{"block", "block", "`N` neighbouring rows of a block, or auto, by how far they are correlated",
		func(c *mine.Config) any { return &c.Block }},
	{"hidden", "hidden", fmt.Sprintf("widths `N,N` of the hidden layers, 1 to %d of them", backend.MaxHidden),
		func(c *mine.Config) any { return &c.Hidden }},
	{"batch", "batch", "`N` rows per training step; what a fold is trained on if that is less",
		func(c *mine.Config) any { return &c.Batch }},
	{"marginals", "marginals", "`N` shuffled pairs per row in training, fewer than --batch, at most 64",
		func(c *mine.Config) any { return &c.Marginals }},
	{"steps", "steps", "`N` training steps at most",
		func(c *mine.Config) any { return &c.Steps }},
	{"lr", "learning_rate", "`RATE` of learning at its peak (Adam); a cosine brings it to 0",
		func(c *mine.Config) any { return &c.LearningRate }},
	{"weight-decay", "weight_decay", "`RATE` of weight decay, per unit of learning rate",
		func(c *mine.Config) any { return &c.WeightDecay }},
	{"clip-norm", "clip_norm", "longest gradient `NORM`, longer ones are shortened to it; or none",
		func(c *mine.Config) any { return &c.ClipNorm }},
	{"evaluate-every", "evaluate_every", "`N` steps between two looks at the validation rows",
		func(c *mine.Config) any { return &c.EvaluateEvery }},
	{"patience", "patience", "stop after `N` looks without a gain of a tenth of a standard error, 4 at most beside a normal law",
		func(c *mine.Config) any { return &c.Patience }},
	{"validation-fraction", "validation_fraction", "`SHARE` of the rows, of several folds of those not tested on, that decide when to stop and who wins",
		func(c *mine.Config) any { return &c.ValidationFraction }},
	{"test-fraction", "test_fraction", "`SHARE` of the rows that give the reported number",
		func(c *mine.Config) any { return &c.TestFraction }},
	{"test-pairs", "test_pairs", "`N` shuffled pairs to evaluate on, at least",
		func(c *mine.Config) any { return &c.TestPairs }},
	{"confidence", "confidence", "`LEVEL` of the interval",
		func(c *mine.Config) any { return &c.Confidence }},
	{"seed", "seed", "`N` that all random choices follow from",
		func(c *mine.Config) any { return &c.Seed }},
	{"memory", "memory", "`AMOUNT` of memory for the data, such as 4GiB, or none: of more rows than have room, networks are trained on random chunks, one after the other",
		func(c *mine.Config) any { return &c.Memory }},
}

// helpRows are the sizes of data that help shows defaults for, where they are others than for fewer rows.
var helpRows = []int{1_000, 10_000, 100_000, 1_000_000}

// register defines the flags: those that choose the method in method, the
// others in training. The defaults are those of an effort.
func (f *configFlags) register(method, training *pflag.FlagSet, usual mine.Effort) {
	method.StringVar(&f.path, "config", "", "`FILE` that --json printed, or its config object: the settings of that run, where no flag says otherwise")
	addVariable(method, "config", configVariable)
	method.Var(&f.objective, "objective", "what `NAME` training ascends: auto, "+objective.Usage())
	addChoice(method, &f.activation, "activation", "function of the hidden layers", append([]string{"auto"}, names(backend.Activations())...)...)
	addChoice(method, &f.preprocess, "preprocess", "what is done to each column first", append([]string{"auto"}, names(preprocess.Methods())...)...)
	addChoice(method, &f.effort, "effort", "how much time it may take: sets the defaults of the flags below", names(efforts(usual))...)
	method.BoolVar(&f.race, "race", true, "let the settings left at auto compete; --race=false takes the first")

	defaults := make([]mine.Config, len(helpRows))
	for i, rows := range helpRows {
		defaults[i] = mine.ConfigFor(rows, usual)
	}
	f.values = defaults[len(defaults)-1]
	for _, field := range configFields {
		flags := training
		if slices.Contains([]string{"race-steps", "survivors", "networks", "reference", "neighbours", "folds", "split", "block"}, field.flag) {
			flags = method
		}
		switch p := field.of(&f.values).(type) {
		case *int:
			flags.Var((*count)(p), field.flag, field.usage)
		case *[]int:
			flags.Var((*widths)(p), field.flag, field.usage)
		case *bool:
			flags.BoolVar(p, field.flag, *p, field.usage)
		case *float64:
			flags.Float64Var(p, field.flag, *p, field.usage)
		case *uint64:
			flags.Uint64Var(p, field.flag, *p, field.usage)
		case *mine.Limit:
			flags.Var((*limit)(p), field.flag, field.usage)
		case *mine.Bytes:
			flags.Var((*amount)(p), field.flag, field.usage)
		case *mine.Length:
			flags.Var((*length)(p), field.flag, field.usage)
		case *mine.SplitKind:
			flags.Var((*split)(p), field.flag, field.usage)
		}
		flags.Lookup(field.flag).DefValue = field.defaults(defaults)
	}
}

// defaults lists the values that the field has for helpRows.
func (f configField) defaults(all []mine.Config) string {
	first := f.text(&all[0])
	last, others := first, ""
	for i := range all {
		if next := f.text(&all[i]); next != last {
			others += fmt.Sprintf(", %s (%s)", next, grouped(helpRows[i]))
			last = next
		}
	}
	if others == "" {
		return first
	}
	return fmt.Sprintf("%s (%s rows)%s", first, grouped(helpRows[0]), others)
}

// efforts lists all, the usual one first.
func efforts(usual mine.Effort) []mine.Effort {
	all := slices.Clone(mine.Efforts())
	at := slices.Index(all, usual)
	return append([]mine.Effort{usual}, slices.Delete(all, at, at+1)...)
}

// names returns what String makes of each value.
func names[T fmt.Stringer](values []T) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = v.String()
	}
	return all
}

// text is the field's value as its flag takes it.
func (f configField) text(c *mine.Config) string {
	if w, ok := f.of(c).(*[]int); ok {
		return (*widths)(w).String()
	}
	return fmt.Sprint(reflect.ValueOf(f.of(c)).Elem())
}

// check reads the file of --config and reports, as far as it can be known before the
// data, whether a flag was set to a value that cannot be used.
func (f *configFlags) check(set *pflag.FlagSet) error {
	if set.Changed("config") {
		if set.Changed("effort") {
			return usagef("--effort sets what %s has set: leave one out", origin(set, "config"))
		}
		var err error
		if f.file, err = readRecorded(origin(set, "config"), f.path); err != nil {
			return err
		}
	}
	if set.Changed("race-steps") && f.values.RaceSteps < 1 {
		return usagef("--race-steps is %d, want at least 1", f.values.RaceSteps)
	}
	_, err := f.config(helpRows[len(helpRows)-1], set)
	return err
}

// config returns the settings of --config, or else the defaults for data of the given
// rows, with every flag that was set on the command line in place of its field.
func (f *configFlags) config(rows int, set *pflag.FlagSet) (mine.Config, error) {
	c := mine.ConfigFor(rows, mine.Effort(f.effort.value))
	if f.file != nil {
		c = f.file.Config
	}
	for _, field := range configFields {
		if set.Changed(field.flag) {
			reflect.ValueOf(field.of(&c)).Elem().Set(reflect.ValueOf(field.of(&f.values)).Elem())
		}
	}
	var err error
	if c.Candidates, err = f.candidates(c.Candidates); err != nil {
		return mine.Config{}, err
	}
	if err := c.Validate(); err != nil {
		if f.file == nil {
			return mine.Config{}, usageError{f.wordError(err, set)}
		}
		return mine.Config{}, f.wordError(err, set)
	}
	return c, nil
}

// seed is what --sample draws by.
func (f *configFlags) seed(set *pflag.FlagSet) uint64 {
	if f.file != nil && !set.Changed("seed") {
		return f.file.Seed
	}
	return f.values.Seed
}

// memory is what the data may take.
func (f *configFlags) memory(set *pflag.FlagSet) mine.Bytes {
	if f.file != nil && !set.Changed("memory") {
		return f.file.Memory
	}
	return f.values.Memory
}

// candidates puts the choices that were made into every candidate and drops
// those that became the same. Without a race only the first is left.
func (f *configFlags) candidates(defaults []mine.Candidate) ([]mine.Candidate, error) {
	var all []mine.Candidate
	for _, c := range defaults {
		if f.objective.chosen {
			c.Objective = f.objective.Objective
		}
		for _, override := range []struct {
			choice
			field interface{ UnmarshalText([]byte) error }
		}{
			{f.activation, &c.Activation},
			{f.preprocess, &c.Preprocess},
		} {
			if override.value == "auto" {
				continue
			}
			if err := override.field.UnmarshalText([]byte(override.value)); err != nil {
				return nil, usageError{err}
			}
		}
		if !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	if !f.race {
		all = all[:1]
	}
	return all, nil
}

// wordError puts in place of fields, in an error about a mine.Config, the flags or the
// places in the file of --config that set them. It is one of usage if such a flag was set.
func (f *configFlags) wordError(err error, set *pflag.FlagSet) error {
	var about *mine.FieldError
	if !errors.As(err, &about) {
		return err
	}
	flagOf := func(name string) (flag string, changed bool) {
		for _, field := range configFields {
			if field.json == name {
				return "--" + field.flag, set.Changed(field.flag)
			}
		}
		return name, false
	}
	usage := false
	var subjects []string
	for _, name := range []string{about.Field, about.And} {
		if name == "" {
			continue
		}
		subject, changed := flagOf(name)
		if f.file != nil && !changed {
			subject = f.file.subject(name)
		}
		usage = usage || changed
		subjects = append(subjects, subject)
	}
	other, _ := flagOf(about.Or)
	err = worded{about.Reason(strings.Join(subjects, " + "), other), err}
	if usage {
		return usageError{err}
	}
	return err
}

// commandLine returns the flags that repeat the run of c, one a string. Those
// that choose the candidates are there where all candidates agree.
func commandLine(c mine.Config) []string {
	var flags []string
	first, agree := c.Candidates[0], [3]bool{true, true, true}
	for _, other := range c.Candidates {
		agree[0] = agree[0] && other.Objective == first.Objective
		agree[1] = agree[1] && other.Activation == first.Activation
		agree[2] = agree[2] && other.Preprocess == first.Preprocess
	}
	for i, flag := range []string{
		"--objective " + first.Objective.String(),
		"--activation " + first.Activation.String(),
		"--preprocess " + first.Preprocess.String(),
	} {
		if agree[i] {
			flags = append(flags, flag)
		}
	}
	for _, field := range configFields {
		if (field.flag == "race-steps" || field.flag == "survivors") && len(c.Candidates) == 1 {
			continue
		}
		join := " "
		if _, ok := field.of(&c).(*bool); ok {
			join = "="
		}
		flags = append(flags, "--"+field.flag+join+field.text(&c))
	}
	return flags
}
