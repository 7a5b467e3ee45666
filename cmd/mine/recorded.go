package main

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"gomine/cuda"
	"gomine/mine"
	"gomine/mine/backend"
)

// schemaName names the form of what --json prints, which doc/estimate.schema.json
// describes. The number goes up with every change that a program which reads it would
// notice, or that changes what --config needs.
const schemaName = "gomine.estimate/1"

// settings is the config object of --json: all that changes the number but the data.
type settings struct {
	mine.Config
	Backend   string `json:"backend"`
	Precision string `json:"precision"` // of matrix products
}

// cpuPrecision is that of the CPU backend, which knows no other.
const cpuPrecision = string(cuda.FP32)

// precisionOf is how an open backend computes matrix products.
func precisionOf(b backend.Backend) string {
	if d, ok := cuda.Describe(b); ok {
		return string(d.Precision)
	}
	return cpuPrecision
}

// recorded is what --config reads: the settings of an earlier run.
type recorded struct {
	settings
	path   string
	prefix string // of the names of its fields, where it is the whole of what --json printed
}

// subject names a field of the settings, or the file itself.
func (r *recorded) subject(field string) string { return r.path + ": " + r.prefix + field }

// errorf is an error about a field.
func (r *recorded) errorf(field, format string, args ...any) error {
	return fmt.Errorf("%s %w", r.subject(field), fmt.Errorf(format, args...))
}

// readRecorded reads the whole of what --json printed, or its config object alone. flag is what
// names the file.
func readRecorded(flag, path string) (*recorded, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", flag, path, pathCause(err))
	}
	defer f.Close()
	r := &recorded{path: path}
	all, err := members(f)
	if err != nil {
		return nil, fmt.Errorf(`%s: %s %w: give what mine estimate --json printed, or the object "config" in it`, flag, path, pathCause(err))
	}
	_, named := all["schema"]
	if config, whole := all["config"]; whole || named {
		if err := r.checkSchema(all["schema"]); err != nil {
			return nil, err
		}
		if err := r.onlyKnown("", slices.Collect(maps.Keys(all)), documentFields()); err != nil {
			return nil, err
		}
		if !whole {
			return nil, r.errorf("config", "is missing: without it no run can be repeated")
		}
		if all, err = members(bytes.NewReader(config)); err != nil {
			return nil, r.errorf("config", "%w", err)
		}
		r.prefix = "config."
	}
	targets := map[string]any{"candidates": &r.Candidates, "backend": &r.Backend, "precision": &r.Precision}
	for _, field := range configFields {
		targets[field.json] = field.of(&r.Config)
	}
	if err := r.fill("", all, targets); err != nil {
		return nil, err
	}
	return r, r.checkBackend()
}

// checkSchema takes no version but ours.
func (r *recorded) checkSchema(text json.RawMessage) error {
	var name string
	switch err := json.Unmarshal(text, &name); {
	case text == nil:
		return r.errorf("schema", "is missing, want %q: make the run once more", schemaName)
	case err != nil || name != schemaName:
		return r.errorf("schema", "is %s, but this build of mine knows %q alone: use the build that wrote it, or make the run once more", shown(text), schemaName)
	}
	return nil
}

// checkBackend takes known names alone.
func (r *recorded) checkBackend() error {
	for _, c := range []struct {
		field, value string
		names        []string
	}{{"backend", r.Backend, mine.Backends()}, {"precision", r.Precision, precisions()}} {
		if !slices.Contains(c.names, c.value) {
			return r.errorf(c.field, "is %q, want one of %s", c.value, strings.Join(c.names, ", "))
		}
	}
	if r.Backend == mine.BackendCPU && r.Precision != cpuPrecision && r.Precision != precisions()[0] {
		return r.errorf("precision", "is %q, but backend cpu computes in %s", r.Precision, cpuPrecision)
	}
	return nil
}

// fill reads the members of an object into their targets, all of which it must have.
// parent stands before their names.
func (r *recorded) fill(parent string, all map[string]json.RawMessage, targets map[string]any) error {
	known := slices.Sorted(maps.Keys(targets))
	if err := r.onlyKnown(parent, slices.Collect(maps.Keys(all)), known); err != nil {
		return err
	}
	for _, name := range known {
		text, given := all[name]
		if !given {
			return r.errorf(parent+name, "is missing: a run is repeated by all its settings, and changed by flags")
		}
		if err := r.decode(parent+name, text, targets[name]); err != nil {
			return err
		}
	}
	return nil
}

