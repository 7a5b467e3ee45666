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
