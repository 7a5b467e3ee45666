package main

import (
	"fmt"
	"image"
	"image/color"
	"io"
	"math"

	"gonum.org/v1/plot/palette"
	"gonum.org/v1/plot/palette/moreland"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"gomine/mine/pairwise"
)

// canvas is a picture that can be written to a file.
type canvas interface {
	vg.CanvasSizer
	io.WriterTo
}

func pngCanvas(width, height vg.Length) canvas {
	return vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(110))}
}

func scalableCanvas(width, height vg.Length) canvas { return newSVGCanvas(width, height) }

const (
	// mostNames is how many variables a heat map has names for.
	mostNames = 60
	// heatPixels is how many pixels the map itself has on a side, at least: a variable has a whole number
	// of them, so that no edge is blurred.
	heatPixels = 900
)

// heatColours go from white for 0 to black for 1.
func heatColours() palette.ColorMap {
	c := palette.Reverse(moreland.ExtendedBlackBody())
	c.SetMin(0)
	c.SetMax(1)
	return c
}

// heatMap draws the normalised information of all pairs: that of the networks or, where they were not
// asked, of the screen. Pairs that neither networks have estimated nor the screen leaves are white, as if
// there were none, and variables that do not vary grey.
func (t *pairTable) heatMap(w io.Writer, newCanvas func(width, height vg.Length) canvas) error {
	n := len(t.Variables)
	img, err := t.heatImage()
	if err != nil {
		return err
	}
	named := n <= mostNames
	cell, margin := 12*vg.Centimeter/vg.Length(n), 1*vg.Centimeter
	style := textStyle(curveFont)
	if named {
		cell = max(cell, 14) // points, a line of text
		for _, v := range t.Variables {
			margin = max(margin, style.Width(printable(v.Name))+4*heatGap)
		}
	}
	side := cell * vg.Length(n)
	const title, bar, numbers = 8 * vg.Millimeter, 5 * vg.Millimeter, 12 * vg.Millimeter
	to := newCanvas(margin+side+2*heatGap+bar+numbers, margin+side+title)
	c := draw.New(to)
	c.FillPolygon(color.White, []vg.Point{c.Min, {X: c.Max.X, Y: c.Min.Y}, c.Max, {X: c.Min.X, Y: c.Max.Y}})
	area := vg.Rectangle{Min: vg.Point{X: margin, Y: margin}, Max: vg.Point{X: margin + side, Y: margin + side}}
	c.DrawImage(area, img)
	c.FillText(style, vg.Point{X: margin, Y: area.Max.Y + title/2}, "Normalised mutual information")
	if named {
		t.heatNames(c, area, cell)
	} else {
		style.XAlign, style.YAlign = draw.XCenter, draw.YTop
		c.FillText(style, vg.Point{X: margin + side/2, Y: margin - heatGap}, fmt.Sprintf("%d variables, by their places in the file", n))
	}
	if err := heatLegend(c, vg.Rectangle{Min: vg.Point{X: area.Max.X + 2*heatGap, Y: margin}, Max: vg.Point{X: area.Max.X + 2*heatGap + bar, Y: area.Max.Y}}); err != nil {
		return err
	}
	_, err = to.WriteTo(w)
	return err
}

// heatGap is what is left between a map and what is written beside it.
const heatGap = vg.Length(5)

// heatNames writes the names of the variables, to the left of the map and below it.
func (t *pairTable) heatNames(c draw.Canvas, area vg.Rectangle, cell vg.Length) {
	left, below := textStyle(curveFont), textStyle(curveFont)
	left.XAlign = draw.XRight
	below.Rotation, below.XAlign = math.Pi/2, draw.XRight
	for i, v := range t.Variables {
		middle := (vg.Length(i) + 0.5) * cell
		c.FillText(left, vg.Point{X: area.Min.X - heatGap, Y: area.Max.Y - middle}, printable(v.Name))
		c.FillText(below, vg.Point{X: area.Min.X + middle, Y: area.Min.Y - heatGap}, printable(v.Name))
	}
}

// heatLegend draws a bar of the colours, with numbers to its right.
func heatLegend(c draw.Canvas, area vg.Rectangle) error {
	const shades, numbers = 100, 5
	colours := heatColours()
	img := image.NewRGBA(image.Rect(0, 0, 1, shades))
	for y := range shades {
		paint, err := colours.At(1 - (float64(y)+0.5)/shades)
		if err != nil {
			return err
		}
		img.Set(0, y, paint)
	}
	c.DrawImage(area, img)
	style := textStyle(curveFont)
	for i := range numbers + 1 {
		share := float64(i) / numbers
		c.FillText(style, vg.Point{X: area.Max.X + heatGap, Y: area.Min.Y + vg.Length(share)*area.Size().Y}, fmt.Sprintf("%.1f", share))
	}
	return nil
}

// heatImage is the map without its axes: variables go to the right and down.
func (t *pairTable) heatImage() (image.Image, error) {
	n := len(t.Variables)
	size := (heatPixels + n - 1) / n
	img := image.NewRGBA(image.Rect(0, 0, n*size, n*size))
	colours := heatColours()
	empty := make([]bool, n)
	for _, v := range t.Empty {
		empty[v] = true
	}
	for a := range n {
		for b := a; b < n; b++ {
			var paint color.Color = color.Gray{Y: 200}
			if a != b && !empty[a] && !empty[b] {
				k, seen := pairwise.Index(a, b, n), 0.0
				if t.estimated(k) || t.Pairs[k].QValue <= t.FDR {
					seen = pairwise.Normalised(t.information(k))
				}
				var err error
				if paint, err = colours.At(seen); err != nil {
					return nil, err
				}
			}
			c := color.RGBAModel.Convert(paint).(color.RGBA)
			for y := range size {
				for x := range size {
					img.SetRGBA(b*size+x, a*size+y, c)
					img.SetRGBA(a*size+x, b*size+y, c)
				}
			}
		}
	}
	return img, nil
}
