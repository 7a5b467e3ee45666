package conditional

import (
	"cmp"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"gomine/mine"
	"gomine/mine/column"
)

// Held are columns of Y of few values each, those of which together are the strata that rows are exchanged within: each
// keeps its values of Y there, and what X and Z share through these columns is in all permutations.
type Held struct {
	Columns []string `json:"columns"`
	Rows    int      `json:"rows"` // that have all these values in common with another row
	All     bool     `json:"all"`  // whether they are all columns of Y, so that the test is exact

	strata []int
}

const (
	// leastHeld is the share of the rows in strata of enoughHeld rows or more from which on columns are held where
	// regressions would do: permutations within four rows have a quarter less to tell.
	leastHeld, enoughHeld = 0.8, 4
)

// hold returns the columns of Y that are held; nil where none are. All are that have few values, where these are all
// of Y, or where both X and Z have columns of few values: of such, a regression misses what few rows do not show, as how codes
// act together, in both alike. Else they are if most rows are in strata of several.
func (d Data) hold(split mine.SplitKind, x, z []shape) (*Held, error) {
	if d.Groups != nil || split != mine.SplitRandom {
		return nil, nil
	}
	y, err := shapesOf(d.Given)
	if err != nil {
		return nil, err
	}
	h := &Held{strata: make([]int, d.X.Rows()), All: true}
	values := make([]float64, d.X.Rows())
	for j, s := range y {
		if s.values == nil {
			h.All = false
			continue
		}
		c := d.Given.Columns()[j]
		h.Columns = append(h.Columns, c.Name)
		if err := d.Given.Read(values, 0, len(values), j, j+1); err != nil {
			return nil, err
		}
		joint := map[[2]float64]int{}
		for i, v := range values {
			key := [2]float64{float64(h.strata[i]), v}
			k, known := joint[key]
			if !known {
				k = len(joint)
				joint[key] = k
			}
			h.strata[i] = k
		}
	}
	sizes, enough := map[int]int{}, 0
	for _, s := range h.strata {
		sizes[s]++
	}
	for _, n := range sizes {
		if n > 1 {
			h.Rows += n
		}
		if n >= enoughHeld {
			enough += n
		}
	}
	few := func(all []shape) bool {
		return slices.ContainsFunc(all, func(s shape) bool { return s.form == FormChances || s.plain() })
	}
	if h.Columns == nil || !h.All && !(few(x) && few(z)) && float64(enough) < leastHeld*float64(len(values)) {
		return nil, nil
	}
	return h, nil
}

// sides makes U and V where all of Y is held: on one side quantiles, whose law is one in all strata, so that what X and Z share with Y
// is not in I(U;V), and on the other one, of which fewer columns are numbers, values less their means in each stratum. Neither changes
// where rows of a stratum are exchanged.
func (h *Held) sides(d Data, x, z []shape, seed uint64) (u, v *residuals, err error) {
	others := func(all []shape) (n int) {
		for _, s := range all {
			if s.form != FormRegression {
				n++
			}
		}
		return n
	}
	turned := others(z) < others(x)
	if u, err = h.side(d.X, x, !turned, seed); err != nil {
		return nil, nil, err
	}
	v, err = h.side(d.Z, z, turned, seed)
	return u, v, err
}

// side makes quantiles of columns, or else differences from means: of numbers, of their normal scores, and of few values, of
// whether the row has each; others are as they are.
func (h *Held) side(x column.Source, shapes []shape, quantiles bool, seed uint64) (*residuals, error) {
	r := &residuals{Source: x, shapes: slices.Clone(shapes)}
	u := 0
	for j := range r.shapes {
		s := &r.shapes[j]
		switch {
		case quantiles:
			s.form = FormQuantile
		case s.form != FormAsIs:
			s.form = FormCentred
		}
		r.add(j, *s)
		if s.form == FormAsIs {
			u++
			continue
		}
		values, err := levels(x, j, s.values)
		if err != nil {
			return nil, err
		}
		var left, all float64
		_, k := values.Dims()
		for c := range k {
			v := mat.Col(nil, c, values)
			all += stat.PopVariance(v, nil)
			h.centre(v)
			left += stat.PopVariance(v, nil)
			if !quantiles && c < s.columns() {
				r.values[u] = v
				u++
			}
		}
		if all > 0 {
			r.report[j].Explained = 1 - left/all
		}
		if quantiles {
			if err := x.Read(r.values[u], 0, x.Rows(), j, j+1); err != nil {
				return nil, err
			}
			h.quantiles(r.values[u], seed, j)
			u++
		}
	}
	return r, nil
}

// quantiles replaces the values of column j of x by their FormQuantile in each stratum, with the shares of its rows for probabilities.
func (h *Held) quantiles(values []float64, seed uint64, j int) {
	members := map[int][]int{}
	for i, s := range h.strata {
		members[s] = append(members[s], i)
	}
	for _, rows := range members {
		slices.SortFunc(rows, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
		var places []float64
		for lo, hi := 0, 0; lo < len(rows); lo = hi {
			for hi = lo; hi < len(rows) && values[rows[hi]] == values[rows[lo]]; hi++ {
			}
			for _, i := range rows[lo:hi] {
				places = append(places, place(float64(lo)/float64(len(rows)), float64(hi-lo)/float64(len(rows)), seed, j, i))
			}
		}
		for k, i := range rows {
			values[i] = places[k]
		}
	}
}

// levels returns column j of x: whether each row has each of the values, 1 or 0, or, without values, its normal scores, equal
// numbers having one.
func levels(x column.Source, j int, values []float64) (*mat.Dense, error) {
	if values != nil {
		return (&chances{columns: []int{j}, values: [][]float64{values}}).indicators(x)
	}
	n := x.Rows()
	numbers := make([]float64, n)
	if err := x.Read(numbers, 0, n, j, j+1); err != nil {
		return nil, err
	}
	order := make([]int, n)
	floats.Argsort(numbers, order)
	m := mat.NewDense(n, 1, nil)
	for lo, hi := 0, 0; lo < n; lo = hi {
		for hi = lo; hi < n && numbers[hi] == numbers[lo]; hi++ {
		}
		score := distuv.UnitNormal.Quantile(float64(lo+hi) / 2 / float64(n))
		for _, i := range order[lo:hi] {
			m.Set(i, 0, score)
		}
	}
	return m, nil
}

// centre takes values from their means in each stratum.
func (h *Held) centre(values []float64) {
	sums, rows := map[int]float64{}, map[int]float64{}
	for i, s := range h.strata {
		sums[s] += values[i]
		rows[s]++
	}
	for i, s := range h.strata {
		values[i] -= sums[s] / rows[s]
	}
}
