// Package gaussian has the critic in closed form of two vectors that are jointly
// normal.
package gaussian

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"gomine/mine/backend"
)

// A Critic scores pairs of rows of x [n, dx] and z [n, dz] by the log density ratio
// log p(x,z)/p(x)p(z) of a normal law, in nats: with canonical variates p_k and q_k,
// of unit variance and correlations rho_k (Hotelling 1936), and all else uncorrelated,
//
//	T = sum_k -ln(1-rho_k^2)/2 + (2 rho_k p_k q_k - rho_k^2 (p_k^2 + q_k^2)) / (2 (1-rho_k^2))
//
// or Least where that is less.
type Critic struct {
	X, Z Projection
	Rho  []float64 // min(dx, dz), from the largest down
	// Least is -ln n after n rows: no pair that was not among them is known to be
	// rarer. Without it, one wrong row among columns that nearly determine each other
	// would score minus millions.
	Least float64
}

// ErrNotConverged says that the correlations have no decomposition, as where inputs are
// not finite.
var ErrNotConverged = errors.New("gaussian: the decomposition of the correlations does not converge")

// A Projection takes rows to their canonical variates: (row - Mean) W.
type Projection struct {
	Mean []float64
	W    *mat.Dense // [columns, len(Rho)]
}

// mostRho bounds correlations: columns that determine each other would make the
// critic infinite.
const mostRho = 1 - 1e-6

// Moments are the means and covariances of the columns of some rows. They are not safe for
// concurrent use.
type Moments struct {
	n          int
	x, z       []float64
	xx, xz, zz *mat.Dense

	white map[float64][2]*mat.Dense // what whitens x and z, by Structure.Apart
	whole map[Structure]*Critic     // those of all ranks
}

// NewMoments returns the moments of rows [0, n) of x and z.
func NewMoments(x, z backend.Matrix, n int) (*Moments, error) {
	if n < 2 || n > x.Rows || n > z.Rows {
		return nil, fmt.Errorf("gaussian: %d rows of %d and %d, want at least 2: %w", n, x.Rows, z.Rows, backend.ErrShape)
	}
	m := &Moments{n: n, x: means(x, n), z: means(z, n), white: map[float64][2]*mat.Dense{}, whole: map[Structure]*Critic{}}
	m.xx, m.xz, m.zz = covariance(x, x, n, m.x, m.x), covariance(x, z, n, m.x, m.z), covariance(z, z, n, m.z, m.z)
	return m, nil
}

// Rows is how many rows they are of.
func (m *Moments) Rows() int { return m.n }

// A Structure is what is supposed of the correlations of many columns, which a sample
// shows too large. The zero value supposes nothing.
type Structure struct {
	// Apart, in [0, 1], is how much smaller the correlations among the columns of x, and
	// among those of z, are than in the sample; at 1 there are none.
	Apart float64
	// Least is the size below which the correlation of a column of x and one of z
	// counts as none, in standard errors n^-1/2 of one that is none.
	Least float64
	// Rank, if not 0, is how many canonical variates there are at most: the first ones of what
	// else is supposed. Their variances and correlations are then those of the sample, whose
	// correlations among the columns of a side are shrunk as its noise tells, see apart.
	Rank int
}

// apart returns by how much the correlations r among columns with covariances s of n rows are to
// be made smaller for the least expected squared error (Schäfer and Strimmer 2005), of normal ones
//
//	sum (1-r^2)^2/n / sum r^2, at most 1
//
// over pairs of columns.
func apart(s *mat.Dense, n int) float64 {
	d, _ := s.Dims()
	var noise, all float64
	for i := range d {
		for j := range i {
			v := s.At(i, i) * s.At(j, j)
			if v == 0 {
				continue
			}
			r2 := s.At(i, j) * s.At(i, j) / v
			noise += (1 - r2) * (1 - r2) / float64(n)
			all += r2
		}
	}
	if noise >= all {
		return 1
	}
	return noise / all
}

