package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gomine/mine"
)

// TestDevelopments: both halves have every recipe, a shorter list begins a longer one,
// and what is drawn keeps to the stated limits.
func TestDevelopments(t *testing.T) {
	halves := map[string][]developed{}
	for _, half := range halfNames() {
		tasks, err := developments(half, len(recipes))
		if err != nil {
			t.Fatal(err)
		}
		halves[half] = tasks
	}
	choose, report := halves[chooseHalf], halves[reportHalf]
	if len(choose) != len(recipes) || len(report) != len(recipes) || len(halves[bothHalves]) != 2*len(recipes) {
		t.Fatalf("%d, %d and %d tasks of %d recipes", len(choose), len(report), len(halves[bothHalves]), len(recipes))
	}
	for i, rec := range recipes {
		for part, task := range []developed{choose[i], report[i], halves[bothHalves][2*i], halves[bothHalves][2*i+1]} {
			if task.Number != 2*i+part%2 || task.Group != rec.group || task.Family != rec.family {
				t.Errorf("recipe %d: task %d is %s, %s", i, task.Number, task.Group, task.Family)
			}
			if !(task.Truth >= 0 && task.Truth <= mostInfo) || task.law.DX < 1 || task.law.DX > 50 || task.law.DZ < 1 || task.law.DZ > 50 {
				t.Errorf("task %d: %d + %d columns, %v nats", task.Number, task.law.DX, task.law.DZ, task.Truth)
			}
		}
		if choose[i].Params == report[i].Params {
			t.Errorf("recipe %d: both halves have the parameters %+v", i, choose[i].Params)
		}
	}
	few, err := developments(reportHalf, 3)
	if err != nil || len(few) != 3 || few[2].Number != 5 || few[2].Params != report[2].Params {
		t.Errorf("three tasks: %v, %v", few, err)
	}
	if more, err := develop(2 * len(recipes)); err != nil || more.Group != recipes[0].group || more.Params == choose[0].Params {
		t.Errorf("the task after all recipes: %+v, %v", more, err)
	}
	if _, err := developments("all", 1); err == nil {
		t.Error("--half all is accepted")
	}
	// Another law under the same number would mix up what files have.
	for _, pinned := range []struct {
		number int
		truth  float64
	}{{0, 0.6863442431421811}, {27, 0.355}, {79, 1.223}} {
		task, err := develop(pinned.number)
		if err != nil || math.Abs(task.Truth-pinned.truth) > 5e-4 {
			t.Errorf("task %d has %v nats, want %v; %v", pinned.number, task.Truth, pinned.truth, err)
		}
	}
}

// quickly judges in a fraction of a second.
func quickly(t *testing.T) *judging {
	return &judging{backend: openCPU(t), effort: mine.Fast, seed: 1, log: io.Discard,
		set: `{"steps":20,"race_steps":5,"folds":1,"survivors":1,"hidden":[8],"test_pairs":1000}`}
}

