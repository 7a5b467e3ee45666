package backend

import (
	"fmt"
	"math"

	"gomine/mine/objective"
)

// MaxHidden is the largest number of hidden layers.
const MaxHidden = 4

// MaxWidth is the largest width of a hidden layer.
const MaxWidth = 1 << 16

// Activation is the non-linearity of the hidden layers.
type Activation uint8

const (
	Softplus Activation = iota // log(1 + e^a)
	ELU                        // a for a > 0, e^a - 1 otherwise
	ReLU                       // max(a, 0)
)

var activationNames = []string{"softplus", "elu", "relu"}

func (a Activation) String() string                { return nameOf(activationNames, int(a)) }
func (a Activation) MarshalText() ([]byte, error)  { return marshalName(activationNames, int(a)) }
func (a *Activation) UnmarshalText(b []byte) error { return unmarshalName(activationNames, b, a) }

// Activations lists all of them.
func Activations() []Activation { return []Activation{Softplus, ELU, ReLU} }

func nameOf(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("unknown(%d)", i)
}

func marshalName(names []string, i int) ([]byte, error) {
	if i >= len(names) {
		return nil, fmt.Errorf("backend: unknown value %d, want one of %v", i, names)
	}
	return []byte(names[i]), nil
}

func unmarshalName[E ~uint8](names []string, text []byte, dst *E) error {
	for i, name := range names {
		if name == string(text) {
			*dst = E(i)
			return nil
		}
	}
	return fmt.Errorf("backend: unknown name %q, want one of %v", text, names)
}

// Network is the shape of a critic.
type Network struct {
	DX, DZ     int   // columns of x and z
	Hidden     []int // widths of the hidden layers, 1 to MaxHidden of them
	Activation Activation
}

// BlockKind is what a parameter array does in a network or perceptron.
type BlockKind uint8

const (
	WeightsX     BlockKind = iota // Wx, from the columns of x to layer 1
	WeightsZ                      // Wz, from the columns of z to layer 1
	Weights                       // Wk, from the layer below to layer k
	Bias                          // bk of layer k
	OutputWeight                  // w, from the last hidden layer of a critic to its score
	OutputBias                    // c of a critic's score
)

// Block is one parameter array, row-major [Rows, Cols], at Params[Offset:].
type Block struct {
	Kind       BlockKind
	Layer      int // k of Wk and bk; 1 of Wx, Wz; that of the score of w and c
	Rows, Cols int
	Offset     int
}

// Name is how formulas call the block: Wx, Wz, W2, b1, w, c.
func (b Block) Name() string {
	switch b.Kind {
	case WeightsX:
		return "Wx"
	case WeightsZ:
		return "Wz"
	case Weights:
		return fmt.Sprintf("W%d", b.Layer)
	case Bias:
		return fmt.Sprintf("b%d", b.Layer)
	case OutputWeight:
		return "w"
	}
	return "c"
}

// Len returns the number of parameters.
func (b Block) Len() int { return b.Rows * b.Cols }

// Decays reports whether weight decay applies: to the matrices, w among them, not
// to the biases.
func (b Block) Decays() bool { return b.Kind != Bias && b.Kind != OutputBias }

// Blocks returns the layout of the parameters, without gaps: Wx [dx, H1],
// Wz [dz, H1], b1 [1, H1], then for k = 2..L Wk [H(k-1), Hk] and bk [1, Hk],
// then w [HL, 1] and c [1, 1].
func (n Network) Blocks() []Block {
	var blocks []Block
	offset := 0
	add := func(kind BlockKind, layer, rows, cols int) {
		blocks = append(blocks, Block{kind, layer, rows, cols, offset})
		offset += rows * cols
	}
	last := n.Hidden[0]
	add(WeightsX, 1, n.DX, last)
	add(WeightsZ, 1, n.DZ, last)
	add(Bias, 1, 1, last)
	for i, width := range n.Hidden[1:] {
		add(Weights, i+2, last, width)
		add(Bias, i+2, 1, width)
		last = width
	}
	add(OutputWeight, len(n.Hidden)+1, last, 1)
	add(OutputBias, len(n.Hidden)+1, 1, 1)
	return blocks
}

