package backend

import (
	"errors"
	"math"
	"strings"
	"testing"

	"gomine/mine/objective"
)

// TestCapabilities: what is missing is named together with the backend, and what is
// there is not missed.
func TestCapabilities(t *testing.T) {
	spec := Spec{Network: Network{Activation: ELU}, Objective: objective.SMILE.Default(), Marginals: 4, ClipNorm: 1}
	index := Rows{Lo: 0, Hi: 2, Index: []int32{1, 0}}
	permuted := Pairing{Kind: Permutations, Count: 1}
	if err := All().CheckSpec("all", spec, index); err != nil {
		t.Error(err)
	}
	if err := All().CheckEvaluation("all", index, permuted); err != nil {
		t.Error(err)
	}
	for what, without := range map[string]func(*Capabilities){
		"objective smile":            func(c *Capabilities) { c.Objectives = c.Objectives[:2] },
		"activation elu":             func(c *Capabilities) { c.Activations = c.Activations[:1] },
		"4 marginal pairs a row":     func(c *Capabilities) { c.Marginals = 3 },
		"gradient clipping":          func(c *Capabilities) { c.Clipping = false },
		"rows by an index":           func(c *Capabilities) { c.Index = false },
		"evaluation by permutations": func(c *Capabilities) { c.Pairings = c.Pairings[:1] },
	} {
		c := All()
		without(&c)
		err := errors.Join(c.CheckSpec("some", spec, index), c.CheckEvaluation("some", index, permuted))
		if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "backend some does not offer "+what) {
			t.Errorf("without %s: %v", what, err)
		}
		plain := spec
		plain.Objective, plain.Network.Activation, plain.Marginals, plain.ClipNorm = objective.DV.Default(), Softplus, 1, math.Inf(1)
		if err := errors.Join(c.CheckSpec("some", plain, Rows{}), c.CheckEvaluation("some", Rows{}, Pairing{Count: 1})); err != nil {
			t.Errorf("what is there is missed: %v", err)
		}
	}
}

func TestChecks(t *testing.T) {
	d := sized{rows: 10, dx: 2, dz: 3}
	x, z := NewMatrix(10, 2), NewMatrix(10, 3)
	checkShape(t, "paired", CheckPaired(x, z), true)
	checkShape(t, "another number of rows", CheckPaired(x, NewMatrix(9, 3)), false)
	checkShape(t, "no rows", CheckPaired(NewMatrix(0, 1), NewMatrix(0, 1)), false)
	checkShape(t, "replacement", CheckReplacement(d, x, z), true)
	checkShape(t, "replacement of other columns", CheckReplacement(d, z, x), false)
	checkShape(t, "replacement of other rows", CheckReplacement(d, NewMatrix(9, 2), NewMatrix(9, 3)), false)
	n := Network{DX: 2, DZ: 3, Hidden: []int{1}}
	checkShape(t, "parameters", n.CheckParams(make([]float32, n.NumParams())), true)
	checkShape(t, "too few parameters", n.CheckParams(make([]float32, n.NumParams()-1)), false)
	checkShape(t, "columns", n.CheckColumns(d), true)
	checkShape(t, "other columns", n.CheckColumns(sized{10, 3, 2}), false)
	checkShape(t, "pairs", CheckPairs(d, []int{0, 9}, []int{9, 0}, 2), true)
	checkShape(t, "a pair beyond the rows", CheckPairs(d, []int{0, 10}, []int{9, 0}, 2), false)
	checkShape(t, "another number of results", CheckPairs(d, []int{0}, []int{0}, 2), false)
	all := Rows{Lo: 0, Hi: 10}
	checkShape(t, "evaluation", CheckEvaluation(d, all, Pairing{Count: 1}, make([]float64, 10)), true)
	checkShape(t, "evaluation of one row", CheckEvaluation(d, Rows{Lo: 0, Hi: 1}, Pairing{Count: 1}, nil), false)
	checkShape(t, "evaluation of no pairs", CheckEvaluation(d, all, Pairing{}, nil), false)
	checkShape(t, "unknown pairing", CheckEvaluation(d, all, Pairing{Kind: 2, Count: 1}, nil), false)
	checkShape(t, "influence of other rows", CheckEvaluation(d, all, Pairing{Count: 1}, make([]float64, 9)), false)
}

// sized is data that are nothing but their size.
type sized struct{ rows, dx, dz int }

func (d sized) Rows() int                    { return d.rows }
func (d sized) Dims() (dx, dz int)           { return d.dx, d.dz }
func (d sized) Replace(Matrix, Matrix) error { return nil }
func (d sized) Close() error                 { return nil }
