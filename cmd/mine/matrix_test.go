package main

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// linked writes a table of four columns of numbers, of which a and b depend on each other, and c on a
// square of a, and one of words that tells the sign of d.
func linked(t *testing.T, rows int) string {
	t.Helper()
	r := rand.New(rand.NewPCG(31, 32))
	var b strings.Builder
	b.WriteString("a,b,c,d,word\n")
	for range rows {
		a, d := r.NormFloat64(), r.NormFloat64()
		word := "low"
		if d > 0 {
			word = "high"
		}
		fmt.Fprintf(&b, "%v,%v,%v,%v,%s\n", a, a+0.5*r.NormFloat64(), a*a+0.5*r.NormFloat64(), d, word)
	}
	return file(t, "linked.csv", b.String())
}

// matrixJSON is what a test reads of the JSON.
type matrixJSON struct {
	Schema    string
	FDRMethod string `json:"fdr_method"`
	Rows      int
	Left      int
	Estimated int
	Pairs     []struct {
		A, B                    string
		Information, Normalised float64
		Screen                  struct {
			PValue float64 `json:"p_value"`
			QValue float64 `json:"q_value"`

			EffectiveRows float64 `json:"effective_rows"`
		}
		Estimate *struct {
			Estimate float64
			StdErr   float64 `json:"std_err"`
			Error    string
		}
	}
	Notes []string
}

func readMatrix(t *testing.T, text []byte) matrixJSON {
	t.Helper()
	var m matrixJSON
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return m
}

// TestMatrix: of ten pairs those four are left that depend on each other, and each is estimated as mine
// estimate does it, whatever the number of threads. A false discovery rate of .001 leaves another one in
// one of some 400 such tests.
func TestMatrix(t *testing.T) {
	path := linked(t, 600)
	want := ""
	for _, threads := range []string{"1", "3"} {
		code, stdout, stderr := try(t, "", append([]string{"matrix", path, "--json", "--fdr", "0.001"}, append(smallCPU, "--threads", threads)...)...)
		if code != exitOK {
			t.Fatalf("exit %d: %s", code, stderr)
		}
		if want != "" && stdout != want {
			t.Errorf("on %s threads:\n%s\non one:\n%s", threads, stdout, want)
		}
		want = stdout
	}
	m := readMatrix(t, []byte(want))
	if m.Schema != matrixSchema || m.Rows != 600 || m.Left != 4 || m.Estimated != 4 || len(m.Pairs) != 10 {
		t.Errorf("%d rows, %d left, %d estimated, %d pairs", m.Rows, m.Left, m.Estimated, len(m.Pairs))
	}
	for _, p := range m.Pairs {
		depend := strings.Contains("a b c a", p.A+" "+p.B) || p.A == "a" && p.B == "c" || p.B == "word" && p.A == "d"
		if depend != (p.Estimate != nil) || depend != (p.Screen.QValue <= 0.001) {
			t.Errorf("%+v: want an estimate %v", p, depend)
		}
		if p.Estimate == nil {
			continue
		}
		code, stdout, stderr := try(t, "", append([]string{"estimate", path, "--x", p.A, "--z", p.B, "--quiet", "--effort", "fast"}, smallCPU...)...)
		if code != exitOK {
			t.Fatalf("exit %d: %s", code, stderr)
		}
		if got := number(t, []byte(stdout)); math.Abs(got-p.Estimate.Estimate) > 0.6e-6 {
			t.Errorf("%s and %s: %v, but by mine estimate %v", p.A, p.B, p.Estimate.Estimate, got)
		}
		if p.Information != p.Estimate.Estimate {
			t.Errorf("%s and %s: information %v", p.A, p.B, p.Information)
		}
	}
}

