package neighbours

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

// A cloud is rows of some columns, to be searched by distance in the maximum norm. It is a
// k-d tree (Bentley 1975) that lies in the order of its places: the row in the middle of a
// range is its root, those before have at most its value of one column, those behind at least that;
// and so on in both halves by the next column, down to leaves that are searched from end to
// end. Rows that are near each other lie together, and there are no nodes: with those of
// gonum's spatial/kdtree, an estimate of 10,000 rows in 20 + 20 columns took ten times as long.
type cloud struct {
	columns int
	values  []float64 // [n, columns] in the order of places
	place   []int     // of a row
}

// leaf is the most rows that are searched from end to end.
const leaf = 16

// newCloud makes rows searchable by their columns.
func newCloud(columns ...[]float64) *cloud {
	n, d := len(columns[0]), len(columns)
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	var halve func(rows []int, by int)
	halve = func(rows []int, by int) {
		if len(rows) <= leaf {
			return
		}
		v := columns[by]
		slices.SortFunc(rows, func(a, b int) int { return cmp.Compare(v[a], v[b]) })
		middle := len(rows) / 2
		halve(rows[:middle], (by+1)%d)
		halve(rows[middle+1:], (by+1)%d)
	}
	halve(order, 0)
	c := &cloud{d, make([]float64, n*d), make([]int, n)}
	for p, row := range order {
		c.place[row] = p
		for j, v := range columns {
			c.values[p*d+j] = v[row]
		}
	}
	return c
}

func (c *cloud) at(place int) []float64 { return c.values[place*c.columns : (place+1)*c.columns] }

// radius returns the distance from a row to its k-th nearest neighbour.
func (c *cloud) radius(row, k int) float64 {
	q := query{cloud: c, of: c.at(c.place[row]), r: math.Inf(1), nearest: make([]float64, k+1)} // with the row itself
	for i := range q.nearest {
		q.nearest[i] = q.r
	}
	q.search(0, len(c.place), 0)
	return q.r
}

// within returns how many rows are nearer to a row than r, itself among them.
func (c *cloud) within(row int, r float64) int {
	q := query{cloud: c, of: c.at(c.place[row]), r: r}
	q.search(0, len(c.place), 0)
	return q.rows
}

// A query looks for the rows of a cloud that are nearer to a row than r.
type query struct {
	*cloud
	of      []float64
	r       float64
	rows    int       // found
	nearest []float64 // the least distances, ascending, of which r is the last; nil if r stays
}

// search looks in places [lo, hi), which a column halves.
func (q *query) search(lo, hi, by int) {
	if hi-lo <= leaf {
		q.look(lo, hi)
		return
	}
	middle := (lo + hi) / 2
	beyond := q.of[by] - q.values[middle*q.columns+by]
	if by++; by == q.columns {
		by = 0
	}
	q.look(middle, middle+1)
	if beyond < 0 {
		q.search(lo, middle, by)
		if -beyond < q.r {
			q.search(middle+1, hi, by)
		}
		return
	}
	q.search(middle+1, hi, by)
	if beyond < q.r {
		q.search(lo, middle, by)
	}
}

// look looks at the rows in places [lo, hi).
func (q *query) look(lo, hi int) {
rows:
	for at := lo * q.columns; at < hi*q.columns; at += q.columns {
		var most float64
		for j, v := range q.values[at : at+q.columns] {
			d := math.Abs(v - q.of[j])
			if d >= q.r {
				continue rows
			}
			if d > most {
				most = d
			}
		}
		q.rows++
		if q.nearest != nil {
			q.keep(most)
		}
	}
}

// keep puts a distance among the least ones.
func (q *query) keep(distance float64) {
	at, _ := slices.BinarySearch(q.nearest, distance)
	copy(q.nearest[at+1:], q.nearest[at:])
	q.nearest[at] = distance
	q.r = q.nearest[len(q.nearest)-1]
}

// A line is a cloud of one column: its values in ascending order.
type line struct{ values, sorted []float64 }

func newLine(values []float64) line { return line{values, slices.Sorted(slices.Values(values))} }

func (l line) within(row int, r float64) int {
	v, n := l.values[row], len(l.sorted)
	from := sort.Search(n, func(i int) bool { return v-l.sorted[i] < r })
	return sort.Search(n-from, func(i int) bool { return l.sorted[from+i]-v >= r })
}
