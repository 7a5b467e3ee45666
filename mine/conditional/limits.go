package conditional

import (
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// limits are how far predictions of each target go: to the least and the largest one that was learnt from, and beyond by
// beyondRange of what lies between. Of rows outside the range of those, products and powers have predictions of any size.
type limits struct{ low, high []float64 }

// beyondRange puts the limits of a normal column of 100 rows, which goes to 2.5 standard deviations, 5 of them from its mean: a
// straight line does not predict more but of inputs as far out.
const beyondRange = 0.5

// limitsOf returns the limits of predictions of targets [n, k].
func limitsOf(targets *mat.Dense) (l limits) {
	_, k := targets.Dims()
	for j := range k {
		t := mat.Col(nil, j, targets)
		low, high := floats.Min(t), floats.Max(t)
		margin := beyondRange * (high - low)
		l.low, l.high = append(l.low, low-margin), append(l.high, high+margin)
	}
	return l
}

// apply brings predictions [rows, k] within the limits.
func (l limits) apply(predictions *mat.Dense) {
	predictions.Apply(func(_, j int, v float64) float64 { return min(max(v, l.low[j]), l.high[j]) }, predictions)
}
