package backendtest

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gomine/mine/backend"
	"gomine/mine/objective"
)

var errorRules = []rule{
	{
		name:  "load errors",
		text:  "Load returns ErrShape for matrices that are not valid or differ in rows",
		cases: loadErrorCases,
	},
	{
		name:  "spec errors",
		text:  "NewTrainer returns ErrShape for what Spec.Validate, Rows.Validate or the columns of the data rule out",
		cases: specErrorCases,
	},
	{
		name:  "argument errors",
		text:  "sizes that do not fit together and indices out of range are ErrShape, and nothing changes",
		cases: argumentErrorCases,
	},
	{
		name:     "closed",
		text:     "after Close of a trainer, its data or its backend its methods return ErrClosed; Close may be called twice",
		isolated: true,
		cases:    closedCases,
	},
}

func loadErrorCases() []testCase {
	ok := backend.NewMatrix(5, 2)
	var cases []testCase
	for _, c := range []struct {
		name string
		x, z backend.Matrix
	}{
		{"more rows of x", backend.NewMatrix(6, 2), ok},
		{"more rows of z", ok, backend.NewMatrix(6, 2)},
		{"no columns of x", backend.Matrix{Rows: 5, Cols: 0, Stride: 1, Data: make([]float32, 5)}, ok},
		{"no columns of z", ok, backend.Matrix{Rows: 5, Cols: 0, Stride: 1, Data: make([]float32, 5)}},
		{"negative rows", backend.Matrix{Rows: -1, Cols: 2, Stride: 2}, backend.Matrix{Rows: -1, Cols: 2, Stride: 2}},
		{"stride of x below its columns", backend.Matrix{Rows: 5, Cols: 2, Stride: 1, Data: make([]float32, 10)}, ok},
		{"stride of z below its columns", ok, backend.Matrix{Rows: 5, Cols: 2, Stride: 1, Data: make([]float32, 10)}},
		{"x too short", backend.Matrix{Rows: 5, Cols: 2, Stride: 2, Data: make([]float32, 9)}, ok},
		{"z too short", ok, backend.Matrix{Rows: 5, Cols: 2, Stride: 3, Data: make([]float32, 13)}},
	} {
		cases = append(cases, testCase{c.name, func(s subject) error {
			data, err := s.Load(c.x, c.z)
			if err == nil {
				data.Close()
			}
			return wantError("Load", err, backend.ErrShape)
		}})
	}
	return cases
}

