package simulate

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// A VAR is a stationary normal vector autoregressive series,
//
//	s(t) = A s(t-1) + e(t),   e ~ N(0, C) independent of all before,
//
// the first DX columns of which are X, and the DZ others Z. What these tell about each other over
// time is known. It does not change, and is safe for concurrent use.
type VAR struct {
	DX, DZ int

	a     *mat.Dense
	noise *mat.TriDense // the lower Cholesky factor of C
	// covariance is that of s(t), S = A S A' + C, and start its lower factor.
	covariance *mat.Dense
	start      *mat.TriDense
}

// doublings is how often A is squared: an A with a spectral radius of 1 - 1e-9 is below 1e-400 then.
const doublings = 40

// NewVAR returns the series of which dx columns are X. a is [d, d], and noise, C, is symmetric and
// positive definite. An A with a spectral radius of 1 or more, which has no stationary law, is an error.
func NewVAR(dx int, a *mat.Dense, noise *mat.SymDense) (*VAR, error) {
	d, columns := a.Dims()
	if columns != d || noise.SymmetricDim() != d {
		return nil, fmt.Errorf("simulate: var: A is [%d, %d], and noise [%d, %d]: want as many rows as columns, the same in both", d, columns, noise.SymmetricDim(), noise.SymmetricDim())
	}
	if dx < 1 || dx >= d {
		return nil, fmt.Errorf("simulate: var: %w", &ParamError{"dx", dx, fmt.Sprintf("1 to %d of %d columns", d-1, d)})
	}
	v := &VAR{DX: dx, DZ: d - dx, a: mat.DenseCopyOf(a)}
	var ok bool
	if v.noise, ok = factorOf(noise); !ok {
		return nil, fmt.Errorf("simulate: var: the covariance of the noise is not positive definite")
	}
	// S_2n = S_n + A^n S_n A'^n sums C + A C A' + A^2 C A'^2 + ..
	s, power := mat.DenseCopyOf(noise), mat.DenseCopyOf(a)
	for range doublings {
		var more, square mat.Dense
		more.Product(power, s, power.T())
		s.Add(s, &more)
		square.Mul(power, power)
		power = &square
	}
	if size := mat.Norm(power, 2); !(size < 1e-9) {
		return nil, fmt.Errorf("simulate: var: A has a spectral radius of 1 or more: the series has no stationary law")
	}
	v.covariance = s
	if v.start, ok = factorOf(symmetric(s)); !ok {
		return nil, fmt.Errorf("simulate: var: the covariance of the series is not positive definite in float64")
	}
	return v, nil
}

// symmetric is a matrix whose halves differ by rounding alone.
func symmetric(m *mat.Dense) *mat.SymDense {
	d, _ := m.Dims()
	s := mat.NewSymDense(d, nil)
	for i := range d {
		for j := i; j < d; j++ {
			s.SetSym(i, j, (m.At(i, j)+m.At(j, i))/2)
		}
	}
	return s
}

// factorOf is the lower Cholesky factor.
func factorOf(s *mat.SymDense) (*mat.TriDense, bool) {
	var c mat.Cholesky
	if !c.Factorize(s) {
		return nil, false
	}
	var l mat.TriDense
	c.LTo(&l)
	return &l, true
}

// Sample draws successive rows of one series: x is [rows, DX], z is [rows, DZ], row-major.
func (v *VAR) Sample(rows int, seed uint64) (x, z []float64) {
	r := newRand(seed, seriesStream)
	d := v.DX + v.DZ
	x, z = make([]float64, 0, max(0, rows)*v.DX), make([]float64, 0, max(0, rows)*v.DZ)
	normal := func(factor *mat.TriDense) *mat.VecDense {
		n, e := mat.NewVecDense(d, nil), mat.NewVecDense(d, nil)
		for i := range d {
			n.SetVec(i, r.NormFloat64())
		}
		e.MulVec(factor, n)
		return e
	}
	s := normal(v.start)
	for range rows {
		x, z = append(x, s.RawVector().Data[:v.DX]...), append(z, s.RawVector().Data[v.DX:]...)
		next := normal(v.noise)
		var moved mat.VecDense
		moved.MulVec(v.a, s)
		next.AddVec(next, &moved)
		s = next
	}
	return x, z
}

// Transfer returns the transfer entropy in both directions, in nats, for a past of lag rows, from
// t-lag+1 to t, and a future of the row t+horizon:
//
//	I(X past; Z future | Z past) = 1/2 ln( det Var(Z future | Z past) / det Var(Z future | Z past, X past) )
//
// by the covariances of the rows, Cov(s(t+k), s(t)) = A^k S. For a normal law it is half of
// Granger's causality in the form of Geweke (Barnett, Barrett and Seth, Granger causality and
// transfer entropy are equivalent for Gaussian variables, Physical Review Letters 103, 2009). It is NaN
// where the past says so much that the covariances are singular in float64.
func (v *VAR) Transfer(lag, horizon int) (xToZ, zToX float64) {
	var times []int
	for k := range lag {
		times = append(times, -k)
	}
	xs, zs := v.columns(0, v.DX, times...), v.columns(v.DX, v.DX+v.DZ, times...)
	x, z := v.columns(0, v.DX, horizon), v.columns(v.DX, v.DX+v.DZ, horizon)
	return v.conditional(xs, z, zs), v.conditional(zs, x, xs)
}

// Lagged returns I(X(t); Z(t+lag)) in nats, for a lag of any sign.
func (v *VAR) Lagged(lag int) float64 {
	return v.conditional(v.columns(0, v.DX, 0), v.columns(v.DX, v.DX+v.DZ, lag), nil)
}

// A variable is a column at a time.
type variable struct{ column, time int }

// columns are the columns [from, to) at some times.
func (v *VAR) columns(from, to int, times ...int) (all []variable) {
	for _, t := range times {
		for c := from; c < to; c++ {
			all = append(all, variable{c, t})
		}
	}
	return all
}

// conditional returns I(a; b | c) of variables,
//
//	1/2 ln( det S_ac det S_bc / (det S_c det S_abc) )
func (v *VAR) conditional(a, b, c []variable) float64 {
	with := func(groups ...[]variable) float64 {
		var all []variable
		for _, g := range groups {
			all = append(all, g...)
		}
		return v.logDet(all)
	}
	return (with(c, a) + with(c, b) - with(c) - with(c, a, b)) / 2
}

// logDet is the logarithm of the determinant of the covariance of some variables, 0 of none; NaN
// where it is singular in float64.
func (v *VAR) logDet(all []variable) float64 {
	if len(all) == 0 {
		return 0
	}
	lowest, highest := math.MaxInt, math.MinInt
	for _, q := range all {
		lowest, highest = min(lowest, q.time), max(highest, q.time)
	}
	lags := []*mat.Dense{v.covariance} // A^k S
	for len(lags) <= highest-lowest {
		var next mat.Dense
		next.Mul(v.a, lags[len(lags)-1])
		lags = append(lags, &next)
	}
	s := mat.NewSymDense(len(all), nil)
	for i, p := range all {
		for j, q := range all[:i+1] {
			later, earlier := p, q
			if q.time > p.time {
				later, earlier = q, p
			}
			s.SetSym(i, j, lags[later.time-earlier.time].At(later.column, earlier.column))
		}
	}
	var c mat.Cholesky
	if !c.Factorize(s) {
		return math.NaN()
	}
	return c.LogDet()
}
