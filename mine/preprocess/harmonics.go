package preprocess

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Harmonics are more inputs that a ranked column becomes under Fourier: of its uniform rank
// u in (0, 1), whose normal quantile is the first input, the cosine series
//
//	sqrt(2) cos(pi k u),  k = 1, 2, ..
//
// whose terms have variance 1 and no correlation. A network sees functions that turn often
// from them at once, and from the rank alone only after very many steps (Rahaman et al.
// 2019; Tancik et al. 2020).
type harmonics int

const (
	// mostHarmonics is how many a column becomes at most.
	mostHarmonics = 16
	// sideHarmonics is how many all columns of a side become at most: 5 columns nine each,
	// more columns none, for a network can make nothing of so many.
	sideHarmonics    = 48
	harmonicsColumns = 5
)

// harmonicsFor is the number for each of some columns, of one with so many distinct values:
// every function of these is a sum of a constant, the rank and as many harmonics less two.
func harmonicsFor(columns, distinct int) harmonics {
	if columns > harmonicsColumns {
		return 0
	}
	return harmonics(min(mostHarmonics, sideHarmonics/columns, max(0, distinct-2)))
}

// store writes them, of the normal quantile y of a rank.
func (h harmonics) store(dst []float32, y float64) {
	u := distuv.UnitNormal.CDF(y)
	for k := range int(h) {
		dst[k] = float32(math.Sqrt2 * math.Cos(math.Pi*float64(k+1)*u))
	}
}

// chain takes derivatives with respect to them to the one with respect to y.
func (h harmonics) chain(g []float32, y float64) float64 {
	u, density := distuv.UnitNormal.CDF(y), distuv.UnitNormal.Prob(y)
	var sum float64
	for k := range int(h) {
		turn := math.Pi * float64(k+1)
		sum -= float64(g[k]) * math.Sqrt2 * turn * math.Sin(turn*u) * density
	}
	return sum
}