// TestMatrixFDRMethod: of ten pairs, 1 + 1/2 + .. + 1/10 = 7381/2520 times the false discovery rates of
// Benjamini and Hochberg hold whatever the dependence, up to 1.
func TestMatrixFDRMethod(t *testing.T) {
	path := linked(t, 600)
	args := []string{"matrix", path, "--screen-only"}
	usual := map[string]float64{}
	for _, method := range []string{"bh", "by"} {
		code, stdout, stderr := try(t, "", append(args, "--json", "--fdr-method", method)...)
		m := readMatrix(t, []byte(stdout))
		if code != exitOK || m.FDRMethod != method || len(m.Pairs) != 10 {
			t.Fatalf("exit %d, method %q: %s", code, m.FDRMethod, stderr)
		}
		for _, p := range m.Pairs {
			q := p.Screen.QValue
			if method == "bh" {
				usual[p.A+p.B] = q
			} else if want := min(1, usual[p.A+p.B]*7381/2520); math.Abs(q-want) > 1e-14*want {
				t.Errorf("%s and %s: q %v, want %v", p.A, p.B, q, want)
			}
		}
	}
	_, stdout, _ := try(t, "", append(args, "--fdr-method", "by")...)
	if want := "at a false discovery rate of 5%, whatever the dependence of the p-values"; !strings.Contains(strings.Join(strings.Fields(stdout), " "), want) {
		t.Errorf("%q is not in\n%s", want, stdout)
	}
	refused(t, []refusal{{append(args, "--fdr-method", "holm"), exitUsage, []string{"--fdr-method", "bh, by"}}})
}

