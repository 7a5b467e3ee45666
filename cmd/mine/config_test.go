package main

import (
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/objective"
	"gomine/mine/preprocess"
)

// parse defines the flags of a configuration and parses args.
func parse(t *testing.T, args ...string) (*configFlags, *pflag.FlagSet) {
	t.Helper()
	var f configFlags
	flags := newFlags()
	f.register(flags, flags, mine.Normal)
	if err := flags.Parse(args); err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return &f, flags
}

// configOf is the configuration that args make for data of some rows.
func configOf(t *testing.T, rows int, args ...string) mine.Config {
	t.Helper()
	f, flags := parse(t, args...)
	if err := f.check(flags); err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	c, err := f.config(rows, flags)
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return c
}

func TestConfigDefaults(t *testing.T) {
	for _, rows := range []int{100, 1_000, 10_000, 1_000_000} {
		if got, want := configOf(t, rows), mine.DefaultConfig(rows); !reflect.DeepEqual(got, want) {
			t.Errorf("%d rows: without flags %+v, want %+v", rows, got, want)
		}
	}
}

// TestConfigFields checks that each field has a flag, and that it sets this
// field and no other.
func TestConfigFields(t *testing.T) {
	values := map[string]string{
		"race_steps": "11", "survivors": "2", "networks": "3", "reference": "false", "neighbours": "false", "folds": "7", "split": "blocks", "block": "400", "hidden": "3,5,7", "batch": "13", "marginals": "4", "steps": "1e4", "learning_rate": "0.5", "weight_decay": "0.25",
		"clip_norm": "0.125", "evaluate_every": "17", "patience": "19", "validation_fraction": "0.3", "test_fraction": "0.4",
		"test_pairs": "23", "confidence": "0.9", "seed": "18446744073709551615", "memory": "3GiB",
	}
	wants := map[string]any{
		"race_steps": 11, "survivors": 2, "networks": 3, "reference": false, "neighbours": false, "folds": 7, "split": mine.SplitBlocks, "block": mine.Length(400), "hidden": []int{3, 5, 7}, "batch": 13, "marginals": 4, "steps": 10_000, "learning_rate": 0.5, "weight_decay": 0.25,
		"clip_norm": mine.Limit(0.125), "evaluate_every": 17, "patience": 19, "validation_fraction": 0.3, "test_fraction": 0.4,
		"test_pairs": 23, "confidence": 0.9, "seed": uint64(1<<64 - 1), "memory": mine.Bytes(3 << 30),
	}
	flags := map[string]string{}
	for _, field := range configFields {
		flags[field.json] = field.flag
	}
	config := reflect.TypeFor[mine.Config]()
	for i := range config.NumField() {
		name := config.Field(i).Tag.Get("json")
		if name == "candidates" {
			continue
		}
		if flags[name] == "" || values[name] == "" {
			t.Errorf("field %s has no flag, or none in this test", name)
			continue
		}
		want := mine.DefaultConfig(5000)
		reflect.ValueOf(&want).Elem().Field(i).Set(reflect.ValueOf(wants[name]))
		if got := configOf(t, 5000, "--"+flags[name]+"="+values[name]); !reflect.DeepEqual(got, want) {
			t.Errorf("--%s %s makes %+v, want %+v", flags[name], values[name], got, want)
		}
	}
}

// TestConfigDefaultSetByHand checks that a flag given at what help shows as
// its default counts as given, whatever the rows.
func TestConfigDefaultSetByHand(t *testing.T) {
	if got := configOf(t, 1000, "--batch", "512").Batch; got != 512 {
		t.Errorf("batch is %d, want the 512 that was asked for", got)
	}
}

