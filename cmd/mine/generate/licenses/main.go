// Licenses writes the licences of all modules that the command mine is built from, on any system
// and with any build tag, and that of Go's standard library, to standard output.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// legal matches the names of files that have to go with a program.
var legal = regexp.MustCompile(`(?i)^(licen[sc]e|copying|notice|patents)`)

// part is something that a program is built from.
type part struct{ name, dir string }

func main() {
	log.SetFlags(0)
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(w io.Writer) error {
	parts, err := modules()
	if err != nil {
		return err
	}
	goRoot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	parts = append(parts, part{"the Go standard library", strings.TrimSpace(string(goRoot))})

	names := map[string][]string{} // of the parts, by their text
	var texts []string
	for _, p := range parts {
		text, err := read(p)
		if err != nil {
			return err
		}
		if names[text] == nil {
			texts = append(texts, text)
		}
		names[text] = append(names[text], p.name)
	}
	for _, text := range texts {
		rule := strings.Repeat("=", 80)
		if _, err := fmt.Fprintf(w, "%s\n%s\n%s\n\n%s\n", rule, strings.Join(names[text], "\n"), rule, text); err != nil {
			return err
		}
	}
	return nil
}

// modules lists the module itself and then all that the command needs.
func modules() ([]part, error) {
	found := map[part]bool{}
	var own part
	for _, system := range []string{"linux", "darwin", "windows"} {
		for _, tags := range []string{"", "cuda", "duckdb,duckdb_arrow"} {
			cmd := exec.Command("go", "list", "-deps", "-tags="+tags, "-json=Module", "./cmd/mine")
			cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=1")
			out, err := cmd.Output()
			if err != nil {
				return nil, fmt.Errorf("go list on %s: %w", system, err)
			}
			for d := json.NewDecoder(bytes.NewReader(out)); ; {
				var p struct {
					Module *struct {
						Path, Version, Dir string
						Main               bool
					}
				}
				if err := d.Decode(&p); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					return nil, err
				}
				switch {
				case p.Module == nil: // of the standard library
				case p.Module.Main:
					own = part{"gomine", p.Module.Dir}
				default:
					found[part{p.Module.Path + " " + p.Module.Version, p.Module.Dir}] = true
				}
			}
		}
	}
	var all []part
	for p := range found {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b part) int { return strings.Compare(a.name, b.name) })
	return append([]part{own}, all...), nil
}

// read returns the legal files of a part, and those in its folder "licenses", if it has one.
func read(p part) (string, error) {
	var text strings.Builder
	for _, pattern := range []string{"*", "licenses/*"} {
		files, err := filepath.Glob(filepath.Join(p.dir, pattern))
		if err != nil {
			return "", err
		}
		for _, f := range files {
			about, err := os.Stat(f)
			if err != nil {
				return "", err
			}
			if about.IsDir() || filepath.Ext(f) == ".go" || pattern == "*" && !legal.MatchString(filepath.Base(f)) {
				continue
			}
			content, err := os.ReadFile(f)
			if err != nil {
				return "", err
			}
			if text.Len() > 0 {
				text.WriteString("\n")
			}
			text.WriteString(strings.TrimSpace(strings.ReplaceAll(string(content), "\r\n", "\n")) + "\n")
		}
	}
	if text.Len() == 0 {
		return "", fmt.Errorf("%s has no file of its licence in %s: see what it may be used for", p.name, p.dir)
	}
	return text.String(), nil
}
