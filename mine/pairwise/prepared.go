package pairwise

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/dependence"
	"gomine/mine/sampling"
)

const (
	// leastRows is the fewest that make two bins of sqrt(5n) rows.
	leastRows = 20
	// leastExpected is how many rows every cell of a table expects at least (Cochran 1954).
	leastExpected = 5
	// mostBins resolve five periods of a sine, and take a kilobyte for a table.
	mostBins = 16
	// coarseBins is the number of bins of the coarse look.
	coarseBins = 4
	// memoryRows is how many rows, from the first on, tell how far a series reaches.
	memoryRows = 1 << 15
)

// prepared is a column as the screen looks at it.
type prepared struct {
	scores []float32 // normal scores of the ranks; nil for codes and constants
	fine   []uint8   // the bin of every row; nil where there is one bin alone
	counts []int     // rows by fine bin
	coarse []uint8   // the coarse bin of every fine one
	memory []dependence.Memory

	twins   [][2]int32 // see twins
	value   []int32    // the number of the value of every row; nil where there are no twins
	meeting float64    // the probability that two rows have one value
}

// bins is how many of as many rows a column of n rows has, of which factor are worth an independent one.
func bins(n int, factor float64) int {
	b := min(mostBins, int(math.Sqrt(float64(n)/factor/leastExpected)))
	if b > coarseBins {
		b -= b % coarseBins // so that fine bins make up coarse ones
	}
	return max(2, b)
}

// leastCount is how many rows a bin of one value has at least.
func leastCount(n int, factor float64) int {
	return int(math.Ceil(math.Sqrt(leastExpected * float64(n) * factor)))
}

// quantiles are the normal scores by rank, of unit length together.
func quantiles(n int) []float64 {
	all := make([]float64, n)
	var square float64
	for r := range all {
		all[r] = distuv.UnitNormal.Quantile((float64(r) + 0.5) / float64(n))
		square += all[r] * all[r]
	}
	for r := range all {
		all[r] /= math.Sqrt(square)
	}
	return all
}

// prepare ranks and bins column j of s. number is that of the column in the table, by which equal values
// are ordered; kept are the rows that are no copies of earlier ones, and factor is how many rows an
// independent one is worth: bins are as large as those count.
func prepare(s column.Source, j, number int, seed uint64, scores []float64, kept []int, factor float64) (prepared, error) {
	n, c := s.Rows(), s.Columns()[j]
	values := make([]float64, n)
	if err := s.Read(values, 0, n, j, j+1); err != nil {
		return prepared{}, err
	}
	lots, order := make([]float64, n), make([]int32, n)
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return prepared{}, fmt.Errorf("pairwise: row %d, column %s is %v: %w; remove or impute such rows", i, c.Name, v, mine.ErrNonFinite)
		}
		order[i], lots[i] = int32(i), sampling.Uniform(seed, sampling.StreamTies, uint64(number), uint64(i))
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(values[a], values[b]), cmp.Compare(lots[a], lots[b]), cmp.Compare(a, b))
	})
	runs := runsOf(values, order)
	if len(runs) == 1 {
		return prepared{}, nil // a constant
	}
	p := prepared{memory: memoryOf(values, kept)}
	p.match(runs, order)
	var fine []int // the bin of every rank
	switch {
	case float64(n) < leastRows*factor:
		fine = make([]int, n) // one bin, which is none
	case c.Kind == column.Code:
		fine = codeBins(runs, n, leastCount(n, factor))
	case len(runs) <= bins(n, factor):
		fine = valueBins(runs, n, leastCount(n, factor), leastCount(n, factor))
	default:
		count := bins(n, factor)
		fine = valueBins(runs, n, (n+count-1)/count, leastCount(n, factor))
	}
	p.bin(fine, order, c.Kind != column.Code)
	if c.Kind != column.Code {
		p.scores = make([]float32, n)
		for r, i := range order {
			p.scores[i] = float32(scores[r])
		}
	}
	return p, nil
}

// runsOf are the lengths of the runs of equal values in an order.
func runsOf(values []float64, order []int32) []int {
	var runs []int
	for r, i := range order {
		if r == 0 || values[i] != values[order[r-1]] {
			runs = append(runs, 0)
		}
		runs[len(runs)-1]++
	}
	return runs
}

// valueBins puts values in bins in their order, so many rows in one at least: rows of one value stay
// together. The last bin has what is left, if that is at least so many rows.
func valueBins(runs []int, n, rows, least int) []int {
	of := make([]int, len(runs)) // the bin of every value
	bin, count := 0, 0
	for k, run := range runs {
		if count >= rows {
			bin, count = bin+1, 0
		}
		count += run
		of[k] = bin
	}
	if count < least {
		for k := range of {
			of[k] = min(of[k], max(0, bin-1))
		}
	}
	return byRank(of, runs, n)
}

// codeBins gives the most frequent codes a bin each, and all others one together, each of so many rows at least.
func codeBins(runs []int, n, least int) []int {
	by := make([]int, len(runs))
	for k := range by {
		by[k] = k
	}
	slices.SortStableFunc(by, func(a, b int) int { return cmp.Compare(runs[b], runs[a]) })
	own, others := 0, n
	for own < min(len(runs), mostBins-1) && runs[by[own]] >= least {
		others -= runs[by[own]]
		own++
	}
	if own > 0 && others > 0 && others < least {
		own-- // the rarest of them joins the others
	}
	of := make([]int, len(runs))
	for k, run := range by {
		of[run] = min(k, own)
	}
	return byRank(of, runs, n)
}

// byRank spreads the bins of values over their ranks.
func byRank(of, runs []int, n int) []int {
	all := make([]int, 0, n)
	for k, run := range runs {
		for range run {
			all = append(all, of[k])
		}
	}
	return all
}

// bin stores the bins, given that of every rank, unless there is one alone. Coarse ones are fine ones
// joined in their order, where they have one.
func (p *prepared) bin(fine []int, order []int32, ordered bool) {
	count := slices.Max(fine) + 1
	if count < 2 {
		return
	}
	p.fine, p.counts, p.coarse = make([]uint8, len(order)), make([]int, count), make([]uint8, count)
	for r, i := range order {
		p.fine[i] = uint8(fine[r])
		p.counts[fine[r]]++
	}
	before, part := 0, 0
	for k, rows := range p.counts {
		switch at := (before + rows/2) * coarseBins / len(order); {
		case !ordered || count <= coarseBins:
			p.coarse[k] = uint8(k)
		case k == 0:
			part = at
		case at > part:
			p.coarse[k] = p.coarse[k-1] + 1
			part = at
		default:
			p.coarse[k] = p.coarse[k-1]
		}
		before += rows
	}
}

// joins reports whether coarse bins are fewer than fine ones.
func (p *prepared) joins() bool {
	return p.fine != nil && int(p.coarse[len(p.coarse)-1]) < len(p.counts)-1
}