// Critic returns the critic of the moments. Directions in which the rows hardly vary
// count for nothing.
func (m *Moments) Critic(s Structure) (*Critic, error) {
	rank := s.Rank
	s.Rank = 0
	c, known := m.whole[s]
	if !known {
		var err error
		if c, err = m.correlated(s); err != nil {
			return nil, err
		}
		m.whole[s] = c
	}
	if rank > 0 && rank < len(c.Rho) {
		return m.first(rank, c)
	}
	return c, nil
}

// correlated is the critic of all variates.
func (m *Moments) correlated(s Structure) (*Critic, error) {
	w, known := m.white[s.Apart]
	if !known {
		for i, side := range []*mat.Dense{m.xx, m.zz} {
			var err error
			if w[i], err = whiten(shrunk(side, s.Apart)); err != nil {
				return nil, err
			}
		}
		m.white[s.Apart] = w
	}
	xz := mat.DenseCopyOf(m.xz)
	least := s.Least * s.Least / float64(m.n)
	xz.Apply(func(i, j int, v float64) float64 {
		if v*v < least*m.xx.At(i, i)*m.zz.At(j, j) {
			return 0
		}
		return v
	}, xz)
	return m.correlate(w[0], xz, w[1])
}

// first is the critic of the first k variates of c.
func (m *Moments) first(k int, c *Critic) (*Critic, error) {
	w := [2]*mat.Dense{columns(c.X.W, k), columns(c.Z.W, k)}
	for i, side := range []*mat.Dense{m.xx, m.zz} {
		var s, scaled mat.Dense
		s.Product(w[i].T(), shrunk(side, apart(side, m.n)), w[i])
		white, err := whiten(shrunk(&s, 0))
		if err != nil {
			return nil, err
		}
		scaled.Mul(w[i], white)
		w[i] = &scaled
	}
	return m.correlate(w[0], m.xz, w[1])
}

// columns are the first k of m.
func columns(m *mat.Dense, k int) *mat.Dense {
	rows, _ := m.Dims()
	return m.Slice(0, rows, 0, k).(*mat.Dense)
}

// correlate finds the canonical variates by what whitens x and z, and their covariances.
func (m *Moments) correlate(wx, xz, wz *mat.Dense) (*Critic, error) {
	var white mat.Dense
	white.Product(wx.T(), xz, wz)
	var svd mat.SVD
	if !svd.Factorize(&white, mat.SVDThin) {
		return nil, ErrNotConverged
	}
	var u, v, x, z mat.Dense
	svd.UTo(&u)
	svd.VTo(&v)
	x.Mul(wx, &u)
	z.Mul(wz, &v)
	c := &Critic{X: Projection{m.x, &x}, Z: Projection{m.z, &z}, Rho: svd.Values(nil), Least: -math.Log(float64(m.n))}
	for k, r := range c.Rho {
		c.Rho[k] = math.Min(r, mostRho)
	}
	return c, nil
}

// Shrunk returns the critic with all correlations multiplied by s in [0, 1]. Sample
// correlations of many columns are too large.
func (c *Critic) Shrunk(s float64) *Critic {
	shrunk := &Critic{X: c.X, Z: c.Z, Rho: make([]float64, len(c.Rho)), Least: c.Least}
	for k, r := range c.Rho {
		shrunk.Rho[k] = s * r
	}
	return shrunk
}

// Score returns T of a pair's canonical variates.
func (c *Critic) Score(p, q []float64) float64 { return c.Scorer().Score(p, q) }

// A Scorer is a Critic to score many pairs with.
type Scorer struct {
	terms []term // of the correlations
	least float64
}

// term is what a correlation r adds to T, offset + (2 r p q - r^2 (p^2 + q^2)) / divisor.
type term struct{ r, offset, divisor float64 }

