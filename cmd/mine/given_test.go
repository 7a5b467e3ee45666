package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"gomine/mine"
	"gomine/mine/conditional"
)

// confounded is a file of rows whose x and z depend on each other through y, and z2 on x beyond it.
func confounded(t *testing.T, rows int) string {
	t.Helper()
	g := rand.New(rand.NewPCG(4, 1))
	var b strings.Builder
	b.WriteString("x,y,z,z2,who,twice,kind,none\n")
	for i := range rows {
		y, e := g.NormFloat64(), g.NormFloat64()
		x := y + e
		fmt.Fprintf(&b, "%g,%g,%g,%g,%d,%g,%c,1\n", x, y, y+g.NormFloat64(), y+0.9*e+math.Sqrt(1-0.81)*g.NormFloat64(), i/5, 2*y, 'a'+rune(g.IntN(3)))
	}
	return file(t, "confounded.csv", b.String())
}

// TestGiven runs mine estimate --given: --json has what the doc says, --quiet its number, and a
// file of its own for Z changes nothing.
func TestGiven(t *testing.T) {
	path := confounded(t, 1000)
	args := append([]string{"--given", "y"}, smallCPU...)
	one := append([]string{"estimate", path, "--x", "x", "--z", "z2"}, args...)
	code, text, stderr := try(t, "", append(one, "--json")...)
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	var all struct {
		Schema   string
		Unit     string
		Estimate float64
		StdErr   float64 `json:"std_err"`
		Low      float64
		High     float64
		Way      string
		Ways     []struct {
			Way           string
			Estimate      float64
			With, Without map[string]any
		}
		Residuals []conditional.Residual
		Config    json.RawMessage
		Input     struct{ X, Z, Given source }
	}
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	// -ln(1 - .9^2)/2 = .83; a brief estimate misses a tenth.
	if want := 0.83; math.Abs(all.Estimate-want) > 0.1*want+4*all.StdErr || all.Low > all.Estimate || all.High < all.Estimate {
		t.Errorf("%.3f +- %.3f (%.3f to %.3f), want %.2f", all.Estimate, all.StdErr, all.Low, all.High, want)
	}
	if all.Schema != conditionalSchema || all.Unit != "nats" || all.Way != "residual" || len(all.Ways) != 2 || all.Input.Given.Columns != "y" || all.Input.Given.File != path || len(all.Residuals) != 1 || all.Residuals[0].Name != "x" {
		t.Errorf("%+v", all)
	}
	for _, w := range all.Ways {
		with, without := w.With["estimate"].(float64), w.Without["estimate"].(float64)
		if _, twice := w.With["config"]; twice || math.Abs(with-max(0, without)-w.Estimate) > 1e-12 {
			t.Errorf("%s: %g less %g is %g", w.Way, with, without, w.Estimate)
		}
	}
	again := append([]string{"estimate", path, "--x", "x", "--z", "z2", "--given", "y", "--quiet"}, "--config", file(t, "config.json", string(all.Config)))
	if code, quiet, stderr := try(t, "", again...); code != exitOK || quiet != fixed(all.Estimate, quietDecimals)+"\n" {
		t.Errorf("--config: exit %d, %s, want %g: %s", code, quiet, all.Estimate, stderr)
	}
	// X is all of the first file but y.
	first, second := columns(t, path, "x", "y"), columns(t, path, "z2")
	if code, quiet, stderr := try(t, "", append([]string{"estimate", first, second, "--quiet"}, args...)...); code != exitOK || quiet != fixed(all.Estimate, quietDecimals)+"\n" {
		t.Errorf("two files: exit %d, %s, want %g: %s", code, quiet, all.Estimate, stderr)
	}
	// Groups are kept together.
	code, text, stderr = try(t, "", append(one, "--group", "who", "--way", "difference")...)
	if code != exitOK || !strings.Contains(text, "groups") || !strings.HasPrefix(text, "I(X;Z|Y) = ") || strings.Contains(text, "residual ") {
		t.Errorf("exit %d, %s%s", code, text, stderr)
	}
}

