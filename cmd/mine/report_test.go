package main

import (
	"bytes"
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/neighbours"
	"gomine/mine/objective"
	"gomine/mine/preprocess"
)

// sample is a result made by hand.
func sample() mine.Result {
	r := mine.Result{
		Bound:    mine.Bound{Estimate: 2.8423, StdErr: 0.0207, Low: 2.8017, High: 2.8829, LowerBound: 2.8083, NWJ: 2.84},
		Training: 2.9001, Likely: 2.8857,
		Neighbours: &neighbours.Result{Estimate: 2.8512, StdErr: 0.0154, Rows: 10000, Neighbours: 3},
		Race: []mine.RaceEntry{
			{Candidate: mine.Candidate{Activation: backend.ReLU, Preprocess: preprocess.Standardize, Objective: objective.DV.Default()}, Steps: 500, Validation: 2.1034},
			{Candidate: mine.Candidate{Activation: backend.Softplus, Preprocess: preprocess.Rank, Objective: objective.DV.Default()}, Steps: 1000, Validation: 2.6512},
			{Candidate: mine.Candidate{Activation: backend.ReLU, Preprocess: preprocess.Standardize, Objective: objective.JS.Default()}, Steps: 20, Error: "diverged"},
		},
		Critics: []mine.CriticResult{
			{Reference: true, Weight: 0.123, Estimate: 2.5101, StdErr: 0.02, Folds: 2},
			{Weight: 0.9, Estimate: 2.8012, StdErr: 0.02, Folds: 2, Steps: []int{4600, 5000}, Curves: [][]mine.Point{{{Step: 100, Train: 1.5, Validation: 1.25}, {Step: 200, Train: 2.5, Validation: 2.25}}, {{Step: 100, Train: 1.25, Validation: 1}}}},
		},
		Folds:    []mine.FoldResult{{Rows: 50000, Estimate: 2.84, StdErr: 0.03}, {Rows: 50000, Estimate: 2.85, StdErr: 0.03}},
		Scores:   mine.Histogram{Low: -2, High: 4, Joint: []int{1, 7, 20}, Marginal: []int{80, 19, 1}},
		Curve:    []mine.Point{{Step: 100, Train: 1.5, Validation: 1.25}},
		BestStep: 3100,
		Steps:    4600,
		Stop:     mine.StopPatience,
		Warnings: []mine.Warning{
			{Code: mine.WarnClimbing, Message: "the validation bound still rose when training ended"},
			{Code: mine.WarnConstant, Message: "dropped constant column X3 of x"},
		},
		Rows:    mine.RowCounts{Total: 100000, Train: 40000, Validation: 10000, Test: 50000},
		X:       preprocess.Summary{Used: 19, Constant: []string{"X3"}},
		Z:       preprocess.Summary{Used: 1},
		Config:  mine.DefaultConfig(100000),
		Backend: "cpu",
		Device:  "2 threads",
		Timing: mine.Timing{Prepare: 600 * time.Millisecond, Race: 3100 * time.Millisecond,
			Train: 8 * time.Second, Evaluate: 200 * time.Millisecond, StepsPerSecond: 562.6},
	}
	r.Config.Steps, r.Config.Patience, r.Config.Confidence = 5000, 15, 0.95
	r.Config.Folds = 2
	r.Winner = r.Race[1].Candidate
	r.Critics[1].Candidate = r.Winner
	return r
}

func reported(r mine.Result, u unit) string {
	var b bytes.Buffer
	report(&b, r, source{File: "g.csv", Columns: "X*"}, source{File: "z.npy"}, u)
	return b.String()
}