// TestJudgeAllResumes ends a run in the middle of a line and goes on: nothing is
// estimated twice, and the file is as if there had been no end, but for the times.
func TestJudgeAllResumes(t *testing.T) {
	g := quickly(t)
	tasks, err := developments(reportHalf, 2)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.jsonl")
	rows := []int{300, 400}
	run := func() []judged {
		t.Helper()
		l, err := openLedger(path)
		if err != nil {
			t.Fatal(err)
		}
		defer l.close()
		all, err := g.judgeAll(t.Context(), tasks, rows, l)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	first := run()
	text, err := os.ReadFile(path)
	if err != nil || bytes.Count(text, []byte("\n")) != 4 || len(first) != 4 {
		t.Fatalf("%d estimates, file %q, %v", len(first), text, err)
	}
	for i, j := range first {
		if j.Number != tasks[i%2].Number || j.Rows != rows[i/2] || j.Deviation != j.Estimate-j.Truth || !(j.StdErr > 0) || j.Error != "" {
			t.Errorf("estimate %d: %+v", i, j)
		}
	}

	cut := bytes.LastIndexByte(text[:len(text)-1], '\n') + 1 + 40
	if err := os.WriteFile(path, text[:cut], 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	g.log = &log
	second := run()
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d estimates after one was lost: %s", n, &log)
	}
	for i, j := range second {
		if j.Estimate != first[i].Estimate || (i < 3) != (j.Seconds == first[i].Seconds) {
			t.Errorf("estimate %d became %v in %v s, was %v in %v s", i, j.Estimate, j.Seconds, first[i].Estimate, first[i].Seconds)
		}
	}
	if again, err := readJudged(path); err != nil || len(again) != 4 {
		t.Errorf("the file has %d lines, %v", len(again), err)
	}

	// Other settings are other estimates.
	log.Reset()
	g.seed = 2
	run()
	if n := strings.Count(log.String(), "\n"); n != 4 {
		t.Errorf("%d estimates with another seed, want 4", n)
	}
}

// TestJudge: what the estimator refuses is a result, and an interruption or a setting
// that no task could have is not.
func TestJudge(t *testing.T) {
	g := quickly(t)
	task, err := develop(1)
	if err != nil {
		t.Fatal(err)
	}
	j, err := g.judge(t.Context(), task, 20)
	if err != nil || !strings.Contains(j.Error, "too few") || j.Estimate != 0 {
		t.Errorf("20 rows: %+v, %v", j, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l, err := openLedger("")
	if err != nil {
		t.Fatal(err)
	}
	if all, err := g.judgeAll(ctx, []developed{task}, []int{300}, l); !errors.Is(err, context.Canceled) || len(all) != 0 {
		t.Errorf("interrupted: %v, %v", all, err)
	}
	for set, want := range map[string]string{`{"steps":0}`: "steps is 0", `{"step":1}`: "--set", `{"steps":9} 1`: "more behind"} {
		g.set = set
		if _, err := g.judge(t.Context(), task, 300); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--set %s: %v", set, err)
		}
	}
}

// TestLedgerRefuses files that are not its own, and leaves them as they are.
func TestLedgerRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes")
	for _, text := range []string{"some notes", "{}\n", "{\"task\":1}\n", "some\nnotes\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openLedger(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", text, err)
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != text {
			t.Errorf("%q became %q, %v", text, after, err)
		}
	}
}

// judgedAs is an estimate with a given deviation, a standard error of 0.1 and a bound
// 0.15 below.
func judgedAs(number, rows int, deviation float64) judged {
	return judged{developed: developed{Number: number, Group: "g", Truth: 1}, Rows: rows, Estimate: 1 + deviation, Deviation: deviation,
		StdErr: 0.1, LowerBound: 1 + deviation - 0.15, Likely: 1 + deviation/2, Seconds: float64(number)}
}

func refused(number, rows int) judged {
	return judged{developed: developed{Number: number, Group: "g", Truth: 1}, Rows: rows, Error: "no"}
}

// near allows for the rounding of a few sums of numbers of about one.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-14 }

func TestSummarize(t *testing.T) {
	got := summarize([]judged{judgedAs(1, 9, 0.3), judgedAs(2, 9, -0.1), refused(3, 9), judgedAs(4, 9, 0.16), judgedAs(5, 9, 0)})
	if got.Tasks != 5 || got.Refused != 1 || got.Above != 0.25 || got.BoundAbove != 0.5 || got.MedianSeconds != 3 || got.MaxSeconds != 5 {
		t.Errorf("%+v", got)
	}
	for _, c := range []struct{ got, want float64 }{
		{got.MeanAbs, 0.14}, {got.MedianAbs, 0.13}, {got.Mean, 0.09}, {got.StdErr, 0.1},
		{got.LikelyMean, 0.07}, {got.LikelyMedian, 0.065},
		{got.RMS, math.Sqrt((0.09 + 0.01 + 0.0256) / 4)},
	} {
		if !near(c.got, c.want) {
			t.Errorf("%v, want %v in %+v", c.got, c.want, got)
		}
	}
	all := judgedResults([]judged{judgedAs(1, 9, 0.3), refused(3, 10)})
	if text := all.Markdown; !strings.Contains(text, "0.3000") || !strings.Contains(text, "refused: task 3, g, 10 rows, truth 1.000: no") {
		t.Errorf("%s", text)
	}
	if _, err := json.Marshal(all.Data); err != nil {
		t.Error(err)
	}
}

