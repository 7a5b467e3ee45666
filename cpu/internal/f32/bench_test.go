package f32

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func random(r *rand.Rand, n int) []float32 {
	x := Aligned(n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func BenchmarkGemm(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range []struct {
		op      string
		m, n, k int
	}{
		{"NN", 512, 128, 128},
		{"NN", 1024, 64, 64},
		{"NN", 4096, 512, 512},
		{"TN", 128, 128, 1024},
		{"TN", 64, 64, 512},
		{"TN", 512, 512, 8192},
		{"NT", 512, 128, 128},
		{"NT", 1024, 64, 64},
		{"NT", 4096, 512, 512},
		{"NN", 512, 128, 1},
		{"NN", 512, 128, 20},
		{"NN", 512, 128, 40},
		{"TN", 20, 128, 1024},
		{"NN", 16, 128, 128},
		{"NN", 512, 512, 512},
		{"NN", 1024, 1024, 1024},
	} {
		for _, impl := range implementations() {
			b.Run(fmt.Sprintf("impl=%s/op=%s/m=%d/n=%d/k=%d", impl, s.op, s.m, s.n, s.k), func(b *testing.B) {
				use(b, impl)
				tA, tB := s.op[0] == 'T', s.op[1] == 'T'
				rows, cols := flip(tA, s.m, s.k)
				lda := Stride(cols)
				x := random(r, rows*lda)
				rows, cols = flip(tB, s.k, s.n)
				ldb := Stride(cols)
				y := random(r, rows*ldb)
				ldc := Stride(s.n)
				z := Aligned(s.m * ldc)
				w := NewWorkspace()
				for b.Loop() {
					w.Gemm(tA, tB, s.m, s.n, s.k, x, lda, y, ldb, nil, false, z, ldc)
				}
				flops := 2 * float64(s.m) * float64(s.n) * float64(s.k)
				b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}

func BenchmarkVector(b *testing.B) {
	const n = 4096
	r := rand.New(rand.NewPCG(1, 2))
	x, y, z, v := random(r, n), random(r, n), Aligned(n), random(r, n)
	// At outputs as large as this the derivatives are 1, so that repeated
	// multiplication does not end in subnormal numbers.
	h := Aligned(n)
	for i := range v {
		v[i] *= v[i]
		h[i] = 20 + v[i]
	}
	for _, f := range []struct {
		op  string
		run func()
	}{
		{"add", func() { Add(z, x, y) }},
		{"axpy", func() { Axpy(z, 0.001, y) }},
		{"scale", func() { Scale(z, 2, y) }},
		{"lerp", func() { Lerp(z, 0.1, y) }},
		{"relu", func() { ReLU(z, x) }},
		{"elu", func() { ELU(z, x) }},
		{"softplus", func() { Softplus(z, x) }},
		{"addrelu", func() { AddReLU(z, x, y) }},
		{"addelu", func() { AddELU(z, x, y) }},
		{"addsoftplus", func() { AddSoftplus(z, x, y) }},
		{"relugrad", func() { ReLUGrad(z, h) }},
		{"elugrad", func() { ELUGrad(z, h) }},
		{"softplusgrad", func() { SoftplusGrad(z, h) }},
		{"exp", func() { Exp(z, x) }},
		{"sumexp", func() { SumExp(z, x, 1) }},
		{"dot", func() { z[0] = Dot(x, y) }},
		{"max", func() { z[0] = Max(x) }},
		{"adam", func() {
			Adam(z, x, y, v, &AdamStep{Beta1: 0.9, OneMinusBeta1: 0.1, Beta2: 0.999, OneMinusBeta2: 0.001, Step: 1e-3, Eps: 1e-8, Decay: 1})
		}},
	} {
		for _, impl := range implementations() {
			b.Run(fmt.Sprintf("impl=%s/op=%s/n=%d", impl, f.op, n), func(b *testing.B) {
				use(b, impl)
				copy(z, x)
				for b.Loop() {
					f.run()
				}
				b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N)/n, "ns/elem")
			})
		}
	}
}
