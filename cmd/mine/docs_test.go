package main

import (
	"bytes"
	"context"
	"io/fs"
	"os"
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
