//go:build (amd64 || arm64) && !purego

package f32

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"testing"
)

// TestProcessorsAgree checks that the kernels for all processors give the same
// bits, but for the sums along a row, whose order follows the width of a
// register: one checksum stands for all of them.
func TestProcessorsAgree(t *testing.T) {
	const n = 5003
	for _, impl := range implementations() {
		if impl == "generic" {
			continue
		}
		t.Run("impl="+impl, func(t *testing.T) {
			use(t, impl)
			check := func(name string, want uint32, results ...[]float32) {
				t.Helper()
				sum := crc32.NewIEEE()
				for _, x := range results {
					if err := binary.Write(sum, binary.LittleEndian, x); err != nil {
						t.Fatal(err)
					}
				}
				if got := sum.Sum32(); got != want {
					t.Errorf("%s: checksum %#08x, want %#08x", name, got, want)
				}
			}
			r := rand.New(rand.NewPCG(31, 32))
			uniform := func(n int, size float32) []float32 {
				x := make([]float32, n)
				for i := range x {
					x[i] = size * (r.Float32() - 0.5)
				}
				return x
			}
			a, b, dst := uniform(n, 80), uniform(n, 80), make([]float32, n)
			positive := uniform(n, 4)
			for i, x := range positive {
				positive[i] = float32(math.Abs(float64(x)))
			}
			for _, f := range []struct {
				name string
				want uint32
				run  func()
			}{
				{"Add", 0x8c399359, func() { Add(dst, a, b) }},
				{"Axpy", 0xe2f97623, func() { Axpy(dst, alpha, a) }},
				{"Scale", 0xfd2b3948, func() { Scale(dst, alpha, a) }},
				{"Lerp", 0x30b1c551, func() { Lerp(dst, 0.3, a) }},
				{"AddReLU", 0x05642525, func() { AddReLU(dst, a, b) }},
				{"AddELU", 0x22d9849e, func() { AddELU(dst, a, b) }},
				{"AddSoftplus", 0x178761e9, func() { AddSoftplus(dst, a, b) }},
				{"ReLUGrad", 0xd0ae5a38, func() { ReLUGrad(dst, a) }},
				{"ELUGrad", 0x6f75a61d, func() { ELUGrad(dst, a) }},
				{"SoftplusGrad", 0xc57dcdae, func() { SoftplusGrad(dst, positive) }},
				{"Exp", 0xe421caf7, func() { Exp(dst, a) }},
				{"ColumnSums", 0x66e31a78, func() { ColumnSums(dst[:83], n/83, a, 83) }},
			} {
				copy(dst, b)
				f.run()
				check(f.name, f.want, dst)
			}
			p, m, v := uniform(n, 2), uniform(n, 2), positive
			Adam(p, a, m, v, &AdamStep{Beta1: 0.9, OneMinusBeta1: 0.1, Beta2: 0.999, OneMinusBeta2: 0.001, Step: 0.01, Eps: 1e-3, Decay: 0.99})
			check("Adam", 0x183c4d89, p, m, v)

			var products [][]float32
			w := NewWorkspace()
			for trial := range 32 {
				tA, tB := trial&1 != 0, trial&2 != 0
				rows, cols, depth := 1+r.IntN(70), 1+r.IntN(70), 1+r.IntN(600)
				x, y := uniform(rows*depth, 2), uniform(depth*cols, 2)
				c, bias := uniform(rows*cols, 2), uniform(cols, 2)
				_, lda := flip(tA, rows, depth)
				_, ldb := flip(tB, depth, cols)
				w.Gemm(tA, tB, rows, cols, depth, x, lda, y, ldb, bias, trial&4 != 0, c, cols)
				products = append(products, c)
			}
			check("Gemm", 0x225749aa, products...)
		})
	}
}