func specErrorCases() []testCase {
	nan := math.NaN()
	var cases []testCase
	for _, c := range []struct {
		name  string
		spoil func(spec *backend.Spec, train *backend.Rows)
	}{
		{"no columns of x", func(p *backend.Spec, _ *backend.Rows) { p.Network.DX = 0 }},
		{"no columns of z", func(p *backend.Spec, _ *backend.Rows) { p.Network.DZ = 0 }},
		{"more columns of x than the data", func(p *backend.Spec, _ *backend.Rows) { p.Network.DX++ }},
		{"fewer columns of x than the data", func(p *backend.Spec, _ *backend.Rows) { p.Network.DX-- }},
		{"more columns of z than the data", func(p *backend.Spec, _ *backend.Rows) { p.Network.DZ++ }},
		{"columns swapped", func(p *backend.Spec, _ *backend.Rows) {
			p.Network.DX, p.Network.DZ = p.Network.DZ, p.Network.DX
		}},
		{"no hidden layer", func(p *backend.Spec, _ *backend.Rows) { p.Network.Hidden = nil }},
		{"five hidden layers", func(p *backend.Spec, _ *backend.Rows) { p.Network.Hidden = []int{2, 2, 2, 2, 2} }},
		{"width 0", func(p *backend.Spec, _ *backend.Rows) { p.Network.Hidden = []int{4, 0} }},
		{"width -1", func(p *backend.Spec, _ *backend.Rows) { p.Network.Hidden = []int{-1} }},
		{"unknown activation", func(p *backend.Spec, _ *backend.Rows) { p.Network.Activation = 3 }},
		{"unknown objective", func(p *backend.Spec, _ *backend.Rows) { p.Objective.Kind = 9 }},
		{"batch 1", func(p *backend.Spec, _ *backend.Rows) { p.Batch = 1 }},
		{"batch -2", func(p *backend.Spec, _ *backend.Rows) { p.Batch = -2 }},
		{"batch above the training rows", func(p *backend.Spec, r *backend.Rows) { p.Batch = r.Len() + 1 }},
		{"parameter of an objective without one", func(p *backend.Spec, _ *backend.Rows) { p.Objective = objective.JS.With(2) }},
		{"clip of SMILE 0", func(p *backend.Spec, _ *backend.Rows) { p.Objective = objective.SMILE.With(0) }},
		{"weight of NCE negative", func(p *backend.Spec, _ *backend.Rows) { p.Objective = objective.NCE.With(-1) }},
		{"no marginal pairs", func(p *backend.Spec, _ *backend.Rows) { p.Marginals = 0 }},
		{"marginal pairs -1", func(p *backend.Spec, _ *backend.Rows) { p.Marginals = -1 }},
		{"marginal pairs of a whole batch", func(p *backend.Spec, _ *backend.Rows) { p.Marginals = p.Batch }},
		{"gradients clipped to 0", func(p *backend.Spec, _ *backend.Rows) { p.ClipNorm = 0 }},
		{"gradients clipped below 0", func(p *backend.Spec, _ *backend.Rows) { p.ClipNorm = -1 }},
		{"gradients clipped to no number", func(p *backend.Spec, _ *backend.Rows) { p.ClipNorm = nan }},
		{"index beyond the data", func(p *backend.Spec, r *backend.Rows) { r.Lo, r.Index = 0, make([]int32, r.Hi); r.Index[5] = 1 << 20 }},
		{"index of a negative row", func(p *backend.Spec, r *backend.Rows) { r.Lo, r.Index = 0, make([]int32, r.Hi); r.Index[5] = -1 }},
		{"index shorter than its range", func(p *backend.Spec, r *backend.Rows) { r.Lo, r.Index = 0, make([]int32, r.Hi-1) }},
		{"moving average rate 0", func(p *backend.Spec, _ *backend.Rows) { p.Objective.Param = 0 }},
		{"moving average rate above 1", func(p *backend.Spec, _ *backend.Rows) { p.Objective.Param = 1.01 }},
		{"moving average rate not a number", func(p *backend.Spec, _ *backend.Rows) { p.Objective.Param = nan }},
		{"negative Beta1", func(p *backend.Spec, _ *backend.Rows) { p.Adam.Beta1 = -0.1 }},
		{"Beta1 of 1", func(p *backend.Spec, _ *backend.Rows) { p.Adam.Beta1 = 1 }},
		{"negative Beta2", func(p *backend.Spec, _ *backend.Rows) { p.Adam.Beta2 = -0.1 }},
		{"Beta2 of 1", func(p *backend.Spec, _ *backend.Rows) { p.Adam.Beta2 = 1 }},
		{"Beta2 not a number", func(p *backend.Spec, _ *backend.Rows) { p.Adam.Beta2 = nan }},
		{"Epsilon 0", func(p *backend.Spec, _ *backend.Rows) { p.Adam.Epsilon = 0 }},
		{"negative WeightDecay", func(p *backend.Spec, _ *backend.Rows) { p.Adam.WeightDecay = -1 }},
		{"training range from -1", func(_ *backend.Spec, r *backend.Rows) { r.Lo = -1 }},
		{"training range beyond the data", func(_ *backend.Spec, r *backend.Rows) { r.Hi = 1 << 20 }},
		{"training range empty", func(_ *backend.Spec, r *backend.Rows) { r.Hi = r.Lo }},
		{"training range reversed", func(_ *backend.Spec, r *backend.Rows) { r.Lo, r.Hi = r.Hi, r.Lo }},
	} {
		cases = append(cases, testCase{c.name, func(s subject) error {
			p := newProblem(small, backend.Softplus, objective.MINE, 1)
			data, err := s.Load(p.x, p.z)
			if err != nil {
				return err
			}
			defer data.Close()
			spec, train := p.spec, p.train
			c.spoil(&spec, &train)
			t, err := s.NewTrainer(spec, data, train)
			if err == nil {
				t.Close()
			}
			return wantError("NewTrainer", err, backend.ErrShape)
		}})
	}
	return cases
}

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
	ctx := context.Background()
	n := argumentProblem().x.Rows
	all := backend.Rows{Lo: 0, Hi: n}
	good := []int{0, 1, 2, 3}
	weights := []float32{1, 1, 1, 1}
	var cases []testCase
	add := func(name string, f func(t *session, p *problem, b *buffers) error) {
		cases = append(cases, testCase{name, func(s subject) error { return checkArgumentError(s, f) }})
	}

	for _, n := range []int{0, 2, 4} {
		add(fmt.Sprintf("Train/3 rates, %d values", n), func(t *session, p *problem, b *buffers) error {
			done, err := t.Train(ctx, varyingRates(3), b.values[:n])
			if done != 0 {
				return fmt.Errorf("did %d steps", done)
			}
			return err
		})
	}
	for _, more := range []int{-1, 1} {
		add(fmt.Sprintf("Gradient/parameters %+d", more), func(t *session, p *problem, b *buffers) error {
			_, err := t.Gradient(ctx, b.array.inner()[:len(p.state.Params)+more])
			return err
		})
	}

	for _, rows := range []backend.Rows{
		{Lo: -1, Hi: 5}, {Lo: 0, Hi: n + 1}, {Lo: n, Hi: n + 2}, {Lo: 7, Hi: 7}, {Lo: 7, Hi: 5}, {Lo: 3, Hi: 4},
	} {
		add(fmt.Sprintf("Evaluate/rows %d to %d", rows.Lo, rows.Hi), func(t *session, p *problem, b *buffers) error {
			_, err := t.Evaluate(ctx, t.data, rows, backend.Pairing{Count: 1, Seed: 1}, nil)
			return err
		})
	}
	for _, count := range []int{0, -1} {
		add(fmt.Sprintf("Evaluate/%d pairings", count), func(t *session, p *problem, b *buffers) error {
			_, err := t.Evaluate(ctx, t.data, all, cycles(count), nil)
			return err
		})
	}
	add("Evaluate/unknown pairing", func(t *session, p *problem, b *buffers) error {
		_, err := t.Evaluate(ctx, t.data, all, backend.Pairing{Kind: 2, Count: 1}, nil)
		return err
	})
	for _, length := range []int{0, n - 1, n + 1} {
		add(fmt.Sprintf("Evaluate/%d influence values of %d", length, n), func(t *session, p *problem, b *buffers) error {
			_, err := t.Evaluate(ctx, t.data, all, cycles(1), make([]float64, length))
			return err
		})
	}
	for _, row := range []int32{-1, int32(n)} {
		add(fmt.Sprintf("Evaluate/index of row %d", row), func(t *session, p *problem, b *buffers) error {
			_, err := t.Evaluate(ctx, t.data, backend.Rows{Lo: 0, Hi: 4, Index: []int32{0, 1, row, 2}}, cycles(1), nil)
			return err
		})
	}

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
		add("Scores/"+c.name, func(t *session, p *problem, b *buffers) error {
			return t.Scores(ctx, t.data, c.xs, c.zs, b.array.inner()[:argumentPairs])
		})
		add("InputGradients/"+c.name, func(t *session, p *problem, b *buffers) error {
			return t.InputGradients(ctx, t.data, c.xs, c.zs, weights, b.gx.Matrix, b.gz.Matrix)
		})
	}
	for _, n := range []int{0, 3, 5} {
		add(fmt.Sprintf("Scores/4 pairs, %d values", n), func(t *session, p *problem, b *buffers) error {
			return t.Scores(ctx, t.data, good, good, b.array.inner()[:n])
		})
		add(fmt.Sprintf("InputGradients/4 pairs, %d weights", n), func(t *session, p *problem, b *buffers) error {
			return t.InputGradients(ctx, t.data, good, good, make([]float32, n), b.gx.Matrix, b.gz.Matrix)
		})
	}
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
		add("InputGradients/gx "+c.name, func(t *session, p *problem, b *buffers) error {
			c.spoil(&b.gx.Matrix)
			return t.InputGradients(ctx, t.data, good, good, weights, b.gx.Matrix, b.gz.Matrix)
		})
		add("InputGradients/gz "+c.name, func(t *session, p *problem, b *buffers) error {
			c.spoil(&b.gz.Matrix)
			return t.InputGradients(ctx, t.data, good, good, weights, b.gx.Matrix, b.gz.Matrix)
		})
		add("ObjectiveGradients/gx "+c.name, func(t *session, p *problem, b *buffers) error {
			c.spoil(&b.ox.Matrix)
			_, err := t.ObjectiveGradients(ctx, b.ox.Matrix, b.oz.Matrix)
			return err
		})
		add("ObjectiveGradients/gz "+c.name, func(t *session, p *problem, b *buffers) error {
			c.spoil(&b.oz.Matrix)
			_, err := t.ObjectiveGradients(ctx, b.ox.Matrix, b.oz.Matrix)
			return err
		})
	}

	for _, more := range []int{-1, 1} {
		for _, c := range []struct {
			name string
			of   func(st *backend.State) *[]float32
		}{
			{"Params", func(st *backend.State) *[]float32 { return &st.Params }},
			{"M", func(st *backend.State) *[]float32 { return &st.M }},
			{"V", func(st *backend.State) *[]float32 { return &st.V }},
		} {
			add(fmt.Sprintf("SetState/%s %+d", c.name, more), func(t *session, p *problem, b *buffers) error {
				st := p.state.Clone()
				scribble(st)
				st.Step = 99
				*c.of(&st) = make([]float32, len(p.state.Params)+more)
				return t.SetState(st)
			})
		}
	}
	return append(cases,
		testCase{"data of other columns", checkOtherColumns},
		testCase{"foreign data", checkForeignData})
}

