package criticfile

import (
	"fmt"
	"math"
	"slices"

	"gomine/mine/column"
)

// sketchName is the array with the numbers of a Sketch.
const sketchName = "data.rows"

// sketchRows is how many numbers a Sketch keeps: a share of rows is then known to 3%.
const sketchRows = 1024

// A Sketch tells rows of data again without keeping them: every row is hashed to a number
// of 64 bits, and the smallest of all numbers are kept (bottom-k, Cohen and Kaplan 2007).
// Rows that are equal in float32 have the same number, whatever their order. Labels count,
// not their codes.
type Sketch struct {
	smallest []uint64 // ascending, none twice
	bound    uint64   // rows with a larger number are not told
}

// NewSketch returns the sketch of pairs of rows.
func NewSketch(x, z column.Source) (Sketch, error) {
	var smallest []uint64 // and others, since they were last put in order
	order := func() {
		slices.Sort(smallest)
		smallest = slices.Compact(smallest)
		smallest = smallest[:min(len(smallest), sketchRows)]
	}
	err := hashRows(x, z, func(number uint64) {
		if smallest = append(smallest, number); len(smallest) >= 4*sketchRows {
			order()
		}
	})
	if err != nil {
		return Sketch{}, err
	}
	order()
	return sketchOf(slices.Clone(smallest)), nil
}

func sketchOf(smallest []uint64) Sketch {
	s := Sketch{smallest: smallest, bound: math.MaxUint64}
	if len(smallest) == sketchRows {
		s.bound = smallest[sketchRows-1]
	}
	return s
}

// sketch reads the numbers of a file.
func (t tensors) sketch() (Sketch, error) {
	numbers, err := take[uint64](t, sketchName, -1)
	if err != nil {
		return Sketch{}, err
	}
	if len(numbers) > sketchRows {
		return Sketch{}, formatErrorf("array %s has %d numbers, want %d at most", sketchName, len(numbers), sketchRows)
	}
	for i := range numbers[min(1, len(numbers)):] {
		if numbers[i] >= numbers[i+1] {
			return Sketch{}, formatErrorf("array %s does not ascend", sketchName)
		}
	}
	return sketchOf(numbers), nil
}

// Seen estimates which share of some rows, in [0, 1], is equal to rows that the sketch is of.
// It is 0 where none of them can be told.
func (s Sketch) Seen(x, z column.Source) (float64, error) {
	told, seen := 0, 0
	err := hashRows(x, z, func(number uint64) {
		if number > s.bound {
			return
		}
		told++
		if _, found := slices.BinarySearch(s.smallest, number); found {
			seen++
		}
	})
	if err != nil || told == 0 {
		return 0, err
	}
	return float64(seen) / float64(told), nil
}

// hashRows calls do with the number of every pair of rows.
func hashRows(x, z column.Source, do func(number uint64)) error {
	if x.Rows() != z.Rows() {
		return fmt.Errorf("criticfile: x has %d rows and z has %d: rows must be pairs", x.Rows(), z.Rows())
	}
	const step = 1024 // rows that are read at a time
	sides := []hashed{newHashed(x), newHashed(z)}
	numbers := make([]uint64, step)
	for lo := 0; lo < x.Rows(); lo += step {
		some := numbers[:min(step, x.Rows()-lo)]
		clear(some)
		for i := range sides {
			if err := sides[i].add(some, lo); err != nil {
				return err
			}
		}
		for _, n := range some {
			do(n)
		}
	}
	return nil
}

// hashed is a side whose rows are hashed.
type hashed struct {
	column.Source
	labels [][]uint64 // by column: the hashes of its labels
	values []float64
}

func newHashed(s column.Source) hashed {
	columns := s.Columns()
	h := hashed{Source: s, labels: make([][]uint64, len(columns))}
	for j, c := range columns {
		for _, label := range c.Labels {
			h.labels[j] = append(h.labels[j], hashText(label))
		}
	}
	return h
}

// add mixes the values of the rows from lo on into their numbers.
func (h *hashed) add(numbers []uint64, lo int) error {
	cols := len(h.labels)
	h.values = slices.Grow(h.values[:0], len(numbers)*cols)[:len(numbers)*cols]
	if err := h.Read(h.values, lo, lo+len(numbers), 0, cols); err != nil {
		return err
	}
	for k, v := range h.values {
		bits := uint64(math.Float32bits(float32(v) + 0)) // -0 is 0
		if code, labels := int(v), h.labels[k%cols]; code >= 0 && code < len(labels) {
			bits = labels[code]
		}
		numbers[k/cols] = mix(numbers[k/cols] ^ bits)
	}
	return nil
}

// hashText is FNV-1a.
func hashText(text string) uint64 {
	h := uint64(14695981039346656037)
	for _, b := range []byte(text) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return h
}

// mix is a step of SplitMix64 (Steele, Lea and Flood 2014), one-to-one.
func mix(v uint64) uint64 {
	v += 0x9e3779b97f4a7c15
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}
