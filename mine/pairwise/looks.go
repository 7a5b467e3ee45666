package pairwise

import (
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/mathext"
)

// tables counts pairs of bins, and looks at the counts.
type tables struct {
	n    int
	logs []float64 // k ln k for k up to n
	fine [mostBins * mostBins]uint32
}

// newTables looks at tables of n rows. logs are kLogK(n), which tables of several threads share.
func newTables(n int, logs []float64) *tables { return &tables{n: n, logs: logs} }

// kLogK returns k ln k for k from 0 up to n.
func kLogK(n int) []float64 {
	all := make([]float64, n+1)
	for k := 2; k <= n; k++ {
		all[k] = float64(k) * math.Log(float64(k))
	}
	return all
}

// A look is a p-value and the information that it is of, less its bias.
type look struct {
	p, information float64
	count          int // of looks that it is the best of
}

// binned looks at two columns in their fine bins and, where that is something else, in their coarse
// ones. factor is how many rows an independent one is worth. The count is 0 where a column has no bins.
func (t *tables) binned(a, b *prepared, factor float64) look {
	if a.fine == nil || b.fine == nil || float64(t.n) < leastRows*factor {
		return look{p: 1}
	}
	na, nb := len(a.counts), len(b.counts)
	fine := t.fine[:na*nb]
	clear(fine)
	for i, k := range a.fine {
		fine[int(k)*nb+int(b.fine[i])]++
	}
	best := t.test(fine, na, nb, factor)
	best.count = 1
	if !a.joins() && !b.joins() {
		return best
	}
	ca, cb := int(a.coarse[na-1])+1, int(b.coarse[nb-1])+1
	var coarse [mostBins * mostBins]uint32 // one column may have joined none
	for k, count := range fine {
		coarse[int(a.coarse[k/nb])*cb+int(b.coarse[k%nb])] += count
	}
	other := t.test(coarse[:ca*cb], ca, cb, factor)
	return look{min(best.p, other.p), max(best.information, other.information), 2}
}

// test is Wilks' G test of a table of a rows and b columns, none of them empty, with Williams' (1976)
// correction
//
//	q = 1 + (n sum 1/n_i - 1)(n sum 1/n_j - 1) / (6 n (a-1)(b-1))
//
// the last n being that of independent rows.
func (t *tables) test(joint []uint32, a, b int, factor float64) look {
	var rows, columns [mostBins]uint32
	sum := t.logs[t.n]
	for i := range a {
		for j, count := range joint[i*b : (i+1)*b] {
			rows[i] += count
			columns[j] += count
			sum += t.logs[count]
		}
	}
	n := float64(t.n)
	correction := 1.0
	for _, margin := range [][]uint32{rows[:a], columns[:b]} {
		inverse := 0.0
		for _, count := range margin {
			sum -= t.logs[count]
			inverse += n / float64(count)
		}
		correction *= inverse - 1
	}
	degrees := float64((a - 1) * (b - 1))
	q := 1 + factor*correction/(6*n*degrees)
	g := 2 * max(0, sum)
	return look{p: chiSquaredSurvival(g/q/factor, degrees), information: (g - degrees*factor) / (2 * n)}
}

// chiSquaredSurvival is the probability that a chi^2 of some degrees of freedom is above x.
func chiSquaredSurvival(x, degrees float64) float64 {
	if x <= 0 {
		return 1
	}
	return mathext.GammaIncRegComp(degrees/2, x/2)
}

// leastPerColumn is how many rows there have to be for every column of two groups, or Bartlett's law is
// too far off.
const leastPerColumn = 5

// gaussian looks at the cross-correlations [p, q] of two variables, each brought to unit covariance, in
// n rows. n is that of independent rows. The count is 0 where they are too few.
func gaussian(cross *mat.Dense, n float64) look {
	p, q := cross.Dims()
	if n < leastPerColumn*float64(p+q) {
		return look{p: 1}
	}
	if p == 1 && q == 1 {
		r := cross.At(0, 0)
		left := max(0, 1-r*r)
		return look{mathext.RegIncBeta((n-2)/2, 0.5, left), -math.Log(left)/2 - 1/(2*n), 1}
	}
	var svd mat.SVD
	if !svd.Factorize(cross, mat.SVDNone) {
		return look{p: 1} // it does not converge, and says nothing
	}
	information := 0.0
	for _, rho := range svd.Values(nil) {
		information -= math.Log(max(0, 1-rho*rho)) / 2
	}
	degrees := float64(p * q)
	scale := n - 1 - float64(p+q+1)/2
	return look{chiSquaredSurvival(2*scale*information, degrees), information - degrees/(2*n), 1}
}

// unitCovariance returns w [d, k] such that w' r w is the identity, for correlations r [d, d] of rank k:
// what is a function of other columns, but for rounding errors, is left out. nil if k is 0.
func unitCovariance(r *mat.SymDense) *mat.Dense {
	// Scores have rounding errors of 2^-24, so that copies have eigenvalues of some 1e-7.
	const singular = 1e-6
	var eigen mat.EigenSym
	d := r.SymmetricDim()
	if !eigen.Factorize(r, true) {
		return nil
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	values := eigen.Values(nil) // ascending
	first := 0
	for first < d && values[first] < singular*values[d-1] {
		first++
	}
	if first == d {
		return nil
	}
	w := mat.NewDense(d, d-first, nil)
	for k := first; k < d; k++ {
		for i := range d {
			w.Set(i, k-first, vectors.At(i, k)/math.Sqrt(values[k]))
		}
	}
	return w
}

// combine is the look of both kinds together, each of which has half of the level, and the looks of
// a kind equal shares.
func combine(g look, b look) (p float64) {
	kinds := 0.0
	for _, l := range []look{g, b} {
		if l.count > 0 {
			kinds++
		}
	}
	p = 1
	for _, l := range []look{g, b} {
		if l.count > 0 {
			p = min(p, kinds*float64(l.count)*l.p)
		}
	}
	return p
}
