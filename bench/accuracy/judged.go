package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"gomine/bench/internal/experiment"
	"gomine/bench/internal/report"
)

// An accuracy sums estimates up; those that were refused are counted only.
type accuracy struct {
	Group         string  `json:"group,omitempty"`
	Rows          int     `json:"rows"`
	Tasks         int     `json:"tasks"`
	Refused       int     `json:"refused"`
	MeanAbs       float64 `json:"mean_abs_error"`
	MedianAbs     float64 `json:"median_abs_error"`
	RMS           float64 `json:"rms_error"`
	Mean          float64 `json:"mean_error"`
	LikelyMean    float64 `json:"likely_mean_abs_error"`
	LikelyMedian  float64 `json:"likely_median_abs_error"`
	Above         float64 `json:"above"`       // share more than two standard errors above the truth
	BoundAbove    float64 `json:"bound_above"` // share whose one-sided bound is above it
	StdErr        float64 `json:"mean_std_err"`
	MedianSeconds float64 `json:"median_seconds"`
	MaxSeconds    float64 `json:"max_seconds"`
}

func summarize(all []judged) accuracy {
	a := accuracy{Group: all[0].Group, Rows: all[0].Rows, Tasks: len(all)}
	var deviations, distances, likely, stdErrs, seconds []float64
	for _, j := range all {
		if j.Error != "" {
			a.Refused++
			continue
		}
		deviations, distances = append(deviations, j.Deviation), append(distances, math.Abs(j.Deviation))
		likely = append(likely, math.Abs(j.Likely-j.Truth))
		stdErrs, seconds = append(stdErrs, j.StdErr), append(seconds, j.Seconds)
		if j.Deviation > 2*j.StdErr {
			a.Above++
		}
		if j.LowerBound > j.Truth {
			a.BoundAbove++
		}
	}
	if n := float64(len(deviations)); n > 0 {
		a.Above, a.BoundAbove = a.Above/n, a.BoundAbove/n
		a.MeanAbs, a.MedianAbs = stat.Mean(distances, nil), report.Median(distances)
		a.LikelyMean, a.LikelyMedian = stat.Mean(likely, nil), report.Median(likely)
		a.RMS, a.Mean = floats.Norm(deviations, 2)/math.Sqrt(n), stat.Mean(deviations, nil)
		a.StdErr, a.MedianSeconds, a.MaxSeconds = stat.Mean(stdErrs, nil), report.Median(seconds), slices.Max(seconds)
	}
	return a
}

// grouped gathers values by a key, in the order in which keys appear.
func grouped[T any, K comparable](all []T, key func(T) K) [][]T {
	place := map[K]int{}
	var groups [][]T
	for _, v := range all {
		k := key(v)
		at, ok := place[k]
		if !ok {
			at = len(groups)
			place[k] = at
			groups = append(groups, nil)
		}
		groups[at] = append(groups[at], v)
	}
	return groups
}

// A kind is a group of families at a number of rows.
type kind struct {
	group string
	rows  int
}

func rowsOf(j judged) int  { return j.Rows }
func kindOf(j judged) kind { return kind{j.Group, j.Rows} }

