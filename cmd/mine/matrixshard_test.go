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
	items[2].Result = []byte(`{"pair":2}`)
	if _, err := mergedPairs(run, items); err == nil || !strings.Contains(err.Error(), "result 2 is no pair") {
		t.Errorf("%v, want an error about result 2", err)
	}
	refused(t, []refusal{
		{append(args, "--shard", "3/3"), exitUsage, []string{`--shard "3/3"`, "want i/n"}},
		{append(args, "--shard", "half"), exitUsage, []string{`--shard "half"`}},
		{append(args, "--shard", "0/3"), exitUsage, []string{"--shard 0/3", "--output"}},
		{[]string{"matrix", path, "--screen-only", "--shard", "0/3"}, exitUsage, []string{"--screen-only", "--shard"}},
		{append(args, "--shard", "0/3", "--output", dir), exitError, []string{"directory"}},
	})
}

// TestMatrixEnvironment: an array job tells a process its share.
func TestMatrixEnvironment(t *testing.T) {
	for name, value := range map[string]string{"ID": "2", "COUNT": "2", "MIN": "1", "MAX": "2"} {
		t.Setenv("SLURM_ARRAY_TASK_"+name, value)
	}
	path, part := linked(t, 300), filepath.Join(t.TempDir(), "part")
	args := append([]string{"matrix", path, "--output", part}, smallCPU...)
	code, stdout, stderr := try(t, "", args...)
	text, err := os.ReadFile(part)
	if code != exitOK || stdout != "" || err != nil || !strings.Contains(string(text), `"shard":1,"shards":2`) || !strings.Contains(stderr, "shard 1/2, by SLURM_ARRAY_TASK_ID") {
		t.Errorf("exit %d, stdout %q, stderr %q, error %v:\n%s", code, stdout, stderr, err, text)
	}
	code, stdout, stderr = try(t, "", append([]string{"matrix", path, "--shard", "all"}, smallCPU...)...)
	if code != exitOK || !strings.Contains(stdout, "5 variables") {
		t.Errorf("all: exit %d, %q, %s", code, stdout, stderr)
	}
	t.Setenv("SLURM_ARRAY_TASK_COUNT", "7")
	refused(t, []refusal{{args, exitUsage, []string{"SLURM_ARRAY_TASK_COUNT=7", "--shard I/N, or --shard all"}}})
}
