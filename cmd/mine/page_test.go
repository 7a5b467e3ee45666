package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gomine/mine"
)

// pageOf is the page of a result, with a column whose name is HTML.
func pageOf(t *testing.T, r mine.Result) string {
	t.Helper()
	columns := tabular{Head: []string{"", "column"}, Rows: [][]string{{"X", `<b onclick="x">&`}}}
	text, err := render(r, columns, provenance{command: []string{"mine", "estimate", "'</script>'"}, precision: cpuPrecision, in: inputs{X: source{File: "</script>.csv"}}, unit: nats})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// result takes the JSON out of a page.
func result(t *testing.T, page string) (text string, d document) {
	t.Helper()
	m := regexp.MustCompile(`(?s)<script type="application/json" id="result">(.*?)</script>`).FindStringSubmatch(page)
	if m == nil {
		t.Fatal("the page has no result")
	}
	if err := json.Unmarshal([]byte(m[1]), &d); err != nil {
		t.Fatal(err)
	}
	return m[1], d
}

// pictured are the pictures of a page, each of them well-formed.
func pictured(t *testing.T, page string) []string {
	t.Helper()
	all := regexp.MustCompile(`(?s)<svg role="img".*?</svg>`).FindAllString(page, -1)
	for _, svg := range all {
		for d := xml.NewDecoder(strings.NewReader(svg)); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%v in %s", err, svg)
			}
		}
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") || !strings.Contains(svg, "<title>") {
			t.Errorf("picture %s", svg)
		}
	}
	return all
}

// TestPage: the answer, the result whole, nothing that is fetched, and no text of the data
// as HTML.
func TestPage(t *testing.T) {
	r := sample()
	r.Split.Kind = mine.SplitRandom
	for i := range r.Folds {
		r.Folds[i].Weights = []float64{0.1, 0.9}
	}
	page := pageOf(t, r)
	for _, part := range []string{"<h1>I(X;Z) = 2.842 nats</h1>", "2.802 to 2.883", "at least 2.808", "Warning: dropped constant column X3 of x.",
		"&lt;b onclick=", "&lt;/script&gt;", "fold 2", "that of a normal law", "--seed 1"} {
		if !strings.Contains(page, part) {
			t.Errorf("the page has no %q", part)
		}
	}
	// A long word, as a list of columns is one, breaks wherever it meets the edge of a phone.
	if !regexp.MustCompile(`(?m)^body {.* overflow-wrap: anywhere;`).MatchString(page) {
		t.Error("long words of the page do not break")
	}
	for _, part := range []string{"<b ", "src=", "href=", "@import", "url("} {
		if strings.Contains(page, part) {
			t.Errorf("the page has %q", part)
		}
	}
	if n := strings.Count(page, "</script>"); n != 1 {
		t.Errorf("%d scripts end, want one", n)
	}
	text, d := result(t, page)
	if err := conforms(t, text); err != nil {
		t.Error(err)
	}
	if d.Estimate != sample().Estimate || len(d.Critics[1].Curves) != 2 {
		t.Errorf("the result in the page is %s", text)
	}
	if n := len(pictured(t, page)); n != 3 {
		t.Errorf("%d pictures, want folds, scores and the curves of one candidate", n)
	}
}

// raced is sample with the validations of the race.
func raced() mine.Result {
	r := sample()
	r.Race[0].Curve = []mine.Point{{Step: 100, Validation: 1}, {Step: 300, Validation: 2}}
	r.Race[1].Curve = []mine.Point{{Step: 100, Validation: 1.25}, {Step: 200, Validation: 2.25}}
	r.Race[2].Curve = []mine.Point{{Step: 100, Validation: -1}}
	return r
}

