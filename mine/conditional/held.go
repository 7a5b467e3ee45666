package conditional

import (
	"cmp"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"

	"gomine/mine"
	"gomine/mine/column"
)

// Held are columns of Y whose values together are the strata that rows are exchanged within: each
// keeps its values of Y there, and what X and Z share through these columns is in all permutations.
type Held struct {
	Columns      []string `json:"columns"`
	Exchangeable int      `json:"exchangeable"` // rows that have all these values in common with another one
	All          bool     `json:"all"`          // whether they are all columns of Y that vary, so that the test is exact

	strata []int
	sizes  map[int]int // rows of each stratum
	left   []int       // columns of Y that are not held
}

const (
	// leastHeld is the share of the rows in strata of enoughHeld rows or more from which on columns are held where
	// regressions would do: permutations within four rows have a quarter less to tell.
	leastHeld, enoughHeld = 0.8, 4
)

// hold returns the columns of Y that are held; nil where none are. All codes and all columns of numbers of few values are if
// most rows are in strata of several, else codes alone if they are so. Codes of few values each are in any case where both X and Z have
// columns that are no numbers: how codes act together a regression of few rows misses, in both alike.
func (d Data) hold(split mine.SplitKind, x, z []shape) (*Held, error) {
	if d.Groups != nil || split != mine.SplitRandom {
		return nil, nil
	}
	y, err := shapesOf(d.Given)
	if err != nil {
		return nil, err
	}
	var coded, few, fewCodes, varied []int
	for j, c := range d.Given.Columns() {
		if len(y[j].values) == 1 {
			continue
		}
		varied = append(varied, j)
		if c.Kind == column.Code {
			coded = append(coded, j)
		}
		if y[j].form == FormChances && c.Kind == column.Code {
			fewCodes = append(fewCodes, j)
		}
		if y[j].form == FormChances || c.Kind == column.Code {
			few = append(few, j)
		}
	}
	both := slices.ContainsFunc(x, shape.classed) && slices.ContainsFunc(z, shape.classed)
	for _, some := range []struct {
		columns []int
		sparse  bool
	}{{few, false}, {coded, false}, {fewCodes, both}} {
		if some.columns == nil {
			continue
		}
		h, enough, err := d.strataOf(some.columns)
		if err != nil {
			return nil, err
		}
		if enough || some.sparse {
			h.All = len(some.columns) == len(varied)
			return h, nil
		}
	}
	return nil, nil
}

// strataOf holds some columns of Y, and reports whether most rows are in strata of several.
func (d Data) strataOf(columns []int) (h *Held, most bool, err error) {
	h = &Held{strata: make([]int, d.X.Rows()), sizes: map[int]int{}}
	values := make([]float64, d.X.Rows())
	for j, c := range d.Given.Columns() {
		if !slices.Contains(columns, j) {
			h.left = append(h.left, j)
			continue
		}
		h.Columns = append(h.Columns, c.Name)
		if err := d.Given.Read(values, 0, len(values), j, j+1); err != nil {
			return nil, false, err
		}
		type pair struct {
			stratum int
			value   float64
		}
		joint := map[pair]int{}
		for i, v := range values {
			key := pair{h.strata[i], v}
			k, known := joint[key]
			if !known {
				k = len(joint)
				joint[key] = k
			}
			h.strata[i] = k
		}
	}
	enough := 0
	for _, s := range h.strata {
		h.sizes[s]++
	}
	for _, n := range h.sizes {
		if n > 1 {
			h.Exchangeable += n
		}
		if n >= enoughHeld {
			enough += n
		}
	}
	return h, float64(enough) >= leastHeld*float64(len(values)), nil
}

// coded returns Y with the numbers that are held as codes too, beside themselves: what x is given them and other columns need not
// follow their order.
func (h *Held) coded(y column.Source) (column.Source, error) {
	all, values := []column.Source{y}, make([]float64, y.Rows())
	for j, c := range y.Columns() {
		if c.Kind == column.Code || slices.Contains(h.left, j) {
			continue
		}
		if err := y.Read(values, 0, len(values), j, j+1); err != nil {
			return nil, err
		}
		texts := make([]string, len(values))
		for i, v := range values {
			texts[i] = valueName(c, v)
		}
		all = append(all, column.Named(column.Codes(texts), c.Name))
	}
	return column.Join(all...), nil
}

// uncover makes U and V where all of Y is held: on one side quantiles, whose law is one in all strata, so that what X and Z share with Y
// is not in I(U;V), and on the other one values less their means in each stratum. Neither changes
// where rows of a stratum are exchanged. Quantiles are of the side with fewer columns of many codes, and then with fewer that are no
// numbers: of codes they are steps.
func (h *Held) uncover(d Data, x, z []shape, seed uint64) (u, v *residuals, err error) {
	count := func(all []shape) (plain, classed int) {
		for _, s := range all {
			if s.plain() {
				plain++
			}
			if s.classed() {
				classed++
			}
		}
		return plain, classed
	}
	plainX, classedX := count(x)
	plainZ, classedZ := count(z)
	turned := plainZ < plainX || plainZ == plainX && classedZ < classedX
	if u, err = h.side(d.X, x, !turned, seed); err != nil {
		return nil, nil, err
	}
	v, err = h.side(d.Z, z, turned, seed)
	return u, v, err
}

// side makes quantiles of columns, or else differences from means: of numbers, of their normal scores, and of few values, of
// whether the row has each; others, and those of one value, are as they are.
func (h *Held) side(x column.Source, shapes []shape, quantiles bool, seed uint64) (*residuals, error) {
	r := &residuals{Source: x, shapes: slices.Clone(shapes)}
	u := 0
	for j := range r.shapes {
		s := &r.shapes[j]
		switch {
		case quantiles && (s.form != FormAsIs || s.plain()):
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
			a, l := h.centre(v)
			left, all = left+l, all+a
			if !quantiles && c < s.columns() {
				r.values[u] = v
				u++
			}
		}
		if all > 0 && !shapes[j].plain() {
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

// centre takes values from their means in each stratum. It returns the sum of squares of values from their mean over all rows that are
// not alone in theirs, and that of values from the means of the other rows of the stratum, as if these had predicted them, but for the
// errors of so few.
func (h *Held) centre(values []float64) (before, after float64) {
	sums := map[int]float64{}
	var sum, rows float64
	for i, s := range h.strata {
		sums[s] += values[i]
		if h.sizes[s] > 1 {
			sum, rows = sum+values[i], rows+1
		}
	}
	for i, s := range h.strata {
		n, v := float64(h.sizes[s]), values[i]
		values[i] -= sums[s] / n
		if n > 1 {
			before += (v - sum/rows) * (v - sum/rows)
			after += values[i] * values[i] * n / (n - 1)
		}
	}
	return before, after
}
