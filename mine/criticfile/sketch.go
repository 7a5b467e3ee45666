package criticfile

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"gomine/internal/safetensors"
	"gomine/mine/column"
)

// sketchName and countsName are the arrays of a Sketch: its numbers; how many rows there are, and
// how many different ones twice.
const (
	sketchName = "data.rows"
	countsName = "data.counts"
)

// sketchRows is how many numbers a Sketch keeps: a share of rows is then known to 3%.
const sketchRows = 1024

// sketchLevel is how often other draws of the same law are taken for rows of the estimate.
const sketchLevel = 1e-3

// A Sketch tells rows of data again without keeping them: every row is hashed to a number
// of 64 bits, and the smallest of those that are there once are kept (bottom-k, Cohen and
// Kaplan 2007). Rows that are equal in float32 have the same number, whatever their order.
// Labels count, not their codes.
//
// Rows of few values are equal by chance. One more draw of their law is one that is there once
// with probability 2 N_2/n, where N_2 of n rows are there twice (Good 1953): so many are no surprise.
type Sketch struct {
	smallest []uint64 // ascending, none twice
	bound    uint64   // rows with a larger number are not told
	rows     int
	twice    int // different rows that are there two times
}

// NewSketch returns the sketch of pairs of rows.
func NewSketch(x, z column.Source) (Sketch, error) {
	numbers, err := hashRows(x, z)
	if err != nil {
		return Sketch{}, err
	}
	slices.Sort(numbers)
	var once []uint64
	twice := 0
	for lo, hi := 0, 0; lo < len(numbers); lo = hi {
		for hi = lo; hi < len(numbers) && numbers[hi] == numbers[lo]; hi++ {
		}
		switch hi - lo {
		case 1:
			if len(once) < sketchRows {
				once = append(once, numbers[lo])
			}
		case 2:
			twice++
		}
	}
	return sketchOf(once, len(numbers), twice), nil
}

func sketchOf(smallest []uint64, rows, twice int) Sketch {
	s := Sketch{smallest: smallest, bound: math.MaxUint64, rows: rows, twice: twice}
	if len(smallest) == sketchRows {
		s.bound = smallest[sketchRows-1]
	}
	return s
}

// tensors are the arrays of a file.
func (s Sketch) tensors() []safetensors.Tensor {
	return []safetensors.Tensor{
		{Name: sketchName, Shape: []int{len(s.smallest)}, Values: s.smallest},
		{Name: countsName, Shape: []int{2}, Values: []uint64{uint64(s.rows), uint64(s.twice)}},
	}
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
	counts, err := take[uint64](t, countsName, 2)
	if err != nil {
		return Sketch{}, err
	}
	const most = 1 << 48 // of rows: no file has as many
	if rows, twice := counts[0], counts[1]; rows > most || twice > rows/2 || uint64(len(numbers)) > rows-2*twice {
		return Sketch{}, formatErrorf("array %s says that of %d rows %d are there twice, and %s that %d are there once", countsName, rows, twice, sketchName, len(numbers))
	}
	return sketchOf(numbers, int(counts[0]), int(counts[1])), nil
}

// Seen estimates which share of some rows, in [0, 1], is rows that the sketch is of. It is 0 where
// none can be told, and where other draws of their law are equal to as many with probability
// sketchLevel or more.
func (s Sketch) Seen(x, z column.Source) (float64, error) {
	numbers, err := hashRows(x, z)
	if err != nil || len(s.smallest) == 0 {
		return 0, err
	}
	rows := float64(len(numbers)) * float64(s.bound) / math.MaxUint64 // that are told
	slices.Sort(numbers)
	told, seen := 0, 0 // different ones: of one that is there often, either all are told or none
	for _, n := range slices.Compact(numbers) {
		if n > s.bound {
			break
		}
		told++
		if _, found := slices.BinarySearch(s.smallest, n); found {
			seen++
		}
	}
	twice := float64(s.twice)
	chance := 2 * rows * twice / float64(s.rows)
	most := 2 * rows * (twice + 3*math.Sqrt(twice)) / float64(s.rows) // chance is known by three standard errors
	if seen == 0 || most > 0 && (distuv.Poisson{Lambda: most}).Survival(float64(seen-1)) >= sketchLevel {
		return 0, nil
	}
	return (float64(seen) - chance) / (float64(told) - chance), nil
}

// hashedRows is how many rows are read at a time.
const hashedRows = 1024

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
		cols := len(columns)
		values := make([]float64, hashedRows*cols)
		for lo := 0; lo < len(numbers); lo += hashedRows {
			some := numbers[lo:min(len(numbers), lo+hashedRows)]
			if err := side.Read(values, lo, lo+len(some), 0, cols); err != nil {
				return nil, err
			}
			for k, v := range values[:len(some)*cols] {
				bits := uint64(math.Float32bits(float32(v) + 0)) // -0 is 0
				if code := int(v); code >= 0 && code < len(labels[k%cols]) {
					bits = labels[k%cols][code]
				}
				some[k/cols] = mix(some[k/cols] ^ bits)
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
