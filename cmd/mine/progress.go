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

// statusLine is one line of a terminal that is drawn over and over. A nil
// statusLine shows nothing. It is safe for concurrent use.
type statusLine struct {
	mu    sync.Mutex
	w     io.Writer
	width func() int
	unit  unit

	phase   string
	started time.Time // of the phase
	note    string    // stands before the line once it is set
}

// newStatusLine returns a status line on w if that is a terminal that can move
// its cursor, and nil otherwise.
func newStatusLine(w io.Writer, u unit) *statusLine {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return nil
	}
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
	s.draw(statusText(phase, done, total, now.Sub(s.started), details))
}

// interrupted says, from now on, that the end has been asked for.
func (s *statusLine) interrupted() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note = "interrupted, finishing with the best so far (once more: stop at once)"
	s.draw("")
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
	fmt.Fprintf(s.w, "\r%s\x1b[K", text)
}

// clear removes the line.
func (s *statusLine) clear() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprint(s.w, "\r\x1b[K")
}

// statusText is the line for a phase that has been going on for elapsed.
func statusText(phase string, done, total int64, elapsed time.Duration, details []string) string {
	const cells = 24
	parts := []string{fmt.Sprintf("%-9s", phase)}
	if total >= 1 {
		share := min(max(float64(done)/float64(total), 0), 1)
		full := int(share * cells)
		parts = append(parts, fmt.Sprintf("%s%s %3.0f%%", strings.Repeat("█", full), strings.Repeat("░", cells-full), 100*share))
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

// estimating shows the progress of an estimate.
func (s *statusLine) estimating(p mine.Progress) {
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
