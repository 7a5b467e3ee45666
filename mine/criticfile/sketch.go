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
	numbers, err := hashRows(x, z)
	if err != nil {
		return Sketch{}, err
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	return sketchOf(slices.Clone(numbers[:min(len(numbers), sketchRows)])), nil
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
	numbers, err := hashRows(x, z)
	if err != nil {
		return 0, err
	}
	told, seen := 0, 0
	for _, n := range numbers {
		if n > s.bound {
			continue
		}
		told++
		if _, found := slices.BinarySearch(s.smallest, n); found {
			seen++
		}
	}
	if told == 0 {
		return 0, nil
	}
	return float64(seen) / float64(told), nil
}

// hashRows returns the number of every pair of rows.
func hashRows(x, z column.Source) ([]uint64, error) {
	if x.Rows() != z.Rows() {
		return nil, fmt.Errorf("criticfile: x has %d rows and z has %d: rows must be pairs", x.Rows(), z.Rows())
	}
	numbers := make([]uint64, x.Rows())
	for _, side := range []column.Source{x, z} {
		columns := side.Columns()
		labels := make([][]uint64, len(columns))
		for j, c := range columns {
			for _, label := range c.Labels {
				labels[j] = append(labels[j], hashText(label))
			}
		}
		row := make([]float64, len(columns))
		for i := range numbers {
			if err := side.Read(row, i, i+1, 0, len(columns)); err != nil {
				return nil, err
			}
			for j, v := range row {
				bits := uint64(math.Float32bits(float32(v) + 0)) // -0 is 0
				if code := int(v); code >= 0 && code < len(labels[j]) {
					bits = labels[j][code]
				}
				numbers[i] = mix(numbers[i] ^ bits)
			}
		}
	}
	return numbers, nil
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
