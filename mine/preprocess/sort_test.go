package preprocess

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSortNumbers: the order is that of comparing, however many numbers there are, of both signs,
// equal ones, exact in float32 or not, and at the ends of what float64 holds.
func TestSortNumbers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 0))
	draws := map[string]func() float64{
		"normal":  r.NormFloat64,
		"float32": func() float64 { return float64(float32(r.NormFloat64())) },
		"ties":    func() float64 { return float64(r.IntN(5) - 2) },
		"all": func() float64 {
			return []float64{-math.MaxFloat64, math.MaxFloat64, -5e-324, 5e-324, 0, 1, -1}[r.IntN(7)]
		},
		"equal": func() float64 { return -3 },
		"bits": func() float64 {
			for {
				if v := math.Float64frombits(r.Uint64()); v-v == 0 {
					return v
				}
			}
		},
	}
	for name, draw := range draws {
		for _, n := range []int{1, 100, radixRows - 1, radixRows, radixRows + 1, 50_000} {
			v := make([]float64, n)
			for i := range v {
				v[i] = draw()
			}
			want := slices.Sorted(slices.Values(v))
			if sortNumbers(v); !slices.Equal(v, want) {
				t.Errorf("%d numbers, %s: out of order", n, name)
			}
		}
	}
}

func BenchmarkSortNumbers(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 0))
	for _, n := range []int{radixRows, fitRows} {
		v := make([]float64, n)
		for i := range v {
			v[i] = r.NormFloat64()
		}
		for name, sort := range map[string]func([]float64){"digits": sortNumbers, "comparing": slices.Sort[[]float64]} {
			b.Run(fmt.Sprintf("by=%s/n=%d", name, n), func(b *testing.B) {
				w := make([]float64, len(v))
				for b.Loop() {
					copy(w, v)
					sort(w)
				}
			})
		}
	}
}
