package mine

import (
	"context"
	"math"
	"slices"

	"gomine/mine/backend"
	"gomine/mine/preprocess"
)

// mostCodeScores bounds the scores that the normalisation of a critic takes on the rows of a
// fold: one a row and code. It is some ten times as many as are scored in any case.
const mostCodeScores = 1 << 22

// codeSide is a side that is a single column of codes.
type codeSide struct {
	ofZ       bool      // which side it is
	logShares []float64 // by code: log p(c), of the training rows
	rows      []int     // by code: a row of the data that has it
}

// codesOf returns the codes of z, or of x, whose rows from lo on have inputs by maps: of the
// side that has fewer of them if both sides are codes. It returns nil where neither is,
// where there are too many for that many rows, and where no row has one of them.
func codesOf(maps preprocess.Maps, x, z backend.Matrix, lo int) *codeSide {
	c, side := sideOfCodes(maps)
	inputs := x
	if c.ofZ {
		inputs = z
	}
	if k := len(c.logShares); k == 0 || k*(inputs.Rows-lo) > mostCodeScores {
		return nil
	}
	for i := lo; i < inputs.Rows && slices.Contains(c.rows, -1); i++ {
		if k := side.CodeOf(inputs.Row(i)); k >= 0 && c.rows[k] < 0 {
			c.rows[k] = i
		}
	}
	if slices.Contains(c.rows, -1) {
		return nil
	}
	return &c
}

// sideOfCodes returns the codes of the side that is a single column of them, of fewer if both
// are, without their rows, which are -1.
func sideOfCodes(maps preprocess.Maps) (c codeSide, side preprocess.Side) {
	c, side = codeSide{ofZ: true}, maps.Z
	shares := maps.Z.Shares()
	if others := maps.X.Shares(); shares == nil || others != nil && len(others) < len(shares) {
		c.ofZ, side, shares = false, maps.X, others
	}
	for _, p := range shares {
		c.logShares, c.rows = append(c.logShares, math.Log(p)), append(c.rows, -1)
	}
	return c, side
}

// withCodes returns inputs x and z, behind whose rows there is one of each code, and the codes.
func withCodes(maps preprocess.Maps, x, z backend.Matrix) (wideX, wideZ backend.Matrix, c *codeSide) {
	found, side := sideOfCodes(maps)
	rows, n := side.CodeRows(), x.Rows
	for _, m := range []*backend.Matrix{&x, &z} {
		longer := backend.NewMatrix(n+rows.Rows, m.Cols)
		for i := range n {
			copy(longer.Row(i), m.Row(i))
		}
		*m = longer
	}
	to := x
	if found.ofZ {
		to = z
	}
	for k := range rows.Rows {
		copy(to.Row(n+k), rows.Row(k))
		found.rows[k] = n + k
	}
	return x, z, &found
}

// A scorer scores pairs of rows and differentiates the scores, as a backend.Scorer does.
type scorer interface {
	pairScorer
	InputGradients(ctx context.Context, data backend.Data, xs, zs []int, weights []float32, gx, gz backend.Matrix) error
}

// normalised scores pairs of which one side is a code c by the critic
//
//	T'(x,c) = T(x,c) - log sum_c' p(c') exp T(x,c')
//
// of T, so that q(c|x) = p(c) exp T'(x,c) is a classifier, and E T' its bound
// H(C) + E log q(C|X) on the information (Barber and Agakov, The IM algorithm, 2003). With
// the shares p of the rows that T' is tested on, E' exp T' is 1 for every x, and so over all
// pairs; by Jensen's inequality the bound of Donsker and Varadhan of T' is no lower than that
// of T. A code that p does not have, nor a share of rare ones for it, is scored as T scores
// it, less the same logarithm.
type normalised struct {
	scorer
	*codeSide
	logs []float64 // by row of the side without the codes: the logarithm; NaN where it is not known
}

// normalise returns the normalised critic of s, on data of so many rows; s itself where
// there are no codes.
func normalise(s scorer, c *codeSide, rows int) scorer {
	if c == nil {
		return s
	}
	n := &normalised{s, c, make([]float64, rows)}
	for i := range n.logs {
		n.logs[i] = math.NaN()
	}
	return n
}

