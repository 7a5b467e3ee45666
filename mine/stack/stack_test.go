package stack_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gomine/mine/stack"
)

const rho = 0.5

// ratio is the log density ratio of two normals with correlation rho.
func ratio(x, z float64) float64 {
	return -math.Log(1-rho*rho)/2 + (2*rho*x*z-rho*rho*(x*x+z*z))/(2*(1-rho*rho))
}

// fold draws n joint and as many marginal pairs and scores them by the critics.
func fold(seed uint64, n int, critics ...func(x, z float64) float64) stack.Fold {
	src := rand.New(rand.NewPCG(seed, 1))
	f := make(stack.Fold, len(critics))
	for range n {
		x, e, other := src.NormFloat64(), src.NormFloat64(), src.NormFloat64()
		z := rho*x + math.Sqrt(1-rho*rho)*e
		for c, score := range critics {
			f[c].Joint = append(f[c].Joint, float32(score(x, z)))
			f[c].Marginal = append(f[c].Marginal, float32(score(x, other)))
		}
	}
	return f
}

// value is V, from its definition.
func value(folds []stack.Fold, w []float64) float64 {
	var v, rows float64
	for _, f := range folds {
		var mean, sum float64
		n := len(f[0].Joint)
		for i := range n {
			var t float64
			for c := range f {
				t += w[c] * float64(f[c].Joint[i])
			}
			mean += t / float64(n)
		}
		for j := range f[0].Marginal {
			var t float64
			for c := range f {
				t += w[c] * float64(f[c].Marginal[j])
			}
			sum += math.Exp(t) / float64(len(f[0].Marginal))
		}
		v += float64(n) * (mean - math.Log(sum))
		rows += float64(n)
	}
	for _, each := range w {
		v -= 2 * each * each
	}
	return v / rows
}

// TestMaximum: no weights nearby are better, by the definition of V.
func TestMaximum(t *testing.T) {
	noise := rand.New(rand.NewPCG(9, 9))
	critics := []func(x, z float64) float64{
		func(x, z float64) float64 { return 1.5*ratio(x, z) + 0.3*noise.NormFloat64() },
		func(x, z float64) float64 { return 0.5*x*z + 2 },
		func(x, z float64) float64 { return noise.NormFloat64() },
	}
	folds := []stack.Fold{fold(1, 4000, critics...), fold(2, 1000, critics...)}
	w := stack.Weights(folds, 1)
	best := value(folds, w)
	for c := range w {
		for _, step := range []float64{-0.02, 0.02} {
			moved := append([]float64(nil), w...)
			moved[c] += step
			if moved[c] < 0 {
				continue
			}
			if v := value(folds, moved); v > best+1e-6 {
				t.Errorf("weights %v give %v, %v give %v", w, best, moved, v)
			}
		}
	}
}

// within is four standard errors of a weight from n pairs: the gradient of V varies by
// sqrt((Var_J T + E_M g^2 (T - E_J T)^2) / n), about sqrt(.75/n), and V's curvature is
// Var_J T = rho^2.
func within(n float64) float64 { return 4 * math.Sqrt(0.75/n) / (rho * rho) }

// TestScale: a critic that is overfitted twofold is halved, and one that is right is
// left alone.
func TestScale(t *testing.T) {
	for _, by := range []float64{0.5, 1, 2} {
		w := stack.Weights([]stack.Fold{fold(3, 20_000, func(x, z float64) float64 { return by * ratio(x, z) })}, 1)
		if !(math.Abs(w[0]*by-1) < within(20_000)) {
			t.Errorf("a critic of %v times the log ratio has weight %v", by, w[0])
		}
	}
}

// TestUseless: a critic that says the opposite of the truth, or nothing, gets no
// weight, and takes none from the others.
func TestUseless(t *testing.T) {
	folds := []stack.Fold{fold(4, 20_000,
		ratio,
		func(x, z float64) float64 { return -ratio(x, z) },
		func(x, z float64) float64 { return 3 })}
	w := stack.Weights(folds, 1)
	if w[1] != 0 || !(math.Abs(w[0]-1) < within(20_000)) {
		t.Errorf("weights %v, want 1 and 0", w)
	}
}

// TestAlike: critics that agree share what one of them would have.
func TestAlike(t *testing.T) {
	w := stack.Weights([]stack.Fold{fold(5, 20_000, ratio, ratio)}, 1)
	if !(math.Abs(w[0]+w[1]-1) < within(20_000)) {
		t.Errorf("weights %v, want a sum of 1", w)
	}
}

// TestMissing: a critic without scores in a fold counts as zeros there; without rows
// there are no weights.
func TestMissing(t *testing.T) {
	with, without := fold(6, 10_000, ratio, ratio), fold(7, 10_000, ratio, ratio)
	without[1] = stack.Scores{}
	w := stack.Weights([]stack.Fold{with, without}, 1)
	if !(math.Abs(w[0]+w[1]-1) < within(20_000)) || w[0] < w[1] {
		t.Errorf("weights %v, want a sum of 1, most of it for the critic that is always there", w)
	}
	if w := stack.Weights([]stack.Fold{{stack.Scores{}, stack.Scores{}}}, 1); w[0] != 0 || w[1] != 0 {
		t.Errorf("weights %v without rows, want 0", w)
	}
}

