package main

import (
	"fmt"
	"math"

	"gomine/mine/column"
)

// mostPageColumns is how many columns of a side the page describes.
const mostPageColumns = 100

// summarize describes the columns of X and of Z, of which rows without values were left out.
func summarize(d data, out left) (tabular, error) {
	t := tabular{Head: []string{"", "column", "missing", "distinct", "min", "mean", "standard deviation", "max"}}
	for _, side := range []struct {
		name    string
		from    column.Table
		missing map[string]int
	}{{"X", d.x, out.lacking("x")}, {"Z", d.z, out.lacking("z")}} {
		for j, c := range side.from.Columns() {
			if j == mostPageColumns {
				t.Rows = append(t.Rows, []string{side.name, fmt.Sprintf("and %s", plural(len(side.from.Columns())-j, "more column")), "", "", "", "", "", ""})
				break
			}
			s, err := spreadOf(side.from, j)
			if err != nil {
				return t, err
			}
			distinct := grouped(s.distinct)
			if s.distinct > mostDistinct {
				distinct = "over " + grouped(mostDistinct)
			}
			row := []string{side.name, c.Name, grouped(side.missing[c.Name]), distinct}
			if c.Kind == column.Code {
				t.Rows = append(t.Rows, append(row, "codes", "", "", ""))
				continue
			}
			t.Rows = append(t.Rows, append(row, short(s.least), short(s.mean), short(s.deviation), short(s.most)))
		}
	}
	return t, nil
}

// mostDistinct is how many different values of a column are counted.
const mostDistinct = 10_000

// spread is what a page says of a column.
type spread struct {
	least, mean, deviation, most float64
	distinct                     int // more than mostDistinct where there are
}

// spreadOf reads column j, some rows at a time.
func spreadOf(from column.Source, j int) (spread, error) {
	const step = 1 << 16
	n := from.Rows()
	values := make([]float64, min(n, step))
	s := spread{least: math.Inf(1), most: math.Inf(-1)}
	var square float64
	seen := map[float64]struct{}{}
	for lo := 0; lo < n; lo += step {
		some := values[:min(step, n-lo)]
		if err := from.Read(some, lo, lo+len(some), j, j+1); err != nil {
			return s, err
		}
		for i, v := range some {
			before := v - s.mean
			s.mean += before / float64(lo+i+1)
			square += before * (v - s.mean)
			s.least, s.most = min(s.least, v), max(s.most, v)
			if len(seen) <= mostDistinct {
				seen[v] = struct{}{}
			}
		}
	}
	s.distinct = len(seen)
	s.deviation = math.Sqrt(square / float64(n))
	return s, nil
}
