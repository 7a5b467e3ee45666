package preprocess

import "gomine/mine/column"

// First returns copies of the rows at the first n positions, or of all if there are fewer.
func (p *Pairs) First(n int) (x, z column.Source, err error) {
	n = min(n, p.Rows())
	var firsts [2]column.Source
	for k, side := range []rows{p.x, p.z} {
		cols := len(side.Columns())
		values := make([]float64, n*cols)
		for i := range n {
			if err := side.readAt(values[i*cols:], i, 0, cols); err != nil {
				return nil, nil, err
			}
		}
		firsts[k] = column.RowMajor(values, cols)
	}
	return firsts[0], firsts[1], nil
}