// judgedResults sums up by rows and by family.
func judgedResults(all []judged) experiment.Results {
	data := struct {
		ByRows   []accuracy `json:"by_rows"`
		ByFamily []accuracy `json:"by_family"`
		Each     []judged   `json:"estimates"`
	}{Each: all}
	for _, group := range grouped(all, rowsOf) {
		a := summarize(group)
		a.Group = ""
		data.ByRows = append(data.ByRows, a)
	}
	for _, group := range grouped(all, kindOf) {
		data.ByFamily = append(data.ByFamily, summarize(group))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n", accuracyTable(data.ByRows), accuracyTable(data.ByFamily))
	for _, j := range all {
		if j.Error != "" {
			fmt.Fprintf(&b, "\nrefused: task %d, %s, %d rows, truth %.3f: %s", j.Number, j.Group, j.Rows, j.Truth, j.Error)
		}
	}
	return experiment.Results{Name: "families", Data: data, Markdown: b.String()}
}

func accuracyTable(all []accuracy) string {
	t := report.NewTable("data", "rows", "tasks", "refused", "mean abs", "median abs", "RMS", "mean", "likely: mean abs", "median abs", "above by 2 std err", "bound above", "std err", "seconds", "most")
	for _, a := range all {
		row := table.Row{orAll(a.Group), a.Rows, a.Tasks, a.Refused}
		if a.Refused < a.Tasks {
			row = append(row, fmt.Sprintf("%.4f", a.MeanAbs), fmt.Sprintf("%.4f", a.MedianAbs), fmt.Sprintf("%.4f", a.RMS),
				fmt.Sprintf("%+.4f", a.Mean), fmt.Sprintf("%.4f", a.LikelyMean), fmt.Sprintf("%.4f", a.LikelyMedian), percent(a.Above), percent(a.BoundAbove), fmt.Sprintf("%.4f", a.StdErr),
				fmt.Sprintf("%.1f", a.MedianSeconds), fmt.Sprintf("%.1f", a.MaxSeconds))
		}
		t.AppendRow(row)
	}
	return t.RenderMarkdown()
}

func orAll(group string) string {
	if group == "" {
		return "all"
	}
	return group
}

func percent(share float64) string { return fmt.Sprintf("%.1f%%", 100*share) }

// A pair is one task at one number of rows by two settings.
type pair struct{ a, b judged }

// A difference compares two settings on the tasks that both have estimated.
type difference struct {
	Group    string  `json:"group,omitempty"`
	Rows     int     `json:"rows"`
	Pairs    int     `json:"pairs"`
	MeanAbsA float64 `json:"mean_abs_error_a"`
	MeanAbsB float64 `json:"mean_abs_error_b"`
	Mean     float64 `json:"difference"`         // of the absolute errors, B - A
	StdErr   float64 `json:"difference_std_err"` // 0 of a single pair
	Wins     int     `json:"wins"`               // of B: a smaller error
	Losses   int     `json:"losses"`
	RefusedA int     `json:"refused_a"` // by A alone
	RefusedB int     `json:"refused_b"`
	SecondsA float64 `json:"mean_seconds_a"`
	SecondsB float64 `json:"mean_seconds_b"`
}

func compare(pairs []pair) difference {
	d := difference{Group: pairs[0].a.Group, Rows: pairs[0].a.Rows}
	var as, bs, differences, secondsA, secondsB []float64
	for _, p := range pairs {
		switch {
		case p.a.Error != "" && p.b.Error != "":
			continue
		case p.a.Error != "":
			d.RefusedA++
			continue
		case p.b.Error != "":
			d.RefusedB++
			continue
		}
		a, b := math.Abs(p.a.Deviation), math.Abs(p.b.Deviation)
		as, bs, differences = append(as, a), append(bs, b), append(differences, b-a)
		secondsA, secondsB = append(secondsA, p.a.Seconds), append(secondsB, p.b.Seconds)
		switch {
		case b < a:
			d.Wins++
		case b > a:
			d.Losses++
		}
	}
	if d.Pairs = len(differences); d.Pairs > 0 {
		d.MeanAbsA, d.MeanAbsB, d.Mean = stat.Mean(as, nil), stat.Mean(bs, nil), stat.Mean(differences, nil)
		d.StdErr = report.Spread(differences) / math.Sqrt(float64(d.Pairs))
		d.SecondsA, d.SecondsB = stat.Mean(secondsA, nil), stat.Mean(secondsB, nil)
	}
	return d
}

// pairUp pairs the estimates of two files by task and rows, in the order of the first.
// A file that holds two settings for a task cannot say which is meant.
func pairUp(pathA string, as []judged, pathB string, bs []judged) ([]pair, error) {
	type place struct{ number, rows int }
	index := func(path string, all []judged) (map[place]judged, error) {
		found := map[place]judged{}
		for _, j := range all {
			at := place{j.Number, j.Rows}
			if _, twice := found[at]; twice {
				return nil, fmt.Errorf("%s has task %d twice at %d rows: write each setting to a file of its own", path, j.Number, j.Rows)
			}
			found[at] = j
		}
		return found, nil
	}
	if _, err := index(pathA, as); err != nil {
		return nil, err
	}
	others, err := index(pathB, bs)
	if err != nil {
		return nil, err
	}
	var pairs []pair
	for _, a := range as {
		b, ok := others[place{a.Number, a.Rows}]
		if !ok {
			continue
		}
		if a.Family != b.Family || a.Params != b.Params || a.MapX != b.MapX || a.MapZ != b.MapZ {
			return nil, fmt.Errorf("task %d is not the same in %s and %s", a.Number, pathA, pathB)
		}
		pairs = append(pairs, pair{a, b})
	}
	if len(pairs) == 0 {
		return nil, fmt.Errorf("%s and %s have no task at the same number of rows in common", pathA, pathB)
	}
	return pairs, nil
}

func differenceTable(all []difference) string {
	t := report.NewTable("data", "rows", "pairs", "abs error A", "abs error B", "B - A", "std err", "B wins", "loses", "A alone refused", "B alone", "seconds A", "seconds B")
	for _, d := range all {
		row := table.Row{orAll(d.Group), d.Rows, d.Pairs}
		if d.Pairs > 0 {
			row = append(row, fmt.Sprintf("%.4f", d.MeanAbsA), fmt.Sprintf("%.4f", d.MeanAbsB), fmt.Sprintf("%+.4f", d.Mean), fmt.Sprintf("%.4f", d.StdErr),
				d.Wins, d.Losses, d.RefusedA, d.RefusedB, fmt.Sprintf("%.1f", d.SecondsA), fmt.Sprintf("%.1f", d.SecondsB))
		}
		t.AppendRow(row)
	}
	return t.RenderMarkdown()
}

func readJudged(path string) ([]judged, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseJudged(path, text[:bytes.LastIndexByte(text, '\n')+1])
}

func compareCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "compare A.jsonl B.jsonl",
		Short: "Compare two settings task by task",
		Long: "Pairs the estimates of two files by task and number of rows: the mean difference of\n" +
			"the absolute errors with its standard error, and how often B is closer.",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			as, err := readJudged(args[0])
			if err != nil {
				return err
			}
			bs, err := readJudged(args[1])
			if err != nil {
				return err
			}
			pairs, err := pairUp(args[0], as, args[1], bs)
			if err != nil {
				return err
			}
			data := struct {
				ByRows   []difference `json:"by_rows"`
				ByFamily []difference `json:"by_family"`
			}{}
			for _, group := range grouped(pairs, func(p pair) int { return rowsOf(p.a) }) {
				d := compare(group)
				d.Group = ""
				data.ByRows = append(data.ByRows, d)
			}
			for _, group := range grouped(pairs, func(p pair) kind { return kindOf(p.a) }) {
				data.ByFamily = append(data.ByFamily, compare(group))
			}
			if asJSON {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(data)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "A is %s, B is %s\n\n%s\n\n%s\n", args[0], args[1], differenceTable(data.ByRows), differenceTable(data.ByFamily))
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON instead of tables")
	return cmd
}
