package table

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"iter"
	"math/bits"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// checkedPages are the pages of a column chunk, which have as many values as the chunk must
// have, nulls among them, and all their levels: package file waits for ever for those that a
// damaged page lacks. Their indices are of the dictionary: package file makes room for as many
// values as the largest index says.
type checkedPages struct {
	file.PageReader
	column     *schema.Column
	left       int64 // values of the chunk in later pages
	dictionary int   // values of the dictionary
	err        error
}

func (p *checkedPages) Next() bool {
	if p.err != nil || p.left == 0 {
		return false
	}
	if !p.PageReader.Next() {
		p.err = cmp.Or(p.PageReader.Err(), fmt.Errorf("the last %d values of a column are not there", p.left))
		return false
	}
	n := int64(p.Page().NumValues())
	switch p.Page().Type() {
	case file.PageTypeDictionaryPage:
		p.dictionary = int(n)
		return true
	case file.PageTypeDataPage, file.PageTypeDataPageV2:
	default:
		return true
	}
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
		return p.checkValues(rest, n)
	case *file.DataPageV2:
		r, d := int(page.RepetitionLevelByteLen()), int(page.DefinitionLevelByteLen())
		if data := page.Data(); r < 0 || d < 0 || r+d > len(data) ||
			repeated > 0 && levels(data[:r], repeated) < n || defined > 0 && levels(data[r:r+d], defined) < n {
			return lacksLevels(n)
		}
		return p.checkValues(page.Data()[r+d:], n)
	}
	return nil
}

// checkValues checks the bytes of n values, or of fewer where some are null.
func (p *checkedPages) checkValues(values []byte, n int) error {
	switch parquet.Encoding(p.Page().Encoding()) {
	case parquet.Encodings.ByteStreamSplit:
		return p.checkSplit(values, n)
	case parquet.Encodings.PlainDict, parquet.Encodings.RLEDict:
		return checkIndices(values, n, p.dictionary)
	}
	return nil
}

// checkIndices returns an error if one of n indices is not of a dictionary of so many values.
// It does not look at those whose width in bits, which comes first, keeps them small.
func checkIndices(indices []byte, n, dictionary int) error {
	const small = 16 // bits
	if len(indices) == 0 || indices[0] <= small {
		return nil
	}
	width := int(indices[0])
	if width > 32 {
		return fmt.Errorf("indices of a dictionary have %d bits", width)
	}
	left := n
	for r := range runs(indices[1:], width) {
		for i := range min(r.length, left) {
			if k := r.at(i, width); k >= uint64(dictionary) {
				return fmt.Errorf("index %d of a dictionary of %d values", k, dictionary)
			}
			if !r.packed {
				break
			}
		}
		if left -= r.length; left <= 0 {
			break
		}
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
	if p.column.MaxDefinitionLevel() == 0 && len(values) < n*size {
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

// levels returns how many levels up to most are in block.
func levels(block []byte, most int16) int {
	total := 0
	for r := range runs(block, bits.Len16(uint16(most))) {
		total += r.length
	}
	return total
}

// run are numbers that a page stores together: equal ones, of which it stores one, or numbers
// that are packed bit by bit, the lowest bit first.
type run struct {
	length int
	packed bool
	data   []byte
}

// runs yields those of block, whose numbers have so many bits, up to where it breaks off.
func runs(block []byte, width int) iter.Seq[run] {
	return func(yield func(run) bool) {
		for len(block) > 0 {
			header, size := binary.Uvarint(block)
			if size <= 0 || header > 1<<32 {
				return
			}
			block = block[size:]
			r := run{length: int(header >> 1), packed: header&1 == 1}
			used := (width + 7) / 8
			if r.packed {
				const group = 8
				used, r.length = r.length*width, r.length*group
			}
			if used > len(block) && !r.packed {
				return
			}
			if used > len(block) {
				used, r.length = len(block), len(block)*8/width
			}
			r.data, block = block[:used], block[used:]
			if !yield(r) {
				return
			}
		}
	}
}

// at returns number i of the run, of so many bits, at most 32. Of equal ones it is all bytes that are
// stored of it, as for package file, which minds no more bits than there should be.
func (r run) at(i, width int) uint64 {
	var bytes [8]byte
	if !r.packed {
		copy(bytes[:], r.data)
		return binary.LittleEndian.Uint64(bytes[:])
	}
	from := i * width
	copy(bytes[:], r.data[from/8:])
	return binary.LittleEndian.Uint64(bytes[:]) >> (from % 8) & (1<<width - 1)
}
