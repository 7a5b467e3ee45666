//go:build cuda

package cuda

import (
	"flag"
	"fmt"
	"testing"

	"gomine/bench/throughput"
	"gomine/mine/backend"
)

var stepsPerCall = flag.Int("steps", 64, "training steps in one call of Train, in BenchmarkTrainStep")

// measuredCases are the six configurations of the design, and behind the first two the
// networks of DefaultConfig, up to 100,000 rows and above.
var measuredCases = []throughput.Case{
	{D: 2, H: 64, L: 2, Batch: 256},
	{D: 40, H: 128, L: 2, Batch: 4096},
	{D: 10, H: 64, L: 2, Batch: 512},
	{D: 40, H: 128, L: 2, Batch: 512},
	{D: 256, H: 512, L: 2, Batch: 8192},
	{D: 1024, H: 512, L: 2, Batch: 16384},
	{D: 1024, H: 1024, L: 3, Batch: 65536},
	{D: 4096, H: 1024, L: 1, Batch: 65536},
}

// BenchmarkTrainStep measures these configurations, with ReLU, by
// steps, rows and operations per second; see package throughput for what is
// counted. Every call of Train makes as many steps as the flag says, and ends with
// the device idle. The number of parameters is reported so that whoever compares
// can check that the network is the same.
func BenchmarkTrainStep(b *testing.B) {
	for _, c := range measuredCases {
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
				if _, err := run.Steps(b.Context(), *stepsPerCall); err != nil {
					b.Fatal(err)
				}
				done := 0
				for b.Loop() {
					if _, err := run.Steps(b.Context(), *stepsPerCall); err != nil {
						b.Fatal(err)
					}
					done += *stepsPerCall
				}
				seconds := b.Elapsed().Seconds()
				perSecond := float64(done) / seconds
				b.ReportMetric(perSecond, "steps/s")
				b.ReportMetric(1e6/perSecond, "us/step")
				b.ReportMetric(perSecond*float64(c.Batch), "samples/s")
				b.ReportMetric(perSecond*c.Operations().Total()/1e9, "GFLOP/s")
				state, err := run.Trainer.State()
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(state.Params)), "params")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