// Scorer returns a scorer of the critic.
func (c *Critic) Scorer() Scorer {
	s := Scorer{make([]term, len(c.Rho)), c.Least}
	for k, r := range c.Rho {
		rest := 1 - r*r
		s.terms[k] = term{r, -math.Log(rest) / 2, 2 * rest}
	}
	return s
}

// Score returns T of a pair's canonical variates.
func (s Scorer) Score(p, q []float64) float64 { return max(s.score(p, q), s.least) }

func (s Scorer) score(p, q []float64) float64 {
	var t float64
	for k, m := range s.terms {
		t += m.offset + (2*m.r*p[k]*q[k]-m.r*m.r*(p[k]*p[k]+q[k]*q[k]))/m.divisor
	}
	return t
}

// Gradient stores the derivatives of T with respect to a pair's canonical variates.
func (s Scorer) Gradient(p, q, gp, gq []float64) {
	if s.score(p, q) < s.least {
		clear(gp)
		clear(gq)
		return
	}
	for k, m := range s.terms {
		r, rest := m.r, m.divisor/2
		gp[k], gq[k] = (r*q[k]-r*r*p[k])/rest, (r*p[k]-r*r*q[k])/rest
	}
}

// Variates returns the canonical variates of rows [lo, hi), [hi-lo, len(Rho)].
func (p Projection) Variates(m backend.Matrix, lo, hi int) *mat.Dense {
	const block = 1024
	_, k := p.W.Dims()
	out := mat.NewDense(hi-lo, k, nil)
	centred := mat.NewDense(block, m.Cols, nil)
	for at := lo; at < hi; at += block {
		n := min(block, hi-at)
		for i := range n {
			row := centred.RawRowView(i)
			for j, v := range m.Row(at + i) {
				row[j] = float64(v) - p.Mean[j]
			}
		}
		out.Slice(at-lo, at-lo+n, 0, k).(*mat.Dense).Mul(centred.Slice(0, n, 0, m.Cols), p.W)
	}
	return out
}

func means(m backend.Matrix, n int) []float64 {
	out := make([]float64, m.Cols)
	for i := range n {
		for j, v := range m.Row(i) {
			out[j] += float64(v) / float64(n)
		}
	}
	return out
}

// covariance returns the covariances of the columns of a with those of b.
func covariance(a, b backend.Matrix, n int, meanA, meanB []float64) *mat.Dense {
	out := mat.NewDense(a.Cols, b.Cols, nil)
	for i := range n {
		rowB := b.Row(i)
		for j, v := range a.Row(i) {
			to, d := out.RawRowView(j), float64(v)-meanA[j]
			for k, w := range rowB {
				to[k] += d * (float64(w) - meanB[k])
			}
		}
	}
	out.Scale(1/float64(n), out)
	return out
}

// flat is the variance, as a share of the largest one of any direction, below which
// a direction counts as constant: some rounding errors of float32.
const flat = 1e-6

// shrunk returns the covariances s, apart of them off the diagonal taken away.
func shrunk(s mat.Matrix, apart float64) *mat.SymDense {
	n, _ := s.Dims()
	out := mat.NewSymDense(n, nil)
	for i := range n {
		out.SetSym(i, i, s.At(i, i))
		for j := i + 1; j < n; j++ {
			out.SetSym(i, j, (1-apart)*s.At(i, j))
		}
	}
	return out
}

// whiten returns W with W^T S W = 1 where S varies, and 0 elsewhere, with S the covariances s.
func whiten(s *mat.SymDense) (*mat.Dense, error) {
	n := s.SymmetricDim()
	var eigen mat.EigenSym
	if !eigen.Factorize(s, true) {
		return nil, ErrNotConverged
	}
	values := eigen.Values(nil)
	var w mat.Dense
	eigen.VectorsTo(&w)
	for j, v := range values {
		scale := 0.0
		if v > flat*values[n-1] && v > 0 {
			scale = 1 / math.Sqrt(v)
		}
		for i := range n {
			w.Set(i, j, w.At(i, j)*scale)
		}
	}
	return &w, nil
}
