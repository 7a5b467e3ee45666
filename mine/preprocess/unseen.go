package preprocess

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"gomine/mine/column"
)

// An Unseen says how much of a column of other rows maps were not fitted to: numbers outside the
// fitted range, which count as its ends, or labels that the maps do not know, which count as rare.
type Unseen struct {
	Side    string // "x" or "z"
	Column  string
	Rows    int // that were given
	Unknown int // of them, those with such a value

	Min, Max float64 // of the fitted values, of a column of numbers

	Labels  []string // that are known, of a column of codes; not to be modified
	Rare    int      // how many of them are rare, at most
	Example string   // a label that is not known, if there is one
}

// CountUnseen counts, for every column that becomes an input by some of the maps, the rows of x and z
// whose value none of the maps has been fitted to. The maps are of the same columns. Errors are those of
// Maps.Apply.
func CountUnseen(maps []Maps, x, z column.Source) ([]Unseen, error) {
	if err := checkPaired(x, z); err != nil {
		return nil, err
	}
	var sides [2][]Side
	for _, m := range maps {
		sides[0], sides[1] = append(sides[0], m.X), append(sides[1], m.Z)
	}
	var all []Unseen
	for i, given := range []column.Source{x, z} {
		counts, err := countUnseen(sides[i], given)
		if err != nil {
			return nil, err
		}
		all = append(all, counts...)
	}
	return all, nil
}

// countUnseen is CountUnseen of one side.
func countUnseen(sides []Side, given column.Source) ([]Unseen, error) {
	if len(sides) == 0 {
		return nil, nil
	}
	known, err := sides[0].accept(given)
	if err != nil {
		return nil, err
	}
	var all []Unseen
	for j, c := range sides[0].columns {
		u := Unseen{Side: sides[0].name, Column: c.Name, Rows: given.Rows(), Labels: c.Labels, Min: math.Inf(1), Max: math.Inf(-1)}
		used := false
		for _, s := range sides {
			if m := &s.maps[j]; !m.constant {
				used = true
				u.widen(m)
			}
		}
		if !used {
			continue
		}
		if err := u.count(known, given, j); err != nil {
			return nil, err
		}
		all = append(all, u)
	}
	return all, nil
}

// widen takes what a map was fitted to as seen.
func (u *Unseen) widen(m *Map) {
	if u.Labels != nil {
		rare := 0
		for _, k := range m.codes.input {
			if k < 0 {
				rare++
			}
		}
		u.Rare, u.Min, u.Max = max(u.Rare, rare), 0, 0
		return
	}
	lo, hi := m.min, m.max
	if m.codes != nil && len(m.codes.values) > 0 { // whole numbers that are taken for codes
		lo, hi = m.codes.values[0], m.codes.values[len(m.codes.values)-1]
	}
	u.Min, u.Max = min(u.Min, lo), max(u.Max, hi)
}

// count counts the values of column j, which known has by the codes that were fitted, and given by its own.
func (u *Unseen) count(known, given column.Source, j int) error {
	values := make([]float64, min(u.Rows, blockRows))
	for lo := 0; lo < u.Rows; lo += len(values) {
		hi := min(u.Rows, lo+len(values))
		if err := known.Read(values, lo, hi, j, j+1); err != nil {
			return err
		}
		for i, v := range values[:hi-lo] {
			if u.Labels != nil && v >= 0 || u.Labels == nil && !beyond(v, u.Max) && !beyond(-v, -u.Min) {
				continue
			}
			if u.Unknown == 0 && u.Labels != nil {
				var own [1]float64
				if err := given.Read(own[:], lo+i, lo+i+1, j, j+1); err != nil {
					return err
				}
				u.Example = given.Columns()[j].Labels[int(own[0])]
			}
			u.Unknown++
		}
	}
	return nil
}

// beyond reports whether v is above an end. Either may have been rounded to float32 when it was read, and
// the other not.
func beyond(v, end float64) bool {
	rounded := func(x float64) bool { return x == float64(float32(x)) }
	if rounded(v) || rounded(end) {
		return float32(v) > float32(end)
	}
	return v > end
}

// Chance returns the probability that of so many rows of the law that the maps were fitted to, as many
// have an unknown value, or more. fitted is how many rows they were fitted to. Of numbers without ties,
// j of m new rows are outside the range of n with probability
//
//	(j+1) C(m+n-j-2, n-2) / C(m+n, n),
//
// whatever their law, and with ties fewer are. A label that is new is as probable as those that are there
// once have rows (Good 1953), of which there are no more than rare ones; their number is known by three
// standard errors.
func (u Unseen) Chance(fitted int) float64 {
	m, n := float64(u.Rows), float64(min(fitted, fitRows))
	switch {
	case u.Unknown == 0 || n < 2:
		return 1
	case u.Labels != nil && u.Rare == 0:
		return 0
	case u.Labels != nil:
		rare := float64(u.Rare)
		return distuv.Poisson{Lambda: m * (rare + 3*math.Sqrt(rare)) / n}.Survival(float64(u.Unknown - 1))
	}
	p, fewer := n/(m+n)*(n-1)/(m+n-1), 0.0
	for j := range u.Unknown {
		fewer += p
		p *= float64(j+2) / float64(j+1) * (m - float64(j)) / (m + n - float64(j) - 2)
	}
	return max(0, 1-fewer)
}
