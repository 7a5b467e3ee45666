//go:build cuda

package cuda

import (
	"fmt"
	"sync"
	"testing"

	"gomine/bench/throughput"
	"gomine/mine/backend"
	"gomine/mine/objective"
)

// BenchmarkParts measures the steps per second of small critics that are trained side by side, all
// together: of a few, nearly as many times those of one.
func BenchmarkParts(b *testing.B) {
	c := throughput.Case{D: 10, H: 64, L: 2, Batch: 512, Activation: backend.Softplus}
	for _, n := range []int{1, 2, 4, 8, 16} {
		b.Run(fmt.Sprintf("backend=cuda/parts=%d/%v", n, c), func(b *testing.B) {
			d, err := open(Options{})
			if err != nil {
				b.Skip(err)
			}
			defer d.Close()
			d.share = n
			parts, err := d.Divide(n)
			if err != nil {
				b.Fatal(err)
			}
			if len(parts) < n {
				b.Skipf("there is memory for %d parts", len(parts))
			}
			runs := make([]*throughput.Run, n)
			for i, part := range parts {
				if runs[i], err = throughput.NewRun(part, c, c.Rows()); err != nil {
					b.Fatal(err)
				}
				defer runs[i].Close()
			}
			steps := func() {
				var wg sync.WaitGroup
				errs := make([]error, n)
				for i, run := range runs {
					wg.Go(func() { _, errs[i] = run.Steps(b.Context(), *stepsPerCall) })
				}
				wg.Wait()
				for _, err := range errs {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			steps()
			for b.Loop() {
				steps()
			}
			b.ReportMetric(float64(b.N*n**stepsPerCall)/b.Elapsed().Seconds(), "steps/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkEvaluate measures a validation: a million marginal pairs of a critic of two layers of 64, of few columns and
// of many, of rows on the device and on the host.
func BenchmarkEvaluate(b *testing.B) {
	const rows, pairings = 8591, 116
	for _, columns := range []int{5, 500} {
		for _, limit := range []int64{0, 1} {
			b.Run(fmt.Sprintf("backend=cuda/d=%d/h=64/l=2/rows=%d/pairings=%d/streamed=%v", 2*columns, rows, pairings, limit > 0), func(b *testing.B) {
				d, err := open(Options{MemoryLimit: limit})
				if err != nil {
					b.Skip(err)
				}
				defer d.Close()
				c := newCase(rows, columns, columns, 512, objective.DV, backend.Softplus, 64, 64)
				data, err := d.Load(c.x, c.z)
				if err != nil {
					b.Fatal(err)
				}
				scorer, err := d.NewScorer(c.spec.Network, c.state.Params)
				if err != nil {
					b.Fatal(err)
				}
				defer scorer.Close()
				evaluate := func() {
					if _, err := scorer.Evaluate(b.Context(), data, backend.Rows{Hi: rows}, backend.Pairing{Count: pairings, Seed: 1}, nil); err != nil {
						b.Fatal(err)
					}
				}
				evaluate()
				for b.Loop() {
					evaluate()
				}
				b.ReportMetric(float64(b.N)*rows*pairings/b.Elapsed().Seconds(), "pairs/s")
			})
		}
	}
}
