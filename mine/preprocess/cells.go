package preprocess

import (
	"encoding/binary"
	"math"
)

// leastFilled is the fewest rows a value, and a cell of the table of both sides, on average, for
// which counts say more than their correction takes away: that is known to some 1% of it then.
const leastFilled = 5

// countBytes is how much memory the different values of a side may take; those of very many columns
// are all different.
const countBytes = 64 << 20

// Cells are counts of rows, by the different values that the columns of a side have together.
type Cells struct {
	X, Z  []int // by value; nil for a side of fewer than leastFilled rows a value
	Joint []int // by pair of values that occurs; nil where the table has fewer rows a cell than that
	// JointX and JointZ say which values these are, by their places in X and Z.
	JointX, JointZ []int
}

// Count counts the rows at the first n positions.
func (p *Pairs) Count(n int) (Cells, error) {
	var c Cells
	xs, err := p.x.values(n)
	if err != nil {
		return c, err
	}
	zs, err := p.z.values(n)
	if err != nil {
		return c, err
	}
	c.X, c.Z = counts(xs), counts(zs)
	if xs == nil || zs == nil || leastFilled*len(c.X)*len(c.Z) > n {
		return c, nil
	}
	cell := make(map[[2]int32]int)
	for i, x := range xs {
		key := [2]int32{x, zs[i]}
		k, ok := cell[key]
		if !ok {
			k = len(c.Joint)
			cell[key] = k
			c.Joint, c.JointX, c.JointZ = append(c.Joint, 0), append(c.JointX, int(x)), append(c.JointZ, int(zs[i]))
		}
		c.Joint[k]++
	}
	return c, nil
}

// values numbers the different rows at the first n positions, in their order; it returns nil
// where there are too many.
func (r rows) values(n int) ([]int32, error) {
	width := len(r.Columns())
	row, key := make([]float64, width), make([]byte, 8*width)
	number := make(map[string]int32)
	all := make([]int32, n)
	for p := range all {
		if err := r.readAt(row, p, 0, width); err != nil {
			return nil, err
		}
		for j, v := range row {
			binary.LittleEndian.PutUint64(key[8*j:], math.Float64bits(v+0)) // -0 is 0
		}
		v, ok := number[string(key)]
		if !ok {
			if leastFilled*(len(number)+1) > n || (len(number)+1)*len(key) > countBytes {
				return nil, nil
			}
			v = int32(len(number))
			number[string(key)] = v
		}
		all[p] = v
	}
	return all, nil
}

// counts counts numbers from 0 up.
func counts(numbers []int32) []int {
	var all []int
	for _, v := range numbers {
		if int(v) == len(all) {
			all = append(all, 0)
		}
		all[v]++
	}
	return all
}
