package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gomine/mine"
	"gomine/mine/preprocess"
)

// TestDryRun: the plan has the counts of the run, and no file but its own is written.
func TestDryRun(t *testing.T) {
	path := gaussian(t, "400")
	dir := t.TempDir()
	critic, page, plan := filepath.Join(dir, "critic.safetensors"), filepath.Join(dir, "page.html"), filepath.Join(dir, "plan.txt")
	args := of(path, append([]string{"--dry-run", "--save", critic, "--report", page}, smallCPU...)...)
	code, stdout, stderr := try(t, "", args...)
	if code != exitOK || stderr != "" {
		t.Fatalf("exit %d, %s", code, stderr)
	}
	d := decode(t, formed(t, path, "json"))
	text := strings.Join(strings.Fields(stdout), " ")
	for _, want := range []string{
		"DRY RUN: ", "X 2 columns (X*) of " + path, "rows 400, in 2 folds: each of some 200 ",
		// 10 steps of the race for each, and 20 on 2 folds of two networks of 2, of which the race has done 10 of 2.
		"then at most 4 critics of at most 20 steps on each of 2 folds: at most " + grouped(len(d.Race)*10+2*2*2*20-2*10) + " steps in all",
		"--hidden 8", "backend cpu (1 threads", "would write " + critic + ", by --save", "would write " + page + ", by --report",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
	for _, e := range d.Race {
		if !strings.Contains(stdout, e.Candidate.String()+"\n") {
			t.Errorf("candidate %v is not in\n%s", e.Candidate, stdout)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("written: %v, %v", left, err)
	}
	if code, stdout, stderr := try(t, "", append(args, "--output", plan)...); code != exitOK || stdout != "" || !strings.HasPrefix(content(t, plan), "DRY RUN") {
		t.Errorf("--output: exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

// TestPrintPlan: the time is steps over steps a second.
func TestPrintPlan(t *testing.T) {
	var b strings.Builder
	printPlan(&b, planned{
		Plan: mine.Plan{
			Rows: mine.RowCounts{Total: 1000, Train: 600, Validation: 200, Test: 200}, Folds: 1, Split: mine.Split{Kind: mine.SplitRandom},
			Candidates: mine.DefaultConfig(1000).Candidates[:1], Survivors: 1, X: preprocess.Summary{Used: 2, Constant: []string{"a", "b"}},
			Z: preprocess.Summary{Used: 1}, InputsX: 2, InputsZ: 3, Steps: 30_000, Parallel: 1, Bytes: 20_000,
		},
		config: mine.DefaultConfig(1000), device: "cpu (2 threads)", held: 3_000_000_000, prepare: 2 * time.Second, pace: 500,
	})
	text := strings.Join(strings.Fields(b.String()), " ")
	for _, want := range []string{"left out as constant: a, b", "at most some 60 s, by 500 steps/s", "took 2.0 s", "3.0 GB are in use now", "up to some 0 MB more", "training 2 critics of"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}

// TestDryRunOfGroups: the settings are those of the run, in as many folds as there are groups for.
func TestDryRunOfGroups(t *testing.T) {
	var b strings.Builder
	b.WriteString("X,Z,group\n")
	for i := range 300 {
		fmt.Fprintf(&b, "%v,%v,%d\n", math.Sin(float64(i*i)), math.Cos(float64(3*i*i)), i/25)
	}
	code, stdout, stderr := try(t, "", of(file(t, "groups.csv", b.String()), "--group", "group", "--dry-run")...)
	text := strings.Join(strings.Fields(stdout), " ")
	if code != exitOK || !strings.Contains(text, "in 4 folds") || !strings.Contains(text, "--folds 4") {
		t.Errorf("exit %d, %s, want 4 folds of 3 of the 12 groups each, in\n%s", code, stderr, stdout)
	}
}

// TestWrongDryRuns: what the estimate would refuse, its dry run refuses, in the same words.
func TestWrongDryRuns(t *testing.T) {
	few := file(t, "few.csv", "X,Z\n1,2\n2,1\n3,5\n")
	constant := file(t, "constant.csv", "X,Z\n"+strings.Repeat("1,2\n1,3\n1,4\n", 100))
	for _, args := range [][]string{of(few), of(constant), of("absent.csv"), of(gaussian(t, "100"), "--folds", "2", "--marginals", "20")} {
		code, _, stderr := try(t, "", args...)
		dryCode, _, dry := try(t, "", append(slices.Clone(args), "--dry-run")...)
		if code == exitOK || dryCode != code || dry != stderr {
			t.Errorf("%q: exit %d with %q, but %d with %q", args, dryCode, dry, code, stderr)
		}
	}
	refused(t, []refusal{
		{of("absent.csv", "--dry-run", "--json"), exitUsage, []string{"--dry-run", "--format json"}},
		{of("absent.csv", "--dry-run", "--quiet"), exitUsage, []string{"--dry-run", "--quiet"}},
		{of("absent.csv", "--dry-run", "--fail-below", "1"), exitUsage, []string{"--dry-run", "--fail-below"}},
	})
}
