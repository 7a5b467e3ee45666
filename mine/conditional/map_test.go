package conditional

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"

	"gomine/mine"
	"gomine/mine/column"
)

// halves are two folds of rows.
func halves(rows int) []mine.FoldRows {
	var even, odd []int
	for i := 0; i < rows; i += 2 {
		even, odd = append(even, i), append(odd, i+1)
	}
	return []mine.FoldRows{{Learn: even, Test: odd}, {Learn: odd, Test: even}}
}

// TestLinear: of x = a.y + e, U is e but for about m/n of its variance, whether y is uniform, of which
// normal scores would leave a tenth, or far from normal in its tails; where x follows one column of
// 20 it is 1/n and what a column found by chance adds, and where it follows none it is 0.
func TestLinear(t *testing.T) {
	const rows, learnt = 2000, 1000
	for _, c := range []struct {
		name           string
		given, weighed int
		draw           func(g *rand.Rand) float64
		most           float64
	}{
		// Five features of scores and five of units; the standard deviation of the error of five
		// coefficients is .6 of its mean.
		{"uniform", 5, 5, func(g *rand.Rand) float64 { return 4*g.Float64() - 2 }, 3 * 5. / learnt},
		{"Laplace", 5, 5, func(g *rand.Rand) float64 { return math.Copysign(g.ExpFloat64(), g.Float64()-0.5) }, 3 * 5. / learnt},
		{"one of 20", 20, 1, (*rand.Rand).NormFloat64, 2 * math.Log(40) / learnt},
		{"none of 20", 20, 0, (*rand.Rand).NormFloat64, 1e-3}, // the means of two folds: 2/rows
	} {
		g := rand.New(rand.NewPCG(5, 1))
		x, e, y := make([]float64, rows), make([]float64, rows), make([]float64, rows*c.given)
		for i := range x {
			e[i] = g.NormFloat64()
			x[i] = e[i]
			for k := range c.given {
				y[i*c.given+k] = c.draw(g)
				if k < c.weighed {
					x[i] += y[i*c.given+k]
				}
			}
		}
		u, err := Data{X: column.Slices(x), Given: column.RowMajor(y, c.given)}.differences(t.Context(), halves(rows), 1)
		if err != nil {
			t.Fatal(err)
		}
		r := stat.Correlation(u.values[0], e, nil)
		if wrong := 1 - r*r; wrong > c.most {
			t.Errorf("%s: the error is %.4f of the variance, want at most %.4f", c.name, wrong, c.most)
		}
	}
}

// TestCodesGiven: y of codes alone has no units, and one beside numbers is used with them.
func TestCodesGiven(t *testing.T) {
	const rows = 600
	g := rand.New(rand.NewPCG(6, 1))
	x, y, code := make([]float64, rows), make([]float64, rows), make([]string, rows)
	for i := range x {
		k := g.IntN(3)
		y[i], code[i] = g.NormFloat64(), string(rune('a'+k))
		x[i] = 3*float64(k) + 2*y[i] + g.NormFloat64()
	}
	for _, c := range []struct {
		given column.Source
		want  float64 // of a variance of 3*3*2/3 + 2*2 + 1
	}{{column.Codes(code), 6. / 11}, {column.Join(column.Codes(code), column.Slices(y)), 10. / 11}} {
		u, err := Data{X: column.Slices(x), Given: c.given}.differences(t.Context(), halves(rows), 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := u.report[0].Explained; math.Abs(got-c.want) > 0.06 { // the standard deviation of a share of 600 rows is at most .03
			t.Errorf("%d columns explain %.3f, want %.3f", len(c.given.Columns()), got, c.want)
		}
	}
}

// TestRegressionFolds: regressions learn from four fifths of the rows at least, where there are folds
// at all and rows are not few.
func TestRegressionFolds(t *testing.T) {
	cfg := mine.DefaultConfig(1000)
	var got []int
	for _, folds := range []int{1, 2, 7} {
		cfg.Folds = folds
		got = append(got, regressions(cfg, 1000).Folds, regressions(cfg, manyRows-1).Folds)
	}
	if want := []int{1, 1, mapFolds, 2, 7, 7}; !slices.Equal(got, want) {
		t.Errorf("%v folds, want %v", got, want)
	}
}
