//go:build cuda

package cuda

import (
	"fmt"
	"testing"

	"gomine/bench/throughput"
	"gomine/mine/backend"
)

// BenchmarkTrainStep measures the six configurations of the design, with ReLU, by
// steps, rows and operations per second; see package throughput for what is
// counted. Every call of Train ends with the device idle.
func BenchmarkTrainStep(b *testing.B) {
	for _, c := range []throughput.Case{
		{D: 2, H: 64, L: 2, Batch: 256},
		{D: 40, H: 128, L: 2, Batch: 4096},
		{D: 256, H: 512, L: 2, Batch: 8192},
		{D: 1024, H: 512, L: 2, Batch: 16384},
		{D: 1024, H: 1024, L: 3, Batch: 65536},
		{D: 4096, H: 1024, L: 1, Batch: 65536},
	} {
		c.Activation = backend.ReLU
		for _, precision := range Precisions() {
			b.Run(fmt.Sprintf("backend=cuda/precision=%s/%v", precision, c), func(b *testing.B) {
				d, err := Open(Options{Precision: precision})
				if err != nil {
					b.Skip(err)
				}
				defer d.Close()
				run, err := throughput.NewRun(d, c, c.Rows())
				if err != nil {
					b.Fatal(err)
				}
				defer run.Close()
				const steps = 64
				if _, err := run.Steps(b.Context(), steps); err != nil {
					b.Fatal(err)
				}
				done := 0
				for b.Loop() {
					if _, err := run.Steps(b.Context(), steps); err != nil {
						b.Fatal(err)
					}
					done += steps
				}
				seconds := b.Elapsed().Seconds()
				perSecond := float64(done) / seconds
				b.ReportMetric(perSecond, "steps/s")
				b.ReportMetric(1e6/perSecond, "us/step")
				b.ReportMetric(perSecond*float64(c.Batch), "samples/s")
				b.ReportMetric(perSecond*c.Operations().Total()/1e9, "GFLOP/s")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
