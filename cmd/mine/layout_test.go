package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// layers are the packages of the module, each with those of the module that it may
// import: imports only lead downwards. "..." stands for all packages below a path.
var layers = []struct {
	pkg string
	may []string
}{
	{"mine/objective", nil},
	{"mine/sampling", nil},
	{"mine/backend", []string{"mine/objective"}},
	{"mine/column", []string{"mine/backend"}},
	{"mine/preprocess", []string{"mine/backend", "mine/column", "mine/sampling"}},
	{"mine/stack", nil},
	{"mine/dependence", []string{"mine/column"}},
	{"mine/lagged", []string{"mine/column"}},
	{"mine/gaussian", []string{"mine/backend"}},
	{"mine/neighbours", []string{"mine/column", "mine/sampling"}},
	{"internal/wholefile", nil},
	{"internal/lock", nil},
	{"internal/duckdb", nil},
	{"internal/safetensors", nil},
	{"internal/shard", []string{"internal/wholefile", "mine/column"}},
	{"internal/checkpoint", []string{"internal/lock", "internal/wholefile"}},
	{"mine/criticfile", []string{"internal/safetensors", "mine", "mine/backend", "mine/column", "mine/gaussian", "mine/preprocess"}},
	{"mine/table", []string{"internal/wholefile", "mine/backend", "mine/column"}},
	{"mine/simulate", []string{"mine/sampling"}},
	{"mine/gorgonia", []string{"mine/column"}},
	{"mine/backend/backendtest", []string{"mine/backend", "mine/objective", "mine/sampling"}},
	{"kernels", nil},
	{"kernels/generate/...", []string{"mine/objective"}},
	{"cpu", []string{"cpu/internal/...", "mine/backend", "mine/objective", "mine/sampling"}},
	{"cpu/internal/...", []string{"mine/sampling"}},
	{"cuda", []string{"cuda/check", "cuda/internal/...", "kernels", "mine/backend", "mine/objective", "mine/sampling"}},
	{"cuda/check", nil},
	{"cuda/internal/...", []string{"cuda/check", "cuda/internal/...", "mine/backend"}},
	{"mine", []string{"cpu", "cuda", "internal/checkpoint", "internal/shard", "mine/backend", "mine/column", "mine/dependence", "mine/gaussian", "mine/neighbours", "mine/objective", "mine/preprocess", "mine/sampling", "mine/stack"}},
	{"mine/independence", []string{"mine", "mine/column", "mine/dependence", "mine/preprocess", "mine/sampling"}},
	{"mine/ranking", []string{"mine", "mine/column", "mine/dependence", "mine/independence", "mine/preprocess"}},
	{"mine/pairwise", []string{"cpu", "mine", "mine/backend", "mine/column", "mine/dependence", "mine/independence", "mine/neighbours", "mine/preprocess", "mine/sampling"}},
	{"internal/journal", []string{"internal/lock"}},
	{"mine/transfer", []string{"mine", "mine/column", "mine/conditional", "mine/dependence", "mine/independence", "mine/lagged", "mine/preprocess"}},
	{"cmd/mine/generate/...", nil},
	{"mine/conditional", []string{"mine", "mine/backend", "mine/column", "mine/independence", "mine/neighbours", "mine/preprocess", "mine/sampling"}},
	{"cmd/mine", []string{"cuda", "internal/checkpoint", "internal/duckdb", "internal/journal", "internal/safetensors", "internal/shard", "internal/wholefile", "mine", "mine/backend", "mine/column", "mine/conditional", "mine/criticfile", "mine/independence", "mine/lagged", "mine/objective", "mine/pairwise", "mine/preprocess", "mine/ranking", "mine/simulate", "mine/table", "mine/transfer"}},
	{"bench/...", []string{"..."}},
}

func matches(pattern, pkg string) bool {
	prefix, below := strings.CutSuffix(pattern, "...")
	return pkg == pattern || below && strings.HasPrefix(pkg, prefix)
}

// listed is a package as go list describes it.
type listed struct {
	ImportPath string
	Imports    []string
	Module     *struct{ Path string }
}

