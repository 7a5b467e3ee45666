package main

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"gomine/mine"
)

// pictures are those of a page.
func pictures(r mine.Result, u unit, digits int) []picture {
	all := []picture{foldPicture(r, u, digits), scorePicture(r, u)}
	for _, c := range r.Critics {
		if !c.Reference && len(c.Curves) > 0 {
			all = append(all, curvePicture(c, len(r.Folds), u, digits))
		}
	}
	if slices.ContainsFunc(r.Race, func(e mine.RaceEntry) bool { return len(e.Curve) > 0 }) {
		all = append(all, racePicture(r, u, digits))
	}
	return all
}

// foldPicture has the bound of every fold, and of all together.
func foldPicture(r mine.Result, u unit, digits int) picture {
	two := distuv.UnitNormal.Quantile((1 + r.Config.Confidence) / 2)
	level := percent(r.Config.Confidence)
	p := picture{
		Title:   "The bound by fold",
		Caption: fmt.Sprintf("Each fold's rows are tested by critics that have not seen them. Lines are %s intervals; folds whose intervals lie far apart would be a reason for doubt.", level),
		Table:   tabular{Head: []string{"fold", "test rows", "bound, " + string(u), "standard error"}},
	}
	low, high := u.of(r.Low), u.of(r.High)
	for i, f := range r.Folds {
		low, high = math.Min(low, u.of(f.Estimate-two*f.StdErr)), math.Max(high, u.of(f.Estimate+two*f.StdErr))
		p.Table.Rows = append(p.Table.Rows, []string{fmt.Sprint(i + 1), grouped(f.Rows), fixed(u.of(f.Estimate), digits), fixed(u.of(f.StdErr), digits)})
	}
	p.Table.Rows = append(p.Table.Rows, []string{"all", "", fixed(u.of(r.Estimate), digits), fixed(u.of(r.StdErr), digits)})
	p.Alt = fmt.Sprintf("Intervals of the bound in %s, %s, and all together from %s to %s %s.",
		plural(len(r.Folds), "fold"), level, fixed(u.of(r.Low), digits), fixed(u.of(r.High), digits), u)
	room := (high - low) / 20
	a := newAxes(low-room, high+room, 0, 1)
	a.frame("bound, "+string(u), "")
	for i, f := range r.Folds {
		a.interval("c0", fmt.Sprintf("fold %d", i+1), i, len(r.Folds)+1, u.of(f.Estimate-two*f.StdErr), u.of(f.Estimate), u.of(f.Estimate+two*f.StdErr))
	}
	a.interval("c1", "all", len(r.Folds), len(r.Folds)+1, u.of(r.Low), u.of(r.Estimate), u.of(r.High))
	p.SVG = a.svg(p.Alt)
	return p
}

// scorePicture has the histograms of the joint and the marginal scores.
func scorePicture(r mine.Result, u unit) picture {
	h := r.Scores
	p := picture{
		Title:   "Scores of pairs",
		Caption: "What the critics say of rows as they are, and of rows whose X and Z were shuffled apart. The further apart the two, the more X and Z tell about each other.",
		Alt: fmt.Sprintf("Histograms of the scores of pairs of test rows, from %.3g to %.3g %s: half of the joint ones are above %.3g, half of the marginal ones above %.3g.",
			u.of(h.Low), u.of(h.High), u, u.of(median(h, h.Joint)), u.of(median(h, h.Marginal))),
		Legend: []legendEntry{{"c1 d0", "joint: rows as they are"}, {"c0 d0", "marginal: shuffled apart"}},
		Table:  tabular{Head: []string{"score from, " + string(u), "to", "joint", "marginal"}},
	}
	joint, marginal := percentages(h.Joint), percentages(h.Marginal)
	if n := h.JointCut + h.MarginalCut; n > 0 {
		p.Caption += fmt.Sprintf(" The scores of %s of the shuffled pairs and %s of the joint ones are below the first bar: they are cut off, and counted in it, see doc/mathematics.md.",
			shareText(h.MarginalCut, h.Marginal), shareText(h.JointCut, h.Joint))
	}
	// That bar may be so high that the others are not seen beside it.
	most := 0.0
	for _, all := range [][]float64{joint, marginal} {
		for i, v := range all {
			if i > 0 {
				most = math.Max(most, v)
			}
		}
	}
	if first := math.Max(joint[0], marginal[0]); most > 0 && first > 1.5*most {
		p.Caption += fmt.Sprintf(" The first bar goes on above the picture, to %.0f%%.", first)
	} else {
		most = math.Max(first, most)
	}
	a := newAxes(u.of(h.Low), u.of(h.High), 0, 1.05*most)
	a.frame("score, "+string(u), "% of the pairs")
	a.steps("c0", marginal)
	a.steps("c1", joint)
	p.SVG = a.svg(p.Alt)
	width := (u.of(h.High) - u.of(h.Low)) / float64(max(len(h.Joint), 1))
	for i := range h.Joint {
		lo := u.of(h.Low) + float64(i)*width
		p.Table.Rows = append(p.Table.Rows, []string{fixed(lo, 2), fixed(lo+width, 2), grouped(h.Joint[i]), grouped(h.Marginal[i])})
	}
	return p
}

// total is the sum of counts.
func total(counts []int) (sum int) {
	for _, n := range counts {
		sum += n
	}
	return sum
}

// median is where half of the counts of a histogram are below, within its bin in proportion.
func median(h mine.Histogram, counts []int) float64 {
	half, width := float64(total(counts))/2, (h.High-h.Low)/float64(len(counts))
	for i, n := range counts {
		if n > 0 && float64(n) >= half {
			return h.Low + (float64(i)+half/float64(n))*width
		}
		half -= float64(n)
	}
	return h.Low
}

// shareText is the share of n in the sum of counts, in percent.
func shareText(n int, counts []int) string {
	share := 100 * float64(n) / float64(max(total(counts), 1))
	if n > 0 && share < 1 {
		return "less than 1%"
	}
	return fmt.Sprintf("%.0f%%", share)
}

// percentages are the shares of counts in their sum.
func percentages(counts []int) []float64 {
	sum := max(total(counts), 1)
	all := make([]float64, len(counts))
	for i, n := range counts {
		all[i] = 100 * float64(n) / float64(sum)
	}
	return all
}

// criticTable has the critics, the heaviest first, and the candidates that the race left behind.
func criticTable(r mine.Result, u unit, digits int) tabular {
	t := tabular{Head: []string{"critic", "steps", "bound alone, " + string(u), "standard error", "weight"}}
	for _, c := range heaviestFirst(r.Critics) {
		name, steps := c.Candidate.String(), grouped(stepsOf(c))
		bound, stdErr := boundAlone(c, u, digits), fixed(u.of(c.StdErr), digits)
		if c.Folds == 0 {
			stdErr = ""
		}
		if c.Reference {
			name, steps = "that of a normal law, in closed form", ""
		}
		t.Rows = append(t.Rows, []string{name, steps, bound, stdErr, fixed(c.Weight, 2)})
	}
	for _, e := range leftBehind(r) {
		bound := fixed(u.of(e.Validation), digits)
		if e.Error != "" {
			bound = "diverged"
		}
		t.Rows = append(t.Rows, []string{e.Candidate.String(), grouped(e.Steps), bound, fixed(u.of(e.StdErr), digits), "out of the race"})
	}
	return t
}