// TestRacePicture: all candidates are in the picture and in its table, those left behind as thin lines.
func TestRacePicture(t *testing.T) {
	page := pageOf(t, raced())
	all := pictured(t, page)
	if len(all) != 4 {
		t.Fatalf("%d pictures, want one more for the race", len(all))
	}
	race := all[3]
	if lines, thin := strings.Count(race, "<polyline"), strings.Count(race, `<polyline class="line c0 d0 thin"`)+strings.Count(race, `<polyline class="line c2 d0 thin"`); lines != 3 || thin != 2 {
		t.Errorf("%d lines, of which %d are thin, want 3 and 2: %s", lines, thin, race)
	}
	for _, part := range []string{"relu, standardize, dv: out of the race</li>", "softplus, rank, dv</li>", "relu, standardize, js: diverged</li>", "<td>300</td><td>2.000</td><td></td><td></td>"} {
		if !strings.Contains(page, part) {
			t.Errorf("the page has no %q", part)
		}
	}
	if _, d := result(t, page); len(d.Race[0].Curve) != 2 {
		t.Errorf("the result in the page has the race %+v", d.Race)
	}
}

// TestScorePicture: medians by hand, in bins of 2 nats from -2: 14 of 28 joint pairs are below 2 + 2 6/20, 50
// of 100 marginal ones below -2 + 2 50/80. What is cut off is said only where something is.
func TestScorePicture(t *testing.T) {
	r := sample()
	all := pictured(t, pageOf(t, r))
	const alt = "from -2 to 4 nats: half of the joint ones are above 2.6, half of the marginal ones above -0.75."
	if !strings.Contains(all[1], alt) {
		t.Errorf("no %q in %s", alt, all[1])
	}
	if page := pageOf(t, r); strings.Contains(page, "cut off") {
		t.Error("the page says that scores are cut off, but none are")
	}
	r.Scores.MarginalCut = 60
	if page := pageOf(t, r); !strings.Contains(page, "The scores of 60% of the shuffled pairs and 0% of the joint ones are below the first bar: they are cut off") {
		t.Error("the page does not say that scores are cut off")
	}
}

// TestPicture: where the fold picture has its points, by the grid in it, are the bounds.
func TestPicture(t *testing.T) {
	svg := pictured(t, pageOf(t, sample()))[0]
	numbers := func(expression string) (all [][2]float64) {
		for _, m := range regexp.MustCompile(expression).FindAllStringSubmatch(svg, -1) {
			a, errA := strconv.ParseFloat(m[1], 64)
			b := 0.0
			if len(m) > 2 {
				b, _ = strconv.ParseFloat(m[2], 64)
			}
			if errA != nil {
				t.Fatal(errA)
			}
			all = append(all, [2]float64{a, b})
		}
		return all
	}
	ticks := numbers(`<text x="([0-9.]+)" y="[0-9.]+" text-anchor="middle">([0-9.]+)</text>`)
	points := numbers(`cx="([0-9.]+)"`)
	if len(ticks) < 2 || len(points) != 3 {
		t.Fatalf("%d ticks and %d points", len(ticks), len(points))
	}
	first, last := ticks[0], ticks[len(ticks)-1]
	for i, want := range []float64{2.84, 2.85, 2.8423} {
		got := first[1] + (points[i][0]-first[0])/(last[0]-first[0])*(last[1]-first[1])
		if math.Abs(got-want) > 0.001 { // a tenth of a unit of 350 for .15 nats, on either side
			t.Errorf("point %d is at %v, want %v", i, got, want)
		}
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		want   string
	}{{0, 1, "[0 0.2 0.4 0.6 0.8 1]"}, {-0.3, 0.3, "[-0.3 -0.2 -0.1 0 0.1 0.2 0.3]"}, {0, 1000, "[0 200 400 600 800 1,000]"}, {2.81, 2.9, "[2.82 2.84 2.86 2.88 2.9]"}} {
		var got []string
		for _, v := range ticks(c.lo, c.hi) {
			got = append(got, tickText(v))
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%v to %v: %v, want %v", c.lo, c.hi, got, c.want)
		}
	}
}

