package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gomine/mine"
)

// wideRows is the number of rows of wideText.
const wideRows = 1000

// wideText is a table of 40 columns of numbers, one of words, some of which are missing, and one of
// groups.
func wideText() string {
	var b strings.Builder
	for j := range 40 {
		fmt.Fprintf(&b, "%c%d,", "XZ"[j/20], j%20)
	}
	b.WriteString("word,group\n")
	for i := range wideRows {
		for j := range 40 {
			fmt.Fprintf(&b, "%.4f,", math.Sin(float64(i*i+7*(j%20)))+float64(j/20)*math.Cos(float64(3*i*i*j)))
		}
		word := []string{"red", "green"}[i*i/3%2]
		if i%97 == 5 {
			word = ""
		}
		fmt.Fprintf(&b, "%s,%d\n", word, i/4)
	}
	return b.String()
}

// TestMemory: data that go to a temporary file give the same result as data in memory: from one
// file, from two, from standard input, with missing values and with groups. No file is left.
func TestMemory(t *testing.T) {
	dir := t.TempDir()
	text := wideText()
	whole := file(t, "whole.csv", text)
	x, z := filepath.Join(t.TempDir(), "x.npy"), filepath.Join(t.TempDir(), "z.npy")
	for path, seed := range map[string]string{x: "1", z: "2"} {
		if code, _, stderr := try(t, "", "simulate", "gaussian", "--dim", "10", "--rows", fmt.Sprint(wideRows), "--seed", seed, "--out", path); code != 0 {
			t.Fatal(stderr)
		}
	}
	for _, args := range [][]string{
		{whole, "--x", "X*", "--z", "Z*"},
		{whole, "--x", "X*,word", "--z", "Z*", "--missing", "drop", "--group", "group"},
		{"-", "--x", "X*", "--z", "Z*"},
		{x, z},
	} {
		stdin := ""
		if args[0] == "-" {
			stdin = text
		}
		all := append(append([]string{"estimate"}, args...), append(smallCPU, "--folds", "2", "--race=false", "--reference=false", "--json")...)
		run := func(temporary string, more ...string) (int, string, string) {
			t.Setenv("TMPDIR", temporary)
			return try(t, stdin, append(all, more...)...)
		}
		code, stdout, stderr := run(dir)
		if code != 0 {
			t.Fatalf("%q: exit %d, %s", args, code, stderr)
		}
		want := decode(t, stdout)
		// A row takes some 160 bytes as it is read, for which there is a sixth of the memory, and
		// 220 with its order where it is trained on, for which there is a third.
		for memory, inFile := range map[string]bool{"8MB": false, "800kB": true} {
			code, stdout, stderr := run(dir, "--memory", memory)
			if code != 0 {
				t.Fatalf("%q, %s: exit %d, %s", args, memory, code, stderr)
			}
			got := decode(t, stdout)
			if got.Config.Memory == mine.AllMemory {
				t.Errorf("%q, %s: the memory is not recorded", args, memory)
			}
			got.Config, got.Timing = want.Config, want.Timing
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%q, %s: %+v\nwant %+v", args, memory, got, want)
			}
			code, stdout, stderr = run(filepath.Join(dir, "missing"), "--memory", memory)
			if failed := code == exitError && stdout == "" && strings.Contains(stderr, "TMPDIR"); failed != inFile {
				t.Errorf("%q, %s, without a folder for temporary files: exit %d, %q", args, memory, code, stderr)
			}
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v is left, error %v", left, err)
	}
}

// TestMemoryRefused: what cannot be done in the memory, and amounts that are none.
func TestMemoryRefused(t *testing.T) {
	whole := file(t, "whole.csv", wideText())
	refused(t, []refusal{
		{of(whole, "--memory", "lots"), exitUsage, []string{"--memory", `"lots"`, "4GiB"}},
		{of(whole, "--memory", "0"), exitUsage, []string{"--memory", "4GiB"}},
		{of(whole, "--memory", "100kB"), exitUsage, []string{"--memory is 100000", "at least 493KiB for 1000 rows in 5 folds", "fewer rows"}},
		{of(whole, "--memory", "100kB", "--folds", "1"), exitUsage, []string{"--memory is 100000", "at least 493KiB for 600 training rows", "200 that are tested on", "a smaller --test-fraction"}},
		{of(whole, "--memory", "492KiB"), exitUsage, []string{"at least 493KiB"}},
		{[]string{"test", whole, "--x", "X*", "--z", "Z*", "--memory", "1GiB"}, exitUsage, []string{"--memory", "--sample"}},
	})
	// What it says is enough, is, once it knows what the columns become.
	for _, c := range []struct{ folds, least string }{{"5", "586KiB"}, {"1", "1758KiB"}} {
		args := append(of(whole), append(smallCPU, "--batch", "64", "--folds", c.folds)...)
		if code, _, stderr := try(t, "", append(args, "--memory", c.least)...); code != exitOK {
			t.Errorf("--folds %s: exit %d: %s", c.folds, code, stderr)
		}
		if code, _, stderr := try(t, "", append(args, "--memory", "580KiB")...); code != exitUsage {
			t.Errorf("--folds %s: exit %d: %s", c.folds, code, stderr)
		}
	}
}
