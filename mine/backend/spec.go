package backend

import (
	"fmt"
	"math"
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

// Objective is the quantity that training ascends. J are the joint scores, M
// the marginal ones, both of a batch of B; LME(M) is log mean exp(M).
//
//	objective  value V                              a_i = dV/dJ_i   b_i = -dV/dM_i
//	DV         mean J - LME(M)                      1/B             softmax(M)_i
//	MINE       as DV                                1/B             exp(M_i - log ema)/B
//	NWJ        mean J - mean exp(M - 1)             1/B             exp(M_i - 1)/B
//	JS         -mean sp(-J) - mean sp(M)            sigma(-J_i)/B   sigma(M_i)/B
//
// with sp softplus and sigma its derivative. MINE replaces DV's gradient by
// one whose denominator is an exponential moving average of mean exp(M) over
// the steps, kept as a logarithm: log ema <- logaddexp(log(1-alpha) + log ema,
// log(alpha) + LME(M)) before it is used, and log ema = LME(M) at step 0.
//
// DV: Donsker and Varadhan 1983. MINE, and NWJ as MINE-f: Belghazi et al.
// 2018, sections 3.1 and 3.2. NWJ: Nguyen, Wainwright and Jordan 2010. JS:
// Nowozin, Cseke and Tomioka 2016; its optimum is log p(x,z)/p(x)p(z), so DV
// and NWJ evaluated at the critic it trains are valid bounds.
type Objective uint8

const (
	DV Objective = iota
	MINE
	NWJ
	JS
)

var objectiveNames = []string{"dv", "mine", "nwj", "js"}

func (o Objective) String() string                { return nameOf(objectiveNames, int(o)) }
func (o Objective) MarshalText() ([]byte, error)  { return marshalName(objectiveNames, int(o)) }
func (o *Objective) UnmarshalText(b []byte) error { return unmarshalName(objectiveNames, b, o) }

// Objectives lists all of them.
func Objectives() []Objective { return []Objective{DV, MINE, NWJ, JS} }

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

// Block is one parameter array, row-major [Rows, Cols], at Params[Offset:].
type Block struct {
	Name       string
	Rows, Cols int
	Offset     int
}

// Len returns the number of parameters.
func (b Block) Len() int { return b.Rows * b.Cols }

// Blocks returns the layout of the parameters, without gaps: Wx [dx, H1],
// Wz [dz, H1], b1 [1, H1], then for k = 2..L Wk [H(k-1), Hk] and bk [1, Hk],
// then w [HL, 1] and c [1, 1].
func (n Network) Blocks() []Block {
	var blocks []Block
	offset := 0
	add := func(name string, rows, cols int) {
		blocks = append(blocks, Block{name, rows, cols, offset})
		offset += rows * cols
	}
	last := n.Hidden[0]
	add("Wx", n.DX, last)
	add("Wz", n.DZ, last)
	add("b1", 1, last)
	for k, width := range n.Hidden[1:] {
		add(fmt.Sprintf("W%d", k+2), last, width)
		add(fmt.Sprintf("b%d", k+2), 1, width)
		last = width
	}
	add("w", last, 1)
	add("c", 1, 1)
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
	Objective Objective
	EMARate   float64 // alpha of MINE, in (0, 1]; ignored by the others
	Batch     int     // B, at least 2
	Adam      Adam
	Seed      uint64
}

// Validate reports whether a backend can run the spec on a training range of
// n rows; the error wraps ErrShape.
func (s Spec) Validate(n int) error {
	if err := s.Network.Validate(); err != nil {
		return err
	}
	if int(s.Objective) >= len(objectiveNames) {
		return fmt.Errorf("objective %v: %w", s.Objective, ErrShape)
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
	if s.Objective == MINE && !(s.EMARate > 0 && s.EMARate <= 1) {
		return fmt.Errorf("moving average rate %v, want (0, 1]: %w", s.EMARate, ErrShape)
	}
	return s.Adam.validate()
}

func (a Adam) validate() error {
	if !(a.Beta1 >= 0 && a.Beta1 < 1 && a.Beta2 >= 0 && a.Beta2 < 1 && a.Epsilon > 0 && a.WeightDecay >= 0) {
		return fmt.Errorf("adam constants %+v: %w", a, ErrShape)
	}
	return nil
}
