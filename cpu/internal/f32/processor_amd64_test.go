//go:build !purego

package f32

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// implementations returns the names of those that run here, the fastest first.
func implementations() []string {
	switch {
	case useAVX512:
		return []string{"avx512", "avx2", "generic"}
	case useAssembly:
		return []string{"avx2", "generic"}
	}
	return []string{"generic"}
}

// use selects an implementation until the end of the test.
func use(tb testing.TB, implementation string) {
	oldAssembly, old512 := useAssembly, useAVX512
	tb.Cleanup(func() { useAssembly, useAVX512 = oldAssembly, old512 })
	useAVX512 = implementation == "avx512"
	useAssembly = useAVX512 || implementation == "avx2"
}

// peak returns a function that runs rounds of nothing but multiply-adds, and
// their floating-point operations in a round.
func peak(implementation string) (run func(rounds int), flop int) {
	switch implementation {
	case "avx512":
		return fmaPeak512, 2 * 16 * 12
	case "avx2":
		return fmaPeak, 2 * 8 * 12
	}
	return nil, 0
}

// TestGemmAgrees checks that the products of AVX-512 have the bits of those of
// AVX2, also where they read an operand in place that those pack.
func TestGemmAgrees(t *testing.T) {
	if !useAVX512 {
		t.Skip("needs AVX-512")
	}
	r := rand.New(rand.NewPCG(7, 8))
	w := NewWorkspace()
	for trial := range 200 {
		m, n, k := 1+r.IntN(30), 1+r.IntN(150), 1+r.IntN(300)
		if trial%3 == 0 {
			m += fewRows
		}
		if trial%2 == 0 {
			n = (n + 15) / 16 * 16
		}
		o := newOperands(t, r, m, n, k, trial&4 != 0, trial&8 != 0, trial&16 != 0, trial&32 != 0)
		old := slices.Clone(o.c)
		o.run(w)
		got := slices.Clone(o.c)
		copy(o.c, old)
		useAVX512 = false
		o.run(w)
		useAVX512 = true
		for i := range got {
			if math.Float32bits(got[i]) != math.Float32bits(o.c[i]) {
				t.Fatalf("%v: C[%d, %d] = %g with AVX-512, %g with AVX2", o, i/o.ldc, i%o.ldc, got[i], o.c[i])
			}
		}
	}
}