// TestIdle: a critic that says next to nothing gets next to no weight, whatever chance
// makes of it.
func TestIdle(t *testing.T) {
	for seed := range uint64(20) {
		noise := rand.New(rand.NewPCG(seed, 9))
		w := stack.Weights([]stack.Fold{fold(seed, 1000, func(x, z float64) float64 { return 0.003 * noise.NormFloat64() })}, 1)
		// n Var T = .009: of a weight that chance would make 1/sqrt(.009) = 10, .009/4 are left.
		if !(w[0] < 0.1) {
			t.Errorf("weight %v", w[0])
		}
	}
}

// TestNoWorseThanNone: critics whose scores are so large that single pairs decide the
// exponential mean, at equal weights far below the bound 0 of no critic at all.
func TestNoWorseThanNone(t *testing.T) {
	for seed := range uint64(60) {
		noise := rand.New(rand.NewPCG(seed, 5))
		wild := func(x, z float64) float64 { return 100 * noise.NormFloat64() }
		folds := []stack.Fold{fold(seed, 300, wild, wild, wild, wild, wild)}
		if v := value(folds, stack.Weights(folds, 1)); !(v >= -1e-9) {
			t.Errorf("draw %d: V is %v, and 0 without any critic", seed, v)
		}
	}
}

// TestLargeScores: exponentials beyond any float are no trouble.
func TestLargeScores(t *testing.T) {
	w := stack.Weights([]stack.Fold{fold(8, 5000, func(x, z float64) float64 { return 500 + 300*ratio(x, z) })}, 1)
	if !(math.Abs(w[0]*300-1) < within(5000)) {
		t.Errorf("weight %v, want about 1/300", w[0])
	}
}

// TestAstray: critics with scores of many powers of ten, far from 0 or around it, take nothing from a good one.
func TestAstray(t *testing.T) {
	for _, size := range []float64{1e4, 1e8, 1e12} {
		noise := rand.New(rand.NewPCG(3, 5))
		wild := func(x, z float64) float64 { return size * noise.NormFloat64() }
		far := func(x, z float64) float64 { return size * (1 + 0.1*noise.NormFloat64()) }
		w := stack.Weights([]stack.Fold{fold(8, 5000, ratio, wild, far, wild)}, 1)
		if !(math.Abs(w[0]-1) < within(5000)) {
			t.Errorf("beside scores of %v: weights %v, want 1 for the first", size, w)
		}
	}
}

// TestWorth: rows that are copies pull the weights of a critic that says little as the
// different ones among them do.
func TestWorth(t *testing.T) {
	noise := rand.New(rand.NewPCG(4, 2))
	once := fold(9, 500, func(x, z float64) float64 { return 0.1 * (ratio(x, z) + noise.NormFloat64()) })
	copied := stack.Fold{{Joint: slices.Repeat(once[0].Joint, 10), Marginal: slices.Repeat(once[0].Marginal, 10)}}
	want := stack.Weights([]stack.Fold{once}, 1)[0]
	if got := stack.Weights([]stack.Fold{copied}, 0.1)[0]; math.Abs(got-want) > 1e-6*(1+want) {
		t.Errorf("weight %v of copied rows, %v without copies", got, want)
	}
	if as := stack.Weights([]stack.Fold{copied}, 1)[0]; as == want {
		t.Errorf("weight %v, whatever a row is worth", as)
	}
}

// TestLargest: a critic of a fifth of the log density ratio is not stretched more than twice, nor one whose
// joint scores are all above the marginal ones without end; what is beside it is weighted as is best then.
func TestLargest(t *testing.T) {
	fifth := func(x, z float64) float64 { return ratio(x, z) / 5 }
	squares := func(x, z float64) float64 { return -(x - z) * (x - z) / 2 }
	folds := []stack.Fold{fold(1, 4000, fifth, squares)}
	w := stack.Weights(folds, 1)
	if w[0] != 2 || !(w[1] > 0 && w[1] < 2) {
		t.Fatalf("weights %v, want 2 and one between 0 and 2", w)
	}
	for _, d := range []float64{-1e-3, 1e-3} {
		if v := value(folds, []float64{2, w[1] + d}); !(v < value(folds, w)) {
			t.Errorf("%v at %v + %v, want less than %v", v, w, d, value(folds, w))
		}
	}
	if v := value(folds, []float64{2 + 1e-3, w[1]}); !(v > value(folds, w)) {
		t.Errorf("a larger first weight has %v, want more than %v", v, value(folds, w))
	}
	apart := stack.Fold{{Joint: []float32{1, 1, 1}, Marginal: []float32{0, 0, 0}}}
	if w := stack.Weights([]stack.Fold{apart}, 1); w[0] > 2 {
		t.Errorf("weight %v, want at most 2", w[0])
	}
}