// NumParams returns the number of parameters.
func (n Network) NumParams() int {
	blocks := n.Blocks()
	last := blocks[len(blocks)-1]
	return last.Offset + last.Len()
}

// Validate reports whether the shape is one that every backend can run; the
// error wraps ErrShape.
func (n Network) Validate() error {
	if n.DX < 1 || n.DZ < 1 {
		return fmt.Errorf("network with %d and %d inputs: %w", n.DX, n.DZ, ErrShape)
	}
	if len(n.Hidden) < 1 || len(n.Hidden) > MaxHidden {
		return fmt.Errorf("network with %d hidden layers, want 1 to %d: %w", len(n.Hidden), MaxHidden, ErrShape)
	}
	for _, width := range n.Hidden {
		if width < 1 || width > MaxWidth {
			return fmt.Errorf("hidden layer of width %d, want 1 to %d: %w", width, MaxWidth, ErrShape)
		}
	}
	if int(n.Activation) >= len(activationNames) {
		return fmt.Errorf("activation %v: %w", n.Activation, ErrShape)
	}
	return nil
}

// Adam holds the constants of the optimiser (Kingma and Ba 2015) with
// decoupled weight decay (Loshchilov and Hutter 2019). With gradient g of the
// objective to ascend, rate r and s = 1, 2, .. the step,
//
//	m <- Beta1 m + (1 - Beta1) g;  v <- Beta2 v + (1 - Beta2) g^2
//	p <- p (1 - r WeightDecay) + r (m/(1-Beta1^s)) / (sqrt(v/(1-Beta2^s)) + Epsilon)
//
// The decay applies to the matrices Wx, Wz, Wk and w, not to the biases.
type Adam struct {
	Beta1, Beta2, Epsilon, WeightDecay float64
}

// Spec is everything but the data that a training run depends on.
type Spec struct {
	Network   Network
	Objective objective.Objective
	Batch     int     // B, at least 2
	Marginals int     // K, marginal pairs a joint row: 1 to the smaller of B-1 and MaxMarginals
	ClipNorm  float64 // the longest gradient, by its Euclidean norm; +Inf for any
	Adam      Adam
	Seed      uint64
}

// Clips reports whether gradients are clipped: with g the gradient and n its norm,
// g min(1, ClipNorm/n) goes into Adam. A gradient that is not finite stays so.
func (s Spec) Clips() bool { return !math.IsInf(s.ClipNorm, 1) }

// Validate reports whether the spec makes sense for n training rows; the error
// wraps ErrShape.
func (s Spec) Validate(n int) error {
	if err := s.Network.Validate(); err != nil {
		return err
	}
	if err := s.Objective.Validate(); err != nil {
		return fmt.Errorf("%w: %w", err, ErrShape)
	}
	if s.Batch < 2 {
		return fmt.Errorf("batch of %d rows, want at least 2: %w", s.Batch, ErrShape)
	}
	if s.Batch > n {
		return fmt.Errorf("batch of %d rows, only %d training rows: %w", s.Batch, n, ErrShape)
	}
	if n > math.MaxInt32 {
		return fmt.Errorf("%d training rows, at most 2^31-1: %w", n, ErrShape)
	}
	if most := min(s.Batch-1, MaxMarginals); s.Marginals < 1 || s.Marginals > most {
		return fmt.Errorf("%d marginal pairs a row, want 1 to %d in batches of %d: %w", s.Marginals, most, s.Batch, ErrShape)
	}
	if !(s.ClipNorm > 0) {
		return fmt.Errorf("gradients clipped to a norm of %v, want more than 0: %w", s.ClipNorm, ErrShape)
	}
	return s.Adam.validate()
}

func (a Adam) validate() error {
	if !(a.Beta1 >= 0 && a.Beta1 < 1 && a.Beta2 >= 0 && a.Beta2 < 1 && a.Epsilon > 0 && a.WeightDecay >= 0) {
		return fmt.Errorf("adam constants %+v: %w", a, ErrShape)
	}
	return nil
}
