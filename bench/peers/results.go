package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

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
	Date      string            `json:"date"`
	Command   string            `json:"command"`
	Processor string            `json:"processor"`
	Cores     int               `json:"cores"`
	Threads   int               `json:"threads"`
	Versions  map[string]string `json:"versions"`
	Training  []training        `json:"training"`
	Products  []speed           `json:"products"`
	Peak      []float64         `json:"peak_gflop_per_s"` // of one core, once a round
}

func newResults(opt options) *results {
	return &results{
		Date:      time.Now().UTC().Format(time.RFC3339),
		Command:   commandLine(),
		Processor: processor(),
		Cores:     runtime.NumCPU(),
		Threads:   opt.threads,
		Versions:  map[string]string{"go": runtime.Version()},
	}
}

func (r *results) add(versions map[string]string) { maps.Copy(r.Versions, versions) }

// processor returns the model as Linux names it.
func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(info)) {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func (r *results) write(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

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
	fmt.Fprintf(w, "%s\n%s\n%s, %d cores, %d threads used\n", r.Date, r.Command, r.Processor, r.Cores, r.Threads)
	for _, name := range slices.Sorted(maps.Keys(r.Versions)) {
		fmt.Fprintf(w, "%s %s\n", name, r.Versions[name])
	}
	fmt.Fprintf(w, "\nTraining steps per second: median of the rounds, half their range in percent\n%s\n",
		r.trainingTable(cases))
	if len(r.Products) > 0 {
		fmt.Fprintf(w, "\nMatrix products on one thread, GFLOP/s: median of the rounds, half their range in\n"+
			"percent; multiply-add peak %s; no entry for OpenBLAS where a product is over\n"+
			"before Python can time it\n%s\n", number(r.Peak), r.productTable())
	}
}

func (r *results) trainingTable(cases []throughput.Case) string {
	t := newTable(table.Row{"case", own, "torch eager", "torch compiled", "jax", "x torch", "x jax"})
	for _, c := range cases {
		ours := r.speeds(own, c)
		eager, compiled, jax := r.speeds(frameworks[0], c), r.speeds(frameworks[1], c), r.speeds(frameworks[2], c)
		t.AppendRow(table.Row{c, number(ours), number(eager), number(compiled), number(jax),
			ratio(median(ours), max(median(eager), median(compiled))), ratio(median(ours), median(jax))})
	}
	return t.Render()
}

func (r *results) productTable() string {
	t := newTable(table.Row{"product", own, "openblas", "x openblas", "of peak"})
	peak := median(r.Peak)
	for _, p := range throughput.Products() {
		ours, blas := r.productSpeeds(own, p), r.productSpeeds("openblas", p)
		t.AppendRow(table.Row{p, number(ours), number(blas), ratio(median(ours), median(blas)),
			fmt.Sprintf("%.0f%%", 100*median(ours)/peak)})
	}
	return t.Render()
}

func newTable(header table.Row) table.Writer {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.AppendHeader(header)
	return t
}

// median returns 0 for no values.
func median(v []float64) float64 {
	n := len(v)
	if n == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	return (v[(n-1)/2] + v[n/2]) / 2
}

// number prints the median and half the range in percent of it.
func number(v []float64) string {
	if len(v) == 0 {
		return ""
	}
	m := median(v)
	digits := 0
	if m < 100 {
		digits = 1
	}
	if m < 10 {
		digits = 2
	}
	return fmt.Sprintf("%.*f ±%.0f%%", digits, m, 50*(slices.Max(v)-slices.Min(v))/m)
}

func ratio(a, b float64) string {
	if a == 0 || b == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", a/b)
}
