package preprocess

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

const (
	// narrow is the variance of a direction of standardised columns, which add up to as much
	// as there are columns, below which it is an input of its own: two columns with a
	// correlation above .99 have one. Below leastVariance it is rounding.
	narrow        = 1e-2
	leastVariance = 1e-9
	// mostDirections are how many a side has, and directionColumns how many columns it may
	// have for them.
	mostDirections   = 8
	directionColumns = 64
	// rowsPerColumn is the least number of rows for each column: of fewer, chance alone
	// makes narrow directions.
	rowsPerColumn = 20
)

// A direction is an input that columns of numbers of one side make together where they nearly
// determine each other: with c_j their means, of unit variance,
//
//	sum_j a_j (v_j - c_j),
//
// a principal component of the standardised columns that varies little (Pearson 1901), constant
// outside of the fitted values. What only the difference of two columns tells that move
// together, a network learns slowly from each of them, and their ranks tell it less.
type direction struct {
	weights, centers []float64 // by column; 0 where it does not count
	min, max         float64
}

// small is a power of two by which numbers are multiplied where terms of both signs are too large for a float64.
const small = 0x1p-1000

// raw is the input of a row without limits.
func (d *direction) raw(row []float64) float64 {
	if sum := d.sum(row, 1); !math.IsNaN(sum) {
		return sum
	}
	return d.sum(row, small) / small
}

// sum is the input of a row of which all values are multiplied by a unit.
func (d *direction) sum(row []float64, unit float64) float64 {
	var sum float64
	for j, a := range d.weights {
		if a != 0 {
			sum += a * (unit*row[j] - unit*d.centers[j])
		}
	}
	return sum
}

func (d *direction) at(row []float64) float32 { return float32(min(max(d.raw(row), d.min), d.max)) }

// chain adds g times the derivatives of the input with respect to the row's values.
func (d *direction) chain(to, row []float64, g float64) {
	if raw := d.raw(row); raw < d.min || raw > d.max {
		return
	}
	for j, a := range d.weights {
		to[j] += g * a
	}
}

// newDirections returns the narrow directions of rows of columns with such maps, from the widest
// one down.
func newDirections(maps []Map, rows [][]float64) []direction {
	var of []int // columns
	for j := range maps {
		if m := &maps[j]; !m.constant && !m.heavy && m.codes == nil {
			of = append(of, j)
		}
	}
	if len(of) < 2 || len(of) > directionColumns || len(rows) < rowsPerColumn*len(of) {
		return nil
	}
	n := float64(len(rows))
	centers, scales := make([]float64, len(of)), make([]float64, len(of))
	u := mat.NewDense(len(rows), len(of), nil)
	for k, j := range of {
		for _, row := range rows {
			centers[k] += row[j] / n
		}
		var square float64
		for _, row := range rows {
			d := row[j] - centers[k]
			square += d * d / n
		}
		scales[k] = 1 / math.Sqrt(square)
		if !(square > 0) || math.IsInf(square, 0) || math.IsInf(scales[k], 0) {
			return nil // beyond what squares can hold
		}
		for i, row := range rows {
			u.Set(i, k, (row[j]-centers[k])*scales[k])
		}
	}
	var correlations mat.SymDense
	correlations.SymOuterK(1/n, u.T())
	var eigen mat.EigenSym
	if !eigen.Factorize(&correlations, true) {
		return nil
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	var all []direction
	for e, variance := range eigen.Values(nil) { // ascending
		if variance < leastVariance || variance > narrow {
			continue
		}
		d := direction{weights: make([]float64, len(maps)), centers: make([]float64, len(maps)), min: math.Inf(1), max: math.Inf(-1)}
		for k, j := range of {
			d.weights[j], d.centers[j] = vectors.At(k, e)*scales[k]/math.Sqrt(variance), centers[k]
		}
		for _, row := range rows {
			v := d.raw(row)
			d.min, d.max = math.Min(d.min, v), math.Max(d.max, v)
		}
		if d.max > d.min && finite(d.min, d.max) && finite(d.weights...) {
			all = append([]direction{d}, all...)
		}
	}
	return all[:min(len(all), mostDirections)]
}