func TestReport(t *testing.T) {
	const want = `I(X;Z) = 2.842 nats   95% interval 2.802 to 2.883   (at least 2.808 with 95% confidence)

likely      2.886 nats: as a rule nearer to the truth, but not certified
neighbours  2.851 +- 0.015 nats by the 3 nearest of 10,000 rows: no bound
X           19 columns (X*) of g.csv
Z           1 column of z.npy
rows        100,000, in 2 folds: each of some 50,000 tested by critics that
            40,000 others trained and 10,000 stopped
training    2 critics of at most 5,000 steps each, 9,600 in all
time        12 s: prepare 0.6 s, race 3.1 s, train 8.0 s (563 steps/s),
            test 0.2 s on cpu (2 threads)
`
	const race = `
critics     activation  preprocess   objective     steps     bound  weight
            softplus    rank         dv            9,600     2.801    0.90
            that of a normal law, in closed form             2.510    0.12
            relu        standardize  dv              500     2.103     out
            relu        standardize  js               20  diverged     out

warning: the validation bound still rose when training ended. Train longer:
--steps 10000.

warning: dropped constant column X3 of x.
`
	got := reported(sample(), nats)
	if !strings.HasPrefix(got, want) || !strings.HasSuffix(got, race) {
		t.Errorf("report is\n%s\nwant\n%s...\n%s", got, want, race)
	}
}

