package main

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"

	"gomine/bench/internal/report"
	"gomine/bench/throughput"
)

// A training is one window of one contender.
type training struct {
	window
	Contender string `json:"contender"`
	Case      string `json:"case"`
	Round     int    `json:"round"`
}

// results is everything that was measured, as written to a file.
type results struct {
	report.Origin
	Threads  int               `json:"threads"`
	Versions map[string]string `json:"versions"`
	Training []training        `json:"training"`
	Products []speed           `json:"products"`
	Peak     []float64         `json:"peak_gflop_per_s"` // of one core, once a round
}

func newResults(opt options) *results {
	return &results{
		Origin:   report.NewOrigin("go run ./bench/peers"),
		Threads:  opt.threads,
		Versions: map[string]string{},
	}
}

func (r *results) add(versions map[string]string) { maps.Copy(r.Versions, versions) }

// speeds returns the steps per second of a contender in the rounds of a case.
func (r *results) speeds(contender string, c throughput.Case) []float64 {
	var v []float64
	for _, t := range r.Training {
		if t.Contender == contender && t.Case == c.String() {
			v = append(v, float64(t.Steps)/t.Seconds)
		}
	}
	return v
}

// productSpeeds returns the GFLOP/s of a contender in the rounds of a product.
func (r *results) productSpeeds(contender string, p throughput.Product) []float64 {
	var v []float64
	for _, s := range r.Products {
		if s.Contender == contender && s.Product == p {
			v = append(v, s.GFLOPs)
		}
	}
	return v
}

func (r *results) print(w io.Writer, cases []throughput.Case) {
	fmt.Fprintf(w, "%v, %d threads used\n", r.Origin, r.Threads)
	for _, name := range slices.Sorted(maps.Keys(r.Versions)) {
		fmt.Fprintf(w, "%s %s\n", name, r.Versions[name])
	}
	fmt.Fprintf(w, "\nTraining steps per second: median of the rounds, half their range in percent\n%s\n",
		r.trainingTable(cases))
	if len(r.Products) > 0 {
		fmt.Fprintf(w, "\nMatrix products on one thread, GFLOP/s: median of the rounds, half their range in\n"+
			"percent; multiply-add peak %s; no entry for OpenBLAS where a product is over\n"+
			"before Python can time it\n%s\n", report.Number(r.Peak), r.productTable())
	}
}

func (r *results) trainingTable(cases []throughput.Case) string {
	t := report.NewTable("case", own, "torch eager", "torch compiled", "jax", "x torch", "x jax")
	for _, c := range cases {
		ours := r.speeds(own, c)
		eager, compiled, jax := r.speeds(frameworks[0], c), r.speeds(frameworks[1], c), r.speeds(frameworks[2], c)
		t.AppendRow(table.Row{c, report.Number(ours), report.Number(eager), report.Number(compiled), report.Number(jax),
			report.Ratio(report.Median(ours), max(report.Median(eager), report.Median(compiled))), report.Ratio(report.Median(ours), report.Median(jax))})
	}
	return t.Render()
}

func (r *results) productTable() string {
	t := report.NewTable("product", own, "openblas", "x openblas", "of peak")
	peak := report.Median(r.Peak)
	for _, p := range throughput.Products() {
		ours, blas := r.productSpeeds(own, p), r.productSpeeds("openblas", p)
		t.AppendRow(table.Row{p, report.Number(ours), report.Number(blas), report.Ratio(report.Median(ours), report.Median(blas)),
			fmt.Sprintf("%.0f%%", 100*report.Median(ours)/peak)})
	}
	return t.Render()
}
