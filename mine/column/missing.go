package column

// Dropped says which rows DropMissing has left out.
type Dropped struct {
	Rows int // how many
	// Lacking has for each source and column the number of rows that lack its value.
	Lacking [][]int
}

// dropValues is about how many values of a source DropMissing looks at at a time.
const dropValues = 1 << 16

// DropMissing leaves out the rows that lack a value of a column, where it is NaN, in any
// of the tables, which have as many rows: row i of one belongs to row i of the others. After an
// error they are of no use.
func DropMissing(tables ...Table) (Dropped, error) {
	d := Dropped{Lacking: make([][]int, len(tables))}
	if len(tables) == 0 {
		return d, nil
	}
	step := dropValues
	for s, t := range tables {
		d.Lacking[s] = make([]int, len(t.Columns()))
		step = min(step, max(1, dropValues/len(t.Columns())))
	}
	rows, kept := tables[0].Rows(), 0
	lacks := make([]bool, step)
	values := make([][]float64, len(tables))
	for lo := 0; lo < rows; lo += step {
		n := min(step, rows-lo)
		clear(lacks)
		for s, t := range tables {
			cols := len(t.Columns())
			values[s] = append(values[s][:0], make([]float64, n*cols)...)
			if err := t.Read(values[s], lo, lo+n, 0, cols); err != nil {
				return d, err
			}
			for k, v := range values[s] {
				if v != v {
					d.Lacking[s][k%cols]++
					lacks[k/cols] = true
				}
			}
		}
		left := 0
		for s, t := range tables {
			cols := len(t.Columns())
			whole := values[s][:0]
			for i := range n {
				if !lacks[i] {
					whole = append(whole, values[s][i*cols:(i+1)*cols]...)
				}
			}
			left = len(whole) / cols
			if _, inMemory := t.(*Compact); inMemory && kept == lo && left == n {
				continue // they are where they were
			}
			if err := t.put(whole, kept); err != nil {
				return d, err
			}
		}
		kept += left
		d.Rows += n - left
	}
	for _, t := range tables {
		if err := t.truncate(kept); err != nil {
			return d, err
		}
	}
	return d, nil
}
