package column

import "math"

// Dropped says which rows DropMissing has left out.
type Dropped struct {
	Rows int // how many
	// Lacking has for each source and column the number of rows that lack its value.
	Lacking [][]int
}

// DropMissing leaves out the rows that lack a value of a column, where it is NaN, in any
// of the sources, which have as many rows: row i of one belongs to row i of the others.
func DropMissing(sources ...*Compact) Dropped {
	d := Dropped{Lacking: make([][]int, len(sources))}
	if len(sources) == 0 {
		return d
	}
	for s, c := range sources {
		d.Lacking[s] = make([]int, len(c.Cols))
	}
	kept := 0
	for i := range sources[0].Rows() {
		whole := true
		for s, c := range sources {
			whole = c.count(i, d.Lacking[s]) && whole
		}
		if !whole {
			d.Rows++
			continue
		}
		if kept < i {
			for _, c := range sources {
				c.move(kept, i)
			}
		}
		kept++
	}
	for _, c := range sources {
		c.truncate(kept)
	}
	return d
}

// count adds one to lacking for each column without a value in row i, and reports
// whether there was none.
func (c *Compact) count(i int, lacking []int) (whole bool) {
	whole = true
	for j, v := range c.Values.Row(i) {
		if v != v || c.Exact != nil && c.Exact[j] != nil && math.IsNaN(c.Exact[j][i]) {
			lacking[j]++
			whole = false
		}
	}
	return whole
}

// move copies row from to row to.
func (c *Compact) move(to, from int) {
	copy(c.Values.Row(to), c.Values.Row(from))
	for _, exact := range c.Exact {
		if exact != nil {
			exact[to] = exact[from]
		}
	}
}

// truncate keeps the first rows.
func (c *Compact) truncate(rows int) {
	c.Values.Rows = rows
	c.Values.Data = c.Values.Data[:rows*c.Values.Stride]
	for j, exact := range c.Exact {
		if exact != nil {
			c.Exact[j] = exact[:rows]
		}
	}
}
