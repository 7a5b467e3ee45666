package column

import "errors"

// Pick is the source of some rows of another one, in the order given; all of it if rows is nil.
func Pick(s Source, rows []int) Source {
	if _, wrong := s.(mistake); wrong || s == nil || rows == nil {
		return s
	}
	return picked{s, rows}
}

type picked struct {
	Source
	rows []int
}

func (p picked) Rows() int { return len(p.rows) }

func (p picked) Read(dst []float64, lo, hi, from, to int) error {
	width := to - from
	var errs []error
	for k, i := range p.rows[lo:hi] {
		errs = append(errs, p.Source.Read(dst[k*width:(k+1)*width], i, i+1, from, to))
	}
	return errors.Join(errs...)
}

// Select is the source of some columns of another one, in the order given.
func Select(s Source, columns ...int) Source {
	if _, wrong := s.(mistake); wrong || s == nil {
		return s
	}
	all := make([]Source, len(columns))
	for k, j := range columns {
		if j < 0 || j >= len(s.Columns()) {
			return mistakef("column %d of %d, counted from 0", j, len(s.Columns()))
		}
		all[k] = single{s, j}
	}
	if len(all) == 1 {
		return all[0]
	}
	return Join(all...)
}

// single is one column of a source.
type single struct {
	Source
	j int
}

func (s single) Columns() []Column { return s.Source.Columns()[s.j : s.j+1] }

func (s single) Read(dst []float64, lo, hi, from, to int) error {
	return s.Source.Read(dst, lo, hi, s.j+from, s.j+to)
}