// TestMatrixFiles writes all forms, and reads them.
func TestMatrixFiles(t *testing.T) {
	path, dir := linked(t, 300), filepath.Join(t.TempDir(), "out")+"/"
	code, stdout, stderr := try(t, "", append([]string{"matrix", path, "--top", "2", "--output", dir}, smallCPU...)...)
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	for _, want := range []string{"300 rows, 5 variables, 10 pairs", "2 estimated by networks", "normalised"} {
		if !strings.Contains(strings.Join(strings.Fields(stdout), " "), want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
	read := func(name string) []byte {
		t.Helper()
		text, err := os.ReadFile(dir + name)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	m := readMatrix(t, read("matrix.json"))
	table, err := csv.NewReader(strings.NewReader(string(read("matrix.csv")))).ReadAll()
	if err != nil || len(table) != 11 {
		t.Fatalf("%d lines of CSV, error %v", len(table), err)
	}
	for k, p := range m.Pairs {
		line := table[k+1]
		information, err := strconv.ParseFloat(line[2], 64)
		if line[0] != p.A || line[1] != p.B || err != nil || information != p.Information || (line[4] != "") != (k < 2) {
			t.Errorf("line %d is %q, want %+v", k+1, line, p)
		}
		if want := math.Sqrt(1 - math.Exp(-2*math.Max(0, p.Information))); math.Abs(p.Normalised-want) > 1e-12 {
			t.Errorf("%+v: normalised, want %v", p, want)
		}
	}
	if lines := strings.Count(string(read("matrix.md")), "\n| "); lines != 12 {
		t.Errorf("%d lines of a table of Markdown, want 12:\n%s", lines, read("matrix.md"))
	}
	f, err := os.Open(dir + "matrix.png")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if img, err := png.Decode(f); err != nil || img.Bounds().Dx() < 400 {
		t.Errorf("picture: %v", err)
	}
	var svg struct {
		XMLName xml.Name `xml:"svg"`
	}
	if err := xml.Unmarshal(read("matrix.svg"), &svg); err != nil || !strings.Contains(string(read("matrix.svg")), "word") {
		t.Errorf("SVG: %v", err)
	}
	if _, err := os.Stat(dir + "matrix.journal"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the journal is still there: %v", err)
	}
}

// TestMatrixGroups: the information of two groups is that of their columns that depend on each other.
func TestMatrixGroups(t *testing.T) {
	path := linked(t, 400)
	groups := file(t, "groups.txt", "# what belongs together\n\nfirst = a, d\r\nsecond=b\n")
	code, stdout, stderr := try(t, "", "matrix", path, "--groups", groups, "--screen-only", "--json")
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	// b = a + N/2: ln(5)/2, with a standard deviation of sqrt(.8/400).
	m := readMatrix(t, []byte(stdout))
	if p := m.Pairs[0]; len(m.Pairs) != 1 || p.A != "first" || p.B != "second" || math.Abs(p.Information-math.Log(5)/2) > 4*0.045 || p.Estimate != nil {
		t.Errorf("%+v, want %v", m.Pairs, math.Log(5)/2)
	}
}

// TestMatrixRows: rows that belong together by --group count as one for each group, and the column is no
// variable; rows that lack a value are left out.
func TestMatrixRows(t *testing.T) {
	r := rand.New(rand.NewPCG(33, 34))
	var b strings.Builder
	b.WriteString("x,person,z\n")
	for i := range 400 {
		fmt.Fprintf(&b, "%v,p%d,%v\n", r.NormFloat64(), i/4, r.NormFloat64())
	}
	b.WriteString(",p100,1\n")
	code, stdout, stderr := try(t, "", "matrix", file(t, "people.csv", b.String()), "--group", "person", "--missing", "drop", "--screen-only", "--json")
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	m := readMatrix(t, []byte(stdout))
	if len(m.Pairs) != 1 || m.Pairs[0].A != "x" || m.Pairs[0].B != "z" || m.Pairs[0].Screen.EffectiveRows != 100 || m.Rows != 400 {
		t.Errorf("%d rows, %+v, want 400 that are worth 100", m.Rows, m.Pairs)
	}
	if want := "1 of 401 rows were left out because values are missing (x of the file in 1)."; len(m.Notes) != 1 || m.Notes[0] != want {
		t.Errorf("notes %q, want %q", m.Notes, want)
	}
}

// TestMatrixWarnings: two codes of 100 persons, ten visits of each, of which a weight shows that they are copies, and the
// time of each visit, in whose order rows are: both are said of the pairs that they concern, in CSV, text and notes.
func TestMatrixWarnings(t *testing.T) {
	r := rand.New(rand.NewPCG(35, 36))
	const persons, visits = 100, 10
	var weight [persons]float64
	var sex, smoker [persons]int
	for k := range weight {
		weight[k], sex[k], smoker[k] = r.NormFloat64(), r.IntN(2), r.IntN(2)
	}
	var b strings.Builder
	b.WriteString("weight,sex,smoker,time\n")
	for i, k := range r.Perm(persons * visits) {
		fmt.Fprintf(&b, "%v,%d,%d,%v\n", weight[k/visits], sex[k/visits], smoker[k/visits], float64(i)+0.5*r.Float64())
	}
	out := filepath.Join(t.TempDir(), "m.csv")
	code, stdout, stderr := try(t, "", "matrix", file(t, "visits.csv", b.String()), "--screen-only", "--output", out)
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	lines, err := csv.NewReader(strings.NewReader(read(t, out))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines[1:] {
		want := map[bool]string{true: "ordered"}[line[1] == "time"]
		if line[0] == "sex" && line[1] == "smoker" {
			want = "copies"
		}
		if got := line[len(line)-2]; got != want || line[1] != "time" && line[len(line)-3] != "100" {
			t.Errorf("%v: warnings %q, want %q", line, got, want)
		}
	}
	text := strings.Join(strings.Fields(stdout), " ")
	for _, want := range []string{"in the order of time", "in its own pairs (ordered)", "3 pairs have rows that are copies", "of 1 of these a third column alone shows it"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
}

// TestMatrixInterrupted: an interruption says how far the work has come, and writes nothing but the journal.
func TestMatrixInterrupted(t *testing.T) {
	path, out := linked(t, 400), filepath.Join(t.TempDir(), "m.csv")
	args := append([]string{"matrix", path, "--all", "--output", out}, append(smallCPU, "--steps", "600", "--patience", "1000")...)
	for delay := 50 * time.Millisecond; ; delay *= 2 {
		code, stdout, stderr := runUntil(t, delay, args...)
		if code != exitInterrupted || stdout != "" {
			t.Fatalf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
		}
		if _, err := os.Stat(out); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("something was written: %v", err)
		}
		if strings.HasPrefix(stderr, "mine: interrupted after ") && strings.HasSuffix(stderr, ": the same command goes on\n") {
			return
		}
		if stderr != "mine: interrupted before there was a result\n" {
			t.Fatalf("stderr %q", stderr)
		}
	}
}

func TestMatrixRefused(t *testing.T) {
	good := linked(t, 100)
	one := file(t, "one.csv", "a\n1\n2\n3\n")
	twice := file(t, "twice.csv", "a,a\n"+strings.Repeat("1,2\n2,1\n", 50))
	few := file(t, "few.csv", "a,b\n1,2\n2,1\n")
	gaps := file(t, "gaps.csv", "a,b\n1,2\n,1\n3,1\n")
	groups := func(text string) []string { return []string{"matrix", good, "--groups", file(t, "g.txt", text)} }
	refused(t, []refusal{
		{[]string{"matrix"}, exitUsage, []string{"0 files, want one"}},
		{[]string{"matrix", good, good}, exitUsage, []string{"2 files, want one"}},
		{[]string{"matrix", good, "--all", "--top", "3"}, exitUsage, []string{"--all and --top"}},
		{[]string{"matrix", good, "--screen-only", "--all"}, exitUsage, []string{"--screen-only"}},
		{[]string{"matrix", good, "--fdr", "0"}, exitUsage, []string{"--fdr is 0"}},
		{[]string{"matrix", good, "--fdr", "NaN"}, exitUsage, []string{"--fdr is NaN"}},
		{[]string{"matrix", good, "--top", "0"}, exitUsage, []string{"--top is 0"}},
		{[]string{"matrix", good, "--threads", "0"}, exitUsage, []string{"--threads is 0"}},
		{[]string{"matrix", good, "--columns", "nope"}, exitUsage, []string{"--columns", `"nope"`}},
		{[]string{"matrix", good, "--columns", "a"}, exitUsage, []string{"linked.csv", "1 variable, want at least 2"}},
		{[]string{"matrix", one}, exitUsage, []string{"1 variable"}},
		{[]string{"matrix", twice}, exitError, []string{"twice.csv", "two variables are named a"}},
		{[]string{"matrix", few}, exitError, []string{"few.csv", "2 rows, want at least 20"}},
		{[]string{"matrix", gaps}, exitError, []string{"gaps.csv", "line 3", "--missing drop"}},
		{[]string{"matrix", good, "--output", "m.txt"}, exitUsage, []string{"--output m.txt", ".csv, .json, .md, .png, .svg"}},
		{[]string{"matrix", good, "--output", ""}, exitUsage, []string{"--output is empty"}},
		{[]string{"matrix", good, "--output", good}, exitUsage, []string{"--output", "would replace the data"}},
		{[]string{"matrix", good, "--output", "absent/m.csv"}, exitError, []string{"--output absent/m.csv", "there is no folder absent"}},
		{[]string{"matrix", good, "--groups", "absent.txt"}, exitError, []string{"--groups absent.txt", "no such file"}},
		{append(groups("a = a\nb = b\n"), "--columns", "a"), exitUsage, []string{"--columns and --groups"}},
		{groups("x = a,b\ny = c,b\n"), exitUsage, []string{"column \"b\"", "group x and group y"}},
		{groups("x = a\nx = b\n"), exitError, []string{"line 2", "group x already"}},
		{groups("x = a\n"), exitError, []string{"1 group, want at least 2"}},
		{groups("x: a\n"), exitError, []string{"line 1", `"x: a"`, "NAME = COLUMNS"}},
		{groups("x = a\ny = nope\n"), exitUsage, []string{"line 2", `"nope"`}},
		{[]string{"matrix", good, "--group", "a", "--columns", "a,b"}, exitUsage, []string{"--columns and --group"}},
	})
}
