package table

import (
	"math"
	"slices"
)

// fewRoundings is how many different values there may be of one number by rounding: 2^-48 of it is 16 times the
// distance between neighbours in float64.
const fewRoundings = 16

// rounded returns the fraction of the distinct values among the ascending v that count as equal to the one before, where
// all do but are too many for roundings of one number; else 0.
func rounded(v []float64) float64 {
	distinct := 1
	for i, x := range v[1:] {
		if differ(v[i], x) {
			return 0
		}
		if x != v[i] {
			distinct++
		}
	}
	if distinct <= fewRoundings {
		return 0
	}
	return float64(distinct-1) / float64(distinct)
}

// mergedOf returns the fraction of the distinct values among the ascending v that
// float32 makes equal to the one before.
func mergedOf(v []float64) float64 {
	distinct, merged := 1, 0
	for i, x := range v[1:] {
		if !differ(v[i], x) {
			continue
		}
		distinct++
		if float32(x) == float32(v[i]) {
			merged++
		}
	}
	return float64(merged) / float64(distinct)
}

// crowded returns the fraction of the distinct values among the ascending v that are whole
// numbers beyond 2^53 with another one at most two steps of float64 away.
func crowded(v []float64) float64 {
	v = slices.Compact(slices.Clone(v))
	next := func(a, b float64) bool {
		return math.Nextafter(math.Nextafter(a, math.Inf(1)), math.Inf(1)) >= b
	}
	count := 0
	for i, x := range v {
		near := i > 0 && next(v[i-1], x) || i+1 < len(v) && next(x, v[i+1])
		if math.Abs(x) > 1<<53 && near {
			count++
		}
	}
	return float64(count) / float64(len(v))
}

// measureMerged returns for each column what float32 merges of the sample.
func (b *builder) measureMerged() []float64 {
	all := make([]float64, len(b.columns))
	var seen float32Set
	b.sample.eachColumn(func(k int, v []float64) {
		if v = present(v); len(v) == 0 || !b.columns[k].wide && seen.allDistinct(v) {
			return
		}
		slices.Sort(v)
		if all[k] = max(crowded(v), rounded(v)); !b.columns[k].wide {
			all[k] = max(all[k], mergedOf(v))
		}
	})
	return all
}
