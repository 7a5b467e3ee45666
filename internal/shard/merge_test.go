package shard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gomine/mine/column"
)

// outcome is a result with all that could be lost on the way.
type outcome struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}

// run is one of 11 items, whose values have all bits of a float64.
func run() (Run, []outcome) {
	g := rand.New(rand.NewPCG(1, 2))
	all := []outcome{{"<a & \"b\">\u2028", math.SmallestNonzeroFloat64}, {"", math.MaxFloat64}, {"-0", math.Copysign(0, -1)}}
	for len(all) < 11 {
		all = append(all, outcome{"x", g.NormFloat64() * math.Pow(10, 40*g.Float64()-20)})
	}
	return Run{Kind: Rank, Version: "mine 1", Config: json.RawMessage(`{"a":{"b":1},"seed":7}`), Data: "0123456789abcdef", Items: len(all)}, all
}

// part is a shard of a run.
func part(t *testing.T, r Run, all []outcome, s Shard) Part {
	t.Helper()
	var results []json.RawMessage
	for _, k := range s.Items(r.Items) {
		result, err := Encode(all[k])
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, result)
	}
	p, err := New(r, s, results)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// written writes parts to files of a folder and returns their paths.
func written(t *testing.T, parts ...Part) []string {
	t.Helper()
	dir := t.TempDir()
	var paths []string
	for k, p := range parts {
		path := filepath.Join(dir, fmt.Sprintf("p%d", k))
		if err := p.Write(path); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// TestMerge: from any number of parts, in any order, come the results of one process, bit for bit,
// of more parts than there are items too.
func TestMerge(t *testing.T) {
	r, all := run()
	for _, count := range []int{1, 2, 3, 11, 13} {
		var parts []Part
		for i := range count {
			parts = append(parts, part(t, r, all, Shard{i, count}))
		}
		paths := written(t, parts...)
		slices.Reverse(paths)
		merged, items, err := Merge(paths)
		if err != nil {
			t.Fatal(err)
		}
		if merged.Kind != r.Kind || merged.Version != r.Version || !bytes.Equal(merged.Config, r.Config) || merged.Data != r.Data || len(items) != len(all) {
			t.Errorf("%d parts: %d items of %+v, want %d of %+v", count, len(items), merged, len(all), r)
		}
		for k, item := range items {
			var got outcome
			if err := item.Decode(&got); err != nil {
				t.Fatal(err)
			}
			if item.Index != k || got.Name != all[k].Name || math.Float64bits(got.Value) != math.Float64bits(all[k].Value) {
				t.Errorf("%d parts: item %d is %+v, want %+v", count, k, got, all[k])
			}
			if alone, _ := Encode(all[k]); !bytes.Equal(alone, item.Result) {
				t.Errorf("%d parts: item %d is %s, want %s", count, k, item.Result, alone)
			}
		}
	}
}

// TestMergeErrors: what is no part of the run, there twice or missing is named.
func TestMergeErrors(t *testing.T) {
	r, all := run()
	parts := []Part{part(t, r, all, Shard{0, 3}), part(t, r, all, Shard{1, 3}), part(t, r, all, Shard{2, 3})}
	foreign := func(change func(*Part)) []Part {
		p := parts[1]
		change(&p)
		return []Part{parts[0], p, parts[2]}
	}
	for _, c := range []struct {
		name  string
		parts []Part
		want  error
		text  string
	}{
		{"missing", []Part{parts[0], parts[2]}, ErrMissing, "shard 1/3"},
		{"two missing", parts[1:2], ErrMissing, "shard 0/3 or 2/3"},
		{"none", nil, ErrMissing, ""},
		{"twice", []Part{parts[0], parts[1], parts[2], parts[1]}, ErrTwice, "p1 and p3 are both shard 1/3"},
		{"kind", foreign(func(p *Part) { p.Kind = Matrix }), ErrForeign, "p1: kind is matrix, but rank in p0"},
		{"version", foreign(func(p *Part) { p.Version = "mine 2" }), ErrForeign, "p1: version is mine 2, but mine 1"},
		{"config", foreign(func(p *Part) { p.Config = json.RawMessage(`{"a":{"b":2},"seed":7}`) }), ErrForeign, "p1: config.a.b is 2, but 1"},
		{"no seed", foreign(func(p *Part) { p.Config = json.RawMessage(`{"a":{"b":1}}`) }), ErrForeign, "p1: config.seed is not there, but 7"},
		{"data", foreign(func(p *Part) { p.Data = "ffff" }), ErrForeign, "p1: the data are others"},
		{"of four", []Part{parts[0], part(t, r, all, Shard{1, 4}), parts[2]}, ErrForeign, "p1: shards is 4, but 3"},
		{"of fewer items", []Part{parts[0], part(t, Run{r.Kind, r.Version, r.Config, r.Data, 10}, all, Shard{1, 3})}, ErrForeign, "p1: items is 10, but 11"},
	} {
		paths := written(t, c.parts...)
		_, items, err := Merge(paths)
		text := fmt.Sprint(err)
		for _, path := range paths {
			text = strings.ReplaceAll(text, path, filepath.Base(path))
		}
		if !errors.Is(err, c.want) || !strings.Contains(text, c.text) || items != nil {
			t.Errorf("%s: %d items, error %q, want %q", c.name, len(items), text, c.text)
		}
	}
}

// TestReadErrors: what is no whole part is none, whatever it is.
func TestReadErrors(t *testing.T) {
	r, all := run()
	path := written(t, part(t, r, all, Shard{1, 3}))[0]
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"", "null", "x,y\n1,2\n", `{"schema":"gomine.estimate/1"}`, `{"schema":"gomine.part/2"}`,
		string(whole[:len(whole)-10]), string(whole) + "{}",
		strings.Replace(string(whole), `"index":4`, `"index":3`, 1),
		strings.Replace(string(whole), `"items":11`, `"items":14`, 1),
		strings.Replace(string(whole), `"shard":1`, `"shard":3`, 1),
		strings.Replace(string(whole), `"shards":3`, `"shards":0`, 1),
		strings.Replace(string(whole), `"kind"`, `"sort"`, 1),
	} {
		if text == string(whole) {
			t.Fatal("a case changes nothing")
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); !errors.Is(err, ErrNoPart) || !strings.Contains(err.Error(), path) {
			t.Errorf("%.40q: error %v", text, err)
		}
	}
	if _, err := Read(path + "absent"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := Encode(outcome{Value: math.NaN()}); err == nil {
		t.Error("NaN is a result")
	}
	if _, err := New(r, Shard{1, 3}, nil); err == nil {
		t.Error("no results are a part")
	}
	var other struct {
		Name string `json:"name"`
	}
	if err := (Item{4, json.RawMessage(`{"name":"x","value":1}`)}).Decode(&other); err == nil {
		t.Error("a field is lost in silence")
	}
}

// TestFingerprint: all that changes a number, or its name, changes the fingerprint; how the data lie in
// memory does not.
func TestFingerprint(t *testing.T) {
	a, b := []float64{1, 2, 3}, []float64{4, 5, 6}
	of := func(sources ...column.Source) string {
		f, err := Fingerprint(sources...)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	want := of(column.Slices(a, b))
	if got := of(column.RowMajor([]float64{1, 4, 2, 5, 3, 6}, 2)); got != want {
		t.Error("rows in a row have another fingerprint")
	}
	seen := map[string]int{want: -1}
	for k, s := range [][]column.Source{
		{column.Slices(a, b), nil}, {nil, column.Slices(a, b)}, {column.Slices(a), column.Slices(b)}, {column.Slices(b, a)},
		{column.Slices(a, []float64{4, 5, math.Nextafter(6, 7)})}, {column.Named(column.Slices(a, b), "a", "b")},
		{column.Slices([]int{1, 2, 3}, []int{4, 5, 6})}, {column.Slices(a[:2], b[:2])},
		{column.Codes([]string{"a", "b"})}, {column.Codes([]string{"a", "c"})},
	} {
		f := of(s...)
		if other, there := seen[f]; there {
			t.Errorf("case %d has the fingerprint of case %d", k, other)
		}
		seen[f] = k
	}
	long := make([]float64, 3<<16+5) // of several reads
	one := of(column.Slices(long))
	long[len(long)-1] = 1
	if of(column.Slices(long)) == one {
		t.Error("the last value does not count")
	}
	if _, err := Fingerprint(column.Slices[float64]()); err == nil {
		t.Error("no data have a fingerprint")
	}
}
