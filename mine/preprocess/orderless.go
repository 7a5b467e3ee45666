package preprocess

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"gomine/mine/column"
)

const (
	// orderlessRows and orderlessColumns are how many rows, and columns of the other side, a
	// column is looked at on.
	orderlessRows    = 10_000
	orderlessColumns = 16
	// leastAlike is the correlation of rows of equal values, and alikeErrors its size in
	// standard errors, from which on they are alike: of a million columns without one, one
	// has six.
	leastAlike  = 0.05
	alikeErrors = 6
)

// An Orderless column holds whole numbers whose order says nothing of a column of the other
// side, and which ones they are much: they may be codes.
type Orderless struct {
	Side, Column     string
	OtherSide, Other string
	Distinct, Rows   int // different values, in so many rows
	// Equal is the correlation of the ranks of Other in two rows of one value, Next that in
	// rows of one value and the next larger one.
	Equal, Next float64
}

// Orderless returns the columns of more whole numbers than Codes takes for codes whose order
// says nothing, as far as the rows at the first n positions show. For ranks u of mean 0 and
// variance 1 of the other column, and sums S_g and Q_g of u and u^2 over the n_g rows of the
// g-th value,
//
//	Equal = sum_g (S_g^2 - Q_g) / sum_g n_g (n_g - 1)
//	Next  = sum_g S_g S_(g+1) / sum_g n_g n_(g+1).
func (p *Pairs) Orderless(n int) ([]Orderless, error) {
	n = min(n, orderlessRows)
	var all []Orderless
	for _, sides := range [][2]rows{{p.x, p.z}, {p.z, p.x}} {
		one, other := sides[0], sides[1]
		var ranks [][]float64
		for j, c := range one.Columns() {
			if c.Kind != column.Integer {
				continue
			}
			values, err := one.column(j, n)
			if err != nil {
				return nil, err
			}
			groups := equalRows(values)
			if len(groups) <= mostWhole || 2*len(groups) > n {
				continue
			}
			if ranks == nil {
				if ranks, err = other.ranks(n); err != nil {
					return nil, err
				}
			}
			for k, u := range ranks {
				if found := alike(groups, u); found.Equal > 0 {
					found.Side, found.Column, found.OtherSide, found.Other = one.name, c.Name, other.name, other.Columns()[k].Name
					found.Distinct, found.Rows = len(groups), n
					all = append(all, found)
					break
				}
			}
		}
	}
	return all, nil
}

// column returns the values of a column at the first n positions.
func (r rows) column(j, n int) ([]float64, error) {
	v := make([]float64, n)
	for i := range v {
		if err := r.readAt(v[i:], i, j, j+1); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// ranks returns the normal quantiles of the ranks, of variance 1, of the first columns at the
// first n positions; nil for those of codes and for constant ones.
func (r rows) ranks(n int) ([][]float64, error) {
	all := make([][]float64, min(orderlessColumns, len(r.Columns())))
	for k := range all {
		v, err := r.column(k, n)
		if err != nil {
			return nil, err
		}
		groups := equalRows(v)
		if r.Columns()[k].Kind == column.Code || len(groups) < 2 {
			continue
		}
		before, square := 0, 0.0
		for _, g := range groups {
			u := distuv.UnitNormal.Quantile((float64(before) + float64(len(g))/2) / float64(n))
			before += len(g)
			square += float64(len(g)) * u * u
			for _, i := range g {
				v[i] = u
			}
		}
		var mean float64
		for _, u := range v {
			mean += u / float64(n)
		}
		unit := 1 / math.Sqrt(square/float64(n)-mean*mean)
		for i := range v {
			v[i] = (v[i] - mean) * unit
		}
		all[k] = v
	}
	return all, nil
}

// equalRows returns the rows of each value, the smallest one first.
func equalRows(values []float64) [][]int {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	var groups [][]int
	for lo, hi := 0, 0; lo < len(order); lo = hi {
		for hi = lo + 1; hi < len(order) && values[order[hi]] == values[order[lo]]; hi++ {
		}
		groups = append(groups, order[lo:hi])
	}
	return groups
}

// alike returns Equal and Next, both 0 where rows of equal values are not alike, or those of
// neighbouring ones may be as alike.
func alike(groups [][]int, u []float64) (o Orderless) {
	if u == nil {
		return o
	}
	var equal, next, pairs, nextPairs, before float64
	for g, rows := range groups {
		var sum, square float64
		for _, i := range rows {
			sum, square = sum+u[i], square+u[i]*u[i]
		}
		n := float64(len(rows))
		equal, pairs = equal+sum*sum-square, pairs+n*(n-1)
		if g > 0 {
			next, nextPairs = next+before*sum, nextPairs+float64(len(groups[g-1]))*n
		}
		before = sum
	}
	if pairs == 0 {
		return o
	}
	equal, next = equal/pairs, next/nextPairs
	// Of products of independent values of variance 1, and, where means of groups differ,
	// of these.
	errEqual := math.Sqrt(2 / pairs)
	errNext := equal/math.Sqrt(float64(len(groups))) + 1/math.Sqrt(nextPairs)
	if equal > max(leastAlike, alikeErrors*errEqual) && next+3*errNext < equal/2 {
		o.Equal, o.Next = equal, next
	}
	return o
}
