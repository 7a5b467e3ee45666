package column

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"sync"
)

// Stored is rows in a temporary file, for which there is no room in memory: float64 a value, row
// after row. Only what is read at a time is in memory. It has to be closed; where an open file can be
// removed, not even the end of the process by force leaves it behind.
type Stored struct {
	Cols []Column // one a value of a row
	// Single is by column how many of the first rows are to be read as float32 holds them, as a
	// Compact has them that lie in memory.
	Single []int

	file   *os.File
	rows   int
	unsent []byte // rows behind those in the file, until Flush
	codes  [][]float64
}

// sentBytes is how much is written to a file at a time.
const sentBytes = 1 << 20

// NewStored makes a temporary file in the folder of os.TempDir for rows of cols columns.
func NewStored(cols int) (*Stored, error) {
	file, err := os.CreateTemp("", "mine-*.rows")
	if err != nil {
		return nil, storedError(err)
	}
	os.Remove(file.Name()) // Close takes care of systems where an open file cannot be removed
	return &Stored{Cols: make([]Column, cols), Single: make([]int, cols), file: file, codes: make([][]float64, cols)}, nil
}

// storedError says what to do about a temporary file that cannot be written or read.
func storedError(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("a temporary file in %s, for rows that have no room in memory: %w; set TMPDIR to a folder that has room", os.TempDir(), err)
}

// Append adds a row. Rows can be read after the next Flush.
func (s *Stored) Append(row []float64) error {
	for _, v := range row {
		s.unsent = binary.LittleEndian.AppendUint64(s.unsent, math.Float64bits(v))
	}
	s.rows++
	if len(s.unsent) < sentBytes {
		return nil
	}
	return s.Flush()
}

// Flush writes the rows that were added.
func (s *Stored) Flush() error {
	_, err := s.file.Write(s.unsent)
	s.unsent = s.unsent[:0]
	if err != nil {
		return storedError(err)
	}
	return nil
}

func (s *Stored) Rows() int         { return s.rows }
func (s *Stored) Columns() []Column { return s.Cols }

// buffers are what rows are read into.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

func (s *Stored) Read(dst []float64, lo, hi, from, to int) error {
	given := buffers.Get().(*[]byte)
	defer buffers.Put(given)
	width := to - from
	// Of one row the columns asked for, of several all between the first and the last of them.
	stride, first := len(s.Cols), 0
	step := max(1, sentBytes/(8*stride))
	if hi-lo == 1 || step == 1 {
		stride, first, step = width, from, 1
	}
	for ; lo < hi; lo += step {
		n := min(step, hi-lo)
		*given = slices.Grow((*given)[:0], 8*n*stride)[:8*n*stride]
		if _, err := s.file.ReadAt(*given, 8*int64(lo*len(s.Cols)+first)); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return storedError(err)
		}
		for i := range n {
			row := (*given)[8*(i*stride+from-first):]
			for j := range width {
				dst[j] = s.value(lo+i, from+j, math.Float64frombits(binary.LittleEndian.Uint64(row[8*j:])))
			}
			dst = dst[width:]
		}
	}
	return nil
}

// value is what v, in column j of row i of the file, is read as.
func (s *Stored) value(i, j int, v float64) float64 {
	if i < s.Single[j] {
		v = float64(float32(v))
	}
	if codes := s.codes[j]; codes != nil && v == v {
		v = codes[int(v)]
	}
	return v
}

// Recode has column j be codes of other numbers: v becomes codes[v].
func (s *Stored) Recode(j int, codes []float64) { s.codes[j] = codes }

// InPlace returns the source: there is nothing in memory to be used.
func (s *Stored) InPlace() Source { return s }

// Close removes the file.
func (s *Stored) Close() error {
	err := s.file.Close()
	if rm := os.Remove(s.file.Name()); err == nil && !errors.Is(rm, fs.ErrNotExist) {
		err = rm
	}
	return err
}

// put writes rows over those from row lo on.
func (s *Stored) put(values []float64, lo int) error {
	encoded := make([]byte, 0, 8*len(values))
	for _, v := range values {
		encoded = binary.LittleEndian.AppendUint64(encoded, math.Float64bits(v))
	}
	if _, err := s.file.WriteAt(encoded, 8*int64(lo*len(s.Cols))); err != nil {
		return storedError(err)
	}
	return nil
}

// truncate keeps the first rows, as they are read.
func (s *Stored) truncate(rows int) error {
	s.rows = rows
	for j := range s.Single {
		s.Single[j], s.codes[j] = 0, nil // what was put is what was read
	}
	if err := s.file.Truncate(8 * int64(rows*len(s.Cols))); err != nil {
		return storedError(err)
	}
	return nil
}
