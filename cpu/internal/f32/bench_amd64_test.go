//go:build !purego

package f32

import "testing"

// BenchmarkPeak measures what BenchmarkGemm could reach at most.
func BenchmarkPeak(b *testing.B) {
	if !useAVX2 {
		b.Skip("needs AVX2 and FMA")
	}
	const rounds = 1000
	for b.Loop() {
		fmaPeak(rounds)
	}
	b.ReportMetric(2*8*12*rounds*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
