// Package report holds what the benchmark commands print and record alike: the
// machine, the date and the command of a measurement, medians, and tables.
package report

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"gonum.org/v1/gonum/stat"
)

// Origin says how a measurement came about.
type Origin struct {
	Date      string `json:"date"`
	Command   string `json:"command"`
	Processor string `json:"processor"`
	Cores     int    `json:"cores"`
	Go        string `json:"go"`
}

// NewOrigin describes this run of a program, given how it is started without
// its arguments.
func NewOrigin(program string) Origin {
	return Origin{
		Date:      time.Now().UTC().Format(time.RFC3339),
		Command:   strings.Join(append([]string{program}, os.Args[1:]...), " "),
		Processor: processor(),
		Cores:     runtime.NumCPU(),
		Go:        runtime.Version(),
	}
}

func (o Origin) String() string {
	return fmt.Sprintf("%s\n%s\n%s, %d cores, %s", o.Date, o.Command, o.Processor, o.Cores, o.Go)
}

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

// WriteJSON writes v, indented, to a file.
func WriteJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// Median returns the median, or 0 of no values.
func Median(v []float64) float64 {
	n := len(v)
	if n == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	return (v[(n-1)/2] + v[n/2]) / 2
}

// Spread returns the standard deviation of values, 0 of a single one.
func Spread(v []float64) float64 {
	if len(v) < 2 {
		return 0
	}
	return stat.StdDev(v, nil)
}

// Number formats the median and half the range in percent of it.
func Number(v []float64) string {
	if len(v) == 0 {
		return ""
	}
	m := Median(v)
	return fmt.Sprintf("%s ±%.0f%%", Short(m), 50*(slices.Max(v)-slices.Min(v))/m)
}

// Short formats a positive number with three digits or more.
func Short(v float64) string {
	digits := 0
	if v < 100 {
		digits = 1
	}
	if v < 10 {
		digits = 2
	}
	return fmt.Sprintf("%.*f", digits, v)
}

// Ratio formats a/b, or nothing if either is missing.
func Ratio(a, b float64) string {
	if a == 0 || b == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", a/b)
}

// NewTable returns an empty table in the house's form.
func NewTable(header ...any) table.Writer {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header, t.Style().Format.Footer = text.FormatDefault, text.FormatDefault
	t.AppendHeader(table.Row(header))
	return t
}