func TestReportInBits(t *testing.T) {
	// 2.8423, 2.8017, 2.8829, 2.8083 and 2.5101 nats over ln 2; the error, 0.030
	// bits, asks for three decimals still.
	got := reported(sample(), bits)
	for _, want := range []string{"I(X;Z) = 4.101 bits   95% interval 4.042 to 4.159   (at least 4.052 ", "  3.621    0.12\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

// TestReportEndedEarly: what an interruption or a failed backend left is marked as such.
func TestReportEndedEarly(t *testing.T) {
	for _, c := range []struct {
		stop        mine.StopReason
		first, text string
	}{
		{mine.StopInterrupted, "INTERRUPTED: the best so far", "interrupted\n            with 1 of 2 folds"},
		{mine.StopFailed, "FAILED on cpu: the best so far, tested on the CPU", "the backend\n            failed with 1 of 2 folds"},
		{mine.StopCheckpoint, "FAILED to write a checkpoint: the best so far", "a checkpoint\n            could not be written with 1 of 2 folds"},
	} {
		r := sample()
		r.Stop = c.stop
		r.Warnings = []mine.Warning{{Code: mine.WarnInterrupted, Message: "interrupted at step 4600"}}
		r.Folds = r.Folds[:1]
		got := reported(r, nats)
		if !strings.HasPrefix(got, c.first+"\nI(X;Z) = 2.842") {
			t.Errorf("the first line does not say so:\n%s", got)
		}
		if strings.Contains(got, "warning") {
			t.Errorf("said twice:\n%s", got)
		}
		if !strings.Contains(got, c.text) {
			t.Errorf("the folds that are missing are not named:\n%s", got)
		}
		if got := soFar(sample()); !strings.HasSuffix(got, ": the result stands") {
			t.Errorf("%s of a result that is whole", got)
		}
		if got, want := soFar(r), "after 9,600 training steps of 2 critics in 1 of 2 folds: the number is the best so far"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestReportTimes: the parts of the time add up, where no step was trained too.
func TestReportTimes(t *testing.T) {
	r := sample()
	for speed, want := range map[float64]string{
		562.6: "12 s: prepare 0.6 s, race 3.1 s, train 8.0 s (563 steps/s), test 0.2 s on cpu (2 threads)",
		0:     "12 s: prepare 0.6 s, race 3.1 s, train 8.0 s (no steps), test 0.2 s on cpu (2 threads)",
	} {
		r.Timing.StepsPerSecond = speed
		if got := strings.Join(times(r), " "); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestReportWithoutScores: a critic that no fold has is given no bound, as text and as a table.
func TestReportWithoutScores(t *testing.T) {
	for failed, want := range map[int]string{0: "none", 2: "diverged"} {
		r := sample()
		c := &r.Critics[1]
		c.Weight, c.Estimate, c.StdErr, c.Folds, c.Failed = 0, 0, 0, 0, failed
		if got := reported(r, nats); !regexp.MustCompile(`9,600 +` + want + ` +0\.00\n`).MatchString(got) {
			t.Errorf("no %q in\n%s", want, got)
		}
		if got := criticTable(r, nats, 3).Rows[1][1:]; !slices.Equal(got, []string{"9,600", want, "", "0.00"}) {
			t.Errorf("row %q, want %q and no standard error", got, want)
		}
	}
}

func TestReportOfNothing(t *testing.T) {
	const note = "note: the data do not show"
	r := sample()
	if got := reported(r, nats); strings.Contains(got, note) {
		t.Errorf("a lower bound above 0 is called nothing:\n%s", got)
	}
	r.Estimate, r.StdErr, r.Low, r.High, r.LowerBound = -0.0004, 0.004, -0.0082, 0.0074, -0.007
	got := reported(r, nats)
	if !strings.HasPrefix(got, "I(X;Z) = 0.000 nats   95% interval -0.008 to 0.007   (at least -0.007 ") || !strings.Contains(got, note) {
		t.Errorf("no note on a lower bound below 0:\n%s", got)
	}
}

// TestReportRepeats checks that the settings in a report make the same
// configuration again.
func TestReportRepeats(t *testing.T) {
	for _, given := range [][]string{
		nil,
		{"--objective", "mine", "--hidden", "7,9", "--lr", "0.00125", "--seed", "99", "--confidence", "0.9"},
		{"--objective", "js", "--activation", "elu", "--preprocess", "standardize"},
		{"--race=false", "--batch", "33", "--folds", "1"},
		{"--reference=false", "--survivors", "1", "--folds", "7"},
	} {
		want := configOf(t, 5000, given...)
		got := configOf(t, 5000, strings.Fields(strings.Join(commandLine(want), " "))...)
		want.RaceSteps, got.RaceSteps, want.Survivors, got.Survivors = 0, 0, 0, 0 // not printed without a race
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: repeated as %+v, want %+v", given, got, want)
		}
	}
}

// decode reads what --json printed, as strictly as can be.
func decode(t *testing.T, text string) document {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	var doc document
	if err := d.Decode(&doc); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if d.More() {
		t.Fatalf("more than one object: %s", text)
	}
	return doc
}

func TestJSON(t *testing.T) {
	want := sample()
	text, err := encode(want, cpuPrecision, inputs{X: source{File: "g.csv", Columns: "X*"}, Z: source{File: "z.npy"}}, nats)
	if err != nil {
		t.Fatal(err)
	}
	got := decode(t, string(text))
	got.Result.Config = got.Config.Config
	if !reflect.DeepEqual(got.Result, want) {
		t.Errorf("read back as %+v, want %+v", got.Result, want)
	}
	if got.Unit != nats || got.InBits != nil || !reflect.DeepEqual(got.Input.X, source{File: "g.csv", Columns: "X*"}) || !reflect.DeepEqual(got.Input.Z, source{File: "z.npy"}) {
		t.Errorf("unit %q, bits %v, input %+v", got.Unit, got.InBits, got.Input)
	}
	if got.Config.Backend != "cpu" || got.Config.Precision != "fp32" {
		t.Errorf("backend %q, precision %q", got.Config.Backend, got.Config.Precision)
	}
	for _, key := range []string{`{"schema":"gomine.estimate/1","unit":"nats"`, `"estimate":2.8423`, `"low":2.8017`, `"winner":{"activation":"softplus","preprocess":"rank","objective":"dv"}`} {
		if !bytes.Contains(text, []byte(key)) {
			t.Errorf("%s is not in %s", key, text)
		}
	}
}

func TestJSONInBits(t *testing.T) {
	r := sample()
	text, err := encode(r, cpuPrecision, inputs{}, bits)
	if err != nil {
		t.Fatal(err)
	}
	got := decode(t, string(text))
	if got.Unit != nats || got.Estimate != r.Estimate {
		t.Errorf("the fields are in %s, estimate %v, want nats and %v", got.Unit, got.Estimate, r.Estimate)
	}
	want := inBits{
		Estimate: mine.Bits(r.Estimate), StdErr: mine.Bits(r.StdErr), Low: mine.Bits(r.Low), High: mine.Bits(r.High),
		LowerBound: mine.Bits(r.LowerBound), NWJ: mine.Bits(r.NWJ), Likely: mine.Bits(r.Likely),
	}
	if got.InBits == nil || *got.InBits != want {
		t.Errorf("in bits %+v, want %+v", got.InBits, want)
	}
}

// TestJSONOfRun checks that a real run prints one object with a number in it.
func TestJSONOfRun(t *testing.T) {
	args := append([]string{"estimate", gaussian(t, "400"), "--x", "X*", "--z", "Z*", "--json"}, small...)
	code, stdout, stderr := try(t, "", args...)
	if code != exitOK || stderr != "" {
		t.Fatalf("exit %d, stderr %q", code, stderr)
	}
	d := decode(t, stdout)
	if d.Rows.Total != 400 || d.Steps != 20 || d.X.Used != 2 || len(d.Race) != len(mine.DefaultConfig(400).Candidates)-1 || // there are no codes
		d.StdErr <= 0 {
		t.Errorf("%+v", d)
	}
}

// number reads output that must be one number on one line.
func number(t *testing.T, output []byte) float64 {
	t.Helper()
	line, rest, _ := strings.Cut(string(output), "\n")
	v, err := strconv.ParseFloat(line, 64)
	if err != nil || rest != "" {
		t.Fatalf("output is %q, want one number and nothing else", output)
	}
	return v
}

// TestReportOfSplits: what was kept together is said in a line, and what to do about it.
func TestReportOfSplits(t *testing.T) {
	for _, c := range []struct {
		split mine.Split
		code  mine.WarningCode
		want  []string
	}{
		{mine.Split{Kind: mine.SplitBlocks, CorrelationTime: 39.7, EffectiveRows: 2600, Block: 400, Gap: 40, Units: 227}, mine.WarnSerial,
			[]string{"split       227 blocks of 400 rows, 40 left out between them: correlated over", "40 rows, worth 2,600 independent rows", "If rows are independent, but sorted by a column"}},
		{mine.Split{Kind: mine.SplitRepeats, EffectiveRows: 600, Units: 600, Repeated: 6000}, mine.WarnRepeats,
			[]string{"split       600 different rows; 6,000 that are repeated stay together", "--split random treats them"}},
		{mine.Split{Kind: mine.SplitGroups, Units: 60}, mine.WarnFewRows, []string{"split       60 groups, whose rows stay together"}},
		{mine.Split{Kind: mine.SplitGroups, CorrelationTime: 4.2, EffectiveRows: 900, Block: 30, Gap: 5, Units: 20}, mine.WarnSerial,
			[]string{"split       20 blocks of 30 groups that follow each other, 5 left out between them: correlated over 5 groups, worth 900 independent rows",
				"alike. If groups are independent, but sorted by a column that is not selected: --split random."}},
		{mine.Split{Kind: mine.SplitGroups, Units: 60, Repeated: 12}, mine.WarnRepeats, []string{"alike. --split random treats them as independent."}},
		{mine.Split{Kind: mine.SplitRandom, Sorted: true}, mine.WarnOrdered, []string{"alike: --split blocks."}},
		{mine.Split{Kind: mine.SplitRandom}, mine.WarnSerial, []string{"--split blocks, or --group."}},
		{mine.Split{Kind: mine.SplitBlocks, Unresolved: true}, mine.WarnUnresolved, []string{"sorted by a column that is not selected: --split random."}},
	} {
		r := sample()
		r.Split, r.Warnings = c.split, []mine.Warning{{Code: c.code, Message: "rows are alike"}}
		got := strings.Join(strings.Fields(reported(r, nats)), " ")
		for _, want := range c.want {
			if !strings.Contains(got, strings.Join(strings.Fields(want), " ")) {
				t.Errorf("%q is not in %s", want, got)
			}
		}
		if c.split.Kind == mine.SplitRandom && strings.Contains(got, " split ") && strings.Contains(got, "blocks of") {
			t.Errorf("a random split has a line: %s", got)
		}
	}
}