// columns writes some columns of a CSV file to another one.
func columns(t *testing.T, path string, names ...string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	head := strings.Split(lines[0], ",")
	var b strings.Builder
	for _, line := range lines {
		var some []string
		for _, name := range names {
			some = append(some, strings.Split(line, ",")[slices.Index(head, name)])
		}
		fmt.Fprintln(&b, strings.Join(some, ","))
	}
	return file(t, strings.Join(names, "-")+".csv", b.String())
}

// TestTestGiven: x and z depend on each other, but not given y.
func TestTestGiven(t *testing.T) {
	path := confounded(t, 600)
	args := append([]string{"test", path, "--x", "x", "--permutations", "99"}, smallCPU...)
	p := func(more ...string) float64 {
		code, quiet, stderr := try(t, "", append(append(args[:len(args):len(args)], more...), "--quiet")...)
		if code != exitOK {
			t.Fatalf("exit %d: %s", code, stderr)
		}
		return number(t, []byte(quiet))
	}
	if got := p("--z", "z"); got > 0.01 {
		t.Errorf("p = %g without a condition, want at most .01", got)
	}
	if got := p("--z", "z", "--given", "y"); got < 0.01 { // once in a hundred sets
		t.Errorf("p = %g given y, want more than .01", got)
	}
	if got := p("--z", "z2", "--given", "y"); got > 0.01 {
		t.Errorf("p = %g of what depends on x given y, want at most .01", got)
	}
	code, text, stderr := try(t, "", append(args, "--z", "z2", "--given", "y", "--json")...)
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	var all struct {
		Exact      bool
		ResidualsX []conditional.Residual `json:"residuals_x"`
		ResidualsZ []conditional.Residual `json:"residuals_z"`
		Input      struct{ Given source }
	}
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	if all.Exact || len(all.ResidualsX) != 1 || len(all.ResidualsZ) != 1 || all.ResidualsX[0].Explained < 0.3 || all.Input.Given.Columns != "y" {
		t.Errorf("%+v", all)
	}
	code, text, stderr = try(t, "", append(args, "--z", "z", "--given", "kind")...)
	if code != exitOK || !strings.Contains(text, "Rows are exchanged with those of the same values of kind, which 600") || strings.Contains(text, "approximate") || !strings.Contains(text, "strong evidence") {
		t.Errorf("given codes: exit %d: %s\n%s", code, stderr, text)
	}
}

func TestGivenErrors(t *testing.T) {
	path := confounded(t, 300)
	gap := file(t, "gap.csv", "x,y,z\n1,,2\n2,3,4\n")
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"estimate", path, "--x", "x", "--z", "z", "--given", "y,z"}, exitUsage, path + `: column "z" (index 2) is in both --z and --given: leave it out of one`},
		{[]string{"test", path, "--x", "x", "--z", "z", "--given", "x"}, exitUsage, path + `: column "x" (index 0) is in both --x and --given: leave it out of one`},
		{[]string{"estimate", path, "--x", "x", "--z", "z", "--given", "who", "--group", "who"}, exitUsage, path + `: column "who" (index 4) is in both --group and --given: leave it out of one`},
		{[]string{"estimate", path, "--x", "x", "--z", "z", "--way", "residual"}, exitUsage, "--way is of I(X;Z|Y): say by --given which columns are Y"},
		{[]string{"estimate", path, "--x", "x", "--z", "z", "--given", "y", "--save", "critic"}, exitUsage, "--save does not go with --given"},
		{[]string{"estimate", path, "--x", "x", "--z", "z", "--given", "y", "--fail-below", "1"}, exitUsage, "--fail-below does not go with --given"},
		{[]string{"estimate", path, "--x", "x", "--z", "z", "--given", "y", "--format", "csv"}, exitUsage, "--format csv does not go with --given: take text or json"},
		{[]string{"estimate", path, "--x", "kind", "--z", "z", "--given", "y", "--way", "residual"}, exitUsage, "--way is residual, want difference where x has no column of numbers"},
		{[]string{"estimate", path, "--x", "x", "--z", "z", "--given", "none"}, exitError, path + ": every column of the condition y is constant"},
		{[]string{"estimate", path, "--x", "x,twice", "--z", "z", "--given", "y"}, exitError, "column twice of x and column y of the condition y are functions of each other"},
		{[]string{"estimate", gap, "--x", "x", "--z", "z", "--given", "y"}, exitError, gap + `: line 2, column "y": the field is empty`},
		{[]string{"estimate", gap, "--x", "x", "--z", "z", "--given", "y", "--missing", "drop"}, exitError, "1 of 2 rows were left out because values are missing (y of the condition in 1)"},
	} {
		code, stdout, stderr := try(t, "", append(c.args, smallCPU...)...)
		if code != c.code || stdout != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: exit %d, %q, want exit %d, %q", c.args, code, stderr, c.code, c.want)
		}
	}
}

