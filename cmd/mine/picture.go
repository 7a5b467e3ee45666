package main

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// A picture is a plot as SVG, with what it shows as a table. Its colours are those of
// the page, and its legend stands below it, where it covers nothing.
type picture struct {
	Title   string
	Caption string
	Alt     string
	SVG     template.HTML
	Legend  []legendEntry
	Table   tabular
}

type legendEntry struct {
	Class, Name string
}

// tabular is a head and rows of cells.
type tabular struct {
	Head []string
	Rows [][]string
}

// Sizes of a picture in its own units: on a phone, one is some .8 pixels.
const (
	pictureWidth, pictureHeight         = 420, 260
	marginLeft, marginRight             = 66, 24
	marginTop, marginBottom             = 10, 44
	seriesColours                       = 5
	mostTicks                   float64 = 6
)

// axes map values to a picture.
type axes struct {
	x0, x1, y0, y1 float64
	b              strings.Builder
}

// newAxes returns axes for the given ranges, which become wider where they are nothing.
func newAxes(x0, x1, y0, y1 float64) *axes {
	widen := func(lo, hi float64) (float64, float64) {
		if hi > lo {
			return lo, hi
		}
		return lo - 0.5, lo + 0.5
	}
	a := &axes{}
	a.x0, a.x1 = widen(x0, x1)
	a.y0, a.y1 = widen(y0, y1)
	return a
}

func (a *axes) x(v float64) float64 {
	return marginLeft + (v-a.x0)/(a.x1-a.x0)*(pictureWidth-marginLeft-marginRight)
}

func (a *axes) y(v float64) float64 {
	return pictureHeight - marginBottom - (v-a.y0)/(a.y1-a.y0)*(pictureHeight-marginTop-marginBottom)
}

func (a *axes) printf(format string, args ...any) { fmt.Fprintf(&a.b, format, args...) }

// ticks are round numbers within a range.
func ticks(lo, hi float64) []float64 {
	step := math.Pow(10, math.Floor(math.Log10((hi-lo)/mostTicks)))
	for _, m := range []float64{1, 2, 5, 10} {
		if (hi-lo)/(m*step) <= mostTicks {
			step *= m
			break
		}
	}
	var all []float64
	const slack = 1e-9 // for rounding errors, in steps
	for k := math.Ceil(lo/step - slack); k <= hi/step+slack; k++ {
		all = append(all, k*step+0) // -0 is 0
	}
	return all
}

// tickText prints a tick, without the rounding errors of multiples.
func tickText(v float64) string {
	if math.Abs(v) >= 1000 && v == math.Trunc(v) && math.Abs(v) < 1e9 {
		return grouped(int(v))
	}
	return strconv.FormatFloat(math.Round(v*1e9)/1e9+0, 'g', 6, 64)
}

// frame draws the axis of x with its title, a grid, and the axis of y unless its title is empty.
func (a *axes) frame(titleX, titleY string) {
	bottom := float64(pictureHeight - marginBottom)
	for _, v := range ticks(a.x0, a.x1) {
		a.printf(`<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%.1f"/><text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`,
			a.x(v), a.x(v), marginTop, bottom, a.x(v), bottom+16, tickText(v))
	}
	a.printf(`<line class="axis" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, marginLeft, pictureWidth-marginRight, bottom, bottom)
	a.printf(`<text x="%d" y="%d" text-anchor="middle">%s</text>`, (marginLeft+pictureWidth-marginRight)/2, pictureHeight-8, template.HTMLEscapeString(titleX))
	if titleY == "" {
		return
	}
	for _, v := range ticks(a.y0, a.y1) {
		a.printf(`<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`,
			marginLeft, pictureWidth-marginRight, a.y(v), a.y(v), marginLeft-6, a.y(v)+4, tickText(v))
	}
	middle := (marginTop + bottom) / 2
	a.printf(`<text x="12" y="%.1f" text-anchor="middle" transform="rotate(-90 12 %.1f)">%s</text>`, middle, middle, template.HTMLEscapeString(titleY))
}

// line draws a line through points.
func (a *axes) line(class string, x, y []float64) {
	a.printf(`<polyline class="line %s" points="`, class)
	for i := range x {
		a.printf("%.1f,%.1f ", a.x(x[i]), a.y(y[i]))
	}
	a.printf(`"/>`)
	if len(x) == 1 {
		a.printf(`<circle class="dot %s" cx="%.1f" cy="%.1f" r="3"/>`, class, a.x(x[0]), a.y(y[0]))
	}
}

// steps draws bars of equal width from x0 to x1 as one area, those that are too high cut off.
func (a *axes) steps(class string, heights []float64) {
	width := (a.x1 - a.x0) / float64(len(heights))
	a.printf(`<polygon class="area %s" points="%.1f,%.1f `, class, a.x(a.x0), a.y(0))
	for i, h := range heights {
		lo := a.x0 + float64(i)*width
		a.printf("%.1f,%.1f %.1f,%.1f ", a.x(lo), a.y(min(h, a.y1)), a.x(lo+width), a.y(min(h, a.y1)))
	}
	a.printf(`%.1f,%.1f"/>`, a.x(a.x1), a.y(0))
}

// interval draws a point with an interval in row i of n, named on the left.
func (a *axes) interval(class, name string, i, n int, low, point, high float64) {
	y := marginTop + (float64(i)+0.5)/float64(n)*(pictureHeight-marginTop-marginBottom)
	a.printf(`<text x="%d" y="%.1f" text-anchor="end">%s</text>`, marginLeft-6, y+4, template.HTMLEscapeString(name))
	a.printf(`<line class="line %s" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/><circle class="dot %s" cx="%.1f" cy="%.1f" r="4"/>`,
		class, a.x(low), a.x(high), y, y, class, a.x(point), y)
}

// svg returns the picture, which screen readers read as alt.
func (a *axes) svg(alt string) template.HTML {
	text := template.HTMLEscapeString(alt)
	return template.HTML(fmt.Sprintf(`<svg role="img" aria-label="%s" viewBox="0 0 %d %d" xmlns="http://www.w3.org/2000/svg"><title>%s</title>%s</svg>`,
		text, pictureWidth, pictureHeight, text, a.b.String()))
}

// seriesClass is the class of the colour of series i; every round of colours has other dashes.
func seriesClass(i int) string {
	return fmt.Sprintf("c%d d%d", i%seriesColours, i/seriesColours%3)
}
