package main

import (
	"image"
	"image/color"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/palette"
	"gonum.org/v1/plot/palette/moreland"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

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

func svgCanvas(width, height vg.Length) canvas { return vgsvg.New(width, height) }

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
	p := plot.New()
	p.Title.Text = "Normalised mutual information"
	p.Add(plotter.NewImage(img, -0.5, -0.5, float64(n)-0.5, float64(n)-0.5))
	cell, margin := 12*vg.Centimeter/vg.Length(n), 2*vg.Centimeter
	if n <= mostNames {
		var across, down []plot.Tick
		longest := 0
		for v, variable := range t.Variables {
			name := printable(variable.Name)
			longest = max(longest, len(name))
			across = append(across, plot.Tick{Value: float64(v), Label: name})
			down = append(down, plot.Tick{Value: float64(n - 1 - v), Label: name})
		}
		p.X.Tick.Marker, p.Y.Tick.Marker = plot.ConstantTicks(across), plot.ConstantTicks(down)
		p.X.Tick.Label.Rotation, p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = 1.5707963, text.XRight, text.YCenter
		cell = max(cell, 14) // points, a line of text
		margin += vg.Length(longest) * 5.5
	} else {
		p.X.Label.Text = "variable, by its place in the file"
		p.Y.Tick.Marker = plot.ConstantTicks(nil)
	}
	side := cell*vg.Length(n) + margin
	const bar, gap = 2 * vg.Centimeter, vg.Length(6)
	c := newCanvas(side+bar, side)
	area := draw.New(c)
	p.Draw(draw.Crop(area, gap, -bar-gap, 0, 0))
	legend := plot.New()
	legend.Add(&plotter.ColorBar{ColorMap: heatColours(), Vertical: true})
	legend.HideX()
	legend.Draw(draw.Crop(area, side, -gap, gap, -3*gap))
	_, err = c.WriteTo(w)
	return err
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
