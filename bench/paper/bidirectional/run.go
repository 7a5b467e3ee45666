package bidirectional

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"gomine/bench/paper/internal/nets"
	"gomine/mine/backend"
	"gomine/mine/sampling"
)

// An inferred is how good an inference is after some steps, on test rows.
type inferred struct {
	Step int `json:"step"`
	// Reconstruction is the mean squared distance of G(F(x)) from x, and Code that
	// of F(G(z)) from z, both in units of the variance: 1 is what the best constant
	// reaches.
	Reconstruction float64 `json:"reconstruction"`
	Code           float64 `json:"code_reconstruction"`
	// Frechet is the squared distance, by Frechet, of the normal law with the mean and the
	// covariance of the codes from the prior, per column.
	Frechet float64 `json:"code_frechet"`
	// Covered says how many modes the generator's rows reach.
	Covered *nets.Coverage `json:"covered,omitempty"`
}

// observe measures an inference.
func (f *inference) observe(ctx context.Context, s subject, seed uint64, step int) (inferred, error) {
	n := s.test.Rows
	z, back := backend.NewMatrix(n, s.DZ), backend.NewMatrix(n, s.DX)
	prior, made, again := backend.NewMatrix(n, s.DZ), backend.NewMatrix(n, s.DX), backend.NewMatrix(n, s.DZ)
	nets.Normals(prior, seed, nets.StreamInput, nets.StepScore)
	for _, pass := range []struct {
		m    func(ctx context.Context, x, y backend.Matrix) error
		x, y backend.Matrix
	}{{f.encoder.Forward, s.test, z}, {f.generate, z, back}, {f.generate, prior, made}, {f.encoder.Forward, made, again}} {
		if err := f.apply(ctx, pass.m, pass.x, pass.y); err != nil {
			return inferred{}, err
		}
	}
	r := inferred{Step: step, Reconstruction: relativeError(s.test, back), Code: relativeError(prior, again)}
	var err error
	if r.Frechet, err = frechet(z); err != nil {
		return r, err
	}
	if s.modes != nil {
		// With a twentieth of an even share a mode is more than a stray row.
		c := nets.Cover(s.modes(made), grid.Modes(), max(1, n/(20*grid.Modes())))
		r.Covered = &c
	}
	return r, nil
}

// relativeError returns sum |a_i - b_i|^2 / sum |a_i - mean a|^2.
func relativeError(a, b backend.Matrix) float64 {
	mean := make([]float64, a.Cols)
	for i := range a.Rows {
		for j, v := range a.Row(i) {
			mean[j] += float64(v) / float64(a.Rows)
		}
	}
	var wrong, all float64
	for i := range a.Rows {
		p, q := a.Row(i), b.Row(i)
		for j, v := range p {
			d, m := float64(v-q[j]), float64(v)-mean[j]
			wrong += d * d
			all += m * m
		}
	}
	return wrong / all
}

// frechet returns (|m|^2 + tr(S + I - 2 S^(1/2)))/k, for the mean m and the
// covariance S of rows z [n, k]: the squared distance of N(m, S) from N(0, I)
// (Dowson and Landau 1982), per column.
func frechet(z backend.Matrix) (float64, error) {
	k := z.Cols
	rows := mat.NewDense(z.Rows, k, nil)
	for i := range z.Rows {
		for j, v := range z.Row(i) {
			rows.Set(i, j, float64(v))
		}
	}
	var s mat.SymDense
	stat.CovarianceMatrix(&s, rows, nil)
	var e mat.EigenSym
	if !e.Factorize(&s, false) {
		return 0, errors.New("the covariance of the codes has no eigenvalues: they are not finite, so lower --rate")
	}
	var sum float64
	for _, v := range e.Values(nil) {
		d := math.Sqrt(max(v, 0)) - 1
		sum += d * d
	}
	for j := range k {
		m := stat.Mean(mat.Col(nil, j, rows), nil)
		sum += m * m
	}
	return sum / float64(k), nil
}

// An inferenceRun is one inference of one seed.
type inferenceRun struct {
	Law    string     `json:"law"`
	Method string     `json:"method"`
	Seed   uint64     `json:"seed"`
	Curve  []inferred `json:"curve"`

	sheet backend.Matrix // reconstructions of the first test rows
}

func (r inferenceRun) last() inferred { return r.Curve[len(r.Curve)-1] }

// infer trains one inference and looks at it twenty times.
func infer(ctx context.Context, b backend.Backend, s subject, size inferenceSizes, seed uint64) (inferenceRun, error) {
	run := inferenceRun{Law: s.Name, Seed: seed}
	f, err := newInference(b, s, size, seed)
	if err != nil {
		return run, err
	}
	defer f.close()
	batches := sampling.NewBatches(s.train.Rows, size.Batch, seed)
	x, rows := backend.NewMatrix(size.Batch, s.DX), make([]int32, size.Batch)
	every := max(1, size.Steps/20)
	for step := range size.Steps + 1 {
		if step%every == 0 || step == size.Steps {
			at, err := f.observe(ctx, s, seed, step)
			if err != nil {
				return run, fmt.Errorf("step %d: %w", step, err)
			}
			run.Curve = append(run.Curve, at)
		}
		if step == size.Steps {
			break
		}
		batches.Rows(uint64(step), 0, rows)
		for i, row := range rows {
			copy(x.Row(i), s.train.Row(int(row)))
		}
		rate := size.Rate * nets.Cosine(float64(step)/float64(size.Steps))
		if err := f.step(ctx, x, seed, uint64(step), rate); err != nil {
			return run, fmt.Errorf("step %d: %w", step, err)
		}
	}
	if s.side == 0 {
		return run, nil
	}
	first := nets.RowsOf(s.test, 0, min(sheetColumns, s.test.Rows))
	z := backend.NewMatrix(first.Rows, s.DZ)
	run.sheet = backend.NewMatrix(first.Rows, s.DX)
	return run, errors.Join(f.apply(ctx, f.encoder.Forward, first, z), f.apply(ctx, f.generate, z, run.sheet))
}
