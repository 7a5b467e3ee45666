package backend

import (
	"fmt"
	"slices"

	"gomine/mine/objective"
)

// Capabilities is what of the contract a backend offers.
type Capabilities struct {
	Objectives  []objective.Kind
	Activations []Activation
	Pairings    []PairingKind
	Marginals   int  // most marginal pairs a joint row in training
	Clipping    bool // Spec.ClipNorm other than +Inf
	Index       bool // rows by an index
	Models      bool // NewModel
}

// All returns the capabilities of a backend that offers everything there is.
func All() Capabilities {
	return Capabilities{
		Objectives:  objective.Kinds(),
		Activations: Activations(),
		Pairings:    []PairingKind{Cycles, Permutations},
		Marginals:   MaxMarginals,
		Clipping:    true,
		Index:       true,
		Models:      true,
	}
}

// MaxMarginals is the largest number of marginal pairs a joint row.
const MaxMarginals = 64

// CheckSpec reports what of a training run on rows train the backend called name
// does not offer. The error names both and wraps ErrUnavailable.
func (c Capabilities) CheckSpec(name string, s Spec, train Rows) error {
	switch {
	case !slices.Contains(c.Objectives, s.Objective.Kind):
		return missing(name, fmt.Sprintf("objective %v", s.Objective.Kind))
	case !slices.Contains(c.Activations, s.Network.Activation):
		return missing(name, fmt.Sprintf("activation %v", s.Network.Activation))
	case s.Marginals > c.Marginals:
		return missing(name, fmt.Sprintf("%d marginal pairs a row, but %d at most", s.Marginals, c.Marginals))
	case s.Clips() && !c.Clipping:
		return missing(name, "gradient clipping")
	}
	return c.checkRows(name, train)
}

// CheckEvaluation is CheckSpec for an evaluation.
func (c Capabilities) CheckEvaluation(name string, rows Rows, p Pairing) error {
	if !slices.Contains(c.Pairings, p.Kind) {
		return missing(name, fmt.Sprintf("evaluation by %v", p.Kind))
	}
	return c.checkRows(name, rows)
}

// CheckModel is CheckSpec for a model.
func (c Capabilities) CheckModel(name string) error {
	if !c.Models {
		return missing(name, "models beside a critic")
	}
	return nil
}

func (c Capabilities) checkRows(name string, rows Rows) error {
	if rows.Index != nil && !c.Index {
		return missing(name, "rows by an index")
	}
	return nil
}

func missing(name, what string) error {
	return fmt.Errorf("backend %s does not offer %s: %w", name, what, ErrUnavailable)
}
