package preprocess

import (
	"math/rand/v2"
	"testing"

	"gomine/mine/column"
)

// BenchmarkApply takes 100,000 rows of 40 columns to inputs.
func BenchmarkApply(b *testing.B) {
	const rows, cols = 100_000, 20
	g := rand.New(rand.NewPCG(1, 1))
	draw := func() column.Source {
		v := make([]float64, rows*cols)
		for i := range v {
			v[i] = g.NormFloat64()
		}
		return column.RowMajor(v, cols)
	}
	p, err := NewPairs(draw(), draw(), 1)
	if err != nil {
		b.Fatal(err)
	}
	all := Range{0, rows}
	for _, method := range []Method{Rank, Standardize} {
		b.Run("fit/"+method.String(), func(b *testing.B) {
			for b.Loop() {
				if _, err := p.Fit(method, all); err != nil {
					b.Fatal(err)
				}
			}
		})
		m, err := p.Fit(method, all)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("apply/"+method.String(), func(b *testing.B) {
			for b.Loop() {
				if _, _, err := p.Apply(m, false, all); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
