package main

import (
	"bytes"
	"fmt"
	"os"
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
	run, items, err := shard.Merge(parts)
	if err != nil {
		t.Fatal(err)
	}
	merged, err := mergedPairs(run, items)
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range matrixForms {
		want, err := os.ReadFile(whole + "matrix" + form.end)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := form.write(merged, &got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s of parts:\n%.3000s\nof one process:\n%.3000s", form.end, &got, want)
		}
	}
	// Without a file, a part goes to standard output.
	code, stdout, stderr := try(t, "", append(args, "--shard", "1/3")...)
	if text, err := os.ReadFile(parts[1]); err != nil || code != exitOK || stdout != string(text) {
		t.Errorf("exit %d, %s, error %v:\n%s\nin a file:\n%s", code, stderr, err, stdout, text)
	}
	items[2].Result = []byte(`{"pair":2}`)
	if _, err := mergedPairs(run, items); err == nil || !strings.Contains(err.Error(), "result 2 is no pair") {
		t.Errorf("%v, want an error about result 2", err)
	}
	refused(t, []refusal{
		{append(args, "--shard", "3/3"), exitUsage, []string{`--shard "3/3"`, "want i/n"}},
		{append(args, "--shard", "half"), exitUsage, []string{`--shard "half"`}},
		{[]string{"matrix", path, "--screen-only", "--shard", "0/3"}, exitUsage, []string{"--screen-only", "--shard"}},
		{append(args, "--shard", "0/3", "--output", dir), exitError, []string{"directory"}},
	})
}

// TestMatrixEnvironment: an array job tells a process its share.
func TestMatrixEnvironment(t *testing.T) {
	for name, value := range map[string]string{"ID": "2", "COUNT": "2", "MIN": "1", "MAX": "2"} {
		t.Setenv("SLURM_ARRAY_TASK_"+name, value)
	}
	path := linked(t, 300)
	args := append([]string{"matrix", path}, smallCPU...)
	code, stdout, stderr := try(t, "", args...)
	_, want, _ := try(t, "", append(args, "--shard", "1/2")...)
	if code != exitOK || stdout != want || !strings.Contains(stdout, `"shard":1,"shards":2`) {
		t.Errorf("exit %d, %s:\n%s\nby --shard 1/2:\n%s", code, stderr, stdout, want)
	}
}
