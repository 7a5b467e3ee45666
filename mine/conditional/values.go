package conditional

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"gomine/mine"
	"gomine/mine/column"
)

// byValues is what the values of Y tell of X at least, in nats, by the means of X in rows with the same value: of a normal
// score g of a column of X and a column y of Y, or several together,
//
//	I(X;Y) >= -ln(1 - R^2)/2,   1 - R^2 = E Var(g|y) / Var(g)
//
// for of all laws with their variance normal ones have the most entropy, and the mean of logarithms is at most that of the mean.
// It is asked of |g| too, which tells of a scale, and is 0 where it may be chance. Critics and neighbours need
// rows for each value, of which it needs two. Units are as those of unitsOf: rows of one are not compared.
func byValues(x, y column.Source, units []int) (float64, error) {
	shapes, err := shapesOf(x)
	if err != nil {
		return 0, err
	}
	var scores [][]float64
	for j, s := range shapes {
		if s.form != FormRegression {
			continue
		}
		g, err := levels(x, j, nil)
		if err != nil {
			return 0, err
		}
		signed := mat.Col(nil, 0, g)
		sizes := make([]float64, len(signed))
		for i, v := range signed {
			sizes[i] = math.Abs(v)
		}
		if g, err = levels(column.Slices(sizes), 0, nil); err != nil {
			return 0, err
		}
		scores = append(scores, signed, mat.Col(nil, 0, g))
	}
	conditions, err := conditionsOf(y)
	if err != nil {
		return 0, err
	}
	most := 0.0
	for _, values := range conditions {
		for _, g := range scores {
			most = max(most, values.tell(g, units))
		}
	}
	return most, nil
}

// conditionsOf returns the values of the columns of y of which there are two rows each, on average, and of as many of them together,
// beginning with those of fewest values.
func conditionsOf(y column.Source) (all []*fewValued, err error) {
	for j := range y.Columns() {
		v, err := newFewValued(y, j)
		if err != nil {
			return nil, err
		}
		if v != nil && v.count > 1 {
			all = append(all, v)
		}
	}
	slices.SortStableFunc(all, func(a, b *fewValued) int { return cmp.Compare(a.count, b.count) })
	var joint *fewValued
	for k, v := range all[:len(all):len(all)] {
		if k > 0 {
			if v = joint.with(v); v == nil {
				break
			}
			all = append(all, v)
		}
		joint = v
	}
	return all, nil
}

// tell is -ln(1 - R^2)/2 of g, or 0 if R^2 is within three standard deviations of that of noise.
func (v *fewValued) tell(g []float64, units []int) float64 {
	within, cells, count := spread(g, v.values, units)
	all, _, _ := spread(g, make([]int32, len(g)), units)
	n, k := float64(cells), float64(count)
	if !(within > 0 && all > 0 && n > k && k > 1) {
		return 0
	}
	explained := 1 - within/all
	if explained <= deviations*math.Sqrt(2*(k-1)/((n-1)*(n-k))) {
		return 0
	}
	return -math.Log(1-explained) / 2
}

// spread is half of the mean squared difference of g between a row and another one of the same value and of another unit, over
// the rows that have one: without units, the variance within values, free of bias. Cells are the units of each value, of values that have
// several, and count those values.
func spread(g []float64, values []int32, units []int) (variance float64, cells, count int) {
	type cell struct {
		value int32
		unit  int
	}
	type moments struct{ rows, sum, square float64 }
	of := func(i int) cell {
		if units == nil || units[i] < 0 {
			return cell{values[i], -1 - i}
		}
		return cell{values[i], units[i]}
	}
	own, all, several := map[cell]moments{}, map[int32]moments{}, map[int32]int{}
	for i, v := range g {
		c := of(i)
		m, known := own[c]
		if !known {
			several[c.value]++
		}
		own[c] = moments{m.rows + 1, m.sum + v, m.square + v*v}
		m = all[c.value]
		all[c.value] = moments{m.rows + 1, m.sum + v, m.square + v*v}
	}
	var rows float64
	for i, v := range g {
		c := of(i)
		a, o := all[c.value], own[c]
		if n := a.rows - o.rows; n > 0 {
			variance += (v*v - 2*v*(a.sum-o.sum)/n + (a.square-o.square)/n) / 2
			rows++
		}
	}
	for _, units := range several {
		if units > 1 {
			cells, count = cells+units, count+1
		}
	}
	return variance / rows, cells, count
}

// WarnValues says that critics miss what the values of Y tell.
const WarnValues mine.WarningCode = "values"

// unseen are the warnings of a term that nothing can be learnt from values of Y.
func unseen(r mine.Result) bool {
	return slices.ContainsFunc(r.Warnings, func(w mine.Warning) bool { return w.Code == mine.WarnIDs || w.Code == mine.WarnRare })
}

// answered is whether byValues tells of all columns of x, and of all codes of y.
func answered(x, y column.Source) (bool, error) {
	shapes, err := shapesOf(x)
	if err != nil || slices.ContainsFunc(shapes, func(s shape) bool { return s.form == FormChances || s.plain() }) {
		return false, err
	}
	for j, c := range y.Columns() {
		if c.Kind != column.Code {
			continue
		}
		if v, err := newFewValued(y, j); err != nil || v == nil {
			return false, err
		}
	}
	return true, nil
}

// missed warns where the values of Y tell more of X than the critics find.
func (c *Contrast) missed() []mine.Warning {
	off := max(0, c.Without.Estimate)
	if c.ByValues < off+max(leastShared, deviations*c.Without.StdErr) {
		return nil
	}
	of := map[Way]string{Difference: "x", ByResidual: "what is left of x"}[c.Way]
	return []mine.Warning{{Code: WarnValues, Message: fmt.Sprintf(
		"rows with the same value of the condition tell at least %.3f nats of %s, of which %.3f are taken off: the estimate may be too high by the rest, and the lower limit is lower by it; join codes that are alike, and say --categorical of whole numbers that are codes", c.ByValues, of, off)}}
}
