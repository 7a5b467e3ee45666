package conditional

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"gomine/mine/backend"
)

const (
	// mostInputs is the most inputs that a regression is made on: its time grows with their third
	// power, to half a minute.
	mostInputs = 2000
	// mostProducts and mostWaves are the most features of either kind: eigenvalues of 600 take a
	// tenth of a second.
	mostProducts, mostWaves = 300, 200
	// rowsPerWave keeps them fewer than rows.
	rowsPerWave = 8
)

// features are functions of d inputs v that are not linear: squares and, where they are not too
// many, products of two, and waves cos(w.v + b), of which random ones span all smooth functions
// (Rahimi and Recht, NIPS 2007). Frequencies w are normal, of length about 1/2, 1 or 2. Of the
// predictions of a linear regression, its indices, they hold curves too: where x = f(a.y + e), the mean
// of x and its spread are functions of a.y (Ichimura, Journal of Econometrics 58, 1993).
type features struct {
	inputs   int
	products bool        // of all pairs of inputs, else squares alone
	waves    [][]float64 // w and, behind it, b
	units    []float64   // standard deviations of the indices
}

// curves are those of an index s in its unit.
var curves = []func(s float64) float64{
	func(s float64) float64 { return s * s },
	func(s float64) float64 { return s * s * s },
	math.Sin, math.Cos,
	func(s float64) float64 { return math.Sin(2 * s) },
	func(s float64) float64 { return math.Cos(2 * s) },
}

// mostUnits is how far from 0 an index counts.
const mostUnits = 4

// newFeatures chooses features by the number of inputs and of rows, and for the indices of the
// rows unless they would be too many.
func newFeatures(inputs, rows int, index *mat.Dense, seed uint64) features {
	f := features{inputs: inputs, products: inputs*(inputs+1)/2 <= min(mostProducts, rows/rowsPerWave)}
	g := rand.New(rand.NewPCG(seed, 0))
	for k := range min(mostWaves, rows/rowsPerWave) {
		length := math.Pow(2, float64(k%3-1)) / math.Sqrt(float64(inputs))
		w := make([]float64, inputs+1)
		for i := range inputs {
			w[i] = length * g.NormFloat64()
		}
		w[inputs] = 2 * math.Pi * g.Float64()
		f.waves = append(f.waves, w)
	}
	if _, k := index.Dims(); k*len(curves) <= min(mostProducts, rows/rowsPerWave) {
		for j := range k {
			f.units = append(f.units, stat.StdDev(mat.Col(nil, j, index), nil))
		}
	}
	return f
}

// of returns the features of rows of inputs and of their indices.
func (f features) of(inputs backend.Matrix, index *mat.Dense) *mat.Dense {
	width := f.inputs
	if f.products {
		width = f.inputs * (f.inputs + 1) / 2
	}
	width += len(f.waves) + len(f.units)*len(curves)
	m := mat.NewDense(inputs.Rows, width, nil)
	for i := range inputs.Rows {
		v, row := inputs.Row(i), m.RawRowView(i)[:0]
		for a := range v {
			last := a + 1
			if f.products {
				last = len(v)
			}
			for b := a; b < last; b++ {
				row = append(row, float64(v[a])*float64(v[b]))
			}
		}
		for _, w := range f.waves {
			phase := w[f.inputs]
			for a := range v {
				phase += w[a] * float64(v[a])
			}
			row = append(row, math.Sqrt2*math.Cos(phase))
		}
		for j, unit := range f.units {
			var s float64
			if unit > 0 {
				s = min(max(index.At(i, j)/unit, -mostUnits), mostUnits)
			}
			for _, curve := range curves {
				row = append(row, curve(s))
			}
		}
	}
	return m
}

// linear returns the inputs themselves.
func linear(inputs backend.Matrix) *mat.Dense {
	m := mat.NewDense(inputs.Rows, inputs.Cols, nil)
	for i := range inputs.Rows {
		row := m.RawRowView(i)
		for a, v := range inputs.Row(i) {
			row[a] = float64(v)
		}
	}
	return m
}