func list(t *testing.T, args ...string) []listed {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Module"}, args...)...)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v", args, err)
	}
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// TestImportsLeadDownwards looks at the imports of every package, with the build tags
// and without them.
func TestImportsLeadDownwards(t *testing.T) {
	for _, tags := range []string{"", "cuda", "duckdb,duckdb_arrow"} {
		for _, p := range list(t, "-tags="+tags, "./...") {
			module := p.Module.Path + "/"
			pkg := strings.TrimPrefix(p.ImportPath, module)
			at := slices.IndexFunc(layers, func(l struct {
				pkg string
				may []string
			}) bool {
				return matches(l.pkg, pkg)
			})
			if at < 0 {
				t.Errorf("package %s has no place in the layers", pkg)
				continue
			}
			for _, imported := range p.Imports {
				own, inside := strings.CutPrefix(imported, module)
				if inside && !slices.ContainsFunc(layers[at].may, func(may string) bool { return matches(may, own) }) {
					t.Errorf("%s imports %s, which is not below it", pkg, own)
				}
			}
		}
	}
}

// TestLeaves: the contract and what it stands on need the standard library alone, the
// packages beside it gonum at most, and only gorgonia's adapter pulls its tensors in.
func TestLeaves(t *testing.T) {
	for _, leaf := range []struct{ pkg, may string }{
		{"mine/objective", ""},
		{"mine/sampling", ""},
		{"mine/backend", ""},
		{"mine/column", ""},
		{"mine/preprocess", "gonum.org/v1/gonum"},
		{"mine/simulate", "gonum.org/v1/gonum"},
	} {
		for _, p := range list(t, "-deps", "./"+leaf.pkg) {
			if p.Module != nil && p.Module.Path != leaf.may && !strings.HasPrefix(p.ImportPath, p.Module.Path+"/mine/") {
				t.Errorf("%s needs %s", leaf.pkg, p.ImportPath)
			}
		}
	}
	for _, p := range list(t, "-deps", "./cmd/mine", "./mine", "./mine/simulate", "./cpu") {
		if p.Module != nil && strings.HasPrefix(p.Module.Path, "gorgonia.org/") {
			t.Errorf("the command needs %s", p.ImportPath)
		}
	}
}

// TestDependencies keeps out of the command what a dependency can pull in and no reader of files
// needs: network protocols, a compute engine of 15 MB, a database of 100 MB, and C.
func TestDependencies(t *testing.T) {
	for _, p := range list(t, "-tags=", "-deps", "./cmd/mine") {
		for _, unwanted := range []string{"google.golang.org/grpc", "/arrow/flight", "/arrow/compute", "/arrow/cdata", "/parquet/pqarrow", "github.com/duckdb"} {
			if strings.Contains(p.ImportPath, unwanted) {
				t.Errorf("the command needs %s", p.ImportPath)
			}
		}
		if p.Module != nil && slices.Contains(p.Imports, "C") {
			t.Errorf("%s needs C", p.ImportPath)
		}
	}
}

const (
	mostLines         = 400 // of a file in mine and cmd
	mostFunctionLines = 80  // of a function anywhere
)

// TestSizes: no file of mine and cmd, and no function at all, is too long to be read
// at once. What is generated does not count, nor do the rows of a table in a function.
func TestSizes(t *testing.T) {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.Contains(path, "/.cache/") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, text, parser.ParseComments)
		if err != nil {
			return err
		}
		if ast.IsGenerated(file) {
			return nil
		}
		name := strings.TrimPrefix(path, root+"/")
		lines := bytes.Count(text, []byte("\n"))
		if top, _, _ := strings.Cut(name, "/"); lines > mostLines && (top == "mine" || top == "cmd") {
			t.Errorf("%s has %d lines, want at most %d", name, lines, mostLines)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			name := name
			switch f := n.(type) {
			case *ast.FuncDecl:
				name += ": " + f.Name.Name
			case *ast.FuncLit:
				name = fmt.Sprintf("%s:%d: the function", name, set.Position(f.Pos()).Line)
			default:
				return true
			}
			if lines := linesOf(set, n) - tableLines(set, n); lines > mostFunctionLines {
				t.Errorf("%s has %d lines, want at most %d", name, lines, mostFunctionLines)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// linesOf counts the lines from the first of a node to its last.
func linesOf(set *token.FileSet, n ast.Node) int {
	return set.Position(n.End()).Line - set.Position(n.Pos()).Line + 1
}

// tableLines counts the lines of the composite literals in a function. A function in
// such a literal is held to the limit by itself.
func tableLines(set *token.FileSet, f ast.Node) int {
	lines := 0
	ast.Inspect(f, func(n ast.Node) bool {
		c, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		lines += linesOf(set, c) - 1
		return false
	})
	return lines
}
