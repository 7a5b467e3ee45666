package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"gomine/mine"
)

// statusLine is one line of a terminal that is drawn over and over, or, where there is no
// terminal, a plain line now and then. A nil statusLine shows nothing. It is safe for concurrent use.
type statusLine struct {
	mu    sync.Mutex
	w     io.Writer
	width func() int
	unit  unit

	phase   string
	started time.Time // of the phase
	note    string    // stands before the line once it is set

	every   time.Duration // between two plain lines; 0 in a terminal
	written time.Time     // when the last of them was, or the work began
	curve   *liveCurve    // nil without --live
	above   int           // lines of the curve over the line
}

// plainEvery is the time between two plain lines: in a log, an hour is a page or two. Tests, which
// compare all that is said, make it so long that none comes on a busy machine.
var plainEvery = 30 * time.Second

// canRedraw reports whether w is a terminal that can move its cursor.
func canRedraw(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// newStatusLine returns a status line on w, of plain lines if that is no terminal that can move
// its cursor.
func newStatusLine(w io.Writer, u unit) *statusLine {
	if !canRedraw(w) {
		return &statusLine{w: w, unit: u, every: plainEvery, written: time.Now()}
	}
	f := w.(*os.File)
	return &statusLine{w: w, unit: u, width: func() int {
		width, _, err := term.GetSize(int(f.Fd()))
		if err != nil {
			return 80
		}
		return width
	}}
}

// show draws the line: the phase, how much of it is done, details, and the
// time left in it. A total below 1 is unknown, and done is not shown then.
func (s *statusLine) show(phase string, done, total int64, details ...string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if phase != s.phase {
		s.phase, s.started = phase, now
	}
	if s.every == 0 {
		s.draw(statusText(phase, done, total, now.Sub(s.started), statusCells, details))
	} else if now.Sub(s.written) >= s.every {
		s.written = now
		fmt.Fprintln(s.w, statusText(phase, done, total, now.Sub(s.started), 0, details))
	}
}

// interrupted says, from now on, that the end has been asked for.
func (s *statusLine) interrupted() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note = "interrupted, finishing with the best so far (once more: stop at once)"
	if s.every == 0 {
		s.draw("")
	}
}

func (s *statusLine) draw(text string) {
	if s.note != "" {
		text = s.note
	}
	// The last columns stay free: a character in the very last makes some
	// terminals wrap, and so would the ^C that they show for an interruption.
	if width := s.width() - len("^C") - 1; width > 0 {
		if runes := []rune(text); len(runes) > width {
			text = string(runes[:width])
		}
	}
	var b strings.Builder
	if s.above > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", s.above)
	}
	lines := s.curve.lines(s.width())
	for _, l := range lines {
		fmt.Fprintf(&b, "\r%s\x1b[K\n", l)
	}
	fmt.Fprintf(&b, "\r%s\x1b[J", text)
	s.above = len(lines)
	fmt.Fprint(s.w, b.String())
}

// clear removes the line, and leaves the curve over it where it is.
func (s *statusLine) clear() {
	if s == nil || s.every > 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.above = 0
	fmt.Fprint(s.w, "\r\x1b[J")
}

// statusCells is the width of a bar.
const statusCells = 24

// statusText is the line for a phase that has been going on for elapsed, with a bar of some cells.
func statusText(phase string, done, total int64, elapsed time.Duration, cells int, details []string) string {
	parts := []string{fmt.Sprintf("%-9s", phase)}
	if total >= 1 {
		share := min(max(float64(done)/float64(total), 0), 1)
		bar := ""
		if full := int(share * float64(cells)); cells > 0 {
			bar = strings.Repeat("█", full) + strings.Repeat("░", cells-full) + " "
		}
		parts = append(parts, fmt.Sprintf("%s%3.0f%%", bar, 100*share))
		// The first moments tell little about the rest.
		if share > 0.02 && share < 1 && elapsed > time.Second {
			left := time.Duration(float64(elapsed) * (1 - share) / share)
			details = append(details, seconds(left)+" left")
		}
	}
	return strings.Join(append(parts, details...), "  ")
}

// reading shows how much of a file has been read.
func (s *statusLine) reading(name string) func(done, total int64) {
	if s == nil {
		return nil
	}
	return func(done, total int64) {
		s.show("reading", done, total, name, fmt.Sprintf("%.1f MB", float64(done)/1e6))
	}
}

// tally is how many of several estimates are made.
type tally struct {
	phase       string
	done, total int
}

// counting shows, while estimates are made, how many are.
func (s *statusLine) counting(t *tally) mine.Option {
	return mine.WithProgress(func(mine.Progress) { s.show(t.phase, int64(t.done), int64(t.total)) })
}

// estimating shows the progress of an estimate.
func (s *statusLine) estimating(p mine.Progress) {
	s.follow(p)
	done, total := int64(p.Step), int64(p.Steps)
	details := []string{
		fmt.Sprintf("step %s of %s", grouped(p.Step), grouped(p.Steps)),
		fmt.Sprintf("bound %s %s", fixed(s.unit.of(p.Validation), 3), s.unit),
	}
	switch p.Phase {
	case mine.PhasePrepare:
		s.show("preparing", done, total)
	case mine.PhaseRace:
		s.show("race", done, total, append(details, p.Candidate.String())...)
	case mine.PhaseTrain:
		s.show("training", done, total, details...)
	case mine.PhaseScore:
		s.show("scoring more pairs", done, total)
	}
}
