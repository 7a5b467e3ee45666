package backend

import (
	"fmt"
	"math"
)

// PairingKind is how the marginal pairs of an evaluation are made.
type PairingKind uint8

const (
	// Cycles pairs the x of entry i with the z of entry Next(i) of a random cycle,
	// sampling.NewCycle(n, seed, sampling.StreamEvaluate, k): no joint pair is ever
	// among the marginal ones, which is what a bound needs.
	Cycles PairingKind = iota
	// Permutations pairs the x of entry i with the z of entry Inverse(i) of a
	// uniform permutation, sampling.NewPermutation(n, seed,
	// sampling.StreamEvaluate, k): joint pairs do occur. The joint pairing is
	// exchangeable with these, which is what a permutation test needs.
	Permutations
)

var pairingNames = []string{"cycles", "permutations"}

func (k PairingKind) String() string { return nameOf(pairingNames, int(k)) }

// Pairing says which marginal pairs an evaluation scores: for k = 0..Count-1
// every row once with its x and once with its z.
type Pairing struct {
	Kind  PairingKind
	Count int
	Seed  uint64
}

// Evaluation holds the averages of a critic's scores over n rows, counted as their
// Rows do, and c marginal pairs a row. T_ii are the joint scores, g_ij = e^T_ij/U the
// exponentials of the marginal scores over their common mean U, u_i the mean of g
// over the pairs that row i gives its x to, v_i over those it gives its z to, and
// w_i = u_i + v_i, whose mean is 2. All are float64, and finite whenever the scores
// are, even where e^T is not.
//
// The influence value of row i on the Donsker–Varadhan bound Joint - LogU is
//
//	(T_ii - Joint) - (w_i - 2)
//
// and its mean over the rows is 0. See Variance for the error of the bound.
type Evaluation struct {
	Rows     int       // n
	Pairs    int64     // marginal pairs: n c
	Joint    float64   // mean T_ii
	LogU     float64   // log U: the log-mean-exp of the marginal scores
	JS       float64   // -mean softplus(-T_ii) - mean softplus(T_ij)
	VarT     float64   // variance of T_ii, over n
	VarW     float64   // variance of w_i
	CovTW    float64   // covariance of T_ii and w_i
	VarG     float64   // variance of g_ij over the pairs
	Marginal []float64 // mean T_ij of each of the c pairings
	MaxT     float64   // largest score seen, joint or marginal
	Finite   bool      // false if any score was NaN or infinite
}

// Variance returns the variance of the Donsker–Varadhan bound Joint - LogU as an
// estimate from n rows, in nats squared.
//
// By Hoeffding's decomposition g_ij = 1 + a_i + b_j + r_ij, with a_i and b_j the
// parts that one row explains and r_ij the rest, all uncorrelated, the variance is
//
//	( Var(T_ii - a_i - b_i) + Var(r)/c ) / n
//
// Influence values hold a_i + b_i with noise, since u_i and v_i are means of c
// pairs: their variance is that bracket and (Var a + Var b + Var r)/c = Var(g)/c
// more. So
//
//	variance = ( VarT + VarW - 2 CovTW - VarG/c ) / n
//
// Where the noise is nearly all there is, the difference of two noisy numbers says
// little: then, at least a quarter of the variance of the influence values counts.
func (e Evaluation) Variance() float64 {
	n := float64(e.Rows)
	influence := e.VarT + e.VarW - 2*e.CovTW
	noise := e.VarG * n / float64(e.Pairs)
	return max(influence-noise, influence/4, 0) / n
}

// StdErr returns the square root of Variance.
func (e Evaluation) StdErr() float64 { return math.Sqrt(e.Variance()) }

// Validate reports a pairing that no evaluation of n rows can have; the error wraps
// ErrShape.
func (p Pairing) Validate(n int) error {
	if int(p.Kind) >= len(pairingNames) {
		return fmt.Errorf("pairing %v: %w", p.Kind, ErrShape)
	}
	if n < 2 || n > math.MaxInt32 || p.Count < 1 {
		return fmt.Errorf("%d rows in %d pairings, want at least 2 and 1: %w", n, p.Count, ErrShape)
	}
	return nil
}
