package main

import (
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgpdf"

	"gomine/internal/wholefile"
	"gomine/mine"
)

// plotFormats are the forms of a plot, by the ends of names.
var plotFormats = []string{".png", ".svg", ".pdf"}

// plotFlag names the file that a plot of the training goes to.
type plotFlag struct{ outputFlag }

func (f *plotFlag) register(flags *pflag.FlagSet) {
	f.flag = "plot"
	flags.StringVar(&f.path, f.flag, "", "`FILE`.png, .svg or .pdf for a plot of the bounds of all critics, and of the candidates that the race left behind, while they were trained; never half written")
}

func (f *plotFlag) format() string { return strings.ToLower(filepath.Ext(f.path)) }

// check reports a file that cannot be written, or that something else is written to.
func (f *plotFlag) check(set *pflag.FlagSet, data []string, others ...outputFlag) error {
	if set.Changed(f.flag) && !slices.Contains(plotFormats, f.format()) {
		return usagef("--plot %q: want a name that ends in %s", f.path, strings.Join(plotFormats, ", "))
	}
	for _, other := range others {
		if f.toFile() && other.toFile() && filepath.Clean(other.path) == filepath.Clean(f.path) {
			return usagef("--plot and --%s both are %s: name two files", other.flag, f.path)
		}
	}
	return f.outputFlag.check(set, data)
}

// plotDPI is the resolution of a PNG: 1,260 pixels wide.
const plotDPI = 180

// write draws the plot, if there is a file for it.
func (f *plotFlag) write(r mine.Result, u unit) error {
	if !f.toFile() {
		return nil
	}
	p := newCurvePlot(r, u)
	width, height := p.size()
	var to canvas
	switch f.format() {
	case ".png":
		to = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(plotDPI))}
	case ".svg":
		to = newSVGCanvas(width, height)
	default:
		to = vgpdf.New(width, height)
	}
	p.draw(draw.New(to))
	return f.failed(wholefile.Write(f.path, func(w io.Writer) error {
		_, err := to.WriteTo(w)
		return err
	}))
}
