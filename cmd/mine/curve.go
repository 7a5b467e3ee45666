package main

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"sync"

	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"gomine/mine"
)

// A curvePlot has the validation bounds of all critics while they were trained, and the estimate
// with its interval. It is drawn on gonum's canvases, but with axes of our own: those of package
// plot bring twelve fonts with them, 4.4 MB in a program of 25.
type curvePlot struct {
	unit              unit
	title             string
	x0, x1, y0, y1    float64 // ranges of the axes
	lines             []curveLine
	legend            []curveEntry
	low, number, high float64 // the estimate and its interval
}

// curveLine is a critic on a fold, or a candidate in the race.
type curveLine struct {
	colour color.Color
	width  vg.Length
	points [][2]float64
}

type curveEntry struct {
	colour color.Color
	width  vg.Length
	name   string
}

// curveColours are those of Okabe and Ito, which people with any colour vision tell apart, without
// the yellow one, and with two more for a race that keeps all.
var curveColours = []color.RGBA{
	{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255},
	{230, 159, 0, 255}, {86, 180, 233, 255}, {120, 94, 40, 255}, {110, 110, 110, 255},
}

// Sizes of a plot.
const (
	curveWidth, curveHeight = 178 * vg.Millimeter, 95 * vg.Millimeter // of all but the legend
	curveLeft, curveRight   = 17 * vg.Millimeter, 5 * vg.Millimeter
	curveTop, curveBottom   = 11 * vg.Millimeter, 15 * vg.Millimeter
	legendRow               = 5 * vg.Millimeter
	legendColumns           = 2
	criticWidth, leftWidth  = vg.Length(1), vg.Length(0.6) // of lines: critics, and candidates that the race left behind
	curveFont, titleFont    = vg.Length(9), vg.Length(11)  // in points, as all lengths are
)

// newCurvePlot puts together what is drawn.
func newCurvePlot(r mine.Result, u unit) curvePlot {
	number, _ := headline(r, u)
	p := curvePlot{unit: u, x1: 1, low: u.of(r.Low), number: u.of(r.Estimate), high: u.of(r.High)}
	p.title = fmt.Sprintf("%s, %s interval %s to %s", number, percent(r.Config.Confidence),
		fixed(p.low, decimals(u.of(r.StdErr))), fixed(p.high, decimals(u.of(r.StdErr))))
	p.y0, p.y1 = p.low, math.Max(0, p.high)
	for _, c := range heaviestFirst(r.Critics) {
		if !c.Reference && len(c.Curves) > 0 {
			e := curveEntry{p.nextColour(), criticWidth, fmt.Sprintf("%v: weight %.2f", c.Candidate, c.Weight)}
			p.add(e, c.Curves...)
		}
	}
	for _, left := range leftBehind(r) {
		if len(left.Curve) > 0 {
			p.add(curveEntry{muted(p.nextColour()), leftWidth, left.Candidate.String() + ": " + reasonOf(left)}, left.Curve)
		}
	}
	p.legend = append(p.legend, curveEntry{name: "the estimate on test rows, and its interval"})
	p.y0, p.y1 = boundRange(p.y0, p.y1)
	return p
}

// nextColour is that of the next entry of the legend.
func (p *curvePlot) nextColour() color.RGBA { return curveColours[len(p.legend)%len(curveColours)] }

// muted is a colour a third of the way to white.
func muted(c color.RGBA) color.RGBA {
	return color.RGBA{85 + c.R/3*2, 85 + c.G/3*2, 85 + c.B/3*2, 255}
}

// add adds the lines of an entry of the legend, for which the axes become longer.
func (p *curvePlot) add(e curveEntry, curves ...[]mine.Point) {
	p.legend = append(p.legend, e)
	for _, curve := range curves {
		l := curveLine{colour: e.colour, width: e.width}
		for _, point := range curve {
			v := p.unit.of(point.Validation)
			l.points = append(l.points, [2]float64{float64(point.Step), v})
			p.y0, p.y1 = math.Min(p.y0, v), math.Max(p.y1, v)
			p.x1 = math.Max(p.x1, float64(point.Step))
		}
		p.lines = append(p.lines, l)
	}
}

// size is that of the picture: the legend stands below the plot, where it covers nothing.
func (p curvePlot) size() (width, height vg.Length) {
	rows := (len(p.legend) + legendColumns - 1) / legendColumns
	return curveWidth, curveHeight + legendRow*vg.Length(rows) + 2*vg.Millimeter
}

// at is where a point of the plot is, a bound below the range on its edge.
func (p curvePlot) at(x, y float64) vg.Point {
	_, height := p.size()
	bottom := height - curveHeight + curveBottom
	return vg.Point{
		X: curveLeft + vg.Length((x-p.x0)/(p.x1-p.x0))*(curveWidth-curveLeft-curveRight),
		Y: bottom + vg.Length((math.Max(y, p.y0)-p.y0)/(p.y1-p.y0))*(curveHeight-curveTop-curveBottom),
	}
}

