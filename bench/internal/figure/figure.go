// Package figure draws the pictures of the benchmark suite: curves with bands,
// clouds of points, and sheets of small pictures, as PNG files.
package figure

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gomine/bench/internal/report"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// A Curve is a line through points, with a band round it if Low and High are
// given, of the length of X.
type Curve struct {
	Name      string
	X, Y      []float64
	Low, High []float64
	Reference bool // a known truth or somebody else's figures: black and dashed
	Points    bool // points without a line
}

// AddBand adds to a curve the mean of values at x, and a standard deviation each
// way.
func (c *Curve) AddBand(x float64, values []float64) {
	mean, sd := stat.Mean(values, nil), report.Spread(values)
	c.X, c.Y = append(c.X, x), append(c.Y, mean)
	c.Low, c.High = append(c.Low, mean-sd), append(c.High, mean+sd)
}

// A Panel is one coordinate system.
type Panel struct {
	Title, X, Y string
	LogX, LogY  bool
	Square      bool // the same range on both axes, and no wider than high
	LegendRight bool // where curves fall
	Curves      []Curve
}

const (
	panelWidth  = 12 * vg.Centimeter
	panelHeight = 9 * vg.Centimeter
	dpi         = 110
)

// The Okabe-Ito colours, which people with any colour vision can tell apart.
var colours = []color.RGBA{
	{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255},
	{230, 159, 0, 255}, {86, 180, 233, 255}, {120, 94, 40, 255},
}

// Save draws panels on a PNG, columns of them in a row.
func Save(path string, columns int, panels ...Panel) error {
	rows := (len(panels) + columns - 1) / columns
	grid := make([][]*plot.Plot, rows)
	width := panelWidth
	for i := range grid {
		grid[i] = make([]*plot.Plot, columns)
	}
	for i, panel := range panels {
		p, err := panel.plot()
		if err != nil {
			return fmt.Errorf("figure %s: %w", path, err)
		}
		grid[i/columns][i%columns] = p
		if panel.Square {
			width = panelHeight
		}
	}
	canvas := vgimg.NewWith(vgimg.UseWH(width*vg.Length(columns), panelHeight*vg.Length(rows)), vgimg.UseDPI(dpi))
	all := draw.New(canvas)
	tiles := draw.Tiles{Rows: rows, Cols: columns, PadX: vg.Millimeter * 4, PadY: vg.Millimeter * 4,
		PadTop: vg.Millimeter * 2, PadBottom: vg.Millimeter * 2, PadLeft: vg.Millimeter * 2, PadRight: vg.Millimeter * 3}
	canvases := plot.Align(grid, tiles, all)
	for i, row := range grid {
		for j, p := range row {
			if p != nil {
				p.Draw(canvases[i][j])
			}
		}
	}
	return writePNG(path, vgimg.PngCanvas{Canvas: canvas})
}

func (panel Panel) plot() (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = panel.Title, panel.X, panel.Y
	p.Title.TextStyle.Font.Size, p.Title.Padding = vg.Points(11), vg.Points(4)
	p.Legend.Top, p.Legend.Left = true, !panel.LegendRight
	p.Legend.TextStyle.Font.Size = vg.Points(9)
	if panel.LogX {
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
	}
	if panel.LogY {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
	}
	if !panel.LogX {
		p.X.Tick.Marker = plot.TickerFunc(ticks)
	}
	if !panel.LogY {
		p.Y.Tick.Marker = plot.TickerFunc(ticks)
	}
	p.Add(plotter.NewGrid())
	next := 0
	for _, c := range panel.Curves {
		paint := color.RGBA{0, 0, 0, 255}
		if !c.Reference {
			paint = colours[next%len(colours)]
			next++
		}
		if err := c.add(p, paint); err != nil {
			return nil, fmt.Errorf("%s, %s: %w", panel.Title, c.Name, err)
		}
	}
	if panel.Square {
		p.X.Min = min(p.X.Min, p.Y.Min)
		p.X.Max = max(p.X.Max, p.Y.Max)
		p.Y.Min, p.Y.Max = p.X.Min, p.X.Max
	}
	return p, nil
}

