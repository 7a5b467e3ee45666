package backendtest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gomine/mine/backend"
	"gomine/mine/objective"
)

var objectiveRules = []rule{
	{
		name: "objective gradients",
		text: "ObjectiveGradients returns V on the batch of the next step and stores dV/dx and dV/dz of its row i, " +
			"in its joint and its marginal pairs, in row i of gx and gz; the state does not change",
		cases: objectiveGradientCases,
	},
	{
		name: "shift",
		text: "moving all rows of x by the same vector is moving b1: the rows of gx add up to Wx dV/db1, " +
			"those of gz to Wz dV/db1",
		cases: func() []testCase {
			return eachKind("", func(s subject, f backend.Activation, o objective.Kind) error {
				p := newProblem(shape{20, 17, []int{33, 9}, 65}, f, o, 3)
				p.warm(2)
				return p.checkShift(s)
			})
		},
	},
}

func objectiveGradientCases() []testCase {
	var cases []testCase
	add := func(name string, p func() *problem) {
		cases = append(cases, testCase{name, func(s subject) error { return p().checkObjectiveGradients(s, false) }})
	}
	for _, step := range []uint64{1, 7, 1<<32 + 3} {
		add(fmt.Sprintf("step=%d", step), func() *problem {
			p := newProblem(small, backend.ELU, objective.JS, 2)
			p.warm(step)
			return p
		})
	}
	for _, alpha := range []float64{0.1, 1} {
		for _, step := range []uint64{0, 12} {
			for _, logEMA := range []float64{-3, 2.5} {
				add(fmt.Sprintf("alpha=%v,step=%d,ema=%v", alpha, step, logEMA), func() *problem {
					p := newProblem(small, backend.Softplus, objective.MINE, 4)
					p.warm(step)
					p.spec.Objective, p.state.LogEMA = objective.MINE.With(alpha), logEMA
					return p
				})
			}
		}
	}
	add("whole training range", func() *problem {
		p := newProblem(small, backend.Softplus, objective.DV, 3)
		p.train = backend.Rows{Lo: 0, Hi: p.x.Rows}
		p.spec.Batch = p.x.Rows
		return p
	})
	for _, f := range backend.Activations() {
		for i, o := range objective.Kinds() {
			add(fmt.Sprintf("%v/%v/%v", small, f, o), func() *problem { return newProblem(small, f, o, 1) })
			// An objective is a matter of the scores, a tiling one of the shapes:
			// every activation meets every shape once.
			for k, sh := range shapes {
				if (k+int(f))%len(objective.Kinds()) == i {
					add(fmt.Sprintf("%v/%v/%v", sh, f, o), func() *problem { return newProblem(sh, f, o, 1) })
				}
			}
		}
	}

	extreme := func(name string, p func() *problem) {
		cases = append(cases, testCase{name, func(s subject) error { return p().checkObjectiveGradients(s, true) }})
	}
	for _, kind := range extremes {
		for _, o := range []objective.Kind{objective.DV, objective.MINE, objective.JS} {
			for _, f := range backend.Activations() {
				extreme(fmt.Sprintf("%s/%v/%v", kind.name, f, o), func() *problem {
					p := newProblem(small, f, o, 1)
					kind.apply(p, 1e4)
					return p
				})
			}
		}
	}
	for _, logEMA := range []float64{-1e4, 1e4} {
		extreme(fmt.Sprintf("spread/ema=%v", logEMA), func() *problem {
			p := newProblem(small, backend.Softplus, objective.MINE, 1)
			spread(p, 1e4)
			p.warm(5)
			p.state.LogEMA = logEMA
			return p
		})
	}
	extreme("spread/nwj", func() *problem {
		p := newProblem(small, backend.Softplus, objective.NWJ, 1)
		spread(p, 80) // exp(M - 1) is finite up to M = 89 in float32
		return p
	})
	return cases
}

// checkObjectiveGradients compares the value and the derivatives with the
// oracle, row by row or, where the weights of the rows range over many orders of
// magnitude and the smallest vanish in float32, all rows at once. It leaves out
// rows near a kink of ReLU: see withoutKinks.
func (p *problem) checkObjectiveGradients(s subject, atOnce bool) error {
	want := p.truth(widen(p.state.Params), p.state.Step, p.state.LogEMA, s.unit)
	t, err := p.start(s)
	if err != nil {
		return err
	}
	defer t.close()
	value, got, err := p.objectiveGradients(t)
	if err != nil {
		return err
	}
	state, err := t.State()
	errs := []error{
		err, sameState(state, p.state),
		near("V", value, want.value, sigmas*(want.valueErr+s.unit)),
	}
	rows, terms := want.rows, want.rowTerms
	for i, clearance := range want.rowClear {
		if p.spec.Network.Activation == backend.ReLU && clearance < sigmas {
			clear(rows[i])
			clear(got[i])
		}
	}
	if atOnce {
		got, rows, terms = [][]float64{slices.Concat(got...)}, [][]float64{slices.Concat(rows...)}, [][]float64{slices.Concat(terms...)}
	}
	for i, row := range rows {
		tol := blockTol*s.unit*norm(row) + gradSigmas*(want.err+s.unit)*norm(terms[i])
		if err := nearNorm(fmt.Sprintf("dV/d(x, z) of row %d", i), got[i], row, tol); err != nil {
			errs = append(errs, err)
			break
		}
	}
	return errors.Join(errs...)
}

// objectiveGradients returns what ObjectiveGradients stores in matrices with
// padding, x and z of a row one after the other.
func (p *problem) objectiveGradients(t backend.Trainer) (value float64, rows [][]float64, err error) {
	n, dx, dz := p.spec.Batch, p.spec.Network.DX, p.spec.Network.DZ
	gx, gz := newPadded(n, dx, dx+n%3), newPadded(n, dz, dz+n%4)
	if value, err = t.ObjectiveGradients(context.Background(), gx.Matrix, gz.Matrix); err != nil {
		return 0, nil, err
	}
	for i := range n {
		rows = append(rows, append(widen(gx.Row(i)), widen(gz.Row(i))...))
	}
	return value, rows, errors.Join(gx.intact("gx"), gz.intact("gz"))
}

// checkShift takes dV/db1 and the value from Gradient. Both sides are off by
// what their terms allow.
func (p *problem) checkShift(s subject) error {
	want := p.truth(widen(p.state.Params), p.state.Step, p.state.LogEMA, s.unit)
	t, err := p.start(s)
	if err != nil {
		return err
	}
	defer t.close()
	grad := make([]float32, len(p.state.Params))
	value, err := t.Gradient(context.Background(), grad)
	if err != nil {
		return err
	}
	again, rows, err := p.objectiveGradients(t)
	if err != nil {
		return err
	}
	blocks := p.spec.Network.Blocks()
	bias := grad[blocks[2].Offset:][:blocks[2].Len()]
	got, shift, terms := make([]float64, len(rows[0])), make([]float64, len(rows[0])), make([]float64, len(rows[0]))
	for r := range got {
		for c, d := range bias {
			// Wz follows Wx.
			shift[r] += float64(p.state.Params[r*len(bias)+c]) * float64(d)
		}
		for i := range rows {
			got[r] += rows[i][r]
			terms[r] += want.rowTerms[i][r]
		}
	}
	return errors.Join(
		near("V", again, value, 2*sigmas*(want.valueErr+s.unit)),
		nearNorm("sum of the rows' derivatives", got, shift, 2*(blockTol*s.unit*norm(shift)+gradSigmas*(want.err+s.unit)*norm(terms))),
	)
}
