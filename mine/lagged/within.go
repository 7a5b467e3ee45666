package lagged

import (
	"slices"

	"gomine/mine/column"
)

// Within is At less the mean of each column over the windows of a series, so that a level of a series is
// not taken for rows that are alike. The values are read once to know the means.
func (w *Windows) Within(s column.Source, step int) (column.Source, error) {
	at := w.At(s, step)
	width := len(at.Columns())
	out := within{at, w, make([]float64, w.Series()*width)}
	counts := make([]float64, w.Series())
	rows := make([]float64, min(at.Rows(), rowsAtOnce)*width)
	for lo := 0; lo < at.Rows(); lo += rowsAtOnce {
		hi := min(at.Rows(), lo+rowsAtOnce)
		if err := at.Read(rows, lo, hi, 0, width); err != nil {
			return nil, err
		}
		for i := lo; i < hi; i++ {
			of := w.SeriesOf(i)
			counts[of]++
			// The mean is updated, for a sum of large values would lose digits.
			mean := out.means[of*width : (of+1)*width]
			for j := range mean {
				mean[j] += (rows[(i-lo)*width+j] - mean[j]) / counts[of]
			}
		}
	}
	return out, nil
}

// rowsAtOnce is how many rows are read at a time.
const rowsAtOnce = 4096

// SeriesOf is the place of the series of a window, from 0 in the order of the first rows.
func (w *Windows) SeriesOf(i int) int {
	of, last := slices.BinarySearch(w.ends, w.starts[i])
	if last {
		of++ // where a series ends, the next one begins
	}
	return of
}

// within is one row of each window, less the means [series, columns].
type within struct {
	column.Source
	windows *Windows
	means   []float64
}

func (s within) Read(dst []float64, lo, hi, from, to int) error {
	if err := s.Source.Read(dst, lo, hi, from, to); err != nil {
		return err
	}
	width := len(s.Columns())
	for i := lo; i < hi; i++ {
		of := s.windows.SeriesOf(i)
		for j := range to - from {
			dst[(i-lo)*(to-from)+j] -= s.means[of*width+from+j]
		}
	}
	return nil
}