// TestHelpShowsDefaults checks that help has the default of each flag, and several
// where it depends on the rows.
func TestHelpShowsDefaults(t *testing.T) {
	_, help, _ := try(t, "", "estimate", "--help")
	for _, field := range configFields {
		_, after, found := strings.Cut(help, "  --"+field.flag+" ")
		text, _, _ := strings.Cut(after, "\n  --")
		text = strings.Join(strings.Fields(text), " ")
		least := mine.DefaultConfig(1_000)
		want, last := field.text(&least)+" (1,000 rows)", field.text(&least)
		for _, size := range []struct {
			rows int
			text string
		}{{10_000, "10,000"}, {100_000, "100,000"}, {1_000_000, "1,000,000"}} {
			cfg := mine.DefaultConfig(size.rows)
			if next := field.text(&cfg); next != last {
				want, last = want+", "+next+" ("+size.text+")", next
			}
		}
		want = "[default: " + strings.TrimSuffix(want, " (1,000 rows)") + "]"
		if !found || !strings.Contains(text, want) {
			t.Errorf("--%s: help says %q, want %q in it", field.flag, text, want)
		}
	}
}

func TestCandidates(t *testing.T) {
	defaults := []mine.Candidate{
		{Activation: backend.Softplus, Preprocess: preprocess.Rank, Objective: objective.DV.Default()},
		{Activation: backend.ReLU, Preprocess: preprocess.Standardize, Objective: objective.DV.Default()},
		{Activation: backend.Softplus, Preprocess: preprocess.Rank, Objective: objective.JS.Default()},
		{Activation: backend.ReLU, Preprocess: preprocess.Standardize, Objective: objective.JS.Default()},
	}
	for _, c := range []struct {
		args string
		want []string
	}{
		{"", []string{"softplus, rank, dv", "relu, standardize, dv", "softplus, rank, js", "relu, standardize, js"}},
		{"--race=false", []string{"softplus, rank, dv"}},
		{"--objective auto", []string{"softplus, rank, dv", "relu, standardize, dv", "softplus, rank, js", "relu, standardize, js"}},
		{"--objective mine", []string{"softplus, rank, mine", "relu, standardize, mine"}},
		{"--objective mine:0.5", []string{"softplus, rank, mine:0.5", "relu, standardize, mine:0.5"}},
		{"--objective smile:inf --race=false", []string{"softplus, rank, smile:+Inf"}},
		{"--objective nce:1 --race=false", []string{"softplus, rank, nce"}},
		{"--activation elu", []string{"elu, rank, dv", "elu, standardize, dv", "elu, rank, js", "elu, standardize, js"}},
		{"--preprocess rank", []string{"softplus, rank, dv", "relu, rank, dv", "softplus, rank, js", "relu, rank, js"}},
		{"--objective nwj --preprocess rank", []string{"softplus, rank, nwj", "relu, rank, nwj"}},
		{"--objective nwj --race=false", []string{"softplus, rank, nwj"}},
		{"--objective dv --activation relu --preprocess standardize", []string{"relu, standardize, dv"}},
	} {
		f, _ := parse(t, strings.Fields(c.args)...)
		candidates, err := f.candidates(defaults)
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
			continue
		}
		if got := names(candidates); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: candidates %q, want %q", c.args, got, c.want)
		}
	}
}

// TestChoicesAreComplete checks that every name a choice offers is one that
// the library knows, and the other way round.
func TestChoicesAreComplete(t *testing.T) {
	f, _ := parse(t)
	for _, name := range f.preprocess.names[1:] {
		if err := new(preprocess.Method).UnmarshalText([]byte(name)); err != nil {
			t.Error(err)
		}
	}
	if unlisted := preprocess.Method(len(f.preprocess.names) - 1); !strings.HasPrefix(unlisted.String(), "unknown") {
		t.Errorf("--preprocess does not offer %v", unlisted)
	}
	for _, name := range objective.Names() {
		if got := configOf(t, 1000, "--objective", name).Candidates[0].Objective.Kind.String(); got != name {
			t.Errorf("--objective %s makes %s", name, got)
		}
	}
	if got, want := len(f.activation.names)-1, len(backend.Activations()); got != want {
		t.Errorf("--activation offers %d activations of %d", got, want)
	}
}
