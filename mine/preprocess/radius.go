package preprocess

import "math"

// A radius is an input that the columns of numbers of one side make together,
//
//	r = ln(1 + sum_j u_j^2)
//
// standardised, and constant outside of the fitted values. Under Rank u is a column's
// input, so that increasing maps of columns change nothing; under Standardize it is
// (v - median)/spread, with half the distance of the quartiles as the spread, also
// where values far out make the column's own input a rank. The log density ratio of
// elliptical laws with heavy tails is a function of the radii of x and z, for Student's
// t a sum of such logarithms, which a network learns slowly from the columns alone. Rows
// that are used in place have none where it would take a copy of more than copyBytes.
type radius struct {
	by       []coordinate
	min, max float64 // of the fitted values, before standardisation
	mean     float64
	unit     float64 // 1/standard deviation
}

// A coordinate says what u is of a column: nothing where it does not count, the image
// of a map, or a straight line.
type coordinate struct {
	counts        bool
	image         *Map // that of the column, nil for the line
	median, scale float64
}

func (c *coordinate) eval(v float64) (u, slope float64) {
	switch {
	case !c.counts:
		return 0, 0
	case c.image != nil:
		return c.image.eval(v)
	}
	return (v - c.median) * c.scale, c.scale
}

// of returns u of a value whose image by the column's map is y.
func (c *coordinate) of(v, y float64) float64 {
	if c.image != nil {
		return y
	}
	u, _ := c.eval(v)
	return u
}

// togetherRows is the number of rows, at most, by which a radius is standardised and directions
// are found.
const togetherRows = 1 << 15

// newRadius returns the radius of columns with such maps, not standardised yet; nil if
// fewer than two of them count.
func newRadius(maps []Map, method Method) *radius {
	r := &radius{by: make([]coordinate, len(maps)), min: math.Inf(1), max: math.Inf(-1)}
	count := 0
	for j := range maps {
		m := &maps[j]
		switch {
		case m.constant || m.codes != nil:
			continue
		case method != Standardize:
			r.by[j] = coordinate{counts: true, image: m}
		case m.spread > 0 && 1/m.spread < math.MaxFloat64:
			r.by[j] = coordinate{counts: true, median: m.median, scale: 1 / m.spread}
		default:
			continue
		}
		count++
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
	for j := range r.by {
		u, _ := r.by[j].eval(row[j])
		sum += u * u
	}
	return logRadius(sum)
}

func logRadius(squares float64) float64 { return math.Log1p(math.Min(squares, math.MaxFloat64)) }

// at returns the input that a row becomes, by the sum of its u^2.
func (r *radius) at(squares float64) float32 {
	return float32((min(max(logRadius(squares), r.min), r.max) - r.mean) * r.unit)
}

// chain adds g times the derivatives of the input with respect to the row's values.
func (r *radius) chain(to, row []float64, g float64) {
	raw := r.raw(row)
	if raw < r.min || raw > r.max {
		return
	}
	for j := range r.by {
		u, slope := r.by[j].eval(row[j])
		to[j] += g * r.unit * 2 * u * math.Exp(-raw) * slope
	}
}
