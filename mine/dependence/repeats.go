package dependence

import (
	"errors"
	"maps"
	"math"
	"runtime"
	"slices"
	"sync"

	"gomine/mine/column"
)

// Repeats are rows that are there more than once.
type Repeats struct {
	// Group is the group of every row, those of equal rows being the same; nil if no
	// rows are repeated. Groups are numbered from 0 in the order of their first rows.
	Group  []int
	Groups int
	Rows   int // those that have copies
}

const (
	// leastRepeated is the fewest different rows with copies that make copying likely.
	leastRepeated = 10
	// mostCopies is the mean number of copies up to which rows are taken for copies;
	// above they are taken for values of few columns that have few. It is also the most copies of all rows that a
	// divisor tells: above it is the number of rows of a class.
	mostCopies = 30
	// pure is the share of the repeated values of a side, beyond those that do so by chance, that
	// always come with the same values of the other, above which rows were copied.
	pure = 0.5
	// leastDivided is the fewest different rows whose numbers tell of copies by a common divisor, which those
	// of independent rows have with a probability of 2^-(30-1), 2e-9, at most.
	leastDivided = 30
	// spike is the share of the rows above which equal ones are a value that both sides
	// have often, such as none of either.
	spike = 0.02
)

// sampledRows is the number of rows above which MayRepeat looks at some of them: eight bytes each.
const sampledRows = 1 << 22

// MayRepeat reports whether so many rows are there more than once, or all so equally often, that FindRepeats is
// worth its memory, some hundred bytes a row. Of more than sampledRows it looks at those whose hash is among the
// smallest, so that equal rows are both among them or not.
func MayRepeat(x, z column.Source) (bool, error) {
	m, err := mayRepeat(x, z)
	return m.few || m.divisor > 1, err
}

// multiplicity is how often equal rows are there.
type multiplicity struct {
	few     bool // at most mostCopies times in the mean, and some more than once
	divisor int  // of the numbers of all
}

