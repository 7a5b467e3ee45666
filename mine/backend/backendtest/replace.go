package backendtest

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gomine/mine/backend"
	"gomine/mine/objective"
)

var replaceRules = []rule{
	{
		name: "replace",
		text: "after Replace everything is bitwise as on data freshly loaded from the new rows, " +
			"and the old arrays are not used any more",
		cases: func() []testCase {
			return append(eachKind("", func(s subject, f backend.Activation, o objective.Kind) error {
				return newProblem(small, f, o, 1).checkReplace(s, 0)
			}),
				testCase{"larger", func(s subject) error {
					return newProblem(repeatShape, backend.Softplus, objective.DV, 2).checkReplace(s, 0)
				}},
				testCase{"other stride", func(s subject) error { return newProblem(small, backend.ELU, objective.MINE, 3).checkReplace(s, 5) }},
				testCase{"there and back", checkReplaceBack},
				testCase{"two trainers", checkReplaceShared},
				testCase{"data of an evaluation", checkReplaceEvaluated},
			)
		},
	},
	{
		name:  "replace errors",
		text:  "Replace by matrices that are not valid, or of other rows or columns, returns ErrShape and changes nothing",
		cases: replaceErrorCases,
	},
}

// fill overwrites the arrays of x and z with NaN, which spoils what still reads
// them.
func (p *problem) fill() {
	for _, m := range []backend.Matrix{p.x, p.z} {
		for i := range m.Data {
			m.Data[i] = float32(math.NaN())
		}
	}
}

// on returns everything that a trainer in a state says on newly loaded rows.
func (p *problem) on(s subject, state backend.State) (outcome, error) {
	q := *p
	q.state = state
	t, err := q.start(s)
	if err != nil {
		return outcome{}, err
	}
	defer t.close()
	return q.everything(t)
}

// checkReplace replaces the rows in the midst of training, by rows with padding
// between them.
func (p *problem) checkReplace(s subject, padding int) error {
	t, err := p.start(s)
	if err != nil {
		return err
	}
	defer t.close()
	_, middle, err := trainOn(t, 2)
	if err != nil {
		return err
	}
	q := p.withRows(p.x.Rows)
	q.x, q.z = pad(q.x, padding), pad(q.z, 2*padding)
	if err := t.data.Replace(q.x, q.z); err != nil {
		return err
	}
	p.fill()
	got, err1 := q.everything(t)
	want, err2 := q.on(s, middle)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	return got.same(want)
}

// checkReplaceBack goes from one pair of arrays to another and back to the
// first, whose rows are others by then.
func checkReplaceBack(s subject) error {
	p := newProblem(small, backend.Softplus, objective.JS, 4)
	t, err := p.start(s)
	if err != nil {
		return err
	}
	defer t.close()
	q := p.withRows(p.x.Rows)
	if err := t.data.Replace(q.x, q.z); err != nil {
		return err
	}
	if _, _, err := trainOn(t, 1); err != nil {
		return err
	}
	for _, m := range []backend.Matrix{p.x, p.z} {
		for i := range m.Data {
			m.Data[i] = -m.Data[i] / 2
		}
	}
	if err := t.data.Replace(p.x, p.z); err != nil {
		return err
	}
	q.fill()
	_, state, err := trainOn(t, 1)
	if err != nil {
		return err
	}
	got, err1 := p.everything(t)
	want, err2 := p.on(s, state)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	return got.same(want)
}

// checkReplaceShared has two trainers on the data, one of which has trained.
func checkReplaceShared(s subject) error {
	p := newProblem(small, backend.Softplus, objective.DV, 5)
	t, err := p.start(s)
	if err != nil {
		return err
	}
	defer t.close()
	second, err := p.trainer(s, t.data)
	if err != nil {
		return err
	}
	defer second.Close()
	_, middle, err := trainOn(t, 2)
	if err != nil {
		return err
	}
	q := p.withRows(p.x.Rows)
	if err := t.data.Replace(q.x, q.z); err != nil {
		return err
	}
	p.fill()
	for _, c := range []struct {
		trainer backend.Trainer
		state   backend.State
	}{{t.Trainer, middle}, {second, p.state}} {
		got, err1 := q.everything(&session{c.trainer, t.data})
		want, err2 := q.on(s, c.state)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		if err := got.same(want); err != nil {
			return err
		}
	}
	return nil
}

// checkReplaceEvaluated replaces data that the trainer was not made on.
func checkReplaceEvaluated(s subject) error {
	const n = 50
	rows := backend.Rows{Lo: 1, Hi: n}
	p := newProblem(small, backend.ELU, objective.DV, 6)
	t, err := p.start(s)
	if err != nil {
		return err
	}
	defer t.close()
	evaluate := func(data backend.Data) backend.Evaluation {
		e, err1 := t.Evaluate(context.Background(), data, rows, backend.Pairing{Count: 2, Seed: 1}, nil)
		err = errors.Join(err, err1)
		return e
	}
	before, after := p.withRows(n), p.withRows(n)
	for i := range after.x.Data {
		after.x.Data[i] = -2 * after.x.Data[i]
	}
	data, err := s.Load(before.x, before.z)
	if err != nil {
		return err
	}
	defer data.Close()
	fresh, err := s.Load(after.x, after.z)
	if err != nil {
		return err
	}
	defer fresh.Close()
	evaluate(data)
	if err := data.Replace(after.x, after.z); err != nil {
		return err
	}
	before.fill()
	got, want := evaluate(data), evaluate(fresh)
	return errors.Join(err, sameEvaluation(got, want))
}

func replaceErrorCases() []testCase {
	p := newProblem(small, backend.Softplus, objective.MINE, 7)
	n, dx, dz := p.x.Rows, p.x.Cols, p.z.Cols
	x, z := backend.NewMatrix(n, dx), backend.NewMatrix(n, dz)
	short := func(m backend.Matrix) backend.Matrix {
		m.Data = m.Data[:len(m.Data)-1]
		return m
	}
	var cases []testCase
	for _, c := range []struct {
		name string
		x, z backend.Matrix
	}{
		{"one row less", backend.NewMatrix(n-1, dx), backend.NewMatrix(n-1, dz)},
		{"one row more", backend.NewMatrix(n+1, dx), backend.NewMatrix(n+1, dz)},
		{"one row of x more", backend.NewMatrix(n+1, dx), z},
		{"one row of z less", x, backend.NewMatrix(n-1, dz)},
		{"one column of x more", backend.NewMatrix(n, dx+1), z},
		{"one column of z less", x, backend.NewMatrix(n, dz-1)},
		{"x and z swapped", z, x},
		{"x too short", short(x), z},
		{"z too short", x, short(z)},
		{"stride of z below its columns", x, backend.Matrix{Rows: n, Cols: dz, Stride: dz - 1, Data: z.Data}},
		{"none", backend.Matrix{}, backend.Matrix{}},
	} {
		cases = append(cases, testCase{c.name, func(s subject) error {
			p := newProblem(small, backend.Softplus, objective.MINE, 7)
			t, err := p.start(s)
			if err != nil {
				return err
			}
			defer t.close()
			if err := wantError("Replace", t.data.Replace(c.x, c.z), backend.ErrShape); err != nil {
				return err
			}
			if rows := t.data.Rows(); rows != n {
				return fmt.Errorf("data has %d rows after an error, had %d", rows, n)
			}
			got, err1 := p.everything(t)
			want, err2 := p.on(s, p.state)
			if err := errors.Join(err1, err2); err != nil {
				return err
			}
			return got.same(want)
		}})
	}
	return cases
}
