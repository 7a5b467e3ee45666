package backendtest

import (
	"context"
	"errors"
	"fmt"

	"gomine/mine/backend"
	"gomine/mine/objective"
)

// buffers are the outputs of the calls with wrong arguments.
type buffers struct {
	values []float64
	array  guarded // grad or dst
	gx, gz padded
	ox, oz padded // of the batch
}

// argumentPairs is the number of pairs of the calls with wrong arguments.
const argumentPairs = 4

func argumentProblem() *problem {
	p := newProblem(small, backend.Softplus, objective.MINE, 2)
	p.warm(3)
	return p
}

func argumentErrorCases() []testCase {
	var cases argumentCases
	cases.ofTraining()
	cases.ofEvaluations(argumentProblem().x.Rows)
	cases.ofPairs(argumentProblem().x.Rows)
	cases.ofMatrices()
	cases.ofStates()
	return append(cases,
		testCase{"data of other columns", checkOtherColumns},
		testCase{"foreign data", checkForeignData})
}

// argumentCases are calls with wrong arguments.
type argumentCases []testCase

func (cases *argumentCases) add(name string, f func(t *session, p *problem, b *buffers) error) {
	*cases = append(*cases, testCase{name, func(s subject) error { return checkArgumentError(s, f) }})
}

// Right arguments that the wrong ones stand beside.
var (
	goodPairs   = []int{0, 1, 2, 3}
	goodWeights = []float32{1, 1, 1, 1}
)

func (cases *argumentCases) ofTraining() {
	ctx := context.Background()
	for _, n := range []int{0, 2, 4} {
		cases.add(fmt.Sprintf("Train/3 rates, %d values", n), func(t *session, p *problem, b *buffers) error {
			done, err := t.Train(ctx, varyingRates(3), b.values[:n])
			if done != 0 {
				return fmt.Errorf("did %d steps", done)
			}
			return err
		})
	}
	for _, more := range []int{-1, 1} {
		cases.add(fmt.Sprintf("Gradient/parameters %+d", more), func(t *session, p *problem, b *buffers) error {
			_, err := t.Gradient(ctx, b.array.inner()[:len(p.state.Params)+more])
			return err
		})
	}
}

func (cases *argumentCases) ofEvaluations(n int) {
	ctx, all := context.Background(), backend.Rows{Lo: 0, Hi: n}
	for _, rows := range []backend.Rows{
		{Lo: -1, Hi: 5}, {Lo: 0, Hi: n + 1}, {Lo: n, Hi: n + 2}, {Lo: 7, Hi: 7}, {Lo: 7, Hi: 5}, {Lo: 3, Hi: 4},
	} {
		cases.add(fmt.Sprintf("Evaluate/rows %d to %d", rows.Lo, rows.Hi), func(t *session, p *problem, b *buffers) error {
			_, err := t.Evaluate(ctx, t.data, rows, backend.Pairing{Count: 1, Seed: 1}, nil)
			return err
		})
	}
	for _, count := range []int{0, -1} {
		cases.add(fmt.Sprintf("Evaluate/%d pairings", count), func(t *session, p *problem, b *buffers) error {
			_, err := t.Evaluate(ctx, t.data, all, cycles(count), nil)
			return err
		})
	}
	cases.add("Evaluate/unknown pairing", func(t *session, p *problem, b *buffers) error {
		_, err := t.Evaluate(ctx, t.data, all, backend.Pairing{Kind: 2, Count: 1}, nil)
		return err
	})
	for _, length := range []int{0, n - 1, n + 1} {
		cases.add(fmt.Sprintf("Evaluate/%d influence values of %d", length, n), func(t *session, p *problem, b *buffers) error {
			_, err := t.Evaluate(ctx, t.data, all, cycles(1), make([]float64, length))
			return err
		})
	}
	for _, row := range []int32{-1, int32(n)} {
		cases.add(fmt.Sprintf("Evaluate/index of row %d", row), func(t *session, p *problem, b *buffers) error {
			_, err := t.Evaluate(ctx, t.data, backend.Rows{Lo: 0, Hi: 4, Index: []int32{0, 1, row, 2}}, cycles(1), nil)
			return err
		})
	}
}

