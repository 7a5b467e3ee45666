package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gomine/mine"
)

// TestUnseen: rows of the same law are scored without a word; of numbers in another unit, of some labels and
// of a range in part a warning says how many rows are concerned; of labels none of which is known there is no
// score.
func TestUnseen(t *testing.T) {
	g := rand.New(rand.NewPCG(1, 1))
	rows := func(n int, line func(weight float64, colour string) string) string {
		var b strings.Builder
		b.WriteString("weight,colour\n")
		for range n {
			colour := []string{"red", "green", "blue"}[g.IntN(3)]
			b.WriteString(line(float64(len(colour))+g.NormFloat64(), colour) + "\n")
		}
		return b.String()
	}
	plain := func(weight float64, colour string) string { return fmt.Sprint(weight, ",", colour) }
	critic, out := filepath.Join(t.TempDir(), "c.safetensors"), filepath.Join(t.TempDir(), "out")
	data := file(t, "data.csv", rows(400, plain))
	if code, _, stderr := try(t, "", append([]string{"estimate", data, "--x", "weight", "--z", "colour", "--categorical", "colour", "--save", critic}, smallCPU...)...); code != exitOK {
		t.Fatal(stderr)
	}
	for _, c := range []struct {
		name string
		line func(weight float64, colour string) string
		code mine.WarningCode
		want []string
	}{
		{"same.csv", plain, "", nil},
		{"grams.csv", func(w float64, c string) string { return plain(1000*(w+5), c) }, warnOutside, []string{"column weight of x", "100% of the rows (300 of 300)", "range"}},
		{"some.csv", func(w float64, c string) string { return plain(w, strings.Replace(c, "blue", "Blue", 1)) }, warnLabels, []string{"column colour of z", "of 300)", `"Blue"`}},
	} {
		path := file(t, c.name, rows(300, c.line))
		code, stdout, stderr := try(t, "", "evaluate", critic, path, "--backend", "cpu", "--json")
		var got evaluated
		if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != exitOK {
			t.Fatalf("%s: exit %d: %s%s", c.name, code, stdout, stderr)
		}
		if c.want == nil && (got.Warnings != nil || stderr != "") {
			t.Errorf("%s: warned of: %s", c.name, stderr)
		}
		for _, part := range c.want {
			if len(got.Warnings) != 1 || got.Warnings[0].Code != c.code || !strings.Contains(got.Warnings[0].Message, part) || !strings.Contains(stderr, part) {
				t.Errorf("%s: no %q in %+v\n%s", c.name, part, got.Warnings, stderr)
			}
		}
		if _, _, again := try(t, "", "score", critic, path, "--backend", "cpu"); again != stderr {
			t.Errorf("%s: mine score says %q, mine evaluate %q", c.name, again, stderr)
		}
	}
	if _, stdout, _ := try(t, "", "info", critic); !strings.Contains(stdout, "weight (number); ") || !strings.Contains(stdout, "colour (3 codes); ") {
		t.Errorf("no kinds of columns in\n%s", stdout)
	}
	// Of few rows, a label is new now and then.
	few := file(t, "few.csv", rows(5, func(w float64, c string) string { return plain(w, "violet") }))
	if code, stdout, stderr := try(t, "", "score", critic, few, "--backend", "cpu"); code != exitOK || strings.Count(stdout, "\n") < 5 || !strings.Contains(stderr, "violet") {
		t.Errorf("five rows of one new label: exit %d: %s%s", code, stdout, stderr)
	}
	upper := file(t, "upper.csv", rows(50, func(w float64, c string) string { return plain(w, strings.ToUpper(c)) }))
	numbered := file(t, "numbered.csv", rows(50, func(w float64, c string) string { return plain(w, fmt.Sprint(len(c))) }))
	refused(t, []refusal{
		{[]string{"score", critic, upper, "--backend", "cpu", "--output", out}, exitError, []string{"upper.csv", "column colour of z has no label that", "c.safetensors knows", "blue"}},
		{[]string{"evaluate", critic, numbered, "--backend", "cpu", "--output", out}, exitError, []string{"numbered.csv", "no label", "red"}},
	})
	if _, err := os.Stat(out); err == nil {
		t.Errorf("%s was written", out)
	}
}
