package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the folder of the module.
const root = "../.."

// TestDocumentedCommands checks that every command line of ours in the
// documentation names commands and flags that exist.
func TestDocumentedCommands(t *testing.T) {
	command := regexp.MustCompile(`(?m)^(?:\$ )?(?:.*\| )?(?:go run \./cmd/)?mine ((?:estimate|simulate|completion|version).*)$`)
	word := regexp.MustCompile(`'[^']*'|[^\s']+`)
	found := 0
	for _, file := range documents(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range command.FindAllSubmatch(text, -1) {
			line, _, _ := strings.Cut(string(m[1]), "#")
			line, _, _ = strings.Cut(line, ">")
			var args []string
			for _, w := range word.FindAllString(line, -1) {
				args = append(args, strings.Trim(w, "'"))
			}
			found++
			var out, errs bytes.Buffer
			// Help comes after the flags, so a wrong one is an error.
			if code := run(context.Background(), append(args, "--help"), strings.NewReader(""), &out, &errs); code != 0 {
				t.Errorf("%s: mine %s: %s", file, line, errs.String())
			}
		}
	}
	if found < 8 {
		t.Errorf("found %d commands in the documentation: is it still there?", found)
	}
}

// TestLinks checks that relative links in the documentation lead somewhere.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`)
	for _, file := range documents(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllSubmatch(text, -1) {
			target := string(m[1])
			if strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), target)); err != nil {
				t.Errorf("%s links to %s: %v", file, target, err)
			}
		}
	}
}

// TestReadmeIsShort: a stranger reads it to the end.
func TestReadmeIsShort(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if words := len(strings.Fields(string(text))); words > 900 {
		t.Errorf("README.md has %d words, want at most 900", words)
	}
}

// snippet is what the Go code in our documents is compiled in: as the body of a
// function with these arguments.
const snippet = `package snippet

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/column"
)

var (
	_ = fmt.Sprint
	_ = mine.DefaultConfig
	_ backend.Matrix
	_ column.Source
)

func _(ctx context.Context, xs *mat.Dense, prices []float64, b backend.Backend) error {
%s
	_ = scores
	return err
}
`

// TestSnippets compiles the Go code in our documents.
func TestSnippets(t *testing.T) {
	block := regexp.MustCompile("(?s)```go\n(.*?)```")
	dir, err := os.MkdirTemp(".", "snippet")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	found := 0
	for _, file := range documents(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range block.FindAllSubmatch(text, -1) {
			found++
			code := []byte(fmt.Sprintf(snippet, m[1]))
			if err := os.WriteFile(filepath.Join(dir, "snippet.go"), code, 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("go", "vet", "./"+dir).CombinedOutput(); err != nil {
				t.Errorf("%s: %s\n%s", file, m[1], out)
			}
		}
	}
	if found == 0 {
		t.Error("no Go code in the documentation: is it still there?")
	}
}

func documents(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".md") {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) < 3 {
		t.Fatalf("documents %v, error %v", files, err)
	}
	return files
}
