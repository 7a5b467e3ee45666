package f32

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"
	"testing"
)

// choice is one that a dispatched function has: the variable it asks, "" for
// none, and what it calls.
type choice struct{ condition, callee string }

// TestDispatch reads the sources for every processor and checks that the
// functions of dispatch_*.go are the same everywhere; that each has a kernel for
// every processor and one in plain Go, and chooses the fastest; and that no
// kernel is left out.
func TestDispatch(t *testing.T) {
	generic := declarations(t, "vector_generic.go")
	first := declarations(t, "dispatch_noasm.go")
	for name := range generic {
		if name, found := strings.CutSuffix(name, "Generic"); found && first[name] == nil {
			t.Errorf("%sGeneric is not dispatched", name)
		}
	}
	for _, processor := range []struct {
		file    string
		kernels []string // files
		sets    []choice // variables and the suffixes of kernels, the fastest first
	}{
		{"dispatch_noasm.go", nil, nil},
		{"dispatch_arm64.go", []string{"kernels_arm64.go"}, []choice{{"useAssembly", "NEON"}}},
		{"dispatch_amd64.go", []string{"kernels_amd64.go", "kernels512_amd64.go"}, []choice{{"useAVX512", "AVX512"}, {"useAssembly", "AVX2"}}},
	} {
		t.Run(processor.file, func(t *testing.T) {
			functions := declarations(t, processor.file)
			if got, want := slices.Sorted(maps.Keys(functions)), slices.Sorted(maps.Keys(first)); !slices.Equal(got, want) {
				t.Fatalf("functions %q, want %q", got, want)
			}
			kernels := declarations(t, processor.kernels...)
			for name, f := range functions {
				if got, want := types.ExprString(f.Type), types.ExprString(first[name].Type); got != want {
					t.Errorf("%s is a %s, elsewhere a %s", name, got, want)
				}
				var want []choice
				for _, set := range processor.sets {
					kernel := name + set.callee
					if kernels[kernel] != nil || set.callee != "AVX512" {
						want = append(want, choice{set.condition, kernel})
					}
					if kernels[kernel] == nil && set.callee != "AVX512" {
						t.Errorf("no kernel %s", kernel)
					}
					delete(kernels, kernel)
				}
				want = append(want, choice{"", name + "Generic"})
				if generic[name+"Generic"] == nil {
					t.Errorf("no function %sGeneric", name)
				}
				if got := choices(f); !slices.Equal(got, want) {
					t.Errorf("%s chooses from %v, want %v", name, got, want)
				}
			}
			for kernel := range kernels {
				for _, set := range processor.sets {
					if strings.HasSuffix(kernel, set.callee) {
						t.Errorf("%s is not dispatched", kernel)
					}
				}
			}
		})
	}
}

// declarations returns the functions that files of this folder declare.
func declarations(t *testing.T, files ...string) map[string]*ast.FuncDecl {
	t.Helper()
	functions := map[string]*ast.FuncDecl{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				functions[f.Name.Name] = f
			}
		}
	}
	return functions
}

// choices returns those of a dispatched function in their order, but for any
// after which it goes on.
func choices(f *ast.FuncDecl) []choice {
	var list []choice
	add := func(condition string, body ast.Node) {
		ast.Inspect(body, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if callee := types.ExprString(call.Fun); callee != "len" {
					list = append(list, choice{condition, callee})
				}
			}
			return true
		})
	}
	for _, statement := range f.Body.List {
		s, ok := statement.(*ast.IfStmt)
		if !ok {
			add("", statement)
			continue
		}
		if _, returns := s.Body.List[len(s.Body.List)-1].(*ast.ReturnStmt); returns {
			add(types.ExprString(s.Cond), s.Body)
		}
	}
	return list
}
