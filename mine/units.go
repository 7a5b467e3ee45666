package mine

import (
	"math"
	"slices"

	"gomine/mine/backend"
)

// units are positions that are split into folds, in parts that are never torn: blocks of
// neighbouring rows, or groups of rows.
type units struct {
	rows  int   // positions that are used
	total int   // rows in all
	ends  []int // where the units end, the last one at rows; nil if every position is a unit
	// worth is how many independent rows a row is worth, as far as is known.
	worth float64
}

// independent are n rows that are units by themselves.
func independent(n int) units { return units{rows: n, total: n, worth: 1} }

// border returns the border of a unit that is nearest to a position.
func (u units) border(p int) int {
	if u.ends == nil || p <= 0 {
		return p
	}
	i, _ := slices.BinarySearch(u.ends, p)
	if i == len(u.ends) {
		return u.rows
	}
	before := 0
	if i > 0 {
		before = u.ends[i-1]
	}
	if p-before < u.ends[i]-p {
		return before
	}
	return u.ends[i]
}

// arc is how many positions from one border on, on the circle of all, come nearest to a number of them and end at a border.
func (u units) arc(from, wanted int) int {
	if end := from + wanted; end > u.rows {
		return u.rows + u.border(end-u.rows) - from
	}
	return u.border(from+wanted) - from
}

// some is how many rows a number of units have, on average; 0 if every position is a unit.
func (u units) some(count int) int {
	if u.ends == nil {
		return 0
	}
	return count * u.rows / len(u.ends)
}

// within returns the sizes of the units from position lo to hi, which are borders; nil if
// every position is a unit.
func (u units) within(lo, hi int) []int {
	if u.ends == nil {
		return nil
	}
	sizes := []int{}
	for _, end := range u.ends {
		if end > lo && end <= hi {
			sizes = append(sizes, end-lo)
			lo = end
		}
	}
	return sizes
}

// leastClusters is the fewest units to test a fold on: with one there is nothing to tell its
// error by.
const leastClusters = 2

// tested is what critics say together about the test rows of a fold.
type tested struct {
	backend.Evaluation
	logU      float64   // of its validation rows
	influence []float64 // of the rows, see backend.Evaluation
	clusters  []int     // sizes of the units that the rows are; nil if they are independent
	weight    float64   // of all critics together
	trained   float64   // their bound on the rows that they were trained on
	learnt    int       // how many rows these are
	others    int       // and how many there are beside the test rows
}

// variance is that of the bound, as backend.Evaluation.Variance has it where rows are
// independent. Where units are, their influence values are sums over their rows:
//
//	C/(C-1) sum_c ( sum_(i in c) IF_i )^2 / n^2,   less the noise of few marginal pairs
//
// for C units (Liang and Zeger 1986). It is never less than that of independent rows.
func (t tested) variance() float64 {
	least := t.Variance()
	if t.clusters == nil {
		return least
	}
	n := float64(t.Rows)
	v := unitSquares(t.influence, t.clusters) / (n * n)
	noise := t.VarG / float64(t.Pairs)
	return max(v-noise, v/4, least)
}

// unitSquares is C/(C-1) times the sum over C units of the squares of their sums of values. sizes are
// those of the units; nil if every value is one.
func unitSquares(values []float64, sizes []int) float64 {
	var squares float64
	if sizes == nil {
		for _, v := range values {
			squares += v * v
		}
		n := float64(len(values))
		return n / (n - 1) * squares
	}
	i := 0
	for _, size := range sizes {
		var sum float64
		for _, v := range values[i : i+size] {
			sum += v
		}
		squares += sum * sum
		i += size
	}
	c := float64(len(sizes))
	return c / (c - 1) * squares
}

// freedom is the degrees of freedom of the variance, 0 where rows are independent.
func (t tested) freedom() int { return max(0, len(t.clusters)-1) }

// bound is the bound of one fold by itself.
func (t tested) bound(confidence float64) (Bound, error) {
	b, err := NewBound(t.Evaluation, t.logU, confidence)
	if err != nil || t.clusters == nil {
		return b, err
	}
	b.StdErr = math.Sqrt(t.variance())
	return b.limited(float64(t.Rows), confidence, t.freedom()), nil
}

// trained is the mean over the folds, weighted by their test rows, of the bound on the training rows.
func trained(folds []tested) float64 {
	var sum, rows float64
	for _, t := range folds {
		sum, rows = sum+float64(t.Rows)*t.trained, rows+float64(t.Rows)
	}
	return sum / rows
}

// poolBounds is the mean of bounds on different rows, weighted by their rows,
//
//	V = sum_f s_f V_f,   Var V = sum_f s_f^2 Var V_f + (1 - sum_f s_f^2) D a^2 W (V_train - V)+ / m
//
// with s_f the share of fold f. The second term is the covariance of two folds, whose critics have learnt
// from each other's test rows: m are the training rows, a share a of all that are not tested on, V_train is the bound on them,
// W the sum of the critics' weights, and D >= 1 how much larger the variance is because rows are units; see doc/mathematics.md.
func poolBounds(folds []tested, confidence float64) (Bound, error) {
	var all Bound
	var rows, most, freedom int
	for _, t := range folds {
		rows += t.Rows
		most = max(most, t.Rows)
		freedom += t.freedom()
	}
	var variance, independent, squares, optimism, learnt, seen float64
	for _, t := range folds {
		b, err := t.bound(confidence)
		if err != nil {
			return Bound{}, err
		}
		share := float64(t.Rows) / float64(rows)
		all.Estimate += share * b.Estimate
		all.NWJ += share * b.NWJ
		variance += share * share * t.variance()
		independent += share * share * t.Variance()
		squares += share * share
		optimism += share * t.weight * (t.trained - b.Estimate)
		learnt += share * float64(t.learnt)
		seen += share * float64(t.learnt) / float64(t.others)
	}
	if len(folds) > 1 && optimism > 0 && independent > 0 {
		variance += (1 - squares) * variance / independent * seen * seen * optimism / learnt
	}
	all.StdErr = math.Sqrt(variance)
	return all.limited(float64(most), confidence, freedom), nil
}
