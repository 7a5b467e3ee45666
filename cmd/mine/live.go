package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/guptarohit/asciigraph"
	"github.com/spf13/pflag"

	"gomine/mine"
)

// liveFlag asks for a curve in the terminal.
type liveFlag struct{ on bool }

func (f *liveFlag) register(flags *pflag.FlagSet) {
	flags.BoolVar(&f.on, "live", false, "draw the bounds of the critics in training in the terminal; in colours unless NO_COLOR is set")
}

// check refuses what cannot be drawn on.
func (f *liveFlag) check(stderr io.Writer, quiet bool) error {
	switch {
	case f.on && quiet:
		return usagef("--live and --quiet exclude each other")
	case f.on && !canRedraw(stderr):
		return usagef("--live draws in a terminal, and standard error is none: leave it out; --plot draws in a file")
	}
	return nil
}

// start makes a status line draw a curve.
func (f *liveFlag) start(s *statusLine) {
	if f.on {
		s.curve = &liveCurve{unit: s.unit, colours: os.Getenv("NO_COLOR") == ""}
	}
}

// A liveCurve has the best validation bound so far of each critic in training, by time: of each
// network of each candidate in each fold, so that no line falls when the next one begins. A nil one has no lines.
type liveCurve struct {
	unit    unit
	colours bool // else the lines of candidates differ by their characters

	phase  mine.Phase
	names  []string    // of the candidates, which each have a colour
	lined  []liveLine  // what the series are of
	series [][]float64 // of equal lengths; NaN before a critic began
}

// A liveLine is a critic: a network of a candidate, by its place among the names, in a fold.
type liveLine struct{ candidate, fold, network int }

const (
	liveWidth, liveHeight = 100, 10
	liveLabels            = 12   // columns for the numbers of the axis
	liveMost              = 2000 // points, above which every other one is forgotten
)

// liveColours are told apart on dark and on light grounds; liveMarks stand for them where there
// are to be none.
var (
	liveColours = []asciigraph.AnsiColor{asciigraph.DodgerBlue, asciigraph.DarkOrange, asciigraph.MediumSeaGreen, asciigraph.Orchid, asciigraph.Goldenrod, asciigraph.SteelBlue, asciigraph.IndianRed, asciigraph.Gray}
	liveMarks   = []string{"*", "+", "o", "x", "#", "%", "@", "="}
)

// follow adds a report to the curve, if there is one.
func (s *statusLine) follow(p mine.Progress) {
	if s == nil || s.curve == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.curve.add(p)
}

func (c *liveCurve) add(p mine.Progress) {
	bound := c.unit.of(p.Validation)
	if p.Phase != mine.PhaseRace && p.Phase != mine.PhaseTrain || math.IsNaN(bound) || math.IsInf(bound, 0) {
		return
	}
	if p.Phase != c.phase {
		c.phase, c.names, c.lined, c.series = p.Phase, nil, nil, nil
	}
	length := 0
	if len(c.series) > 0 {
		length = len(c.series[0])
	}
	line := liveLine{slices.Index(c.names, p.Candidate.String()), p.Fold, p.Network}
	if line.candidate < 0 {
		line.candidate = len(c.names)
		c.names = append(c.names, p.Candidate.String())
	}
	at := slices.Index(c.lined, line)
	if at < 0 {
		at = len(c.lined)
		c.lined = append(c.lined, line)
		none := make([]float64, length)
		for i := range none {
			none[i] = math.NaN()
		}
		c.series = append(c.series, none)
	}
	for i := range c.series {
		last := bound
		if i != at {
			last = c.series[i][length-1]
		}
		c.series[i] = append(c.series[i], last)
	}
	if length+1 < liveMost {
		return
	}
	for i, all := range c.series { // every other point will do
		for k := range len(all) / 2 {
			all[k] = all[2*k+1]
		}
		c.series[i] = all[:len(all)/2]
	}
}

// lines are the curve and, below it, what its lines stand for.
func (c *liveCurve) lines(width int) []string {
	if width = min(width, liveWidth); c == nil || len(c.series) == 0 || width < 2*liveLabels {
		return nil
	}
	options := []asciigraph.Option{asciigraph.Height(liveHeight), asciigraph.Width(width - liveLabels), asciigraph.Precision(3)}
	var colours []asciigraph.AnsiColor
	var marks []asciigraph.CharSet
	for _, line := range c.lined {
		colours = append(colours, liveColours[line.candidate%len(liveColours)])
		marks = append(marks, asciigraph.CreateCharSet(liveMarks[line.candidate%len(liveMarks)]))
	}
	if c.colours {
		options = append(options, asciigraph.SeriesColors(colours...))
	} else {
		options = append(options, asciigraph.SeriesChars(marks...))
	}
	lines := strings.Split(strings.TrimRight(asciigraph.PlotMany(c.series, options...), "\n"), "\n")
	of := string(c.phase)
	switch {
	case slices.ContainsFunc(c.lined, func(l liveLine) bool { return l.network > 0 }):
		of += ", a line for each fold and network"
	case slices.ContainsFunc(c.lined, func(l liveLine) bool { return l.fold > 0 }):
		of += ", a line for each fold"
	}
	lines = append(lines, fmt.Sprintf("best bound on validation rows so far, %s, by time (%s):", c.unit, of))
	line, used := "", 0
	for i, name := range c.names {
		mark := liveMarks[i%len(liveMarks)]
		if c.colours {
			mark = "━━"
		}
		need := utf8.RuneCountInString(mark) + 1 + len(name) + 3
		if used > 0 && used+need > width {
			lines, line, used = append(lines, line), "", 0
		}
		if used += need; c.colours {
			mark = fmt.Sprintf("%v%s%v", liveColours[i%len(liveColours)], mark, asciigraph.Default)
		}
		line += mark + " " + name + "   "
	}
	return append(lines, strings.TrimRight(line, " "))
}
