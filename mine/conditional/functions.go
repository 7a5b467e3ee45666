package conditional

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"gomine/mine"
	"gomine/mine/column"
)

const (
	// leastPerValue is the fewest rows for each value of a condition, on average, where functions of it
	// are looked for: of ids, of which nearly every row has its own, everything is a function.
	leastPerValue = 2
	// leastAgreeing is the fewest rows that have to agree with others: of 100, all do once in 170 times where
	// one in 20 should not.
	leastAgreeing = 100
	// mostByChance is how likely shuffled rows may make a column a function of the condition for it to
	// be called one.
	mostByChance = 1e-6
)

// A condition of few values: columns of Y, as the number of a value in each row.
type fewValued struct {
	names  []string
	values []int32
	count  int // of different values
}

// checkFunctions reports columns of X that have one value in all rows of each value of a column of Y,
// or of several together. Units are of those that tell nothing new, see unitsOf.
func (d Data) checkFunctions(units []int) error {
	var few []int
	counts := map[int]int{}
	for j := range d.Given.Columns() {
		v, err := newFewValued(d.Given, j)
		if err != nil {
			return err
		}
		if v == nil {
			continue
		}
		if err := d.checkFunctionsOf(v, units); err != nil {
			return err
		}
		few, counts[j] = append(few, j), v.count
	}
	slices.SortStableFunc(few, func(a, b int) int { return cmp.Compare(counts[a], counts[b]) })
	var joint *fewValued
	for _, j := range few {
		v, err := newFewValued(d.Given, j)
		if err != nil {
			return err
		}
		if joint != nil {
			if v = joint.with(v); v == nil {
				break
			}
		}
		joint = v
	}
	if joint == nil || len(joint.names) == 1 {
		return nil
	}
	return d.checkFunctionsOf(joint, units)
}

// newFewValued numbers the values of a column; it returns nil if they are too many.
func newFewValued(s column.Source, j int) (*fewValued, error) {
	n := s.Rows()
	read := make([]float64, n)
	if err := s.Read(read, 0, n, j, j+1); err != nil {
		return nil, err
	}
	return numbered([]string{s.Columns()[j].Name}, n, func(i int) float64 { return read[i] }), nil
}

// with returns the values of both together; nil if they are too many.
func (v *fewValued) with(w *fewValued) *fewValued {
	return numbered(slices.Concat(v.names, w.names), len(v.values), func(i int) [2]int32 { return [2]int32{v.values[i], w.values[i]} })
}

// numbered numbers the values of n rows in the order in which they come.
func numbered[T comparable](names []string, n int, at func(i int) T) *fewValued {
	v, known := &fewValued{names: names, values: make([]int32, n)}, map[T]int32{}
	for i := range n {
		value := at(i)
		k, old := known[value]
		if !old {
			k = int32(len(known))
			known[value] = k
			if len(known)*leastPerValue > n {
				return nil
			}
		}
		v.values[i] = k
	}
	v.count = len(known)
	return v
}

// checkFunctionsOf reports columns of X that are functions of a condition.
func (d Data) checkFunctionsOf(v *fewValued, units []int) error {
	var sizes []int
	for j, c := range d.X.Columns() {
		of, err := v.function(d.X, j)
		if err != nil {
			return err
		}
		if of == nil {
			continue
		}
		if sizes == nil {
			sizes = v.sizes(units)
		}
		if surprising(of, sizes) {
			name := "column " + v.names[0]
			if len(v.names) > 1 {
				name = "columns " + strings.Join(v.names, ", ")
			}
			return fmt.Errorf("conditional: column %s of x is %w by the condition y: rows with the same value of %s of y have the same value of it, so that it has nothing left to tell of z; leave it out of x, or what determines it out of y",
				c.Name, ErrDetermined, name)
		}
	}
	return nil
}

// function returns the value of a column for each value of the condition; nil if there are several
// for one. The first rows tell that of nearly all columns, before there is room for all values of the condition.
func (v *fewValued) function(s column.Source, j int) ([]float64, error) {
	first := map[int32]float64{}
	n := s.Rows()
	rows := make([]float64, min(n, rowsAtOnce))
	for lo := 0; lo < n; lo += rowsAtOnce {
		hi := min(n, lo+rowsAtOnce)
		if err := s.Read(rows[:hi-lo], lo, hi, j, j+1); err != nil {
			return nil, err
		}
		for i, k := range v.values[lo:hi] {
			if value, known := first[k]; known && value != rows[i] {
				return nil, nil
			}
			first[k] = rows[i]
		}
	}
	of := make([]float64, v.count)
	for k, value := range first {
		of[k] = value
	}
	return of, nil
}

// sizes returns how many rows each value of the condition has, those of one unit counted once.
func (v *fewValued) sizes(units []int) []int {
	all := make([]int, v.count)
	seen := map[[2]int]bool{}
	for i, k := range v.values {
		if units != nil {
			key := [2]int{units[i], int(k)}
			if units[i] < 0 || seen[key] {
				continue
			}
			seen[key] = true
		}
		all[k]++
	}
	return all
}

// surprising reports whether chance does not make a column have the value of[k] in all sizes[k] rows
// of value k of a condition. Of all orders of the n rows with their n_v of each value v, those that
// give every value of the condition one value, and g_v of these values the value v, are a share of
//
//	( G! / prod_v g_v! ) / ( n! / prod_v n_v! )
//
// at most, G of them in all: at most one for each order of the values v among those of the condition.
// So a rare value has to be there in many rows, or in all rows of few of many values of the condition.
func surprising(of []float64, sizes []int) bool {
	rows, values := map[float64]int{}, map[float64]int{}
	n, count := 0, 0
	for k, size := range sizes {
		if size > 0 {
			rows[of[k]] += size
			values[of[k]]++
			n, count = n+size, count+1
		}
	}
	return n >= leastPerValue*count && n-count >= leastAgreeing && logOrders(values)-logOrders(rows) < math.Log(mostByChance)
}

// logOrders is the logarithm of the number of orders of so many of each value.
func logOrders(counts map[float64]int) float64 {
	total, log := 0, 0.0
	for _, c := range counts {
		l, _ := math.Lgamma(float64(c) + 1)
		total, log = total+c, log-l
	}
	l, _ := math.Lgamma(float64(total) + 1)
	return log + l
}

// unitsOf returns the number of the block or group of each row that is tested on, and -1 for others;
// nil where every row is one.
func unitsOf(folds []mine.FoldRows, rows int) []int {
	units, count := slices.Repeat([]int{-1}, rows), 0
	for _, f := range folds {
		if f.Units == nil {
			return nil
		}
		at := 0
		for _, size := range f.Units {
			for _, i := range f.Test[at : at+size] {
				units[i] = count
			}
			at, count = at+size, count+1
		}
	}
	return units
}
