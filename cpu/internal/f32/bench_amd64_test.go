//go:build !purego

package f32

import "testing"

// BenchmarkPeak measures what BenchmarkGemm could reach at most.
func BenchmarkPeak(b *testing.B) {
	for _, impl := range implementations() {
		peak, lanes := fmaPeak, 8
		switch impl {
		case "avx512":
			peak, lanes = fmaPeak512, 16
		case "generic":
			continue
		}
		b.Run("impl="+impl, func(b *testing.B) {
			const rounds = 1000
			for b.Loop() {
				peak(rounds)
			}
			b.ReportMetric(2*float64(lanes)*12*rounds*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
