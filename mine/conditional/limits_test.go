package conditional

import (
	"math"
	"math/rand/v2"
	"testing"

	"gomine/mine/column"
)

// slopes are rows of a whole number c below 6 and of n, with x = s_c n + .5N and z likewise: independent given both.
func slopes(rows int, seed uint64) (d Data, c []float64) {
	g := rand.New(rand.NewPCG(seed, 9))
	of, x, z, n := make([]float64, 6), make([]float64, rows), make([]float64, rows), make([]float64, rows)
	for k := range of {
		of[k] = g.NormFloat64()
	}
	c = make([]float64, rows)
	for i := range x {
		c[i], n[i] = float64(g.IntN(6)), g.NormFloat64()
		m := of[int(c[i])] * n[i]
		x[i], z[i] = m+0.5*g.NormFloat64(), m+0.5*g.NormFloat64()
	}
	return Data{X: column.Slices(x), Z: column.Slices(z), Given: column.Named(column.Slices(c, n), "c", "n")}, c
}

// TestLimits: no row is predicted far beyond those that were learnt from, so that next to none of the variance can be lost by it.
func TestLimits(t *testing.T) {
	const rows = 800
	for seed := range uint64(12) {
		d, _ := slopes(rows, seed)
		m, err := newMap(d, halves(rows)[0].Learn, []shape{{form: FormRegression}}, seed)
		if err != nil {
			t.Fatal(err)
		}
		p, err := m.apply(d.X, d.Given)
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			if v := p.mean.At(i, 0); math.Abs(v) > 8 { // scores and units of 400 rows go from some -3 to 3
				t.Errorf("seed %d: row %d is predicted as %g", seed, i, v)
			}
		}
	}
}

// TestFlat: where a regression is worse than the mean on the rows that it has not learnt from, the mean takes its place.
func TestFlat(t *testing.T) {
	const rows = 400
	g := rand.New(rand.NewPCG(3, 9))
	x, y := make([]float64, rows), make([]float64, rows)
	for i := range x {
		y[i] = g.NormFloat64()
		x[i] = y[i] * float64(1-i%2*2) // as y in even rows, and as -y in odd ones
	}
	d := Data{X: column.Slices(x), Given: column.Slices(y)}
	u, err := newResiduals(t.Context(), d, halves(rows), []shape{{form: FormRegression}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if r := u.report[0]; math.Abs(r.Explained) > leastWorse || r.Scale != 0 {
		t.Errorf("%+v", r)
	}
	if r := rankCorrelation(u.values[0], x); r < 0.99 {
		t.Errorf("a rank correlation of %g with x", r)
	}
}
