package cpu

import (
	"fmt"
	"math"
	"testing"

	"gomine/mine/objective"
	"gomine/mine/sampling"
)

// TestObjectives compares the value and the weights of every objective, by its
// fast form if it has one and by its terms, with package objective.
func TestObjectives(t *testing.T) {
	const n, k = 50, 3
	for _, kind := range objective.Kinds() {
		for _, shift := range []float64{-2, 0, 60} { // the square of e^60 is no float32
			for _, terms := range []bool{false, true} {
				for _, started := range []bool{false, true} {
					s := newBatchScores(kind.Default(), n, k)
					if terms {
						s.p, s.q = make([]float64, n), make([]float64, n*k)
					}
					name := fmt.Sprintf("%v, scores around %v, by terms %v, with an average %v", kind, shift, s.p != nil, started)
					checkObjective(t, name, &s, shift, objective.Average{Log: shift + 1, Started: started})
				}
			}
		}
	}
}

func checkObjective(t *testing.T, name string, s *batchScores, shift float64, avg objective.Average) {
	t.Helper()
	scores := func(dst []float32, stream sampling.Stream) []float64 {
		exact := make([]float64, len(dst))
		for i := range dst {
			dst[i] = float32(shift + sampling.Normal(1, stream, 0, uint64(i)))
			exact[i] = float64(dst[i])
		}
		return exact
	}
	joint, marginal := scores(s.joint, 100), scores(s.marginal, 101)
	a, b := make([]float64, len(joint)), make([]float64, len(marginal))
	wantAvg := s.objective.Weights(joint, marginal, a, b, avg)
	want := s.objective.Value(joint, marginal)

	p := newPool(2)
	defer p.close()
	var value float64
	var next objective.Average
	p.run(2, func(w *worker) {
		scratch := make([]float32, len(marginal))
		lo, hi := w.share(len(joint))
		lme, after := s.weights(w, lo, hi, avg, scratch)
		w.wait()
		if w.id == 0 {
			value, next = s.value(lme, scratch), after
		}
	})
	// Exponentials are within 2 ulp of 2^-23 and are scaled by a rounded number;
	// their argument, up to 4 away from the shift that it is relative to, may be
	// rounded by 2^-22.
	const eps = 1e-6
	if math.Abs(value-want) > eps*(1+math.Abs(want)) {
		t.Errorf("%s: value %v, want %v", name, value, want)
	}
	if math.Abs(next.Log-wantAvg.Log) > eps*(1+math.Abs(shift)) || next.Started != wantAvg.Started {
		t.Errorf("%s: average %v, want %v", name, next, wantAvg)
	}
	for i, w := range a {
		if math.Abs(float64(s.a[i])-w) > eps*w {
			t.Errorf("%s: joint weight %d is %v, want %v", name, i, s.a[i], w)
			break
		}
	}
	for j, w := range b {
		if math.Abs(-float64(s.b[j])-w) > eps*w {
			t.Errorf("%s: marginal weight %d is %v, want %v", name, j, s.b[j], -w)
			break
		}
	}
}
