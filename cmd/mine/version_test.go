package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestLicenses: those of all modules that the command is built from, on each system and with each
// build tag, are there, and no others.
func TestLicenses(t *testing.T) {
	code, stdout, stderr := try(t, "", "version", "--licenses")
	if code != exitOK || stderr != "" {
		t.Fatalf("exit %d, %s", code, stderr)
	}
	rule := strings.Repeat("=", 80)
	listed := map[string]bool{}
	sections := strings.Split(stdout, rule+"\n")[1:]
	for i := 0; i+1 < len(sections); i += 2 {
		for name := range strings.Lines(sections[i]) {
			listed[strings.TrimSpace(name)] = true
		}
		// The shortest licences of all, ISC and MIT, have more.
		if text := sections[i+1]; len(text) < 500 || !regexp.MustCompile(`(?i)copyright|licen[sc]e`).MatchString(text) {
			t.Errorf("the licence of %q is %q", sections[i], text)
		}
	}
	wanted := map[string]bool{"gomine": true, "the Go standard library": true}
	for _, system := range []string{"linux", "darwin", "windows"} {
		for _, tags := range []string{"", "cuda"} {
			cmd := exec.Command("go", "list", "-deps", "-tags="+tags, "-json=Module", "./cmd/mine")
			cmd.Dir, cmd.Env = root, append(os.Environ(), "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=1")
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			for d := json.NewDecoder(bytes.NewReader(out)); ; {
				var p struct {
					Module *struct{ Path, Version string }
				}
				if err := d.Decode(&p); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				if p.Module != nil && p.Module.Version != "" {
					wanted[p.Module.Path+" "+p.Module.Version] = true
				}
			}
		}
	}
	for name := range wanted {
		if !listed[name] {
			t.Errorf("no licence of %s: run make licenses", name)
		}
	}
	for name := range listed {
		if !wanted[name] {
			t.Errorf("a licence of %s, of which nothing is built: run make licenses", name)
		}
	}
}
