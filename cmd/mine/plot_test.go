package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"gomine/mine"
)

// TestPlotFiles: each form is one that others read, and says the number; the answer stays what it is.
func TestPlotFiles(t *testing.T) {
	path := gaussian(t, "400")
	want := formed(t, path, "csv")
	d := decode(t, formed(t, path, "json"))
	for _, end := range plotFormats {
		out := filepath.Join(t.TempDir(), "curve"+end)
		if got := formed(t, path, "csv", "--plot", out); got != want {
			t.Errorf("%s: prints %q, want %q", end, got, want)
		}
		text := content(t, out)
		switch end {
		case ".png":
			img, err := png.Decode(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			// 178 mm at 180 dots an inch of 25.4 mm.
			if w := img.Bounds().Dx(); math.Abs(float64(w)-178/25.4*plotDPI) > 1 {
				t.Errorf("%d pixels wide", w)
			}
		case ".svg":
			for d := xml.NewDecoder(strings.NewReader(text)); ; {
				if _, err := d.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
			for _, want := range []string{"I(X;Z) = " + fixed(d.Estimate, decimals(d.StdErr)) + " nats", "training step", "bound on validation rows, nats", ": weight "} {
				if !strings.Contains(text, want) {
					t.Errorf("%q is not in the SVG", want)
				}
			}
		case ".pdf":
			if !strings.HasPrefix(text, "%PDF-1.") || !strings.HasSuffix(strings.TrimSpace(text), "%%EOF") {
				t.Errorf("no PDF: %.20q", text)
			}
		}
	}
}

// TestSVGPlaces: transforms act in the order in which they are said, and y goes down.
func TestSVGPlaces(t *testing.T) {
	c := newSVGCanvas(100, 50)
	c.Push()
	c.Translate(vg.Point{X: 10, Y: 20})
	c.Rotate(math.Pi / 2)
	c.Scale(2, 1)
	c.SetColor(color.RGBA{255, 128, 0, 255})
	c.Fill(vg.Path{{Type: vg.MoveComp, Pos: vg.Point{X: 5, Y: 3}}, {Type: vg.CloseComp}}) // (10, 3) turned is (-3, 10)
	c.Pop()
	c.SetLineDash([]vg.Length{4, 3}, 0)
	c.Stroke(vg.Path{{Type: vg.MoveComp}, {Type: vg.LineComp, Pos: vg.Point{X: 5, Y: 3}}})
	want := `<path d="M7.00 20.00Z" fill="#ff8000"/>
<path d="M0.00 50.00L5.00 47.00" fill="none" stroke="#000000" stroke-width="1.00" stroke-dasharray="4.00 3.00"/>
`
	if got := c.elements.String(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// TestPlotColours: a line is where its values are, and nothing of the legend is within the axes.
func TestPlotColours(t *testing.T) {
	r := sample()
	r.Critics[1].Curves = [][]mine.Point{{{Step: 100, Validation: 1}, {Step: 300, Validation: 2}, {Step: 500, Validation: -1e9}}}
	p := newCurvePlot(r, nats)
	if p.x1 != 500 || p.y0 < -2 || p.y0 > -1 || p.y1 < 2.883 { // what breaks down is cut off half as far below 0 as others are above
		t.Errorf("axes to %v, from %v to %v", p.x1, p.y0, p.y1)
	}
	width, height := p.size()
	canvas := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(72)) // a pixel a point
	p.draw(draw.New(canvas))
	img := canvas.Image()
	at := func(v vg.Point) color.Color { return img.At(int(v.X), int(float64(height)-float64(v.Y))) }
	blue := func(c color.Color) bool {
		r, _, b, _ := c.RGBA()
		return b > r+0x4000
	}
	if middle := p.at(200, 1.5); !blue(at(middle)) || blue(at(vg.Point{X: middle.X, Y: middle.Y + 9})) {
		t.Errorf("the line does not go through (200, 1.5): %v", at(middle))
	}
	foot := p.at(0, p.y0)
	if top := height - curveHeight + legendRow/2; top >= foot.Y {
		t.Errorf("the legend begins at %v, the axes at %v", top, foot.Y)
	}
	inBits := newCurvePlot(r, bits)
	if math.Abs(inBits.number-2.8423/math.Ln2) > 1e-12 || !strings.Contains(inBits.title, "4.101 bits, 95% interval 4.042 to 4.159") {
		t.Errorf("in bits: %v, %q", inBits.number, inBits.title)
	}
}

// TestPlotOfRace: candidates that the race left behind have lines, thinner and lighter than those of
// critics, and lengthen the axes.
func TestPlotOfRace(t *testing.T) {
	r := raced()
	r.Race[0].Curve[1] = mine.Point{Step: 900, Validation: 4}
	p := newCurvePlot(r, nats)
	if len(p.lines) != 4 || len(p.legend) != 4 || p.x1 != 900 || p.y1 < 4 {
		t.Fatalf("%d lines, legend %+v, axes to %v and %v, want two folds, two candidates, 900 and 4", len(p.lines), p.legend, p.x1, p.y1)
	}
	for i, want := range []string{"softplus, rank, dv: weight 0.90", "relu, standardize, dv: out of the race", "relu, standardize, js: diverged"} {
		if p.legend[i].name != want {
			t.Errorf("entry %d of the legend is %q, want %q", i, p.legend[i].name, want)
		}
	}
	if p.y0 > -1 {
		t.Errorf("the axis begins at %v, which leaves out -1", p.y0)
	}
	r.Race[2].Curve[0].Validation = 1
	if p := newCurvePlot(r, nats); p.y0 < 0.8 || p.y0 > 1 { // a twentieth of the range below the lowest
		t.Errorf("the axis of values from 1 to 4 begins at %v", p.y0)
	}
	critic, left := p.lines[0], p.lines[2]
	if left.width >= critic.width || left.points[1] != [2]float64{900, 4} || left.colour == critic.colour || left.colour == p.lines[3].colour {
		t.Errorf("the candidate's line is %+v, that of the critic %+v", left, critic)
	}
}

func TestWrongPlots(t *testing.T) {
	dir := t.TempDir()
	refused(t, []refusal{
		{of("absent.csv", "--plot", "curve.gif"), exitUsage, []string{"--plot", `"curve.gif"`, ".png, .svg, .pdf"}},
		{of("absent.csv", "--plot", ""), exitUsage, []string{"--plot", ".png, .svg, .pdf"}},
		{of("absent.csv", "--plot", "-"), exitUsage, []string{"--plot", ".png, .svg, .pdf"}},
		{of("absent.csv", "--plot", filepath.Join(dir, "sub", "a.svg")), exitError, []string{"--plot", "there is no folder"}},
		{of("absent.csv", "--plot", "a.svg", "--output", "./a.svg"), exitUsage, []string{"--plot and --output both are"}},
	})
	data := filepath.Join(dir, "data.svg")
	if err := os.WriteFile(data, bytes.Repeat([]byte("1,2\n"), 10), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, []refusal{{of(data, "--plot", data), exitUsage, []string{"--plot", "would replace the data"}}})
}
