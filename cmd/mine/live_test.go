package main

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"gomine/mine"
)

// trained is a report of a candidate of the defaults in the first fold.
func trained(candidate int, nats float64) mine.Progress {
	return mine.Progress{Phase: mine.PhaseTrain, Step: 1, Steps: 2, Candidate: mine.DefaultConfig(1000).Candidates[candidate], Validation: nats}
}

// TestLiveCurve: a candidate keeps its last bound while others are in training, has none before it
// began, and the lines fit the terminal, with colours or without.
func TestLiveCurve(t *testing.T) {
	for _, colours := range []bool{false, true} {
		c := &liveCurve{unit: bits, colours: colours}
		if lines := c.lines(80); lines != nil {
			t.Errorf("lines of nothing: %q", lines)
		}
		c.add(mine.Progress{Phase: mine.PhasePrepare})
		c.add(trained(0, math.Ln2))
		c.add(trained(1, 2*math.Ln2))
		c.add(trained(0, math.Inf(-1))) // as before the first validation
		c.add(trained(0, 3*math.Ln2))
		if got, want := fmt.Sprintf("%.3g", c.series), "[[1 1 3] [NaN 2 2]]"; got != want {
			t.Errorf("series are %s, want %s", got, want)
		}
		for _, width := range []int{30, 80, 300} {
			lines := c.lines(width)
			if len(lines) < liveHeight+3 {
				t.Fatalf("%d lines in %d columns", len(lines), width)
			}
			for i, l := range lines {
				if plain := regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAllString(l, ""); utf8.RuneCountInString(plain) > width && i != liveHeight+1 {
					t.Errorf("a line of %d in %d columns: %q", utf8.RuneCountInString(plain), width, plain)
				}
			}
			text := strings.Join(lines, "\n")
			if strings.Contains(text, "\x1b") != colours {
				t.Errorf("colours %v: %q", colours, text)
			}
			if !strings.Contains(text, "softplus, rank, js") || !strings.Contains(text, "3.000") || strings.Contains(text, "NaN") {
				t.Errorf("curve\n%s", text)
			}
		}
		for i := range 2 * liveMost {
			c.add(trained(0, float64(i)))
		}
		if n := len(c.series[0]); n >= liveMost || n < liveMost/2 || c.series[0][n-1] < 1.9*liveMost || c.series[1][n-1] != 2 {
			t.Errorf("%d points, the last %v", n, c.series[0][n-1])
		}
	}
}

// TestLiveFolds: no line falls when the next fold begins, or the next network of a candidate, and the lines of a candidate look the same.
func TestLiveFolds(t *testing.T) {
	c := &liveCurve{unit: nats}
	for _, part := range []struct {
		fold, network int
		bounds        []float64
		says          string
	}{
		{0, 0, []float64{0, 1, 2}, "(train):"},
		{1, 0, []float64{0, 1.5}, "(train, a line for each fold):"},
		{1, 1, []float64{0.5}, "(train, a line for each fold and network):"},
	} {
		for _, b := range part.bounds {
			p := trained(0, b)
			p.Fold, p.Network = part.fold, part.network
			c.add(p)
			if text := strings.Join(c.lines(100), "\n"); !strings.Contains(text, part.says) || strings.Contains(text, "+") {
				t.Errorf("fold %d, network %d:\n%s", part.fold, part.network, text)
			}
		}
	}
	if got, want := fmt.Sprint(c.series), "[[0 1 2 2 2 2] [NaN NaN NaN 0 1.5 1.5] [NaN NaN NaN NaN NaN 0.5]]"; got != want {
		t.Errorf("series are %s, want %s", got, want)
	}
}

// TestLiveStatus: the curve is drawn over itself, with the line below it.
func TestLiveStatus(t *testing.T) {
	var b bytes.Buffer
	s := &statusLine{w: &b, width: func() int { return 80 }, unit: nats}
	(&liveFlag{on: true}).start(s)
	s.estimating(trained(0, 1))
	first := b.Len()
	s.estimating(trained(0, 2))
	drawn := strings.Count(b.String()[:first], "\n")
	if drawn < 3 || !strings.HasPrefix(b.String()[first:], fmt.Sprintf("\x1b[%dA\r", drawn)) {
		t.Errorf("%d lines, and then %.12q", drawn, b.String()[first:])
	}
	if !strings.HasPrefix(screen(b.String()), "training ") {
		t.Errorf("below it stands %q", screen(b.String()))
	}
}

// TestNoColor: with NO_COLOR the curve has none.
func TestNoColor(t *testing.T) {
	for value, want := range map[string]bool{"": true, "1": false} {
		t.Setenv("NO_COLOR", value)
		s := &statusLine{unit: nats}
		if (&liveFlag{on: true}).start(s); s.curve.colours != want {
			t.Errorf("NO_COLOR=%q: colours %v", value, s.curve.colours)
		}
	}
}

// TestPlainStatus: without a terminal there is a line every half minute, and none before.
func TestPlainStatus(t *testing.T) {
	var b bytes.Buffer
	s := newStatusLine(&b, nats)
	p := mine.Progress{Phase: mine.PhaseTrain, Step: 1250, Steps: 5000, Validation: 1}
	for range 3 {
		s.estimating(p)
	}
	s.interrupted()
	s.clear()
	if b.Len() > 0 {
		t.Errorf("%q within a moment", &b)
	}
	s.written, s.started = time.Now().Add(-plainEvery), time.Now().Add(-10*time.Second)
	for range 3 {
		s.estimating(p)
	}
	if got, want := b.String(), "training    25%  step 1,250 of 5,000  bound 1.000 nats  30 s left\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWrongLive(t *testing.T) {
	refused(t, []refusal{
		{of("absent.csv", "--live"), exitUsage, []string{"--live draws in a terminal", "--plot"}},
		{of("absent.csv", "--live", "--quiet"), exitUsage, []string{"--live and --quiet"}},
	})
}
