package mine

import (
	"errors"
	"fmt"
	"slices"

	"gomine/cpu"
	"gomine/mine/backend"
	"gomine/mine/gaussian"
)

// A FittedState is all that a Fitted is, to be kept and restored.
type FittedState struct {
	Config Config    // of the estimate that it was trained in
	LogU   []float64 // of each fold, see Fitted.LogU
	Pairs  []int     // of each fold, how many marginal pairs tested it; Fitted.Evaluate cuts scores off by them
	Parts  []Part    // of the folds
}

// State returns all that the critic is. It shares arrays with it.
func (f *Fitted) State() FittedState { return FittedState{f.cfg, f.logUs, f.pairs, f.Parts} }

// Restore returns the critic of a state, which has to be closed. On the same kind of device
// it says bit for bit what the one says that the state is of. WithBackend and WithThreads say what it runs on.
func Restore(s FittedState, opts ...Option) (*Fitted, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	var w wiring
	for _, o := range opts {
		o(&w)
	}
	b, own := w.backend, false
	if b == nil {
		var err error
		if b, err = cpu.Open(cpu.Options{Threads: w.threads}); err != nil {
			return nil, err
		}
		own = true
	}
	f, err := open(b, s)
	if err != nil {
		if own {
			err = errors.Join(err, b.Close())
		}
		return nil, err
	}
	f.own = own
	return f, nil
}

// open makes the scorers of a state.
func open(b backend.Backend, s FittedState) (*Fitted, error) {
	f := &Fitted{cfg: s.Config, logUs: s.LogU, pairs: s.Pairs, backend: b}
	for _, v := range s.LogU {
		f.LogU += v / float64(len(s.LogU))
	}
	for _, p := range s.Parts {
		part := Part{Fold: p.Fold, Maps: p.Maps}
		for _, c := range p.Critics {
			if c.scorer = nil; c.Reference == nil {
				var err error
				if c.scorer, err = b.NewScorer(c.Network, c.Params); err != nil {
					f.Parts = append(f.Parts, part)
					return nil, errors.Join(err, f.Close())
				}
			}
			part.Critics = append(part.Critics, c)
		}
		f.Parts = append(f.Parts, part)
	}
	return f, nil
}

// Validate reports parts that do not fit together, and numbers that are not finite, by the
// fold and the critic.
func (s FittedState) Validate() error {
	if err := s.Config.Validate(); err != nil {
		return err
	}
	for f, v := range s.LogU {
		if !finite(v) {
			return fmt.Errorf("mine: fold %d has the normaliser %v: %w", f, v, ErrNonFinite)
		}
	}
	if len(s.LogU) == 0 {
		return fmt.Errorf("mine: a critic of no fold: %w", backend.ErrShape)
	}
	if len(s.Pairs) != len(s.LogU) || slices.Min(s.Pairs) < 1 {
		return fmt.Errorf("mine: tested by %v marginal pairs, want a number for each of %d folds: %w", s.Pairs, len(s.LogU), backend.ErrShape)
	}
	for _, p := range s.Parts {
		if p.Fold < 0 || p.Fold >= len(s.LogU) {
			return fmt.Errorf("mine: a critic of fold %d, and %d folds: %w", p.Fold, len(s.LogU), backend.ErrShape)
		}
		for i, c := range p.Critics {
			if err := c.check(p); err != nil {
				return fmt.Errorf("mine: fold %d, critic %d: %w", p.Fold, i, err)
			}
		}
	}
	return nil
}

// check reports a critic that does not fit the maps of its part.
func (c WeightedCritic) check(p Part) error {
	dx, dz := p.Maps.X.Inputs(), p.Maps.Z.Inputs()
	switch {
	case c.Normalised && p.Maps.X.Shares() == nil && p.Maps.Z.Shares() == nil:
		return fmt.Errorf("it is normalised over codes, but neither side is a single column of codes: %w", backend.ErrShape)
	case !finite(c.Weight) || c.Weight < 0:
		return fmt.Errorf("weight %v, want 0 or more", c.Weight)
	case c.Reference != nil:
		return checkReference(c.Reference, p.Maps.X.WithoutRadius(backend.Matrix{Cols: dx}).Cols, p.Maps.Z.WithoutRadius(backend.Matrix{Cols: dz}).Cols)
	}
	if err := c.Network.Validate(); err != nil {
		return err
	}
	if c.Network.DX != dx || c.Network.DZ != dz || c.Network.NumParams() != len(c.Params) {
		return fmt.Errorf("a network of %d + %d inputs and %d parameters, where the maps make %d + %d inputs and there are %d parameters: %w",
			c.Network.DX, c.Network.DZ, c.Network.NumParams(), dx, dz, len(c.Params), backend.ErrShape)
	}
	for i, v := range c.Params {
		if !finite(float64(v)) {
			return fmt.Errorf("parameter %d is %v: %w", i, v, ErrNonFinite)
		}
	}
	return nil
}

// checkReference reports a critic in closed form that is not one of dx and dz inputs.
func checkReference(c *gaussian.Critic, dx, dz int) error {
	for _, side := range []struct {
		of     gaussian.Projection
		inputs int
	}{{c.X, dx}, {c.Z, dz}} {
		rows, cols := side.of.W.Dims()
		if rows != side.inputs || cols != len(c.Rho) || len(side.of.Mean) != side.inputs {
			return fmt.Errorf("a projection of shape [%d, %d] and %d means, for %d inputs and %d correlations: %w",
				rows, cols, len(side.of.Mean), side.inputs, len(c.Rho), backend.ErrShape)
		}
		for _, v := range slices.Concat(side.of.W.RawMatrix().Data, side.of.Mean) {
			if !finite(v) {
				return fmt.Errorf("its projections have the number %v: %w", v, ErrNonFinite)
			}
		}
	}
	for k, r := range c.Rho {
		if !(r >= 0 && r < 1) {
			return fmt.Errorf("its correlation %d is %v, want 0 or more, less than 1", k, r)
		}
	}
	if !finite(c.Least) {
		return fmt.Errorf("its least score is %v: %w", c.Least, ErrNonFinite)
	}
	return nil
}