func (cases *argumentCases) ofPairs(n int) {
	ctx, good, weights := context.Background(), goodPairs, goodWeights
	pairs := []struct {
		name   string
		xs, zs []int
	}{
		{"negative x", []int{0, 1, 2, -1}, good},
		{"negative z", good, []int{0, 1, 2, -1}},
		{"x beyond the data", []int{0, 1, 2, n}, good},
		{"z beyond the data", good, []int{0, 1, 2, n}},
		{"x of 2^32", []int{0, 1, 2, 1 << 32}, good}, // row 0 to 32-bit arithmetic
		{"z of 2^32", good, []int{0, 1, 2, 1 << 32}},
		{"fewer x than z", good[:3], good},
		{"fewer z than x", good, good[:3]},
	}
	for _, c := range pairs {
		cases.add("Scores/"+c.name, func(t *session, p *problem, b *buffers) error {
			return t.Scores(ctx, t.data, c.xs, c.zs, b.array.inner()[:argumentPairs])
		})
		cases.add("InputGradients/"+c.name, func(t *session, p *problem, b *buffers) error {
			return t.InputGradients(ctx, t.data, c.xs, c.zs, weights, b.gx.Matrix, b.gz.Matrix)
		})
	}
	for _, n := range []int{0, 3, 5} {
		cases.add(fmt.Sprintf("Scores/4 pairs, %d values", n), func(t *session, p *problem, b *buffers) error {
			return t.Scores(ctx, t.data, good, good, b.array.inner()[:n])
		})
		cases.add(fmt.Sprintf("InputGradients/4 pairs, %d weights", n), func(t *session, p *problem, b *buffers) error {
			return t.InputGradients(ctx, t.data, good, good, make([]float32, n), b.gx.Matrix, b.gz.Matrix)
		})
	}
}

func (cases *argumentCases) ofMatrices() {
	ctx, good, weights := context.Background(), goodPairs, goodWeights
	for _, c := range []struct {
		name  string
		spoil func(m *backend.Matrix)
	}{
		{"one row less", func(m *backend.Matrix) { m.Rows-- }},
		{"one row more", func(m *backend.Matrix) { m.Rows++ }},
		{"one column less", func(m *backend.Matrix) { m.Cols-- }},
		{"one column more", func(m *backend.Matrix) { m.Cols++ }},
		{"stride below its columns", func(m *backend.Matrix) { m.Stride = m.Cols - 1 }},
		{"too short", func(m *backend.Matrix) { m.Data = m.Data[:len(m.Data)-1] }},
	} {
		cases.add("InputGradients/gx "+c.name, func(t *session, p *problem, b *buffers) error {
			c.spoil(&b.gx.Matrix)
			return t.InputGradients(ctx, t.data, good, good, weights, b.gx.Matrix, b.gz.Matrix)
		})
		cases.add("InputGradients/gz "+c.name, func(t *session, p *problem, b *buffers) error {
			c.spoil(&b.gz.Matrix)
			return t.InputGradients(ctx, t.data, good, good, weights, b.gx.Matrix, b.gz.Matrix)
		})
		cases.add("ObjectiveGradients/gx "+c.name, func(t *session, p *problem, b *buffers) error {
			c.spoil(&b.ox.Matrix)
			_, err := t.ObjectiveGradients(ctx, b.ox.Matrix, b.oz.Matrix)
			return err
		})
		cases.add("ObjectiveGradients/gz "+c.name, func(t *session, p *problem, b *buffers) error {
			c.spoil(&b.oz.Matrix)
			_, err := t.ObjectiveGradients(ctx, b.ox.Matrix, b.oz.Matrix)
			return err
		})
	}
}

func (cases *argumentCases) ofStates() {
	for _, more := range []int{-1, 1} {
		for _, c := range []struct {
			name string
			of   func(st *backend.State) *[]float32
		}{
			{"Params", func(st *backend.State) *[]float32 { return &st.Params }},
			{"M", func(st *backend.State) *[]float32 { return &st.M }},
			{"V", func(st *backend.State) *[]float32 { return &st.V }},
		} {
			cases.add(fmt.Sprintf("SetState/%s %+d", c.name, more), func(t *session, p *problem, b *buffers) error {
				st := p.state.Clone()
				scribble(st)
				st.Step = 99
				*c.of(&st) = make([]float32, len(p.state.Params)+more)
				return t.SetState(st)
			})
		}
	}
}

