//go:build (amd64 || arm64) && !purego

package f32

import "testing"

// BenchmarkPeak measures what BenchmarkGemm could reach at most.
func BenchmarkPeak(b *testing.B) {
	for _, impl := range implementations() {
		run, flop := peak(impl)
		if run == nil {
			continue
		}
		b.Run("impl="+impl, func(b *testing.B) {
			const rounds = 1000
			for b.Loop() {
				run(rounds)
			}
			b.ReportMetric(float64(flop)*rounds*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
