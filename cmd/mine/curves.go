package main

import (
	"fmt"
	"math"
	"slices"

	"gomine/mine"
)

// A series is the validations of one training.
type series struct {
	class, name string
	points      []mine.Point
}

// mostCurveRows is how many validations the table of curves has.
const mostCurveRows = 20

// curvePicture has the validation bounds of a candidate while it was trained, by fold and network.
func curvePicture(c mine.CriticResult, folds int, u unit, digits int) picture {
	p := picture{
		Title:   "Training: " + c.Candidate.String(),
		Caption: fmt.Sprintf("The bound of each network on the rows that it stops by. Its weights of the highest point are used; this critic has the weight %.2f in the sum.", c.Weight),
		Alt:     fmt.Sprintf("Validation bounds in training of %v, %s.", c.Candidate, plural(folds, "fold")),
	}
	all := make([]series, len(c.Curves))
	for i, curve := range c.Curves {
		all[i] = series{seriesClass(i), fmt.Sprintf("fold %d", i%folds+1), curve}
		if network := i / folds; network > 0 {
			all[i].name += fmt.Sprintf(", network %d", network+1)
		}
	}
	p.draw(all, u, digits)
	return p
}

// racePicture has the validation bounds of all candidates in the race, the best first; thin lines are
// those of candidates that it left behind.
func racePicture(r mine.Result, u unit, digits int) picture {
	out := leftBehind(r)
	p := picture{
		Title: "Training: the race",
		Caption: fmt.Sprintf("The bound on validation rows of one fold while all candidates were trained for some steps. Thin lines are those of the %s left behind there, which have no say in the answer.",
			plural(len(out), "candidate")),
		Alt: fmt.Sprintf("Validation bounds of %s in the race, of which %d were left behind.", plural(len(r.Race), "candidate"), len(out)),
	}
	all := make([]series, len(r.Race))
	for i, e := range r.Race {
		all[i] = series{seriesClass(i), e.Candidate.String(), e.Curve}
		if slices.ContainsFunc(out, func(o mine.RaceEntry) bool { return o.Candidate == e.Candidate }) {
			all[i].class += " thin"
			all[i].name += ": " + reasonOf(e)
		}
	}
	p.draw(all, u, digits)
	return p
}

// reasonOf is why a candidate was left behind.
func reasonOf(e mine.RaceEntry) string {
	if e.Error != "" {
		return "diverged"
	}
	return "out of the race"
}

// boundRange is what an axis of bounds from low to high reaches, with some room. Critics that break down reach far
// below 0, which is of no interest.
func boundRange(low, high float64) (from, to float64) {
	low = math.Max(low, -math.Max(high, 0.1)/2)
	room := math.Max(high-low, 0.01) / 20
	return low - room, high + room
}

// draw draws lines with their legend, and puts their points into the table.
func (p *picture) draw(all []series, u unit, digits int) {
	p.Table.Head = []string{"step"}
	steps := map[int][]string{}
	low, high, last := math.Inf(1), 0.0, 1
	for i, s := range all {
		p.Legend = append(p.Legend, legendEntry{s.class, s.name})
		p.Table.Head = append(p.Table.Head, s.name)
		for _, point := range s.points {
			low, high, last = math.Min(low, u.of(point.Validation)), math.Max(high, u.of(point.Validation)), max(last, point.Step)
			if steps[point.Step] == nil {
				steps[point.Step] = make([]string, len(all))
			}
			steps[point.Step][i] = fixed(u.of(point.Validation), digits)
		}
	}
	low, high = boundRange(math.Min(low, high), high)
	a := newAxes(0, float64(last), low, high)
	a.frame("step", "bound, "+string(u))
	for _, s := range slices.Backward(all) { // the first ones on top
		var x, y []float64
		for _, point := range s.points {
			x, y = append(x, float64(point.Step)), append(y, math.Max(u.of(point.Validation), low))
		}
		if len(x) > 0 {
			a.line(s.class, x, y)
		}
	}
	p.SVG = a.svg(p.Alt)
	var order []int
	for step := range steps {
		order = append(order, step)
	}
	slices.Sort(order)
	every := (len(order) + mostCurveRows - 1) / mostCurveRows
	for i, step := range order {
		if (len(order)-1-i)%max(every, 1) == 0 {
			p.Table.Rows = append(p.Table.Rows, append([]string{grouped(step)}, steps[step]...))
		}
	}
}
