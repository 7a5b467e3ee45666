package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"gomine/internal/shard"
)

// TestMatrixShards: the parts of three shards, put together, are what one process writes, in every form, bit
// for bit. A part goes on from its journal as a whole run does.
func TestMatrixShards(t *testing.T) {
	path, dir := linked(t, 300), t.TempDir()
	args := append([]string{"matrix", path, "--all"}, smallCPU...)
	whole := filepath.Join(dir, "whole") + "/"
	if code, _, stderr := try(t, "", append(args, "--output", whole)...); code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	var parts []string
	for i := range 3 {
		part := filepath.Join(dir, fmt.Sprintf("p%d", i))
		code, stdout, stderr := try(t, "", append(args, "--shard", fmt.Sprintf("%d/3", i), "--output", part)...)
		if code != exitOK || stdout != "" {
			t.Fatalf("shard %d: exit %d, stdout %q: %s", i, code, stdout, stderr)
		}
		parts = append(parts, part)
	}
	merged := filepath.Join(dir, "merged") + "/"
	if code, _, stderr := try(t, "", append([]string{"merge", "--output", merged}, parts...)...); code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	for _, form := range matrixForms {
		if got, want := read(t, merged+"matrix"+form.end), read(t, whole+"matrix"+form.end); got != want {
			t.Errorf("%s of parts:\n%.3000s\nof one process:\n%.3000s", form.end, got, want)
		}
	}
	_, printed, _ := try(t, "", append(args, "--json")...)
	if code, stdout, stderr := try(t, "", append([]string{"merge", "--json"}, parts...)...); code != exitOK || stdout != printed {
		t.Errorf("exit %d, %s, merged:\n%s\nby one process:\n%s", code, stderr, stdout, printed)
	}
	run, items, err := shard.Merge(parts)
	if err != nil {
		t.Fatal(err)
	}
	items[2].Result = []byte(`{"pair":2}`)
	if _, err := mergedPairs(run, items); err == nil || !strings.Contains(err.Error(), "result 2 is no pair") {
		t.Errorf("%v, want an error about result 2", err)
	}
	refused(t, []refusal{
		{append(args, "--shard", "0/3"), exitUsage, []string{"--output FILE"}},
		{append(args, "--shard", "3/3"), exitUsage, []string{`--shard "3/3"`, "want i/n"}},
		{append(args, "--shard", "half"), exitUsage, []string{`--shard "half"`}},
		{[]string{"matrix", path, "--screen-only", "--shard", "0/3"}, exitUsage, []string{"--screen-only", "--shard"}},
		{append(args, "--shard", "0/3", "--output", dir), exitError, []string{"directory"}},
	})
}
