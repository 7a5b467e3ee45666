package table

import (
	"errors"

	arrowarray "github.com/apache/arrow-go/v18/arrow/array"
)

// OpenArrow reads the rows that a program has as Arrow, such as a database's answer to a query.
// name stands for it in error texts. A batch may become invalid with the next one. Errors of
// batches are passed on, wrapped. Progress counts the values that are read, eight bytes each. Close,
// or an error here, releases batches.
func OpenArrow(name string, batches arrowarray.RecordReader, opt Options) (*Reader, error) {
	r := &Reader{name: name, meter: &meter{total: -1}, opt: opt}
	s := &arrowStream{batches: batches, meter: r.meter}
	var c *columnar
	err := guarded(func() (err error) { c, err = s.columnar(); return err })
	if err == nil {
		err = r.openColumnar(c)
	}
	if err != nil {
		return nil, inFile(name, errors.Join(err, s.close()))
	}
	return r, nil
}
