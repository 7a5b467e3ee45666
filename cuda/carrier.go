//go:build cuda

package cuda

import (
	"gomine/cuda/internal/driver"
	"gomine/mine/backend"
)

// A carrier copies the rows of matrices to the device, where they lie padded, and
// back. It keeps the memory in which it does so.
type carrier struct{ host []float32 }

// carrierFloats is about how many floats a carrier moves at a time: 16 MiB.
const carrierFloats = 1 << 22

// packed says whether rows lie on the device as they do in the matrix.
func packed(m backend.Matrix) bool { return m.Stride == m.Cols && m.Cols == padded(m.Cols) }

// room returns the memory for a number of m's rows, and that number.
func (c *carrier) room(m backend.Matrix) (host []float32, rows int) {
	ld := padded(m.Cols)
	rows = min(m.Rows, max(1, carrierFloats/ld))
	if len(c.host) < rows*ld {
		c.host = make([]float32, rows*ld)
	}
	return c.host[:rows*ld], rows
}

// up copies the rows of m to the device, with zeros in their padding.
func (c *carrier) up(s *driver.Stream, to driver.Pointer, m backend.Matrix) error {
	ld := padded(m.Cols)
	if packed(m) {
		return driver.Upload(s, to, m.Data[:m.Rows*ld])
	}
	host, block := c.room(m)
	for lo := 0; lo < m.Rows; lo += block {
		n := min(block, m.Rows-lo)
		for i := range n {
			put(host[i*ld:][:ld], m.Row(lo+i))
		}
		if err := driver.Upload(s, to.Float(lo*ld), host[:n*ld]); err != nil {
			return err
		}
	}
	return nil
}

// down copies as many rows as m has from the device, row p to row rows[p] of m, or
// to row p without rows.
func (c *carrier) down(s *driver.Stream, m backend.Matrix, from driver.Pointer, rows []int32) error {
	ld := padded(m.Cols)
	if rows == nil && packed(m) {
		return driver.Download(s, m.Data[:m.Rows*ld], from)
	}
	host, block := c.room(m)
	for lo := 0; lo < m.Rows; lo += block {
		n := min(block, m.Rows-lo)
		if err := driver.Download(s, host[:n*ld], from.Float(lo*ld)); err != nil {
			return err
		}
		for i := range n {
			to := lo + i
			if rows != nil {
				to = int(rows[to])
			}
			copy(m.Row(to), host[i*ld:])
		}
	}
	return nil
}

// put copies a row and zeroes its padding.
func put(dst, row []float32) { clear(dst[copy(dst, row):]) }
