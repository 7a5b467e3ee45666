package bottleneck

import (
	"fmt"
	"math"
	"path/filepath"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"gomine/bench/internal/digits"
	"gomine/bench/internal/experiment"
	"gomine/bench/internal/figure"
	"gomine/bench/internal/report"
)

// bottleneckResults lays out a table and a picture.
func bottleneckResults(recipes []recipe, size sizes, validate bool, train, judge digits.Set, all []trained) experiment.Results {
	judged := "test"
	if validate {
		judged = "validation"
	}
	of := func(r recipe) (runs []trained) {
		for _, t := range all {
			if t.Recipe == r.Name {
				runs = append(runs, t)
			}
		}
		return runs
	}
	text := report.NewTable("classifier", judged+" error", "spread", "lowest", "highest", "more than "+recipes[0].Name, "training error", "log-likelihood", "I(X;Z) from the code's law", "critic", "fresh estimate before", "after")
	errorPanel := figure.Panel{Title: "errors on " + judged + " rows", X: "epoch", Y: "share wrong (%)", LegendRight: true}
	infoPanel := figure.Panel{Title: "information of picture and code", X: "epoch", Y: "I(X;Z) at most (nats)"}
	var first []float64
	for _, r := range recipes {
		runs := of(r)
		ends := func(f func(moment) float64) []float64 {
			v := make([]float64, len(runs))
			for i, t := range runs {
				v[i] = f(t.last())
			}
			return v
		}
		wrong := ends(func(m moment) float64 { return 100 * m.Error })
		if first == nil {
			first = wrong
		}
		row := []any{r.Name, fmt.Sprintf("%.2f%%", stat.Mean(wrong, nil)), fmt.Sprintf("%.2f", report.Spread(wrong)),
			fmt.Sprintf("%.2f", floats.Min(wrong)), fmt.Sprintf("%.2f", floats.Max(wrong)), aboveFirst(wrong, first),
			fmt.Sprintf("%.2f%%", stat.Mean(ends(func(m moment) float64 { return 100 * m.Training }), nil)),
			fmt.Sprintf("%.3f", stat.Mean(ends(func(m moment) float64 { return m.Likelihood }), nil))}
		if r.Gaussian {
			low, high := stat.Mean(ends(func(m moment) float64 { return *m.Low }), nil), stat.Mean(ends(func(m moment) float64 { return *m.High }), nil)
			row = append(row, fmt.Sprintf("%.2f to %.2f", low, high))
			critic := ""
			if r.MINE > 0 {
				critic = fmt.Sprintf("%.2f", stat.Mean(ends(func(m moment) float64 { return *m.Critic }), nil))
			}
			row = append(row, critic)
			for _, f := range []*fresh{runs[0].Before, runs[0].After} {
				if f == nil {
					continue
				}
				row = append(row, fmt.Sprintf("%.2f ± %.2f", f.Estimate, f.StdErr))
			}
		}
		text.AppendRow(row)
		errorPanel.Curves = append(errorPanel.Curves, curveOf(r.Name, runs, 1, func(m moment) float64 { return 100 * m.Error }))
		information := figure.Curve{Name: r.Name} // empty, but every classifier keeps its colour
		if r.Gaussian {
			information = curveOf(r.Name, runs, 0, func(m moment) float64 { return *m.High })
		}
		infoPanel.Curves = append(infoPanel.Curves, information)
		if r.MINE > 0 {
			infoPanel.Curves = append(infoPanel.Curves, curveOf("MINE, its critic", runs, 0, func(m moment) float64 { return *m.Critic }))
		}
	}
	note := fmt.Sprintf("%d pictures to train on, %d to judge; means over seeds; spread is the standard deviation. How much\n"+
		"more is a mean over seeds with its standard error. Information in nats;\n"+
		"its lower bound from the code's law is at most ln 1000 = 6.91, fresh estimates are those of the first seed.\n\n", train.Pixels.Rows, judge.Pixels.Rows)
	const name = "bottleneck"
	return experiment.Results{Name: name, Data: struct {
		Recipes []recipe  `json:"recipes"`
		Sizes   sizes     `json:"sizes"`
		Rows    int       `json:"rows"`
		Judge   string    `json:"judged_by"`
		Of      int       `json:"judged_rows"`
		Runs    []trained `json:"runs"`
	}{recipes, size, train.Pixels.Rows, judged, judge.Pixels.Rows, all}, Markdown: note + text.RenderMarkdown(), Pictures: func(dir string) error {
		return figure.Save(filepath.Join(dir, name+".png"), 2, errorPanel, infoPanel)
	}}
}

// aboveFirst formats the mean of v - first, pair by pair, and its standard
// error.
func aboveFirst(v, first []float64) string {
	d := make([]float64, len(v))
	floats.SubTo(d, v, first)
	return fmt.Sprintf("%.2f ± %.2f", stat.Mean(d, nil), report.Spread(d)/math.Sqrt(float64(len(d))))
}

// curveOf returns the mean of runs over the epochs, in a band of one standard
// deviation each way, from look number first on.
func curveOf(name string, runs []trained, first int, f func(moment) float64) figure.Curve {
	c := figure.Curve{Name: name}
	for k := first; k < len(runs[0].Curve); k++ {
		v := make([]float64, len(runs))
		for i, t := range runs {
			v[i] = f(t.Curve[k])
		}
		c.AddBand(float64(runs[0].Curve[k].Epoch), v)
	}
	return c
}
