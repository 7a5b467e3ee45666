package gan

import (
	"fmt"
	"slices"

	"gomine/bench/internal/figure"
	"gomine/bench/internal/report"
	"gomine/mine/backend"
)

// ganResults is what such an experiment records.
type ganResults struct {
	Config ganConfig `json:"config"`
	Least  int       `json:"least"` // rows that make a mode a covered one
	// ClassifierError is that of what tells digits, on pictures that it was not
	// trained on; only where there is one.
	ClassifierError float64  `json:"classifier_error,omitempty"`
	Runs            []ganRun `json:"runs"`
}

// ways returns the runs without information and those with it.
func (r ganResults) ways() [2][]ganRun {
	var ways [2][]ganRun
	for _, run := range r.Runs {
		if run.Weight == 0 {
			ways[0] = append(ways[0], run)
		} else {
			ways[1] = append(ways[1], run)
		}
	}
	return ways
}

var wayNames = [2]string{"without", "with"}

// table has a line for every run, and the medians.
func (r ganResults) table(modes string) string {
	t := report.NewTable("information", "seed", modes, "share near", "divergence from even", "bound (nats)")
	for way, runs := range r.ways() {
		var values [4][]float64
		for _, run := range runs {
			p := run.last()
			for i, v := range []float64{float64(p.Modes), p.Near, p.KL, p.Bound} {
				values[i] = append(values[i], v)
			}
			t.AppendRow([]any{wayNames[way], run.Seed, fmt.Sprintf("%d of %d", p.Modes, p.Of),
				fmt.Sprintf("%.3f", p.Near), fmt.Sprintf("%.3f", p.KL), fmt.Sprintf("%.2f ± %.2f", p.Bound, p.StdErr)})
		}
		if len(runs) == 0 {
			continue
		}
		t.AppendRow([]any{wayNames[way], "median", fmt.Sprintf("%g", report.Median(values[0])),
			fmt.Sprintf("%.3f", report.Median(values[1])), fmt.Sprintf("%.3f", report.Median(values[2])), fmt.Sprintf("%.2f", report.Median(values[3]))})
	}
	return t.RenderMarkdown()
}

// curves are the modes, the share near one and the bound over time: means over
// the seeds in bands from the least to the largest. Where a classifier puts every
// row into a mode, the divergence stands in place of that share.
func (r ganResults) curves(modes string) []figure.Panel {
	type quantity struct {
		title string
		of    func(p ganPoint) float64
	}
	second := quantity{"share of samples near any", func(p ganPoint) float64 { return p.Near }}
	if r.ClassifierError != 0 {
		second = quantity{"divergence from even (nats)", func(p ganPoint) float64 { return p.KL }}
	}
	var panels []figure.Panel
	for _, c := range []quantity{
		{modes + " covered", func(p ganPoint) float64 { return float64(p.Modes) }},
		second,
		{"information of code and output (nats)", func(p ganPoint) float64 { return p.Bound }},
	} {
		panel := figure.Panel{Title: c.title, X: "step", Y: c.title}
		for way, runs := range r.ways() {
			curve := figure.Curve{Name: wayNames[way] + " information"}
			for k := range r.Config.Points {
				var v []float64
				for _, run := range runs {
					v = append(v, c.of(run.Points[k]))
				}
				var mean float64
				for _, x := range v {
					mean += x / float64(len(v))
				}
				curve.X = append(curve.X, float64(runs[0].Points[k].Step))
				curve.Y = append(curve.Y, mean)
				curve.Low, curve.High = append(curve.Low, slices.Min(v)), append(curve.High, slices.Max(v))
			}
			panel.Curves = append(panel.Curves, curve)
		}
		panels = append(panels, panel)
	}
	return panels
}

// samples are rows of the law and what the first seed's generators make.
func (r ganResults) samples(real backend.Matrix) []figure.Panel {
	panels := []figure.Panel{cloud("data", real)}
	for way, runs := range r.ways() {
		panels = append(panels, cloud(fmt.Sprintf("%s information, seed %d", wayNames[way], runs[0].Seed), runs[0].sample))
	}
	return panels
}

// cloud shows the first rows of two columns.
func cloud(title string, x backend.Matrix) figure.Panel {
	const most = 1500
	c := figure.Curve{Points: true}
	for i := range min(x.Rows, most) {
		c.X, c.Y = append(c.X, float64(x.Row(i)[0])), append(c.Y, float64(x.Row(i)[1]))
	}
	return figure.Panel{Title: title, X: "column 1", Y: "column 2", Square: true, Curves: []figure.Curve{c}}
}
