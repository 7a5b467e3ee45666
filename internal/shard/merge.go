package shard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

var (
	ErrForeign = errors.New("parts of different runs") // is wrapped by the error about a part that belongs to another run
	ErrMissing = errors.New("parts are missing")       // is wrapped by the error about a run that is not complete
	ErrTwice   = errors.New("a part is there twice")   // is wrapped by the error about two files with one shard
)

// Merge reads the parts of one run, in any order, and returns the run with all of its results, by
// ascending index. Files of different runs, a shard that is there twice and one that is missing are errors.
func Merge(paths []string) (Run, []Item, error) {
	if len(paths) == 0 {
		return Run{}, nil, fmt.Errorf("shard: no files: %w", ErrMissing)
	}
	var first Part
	var results []Item
	from := map[int]string{} // the file of a shard
	for k, path := range paths {
		p, err := Read(path)
		if err != nil {
			return Run{}, nil, err
		}
		if k == 0 {
			first, results = p, make([]Item, p.Items)
		}
		if what := difference(p, first); what != "" {
			return Run{}, nil, fmt.Errorf("shard: %s: %s in %s: %w", path, what, paths[0], ErrForeign)
		}
		if other, twice := from[p.Index]; twice {
			return Run{}, nil, fmt.Errorf("shard: %s and %s are both shard %s: %w", other, path, p.Shard(), ErrTwice)
		}
		from[p.Index] = path
		for _, item := range p.Results {
			results[item.Index] = item
		}
	}
	var missing []string
	for i := range first.Count {
		if _, there := from[i]; !there {
			missing = append(missing, Shard{i, first.Count}.String())
		}
	}
	if len(missing) > 0 {
		return Run{}, nil, fmt.Errorf("shard: no file is shard %s: %w", strings.Join(missing, " or "), ErrMissing)
	}
	return first.Run, results, nil
}

// difference says how a part is of another run than the first one; empty for the same run.
func difference(p, first Part) string {
	for _, c := range []struct {
		name        string
		value, want any
	}{
		{"kind", p.Kind, first.Kind}, {"version", p.Version, first.Version}, {"shards", p.Count, first.Count},
		{"items", p.Items, first.Items},
	} {
		if c.value != c.want {
			return fmt.Sprintf("%s is %v, but %v", c.name, c.value, c.want)
		}
	}
	if !bytes.Equal(p.Config, first.Config) {
		return differentField("config", p.Config, first.Config)
	}
	if p.Data != first.Data {
		return fmt.Sprintf("the data are others: fingerprint %.12s, but %.12s", p.Data, first.Data)
	}
	return ""
}

// differentField names the first field, in alphabetical order, in which two JSON values differ. It
// returns something for values that differ in their spelling alone too.
func differentField(name string, value, want json.RawMessage) string {
	var a, b map[string]json.RawMessage
	if json.Unmarshal(value, &a) == nil && json.Unmarshal(want, &b) == nil && a != nil && b != nil {
		all := map[string]bool{}
		for _, object := range []map[string]json.RawMessage{a, b} {
			for field := range object {
				all[field] = true
			}
		}
		for _, field := range slices.Sorted(maps.Keys(all)) {
			if !reflect.DeepEqual(a[field], b[field]) {
				return differentField(name+"."+field, a[field], b[field])
			}
		}
	}
	return fmt.Sprintf("%s is %s, but %s", name, shown(value), shown(want))
}

// shown is the beginning of a value.
func shown(value json.RawMessage) string {
	const most = 60
	switch text := []rune(string(value)); {
	case len(text) == 0:
		return "not there"
	case len(text) > most:
		return string(text[:most]) + ".."
	default:
		return string(text)
	}
}
