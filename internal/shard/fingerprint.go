package shard

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"

	"gomine/mine/column"
)

// Fingerprint is SHA-256, in hexadecimal digits, of sources as they were read: their numbers of rows,
// their columns with names, kinds, labels and what was merged in reading, and the bits of all values. nil sources are skipped, but
// which ones are nil counts.
func Fingerprint(sources ...column.Source) (string, error) {
	h := sha256.New()
	for k, s := range sources {
		if s == nil {
			fmt.Fprintf(h, "source %d: none\n", k)
			continue
		}
		if err := column.Check(s); err != nil {
			return "", err
		}
		rows, columns := s.Rows(), s.Columns()
		fmt.Fprintf(h, "source %d: %d rows\n", k, rows)
		for _, c := range columns {
			fmt.Fprintf(h, "%q %s %d %q %v\n", c.Name, c.Kind, len(c.Labels), c.Labels, c.Merged)
		}
		const atOnce = 1 << 16 // values
		step := max(1, atOnce/len(columns))
		values := make([]float64, min(step, rows)*len(columns))
		var text []byte
		for lo := 0; lo < rows; lo += step {
			hi := min(lo+step, rows)
			part := values[:(hi-lo)*len(columns)]
			if err := s.Read(part, lo, hi, 0, len(columns)); err != nil {
				return "", err
			}
			text = text[:0]
			for _, v := range part {
				text = binary.LittleEndian.AppendUint64(text, math.Float64bits(v))
			}
			h.Write(text)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