// onlyKnown reports the first name that is not known.
func (r *recorded) onlyKnown(parent string, names, known []string) error {
	slices.Sort(names)
	for _, name := range names {
		if slices.Contains(known, name) {
			continue
		}
		near := suggest(name, known)
		if field := fieldOf(name); field != name && slices.Contains(known, field) {
			near = []string{field}
		}
		if len(near) > 0 {
			return r.errorf(parent+name, "is unknown: did you mean %s?", strings.Join(near, " or "))
		}
		return r.errorf(parent+name, "is unknown: leave it out")
	}
	return nil
}

// fieldOf is the field of the settings that a flag sets, or else its name.
func fieldOf(flag string) string {
	if slices.Contains([]string{"objective", "activation", "preprocess"}, flag) {
		return "candidates" // which has one of each
	}
	for _, field := range configFields {
		if field.flag == flag {
			return field.json
		}
	}
	return flag
}

// decode reads the value of a field.
func (r *recorded) decode(name string, text json.RawMessage, target any) error {
	if candidates, ok := target.(*[]mine.Candidate); ok {
		return r.decodeCandidates(name, text, candidates)
	}
	err := json.Unmarshal(text, target)
	switch _, named := target.(encoding.TextUnmarshaler); {
	case string(text) == "null", errors.As(err, new(*json.UnmarshalTypeError)):
		return r.errorf(name, "is %s, want %s", shown(text), wanted(target))
	case err != nil && named:
		return r.errorf(name, "is %s: %s", shown(text), oneLine(err))
	case err != nil:
		return r.errorf(name, "is %s: %w", shown(text), err)
	}
	return nil
}

func (r *recorded) decodeCandidates(name string, text json.RawMessage, candidates *[]mine.Candidate) error {
	var list []json.RawMessage
	if err := json.Unmarshal(text, &list); err != nil || list == nil {
		return r.errorf(name, "is %s, want a list", shown(text))
	}
	for i, item := range list {
		here := fmt.Sprintf("%s[%d]", name, i)
		all, err := members(bytes.NewReader(item))
		if err != nil {
			return r.errorf(here, "is %s, want activation, preprocess and objective", shown(item))
		}
		var c mine.Candidate
		targets := map[string]any{"activation": &c.Activation, "preprocess": &c.Preprocess, "objective": &c.Objective}
		if err := r.fill(here+".", all, targets); err != nil {
			return err
		}
		*candidates = append(*candidates, c)
	}
	return nil
}

// wanted says what a field takes.
func wanted(target any) string {
	switch target.(type) {
	case *int:
		return "a whole number"
	case *uint64:
		return "a whole number, 0 or more, below 2^64"
	case *float64:
		return "a number"
	case *bool:
		return "true or false"
	case *[]int:
		return "a list of whole numbers"
	case *mine.Limit:
		return `a number, or "none"`
	case *mine.Length:
		return `a number of rows, or "auto"`
	}
	return "a name in quotes"
}

// shown is the beginning of a value, on one line.
func shown(text json.RawMessage) string {
	const most = 40
	runes := []rune(strings.Join(strings.Fields(string(text)), " "))
	if len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return string(runes)
}

// documentFields lists the names of what --json prints.
func documentFields() []string {
	var names []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[document]()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// members reads one JSON object, and nothing behind it.
func members(source io.Reader) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(source)
	first, err := d.Token()
	switch {
	case err == io.EOF:
		return nil, errors.New("is empty")
	case err != nil:
		return nil, notJSON(err)
	case first != json.Delim('{'):
		return nil, errors.New("is no JSON object")
	}
	all := map[string]json.RawMessage{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, notJSON(err)
		}
		key := name.(string) // a decoder gives no other in an object
		if _, twice := all[key]; twice {
			return nil, fmt.Errorf("has %q twice", key)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, notJSON(err)
		}
		all[key] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, notJSON(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("goes on behind its object")
	}
	return all, nil
}

// notJSON words why a text cannot be read as JSON.
func notJSON(err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("is JSON that ends too early")
	case errors.As(err, &syntax):
		return fmt.Errorf("is no JSON (%w)", err)
	}
	return err
}
