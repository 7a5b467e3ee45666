package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"gomine/mine"
	"gomine/mine/conditional"
	"gomine/mine/independence"
)

// tested is a result of a test.
func tested() independence.Result {
	r := independence.Result{
		PValue: 0.00031, Pairing: independence.Rows, Exact: true, Effect: sample(),
		Parts: []independence.Part{
			{Trained: 50000, Tested: 25000, Permutations: 999, Statistic: 0.4, Mean: -0.1, PValue: 0.004},
			{Trained: 75000, Tested: 25000, Permutations: 999, Statistic: 0.5, Mean: -0.1, PValue: 0.008},
		},
	}
	r.Config = independence.Config{Permutations: 999, Estimate: r.Effect.Config}
	return r
}

func TestTestReport(t *testing.T) {
	const want = `p = 0.00031: very strong evidence that X and Z depend on each other
I(X;Z) = 2.842 nats, standard error 0.021   (95% interval 2.802 to 2.883)

X           19 columns (X*) of g.csv
Z           1 column of z.npy
test        p = 0.004: 25,000 rows, by critics of 50,000 others, in 999
            permutations of rows
test        p = 0.008: 25,000 rows, by critics of 75,000 others, in 999
            permutations of rows
settings    --permutations 999`
	text := func(r independence.Result) string {
		t := conditional.TestResult{Result: r}
		var b bytes.Buffer
		reportTest(&b, t, source{File: "g.csv", Columns: "X*"}, source{File: "z.npy"}, "", nats)
		return b.String()
	}
	r := tested()
	got := text(r)
	if !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if !strings.Contains(got, "warning of the estimate: dropped constant column X3 of x.") {
		t.Errorf("a warning is not in\n%s", got)
	}
	r.Exact, r.Pairing = false, independence.Rotations
	if got := text(r); !strings.Contains(got, "approximate") || !strings.Contains(got, "of rotations") {
		t.Errorf("that rotations are approximate is not in\n%s", got)
	}
	for p, word := range map[float64]string{0.001: "very strong", 0.01: "strong", 0.05: "some", 0.051: "no"} {
		if got := evidence(p, "", nil); !strings.HasPrefix(got, word+" evidence") {
			t.Errorf("p = %g is %s, want %s evidence", p, got, word)
		}
	}
	if got := evidence(0.001, " given Y", []mine.Warning{{Code: conditional.WarnShared}}); strings.Contains(got, "evidence") {
		t.Errorf("a p-value in doubt is %s", got)
	}
	r = tested()
	r.Doubts = []mine.Warning{{Code: independence.WarnSeries, Message: "rows are correlated"}}
	if got := text(r); !strings.HasPrefix(got, "p = 0.00031: too small") || !strings.Contains(got, "\nwarning: rows are correlated.\n") {
		t.Errorf("that the p-value of a series is too small is not in\n%s", got)
	}
}

// TestTest runs the command: correlated columns have a small p-value, and --json has what the
// doc says, with settings that --config takes.
func TestTest(t *testing.T) {
	path := gaussian(t, "400")
	args := append([]string{"test", path, "--x", "X*", "--z", "Z*", "--permutations", "99"}, smallCPU...)
	code, quiet, stderr := try(t, "", append(args, "--quiet")...)
	if code != exitOK || stderr != "" {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	// With both parts at 1/100 it is the probability of 4 ln 100 or more.
	p := number(t, []byte(quiet))
	if least := 1e-4 * (1 + math.Log(1e4)); math.Abs(p-least) > 1e-9 {
		t.Errorf("p = %g, want the least there is, %g", p, least)
	}
	code, text, stderr := try(t, "", append(args, "--json")...)
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	var all struct {
		Schema   string
		PValue   float64 `json:"p_value"`
		Pairing  string
		Exact    bool
		Parts    []independence.Part
		Estimate map[string]any
		Config   json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	if all.Schema != testSchema || all.PValue != p || all.Pairing != "rows" || !all.Exact || len(all.Parts) != 2 {
		t.Errorf("%+v", all)
	}
	if _, twice := all.Estimate["config"]; twice || all.Estimate["estimate"].(float64) < 0.1 {
		t.Errorf("estimate %v, its config is there: %v", all.Estimate["estimate"], twice)
	}
	again := []string{"test", path, "--x", "X*", "--z", "Z*", "--permutations", "99", "--quiet", "--config", file(t, "config.json", string(all.Config))}
	if code, stdout, stderr := try(t, "", again...); code != exitOK || stdout != quiet {
		t.Errorf("--config: exit %d, p %s, want %s: %s", code, stdout, quiet, stderr)
	}
}

func TestTestErrors(t *testing.T) {
	path := gaussian(t, "200")
	var uneven strings.Builder
	uneven.WriteString("X,Z,who\n")
	for i := range 400 {
		fmt.Fprintf(&uneven, "%d.5,%d.25,%d\n", i*i%211, i*i*i%199, int(math.Sqrt(float64(i))))
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{path, "--x", "X*", "--z", "Z*", "--permutations", "18"}, exitUsage, "--permutations is 18, want at least 19"},
		{[]string{path}, exitUsage, "--x and --z"},
		{[]string{path, "--x", "X*", "--z", "Z*", "--rows", "0:78"}, exitError, "78 rows, want at least 80"},
		{[]string{file(t, "groups.csv", uneven.String()), "--x", "X", "--z", "Z", "--group", "who"}, exitError, "only groups of one size can be exchanged"},
	} {
		args := append(append([]string{"test"}, c.args...), smallCPU...)
		code, _, stderr := try(t, "", args...)
		if code != c.code || !strings.Contains(stderr, c.want) || strings.Contains(stderr, "independence: ") {
			t.Errorf("%q: exit %d, %q, want %d and %q", c.args, code, stderr, c.code, c.want)
		}
	}
}

// TestTestDefaults: without flags the settings are those of the library.
func TestTestDefaults(t *testing.T) {
	var f configFlags
	flags := newFlags()
	f.register(flags, flags, mine.Fast)
	c, err := f.config(5000, flags)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(c), fmt.Sprint(independence.DefaultConfig(5000).Estimate); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
