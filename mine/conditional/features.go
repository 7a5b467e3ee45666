package conditional

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"gomine/mine/backend"
)

const (
	// mostInputs is the most columns of y of which sums are looked for in x: the time of a regression
	// grows with the third power of their number, to half a minute.
	mostInputs = 2000
	// mostUnits is the most columns of y that are taken in units beside scores, and mostSquares the most
	// whose squares are: of more, regressions take minutes.
	mostUnits, mostSquares = 200, 200
	// mostProducts and mostWaves are the most features of either kind: eigenvalues of 600 take a
	// tenth of a second.
	mostProducts, mostWaves = 300, 200
	// rowsPerWave keeps them fewer than rows.
	rowsPerWave = 8
)

// features are functions of d inputs v that are not linear: squares and, where they are not too
// many, products of two, and waves cos(w.v + b), of which random ones span all smooth functions
// (Rahimi and Recht, NIPS 2007). Frequencies w are normal, of length about 1/2, 1 or 2.
type features struct {
	inputs   int
	products bool        // of all pairs of inputs
	squares  bool        // else of each with itself
	waves    [][]float64 // w and, behind it, b
}

// newFeatures chooses features by the number of inputs and of rows.
func newFeatures(inputs, rows int, seed uint64) features {
	f := features{inputs: inputs, products: inputs*(inputs+1)/2 <= min(mostProducts, rows/rowsPerWave), squares: inputs <= mostSquares}
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
	return f
}

// of returns the features of rows of inputs.
func (f features) of(inputs backend.Matrix) *mat.Dense {
	width := len(f.waves)
	switch {
	case f.products:
		width += f.inputs * (f.inputs + 1) / 2
	case f.squares:
		width += f.inputs
	}
	m := mat.NewDense(inputs.Rows, width, nil)
	for i := range inputs.Rows {
		v, row := inputs.Row(i), m.RawRowView(i)[:0]
		for a := range v {
			last := a
			switch {
			case f.products:
				last = len(v)
			case f.squares:
				last = a + 1
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
	}
	return m
}

// squares returns the square of each input; nil of too many.
func squares(inputs backend.Matrix) *mat.Dense {
	if inputs.Cols > mostSquares {
		return nil
	}
	m := linear(inputs)
	m.Apply(func(_, _ int, v float64) float64 { return v * v }, m)
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
