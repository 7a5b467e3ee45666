package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gomine/internal/shard"
)

// shardFlag says which items of a run are computed: all, or a share that is written as a part.
type shardFlag struct {
	text string
	shard.Shard
}

// allShards is the value of --shard that divides nothing, whatever a scheduler says.
const allShards = "all"

// register defines the flag of a run of some items.
func (f *shardFlag) register(flags *pflag.FlagSet, items string) {
	flags.StringVar(&f.text, "shard", "", "`I/N`: share I, from 0, of N shares of the "+items+" alone, as a part for mine merge that goes to --output; all: everything, whatever a scheduler says")
	flags.Lookup("shard").DefValue = "what Slurm or Kubernetes say"
}

// check reads the flag, or else what a job scheduler says, which is announced.
func (f *shardFlag) check(set *pflag.FlagSet, output *outputFlag, stderr io.Writer) error {
	says, announced := "--shard "+f.text, ""
	switch {
	case f.text == allShards:
		return nil
	case set.Changed("shard"):
		s, err := shard.Parse(f.text)
		if err != nil {
			return usagef("--shard %q: %v, or all", f.text, err)
		}
		f.Shard = s
	default:
		s, variables, err := shard.Environment(os.Getenv)
		if err != nil {
			return usagef("%s: say which share is meant by --shard I/N, or --shard all for everything", oneLine(err))
		}
		if !s.Divided() {
			return nil
		}
		f.Shard = s
		says = fmt.Sprintf("shard %s, by %s", s, variables)
		announced = "mine: " + says + "; --shard all computes everything\n"
	}
	if !output.toFile() {
		return usagef("%s: the part for mine merge needs a file of its own: --output FILE, or --shard all for everything", says)
	}
	fmt.Fprint(stderr, announced)
	return nil
}

// compute computes the items of the shard that the journal does not have yet, one after the other. Where there is a
// shard, it writes them as a part, and returns no items.
func (f *shardFlag) compute(cmd *cobra.Command, run shard.Run, j *itemJournal, output *outputFlag, item func(k int) (any, error)) ([]shard.Item, error) {
	numbers := f.Items(run.Items)
	items := make([]shard.Item, len(numbers))
	results := make([]json.RawMessage, len(numbers))
	for i, k := range numbers {
		if results[i] = j.results[k]; results[i] == nil {
			result, err := item(k)
			switch {
			case errors.Is(err, context.Canceled):
				return nil, interruptedError(fmt.Sprintf("interrupted after %d of %d: %s", i, len(numbers), j.afterwards()))
			case err != nil:
				return nil, err
			}
			if results[i], err = j.addItem(k, result); err != nil {
				return nil, err
			}
		}
		items[i] = shard.Item{Index: k, Result: results[i]}
	}
	if !f.Divided() {
		return items, nil
	}
	part, err := shard.New(run, f.Shard, results)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if _, err := part.WriteTo(&b); err != nil {
		return nil, err
	}
	if err := output.write(cmd, b.Bytes()); err != nil {
		return nil, err
	}
	return nil, j.end()
}

// newRun describes a run. config is all that its answer has to know beside the results.
func newRun(kind shard.Kind, config any, d data, items int) (shard.Run, error) {
	text, err := shard.Encode(config)
	if err != nil {
		return shard.Run{}, err
	}
	fingerprint, err := d.fingerprint()
	return shard.Run{Kind: kind, Version: version(), Config: text, Data: fingerprint, Items: items}, err
}

// fingerprint is that of the columns as they were read.
func (d data) fingerprint() (string, error) {
	if d.groups == nil {
		return shard.Fingerprint(d.x, d.z)
	}
	return shard.Fingerprint(d.x, d.z, d.groups)
}

// decodeAll reads the results of items.
func decodeAll[T any](items []shard.Item) ([]T, error) {
	all := make([]T, len(items))
	for k, item := range items {
		if err := item.Decode(&all[k]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// form is how an answer is written.
type form struct {
	json, csv, quiet bool
	unit             unit
}

// formOf is what --format, or the end of the name of the file of --output, asks for.
func formOf(name string, quiet bool, output string, u unit) form {
	if end := strings.ToLower(filepath.Ext(output)); name == formText && (end == ".json" || end == ".csv") {
		name = end[1:]
	}
	return form{json: name == formJSON && !quiet, csv: name == formCSV && !quiet, quiet: quiet, unit: u}
}

// named is the name of the form that --json asks for.
func named(json bool) string {
	if json {
		return formJSON
	}
	return formText
}
