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

type gemmShape struct {
	op      string
	m, n, k int
	packed  bool // the right operand is a Packed
}

func (s gemmShape) String() string {
	return fmt.Sprintf("op=%s/m=%d/n=%d/k=%d/packed=%t", s.op, s.m, s.n, s.k, s.packed)
}

// gemmShapes lists the products of a training step for three sizes of batch
// and hidden layer, of the whole batch and of blocks of 64 joint and as many
// marginal pairs, as the backend cuts it up; a few rows; and two squares.
func gemmShapes() []gemmShape {
	const block = 64
	var list []gemmShape
	for _, s := range []struct{ batch, h, dx int }{
		{256, 64, 1},
		{512, 128, 20},
		{4096, 512, 128},
	} {
		list = append(list,
			gemmShape{"NN", s.batch, s.h, s.dx, false},
			gemmShape{"NN", s.batch, s.h, s.h, false},
			gemmShape{"NT", s.batch, s.h, s.h, false},
			gemmShape{"TN", s.h, s.h, s.batch, false},
			gemmShape{"TN", s.dx, s.h, s.batch, false},
			gemmShape{"NN", block, s.h, s.dx, true},
			gemmShape{"NN", 2 * block, s.h, s.h, true},
			gemmShape{"TN", s.h, s.h, 2 * block, false},
			gemmShape{"TN", s.dx, s.h, block, false},
		)
	}
	return append(list,
		gemmShape{"NN", 16, 128, 128, false},
		gemmShape{"NN", 512, 512, 512, false},
		gemmShape{"NN", 1024, 1024, 1024, false})
}

func BenchmarkGemm(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range gemmShapes() {
		for _, impl := range implementations() {
			b.Run(fmt.Sprintf("impl=%s/%v", impl, s), func(b *testing.B) {
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
				multiply := func() { w.Gemm(tA, tB, s.m, s.n, s.k, x, lda, y, ldb, nil, false, z, ldc) }
				if s.packed {
					packed := NewPacked(s.k, s.n)
					packed.SetRows(0, s.k, y, ldb)
					multiply = func() { w.GemmPacked(s.m, x, lda, packed, nil, z, ldc) }
				}
				for b.Loop() {
					multiply()
				}
				flops := 2 * float64(s.m) * float64(s.n) * float64(s.k)
				b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}

// BenchmarkVector runs on vectors of a hidden layer, where much of the time goes
// into the call, and on those of a block.
func BenchmarkVector(b *testing.B) {
	for _, n := range []int{64, 4096} {
		benchmarkVector(b, n)
	}
}

func benchmarkVector(b *testing.B, n int) {
	r := rand.New(rand.NewPCG(1, 2))
	x, y, z, v := random(r, n), random(r, n), Aligned(n), random(r, max(n, 128))
	// At outputs as large as this the derivatives are 1, so that repeated
	// multiplication does not end in subnormal numbers.
	h := Aligned(n)
	for i := range v {
		v[i] *= v[i]
	}
	for i := range h {
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
		{"rowdots", func() { RowDots(z[:n/64], x, 64, y[:64], 1) }},
		{"columnsums", func() { ColumnSums(z[:64], n/64, x, 64) }},
		{"reluoutputgrad", func() { ReLUOutputGrad(z, h, 64, x[:n/64], y[:64], v[:64], v[64:128]) }},
		{"softplusoutputgrad", func() { SoftplusOutputGrad(z, h, 64, x[:n/64], y[:64], v[:64], v[64:128]) }},
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
				b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N)/float64(n), "ns/elem")
			})
		}
	}
}

// BenchmarkBandwidth runs on vectors that no cache holds and reports the bytes
// that the operation names: what the processor reads of a line before it
// writes it is not counted.
func BenchmarkBandwidth(b *testing.B) {
	const n = 1 << 24
	x, y, z, v := Aligned(n), Aligned(n), Aligned(n), Aligned(n)
	for i := range n {
		x[i], y[i], z[i], v[i] = 1, -1, 1, 1
	}
	for _, f := range []struct {
		op      string
		vectors int // read or written
		run     func()
	}{
		{"dot", 2, func() { z[0] = Dot(x, y) }},
		{"add", 3, func() { Add(z, x, y) }},
		{"addrelu", 3, func() { AddReLU(z, x, y) }},
		{"addsoftplus", 3, func() { AddSoftplus(z, x, y) }},
		{"relugrad", 3, func() { ReLUGrad(z, v) }},
		{"adam", 7, func() {
			Adam(z, x, y, v, &AdamStep{Beta1: 0.9, OneMinusBeta1: 0.1, Beta2: 0.999, OneMinusBeta2: 0.001, Step: 1e-3, Eps: 1e-8, Decay: 1})
		}},
	} {
		for _, impl := range implementations() {
			b.Run(fmt.Sprintf("impl=%s/op=%s/n=%d", impl, f.op, n), func(b *testing.B) {
				use(b, impl)
				for b.Loop() {
					f.run()
				}
				b.ReportMetric(4*n*float64(f.vectors)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
			})
		}
	}
}
