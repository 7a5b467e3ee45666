package backendtest

import (
	"context"
	"fmt"
	"math"

	"gomine/mine/backend"
	"gomine/mine/sampling"
)

func (t *plainTrainer[F]) Evaluate(ctx context.Context, data backend.Data, rows backend.Rows, pairing backend.Pairing, influence []float64) (backend.Evaluation, error) {
	d, err := t.ready(ctx, data)
	if err != nil {
		return backend.Evaluation{}, err
	}
	if err := rows.Validate(d.Rows()); err != nil {
		return backend.Evaluation{}, fmt.Errorf("plain: evaluate: %w", err)
	}
	if err := pairing.Validate(rows.Len()); err != nil && !(rows.Len() == 1 && t.has("evaluation of one row accepted")) {
		return backend.Evaluation{}, fmt.Errorf("plain: evaluate: %w", err)
	}
	if influence != nil && len(influence) != rows.Len() && !t.has("length of the influence values not checked") {
		return backend.Evaluation{}, fmt.Errorf("plain: %d influence values: %w", len(influence), backend.ErrShape)
	}
	if t.has("Evaluate evaluates the training data") {
		d = t.data
	}
	e, s := t.evaluated(d, rows, pairing)
	t.moments(&e, s, influence)
	if t.has("Evaluate overwrites a moment") {
		t.state.M[0] = 0
	}
	return e, nil
}

// plainScores are the scores of an evaluation: joint, all marginal ones, and those by
// the row that gives x and z.
type plainScores[F float32 | float64] struct {
	joint, all []F
	u, v       [][]F
}

// evaluated scores all pairs and fills in what needs no moments.
func (t *plainTrainer[F]) evaluated(d *plainData[F], rows backend.Rows, pairing backend.Pairing) (e backend.Evaluation, s plainScores[F]) {
	net := t.net()
	n := rows.Len()
	switch {
	case t.has("start of the evaluated range ignored"):
		rows.Lo, rows.Hi = 0, n
	case t.has("index of the evaluated rows ignored"):
		rows.Index = nil
	}
	e = backend.Evaluation{Rows: n, Pairs: int64(n) * int64(pairing.Count), MaxT: math.Inf(-1), Finite: true}
	if t.has("largest score starts at zero") {
		e.MaxT = 0
	}
	if t.has("pairs do not count the cycles") {
		e.Pairs = int64(n)
	}
	sp := func(v float64) float64 { return max(v, 0) + math.Log1p(math.Exp(-math.Abs(v))) }
	look := func(i, j int, skip string) F {
		s := t.forward(net, d.x.Row(rows.At(i)), d.z.Row(rows.At(j))).score
		if !t.has("largest score only of the " + skip) {
			e.MaxT = max(e.MaxT, float64(s))
		}
		if v := float64(float32(s)); (math.IsNaN(v) || math.IsInf(v, 0)) && !t.has("finite only looks at the "+skip) {
			e.Finite = false
		}
		return s
	}
	s.joint = make([]F, n)
	s.u, s.v = make([][]F, n), make([][]F, n)
	for i := range n {
		s.joint[i] = look(i, i, "marginal pairs")
		e.Joint += float64(s.joint[i]) / float64(n)
		e.JS -= sp(-float64(s.joint[i])) / float64(n)
	}
	for m := range pairing.Count {
		kth := m
		switch {
		case t.has("one cycle for all pairings"):
			kth = 0
		case t.has("seed of the evaluation ignored"):
			pairing.Seed = 0
		}
		cycle := sampling.NewCycle(uint64(n), pairing.Seed, sampling.StreamEvaluate, uint64(kth))
		permutation := sampling.NewPermutation(uint64(n), pairing.Seed, sampling.StreamEvaluate, uint64(kth))
		e.Marginal = append(e.Marginal, 0)
		for i := range n {
			j := int(cycle.Next(uint64(i)))
			switch {
			case pairing.Kind == backend.Permutations && t.has("permutations the other way round"):
				j = int(permutation.At(uint64(i)))
			case pairing.Kind == backend.Permutations && !t.has("cycles for permutations"):
				j = int(permutation.Inverse(uint64(i)))
			case t.has("cycles of an evaluation reversed"):
				j = int(cycle.Prev(uint64(i)))
			}
			score := look(i, j, "joint pairs")
			if at := m; !t.has("scores of all pairings in the first") || at == 0 {
				e.Marginal[at] += float64(score) / float64(n)
			} else {
				e.Marginal[0] += float64(score) / float64(n)
			}
			s.all = append(s.all, score)
			s.u[i], s.v[j] = append(s.u[i], score), append(s.v[j], score)
			if !t.has("JS without marginal pairs") {
				e.JS -= sp(float64(score)) / float64(e.Pairs)
			}
		}
	}
	return e, s
}

