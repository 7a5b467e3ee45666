package backendtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"gomine/mine/backend"
	"gomine/mine/objective"
)

var memoryRules = []rule{
	{
		name: "description",
		text: "a backend has a name and a device, data the rows and columns of the matrices it was loaded from",
		cases: func() []testCase {
			return []testCase{{"all methods", checkDescription}}
		},
	},
	{
		name:  "stride",
		text:  "row i of a Matrix is Data[i*Stride : i*Stride+Cols]; what lies between is ignored and left alone",
		cases: strideCases,
	},
	{
		name: "inputs",
		text: "arguments are not modified",
		cases: func() []testCase {
			return []testCase{{"all methods", checkInputs}}
		},
	},
	{
		name: "copies",
		text: "State copies, SetState copies, and a spec belongs to its caller",
		cases: func() []testCase {
			return []testCase{
				{"State", checkStateCopies},
				{"SetState", checkSetStateCopies},
				{"spec", checkSpecCopied},
				{"Batch", checkBatchCopies},
			}
		},
	},
}

func checkDescription(s subject) error {
	if s.Name() == "" || s.Device() == "" {
		return fmt.Errorf("Name %q, Device %q: want both", s.Name(), s.Device())
	}
	p := newProblem(small, backend.Softplus, objective.DV, 1)
	data, err := s.Load(p.x, p.z)
	if err != nil {
		return err
	}
	defer data.Close()
	dx, dz := data.Dims()
	if n := data.Rows(); n != p.x.Rows || dx != p.x.Cols || dz != p.z.Cols {
		return fmt.Errorf("data of %d rows, %d and %d columns; want %d, %d, %d", n, dx, dz, p.x.Rows, p.x.Cols, p.z.Cols)
	}
	return nil
}

// pad returns a copy of m with a larger stride and NaN in the padding. The
// last row has none.
func pad(m backend.Matrix, padding int) backend.Matrix {
	q := backend.Matrix{Rows: m.Rows, Cols: m.Cols, Stride: m.Cols + padding}
	q.Data = make([]float32, (m.Rows-1)*q.Stride+q.Cols)
	for i := range q.Data {
		q.Data[i] = float32(math.NaN())
	}
	for i := range m.Rows {
		copy(q.Row(i), m.Row(i))
	}
	return q
}

// strideCases trains, evaluates and differentiates on padded data, whose
// padding turns every sum that it enters into NaN, and wants what the same
// rows without padding give.
func strideCases() []testCase {
	var cases []testCase
	for _, padding := range []struct{ x, z int }{{1, 0}, {0, 1}, {5, 3}, {29, 64}} {
		cases = append(cases, testCase{fmt.Sprintf("padding=%d,%d", padding.x, padding.z), func(s subject) error {
			p := newProblem(small, backend.ELU, objective.DV, 1)
			q := *p
			q.x, q.z = pad(p.x, padding.x), pad(p.z, padding.z)
			_, want, err := p.trainFor(s, 3)
			if err != nil {
				return err
			}
			_, got, err := q.trainFor(s, 3)
			if err != nil {
				return err
			}
			if err := sameState(got, want); err != nil {
				return err
			}
			xs, zs := randomPairs(p.x.Rows, 20)
			return errors.Join(
				q.checkScores(s, xs, zs),
				q.checkInputGradients(s, xs, zs),
				q.checkEvaluation(s, 0, p.train, cycles(2)),
			)
		}})
	}
	return cases
}

