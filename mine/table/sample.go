package table

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// sampleRows is the most rows that a rowSample keeps. Of a kind of rows that
// makes up 2.5% of a long file, 13 to 26 are then expected in the sample.
const sampleRows = 1024

// rowSample keeps some rows of a file in float64, drawn evenly over the rows
// seen so far: one at random from each stride of them. It keeps all rows of a
// file that has no more than sampleRows, and at least half as many of any
// longer one. Which ones depends on nothing but the number of rows.
//
// Rows at a fixed distance would be simpler, but blind to one of two kinds
// of rows that alternate.
type rowSample struct {
	values []float64 // [n, width], row-major, in file order
	width  int
	stride int // rows of the file for each one that is kept; a power of two
	next   int // index of the next row to add
	rng    *rand.Rand
}

func newRowSample(width int) *rowSample {
	return &rowSample{width: width, stride: 1, rng: rand.New(rand.NewPCG(1, 2))}
}

// rows returns how many rows are kept.
func (s *rowSample) rows() int { return len(s.values) / s.width }

// add adds the row with the index next. The one that finds the sample full
// begins a stride, and stands for it.
func (s *rowSample) add(row []float64) {
	if s.rows() == sampleRows {
		s.halve()
	}
	s.values = append(s.values, row...)
	s.next = s.rows() * s.stride
	if s.rows() < sampleRows {
		s.next += s.rng.IntN(s.stride)
	}
}

// halve doubles the stride and keeps one row of each two.
func (s *rowSample) halve() {
	s.stride *= 2
	half := s.rows() / 2
	for j := range half {
		kept := 2*j + s.rng.IntN(2)
		copy(s.values[j*s.width:(j+1)*s.width], s.values[kept*s.width:])
	}
	s.values = s.values[:half*s.width]
}

// eachColumn passes each column of the sample to f, which may reorder it and
// must not keep it.
func (s *rowSample) eachColumn(f func(k int, v []float64)) {
	const block = 8 // columns gathered together: a cache line of a wide row
	n := s.rows()
	columns := make([]float64, block*n)
	for first := 0; first < s.width; first += block {
		width := min(block, s.width-first)
		for i := range n {
			for j, v := range s.values[i*s.width+first:][:width] {
				columns[j*n+i] = v
			}
		}
		for j := range width {
			f(first+j, columns[j*n:(j+1)*n])
		}
	}
}

// reservoir draws some rows evenly from those that are added, by the seed alone.
type reservoir struct {
	most int
	rows []drawnRow
	seen int
	rng  *rand.Rand
}

type drawnRow struct {
	index  int
	values []float64
	wrong  []badValue
}

// badValue is what bad of a pass is told.
type badValue struct {
	k int
	e *ValueError
}

func newReservoir(most int, seed uint64) *reservoir {
	const stream = 0x73616d706c65 // "sample": other numbers than anybody else draws by the seed
	return &reservoir{most: most, rng: rand.New(rand.NewPCG(seed, stream))}
}

// add is algorithm R (Vitter, Random sampling with a reservoir, 1985).
func (r *reservoir) add(row []float64, wrong []badValue) {
	at := r.seen
	if r.seen >= r.most {
		at = r.rng.IntN(r.seen + 1)
	}
	switch {
	case at >= r.most:
	case at == len(r.rows):
		r.rows = append(r.rows, drawnRow{r.seen, slices.Clone(row), wrong})
	default:
		r.rows[at].index, r.rows[at].wrong = r.seen, wrong
		copy(r.rows[at].values, row)
	}
	r.seen++
}

// each passes on the rows that were drawn, in the order in which they were added, and before each
// of them what is wrong with it.
func (r *reservoir) each(bad func(k int, e *ValueError) error, add func(row []float64)) error {
	slices.SortFunc(r.rows, func(a, b drawnRow) int { return cmp.Compare(a.index, b.index) })
	for _, row := range r.rows {
		for _, w := range row.wrong {
			if err := bad(w.k, w.e); err != nil {
				return err
			}
		}
		add(row.values)
	}
	return nil
}

// float32Set is an open-addressing hash table, a quarter full of the stored
// values of a sample.
type float32Set [1 << setBits]uint32

const setBits = 12

// allDistinct reports whether all values are different as float32, which takes a
// fifth of the time of sorting them.
func (t *float32Set) allDistinct(values []float64) bool {
	clear(t[:])
	for _, v := range values {
		// Adding 0 makes -0 the same as 0; adding 1 leaves 0 for free entries,
		// as the bits of a finite number are not all set.
		key := math.Float32bits(float32(v)+0) + 1
		i := key * 0x9e3779b1 >> (32 - setBits) // by the golden ratio
		for t[i] != 0 {
			if t[i] == key {
				return false
			}
			i = (i + 1) % uint32(len(t))
		}
		t[i] = key
	}
	return true
}