// mayRepeat is MayRepeat, and says why.
func mayRepeat(x, z column.Source) (m multiplicity, err error) {
	n := x.Rows()
	most := uint64(math.MaxUint64)
	if n > sampledRows {
		most /= uint64(n) / sampledRows
	}
	blocks := (n + hashRows - 1) / hashRows
	workers := min(blocks, runtime.GOMAXPROCS(0))
	parts, errs := make([][]uint64, workers), make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			numbers := make([]uint64, hashRows)
			for b := w; b < blocks && errs[w] == nil; b += workers {
				lo, hi := b*hashRows, min(n, (b+1)*hashRows)
				clear(numbers)
				errs[w] = errors.Join(hash(numbers[:hi-lo], x, lo), hash(numbers[:hi-lo], z, lo))
				for _, h := range numbers[:hi-lo] {
					if h <= most {
						parts[w] = append(parts[w], h)
					}
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return m, err
	}
	sorted := slices.Concat(parts...)
	slices.Sort(sorted)
	different, repeated := distinct(sorted)
	if repeated < leastRepeated {
		return m, nil
	}
	return multiplicity{len(sorted) <= mostCopies*different, divisor(runs(sorted))}, nil
}

// FindRepeats looks for rows of which both sides are there again. Values that can be
// met again by chance are no copies: rows are, if more than half of the repeated rows of a
// side of numbers come with one and the same row of the other side, beyond those that do where
// the other side is drawn anew, if there are some ten of them, and if they are not only the rows of a
// table of few values.
//
// Rows that meet by chance on both sides, as whole numbers of a few hundred do, are copies if all of them were
// copied equally often: see [divided]. A group is then g equal rows, and a row that is there c times has c/g of
// them, which are draws of their own. Copies of a part of such rows cannot be told from draws.
func FindRepeats(x, z column.Source) (Repeats, error) {
	may, err := mayRepeat(x, z)
	if err != nil || !may.few && may.divisor < 2 {
		return Repeats{}, err
	}
	hx, hz := make([]uint64, x.Rows()), make([]uint64, x.Rows())
	if err := errors.Join(hash(hx, x, 0), hash(hz, z, 0)); err != nil {
		return Repeats{}, err
	}
	joint := make([]uint64, len(hx))
	for i := range joint {
		joint[i] = mix(hx[i] + mix(hz[i]))
	}
	if may.few {
		for _, side := range []struct {
			column.Source
			hashes, other []uint64
		}{{x, hx, hz}, {z, hz, hx}} {
			if numbers(side.Source) && purity(side.hashes, side.other) > pure {
				return group(joint, 0), nil
			}
		}
	}
	if may.divisor < 2 {
		return Repeats{}, nil
	}
	if g := divided(joint, hx, hz); g > 1 {
		return group(joint, g), nil
	}
	return Repeats{}, nil
}

// numbers reports whether a column is of numbers.
func numbers(s column.Source) bool {
	return slices.ContainsFunc(s.Columns(), func(c column.Column) bool { return c.Kind != column.Code })
}

// distinct returns how many values a sorted slice has, and how many of them more than once.
func distinct(sorted []uint64) (different, repeated int) {
	for i, v := range sorted {
		if i == 0 || v != sorted[i-1] {
			different++
		} else if i == 1 || v != sorted[i-2] {
			repeated++
		}
	}
	return different, repeated
}

// purity is the share of the repeated values of a side that come with one value of the other only, beyond
// chance, as Cohen's kappa has it: of m repeated ones, a of which are pure,
//
//	(a - e) / (m - e),   e = sum over repeated values, there c times each, of sum_v p_v^c
//
// e is how many are pure where values v of the other side, with the shares p_v, are drawn: many if most are
// one value, such as no spike. 0 if there are few beyond chance.
func purity(side, other []uint64) float64 {
	first := make(map[uint64]uint64, len(side)) // value of the other side beside a side's value
	again := map[uint64]bool{}                  // whether a repeated one is pure
	for i, v := range side {
		if o, ok := first[v]; !ok {
			first[v] = other[i]
		} else if was, ok := again[v]; !ok || was {
			again[v] = o == other[i]
		}
	}
	alike := 0.0
	for _, p := range again {
		if p {
			alike++
		}
	}
	if alike < leastRepeated {
		return 0
	}
	chance := 0.0
	others := timesOf(other)
	for _, repeated := range timesOf(side) {
		if repeated.times == 1 {
			continue
		}
		for _, o := range others {
			share := float64(o.times) / float64(len(other))
			chance += float64(repeated.values*o.values) * math.Pow(share, float64(repeated.times))
		}
	}
	if math.Round(alike-chance) < leastRepeated {
		return 0
	}
	return (alike - chance) / (float64(len(again)) - chance)
}

// often is how many values are there so many times.
type often struct{ times, values int }

// timesOf counts values that are there equally often, in ascending order of the times.
func timesOf(all []uint64) (counted []often) {
	values := map[int]int{}
	for _, c := range countsOf(all) {
		values[c]++
	}
	for _, c := range slices.Sorted(maps.Keys(values)) {
		counted = append(counted, often{c, values[c]})
	}
	return counted
}

// countsOf is how often each value is there.
func countsOf(all []uint64) map[uint64]int {
	counts := make(map[uint64]int, len(all))
	for _, v := range all {
		counts[v]++
	}
	return counts
}

// group numbers the groups of equal values, of size rows each, or of all that are equal where size is 0. Values that
// are very frequent are then a group each.
func group(joint []uint64, size int) Repeats {
	counts := countsOf(joint)
	type last struct{ group, rows int }
	r := Repeats{Group: make([]int, len(joint))}
	groups := make(map[uint64]last, len(counts))
	for i, v := range joint {
		full := size
		switch {
		case size > 0:
		case float64(counts[v]) > max(mostCopies, spike*float64(len(joint))):
			full = 1
		default:
			full = counts[v]
		}
		g := groups[v]
		if g.rows%full == 0 {
			g.group = r.Groups
			r.Groups++
		}
		g.rows++
		groups[v] = g
		if full > 1 {
			r.Rows++
		}
		r.Group[i] = g.group
	}
	return r
}

// hashRows is the number of rows that are read at a time, at most.
const hashRows = 1024

// hash replaces the number of every row, the first of which is row first of the source, by a hash of
// it and of the row's values.
func hash(numbers []uint64, s column.Source, first int) error {
	n, cols := len(numbers), len(s.Columns())
	step := max(1, min(hashRows, n))
	values := make([]float64, step*cols)
	for lo := 0; lo < n; lo += step {
		hi := min(n, lo+step)
		if err := s.Read(values, first+lo, first+hi, 0, cols); err != nil {
			return err
		}
		for i := range hi - lo {
			h := numbers[lo+i] + uint64(cols)
			for _, v := range values[i*cols : (i+1)*cols] {
				// Adding 0 makes of the negative zero the other one.
				h = (h ^ math.Float64bits(v+0)) * 0x9E3779B97F4A7C15 // 2^64 over the golden ratio
				h ^= h >> 29
			}
			numbers[lo+i] = mix(h)
		}
	}
	return nil
}

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood 2014).
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xBF58476D1CE4E5B9
	h = (h ^ h>>27) * 0x94D049BB133111EB
	return h ^ h>>31
}
