package main

import (
	"bytes"
	"encoding/csv"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// formed runs an estimate in a form.
func formed(t *testing.T, path, form string, args ...string) string {
	t.Helper()
	code, stdout, stderr := try(t, "", of(path, slices.Concat([]string{"--format", form}, args, smallCPU)...)...)
	if code != exitOK || stderr != "" {
		t.Fatalf("--format %s: exit %d, %s", form, code, stderr)
	}
	return stdout
}

// TestFormats: each form has the same number; CSV has it unrounded, in the unit.
func TestFormats(t *testing.T) {
	path := gaussian(t, "400")
	want := decode(t, formed(t, path, "json"))
	if text := formed(t, path, "text"); !strings.HasPrefix(text, "I(X;Z) = "+fixed(want.Estimate, decimals(want.StdErr))+" nats ") {
		t.Errorf("text is\n%s, want the estimate %v", text, want.Estimate)
	}
	for _, u := range []unit{nats, bits} {
		records, err := csv.NewReader(strings.NewReader(formed(t, path, "csv", "--unit", string(u)))).ReadAll()
		if err != nil || len(records) != 2 {
			t.Fatalf("csv: %q, %v", records, err)
		}
		perUnit := 1.0
		if u == bits {
			perUnit = math.Ln2
		}
		for name, nats := range map[string]float64{"estimate": want.Estimate, "std_err": want.StdErr, "low": want.Low, "high": want.High, "lower_bound": want.LowerBound, "likely": want.Likely} {
			v, err := strconv.ParseFloat(records[1][slices.Index(records[0], name)], 64)
			// One division of float64s in each direction.
			if err != nil || math.Abs(v*perUnit-nats) > 1e-15*math.Abs(nats) {
				t.Errorf("csv in %s: %s is %v, error %v, want %v nats", u, name, v, err, nats)
			}
		}
		for name, text := range map[string]string{"x_file": path, "z_columns": "Z*", "rows": "400", "unit": string(u), "confidence": "0.95", "stop": string(want.Stop), "backend": "cpu"} {
			if got := records[1][slices.Index(records[0], name)]; got != text {
				t.Errorf("csv: %s is %q, want %q", name, got, text)
			}
		}
	}
}

// TestMarkdown: what Markdown would take for a mark is escaped, and every row of a table has
// as many cells as its head.
func TestMarkdown(t *testing.T) {
	var b bytes.Buffer
	reportMarkdown(&b, sample(), source{File: "a|b_c.csv", Columns: "X*"}, source{File: "z.npy"}, nats)
	text := b.String()
	for _, want := range []string{
		"**I(X;Z) = 2.842 nats**, 95% interval 2.802 to 2.883 (at least 2.808 with 95% confidence)\n\n|",
		`| X | 19 columns (X\*) of a\|b\_c.csv |`,
		"| softplus, rank, dv | 9,600 | 2.801 | 0.020 | 0.90 |\n",
		"\nwarning: dropped constant column X3 of x.\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	cells := 0
	for line := range strings.Lines(text) {
		n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
		if n > 0 && cells > 0 && n != cells {
			t.Errorf("a row of %d bars under one of %d: %s", n, cells, line)
		}
		cells = n
	}
}

// TestFailBelow: the exit code tells on which side of V the lower bound in the unit is, and the
// answer is printed on both.
func TestFailBelow(t *testing.T) {
	path := gaussian(t, "400")
	d := decode(t, formed(t, path, "json"))
	number := formed(t, path, "csv", "--unit", "bits")
	inBits := d.LowerBound / math.Ln2
	for _, c := range []struct {
		v    float64
		code int
	}{
		{inBits - 1e-9, exitOK}, // far above what rounds here, and far below what matters
		{inBits + 1e-9, exitBelow},
		{math.Inf(-1), exitOK},
	} {
		code, stdout, stderr := try(t, "", of(path, append([]string{"--format", "csv", "--unit", "bits", "--fail-below", strconv.FormatFloat(c.v, 'g', -1, 64)}, smallCPU...)...)...)
		if code != c.code || stdout != number {
			t.Errorf("--fail-below %v bits of a bound of %v: exit %d, want %d; stdout %q, want %q", c.v, inBits, code, c.code, stdout, number)
		}
		if said := strings.Contains(stderr, "below --fail-below"); said != (code == exitBelow) {
			t.Errorf("exit %d, stderr %q", code, stderr)
		}
	}
}

func TestWrongForms(t *testing.T) {
	refused(t, []refusal{
		{of("absent.csv", "--format", "yaml"), exitUsage, []string{"--format", "text, json, csv, markdown"}},
		{of("absent.csv", "--format", "csv", "--json"), exitUsage, []string{"--json", "--format csv"}},
		{of("absent.csv", "--format", "csv", "--quiet"), exitUsage, []string{"--format", "--quiet"}},
		{of("absent.csv", "--fail-below", "much"), exitUsage, []string{"--fail-below", "want a number"}},
		{of("absent.csv", "--fail-below", "nan"), exitUsage, []string{"--fail-below is NaN"}},
	})
}
