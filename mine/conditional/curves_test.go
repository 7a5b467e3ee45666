package conditional

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// TestBends: the curves of a column are those of its own index, whatever its unit; of an index that does
// not vary, and of targets that follow another one, the prediction is the mean.
func TestBends(t *testing.T) {
	const n, noise = 1000, 0.1
	g := rand.New(rand.NewPCG(1, 1))
	index, targets, truth := mat.NewDense(n, 4, nil), mat.NewDense(n, 4, nil), mat.NewDense(n, 4, nil)
	for i := range n {
		a, b, c := g.NormFloat64(), g.NormFloat64(), g.NormFloat64()
		index.SetRow(i, []float64{7 * a, b / 1000, c, 3})
		truth.SetRow(i, []float64{a*a + 2, math.Sin(2 * b), 1, 0})
		targets.SetRow(i, []float64{a*a + 2 + noise*g.NormFloat64(), math.Sin(2*b) + noise*g.NormFloat64(), a*a + noise*g.NormFloat64(), noise * g.NormFloat64()})
	}
	b, err := newBends(index, targets, borders(targets.RawMatrix().Rows, nil))
	if err != nil {
		t.Fatal(err)
	}
	p := b.predict(index)
	// Six curves and the mean have an error of 7 noise^2/n, with a standard deviation of half of
	// that, for the first two, the means 2/n and noise^2/n for the others, squared normal. That the
	// unit is measured, with an error of 1/sqrt(2n), adds 4 (2b)^2/(2n) cos^2 to the second.
	for j, most := range []float64{21 * noise * noise / n, 4. / n, 12 * 2. / n, 12 * noise * noise / n} {
		var wrong float64
		for i := range n {
			e := p.At(i, j) - truth.At(i, j)
			wrong += e * e / n
		}
		if wrong > most {
			t.Errorf("column %d: the squared error is %.6f, want at most %.6f", j, wrong, most)
		}
	}
}
