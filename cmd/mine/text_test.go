package main

import (
	"bytes"
	"math"
	"reflect"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"gomine/mine"
)

func TestDecimals(t *testing.T) {
	for _, c := range []struct {
		se   float64
		want int
	}{
		{12, 0}, {3.9, 1}, {4, 0}, {0.5, 1}, {0.4, 1}, {0.39, 2}, {0.1, 2}, {0.0207, 3}, {0.05, 2}, {1e-3, 4},
		{1e-12, 5}, {0, 3}, {math.NaN(), 3}, {math.Inf(1), 3},
	} {
		if got := decimals(c.se); got != c.want {
			t.Errorf("decimals(%v) = %d, want %d", c.se, got, c.want)
		}
	}
	// The promise: at least one digit of the error survives, and rounding a
	// value moves it by at most an eighth of the error, down to what the largest data have.
	for se := 4e-5; se < 1; se *= 1.07 {
		if moved := 0.5 * math.Pow(10, -float64(decimals(se))); moved > se/8*(1+1e-9) {
			t.Errorf("error %v: rounding to %d decimals moves a value by %v", se, decimals(se), moved)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{fixed(-0.00001, 3), "0.000"},
		{fixed(-0.0006, 3), "-0.001"},
		{fixed(2.84236, 3), "2.842"},
		{fixed(-10, 0), "-10"},
		{fixed(-0.2, 0), "0"},
		{grouped(0), "0"},
		{grouped(-999), "-999"},
		{grouped(1000), "1,000"},
		{grouped(-1234567), "-1,234,567"},
		{plural(1, "row"), "1 row"},
		{plural(2000, "row"), "2,000 rows"},
		{percent(0.95), "95%"},
		{percent(0.999), "99.9%"},
		{percent(1.0 / 3), "33.3333%"},
		{seconds(0), "0.0 s"},
		{seconds(2340 * time.Millisecond), "2.3 s"},
		{seconds(59 * time.Second), "59 s"},
		{seconds(125 * time.Second), "2 min 05 s"},
		{seconds(3*time.Hour + 4*time.Minute), "3 h 04 min"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestWrap(t *testing.T) {
	got := wrap([]string{"ab", "cd", "efgh", "ijklmnop", "q"}, 5)
	if want := []string{"ab cd", "efgh", "ijklmnop", "q"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestSeparator(t *testing.T) {
	for text, want := range map[string]rune{"auto": 0, ";": ';', "tab": '\t', `\t`: '\t', "\t": 0xFFFF, "": 0xFFFF, "1": 0xFFFF, "··": 0xFFFF, "·": '·', `"`: 0xFFFF} {
		var s separator
		err := s.Set(text)
		if (err != nil) != (want == 0xFFFF) || err == nil && rune(s) != want {
			t.Errorf("Set(%q): %q, error %v", text, rune(s), err)
		}
	}
}

func TestDescribe(t *testing.T) {
	info := &debug.BuildInfo{GoVersion: "go1.2.3", Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef0123"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}, {Key: "vcs.modified", Value: "true"},
	}}
	if got, want := describe(info), "mine (devel) (commit 0123456789ab of 2026-01-02, modified) go1.2.3 "; !strings.HasPrefix(got, want) {
		t.Errorf("%q, want %q...", got, want)
	}
	info = &debug.BuildInfo{GoVersion: "go1.2.3", Main: debug.Module{Version: "v1.0.0"}}
	if got, want := describe(info), "mine v1.0.0 go1.2.3 "; !strings.HasPrefix(got, want) {
		t.Errorf("%q, want %q...", got, want)
	}
}

// screen is what a terminal of 40 columns shows after output.
func screen(output string) string {
	line := ""
	for part := range strings.SplitSeq(output, "\r") {
		line = strings.TrimSuffix(part, "\x1b[J")
	}
	return line
}

func TestStatusLine(t *testing.T) {
	var b bytes.Buffer
	s := &statusLine{w: &b, width: func() int { return 100 }, unit: bits}
	s.estimating(mine.Progress{Phase: mine.PhasePrepare})
	if got, want := screen(b.String()), "preparing"; got != want {
		t.Errorf("shows %q, want %q", got, want)
	}
	p := mine.Progress{Phase: mine.PhaseTrain, Step: 1250, Steps: 5000, Validation: math.Ln2}
	s.estimating(p)
	if got, want := screen(b.String()), "training   ██████░░░░░░░░░░░░░░░░░░  25%  step 1,250 of 5,000  bound 1.000 bits"; got != want {
		t.Errorf("shows %q, want %q", got, want)
	}
	// A quarter took ten seconds, so the rest takes thirty.
	s.started = time.Now().Add(-10 * time.Second)
	s.estimating(p)
	if got := screen(b.String()); !strings.HasSuffix(got, "bits  30 s left") {
		t.Errorf("shows %q, want 30 s left at its end", got)
	}
	s.width = func() int { return 23 }
	s.estimating(p)
	if got, want := screen(b.String()), "training   ██████░░░"; got != want {
		t.Errorf("a narrow terminal shows %q, want %q", got, want)
	}
	s.width = func() int { return 100 }
	s.interrupted()
	s.estimating(p)
	if got := screen(b.String()); !strings.HasPrefix(got, "interrupted") {
		t.Errorf("after an interruption shows %q", got)
	}
	s.clear()
	if got := screen(b.String()); got != "" {
		t.Errorf("cleared shows %q", got)
	}
}
