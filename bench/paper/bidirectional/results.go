package bidirectional

import (
	"fmt"
	"math"
	"path/filepath"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"gomine/bench/internal/experiment"
	"gomine/bench/internal/figure"
	"gomine/bench/internal/report"
	"gomine/bench/paper/internal/nets"
	"gomine/mine/backend"
)

// sheetColumns are the digits in a row of the sheet.
const sheetColumns = 20

// inferenceResults lays out a table, a picture and a sheet of digits.
func inferenceResults(subjects []subject, methods []string, size inferenceSizes, all []inferenceRun) experiment.Results {
	text := report.NewTable("rows", "training", "reconstruction error", "spread", "of codes", "spread", "codes' distance from the prior", "spread", "modes")
	var panels []figure.Panel
	for _, s := range subjects {
		errorPanel := figure.Panel{Title: s.Name, X: "step", Y: "reconstruction error", LegendRight: true}
		priorPanel := figure.Panel{Title: s.Name, X: "step", Y: "codes from the prior", LegendRight: true}
		for _, method := range methods {
			runs := runsOf(all, s.Name, method)
			row := []any{s.Name, method}
			for _, f := range inferenceMeasures {
				v := make([]float64, len(runs))
				for i, r := range runs {
					v[i] = f(r.last())
				}
				row = append(row, fmt.Sprintf("%.4f", stat.Mean(v, nil)), fmt.Sprintf("%.4f", report.Spread(v)))
			}
			if s.modes != nil {
				var modes float64
				for _, r := range runs {
					modes += float64(r.last().Covered.Modes) / float64(len(runs))
				}
				row = append(row, fmt.Sprintf("%.1f of %d", modes, grid.Modes()))
			}
			text.AppendRow(row)
			errorPanel.Curves = append(errorPanel.Curves, inferenceCurve(method, runs, inferenceMeasures[0]))
			priorPanel.Curves = append(priorPanel.Curves, inferenceCurve(method, runs, inferenceMeasures[2]))
		}
		for _, p := range []*figure.Panel{&errorPanel, &priorPanel} {
			logarithmic(p)
			panels = append(panels, *p)
		}
	}
	const note = "Means over seeds, and standard deviations; errors of test rows in units of the variance.\n\n"
	const name = "bidirectional"
	return experiment.Results{Name: name, Data: struct {
		Sizes inferenceSizes `json:"sizes"`
		Runs  []inferenceRun `json:"runs"`
	}{size, all}, Markdown: note + text.RenderMarkdown(), Pictures: func(dir string) error {
		if err := figure.Save(filepath.Join(dir, name+".png"), 2, panels...); err != nil {
			return err
		}
		for _, s := range subjects {
			if s.side == 0 {
				continue
			}
			// Test rows, and what comes back of them in the run of the first seed.
			sheet := pictures(nets.RowsOf(s.test, 0, min(sheetColumns, s.test.Rows)))
			for _, method := range methods {
				sheet = append(sheet, pictures(runsOf(all, s.Name, method)[0].sheet)...)
			}
			if err := figure.SaveSheet(filepath.Join(dir, name+"-"+s.Name+".png"), sheet, s.side, sheetColumns, 3); err != nil {
				return err
			}
		}
		return nil
	}}
}

// inferenceMeasures are those of the table.
var inferenceMeasures = []func(inferred) float64{
	func(r inferred) float64 { return r.Reconstruction },
	func(r inferred) float64 { return r.Code },
	func(r inferred) float64 { return r.Frechet },
}

func runsOf(all []inferenceRun, law, method string) (runs []inferenceRun) {
	for _, r := range all {
		if r.Law == law && r.Method == method {
			runs = append(runs, r)
		}
	}
	return runs
}

// inferenceCurve returns the mean of runs over the steps, from the first look
// after the start on, in a band of one standard deviation each way.
func inferenceCurve(name string, runs []inferenceRun, f func(inferred) float64) figure.Curve {
	c := figure.Curve{Name: name}
	for k, at := range runs[0].Curve[1:] {
		v := make([]float64, len(runs))
		for i, r := range runs {
			v[i] = f(r.Curve[k+1])
		}
		c.AddBand(float64(at.Step), v)
	}
	return c
}

// logarithmic gives a panel a logarithmic axis if its curves, which are
// positive, span more than a decade, and then cuts the bands a decade below them.
func logarithmic(p *figure.Panel) {
	low, high := math.Inf(1), 0.0
	for _, c := range p.Curves {
		low, high = min(low, floats.Min(c.Y)), max(high, floats.Max(c.Y))
	}
	if p.LogY = low > 0 && high > 10*low; !p.LogY {
		return
	}
	for _, c := range p.Curves {
		for i, y := range c.Y {
			c.Low[i] = max(c.Low[i], y/10)
		}
	}
}

// pictures returns the rows of digits from -1 to 1 as pictures from 0 to 1.
func pictures(m backend.Matrix) [][]float32 {
	all := make([][]float32, m.Rows)
	for i := range all {
		all[i] = make([]float32, m.Cols)
		for j, v := range m.Row(i) {
			all[i][j] = (v + 1) / 2
		}
	}
	return all
}