func TestConditionalReport(t *testing.T) {
	e := sample()
	e.Warnings = nil
	r := conditional.Result{
		Interval: conditional.Interval{Estimate: 0.812, StdErr: 0.021, Low: 0.75, High: 0.9}, Way: conditional.ByResidual,
		Ways: []conditional.Contrast{
			{Way: conditional.Difference, Interval: conditional.Interval{Estimate: 0.79, StdErr: 0.03}, With: e, Without: e},
			{Way: conditional.ByResidual, Interval: conditional.Interval{Estimate: 0.812, StdErr: 0.021}, With: e, Without: e, Narrow: true},
		},
		Residuals: []conditional.Residual{{Name: "dose", Used: true, Explained: 0.61}, {Name: "sex"}},
		Warnings:  []mine.Warning{{Code: conditional.WarnDefect, Message: "0.100 nats are taken off"}},
		Config:    conditional.Config{Way: conditional.Auto, Estimate: e.Config},
	}
	var b bytes.Buffer
	reportConditional(&b, r, source{File: "a.csv", Columns: "dose,sex"}, source{File: "z.npy"}, source{File: "a.csv", Columns: "age"}, nats)
	for _, want := range []string{
		"I(X;Z|Y) = 0.812 nats, standard error 0.021   (95% interval 0.750 to 0.900)\n",
		"difference  0.790 +- 0.030 nats: I(X;(Z,Y)) of 2.842 less I(X;Y) of 2.842; not",
		"residual    0.812 +- 0.021 nats: I(U;V) of 2.842 less the defect I(U;Y) of 2.842\n",
		"U, V        X and Z less what Y explains: 61% of the variance of dose, sex as it",
		"Y           age of a.csv\n",
		"warning: 0.100 nats are taken off.\n",
		"no bound",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}

// TestConditionalNothing: where critics find nothing there is no interval, neither to read nor in JSON.
func TestConditionalNothing(t *testing.T) {
	e := sample()
	e.Warnings = nil
	i := conditional.Interval{Estimate: 1e-7, StdErr: 1e-6, High: 1e-6}
	r := conditional.Result{
		Interval: i, Nothing: true, Way: conditional.ByResidual,
		Ways:      []conditional.Contrast{{Way: conditional.ByResidual, Interval: i, With: e, Without: e, Nothing: true}},
		Residuals: []conditional.Residual{{Name: "dose", Used: true, Explained: -0.002}, {Name: "sex", Used: true, Explained: -33}},
		Config:    conditional.Config{Way: conditional.Auto, Estimate: e.Config},
	}
	var b bytes.Buffer
	reportConditional(&b, r, source{File: "a.csv"}, source{File: "z.npy"}, source{File: "a.csv"}, nats)
	for _, want := range []string{"I(X;Z|Y): nothing found", "residual    nothing found in", " 0% of the variance of dose, -3300% of\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
	text, err := encodeConditional(r, "fp32", givenInputs{})
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, fields := range []map[string]any{all, all["ways"].([]any)[0].(map[string]any)} {
		for _, name := range []string{"std_err", "low", "high"} {
			if _, there := fields[name]; there {
				t.Errorf("%s is in %v", name, fields)
			}
		}
		if fields["nothing"] != true || fields["estimate"] != 1e-7 {
			t.Errorf("%v", fields)
		}
	}
}