// ticks marks the multiples of 1, 2 or 5 times a power of ten, some five of
// them.
func ticks(low, high float64) []plot.Tick {
	const most = 6
	step := math.Pow(10, math.Floor(math.Log10((high-low)/most)))
	for _, factor := range []float64{2, 2.5, 2} { // 2, 5 and 10 times the power of ten
		if (high-low)/step <= most {
			break
		}
		step *= factor
	}
	digits := max(0, -int(math.Floor(math.Log10(step))))
	var all []plot.Tick
	for i := math.Ceil(low/step) + 0; i*step <= high; i++ { // + 0 makes 0 of -0
		all = append(all, plot.Tick{Value: i * step, Label: fmt.Sprintf("%.*f", digits, i*step)})
	}
	return all
}

// logTicks marks the multiples of powers of ten in a range and labels the
// powers, and where there are fewer than two of these 2 and 5 times them too. Ticks
// outside, which plot.LogTicks has, would take room from the panel.
func logTicks(low, high float64) []plot.Tick {
	var all []plot.Tick
	powers := 0
	for e := math.Floor(math.Log10(low)); math.Pow(10, e) <= high; e++ {
		for m := 1.0; m < 10; m++ {
			v := m * math.Pow(10, e)
			if v < low || v > high {
				continue
			}
			t := plot.Tick{Value: v}
			if m == 1 {
				powers++
				t.Label = fmt.Sprintf("%.4g", v)
			}
			all = append(all, t)
		}
	}
	for i, t := range all {
		e := math.Floor(math.Log10(t.Value) + 1e-9)
		if m := math.Round(t.Value / math.Pow(10, e)); powers < 2 && (m == 2 || m == 5) {
			all[i].Label = fmt.Sprintf("%.4g", t.Value)
		}
	}
	return all
}

func (c Curve) add(p *plot.Plot, paint color.RGBA) error {
	for _, v := range [][]float64{c.X, c.Y, c.Low, c.High} {
		if slices.ContainsFunc(v, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }) {
			return fmt.Errorf("a value is not finite: %v", v)
		}
	}
	if len(c.X) == 0 {
		return nil
	}
	points := make(plotter.XYs, len(c.X))
	for i := range points {
		points[i].X, points[i].Y = c.X[i], c.Y[i]
	}
	if c.Points {
		cloud, err := plotter.NewScatter(points)
		if err != nil {
			return err
		}
		cloud.GlyphStyle = draw.GlyphStyle{Color: paint, Radius: vg.Points(1.4), Shape: draw.CircleGlyph{}}
		p.Add(cloud)
		if c.Name != "" {
			p.Legend.Add(c.Name, cloud)
		}
		return nil
	}
	if c.Low != nil {
		band := make(plotter.XYs, 0, 2*len(c.X))
		for i, x := range c.X {
			band = append(band, plotter.XY{X: x, Y: c.Low[i]})
		}
		for i := len(c.X) - 1; i >= 0; i-- {
			band = append(band, plotter.XY{X: c.X[i], Y: c.High[i]})
		}
		area, err := plotter.NewPolygon(band)
		if err != nil {
			return err
		}
		area.Color = color.NRGBA{paint.R, paint.G, paint.B, 50}
		area.LineStyle.Width = 0
		p.Add(area)
	}
	line, dots, err := plotter.NewLinePoints(points)
	if err != nil {
		return err
	}
	line.Color, line.Width = paint, vg.Points(1.3)
	dots.GlyphStyle = draw.GlyphStyle{Color: paint, Radius: vg.Points(1.6), Shape: draw.CircleGlyph{}}
	p.Add(line)
	if c.Reference {
		line.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
		p.Legend.Add(c.Name, line)
		return nil
	}
	p.Add(dots)
	p.Legend.Add(c.Name, line, dots)
	return nil
}