// TestPageIsSmall: not even ten folds of seven candidates with 126 validations each make half
// a megabyte, nor thousands of warnings' worth of columns.
func TestPageIsSmall(t *testing.T) {
	r := sample()
	one := r.Critics[1]
	one.Curves, one.Steps = nil, nil
	for f := range 10 {
		var curve []mine.Point
		for k := range 126 {
			curve = append(curve, mine.Point{Step: 100 * (k + 1), Train: math.Sqrt(float64(k + f)), Validation: math.Log(float64(k + f + 1))})
		}
		one.Curves, one.Steps = append(one.Curves, curve), append(one.Steps, 12600)
	}
	r.Critics = slices.Repeat([]mine.CriticResult{one}, 7)
	for i := range r.Race {
		r.Race[i].Curve = one.Curves[0]
	}
	for k := range 6000 { // looks of a long training
		r.Curve = append(r.Curve, mine.Point{Step: k + 1, Train: math.Sqrt(float64(k)), Validation: math.Log(float64(k + 1))})
	}
	r.Folds = slices.Repeat(r.Folds, 5)
	page := pageOf(t, r)
	if len(page) >= 500_000 {
		t.Errorf("the page has %d bytes, want less than 500,000", len(page))
	}
	if _, d := result(t, page); d.Critics[0].Curves != nil || d.Race[0].Curve != nil || !strings.Contains(page, "without the curves of the single folds") {
		t.Error("the page does not say that its result lacks curves")
	}
	if n := len(pictured(t, page)); n != 10 {
		t.Errorf("%d pictures, want 10", n)
	}
}

// TestSummary: what a page says of columns, with values counted by hand.
func TestSummary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.csv")
	var b strings.Builder
	b.WriteString("a,b,c,d\n")
	for i := range 12_000 {
		fmt.Fprintf(&b, "%d,%d,%s,%d\n", i%7, i+1, []string{"red", "blue"}[i%2], i%3)
	}
	b.WriteString(",5,red,1\n9,NA,green,1\n9,NA,green,1\n") // left out, with a value of a and one of c that no other row has
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "r.htm")
	args := append([]string{"estimate", path, "--x", "a,b,c", "--z", "d", "--missing", "drop", "--split", "random", "--report", out}, smallCPU...)
	if code, _, stderr := try(t, "", args...); code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	page := content(t, out)
	for _, want := range []string{
		"<tr><td>X</td><td>a</td><td>1</td><td>7</td><td>0</td>",
		"<tr><td>X</td><td>b</td><td>2</td><td>over 10,000</td><td>1</td><td>6000.5</td>",
		"<tr><td>X</td><td>c</td><td>0</td><td>2</td><td>codes</td>",
		"<tr><td>Z</td><td>d</td><td>0</td><td>3</td><td>0</td><td>1</td>",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
}

// TestPageOfRun: the command writes the page of its own result, and nothing over other files.
func TestPageOfRun(t *testing.T) {
	path := gaussian(t, "400")
	out := filepath.Join(t.TempDir(), "r.html")
	code, stdout, stderr := try(t, "", of(path, append([]string{"--json", "--report", out}, smallCPU...)...)...)
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	page, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := result(t, string(page)); text+"\n" != stdout {
		t.Errorf("the page has %.200s, --json printed %.200s", text, stdout)
	}
	for _, part := range []string{"mine estimate", "<span>--report " + out + "</span>", "<td>X0</td>", "<td>Z1</td>"} {
		if !strings.Contains(string(page), part) {
			t.Errorf("the page has no %q", part)
		}
	}
	named := filepath.Join(t.TempDir(), "data.HTM")
	if err := os.Symlink(path, named); err != nil {
		t.Fatal(err)
	}
	refused(t, []refusal{
		{of(path, "--report", "-"), exitUsage, []string{"--report", ".html, .htm"}},
		{of(path, "--report", ""), exitUsage, []string{"--report", ".html, .htm"}},
		{of(path, "--report", "r.txt"), exitUsage, []string{"--report", `"r.txt"`, ".html, .htm"}},
		{of(named, "--report", named), exitUsage, []string{"--report", "would replace the data"}},
		{of(path, "--report", out, "--save", out), exitUsage, []string{"--report", "--save", "two files"}},
		{of(path, "--report", filepath.Join(t.TempDir(), "gone", "r.html")), exitError, []string{"--report", "there is no folder"}},
	})
}
