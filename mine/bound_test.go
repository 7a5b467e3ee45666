package mine_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"gomine/mine"
	"gomine/mine/backend"
)

// TestSMILE compares with the definition in float64, where that does not overflow,
// and with values that can be worked out by hand.
func TestSMILE(t *testing.T) {
	src := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 31, 1000} {
		joint, marginal := make([]float32, n), make([]float32, 3*n)
		for i := range joint {
			joint[i] = float32(5 + 3*src.NormFloat64())
		}
		for i := range marginal {
			marginal[i] = float32(4 * src.NormFloat64())
		}
		for _, tau := range []float64{0.5, 1, 5, math.Inf(1)} {
			var mean, sum float64
			for _, v := range joint {
				mean += float64(v)
			}
			for _, v := range marginal {
				sum += math.Exp(math.Min(math.Max(float64(v), -tau), tau))
			}
			want := mean/float64(n) - math.Log(sum/float64(3*n))
			// Sums of n and 3n terms, relative error at most 3n eps each; the sums are
			// below 10 n and e^20 n, and the logarithm turns relative into absolute.
			if got := mine.SMILE(joint, marginal, tau); math.Abs(got-want) > 100*float64(n)*0x1p-52 {
				t.Errorf("n %d, tau %v: %v, want %v", n, tau, got, want)
			}
		}
	}
	for _, c := range []struct {
		name            string
		joint, marginal []float64
		tau, want       float64
	}{
		{"clipped on both sides", []float64{3}, []float64{10, -10}, 5, 3 - math.Log(math.Cosh(5))},
		{"joint scores are not clipped", []float64{100, 300}, []float64{0}, 1, 200},
		{"scores whose exp overflows", []float64{2000}, []float64{1000, 1000}, math.Inf(1), 1000},
		{"and underflows", []float64{0}, []float64{-1000, -1000}, math.Inf(1), 1000},
		{"nothing to clip", []float64{0}, []float64{math.Ln2, math.Log(4)}, 5, -math.Log(3)},
	} {
		if got := mine.SMILE(c.joint, c.marginal, c.tau); math.Abs(got-c.want) > 1e-12*(1+math.Abs(c.want)) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if v := mine.SMILE([]float64{1}, nil, 1); !math.IsNaN(v) {
		t.Errorf("without marginal scores it is %v, want NaN", v)
	}
	if v := mine.SMILE([]float64{1}, []float64{0, math.NaN()}, 1); !math.IsNaN(v) {
		t.Errorf("with a NaN among the scores it is %v, want NaN", v)
	}
}

// TestNewBound checks the two readings of NWJ, and that DV is never below it.
func TestNewBound(t *testing.T) {
	ev := backend.Evaluation{Rows: 100, Pairs: 1000, Joint: 3, LogU: 1.25, VarT: 2, VarW: 3, CovTW: 1, Finite: true}
	raw, err := mine.NewBound(ev, 1, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	if want := 3 - math.Exp(0.25); math.Abs(raw.NWJ-want) > 1e-14 {
		t.Errorf("NWJ of the scores as they are is %v, want %v", raw.NWJ, want)
	}
	normal, err := mine.NewBound(ev, ev.LogU, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	if raw.Estimate != 1.75 || normal.Estimate != 1.75 || raw.NWJ > raw.Estimate || math.Abs(normal.NWJ-1.75) > 1e-14 {
		t.Errorf("DV %v, NWJ %v and, of normalised scores, %v; want 1.75, less, 1.75", raw.Estimate, raw.NWJ, normal.NWJ)
	}
	// The variance of T - w is 2 + 3 - 2.
	if want := math.Sqrt(3.0 / 100); math.Abs(raw.StdErr-want) > 1e-15 {
		t.Errorf("standard error %v, want %v", raw.StdErr, want)
	}
	ev.LogU = math.Inf(1)
	if _, err := mine.NewBound(ev, 1, 0.95); !errors.Is(err, mine.ErrDiverged) {
		t.Errorf("infinite scores: %v, want ErrDiverged", err)
	}
}

// TestLowerBoundIsCapped: what a hundred rows certify ends at ln 100, however
// small the standard error looks.
func TestLowerBoundIsCapped(t *testing.T) {
	ev := backend.Evaluation{Rows: 100, Pairs: 1000, Joint: 9, LogU: 1, VarT: 1, VarW: 1, CovTW: 1, Finite: true}
	b, err := mine.NewBound(ev, 1, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	if b.Estimate != 8 || b.LowerBound != math.Log(100) {
		t.Errorf("estimate %v, lower bound %v, want 8 and ln 100", b.Estimate, b.LowerBound)
	}
	ev.Joint = 4
	if b, err = mine.NewBound(ev, 1, 0.95); err != nil || b.LowerBound != 3 {
		t.Errorf("lower bound %v, %v, want 3: the standard error is zero", b.LowerBound, err)
	}
}