func TestCompare(t *testing.T) {
	as := []judged{judgedAs(1, 9, 0.3), judgedAs(2, 9, -0.1), judgedAs(3, 9, 0.2), refused(4, 9), judgedAs(5, 9, 0), refused(6, 9), judgedAs(7, 9, 1)}
	bs := []judged{judgedAs(1, 9, 0.1), judgedAs(2, 9, 0.1), judgedAs(3, 9, -0.3), judgedAs(4, 9, 5), refused(5, 9), refused(6, 9), judgedAs(7, 8, 1)}
	pairs, err := pairUp("a", as, "b", bs)
	if err != nil || len(pairs) != 6 {
		t.Fatalf("%d pairs, %v", len(pairs), err)
	}
	d := compare(pairs)
	if d.Pairs != 3 || d.Wins != 1 || d.Losses != 1 || d.RefusedA != 1 || d.RefusedB != 1 {
		t.Errorf("%+v", d)
	}
	// The differences are -0.2, 0 and 0.1: variance 0.07/3.
	if !near(d.MeanAbsA, 0.2) || !near(d.MeanAbsB, 0.5/3) || !near(d.Mean, -0.1/3) || !near(d.StdErr, math.Sqrt(0.07)/3) || d.SecondsB != 2 {
		t.Errorf("%+v", d)
	}

	other := judgedAs(1, 9, 0)
	other.Params.Dim = 3
	for _, c := range []struct {
		as, bs []judged
		want   string
	}{
		{as[:1], as[1:2], "in common"},
		{as[:1], []judged{other}, "not the same"},
		{as[:1], []judged{bs[0], bs[0]}, "b has task 1 twice"},
		{[]judged{as[0], as[0]}, bs, "a has task 1 twice"},
	} {
		if _, err := pairUp("a", c.as, "b", c.bs); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// TestFamiliesCommand runs both commands as a user does.
func TestFamiliesCommand(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.jsonl"), filepath.Join(dir, "b.jsonl")
	run := func(args ...string) (string, error) {
		var out bytes.Buffer
		cmd := familiesCommand()
		cmd.SetOut(&out)
		cmd.SetErr(io.Discard)
		cmd.SetArgs(args)
		cmd.SilenceUsage, cmd.SilenceErrors = true, true
		err := cmd.ExecuteContext(t.Context())
		return out.String(), err
	}
	for path, steps := range map[string]string{a: "20", b: "30"} {
		out, err := run("--quick", "--tasks", "2", "--rows", "300", "--threads", "1", "--json", "--out", path,
			"--set", `{"steps":`+steps+`,"race_steps":5,"folds":1,"survivors":1,"hidden":[8],"test_pairs":1000}`)
		if err != nil || !json.Valid([]byte(out)) || !strings.Contains(out, `"by_family"`) {
			t.Errorf("%s, %v", out, err)
		}
	}
	if out, err := run("compare", a, b); err != nil || !strings.Contains(out, "| all | 300 | 2 |") {
		t.Errorf("%s, %v", out, err)
	}
	if out, err := run("compare", "--json", a, b); err != nil || !json.Valid([]byte(out)) {
		t.Errorf("%s, %v", out, err)
	}
	for _, bad := range [][]string{{"--half", "none"}, {"--tasks", "0"}, {"--rows", "0"}, {"--effort", "some"}, {"--set", "{"}, {"compare", a}} {
		if out, err := run(bad...); err == nil || out != "" {
			t.Errorf("%v: %q, %v", bad, out, err)
		}
	}
}
