package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the folder of the module.
const root = "../.."

// TestDocumentedCommands checks that every command line of ours in the
// documentation names commands and flags that exist.
func TestDocumentedCommands(t *testing.T) {
	command := regexp.MustCompile(`(?m)^(?:\$ )?(?:.*\| )?(?:go run \./cmd/)?mine ((?:estimate|test|matrix|transfer|rank|merge|slurm|score|evaluate|info|columns|simulate|doctor|completion|version).*)$`)
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
			// Help comes after the flags, so a wrong one is an error. Behind -- are no flags.
			if at := slices.Index(args, "--"); at >= 0 {
				args = args[:at]
			}
			if code := run(context.Background(), append(args, "--help"), strings.NewReader(""), &out, &errs); code != 0 {
				t.Errorf("%s: mine %s: %s", file, line, errs.String())
			}
		}
	}
	if found < 8 {
		t.Errorf("found %d commands in the documentation: is it still there?", found)
	}
}

// TestLinks checks that relative links in the documentation lead to a file that is
// there, and to a heading that is in it.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#]*)(?:#([^)]*))?\)`)
	for _, file := range documents(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllSubmatch(text, -1) {
			target, anchor := file, string(m[2])
			if len(m[1]) > 0 {
				target = filepath.Join(filepath.Dir(file), string(m[1]))
			}
			if strings.Contains(string(m[1]), "://") {
				continue
			}
			there, err := os.Stat(target)
			if err != nil {
				t.Errorf("%s links to %s: %v", file, m[1], err)
				continue
			}
			if anchor != "" && (there.IsDir() || !slices.Contains(anchors(t, target), anchor)) {
				t.Errorf("%s links to %s, which has no heading #%s", file, target, anchor)
			}
		}
	}
}

// anchors returns what the headings of a document are linked by.
func anchors(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllSubmatch(text, -1) {
		words := strings.ReplaceAll(strings.ToLower(string(m[1])), " ", "-")
		all = append(all, regexp.MustCompile(`[^\pL\pN_-]`).ReplaceAllString(words, ""))
	}
	return all
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
// function with these arguments, which a document need not declare.
const snippet = `package snippet

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/transfer"
)

var (
	_ = fmt.Sprint
	_ = mine.DefaultConfig
	_ backend.Matrix
	_ column.Source
	_ transfer.Result
)

func _(ctx context.Context, xs *mat.Dense, prices []float64, b backend.Backend) error {
%s
	return nil
}
`

// TestSnippets compiles the Go code in our documents, in a package that is in the
// module by an overlay only. A variable that a document declares need not be used.
func TestSnippets(t *testing.T) {
	block := regexp.MustCompile("(?s)```go\n(.*?)```")
	declared := regexp.MustCompile(`(?m)^(\w+(?:, \w+)*) :=`)
	found := 0
	for _, file := range documents(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range block.FindAllSubmatch(text, -1) {
			found++
			body := string(m[1])
			for _, names := range declared.FindAllStringSubmatch(body, -1) {
				for name := range strings.SplitSeq(names[1], ", ") {
					body += "\t_ = " + name + "\n"
				}
			}
			if out, err := vet(t, fmt.Sprintf(snippet, body)); err != nil {
				t.Errorf("%s: %s\n%s", file, m[1], out)
			}
		}
	}
	if found == 0 {
		t.Error("no Go code in the documentation: is it still there?")
	}
}

// vet compiles and vets code as a package of the module, in a folder that has none.
func vet(t *testing.T, code string) (output []byte, err error) {
	t.Helper()
	there, err := filepath.Abs(filepath.Join(root, "doc", "snippet.go"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	here := filepath.Join(dir, "snippet.go")
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{there: here}})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := errors.Join(os.WriteFile(here, []byte(code), 0o600), os.WriteFile(list, overlay, 0o600)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "vet", "-overlay", list, "./doc")
	cmd.Dir = root
	return cmd.CombinedOutput()
}

func documents(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains([]string{".cache", ".git", "bundle"}, d.Name()) {
			return fs.SkipDir // not of the repository
		}
		if strings.HasSuffix(path, ".md") {
			files = append(files, path)
		}
		return nil
	})
	if err != nil || len(files) < 3 {
		t.Fatalf("documents %v, error %v", files, err)
	}
	return files
}
