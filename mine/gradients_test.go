package mine_test

import (
	"context"
	"math"
	"testing"

	"gomine/cpu"
	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/simulate"
)

// largest is a backend that notes the most rows that were differentiated at a time.
type largest struct {
	backend.Backend
	rows int
}

func (l *largest) NewScorer(net backend.Network, params []float32) (backend.Scorer, error) {
	s, err := l.Backend.NewScorer(net, params)
	return &largestScorer{s, l}, err
}

type largestScorer struct {
	backend.Scorer
	of *largest
}

func (s *largestScorer) InputGradients(ctx context.Context, data backend.Data, xs, zs []int, weights []float32, gx, gz backend.Matrix) error {
	s.of.rows = max(s.of.rows, len(xs))
	return s.Scorer.InputGradients(ctx, data, xs, zs, weights, gx, gz)
}

// TestGradientsInBlocks: many rows are differentiated some at a time, and each has the derivatives
// that it has alone.
func TestGradientsInBlocks(t *testing.T) {
	const train, rows = 600, 10_000
	_, a, b := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.8}, rows, 1)
	codes := make([]string, rows)
	for i := range codes {
		codes[i] = string(rune('a' + int(8+2*b[i])))
	}
	x, z := column.Slices(a), column.Codes(codes)
	cfg := quick(train)
	cfg.Steps, cfg.Reference, cfg.Batch = 50, true, 32
	fitted, _, err := mine.Fit(t.Context(), column.Slices(a[:train]), column.Codes(codes[:train]), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer fitted.Close()
	inner, err := cpu.Open(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	l := &largest{Backend: inner}
	f, err := mine.Restore(fitted.State(), mine.WithBackend(l))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	gx, gz, err := f.Gradients(t.Context(), x, z)
	if err != nil {
		t.Fatal(err)
	}
	if l.rows < 1 || l.rows > rows/2 {
		t.Errorf("%d of %d rows at a time", l.rows, rows)
	}
	moved := 0
	for i := 0; i < rows; i += 7 {
		one, oneZ, err := f.Gradients(t.Context(), column.Pick(x, []int{i}), column.Pick(z, []int{i}))
		if err != nil {
			t.Fatal(err)
		}
		// Of float32 derivatives of size 1, summed in another order.
		if got, want := gx.At(i, 0), one.At(0, 0); math.Abs(got-want) > 1e-5 || gz.At(i, 0) != oneZ.At(0, 0) {
			t.Errorf("row %d: %v and %v, alone %v and %v", i, got, gz.At(i, 0), want, oneZ.At(0, 0))
		}
		if gx.At(i, 0) != 0 {
			moved++
		}
	}
	if moved < rows/14 {
		t.Errorf("%d rows have a derivative: what is compared?", moved)
	}
}
