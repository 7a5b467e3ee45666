package conditional

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"gomine/mine/column"
)

// TestHeavyTails: where a few rows of y have nearly all of the variance of x, x is determined by y only if
// it is so in the others, too.
func TestHeavyTails(t *testing.T) {
	const rows = 2000
	g := rand.New(rand.NewPCG(5, 1))
	y, x, sum := make([]float64, 2*rows), make([]float64, rows), make([]float64, rows)
	for i := range rows {
		for j := range 2 {
			y[2*i+j] = math.Tan(math.Pi * (g.Float64() - 0.5))
		}
		x[i], sum[i] = y[2*i]+g.NormFloat64(), y[2*i]-2*y[2*i+1]
	}
	y[0] = 1e6
	x[0], sum[0] = y[0], y[0]-2*y[1]
	given := column.RowMajor(y, 2)
	if err := (Data{X: column.Slices(x), Given: given}).checkLinear(); err != nil {
		t.Errorf("y and noise: %v", err)
	}
	if err := (Data{X: column.Slices(sum), Given: given}).checkLinear(); !errors.Is(err, ErrDetermined) {
		t.Errorf("a sum of y: %v", err)
	}
	// Of some laws a regression on all rows sees nothing but the largest ones.
	for name, draw := range map[string]func() float64{
		"log-normal": func() float64 { return math.Exp(7 * g.NormFloat64()) },
		"Pareto":     func() float64 { return math.Pow(g.Float64(), -1/0.2) },
	} {
		for i := range rows {
			y[2*i], y[2*i+1] = draw(), draw()
			sum[i] = y[2*i] + y[2*i+1]
			x[i] = sum[i] + 10*g.NormFloat64()
		}
		if err := (Data{X: column.Slices(sum), Given: given}).checkLinear(); !errors.Is(err, ErrDetermined) {
			t.Errorf("a sum of two %s columns: %v", name, err)
		}
		if err := (Data{X: column.Slices(x), Given: given}).checkLinear(); err != nil {
			t.Errorf("a sum of two %s columns and noise: %v", name, err)
		}
	}
}
