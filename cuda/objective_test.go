//go:build cuda

package cuda

import (
	"math"
	"math/rand/v2"
	"testing"

	"gomine/cuda/internal/driver"
	"gomine/mine/objective"
)

// TestObjective compares the kernels for few and for many scores with package objective
// in float64. Exponentials are float32, of relative error 2^-23 or so with what their
// arguments lose, and so are weights: 1e-6 of the largest weight, and 1e-6 of the value,
// whose terms are of size 1.
func TestObjective(t *testing.T) {
	d, err := open(Options{Precision: FP32})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, n := range []int{1, 700, manyScores / 3, 12_345} {
		for _, kind := range objective.Kinds() {
			for _, step := range []uint64{0, 5} {
				o, m := kind.Default(), 2*n
				src := rand.New(rand.NewPCG(uint64(n), uint64(kind)))
				scores := make([]float32, n+m)
				for i := range scores {
					scores[i] = float32(1 + 2*src.NormFloat64())
				}
				const ema = 0.3
				weights, value, next, err := objectiveOf(d, scores, n, step, o, ema)
				if err != nil {
					t.Fatal(err)
				}
				wide := make([]float64, len(scores))
				for i, v := range scores {
					wide[i] = float64(v)
				}
				a, b := make([]float64, n), make([]float64, m)
				average := o.Weights(wide[:n], wide[n:], a, b, objective.Average{Log: ema, Started: step > 0})
				if want := o.Value(wide[:n], wide[n:]); !(math.Abs(value-want) <= 1e-6*(1+math.Abs(want))) {
					t.Errorf("%v of %d and %d scores: value %v, want %v", kind, n, m, value, want)
				}
				if want := average.Log; kind.Averages() && !(math.Abs(next-want) <= 1e-6*(1+math.Abs(want))) {
					t.Errorf("%v of %d and %d scores: moving average %v, want %v", kind, n, m, next, want)
				}
				most := 0.0
				for _, v := range append(a, b...) {
					most = math.Max(most, math.Abs(v))
				}
				for i, got := range weights {
					want := 0.0
					if i < n {
						want = a[i]
					} else {
						want = -b[i-n]
					}
					if !(math.Abs(float64(got)-want) <= 1e-6*most) {
						t.Errorf("%v of %d and %d scores: weight %d is %v, want %v", kind, n, m, i, got, want)
						break
					}
				}
			}
		}
	}
}

// objectiveOf runs the kernels on scores of which the first n are joint.
func objectiveOf(d *device, scores []float32, n int, step uint64, o objective.Objective, ema float64) (weights []float32, value, next float64, err error) {
	weights = make([]float32, len(scores))
	err = d.onStream(func(s *driver.Stream, memory *driver.Memory) (err error) {
		var at [6]driver.Pointer // weights, scores, sums, values, moving averages, clock
		for i, bytes := range []int{4 * len(scores), 4 * len(scores), 3 * 8 * scoreBlocks(len(scores)), 8, 16, 16} {
			if at[i], err = memory.Alloc("test", int64(bytes)); err != nil {
				return err
			}
		}
		if err := driver.Upload(s, at[1], scores); err != nil {
			return err
		}
		if err := driver.Upload(s, at[4], []float64{ema, 0}); err != nil {
			return err
		}
		if err := driver.Upload(s, at[5], []uint64{step, 0}); err != nil {
			return err
		}
		p := pass{layers: layers{t: at[1]}, weights: at[0]}
		if scoreBlocks(len(scores)) > 1 {
			p.sums = at[2]
		}
		if err := p.objective(s, at[3], at[4], at[5], 0, n, len(scores)-n, o); err != nil {
			return err
		}
		var values [1]float64
		var averages [2]float64
		if err := driver.Download(s, weights, at[0]); err != nil {
			return err
		}
		if err := driver.Download(s, values[:], at[3]); err != nil {
			return err
		}
		if err := driver.Download(s, averages[:], at[4]); err != nil {
			return err
		}
		value, next = values[0], averages[1]
		return nil
	})
	return weights, value, next, err
}