// order returns the rows of x and of z of pairs of a row of the side without the codes and one
// of the other.
func (n *normalised) order(rows, codes []int) (xs, zs []int) {
	if n.ofZ {
		return rows, codes
	}
	return codes, rows
}

// codeScores stores T of each of some rows and each code in dst [rows, codes].
func (n *normalised) codeScores(ctx context.Context, data backend.Data, rows []int, dst []float32) error {
	k := len(n.rows)
	all, codes := make([]int, len(rows)*k), make([]int, len(rows)*k)
	for i, r := range rows {
		for c := range k {
			all[i*k+c], codes[i*k+c] = r, n.rows[c]
		}
	}
	xs, zs := n.order(all, codes)
	return n.scorer.Scores(ctx, data, xs, zs, dst)
}

// learn finds the logarithms of rows that are not known yet.
func (n *normalised) learn(ctx context.Context, data backend.Data, rows []int) error {
	const most = 1 << 16 // scores at a time
	k := len(n.rows)
	scores := make([]float32, max(most, k))
	var some []int
	flush := func() error {
		if len(some) == 0 {
			return nil
		}
		if err := n.codeScores(ctx, data, some, scores[:len(some)*k]); err != nil {
			return err
		}
		for i, r := range some {
			n.logs[r] = n.logSum(scores[i*k : (i+1)*k])
		}
		some = some[:0]
		return nil
	}
	for _, r := range rows {
		if !math.IsNaN(n.logs[r]) {
			continue
		}
		n.logs[r] = 0 // that it is not asked for twice
		if some = append(some, r); (len(some)+1)*k > len(scores) {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// logSum is log sum_c p(c) exp t_c.
func (n *normalised) logSum(t []float32) float64 {
	most := math.Inf(-1)
	for c, v := range t {
		most = math.Max(most, n.logShares[c]+float64(v))
	}
	var sum float64
	for c, v := range t {
		sum += math.Exp(n.logShares[c] + float64(v) - most)
	}
	return most + math.Log(sum)
}

func (n *normalised) Scores(ctx context.Context, data backend.Data, xs, zs []int, dst []float32) error {
	rows := xs
	if !n.ofZ {
		rows = zs
	}
	if err := n.learn(ctx, data, rows); err != nil {
		return err
	}
	if err := n.scorer.Scores(ctx, data, xs, zs, dst); err != nil {
		return err
	}
	for i, r := range rows {
		dst[i] = float32(float64(dst[i]) - n.logs[r])
	}
	return nil
}

// InputGradients stores the derivatives with respect to the inputs of the side without the
// codes,
//
//	dT'(x,c)/dx = dT(x,c)/dx - sum_c' q(c'|x) dT(x,c')/dx
//
// times the weights. Those with respect to the inputs of codes are of T: there is nothing
// between two codes.
func (n *normalised) InputGradients(ctx context.Context, data backend.Data, xs, zs []int, weights []float32, gx, gz backend.Matrix) error {
	if err := n.scorer.InputGradients(ctx, data, xs, zs, weights, gx, gz); err != nil {
		return err
	}
	rows, to := xs, gx
	if !n.ofZ {
		rows, to = zs, gz
	}
	k := len(n.rows)
	scores := make([]float32, len(rows)*k)
	if err := n.codeScores(ctx, data, rows, scores); err != nil {
		return err
	}
	partX, partZ := backend.NewMatrix(gx.Rows, gx.Cols), backend.NewMatrix(gz.Rows, gz.Cols)
	part := partX
	if !n.ofZ {
		part = partZ
	}
	codes, shares := make([]int, len(rows)), make([]float32, len(rows))
	for c := range k {
		for i := range rows {
			t := scores[i*k : (i+1)*k]
			codes[i] = n.rows[c]
			shares[i] = -weights[i] * float32(math.Exp(n.logShares[c]+float64(t[c])-n.logSum(t)))
		}
		xs, zs := n.order(rows, codes)
		if err := n.scorer.InputGradients(ctx, data, xs, zs, shares, partX, partZ); err != nil {
			return err
		}
		for i := range rows {
			for j, g := range part.Row(i) {
				to.Row(i)[j] += g
			}
		}
	}
	return nil
}