// draw draws the plot on a white ground.
func (p curvePlot) draw(c draw.Canvas) {
	c.FillPolygon(color.White, []vg.Point{c.Min, {X: c.Max.X, Y: c.Min.Y}, c.Max, {X: c.Min.X, Y: c.Max.Y}})
	band := color.RGBA{225, 225, 225, 255}
	c.FillPolygon(band, []vg.Point{p.at(p.x0, p.low), p.at(p.x1, p.low), p.at(p.x1, p.high), p.at(p.x0, p.high)})
	p.axes(c)
	for _, l := range slices.Backward(p.lines) { // the heaviest critics on top
		points := make([]vg.Point, len(l.points))
		for i, v := range l.points {
			points[i] = p.at(v[0], v[1])
			c.DrawGlyph(draw.GlyphStyle{Color: l.colour, Radius: l.width, Shape: draw.CircleGlyph{}}, points[i])
		}
		c.StrokeLines(draw.LineStyle{Color: l.colour, Width: l.width}, points)
	}
	c.StrokeLine2(estimateLine, p.at(p.x0, p.number).X, p.at(p.x0, p.number).Y, p.at(p.x1, p.number).X, p.at(p.x1, p.number).Y)
	_, height := p.size()
	style := textStyle(curveFont)
	for i, e := range p.legend {
		x := curveLeft + vg.Length(i%legendColumns)*(curveWidth-curveLeft-curveRight)/legendColumns
		y := height - curveHeight - vg.Length(i/legendColumns)*legendRow
		line := draw.LineStyle{Color: e.colour, Width: 2 * e.width}
		if i == len(p.legend)-1 {
			line = estimateLine
			c.FillPolygon(band, []vg.Point{{X: x, Y: y - 4}, {X: x + 20, Y: y - 4}, {X: x + 20, Y: y + 4}, {X: x, Y: y + 4}})
		}
		c.StrokeLine2(line, x, y, x+20, y)
		c.FillText(style, vg.Point{X: x + 25, Y: y}, e.name)
	}
}

var estimateLine = draw.LineStyle{Color: color.Black, Width: vg.Points(1), Dashes: []vg.Length{vg.Points(4), vg.Points(3)}}

// axes draws a grid with its numbers, the names of the axes and the title.
func (p curvePlot) axes(c draw.Canvas) {
	grid := draw.LineStyle{Color: color.RGBA{205, 205, 205, 255}, Width: vg.Points(0.4)}
	style := textStyle(curveFont)
	below := style
	below.XAlign, below.YAlign = draw.XCenter, draw.YTop
	for _, v := range ticks(p.x0, p.x1) {
		foot, head := p.at(v, p.y0), p.at(v, p.y1)
		c.StrokeLine2(grid, foot.X, foot.Y, head.X, head.Y)
		c.FillText(below, vg.Point{X: foot.X, Y: foot.Y - 4}, tickText(v))
	}
	left := style
	left.XAlign = draw.XRight
	for _, v := range ticks(p.y0, p.y1) {
		from, to := p.at(p.x0, v), p.at(p.x1, v)
		c.StrokeLine2(grid, from.X, from.Y, to.X, to.Y)
		c.FillText(left, vg.Point{X: from.X - 4, Y: from.Y}, tickText(v))
	}
	corner, end := p.at(p.x0, p.y0), p.at(p.x1, p.y1)
	axis := draw.LineStyle{Color: color.Black, Width: vg.Points(0.7)}
	c.StrokeLine2(axis, corner.X, corner.Y, end.X, corner.Y)
	c.FillText(below, vg.Point{X: (corner.X + end.X) / 2, Y: corner.Y - 18}, "training step")
	turned := style
	turned.Rotation, turned.XAlign = math.Pi/2, draw.XCenter
	c.FillText(turned, vg.Point{X: 4 * vg.Millimeter, Y: (corner.Y + end.Y) / 2}, "bound on validation rows, "+string(p.unit))
	title := textStyle(titleFont)
	c.FillText(title, vg.Point{X: corner.X, Y: end.Y + 5*vg.Millimeter}, p.title)
}

// textStyle is that of texts of a size, left of which and in the middle of whose height they are
// placed.
func textStyle(size vg.Length) draw.TextStyle {
	return draw.TextStyle{
		Color: color.Black, Font: font.Font{Typeface: "Go", Size: size}, YAlign: draw.YCenter,
		Handler: text.Plain{Fonts: curveFonts()},
	}
}

// curveFonts has Go's own font, of x/image, alone.
var curveFonts = sync.OnceValue(func() *font.Cache {
	face, err := opentype.Parse(goregular.TTF)
	if err != nil {
		panic(err) // it is part of the program
	}
	return font.NewCache(font.Collection{{Font: font.Font{Typeface: "Go"}, Face: face}})
})