// moments fills in the rest.
func (t *plainTrainer[F]) moments(e *backend.Evaluation, s plainScores[F], influence []float64) {
	n, joint, all, u, v := e.Rows, s.joint, s.all, s.u, s.v
	naive := t.has("log-mean-exp by a naive sum")
	e.LogU = plainLogMeanExp(naive, all)
	w := make([]float64, n)
	meanW := 0.0
	for i := range w {
		w[i] = math.Exp(plainLogMeanExp(naive, u[i])-e.LogU) + math.Exp(plainLogMeanExp(naive, v[i])-e.LogU)
		switch {
		case t.has("w without v"):
			w[i] = 2 * math.Exp(plainLogMeanExp(naive, u[i])-e.LogU)
		case t.has("w with v of the successor"):
			w[i] = math.Exp(plainLogMeanExp(naive, u[i])-e.LogU) + math.Exp(plainLogMeanExp(naive, v[(i+1)%n])-e.LogU)
		case t.has("w of logarithms"):
			w[i] = plainLogMeanExp(naive, u[i]) + plainLogMeanExp(naive, v[i]) - 2*e.LogU
		}
		meanW += w[i] / float64(n)
	}
	over := float64(n)
	if t.has("variance over n-1") {
		over--
	}
	for _, s := range all {
		g := math.Exp(float64(s) - e.LogU)
		e.VarG += (g - 1) * (g - 1) / float64(len(all))
	}
	switch {
	case t.has("variance of g without its mean"):
		e.VarG++
	case t.has("no variance of g"):
		e.VarG = 0
	}
	for i := range influence {
		if influence[i] = float64(joint[i]) - e.Joint - (w[i] - 2); t.has("influence without the mean of w") {
			influence[i] -= 2
		}
	}
	for i := range w {
		dt := float64(joint[i]) - e.Joint
		e.VarT += dt * dt / over
		e.VarW += (w[i] - meanW) * (w[i] - meanW) / over
		e.CovTW += dt * (w[i] - meanW) / over
	}
	if t.has("variance by the difference of squares in float32") {
		var squares, sum float32
		for _, s := range joint {
			sum += float32(s)
			squares += float32(s) * float32(s)
		}
		e.VarT = float64(squares/float32(n) - sum/float32(n)*sum/float32(n))
	}
}

// checkPairs validates the indices of pairs.
func (t *plainTrainer[F]) checkPairs(d *plainData[F], xs, zs []int) error {
	if len(xs) != len(zs) {
		return fmt.Errorf("plain: %d x, %d z: %w", len(xs), len(zs), backend.ErrShape)
	}
	for i := range xs {
		for k, r := range []int{xs[i], zs[i]} {
			if k == 1 && t.has("indices of z not checked") {
				continue
			}
			if r < 0 || r >= d.Rows() {
				return fmt.Errorf("plain: pair %d: row %d of %d: %w", i, r, d.Rows(), backend.ErrShape)
			}
		}
	}
	return nil
}

func (t *plainTrainer[F]) Scores(ctx context.Context, data backend.Data, xs, zs []int, dst []float32) error {
	d, err := t.ready(ctx, data)
	if err != nil {
		return err
	}
	if t.has("Scores writes before it checks") && len(dst) > 0 {
		dst[0] = 0
	}
	if err := t.checkPairs(d, xs, zs); err != nil {
		return err
	}
	if len(dst) != len(xs) {
		return fmt.Errorf("plain: %d pairs, %d values: %w", len(xs), len(dst), backend.ErrShape)
	}
	net := t.net()
	for i := range xs {
		x, z := xs[i], zs[i]
		if t.has("Scores swaps the indices") {
			x, z = z, x
		}
		dst[i] = float32(t.forward(net, d.x.Row(x), d.z.Row(z)).score)
	}
	if t.has("Scores rounds up to a vector") {
		for i := len(dst); i%8 != 0; i++ {
			dst[:i+1][i] = 0
		}
	}
	if t.has("indices modified") && len(xs) > 0 {
		xs[0] = 0
	}
	return nil
}

func (t *plainTrainer[F]) InputGradients(ctx context.Context, data backend.Data, xs, zs []int, weights []float32, gx, gz backend.Matrix) error {
	d, err := t.ready(ctx, data)
	if err != nil {
		return err
	}
	if err := t.checkPairs(d, xs, zs); err != nil {
		return err
	}
	if len(weights) != len(xs) {
		return fmt.Errorf("plain: %d pairs, %d weights: %w", len(xs), len(weights), backend.ErrShape)
	}
	for k, g := range []backend.Matrix{gx, gz} {
		if err := g.Validate(); err != nil && !t.has("output matrices not validated") {
			return fmt.Errorf("plain: gradient: %w", err)
		}
		if want := []int{d.x.Cols, d.z.Cols}[k]; g.Rows != len(xs) || g.Cols != want {
			return fmt.Errorf("plain: gradient of %d x %d: %w", g.Rows, g.Cols, backend.ErrShape)
		}
	}
	net := t.net()
	grad := make([][]F, len(net.params))
	for k := range grad {
		grad[k] = make([]F, len(net.params[k]))
	}
	first := map[int]int{}
	for i := range xs {
		weight := F(weights[i])
		if t.has("weights ignored") {
			weight = 1
		}
		dx, dz := t.backward(net, t.forward(net, d.x.Row(xs[i]), d.z.Row(zs[i])), weight, grad)
		at := i
		if k, seen := first[xs[i]]; seen && t.has("gradients summed over equal rows") {
			at = k
		}
		first[xs[i]] = at
		for c, v := range dx {
			if at == i {
				gx.Row(i)[c] = float32(v)
			} else {
				gx.Row(at)[c] += float32(v)
			}
		}
		for c, v := range dz {
			gz.Row(i)[c] = float32(v)
		}
		if t.has("padding overwritten") && i+1 < len(xs) {
			gx.Data[i*gx.Stride+gx.Cols] = 0
		}
	}
	return nil
}
