package table

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// checkedPages are the pages of a column chunk, which have as many values as the chunk must
// have, nulls among them, and all their levels: package file waits for ever for those that a
// damaged page lacks.
type checkedPages struct {
	file.PageReader
	column *schema.Column
	left   int64 // values of the chunk in later pages
	err    error
}

func (p *checkedPages) Next() bool {
	if p.err != nil || p.left == 0 {
		return false
	}
	if !p.PageReader.Next() {
		p.err = cmp.Or(p.PageReader.Err(), fmt.Errorf("the last %d values of a column are not there", p.left))
		return false
	}
	if p.Page().Type() != file.PageTypeDataPage && p.Page().Type() != file.PageTypeDataPageV2 {
		return true
	}
	n := int64(p.Page().NumValues())
	if p.left -= n; n < 0 || p.left < 0 {
		p.err = fmt.Errorf("a page has %d values, at most %d are left of its column", n, p.left+n)
		return false
	}
	p.err = p.checkLevels()
	return p.err == nil
}

func (p *checkedPages) Err() error { return p.err }

// checkLevels returns an error if the page lacks some of its levels: those of repetition come
// first, those of definition next, and the values last.
func (p *checkedPages) checkLevels() error {
	n := int(p.Page().NumValues())
	repeated, defined := p.column.MaxRepetitionLevel(), p.column.MaxDefinitionLevel()
	switch page := p.Page().(type) {
	case *file.DataPageV1:
		rest, err := checkBlock(page.Data(), page.RepetitionLevelEncoding(), repeated, n)
		if err != nil {
			return err
		}
		if rest, err = checkBlock(rest, page.DefinitionLevelEncoding(), defined, n); err != nil {
			return err
		}
		return p.checkSplit(rest, n)
	case *file.DataPageV2:
		r, d := int(page.RepetitionLevelByteLen()), int(page.DefinitionLevelByteLen())
		if data := page.Data(); r < 0 || d < 0 || r+d > len(data) ||
			repeated > 0 && levels(data[:r], repeated) < n || defined > 0 && levels(data[r:r+d], defined) < n {
			return lacksLevels(n)
		}
		return p.checkSplit(page.Data()[page.RepetitionLevelByteLen()+page.DefinitionLevelByteLen():], n)
	}
	return nil
}

// checkSplit returns an error if values that are split into their bytes are fewer than n, which
// package file waits for as well, in a column without nulls.
func (p *checkedPages) checkSplit(values []byte, n int) error {
	size := p.column.TypeLength()
	switch p.column.PhysicalType() {
	case parquet.Types.Int32, parquet.Types.Float:
		size = 4
	case parquet.Types.Int64, parquet.Types.Double:
		size = 8
	}
	if parquet.Encoding(p.Page().Encoding()) == parquet.Encodings.ByteStreamSplit && p.column.MaxDefinitionLevel() == 0 && len(values) < n*size {
		return fmt.Errorf("a page of %d values has %d bytes of them", n, len(values))
	}
	return nil
}

func lacksLevels(n int) error { return fmt.Errorf("a page of %d values lacks some of their levels", n) }

// checkBlock returns what follows the levels that data begins with.
func checkBlock(data []byte, encoding parquet.Encoding, most int16, n int) (rest []byte, err error) {
	const prefix = 4 // bytes, of the length
	switch {
	case most == 0:
		return data, nil
	case encoding == parquet.Encodings.BitPacked:
		size := (n*bits.Len16(uint16(most)) + 7) / 8
		if n < 0 || size > len(data) {
			return nil, lacksLevels(n)
		}
		return data[size:], nil
	case len(data) < prefix:
		return nil, lacksLevels(n)
	}
	size := int64(binary.LittleEndian.Uint32(data))
	if data = data[prefix:]; size > int64(len(data)) || levels(data[:size], most) < n {
		return nil, lacksLevels(n)
	}
	return data[size:], nil
}

// levels returns how many levels up to most are in block: in runs of equal ones, and of groups
// of eight packed bit by bit.
func levels(block []byte, most int16) int {
	width := bits.Len16(uint16(most))
	total := 0
	for len(block) > 0 {
		header, size := binary.Uvarint(block)
		if size <= 0 || header > 1<<32 {
			return total
		}
		block = block[size:]
		n, used := int(header>>1), (width+7)/8
		if header&1 == 1 {
			n, used = 8*n, n*width
		}
		if used > len(block) {
			if header&1 == 1 {
				total += len(block) * 8 / width
			}
			return total
		}
		block = block[used:]
		total += n
	}
	return total
}
