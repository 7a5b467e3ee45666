package shard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"gomine/internal/wholefile"
)

// Schema names the form of a part.
const Schema = "gomine.part/1"

// Kind is what a run computes.
type Kind string

const (
	Matrix   Kind = "matrix"   // items are pairs of columns
	Rank     Kind = "rank"     // items are columns
	Estimate Kind = "estimate" // items are seeds
)

// A Run is all that its results depend on. Parts of one run have equal ones.
type Run struct {
	Kind    Kind            `json:"kind"`
	Version string          `json:"version"` // of the build: others may round otherwise
	Config  json.RawMessage `json:"config"`  // the settings, and what the merged output has to know
	Data    string          `json:"data"`    // see Fingerprint
	Items   int             `json:"items"`   // of the whole run, with indices from 0
}

// A Part is the results of one shard of a run, by ascending index.
type Part struct {
	Schema string `json:"schema"`
	Run
	Index   int    `json:"shard"`
	Count   int    `json:"shards"`
	Results []Item `json:"results"`
}

// An Item is a result and its place in the run.
type Item struct {
	Index  int             `json:"index"`
	Result json.RawMessage `json:"result"`
}

// Encode is a result as a part holds it, on one line. Infinity and NaN are errors.
func Encode(result any) (json.RawMessage, error) {
	text, err := json.Marshal(result)
	if err != nil {
		return nil, fmt.Errorf("shard: %w", err)
	}
	return text, nil
}

// Decode reads the result of an item into target, which points to the type that Encode was given.
// A field that the type lacks is an error.
func (i Item) Decode(target any) error {
	d := json.NewDecoder(bytes.NewReader(i.Result))
	d.DisallowUnknownFields()
	if err := d.Decode(target); err != nil {
		return fmt.Errorf("shard: result %d: %w", i.Index, err)
	}
	return nil
}

// Shard is which part it is.
func (p Part) Shard() Shard { return Shard{p.Index, p.Count} }

// New puts the results of a shard together: results[j] is that of s.Items(run.Items)[j].
func New(run Run, s Shard, results []json.RawMessage) (Part, error) {
	items := s.Items(run.Items)
	if !s.Divided() || len(results) != len(items) {
		return Part{}, fmt.Errorf("shard: %d results for the %d items of shard %s", len(results), len(items), s)
	}
	p := Part{Schema: Schema, Run: run, Index: s.Index, Count: s.Count, Results: []Item{}}
	for j, k := range items {
		p.Results = append(p.Results, Item{k, results[j]})
	}
	return p, nil
}

// WriteTo writes the part, one result a line.
func (p Part) WriteTo(w io.Writer) (int64, error) {
	results := p.Results
	p.Results = nil
	head, err := json.Marshal(p)
	if err != nil {
		return 0, fmt.Errorf("shard: %w", err)
	}
	var b bytes.Buffer
	b.Write(bytes.TrimSuffix(head, []byte("null}")))
	b.WriteByte('[')
	for j, item := range results {
		line, err := json.Marshal(item)
		if err != nil {
			return 0, fmt.Errorf("shard: result %d: %w", item.Index, err)
		}
		if j > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
		b.Write(line)
	}
	b.WriteString("\n]}\n")
	return b.WriteTo(w)
}

// Write writes the part to a file, whole or not at all.
func (p Part) Write(path string) error {
	return wholefile.Write(path, func(w io.Writer) error {
		_, err := p.WriteTo(w)
		return err
	})
}

// ErrNoPart is wrapped by the error about a file that is no part, or not a whole one.
var ErrNoPart = errors.New("no part of a run")

// Read reads a part and checks that it is whole. Errors name the file.
func Read(path string) (Part, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		var cause *os.PathError
		if errors.As(err, &cause) {
			err = cause.Err
		}
		return Part{}, fmt.Errorf("shard: %s: %w", path, err)
	}
	wrong := func(format string, args ...any) (Part, error) {
		return Part{}, fmt.Errorf("shard: %s: %s: %w", path, fmt.Sprintf(format, args...), ErrNoPart)
	}
	// Of a part of another form, the schema alone is looked at.
	var named struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(text, &named); err != nil {
		return wrong("is no whole JSON object (%v)", err)
	}
	if named.Schema != Schema {
		return wrong("has schema %q, want %q, which --shard writes", named.Schema, Schema)
	}
	var p Part
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return wrong("%v", err)
	}
	if p.Items < 0 || p.Index < 0 || p.Index >= p.Count {
		return wrong("is shard %s of %d items", p.Shard(), p.Items)
	}
	want := p.Shard().Items(p.Items)
	if len(p.Results) != len(want) {
		return wrong("has %d results, want %d", len(p.Results), len(want))
	}
	for j, item := range p.Results {
		if item.Index != want[j] || len(item.Result) == 0 {
			return wrong("result %d is of item %d, want item %d", j, item.Index, want[j])
		}
	}
	return p, nil
}