// foreignData is of a type that no backend knows.
type foreignData struct{ p *problem }

func (d foreignData) Rows() int          { return d.p.x.Rows }
func (d foreignData) Dims() (dx, dz int) { return d.p.x.Cols, d.p.z.Cols }
func (d foreignData) Close() error       { return nil }

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

func closedCases() []testCase {
	ctx := context.Background()
	start := func(s subject) (*problem, *session, error) {
		p := newProblem(small, backend.Softplus, objective.DV, 4)
		t, err := p.start(s)
		return p, t, err
	}
	twice := func(what string, closer interface{ Close() error }) error {
		for i := range 2 {
			if err := closer.Close(); err != nil {
				return fmt.Errorf("%s: call %d of Close: %w", what, i+1, err)
			}
		}
		return nil
	}
	return []testCase{
		{"trainer", func(s subject) error {
			p, t, err := start(s)
			if err != nil {
				return err
			}
			defer t.data.Close()
			errs := []error{twice("Trainer", t.Trainer)}
			for _, c := range p.calls(t) {
				errs = append(errs, wantError(c.name, c.call(ctx), backend.ErrClosed))
			}
			return errors.Join(errs...)
		}},
		{"data", func(s subject) error {
			p, t, err := start(s)
			if err != nil {
				return err
			}
			errs := []error{twice("Data", t.data)}
			for _, c := range p.calls(t) {
				if c.usesData {
					errs = append(errs, wantError(c.name, c.call(ctx), backend.ErrClosed))
				}
			}
			_, err = s.NewTrainer(p.spec, t.data, p.train)
			return errors.Join(append(errs,
				wantError("NewTrainer", err, backend.ErrClosed),
				wantError("Replace", t.data.Replace(p.x, p.z), backend.ErrClosed),
				t.Close())...)
		}},
		{"data of one trainer of two", func(s subject) error {
			_, t, err := start(s)
			if err != nil {
				return err
			}
			defer t.Close()
			p, u, err := start(s)
			if err != nil {
				return err
			}
			defer u.close()
			if err := t.data.Close(); err != nil {
				return err
			}
			for _, c := range p.calls(u) {
				if err := c.call(ctx); err != nil {
					return fmt.Errorf("%s after the data of another trainer was closed: %w", c.name, err)
				}
			}
			return nil
		}},
		{"backend", func(s subject) error {
			p, t, err := start(s)
			if err != nil {
				return err
			}
			errs := []error{twice("Backend", s.Backend)}
			for _, c := range p.calls(t) {
				if c.usesData {
					errs = append(errs, wantError(c.name, c.call(ctx), backend.ErrClosed))
				}
			}
			_, err1 := s.Load(p.x, p.z)
			_, err2 := s.NewTrainer(p.spec, t.data, p.train)
			return errors.Join(append(errs,
				wantError("Load", err1, backend.ErrClosed),
				wantError("NewTrainer", err2, backend.ErrClosed),
				wantError("Replace", t.data.Replace(p.x, p.z), backend.ErrClosed),
				twice("Trainer after its backend", t.Trainer),
				twice("Data after its backend", t.data))...)
		}},
	}
}
