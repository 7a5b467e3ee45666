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

// allowed matches the MIT, BSD, Apache and Mozilla licences, and that of FreeType, which is as BSD's.
var allowed = regexp.MustCompile("Permission is hereby granted, free of charge, to any person|Redistribution and use in source and binary forms, with or without modification, are permitted|" +
	"Apache License,? Version 2.0|Mozilla Public License,? [Vv]ersion 2.0|The FreeType Project LICENSE")

// TestLicenses: those of all modules that the command is built from, on each system and with each
// build tag, are there, no others, and all of a kind that we take.
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
		if !allowed.MatchString(strings.Join(strings.Fields(strings.ReplaceAll(sections[i+1], ">", "")), " ")) {
			t.Errorf("the licence of %q is none that we take:\n%s", sections[i], sections[i+1])
		}
	}
	wanted := map[string]bool{"gomine": true, "the Go standard library": true}
	for _, system := range []string{"linux", "darwin", "windows"} {
		for _, tags := range []string{"", "cuda", "duckdb,duckdb_arrow"} {
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
