package preprocess

import "math"

// A radius is an input that the columns of numbers of one side make together,
//
//	r = ln(1 + sum_j ((v_j - median_j) / spread_j)^2)
//
// with half the distance of the quartiles as a column's spread, standardised, and
// constant outside of the fitted values. The log density ratio of elliptical laws with
// heavy tails is a function of the radii of x and z, for Student's t a sum of such
// logarithms, which a network learns slowly from the columns alone.
type radius struct {
	median, scale []float64 // scale is 1/spread, 0 for a column that does not count
	min, max      float64   // of the fitted values, before standardisation
	mean, unit    float64   // unit is 1/standard deviation
}

// radiusRows is the number of rows, at most, that a radius is standardised by.
const radiusRows = 1 << 15

// newRadius returns the radius of columns that are not standardised yet; nil if fewer
// than two of them count.
func newRadius(maps []Map) *radius {
	r := &radius{median: make([]float64, len(maps)), scale: make([]float64, len(maps)), min: math.Inf(1), max: math.Inf(-1)}
	count := 0
	for j := range maps {
		if m := &maps[j]; m.spread > 0 && 1/m.spread < math.MaxFloat64 {
			r.median[j], r.scale[j] = m.median, 1/m.spread
			count++
		}
	}
	if count < 2 {
		return nil
	}
	return r
}

// standardise takes the range, the mean and the spread from rows; it reports whether
// they differ at all.
func (r *radius) standardise(rows [][]float64) bool {
	values := make([]float64, len(rows))
	for i, row := range rows {
		v := r.raw(row)
		values[i] = v
		r.min, r.max = math.Min(r.min, v), math.Max(r.max, v)
		r.mean += v / float64(len(rows))
	}
	var square float64
	for _, v := range values {
		square += (v - r.mean) * (v - r.mean) / float64(len(rows))
	}
	r.unit = 1 / math.Sqrt(square)
	return r.max > r.min && square > 0
}

// raw is the radius of a row before it is standardised. A square that overflows is as
// far out as there is.
func (r *radius) raw(row []float64) float64 {
	var sum float64
	for j, v := range row {
		if r.scale[j] != 0 {
			u := (v - r.median[j]) * r.scale[j]
			sum += u * u
		}
	}
	return math.Log1p(math.Min(sum, math.MaxFloat64))
}

// at returns the input that a row becomes.
func (r *radius) at(row []float64) float32 {
	return float32((min(max(r.raw(row), r.min), r.max) - r.mean) * r.unit)
}

// chain adds g times the derivatives of the input with respect to the row's values.
func (r *radius) chain(to, row []float64, g float64) {
	raw := r.raw(row)
	if raw < r.min || raw > r.max {
		return
	}
	for j, v := range row {
		if r.scale[j] != 0 {
			u := (v - r.median[j]) * r.scale[j]
			to[j] += g * r.unit * 2 * u * math.Exp(-raw) * r.scale[j]
		}
	}
}