// foreignData is of a type that no backend knows.
type foreignData struct{ p *problem }

func (d foreignData) Rows() int { return d.p.x.Rows }

func (d foreignData) Dims() (dx, dz int) { return d.p.x.Cols, d.p.z.Cols }

func (d foreignData) Close() error { return nil }

func (d foreignData) Replace(x, z backend.Matrix) error { return nil }

func checkForeignData(s subject) error {
	p := argumentProblem()
	t, err := p.start(s)
	if err != nil {
		return err
	}
	defer t.close()
	_, err1 := s.NewTrainer(p.spec, foreignData{p}, p.train)
	foreign := &session{t.Trainer, foreignData{p}}
	errs := []error{wantError("NewTrainer", err1, backend.ErrShape)}
	for _, c := range p.calls(foreign) {
		if c.takesData {
			errs = append(errs, wantError(c.name, c.call(context.Background()), backend.ErrShape))
		}
	}
	return errors.Join(errs...)
}

// checkArgumentError wants ErrShape, no value written, and a trainer that
// works on as if nothing had happened.
func checkArgumentError(s subject, f func(t *session, p *problem, b *buffers) error) error {
	p := argumentProblem()
	t, err := p.start(s)
	if err != nil {
		return err
	}
	defer t.close()
	dx, dz := p.spec.Network.DX, p.spec.Network.DZ
	b := &buffers{
		values: []float64{guard, guard, guard, guard},
		array:  newGuarded(len(p.state.Params) + 1),
		gx:     newPadded(argumentPairs, dx, dx+1),
		gz:     newPadded(argumentPairs, dz, dz+1),
		ox:     newPadded(p.spec.Batch, dx, dx+1),
		oz:     newPadded(p.spec.Batch, dz, dz+1),
	}
	if err := wantError("the call", f(t, p, b), backend.ErrShape); err != nil {
		return err
	}
	for i, v := range b.values {
		if v != guard {
			return fmt.Errorf("values[%d] = %v despite the error", i, v)
		}
	}
	state, err := t.State()
	if err := errors.Join(err, sameState(state, p.state),
		b.array.untouched("array"), b.gx.untouched("gx"), b.gz.untouched("gz"),
		b.ox.untouched("gx of the batch"), b.oz.untouched("gz of the batch")); err != nil {
		return err
	}
	_, want, err1 := p.trainFor(s, 1)
	_, got, err2 := trainOn(t, 1)
	return errors.Join(err1, err2, sameState(got, want))
}

// checkOtherColumns gives a trainer data whose columns do not fit, one of
// them at a time.
func checkOtherColumns(s subject) error {
	p := newProblem(small, backend.Softplus, objective.DV, 3)
	t, err := p.start(s)
	if err != nil {
		return err
	}
	defer t.close()
	ctx := context.Background()
	pair, weight := []int{1}, []float32{1}
	var errs []error
	for _, more := range []struct{ x, z int }{{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {-1, 1}} {
		dx, dz := p.x.Cols+more.x, p.z.Cols+more.z
		data, err := s.Load(backend.NewMatrix(9, dx), backend.NewMatrix(9, dz))
		if err != nil {
			return err
		}
		what := fmt.Sprintf(" on data of %d and %d columns", dx, dz)
		_, err1 := t.Evaluate(ctx, data, backend.Rows{Lo: 0, Hi: 9}, backend.Pairing{Count: 1, Seed: 1}, nil)
		err2 := t.Scores(ctx, data, pair, pair, make([]float32, 1))
		err3 := t.InputGradients(ctx, data, pair, pair, weight, backend.NewMatrix(1, dx), backend.NewMatrix(1, dz))
		errs = append(errs,
			wantError("Evaluate"+what, err1, backend.ErrShape),
			wantError("Scores"+what, err2, backend.ErrShape),
			wantError("InputGradients"+what, err3, backend.ErrShape),
			data.Close())
	}
	return errors.Join(errs...)
}
