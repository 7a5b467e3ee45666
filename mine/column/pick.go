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