func checkInputs(s subject) error {
	ctx := context.Background()
	p := newProblem(small, backend.Softplus, objective.MINE, 2)
	p.x, p.z = pad(p.x, 2), pad(p.z, 1)
	p.warm(3)
	x, z := slices.Clone(p.x.Data), slices.Clone(p.z.Data)
	state := p.state.Clone()
	hidden := slices.Clone(p.spec.Network.Hidden)
	t, err := p.start(s)
	if err != nil {
		return err
	}
	defer t.close()
	rates := varyingRates(5)
	xs, zs := randomPairs(p.x.Rows, 9)
	weights := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9}
	scores := make([]float32, 9)
	gx, gz := backend.NewMatrix(9, p.x.Cols), backend.NewMatrix(9, p.z.Cols)

	_, err1 := t.Train(ctx, rates, make([]float64, 5))
	_, err2 := t.Evaluate(ctx, t.data, p.train, backend.Pairing{Count: 2, Seed: 1}, nil)
	err3 := t.Scores(ctx, t.data, xs, zs, scores)
	err4 := t.InputGradients(ctx, t.data, xs, zs, weights, gx, gz)
	_, err5 := t.ObjectiveGradients(ctx, backend.NewMatrix(p.spec.Batch, p.x.Cols), backend.NewMatrix(p.spec.Batch, p.z.Cols))
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return err
	}

	wantXS, wantZS := randomPairs(p.x.Rows, 9)
	if !slices.Equal(xs, wantXS) || !slices.Equal(zs, wantZS) {
		return fmt.Errorf("indices modified: %v, %v; were %v, %v", xs, zs, wantXS, wantZS)
	}
	if !slices.Equal(p.spec.Network.Hidden, hidden) {
		return fmt.Errorf("widths modified: %v, were %v", p.spec.Network.Hidden, hidden)
	}
	return errors.Join(
		sameValues("rates", rates, varyingRates(5)),
		sameBits("weights", weights, []float32{1, 2, 3, 4, 5, 6, 7, 8, 9}),
		sameBits("x", p.x.Data, x),
		sameBits("z", p.z.Data, z),
		sameState(p.state, state),
	)
}

func scribble(st backend.State) {
	for _, a := range [][]float32{st.Params, st.M, st.V} {
		for i := range a {
			a[i] = guard
		}
	}
}

func checkStateCopies(s subject) error {
	p := newProblem(small, backend.Softplus, objective.DV, 3)
	t, err := p.start(s)
	if err != nil {
		return err
	}
	defer t.close()
	_, first, err := trainOn(t, 2)
	if err != nil {
		return err
	}
	kept := first.Clone()
	scribble(first)
	second, err := t.State()
	if err != nil {
		return err
	}
	if err := sameState(second, kept); err != nil {
		return fmt.Errorf("after writing to the state returned before: %w", err)
	}
	keptSecond := second.Clone()
	if _, _, err := trainOn(t, 2); err != nil {
		return err
	}
	if err := sameState(second, keptSecond); err != nil {
		return fmt.Errorf("training on changed the state returned before: %w", err)
	}
	return nil
}

func checkSetStateCopies(s subject) error {
	p := newProblem(small, backend.Softplus, objective.DV, 4)
	_, want, err := p.trainFor(s, 2)
	if err != nil {
		return err
	}
	t, err := p.start(s)
	if err != nil {
		return err
	}
	defer t.close()
	scribble(p.state)
	_, got, err := trainOn(t, 2)
	return errors.Join(err, sameState(got, want))
}

func checkSpecCopied(s subject) error {
	p := newProblem(small, backend.Softplus, objective.DV, 5)
	_, want, err := p.trainFor(s, 2)
	if err != nil {
		return err
	}
	p.spec.Network.Hidden = slices.Clone(p.spec.Network.Hidden)
	t, err := p.start(s)
	if err != nil {
		return err
	}
	defer t.close()
	for i := range p.spec.Network.Hidden {
		p.spec.Network.Hidden[i] = 1
	}
	_, got, err := trainOn(t, 2)
	return errors.Join(err, sameState(got, want))
}

func checkBatchCopies(s subject) error {
	p := newProblem(small, backend.Softplus, objective.DV, 6)
	_, want, err := p.trainFor(s, 2)
	if err != nil {
		return err
	}
	t, err := p.start(s)
	if err != nil {
		return err
	}
	defer t.close()
	for step := range uint64(2) {
		rows, next, err := t.Batch(step)
		if err != nil {
			return err
		}
		clear(rows)
		clear(next)
	}
	_, got, err := trainOn(t, 2)
	return errors.Join(err, sameState(got, want))
}
