package preprocess

import (
	"cmp"
	"math"
	"slices"

	"gomine/mine/backend"
	"gomine/mine/column"
)

// rareCode is the number of training rows below which a code is pooled with others
// as rare: the weights of its input would be learnt from as few.
const rareCode = 10

// codeInputs are the inputs of a column of codes: one for every code that is not
// rare, one for all others together if there are any in the training rows. With p
// the share of the training rows that have the code, its input is
//
//	(1 - p)/sqrt(p (1-p)) for rows that have it, -p/sqrt(p (1-p)) for the others
//
// and so of mean 0 and variance 1. Codes that no training row has count as rare.
type codeInputs struct {
	input []int32   // by code; -1 where it is rare
	share []float64 // by input: p
	rare  int       // the input of rare codes, or -1 if there is none
	// distinct is how many codes the training rows have, pooled how many of these are rare.
	distinct, pooled int
	values           []float64 // ascending: what the codes are of, where the column holds numbers
}

// codesFor is how many codes of a column have an input at most, the most frequent ones, where
// there are so many rows: their inputs are in memory.
func codesFor(rows int) int { return min(1024, max(16, copyBytes/(4*rows))) }

// fitCodes fits the map of a column of labels to its training values, with an input each for so
// many codes at most.
func fitCodes(v []float64, labels, most int) Map {
	counts := make([]int, labels)
	for _, code := range v {
		counts[int(code)]++
	}
	c := &codeInputs{input: make([]int32, labels), rare: -1}
	least, ties := rareCode, labels // of the codes that least rows have, how many get an input
	if labels > most {
		sorted := slices.Clone(counts)
		slices.SortFunc(sorted, func(a, b int) int { return cmp.Compare(b, a) })
		if last := sorted[most-1]; last >= rareCode {
			least, ties = last, most-slices.Index(sorted, last)
		}
	}
	n, rare := float64(len(v)), 0
	for code, count := range counts {
		if count > 0 {
			c.distinct++
		}
		if count < least || count == least && ties == 0 {
			if count > 0 {
				c.pooled++
			}
			c.input[code] = -1
			rare += count
			continue
		}
		if count == least {
			ties--
		}
		c.input[code] = int32(len(c.share))
		c.share = append(c.share, float64(count)/n)
	}
	if rare > 0 {
		c.rare = len(c.share)
		c.share = append(c.share, float64(rare)/n)
	}
	return Map{codes: c, constant: len(c.share) < 2, rare: rare == len(v)}
}

const (
	// leastWhole and mostWhole are how many different whole numbers may be codes: two say the
	// same in any order, and of more than mostWhole few would have rows enough.
	leastWhole, mostWhole = 3, 64
	// wholeRows is the fewest training rows a value, on average.
	wholeRows = 2 * rareCode
	// wholeInputs is how many inputs the numbers of a side become at most.
	wholeInputs = 512
)

// takenForCodes returns, for the columns of a side with maps fitted to n rows, which of them
// Codes takes for codes: those of 3 to 64 different whole numbers, with 20 rows each on
// average; none, where that would be more than 512 inputs.
func takenForCodes(columns []column.Column, maps []Map, n int) []bool {
	taken, inputs := make([]bool, len(columns)), 0
	for j, c := range columns {
		m := &maps[j]
		taken[j] = c.Kind == column.Integer && !m.constant && m.distinct >= leastWhole && m.distinct <= mostWhole && wholeRows*m.distinct <= n
		if taken[j] {
			inputs += m.distinct
		}
	}
	if inputs > wholeInputs {
		clear(taken)
	}
	return taken
}

// fitWhole fits the map of a column of few numbers, which it takes for codes.
func fitWhole(v []float64) Map {
	values := slices.Compact(slices.Sorted(slices.Values(v)))
	for i, x := range v {
		v[i] = float64(codeAmong(values, x))
	}
	m := fitCodes(v, len(values), len(values))
	m.codes.values = values
	return m
}

// fitCodes replaces the maps of the columns that Codes takes for codes.
func (r rows) fitCodes(maps []Map, at []int) error {
	for j, taken := range takenForCodes(r.Columns(), maps, len(at)) {
		if !taken {
			continue
		}
		v := make([]float64, len(at))
		for i, row := range at {
			if err := r.Read(v[i:i+1], row, row+1, j, j+1); err != nil {
				return err
			}
		}
		maps[j] = fitWhole(v)
	}
	return nil
}

// codeAmong returns the place of v among ascending values, -1 if it is none of them.
func codeAmong(values []float64, v float64) int {
	if i, ok := slices.BinarySearch(values, v); ok {
		return i
	}
	return -1
}

func (c *codeInputs) store(dst []float32, v float64) int {
	own := c.rare
	if c.values != nil {
		v = float64(codeAmong(c.values, v))
	}
	if code := int(v); code >= 0 && code < len(c.input) && c.input[code] >= 0 {
		own = int(c.input[code])
	}
	c.storeInput(dst, own)
	return len(c.share)
}

// storeInput stores the inputs of a row whose code has one of them, or none.
func (c *codeInputs) storeInput(dst []float32, own int) {
	for k, p := range c.share {
		has := 0.0
		if k == own {
			has = 1
		}
		dst[k] = float32((has - p) / math.Sqrt(p*(1-p)))
	}
}

// Shares returns the shares of the training rows by input, where the side is a single column of
// codes: those of the codes that are not rare, and that of all rare ones together if there are
// any. It is nil for other sides, and must not be modified.
func (s Side) Shares() []float64 {
	if len(s.maps) != 1 || s.maps[0].constant || s.maps[0].codes == nil {
		return nil
	}
	return s.maps[0].codes.share
}

// CodeOf returns which of the inputs of a row is that of its code, -1 if none is. The side is a
// single column of codes.
func (s Side) CodeOf(row []float32) int {
	return slices.IndexFunc(row, func(v float32) bool { return v > 0 })
}

// CodeRows returns the inputs [codes, codes] of a row of each code, for a side that is a single
// column of codes.
func (s Side) CodeRows() backend.Matrix {
	c := s.maps[0].codes
	m := backend.NewMatrix(len(c.share), len(c.share))
	for k := range c.share {
		c.storeInput(m.Row(k), k)
	}
	return m
}
