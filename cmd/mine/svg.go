package main

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"strings"

	"golang.org/x/image/font/gofont/goregular"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// An svgCanvas is a vg.Canvas that writes SVG, with the font in it, in which texts have the
// places that they were given. (That of gonum stands on a library under a Creative Commons licence.)
type svgCanvas struct {
	width, height vg.Length
	elements      bytes.Buffer
	state         svgState
	stack         []svgState
}

// svgState is what Push saves.
type svgState struct {
	colour color.Color
	width  vg.Length
	dashes []vg.Length
	// (x, y) is at (m[0]x + m[2]y + m[4], m[1]x + m[3]y + m[5]), from the lower left corner.
	m [6]float64
}

func newSVGCanvas(width, height vg.Length) *svgCanvas {
	return &svgCanvas{width: width, height: height, state: svgState{colour: color.Black, width: 1, m: [6]float64{1, 0, 0, 1, 0, 0}}}
}

func (c *svgCanvas) Size() (x, y vg.Length)                      { return c.width, c.height }
func (c *svgCanvas) SetLineWidth(w vg.Length)                    { c.state.width = w }
func (c *svgCanvas) SetLineDash(dashes []vg.Length, _ vg.Length) { c.state.dashes = dashes }
func (c *svgCanvas) Push()                                       { c.stack = append(c.stack, c.state) }
func (c *svgCanvas) Rotate(rad float64) {
	sin, cos := math.Sincos(rad)
	c.apply(cos, sin, -sin, cos, 0, 0)
}
func (c *svgCanvas) Translate(p vg.Point) { c.apply(1, 0, 0, 1, float64(p.X), float64(p.Y)) }
func (c *svgCanvas) Scale(x, y float64)   { c.apply(x, 0, 0, y, 0, 0) }
func (c *svgCanvas) Pop()                 { last := len(c.stack) - 1; c.state, c.stack = c.stack[last], c.stack[:last] }

func (c *svgCanvas) SetColor(colour color.Color) {
	if c.state.colour = colour; colour == nil {
		c.state.colour = color.Black
	}
}

// apply lets a transform act before those that there are.
func (c *svgCanvas) apply(t0, t1, t2, t3, t4, t5 float64) {
	m := c.state.m
	c.state.m = [6]float64{
		m[0]*t0 + m[2]*t1, m[1]*t0 + m[3]*t1, m[0]*t2 + m[2]*t3, m[1]*t2 + m[3]*t3,
		m[0]*t4 + m[2]*t5 + m[4], m[1]*t4 + m[3]*t5 + m[5],
	}
}

// at is where a point is in SVG, from the upper left corner.
func (c *svgCanvas) at(p vg.Point) (x, y float64) {
	m := c.state.m
	return m[0]*float64(p.X) + m[2]*float64(p.Y) + m[4],
		float64(c.height) - (m[1]*float64(p.X) + m[3]*float64(p.Y) + m[5])
}

// path is a path in the words of SVG. Arcs are those of dots: corners are as good.
func (c *svgCanvas) path(p vg.Path) string {
	var b strings.Builder
	to := func(command string, pt vg.Point) {
		x, y := c.at(pt)
		fmt.Fprintf(&b, "%s%.2f %.2f", command, x, y)
	}
	for _, part := range p {
		switch part.Type {
		case vg.MoveComp:
			to("M", part.Pos)
		case vg.LineComp:
			to("L", part.Pos)
		case vg.ArcComp:
			const corners = 16
			for i := range corners + 1 {
				sin, cos := math.Sincos(part.Start + part.Angle*float64(i)/corners)
				command := "L"
				if b.Len() == 0 {
					command = "M"
				}
				to(command, vg.Point{X: part.Pos.X + part.Radius*vg.Length(cos), Y: part.Pos.Y + part.Radius*vg.Length(sin)})
			}
		case vg.CurveComp:
			command := "Q"
			if len(part.Control) == 2 {
				command = "C"
			}
			for _, control := range part.Control {
				to(command, control)
				command = " "
			}
			to(" ", part.Pos)
		case vg.CloseComp:
			b.WriteString("Z")
		}
	}
	return b.String()
}

// paint is the present colour.
func (c *svgCanvas) paint() string {
	n := color.NRGBAModel.Convert(c.state.colour).(color.NRGBA)
	return fmt.Sprintf("#%02x%02x%02x", n.R, n.G, n.B)
}

func (c *svgCanvas) Fill(p vg.Path) {
	fmt.Fprintf(&c.elements, "<path d=\"%s\" fill=\"%s\"/>\n", c.path(p), c.paint())
}

func (c *svgCanvas) Stroke(p vg.Path) {
	if c.state.width <= 0 {
		return
	}
	dashes := ""
	for i, d := range c.state.dashes {
		if i == 0 {
			dashes = ` stroke-dasharray="`
		}
		dashes += fmt.Sprintf("%.2f ", float64(d))
	}
	if dashes != "" {
		dashes = strings.TrimRight(dashes, " ") + `"`
	}
	fmt.Fprintf(&c.elements, "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"%.2f\"%s/>\n", c.path(p), c.paint(), float64(c.state.width), dashes)
}

func (c *svgCanvas) FillString(f font.Face, p vg.Point, text string) {
	x, y := c.at(p)
	m := c.state.m
	fmt.Fprintf(&c.elements, `<text transform="matrix(%.4f %.4f %.4f %.4f %.2f %.2f)" font-size="%.2f" fill="%s">`,
		m[0], -m[1], -m[2], m[3], x, y, float64(f.Font.Size), c.paint())
	_ = xml.EscapeText(&c.elements, []byte(text)) // a buffer takes all
	c.elements.WriteString("</text>\n")
}

// DrawImage draws an image whose pixels keep their edges, however large they are drawn.
func (c *svgCanvas) DrawImage(r vg.Rectangle, img image.Image) {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic("mine: an image without pixels is to be drawn: " + err.Error())
	}
	x, y := c.at(vg.Point{X: r.Min.X, Y: r.Max.Y})
	m := c.state.m
	fmt.Fprintf(&c.elements, `<image transform="matrix(%.4f %.4f %.4f %.4f %.2f %.2f)" width="%.2f" height="%.2f" preserveAspectRatio="none" image-rendering="pixelated" href="data:image/png;base64,%s"/>`+"\n",
		m[0], -m[1], -m[2], m[3], x, y, float64(r.Size().X), float64(r.Size().Y), base64.StdEncoding.EncodeToString(b.Bytes()))
}

// WriteTo writes the picture.
func (c *svgCanvas) WriteTo(w io.Writer) (int64, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.2fpt\" height=\"%.2fpt\" viewBox=\"0 0 %.2f %.2f\" font-family=\"Go, sans-serif\">\n",
		float64(c.width), float64(c.height), float64(c.width), float64(c.height))
	fmt.Fprintf(&b, "<style>@font-face{font-family:Go;src:url(data:font/ttf;base64,%s)}</style>\n", base64.StdEncoding.EncodeToString(goregular.TTF))
	b.Write(c.elements.Bytes())
	b.WriteString("</svg>\n")
	return b.WriteTo(w)
}
