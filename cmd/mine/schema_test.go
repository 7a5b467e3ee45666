package main

import (
	"encoding"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/objective"
	"gomine/mine/preprocess"
)

// schemaFile describes what --json prints.
var schemaFile = filepath.Join(root, "doc", "estimate.schema.json")

// conforms checks what --json printed against the schema.
func conforms(t *testing.T, text string) error {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(value)
}

// TestSchemaOfRuns checks the output of runs of all kinds.
func TestSchemaOfRuns(t *testing.T) {
	path := gaussian(t, "400")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, data string
		args       []string
	}{
		{"plain", string(content), nil},
		{"bits", string(content), []string{"--unit", "bits", "--reference=false"}},
		{"one critic", string(content), []string{"--race=false", "--folds", "1", "--clip-norm", "1", "--objective", "smile:5"}},
		{"groups", missing(string(content)), []string{"--group", "group", "--missing", "drop", "--rows", "10:390", "--sample", "360"}},
		{"blocks", string(content), []string{"--split", "blocks", "--block", "20"}},
		{"repeats", string(content) + strings.Join(strings.SplitAfter(string(content), "\n")[1:], ""), nil},
	} {
		args := append(append([]string{"estimate", file(t, "data.csv", c.data), "--x", "X*", "--z", "Z*", "--json"}, smallCPU...), c.args...)
		code, stdout, stderr := try(t, "", args...)
		if code != exitOK {
			t.Errorf("%s: exit %d: %s", c.name, code, stderr)
		} else if err := conforms(t, stdout); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// missing adds a column of groups to the rows, and leaves some values out.
func missing(content string) string {
	var b strings.Builder
	for i, line := range strings.Split(strings.TrimSpace(content), "\n") {
		switch {
		case i == 0:
			line += ",group"
		case i%50 == 0:
			line = "," + strings.SplitN(line, ",", 2)[1] + "," + strconv.Itoa(i/10)
		default:
			line += "," + strconv.Itoa(i/10)
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// everything is an output that leaves nothing out.
func everything(t *testing.T) map[string]any {
	t.Helper()
	r := sample()
	some := []string{"a"}
	r.X = preprocess.Summary{Used: 1, Constant: some, Heavy: some, Codes: []preprocess.Coded{{Name: "a", Distinct: 12, Pooled: 3}}, Rare: some, IDs: some, Sentinels: []preprocess.Sentinel{{Name: "a", Value: 999, Rows: 12, Min: 1.5, Max: 9.5}}, Merged: some}
	r.Split = mine.Split{Kind: mine.SplitBlocks, CorrelationTime: 2.5, EffectiveRows: 9, Block: 1, Gap: 1, Units: 1, Repeated: 1, Sorted: true, Unresolved: true}
	r.Rows.LeftOut = 1
	r.Plugin, r.EntropyX, r.EntropyZ, r.Normalised = &mine.Plugin{Estimate: 1, StdErr: 0.1, Low: 0.8, High: 1.2, X: 3, Z: 4, Cells: 9}, 1.5, 1.75, 0.7
	r.Critics[1].Failed = 1
	for i := range r.Folds {
		r.Folds[i].Weights = []float64{0.5, 0.5}
	}
	from := source{File: "g.csv", Columns: "X*", Rows: "0:9", Sample: 3, LeftOut: 1, Lacking: map[string]int{"a": 1}}
	text, err := encode(r, cpuPrecision, inputs{from, from, "g", some}, bits)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestSchemaIsStrict changes an output that leaves nothing out, object by object: the
// schema allows no field that it does not know, and no other type.
func TestSchemaIsStrict(t *testing.T) {
	all := everything(t)
	check := func() error {
		text, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		return conforms(t, string(text))
	}
	if err := check(); err != nil {
		t.Fatal(err)
	}
	changes := 0
	refused := func(path string) {
		changes++
		if check() == nil {
			t.Errorf("the schema allows another %s", path)
		}
	}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case []any:
			walk(path+"[0]", v[0])
		case map[string]any:
			if !strings.HasSuffix(path, "lacking") { // its names are those of columns
				v["more"] = 1
				refused(path + ".more")
				delete(v, "more")
			}
			for name, was := range v {
				v[name] = map[string]any{"of another type": nil}
				refused(path + "." + name)
				v[name] = was
				walk(path+"."+name, was)
			}
		}
	}
	walk("", all)
	if changes < 150 {
		t.Errorf("%d changes: the output leaves something out", changes)
	}
}

// node is a part of the schema.
type node map[string]any

// at follows names of properties, items and references.
func (n node) at(t *testing.T, top node, names ...string) node {
	t.Helper()
	for _, name := range names {
		next, ok := n[name].(map[string]any)
		if properties, object := n["properties"].(map[string]any); object && !ok {
			next, ok = properties[name].(map[string]any)
		}
		if !ok {
			t.Fatalf("the schema has no %s in %v", name, names)
		}
		n = next
		if to, ok := n["$ref"].(string); ok {
			n = top["$defs"].(map[string]any)[strings.TrimPrefix(to, "#/$defs/")].(map[string]any)
		}
	}
	return n
}

func readSchema(t *testing.T) node {
	t.Helper()
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	var top node
	if err := json.Unmarshal(text, &top); err != nil {
		t.Fatal(err)
	}
	return top
}

// TestSchemaHasAllFields: each field that can be printed is in the schema, with a
// description, and no other is; required are those that are always there.
func TestSchemaHasAllFields(t *testing.T) {
	top := readSchema(t)
	var compare func(path []string, typ reflect.Type)
	compare = func(path []string, typ reflect.Type) {
		switch {
		case typ.Kind() == reflect.Pointer:
			compare(path, typ.Elem())
			return
		case typ.Kind() == reflect.Slice:
			compare(append(slices.Clone(path), "items"), typ.Elem())
			return
		case typ.Kind() != reflect.Struct || typ.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
			return
		}
		var all, always []string
		for _, f := range reflect.VisibleFields(typ) {
			name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.Anonymous && name == "" {
				continue
			}
			all = append(all, name)
			if option != "omitempty" {
				always = append(always, name)
			}
			compare(append(slices.Clone(path), name), f.Type)
		}
		n := top.at(t, top, path...)
		var required []string
		for _, name := range n["required"].([]any) {
			required = append(required, name.(string))
		}
		slices.Sort(always)
		slices.Sort(required)
		if !slices.Equal(required, always) {
			t.Errorf("%v: the schema requires %v, but printed are always %v", path, required, always)
		}
		properties := n["properties"].(map[string]any)
		if got, want := slices.Sorted(maps.Keys(properties)), slices.Sorted(slices.Values(all)); !slices.Equal(got, want) {
			t.Errorf("%v: the schema has %v, but printed are %v", path, got, want)
		}
		if n["additionalProperties"] != false {
			t.Errorf("%v: the schema allows more", path)
		}
		for name, property := range properties {
			if description, _ := property.(map[string]any)["description"].(string); description == "" {
				t.Errorf("%v: %s has no description", path, name)
			}
		}
	}
	compare(nil, reflect.TypeFor[document]())
}

// TestSchemaHasAllNames: lists of names in the schema are those that the code knows.
func TestSchemaHasAllNames(t *testing.T) {
	top := readSchema(t)
	constants := constantsOf(t, filepath.Join(root, "mine"))
	kinds := slices.DeleteFunc(constants["SplitKind"], func(k string) bool { return k == mine.SplitAuto.String() })
	for _, c := range []struct {
		path []string
		want []string
	}{
		{[]string{"warnings", "items", "code"}, constants["WarningCode"]},
		{[]string{"stop"}, constants["StopReason"]},
		{[]string{"split", "kind"}, kinds},
		{[]string{"config", "split"}, names(mine.SplitKinds())},
		{[]string{"config", "backend"}, mine.Backends()},
		{[]string{"config", "precision"}, precisions()},
		{[]string{"winner", "activation"}, names(backend.Activations())},
		{[]string{"winner", "preprocess"}, names(preprocess.Methods())},
	} {
		var got []string
		for _, name := range top.at(t, top, c.path...)["enum"].([]any) {
			got = append(got, name.(string))
		}
		slices.Sort(got)
		if want := slices.Sorted(slices.Values(c.want)); !slices.Equal(got, want) {
			t.Errorf("%v: the schema has %v, the code %v", c.path, got, want)
		}
	}
	want := fmt.Sprintf("^(%s)(:.+)?$", strings.Join(objective.Names(), "|"))
	if got := top.at(t, top, "winner", "objective")["pattern"]; got != want {
		t.Errorf("objectives are %v in the schema, want %v", got, want)
	}
	if got := top.at(t, top, "schema")["const"]; got != schemaName {
		t.Errorf("the schema is of %v, want %v", got, schemaName)
	}
}

// constantsOf returns the values of the constants of a package that are strings of a
// named type, by that type.
func constantsOf(t *testing.T, folder string) map[string][]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%v, error %v", paths, err)
	}
	all := map[string][]string{}
	for _, path := range paths {
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			named, isNamed := spec.Type.(*ast.Ident)
			literal, isLiteral := spec.Values[0].(*ast.BasicLit)
			if isNamed && isLiteral && literal.Kind == token.STRING {
				value, _ := strconv.Unquote(literal.Value) // it was parsed
				all[named.Name] = append(all[named.Name], value)
			}
			return true
		})
	}
	return all
}
